"""Boundaries of Howard et al. against their authors' package, and as roots of the mixtures they come from."""

import json
from pathlib import Path

import numpy as np
import pytest
from cases import together

from causalbandit.sequences.boundaries import (
    find_root,
    gamma_exponential_mixture,
    log_beta_binomial_mixture,
    log_gamma_exponential_mixture,
    log_normal_mixture,
    normal_mixture,
    polynomial_stitching,
)

REFERENCE = json.loads((Path(__file__).parents[1] / "data" / "boundaries_reference.json").read_text())["cases"]

CALLS = {
    "normal_mixture_bound": lambda c: normal_mixture(
        c["v"], c["alpha"], c["v_opt"], alpha_opt=c["alpha_opt"], one_sided=c["is_one_sided"]
    ),
    "gamma_exponential_mixture_bound": lambda c: gamma_exponential_mixture(
        c["v"], c["alpha"], c["v_opt"], c["c"], alpha_opt=c["alpha_opt"]
    ),
    "gamma_exponential_log_mixture": lambda c: log_gamma_exponential_mixture(
        c["s"], c["v"], c["v_opt"], c["c"], c["alpha_opt"]
    ),
    "normal_log_mixture": lambda c: log_normal_mixture(c["s"], c["v"], c["v_opt"], c["alpha_opt"], c["is_one_sided"]),
    "poly_stitching_bound": lambda c: polynomial_stitching(
        c["v"], c["alpha"], c["v_min"], c=c["c"], s=c["s"], eta=c["eta"]
    ),
}


@together("name", CALLS)
def test_boundaries_equal_the_reference(name):
    tolerance = 1e-7 if name.startswith("gamma") else 1e-9
    for case in REFERENCE[name]:
        assert CALLS[name](case) == pytest.approx(case["value"], rel=tolerance), case


def test_a_path_equals_its_points():
    v = np.geomspace(0.1, 1e5, 40)
    for call in (
        lambda v: normal_mixture(v, 0.05, 100.0),
        lambda v: normal_mixture(v, 0.05, 100.0, one_sided=True),
        lambda v: gamma_exponential_mixture(v, 0.05, 100.0, 2.0),
        lambda v: polynomial_stitching(v, 0.05, 10.0, c=1.0),
    ):
        path = call(v)
        assert path.shape == v.shape
        np.testing.assert_allclose(path, [call(float(one)) for one in v], rtol=1e-12)
        assert (np.diff(path) >= 0).all()
        assert isinstance(call(1.0), float)


def test_roots_lie_on_the_level_of_the_mixture_far_out_too():
    v = np.array([1e-3, 1.0, 1e3, 1e6, 1e9])
    s = gamma_exponential_mixture(v, 0.01, 500.0, 0.5)
    np.testing.assert_allclose(log_gamma_exponential_mixture(s, v, 500.0, 0.5), -np.log(0.01), rtol=1e-6)
    s = normal_mixture(v, 0.01, 500.0, one_sided=True)
    np.testing.assert_allclose(log_normal_mixture(s, v, 500.0, one_sided=True), -np.log(0.01), rtol=1e-9)


def test_the_beta_binomial_mixture_is_at_its_level_on_the_reference_boundary():
    cases = [case for case in REFERENCE["beta_binomial_mixture_bound"] if not case["is_one_sided"]]
    cases = [case for case in cases if case["value"] < case["v"] / case["g"]]  # else no sum is unlikely enough
    assert len(cases) == 9
    for c in cases:
        found = log_beta_binomial_mixture(c["value"], c["v"], c["v_opt"], c["g"], c["h"], c["alpha_opt"])
        assert found == pytest.approx(-np.log(c["alpha"]), rel=1e-7), c


def test_find_root_solves_many_problems_in_few_evaluations():
    powers = np.arange(1, 50)
    evaluated = np.zeros(len(powers), dtype=int)

    def function(x, at):
        evaluated[at] += 1
        return x ** powers[at] - 0.5

    roots = find_root(function, np.zeros(49), np.ones(49))
    np.testing.assert_allclose(roots, 0.5 ** (1 / powers), rtol=1e-13)
    assert evaluated.mean() < 25


@together(
    ("call", "words"),
    [
        (lambda: normal_mixture(1.0, 1.5, 10.0), "alpha was 1.5"),
        (lambda: normal_mixture(-1.0, 0.05, 10.0), "v holds -1"),
        (lambda: normal_mixture(1.0, 0.05, 0.0), "v_opt was 0; .* above 0"),
        (lambda: gamma_exponential_mixture(1.0, 0.05, 10.0, 0.0), "c was 0; .* above 0"),
        (lambda: polynomial_stitching(1.0, 0.05, 10.0, s=1.0), "s was 1; .* above 1"),
    ],
)
def test_bad_tuning_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
