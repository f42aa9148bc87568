"""The asymptotic confidence sequence's radius against numbers of pyssed 0.2.0."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from cases import together

from causalbandit.sequences.asymptotic import asymptotic_radius, asymptotic_rho

REFERENCE = json.loads((Path(__file__).parents[1] / "data" / "mad_pyssed_0_2_0.json").read_text())


@together("case", REFERENCE["cs_radius"])
def test_radius_equals_pyssed(case: dict) -> None:
    alpha = case["alpha"] / (case["n_arms"] if case["mc_adjust"] else 1)
    variance_sum = float(np.sum(case["var"]))
    radius = asymptotic_radius(variance_sum, case["t"], alpha, case["t_star"])
    assert radius == pytest.approx(case["radius"], rel=1e-9)
    batch = asymptotic_radius(np.array([variance_sum, 0.0]), np.array([case["t"], 1]), alpha, case["t_star"])
    assert batch[0] == pytest.approx(radius, rel=1e-13)


def test_no_score_gives_an_infinite_radius() -> None:
    assert asymptotic_radius(0.0, 0, 0.05, 100) == math.inf
    assert asymptotic_radius(np.zeros(2), np.array([0, 1]), 0.05, 100)[0] == math.inf


@together("alpha", [0.0, 1.0, -0.1, math.nan])
def test_alpha_outside_the_unit_interval_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha was"):
        asymptotic_rho(alpha, 100)


@together("t_star", [0, 0.5, -3, math.nan, math.inf])
def test_t_star_below_one_is_refused(t_star: float) -> None:
    with pytest.raises(ValueError, match="t_star was"):
        asymptotic_rho(0.05, t_star)
