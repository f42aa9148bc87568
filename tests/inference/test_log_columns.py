"""Columns of a log: roles that exclude each other, names that are not there, arms that the columns tell."""

import numpy as np
import pandas as pd
import pytest
from cases import together
from click.testing import CliRunner
from small_logs import COLUMNS, small_frame

import causalbandit as cb
from causalbandit.cli import main
from causalbandit.inference.log import AdaptiveLog
from causalbandit.inference.log_columns import LogColumns

ROLES = {"arm": "arm", "outcome": "y", "propensity": "p", "time": "t"}


def test_a_column_that_is_there_twice_is_refused():
    frame = small_frame()
    with pytest.raises(ValueError, match="names 'p_red', but the table has 2 such columns"):
        AdaptiveLog.from_frame(pd.concat([frame, frame[["p_red"]]], axis=1), **COLUMNS)


def test_a_list_of_propensity_columns_names_the_arms_by_what_follows_the_prefix():
    log = AdaptiveLog.from_frame(small_frame(), **{**COLUMNS, "propensity": ["p_red", "p_blue"]})
    assert log.names == ("red", "blue")


def test_unknown_and_missing_keywords_are_named():
    with pytest.raises(TypeError, match="unexpected keyword argument 'outcomes'"):
        AdaptiveLog.from_csv("log.csv", outcomes="sale", **COLUMNS)
    with pytest.raises(TypeError, match=r"missing .* 'propensity'"):
        AdaptiveLog.from_frame(small_frame(), arm="arm", outcome="sale", ordered=True)
    with pytest.raises(TypeError, match="frame was a dict; expected a"):
        AdaptiveLog.from_frame({}, **COLUMNS)


def test_columns_named_once_serve_for_several_tables():
    columns = LogColumns(**COLUMNS, contexts="age")
    for seed in (0, 1):
        log = AdaptiveLog.from_frame(small_frame(seed=seed), columns)
        assert log.context_names == ("age",)
    assert columns.all == ("arm", "sale", "p_red", "p_blue", "age", "day")


def role_frame(n=12):
    return pd.DataFrame(
        {"t": np.arange(n), "arm": ["a", "b"] * (n // 2), "y": np.arange(n) % 3, "p": 0.5, "q": 0.5, "x": np.arange(n)}
    )


@together(
    ("changed", "words"),
    [
        ({"contexts": ["y"]}, "contexts name 'y', which is the outcome too"),
        ({"contexts": ["x", "arm"]}, "contexts name 'arm', which is the arm too"),
        ({"contexts": "p"}, "contexts name 'p', which is the propensity too"),
        ({"propensity": {"a": "p", "b": "q"}, "contexts": ["q"]}, "contexts name 'q', which is the propensity too"),
        ({"contexts": ["x", "x"]}, "contexts names 'x' twice"),
        ({"outcome": "p"}, "propensity was 'p', which is the outcome too"),
        ({"outcome": "arm"}, "outcome was 'arm', which is the arm too"),
        ({"propensity": ["arm", "p"], "arms": ["a", "b"]}, "propensity was 'arm', which is the arm too"),
        ({"time": "y"}, "time was 'y', which is the outcome too"),
        ({"batch": "arm"}, "batch was 'arm', which is the arm too"),
    ],
)
def test_a_column_in_two_roles_is_refused_with_both(changed, words):
    with pytest.raises(ValueError, match=words):
        AdaptiveLog.from_frame(role_frame(), **{**ROLES, **changed})


def test_time_and_batch_may_be_one_column_and_a_context():
    log = AdaptiveLog.from_frame(role_frame(), **ROLES, batch="t", contexts=["t"])
    assert log.context_names == ("t",)


def test_the_command_and_the_mixture_design_refuse_roles_that_collide(tmp_path):
    with pytest.raises(ValueError, match="contexts name 'y', which is the outcome too"):
        cb.mad_from_log(role_frame(), arm="arm", outcome="y", propensity="p", control="a", covariates=["y"])
    role_frame().to_csv(tmp_path / "log.csv", index=False)
    named = f"ate {tmp_path / 'log.csv'} --arm arm --outcome y --propensity p --method mad --contexts y"
    done = CliRunner().invoke(main, named.split())
    assert done.exit_code == 2
    assert "--contexts name 'y', which is the outcome too" in done.output
