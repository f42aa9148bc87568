"""Frames of estimates keep what qualifies them, and become text, HTML and figures."""

import pickle
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from cases import together

from causalbandit.inference.estimates import (
    Estimates,
    estimate_frame,
    frame_notes,
    plot_estimates,
    summary_html,
    summary_text,
)

pytestmark = pytest.mark.usefixtures("without_display")


@pytest.fixture
def frame():
    columns = {
        "arm": ["b", "c"],
        "reference": ["a", "a"],
        "estimate": [0.5, np.nan],
        "lower": [0.25, -np.inf],
        "upper": [0.75, np.inf],
        "insufficient_data": [False, True],
        "warning": ["", "never taken"],
    }
    return estimate_frame(columns, title="Contrasts", alpha=0.1, notes=["One look."])


def test_text_names_level_rows_warnings_and_notes(frame):
    lines = summary_text(frame).splitlines()
    assert lines[0] == "Contrasts (90% intervals)"
    assert lines[1].split() == ["arm", "reference", "estimate", "lower", "upper", "insufficient_data"]
    assert lines[-2:] == ["! c: never taken", "- One look."]
    assert "insufficient_data" not in summary_text(frame.iloc[:1])  # a column that says nothing is not shown


def test_html_is_escaped(frame):
    frame.attrs["notes"] = ("a < b",)
    assert "<li>a &lt; b</li>" in summary_html(frame)


@together(
    "copied",
    [lambda f: f.copy(), lambda f: f[f["arm"] == "b"], lambda f: pickle.loads(pickle.dumps(f)), lambda f: f.head(1)],
)
def test_copies_slices_and_pickles_keep_level_and_notes(frame, copied):
    same = copied(frame)
    assert type(same) is pd.DataFrame
    assert same.attrs == {"title": "Contrasts", "alpha": 0.1, "notes": ("One look.",)}


def test_frames_are_written_compared_and_joined_as_any_other(frame):
    back = pd.read_csv(StringIO(frame.to_csv(index=False)), keep_default_na=False, na_values={"estimate": [""]})
    pd.testing.assert_frame_equal(back, frame)
    both = pd.concat([frame, frame])
    assert both.attrs == frame.attrs
    other = estimate_frame({"arm": ["b"], "estimate": [1.0]}, title="Values", alpha=0.1)
    assert len(pd.concat([frame, other])) == 3
    assert frame_notes(other) == ()


def test_a_bare_frame_has_text_too():
    assert summary_text(pd.DataFrame({"arm": ["a"], "estimate": [1.0]})).startswith("Estimates\n")


def test_the_figure_states_the_level(frame):
    assert plot_estimates(frame).get_xlabel() == "difference, with 90% interval"
    assert plot_estimates(frame.assign(n=1).iloc[:1]).get_xlabel().endswith("90% interval")
    frame.attrs.clear()
    assert plot_estimates(frame).get_xlabel() == "difference, with interval"


@together("name", ["a", "lung=0, bronc=0", "a very long name of a page in a shop of the north", "b" * 70])
@together("kind", ["values", "contrasts"])
def test_tables_fit_80_columns_and_say_what_they_leave_out(name, kind):
    together = Estimates(
        (name, f"not {name}"), np.array([0.1234567, -1e-7]), np.array([0.1, 123456.7]), np.eye(2), np.ones(2)
    )
    frame = together.values(0.05) if kind == "values" else together.contrasts(name, 0.05, rng=np.random.default_rng(0))
    lines = summary_text(frame).splitlines()
    table = lines[1 : len(frame) + 2]
    assert max(map(len, table)) <= 80
    for column in set(frame.columns) - {"warning", "insufficient_data"}:
        assert column in table[0] or column in lines[len(frame) + 2]
