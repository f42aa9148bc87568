"""Settings: what is out of range is refused by name."""

from typing import Any

import pytest
from cases import together

import causalbandit as cb
from causalbandit.designs.mad import MixtureAdaptiveDesign


@together(
    ("settings", "message"),
    [
        ({"alpha": 0.0}, "alpha was 0.0"),
        ({"alpha": 1.2}, "alpha was 1.2"),
        ({"t_star": 0}, "t_star was 0"),
        ({"control": 5}, r"control was 5; the arms are 0, 1"),
        ({"arms": ["a"]}, "must agree"),
        ({"arms": ["a", "a"]}, "arms names 'a' twice"),
        ({"n_arms": 3}, "must agree"),
        ({"multiplicity": "holm"}, "multiplicity was 'holm'"),
        ({"delta": "quick"}, "delta was 'quick'"),
        ({"decay": "linear"}, "decay was 'linear'"),
        ({"precision": 1.0}, "precision was 1;"),
        ({"estimand": "populaton"}, "Did you mean 'population'"),
        ({"outcome_model": "splitt"}, "Did you mean 'split'"),
        ({"n_warmup": 5}, "without an outcome_model"),
        ({"n_warmup": -1, "outcome_model": "mean"}, "n_warmup was -1"),
        ({"covariates": ["x"]}, "covariates need an outcome model"),
        ({"covariates": ["x", "x"], "outcome_model": "split"}, "covariates names 'x' twice"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MixtureAdaptiveDesign(cb.BetaBernoulliThompson(2), **settings)


def test_other_wrong_settings() -> None:
    with pytest.raises(ValueError, match="only one arm"):
        MixtureAdaptiveDesign(cb.BetaBernoulliThompson(1))
    with pytest.raises(TypeError, match=r"probabilities\(\) and update"):
        MixtureAdaptiveDesign(object())
    with pytest.raises(TypeError, match="the class UCB"):
        MixtureAdaptiveDesign(cb.UCB)
    with pytest.raises(ValueError, match="t_star was '100'"):
        MixtureAdaptiveDesign(cb.UCB(2), t_star="100")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="model_options"):
        MixtureAdaptiveDesign(cb.UCB(2), outcome_model="split", model_options={"lasso": 1})
    design = MixtureAdaptiveDesign(cb.UCB(2), delta=lambda t: t**-0.25, rng=0)
    design.assign()
    with pytest.raises(ValueError, match=r"delta\(2\) was 0\.84"):
        design.assign()
    assert design.n_assigned == 1
