"""Mixing sequences and the shift of power, against pyssed 0.2.0."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import together
from mad_replays import Recorded

from causalbandit.designs.mad import MixtureAdaptiveDesign
from causalbandit.designs.mixing import (
    PowerDecay,
    decay_function,
    drawn_arm,
    mix,
    mixing_sequence,
    mixing_share,
    rebalance,
)

REFERENCE = json.loads((Path(__file__).parents[1] / "data" / "mad_pyssed_0_2_0.json").read_text())


def test_rebalancing_equals_pyssed() -> None:
    for case in REFERENCE["weighted_probs"]:
        np.testing.assert_allclose(
            rebalance(np.array(case["probs"]), np.array(case["weights"])), case["out"], rtol=1e-9
        )
    probs = np.array([case["probs"] for case in REFERENCE["weighted_probs"] if len(case["probs"]) == 3])
    weights = np.array([case["weights"] for case in REFERENCE["weighted_probs"] if len(case["probs"]) == 3])
    np.testing.assert_array_equal(rebalance(probs, weights)[0], rebalance(probs[0], weights[0]))


def test_the_shrinkage_check_refuses_what_pyssed_refuses_and_names_round_and_value() -> None:
    for case in REFERENCE["check_shrinkage_rate"]:
        if case["ok"] and 0.0 < case["delta_t"] <= 1.0:  # pyssed lets δ_1 be 0 (a propensity of 0) and above 1
            assert mixing_share(lambda t, case=case: case["delta_t"], case["t"]) == case["delta_t"]
        else:
            with pytest.raises(ValueError, match=rf"delta\({case['t']}\) was {case['delta_t']}"):
                mixing_share(lambda t, case=case: case["delta_t"], case["t"])


@together("value", [0.0, 1.0001, -1.0, float("nan")])
def test_shares_outside_the_unit_interval_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match=r"delta\(1\) was"):
        mixing_share(lambda t: value, 1)


def test_named_sequences() -> None:
    assert mixing_sequence("uniform")(1000) == 1.0
    assert mixing_sequence("fast")(100) == pytest.approx(100**-0.24)
    assert mix(1.0, 0.3, 5) == 0.2
    with pytest.raises(ValueError, match="Did you mean 'uniform'"):
        mixing_sequence("uniforms")
    with pytest.raises(TypeError, match="function of the round"):
        mixing_sequence(0.2)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="exponent was"):
        PowerDecay(0.25)
    with pytest.raises(ValueError, match="inverse-sqrt"):
        decay_function("sqrt")


def test_a_draw_at_the_very_end_takes_the_last_arm() -> None:
    # Ten times 0.1 sums to 1 − 1e-16; a draw above that must not fall through to the first arm.
    assert [drawn_arm(u, [0.1] * 10) for u in (0.0, 0.0999, 0.1, 1.0 - 2.0**-53)] == [0, 0, 1, 9]


@together(
    "wrong", ["ab", None, 0.5, [0.5, math.nan], [-0.1, 1.1], [0.5, 0.6], [1.0], [math.inf, 0.0], {0: 0.5, 2: 0.5}]
)
def test_wrong_policy_probabilities_name_the_policy(wrong: Any) -> None:
    class Faulty(Recorded):
        def probabilities(self) -> Any:
            return wrong

    design = MixtureAdaptiveDesign(Faulty(2), rng=0)
    with pytest.raises(ValueError, match=r"Faulty\.probabilities\(\)"):
        design.assign()
    assert design.n_assigned == 0


def test_policies_may_answer_by_arm_name() -> None:
    class Named(Recorded):
        def probabilities(self) -> Any:
            return {"blue": 0.25, "red": 0.75}

    design = MixtureAdaptiveDesign(
        Named(2), arms=["red", "blue"], control="red", delta=lambda t: 0.9 if t > 1 else 1.0, rng=0
    )
    design.assign()
    design.assign()
    assert design.propensity_path()["probability"].tolist()[2:] == pytest.approx([0.525, 0.475])


def test_arms_named_by_numbers_are_looked_up_by_name() -> None:
    class Swapped(Recorded):
        def probabilities(self) -> Any:
            return {1: 0.8, 0: 0.2}

    design = MixtureAdaptiveDesign(Swapped(2), arms=[1, 0], delta=lambda t: 0.9, rng=0)
    design.assign()
    assert design.propensity_path()["probability"].tolist() == pytest.approx([0.53, 0.47])
