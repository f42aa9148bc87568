"""Columns and arguments of the wrong kind are refused before anything is computed, with what was given."""

import datetime

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import causalbandit as cb
from causalbandit.cli import main
from causalbandit.inference.log import AdaptiveLog


def small_frame(n=12):
    return pd.DataFrame(
        {"t": np.arange(n), "arm": ["a", "b"] * (n // 2), "y": np.arange(n) % 3, "p": 0.5, "q": 0.5, "x": np.arange(n)}
    )


COLUMNS = {"arm": "arm", "outcome": "y", "propensity": "p", "time": "t"}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"contexts": ["y"]}, "'y' is named both as the outcome and as a context"),
        ({"contexts": ["x", "arm"]}, "'arm' is named both as the arm and as a context"),
        ({"contexts": "p"}, "'p' is named both as a propensity and as a context"),
        ({"propensity": {"a": "p", "b": "q"}, "contexts": ["q"]}, "'q' is named both as a propensity and as a context"),
        ({"contexts": ["x", "x"]}, "'x' is named twice as a context"),
        ({"outcome": "p"}, "'p' is named both as the outcome and as a propensity"),
        ({"outcome": "arm"}, "'arm' is named both as the arm and as the outcome"),
        ({"propensity": ["arm", "p"], "arms": ["a", "b"]}, "'arm' is named both as the arm and as a propensity"),
        ({"time": "y"}, "'y' is named both as the outcome and as the time"),
        ({"batch": "arm"}, "'arm' is named both as the arm and as the batch"),
    ],
)
def test_a_column_in_two_roles_is_refused_with_both(changed, words):
    with pytest.raises(ValueError, match=words):
        AdaptiveLog.from_frame(small_frame(), **{**COLUMNS, **changed})


def test_a_list_where_a_column_is_expected_is_named():
    with pytest.raises(TypeError, match=r"\['x'\] is a list; expected the name of a column"):
        AdaptiveLog.from_frame(small_frame(), **COLUMNS, contexts=[["x"]])


def test_time_and_batch_may_be_one_column_and_a_context():
    log = AdaptiveLog.from_frame(small_frame(), **COLUMNS, batch="t", contexts=["t"])
    assert log.context_names == ("t",)


def test_the_command_and_the_mixture_design_refuse_roles_that_collide(tmp_path):
    with pytest.raises(ValueError, match="'y' is named both as the outcome and as a context"):
        cb.mad_from_log(small_frame(), arm="arm", outcome="y", propensity="p", control="a", covariates=["y"])
    small_frame().to_csv(tmp_path / "log.csv", index=False)
    named = f"ate {tmp_path / 'log.csv'} --arm arm --outcome y --propensity p --method mad --contexts y"
    done = CliRunner().invoke(main, named.split())
    assert done.exit_code == 2
    assert "'y' is named both as the outcome and as a context (covariate)" in done.output


DAYS = pd.Series(pd.date_range("2024-01-01", periods=12))
NOT_NUMBERS = {
    "dates": DAYS,
    "durations": DAYS - DAYS[0],
    "complex numbers": pd.Series(np.arange(12) * 1j),
    "dates, with a zone": DAYS.dt.tz_localize("UTC"),
    "dates, as objects": DAYS.dt.date,
    "durations, as objects": pd.Series([datetime.timedelta(days=1)] * 12, dtype=object),
}


@pytest.mark.parametrize("kind", NOT_NUMBERS)
@pytest.mark.parametrize("column", ["y", "p", "x"])
def test_dates_and_durations_are_no_numbers(kind, column):
    frame = small_frame().assign(**{column: NOT_NUMBERS[kind]})
    with pytest.raises(TypeError, match=f"'{column}' holds {kind.split(',')[0]}; expected numbers. .* "):
        AdaptiveLog.from_frame(frame, **COLUMNS, contexts=["x"])


@pytest.mark.parametrize("source", ["frame", "parquet"])
def test_a_missing_duration_or_integer_is_a_missing_outcome(tmp_path, source):
    def read(frame):
        if source == "frame":
            return AdaptiveLog.from_frame(frame, **COLUMNS)
        pytest.importorskip("pyarrow")
        frame.to_parquet(tmp_path / "log.parquet", row_group_size=5)
        return AdaptiveLog.from_parquet(tmp_path / "log.parquet", **COLUMNS)

    for values in (DAYS, DAYS - DAYS[0], DAYS.dt.tz_localize("UTC"), pd.Series(range(12), dtype="Int64")):
        gone = values.copy()
        gone[7] = None
        with pytest.raises(ValueError, match=r"missing or infinite in 1 of 12 rows \(row 7\)"):
            read(small_frame().assign(y=gone))
    with pytest.raises(TypeError, match=r"'y' holds durations; expected numbers.*total_seconds"):
        read(small_frame().assign(y=DAYS - DAYS[0]))
    with pytest.raises(TypeError, match="'y' holds dates; expected numbers"):
        read(small_frame().assign(y=DAYS))


def test_arrays_of_dates_and_durations_are_no_numbers():
    lasting = np.arange(4).astype("timedelta64[s]")
    with pytest.raises(TypeError, match="outcomes holds durations; expected numbers"):
        AdaptiveLog([0, 1, 0, 1], lasting, np.full((4, 2), 0.5))
    with pytest.raises(ValueError, match=r"missing or infinite in 1 of 4 rows \(row 2\)"):
        AdaptiveLog([0, 1, 0, 1], np.where(np.arange(4) == 2, np.timedelta64("NaT"), lasting), np.full((4, 2), 0.5))
    with pytest.raises(TypeError, match="contexts holds dates; expected numbers"):
        AdaptiveLog([0, 1] * 2, [0, 1] * 2, np.full((4, 2), 0.5), contexts=DAYS[:4])
    with pytest.raises(TypeError, match="scores holds durations; expected numbers"):
        cb.arm_values(np.tile(lasting[:, None], 2), np.ones((4, 2)))


def test_time_stamps_of_mixed_types_are_refused():
    frame = small_frame().assign(t=[*range(6), *["2024-01-01"] * 6])
    with pytest.raises(TypeError, match="'t' are of mixed types"):
        AdaptiveLog.from_frame(frame, **COLUMNS)


@pytest.mark.parametrize("alpha", [None, "0.05", True, [0.05], 0, 1.5, float("nan")])
def test_an_alpha_that_is_no_error_rate_is_named(alpha):
    scores = np.arange(8.0).reshape(4, 2)
    for estimate in (cb.arm_values, lambda s, w, alpha: cb.arm_contrasts(s, w, 0, alpha)):
        with pytest.raises(ValueError, match=r"alpha was .*error rate between 0 and 1"):
            estimate(scores, np.ones((4, 2)), alpha)


def test_other_arguments_of_the_wrong_type_are_named():
    even = np.full((4, 2), 0.5)
    for decay in (None, "0.7", True):
        with pytest.raises(ValueError, match=f"floor_decay was {decay!r}; expected the exponent"):
            cb.adaptive_weights(even, "two-point", floor_decay=decay)
    for n_arms in ("2", 2.0, True):
        with pytest.raises(TypeError, match=f"n_arms was {n_arms!r}; expected the number of arms"):
            cb.aipw_scores([0, 1, 0, 1], [0, 1, 0, 1], [0.5] * 4, n_arms=n_arms)
    for names in (["a", "a"], [1, "1"]):
        for estimate in (cb.arm_values, cb.arm_contrasts):
            with pytest.raises(ValueError, match=f"Two arms are called {names[0]!r} and {names[1]!r}"):
                estimate(np.arange(8.0).reshape(4, 2), even, names=names)
