"""Covariates of one unit at a time: the same names throughout."""

import math
from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest

import causalbandit as cb
from causalbandit.designs.mad import MixtureAdaptiveDesign


def test_covariates_missing_renamed_added_midway_or_changed_are_refused() -> None:
    plain = MixtureAdaptiveDesign(cb.UCB(2), rng=0)
    plain.assign()
    with pytest.raises(ValueError, match="does not use any"):
        plain.assign({"x": 1.0})
    design = MixtureAdaptiveDesign(cb.UCB(2), outcome_model="split", rng=0)
    with pytest.raises(ValueError, match="covariates are missing"):
        design.assign()
    first = design.assign({"age": 30, "income": 2.0})
    for wrong, message in (
        ({"age": 30}, "this design uses 'age', 'income'"),
        ({"ages": 30, "income": 1.0}, "Did you mean 'age'"),
        ({"age": 30, "income": 1.0, "sex": 1}, "'sex'"),
        ([30, 1.0], "without names"),
        ({"age": 30, "income": math.nan}, "'income' = nan"),
    ):
        with pytest.raises(ValueError, match=message):
            design.assign(wrong)
    with pytest.raises(TypeError, match="'age' = 'thirty'"):
        design.assign({"age": "thirty", "income": 1.0})
    with pytest.raises(TypeError, match="expected a mapping"):
        design.assign(3.0)
    with pytest.raises(ValueError, match="do not change"):
        design.observe(first.id, 1.0, covariates={"age": 31, "income": 2.0})
    assert design.n_open == 1
    design.observe(first.id, 1.0, covariates={"income": 2.0, "age": 30})
    second = design.assign(pd.DataFrame({"income": [3.0], "age": [40]}))
    assert design._book.open[second.id].covariates == [40.0, 3.0]
    row = {"age": 50.0, "income": 5.0}
    third = design.assign(row)
    row["age"] = 99.0
    assert design._book.open[third.id].covariates == [50.0, 5.0]


def test_a_collinear_covariate_is_left_out_told_and_adjusts_no_less() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 2))
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "twice_a": 2 * x[:, 0]})
    told = "covariate twice_a is a combination of a and was left out"
    tables = {}
    for name, model in (("left out", "pooled"), ("mean", "mean")):
        design = MixtureAdaptiveDesign(cb.UCB(2), outcome_model=model, t_star=400, rng=0)
        rows = frame if model == "pooled" else None
        seen = iter(frame["a"])  # the same outcomes for both
        with pytest.warns(UserWarning, match=told) if model == "pooled" else nullcontext():
            design.run(lambda arm, row=None, seen=seen: next(seen) + arm, 400, covariates=rows, stop_early=False)
        tables[name] = design.estimates()
        assert (told in design.summary()) == (told in tables[name].attrs["notes"]) == (model == "pooled")
    widths = {name: float((table["upper"] - table["lower"]).iloc[0]) for name, table in tables.items()}
    assert widths["left out"] < 0.7 * widths["mean"]
