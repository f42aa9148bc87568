"""Saved designs and policies: they go on bit for bit, and damage is named."""

import copy
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cases import together
from mad_replays import Recorded, bernoulli

import causalbandit as cb
from causalbandit.designs.mad import MixtureAdaptiveDesign
from causalbandit.designs.mad_saving import policy_from_dict, policy_to_dict


@pytest.mark.parametrize("model", [None, "mean", "pooled", "split"])
def test_a_saved_design_continues_bit_for_bit(model: str | None, tmp_path: Path) -> None:
    def covariates() -> Any:
        return None if model in (None, "mean") else source.normal(size=2)

    def step(design: MixtureAdaptiveDesign, noise: np.random.Generator) -> None:
        assignment = design.assign(covariates())
        if noise.random() < 0.9:  # the others stay open
            design.observe(assignment.id, float(noise.random() < 0.3 + 0.3 * int(assignment.arm)))

    def make() -> MixtureAdaptiveDesign:
        return MixtureAdaptiveDesign(
            cb.PolicyFloor(cb.BetaBernoulliThompson(3), 0.1),
            outcome_model=model,
            decay="inverse-sqrt",
            estimand="population",
            variance="guarded",
            t_star=200,
            rng=5,
        )

    source = np.random.default_rng(0)
    whole, noise = make(), np.random.default_rng(1)
    for _ in range(300):
        step(whole, noise)
    source = np.random.default_rng(0)
    part, noise = make(), np.random.default_rng(1)
    for t in range(300):
        if t in (0, 7, 150):
            part.save(tmp_path / "design.json")
            part = MixtureAdaptiveDesign.load(tmp_path / "design.json")
        step(part, noise)
    assert part.to_dict() == whole.to_dict()
    pd.testing.assert_frame_equal(part.path(), whole.path(), check_exact=True)
    late = next(iter(whole._book.open))
    for design in (whole, part):
        design.observe(late, 1.0)
    assert part.to_dict() == whole.to_dict()


def test_saving_says_what_a_file_cannot_hold(tmp_path: Path) -> None:
    path = tmp_path / "design.json"
    with pytest.raises(TypeError, match=r"Recorded, which has no state\(\) and restore\(\): it cannot be saved"):
        MixtureAdaptiveDesign(Recorded(2)).save(path)
    design = MixtureAdaptiveDesign(cb.UCB(2), delta=lambda t: t**-0.2, rng=0)
    design.save(path)
    with pytest.raises(ValueError, match="pass delta="):
        MixtureAdaptiveDesign.load(path)
    with pytest.raises(ValueError, match="saved design uses a UCB"):
        MixtureAdaptiveDesign.load(path, delta=lambda t: t**-0.2, policy=cb.EpsilonGreedy(2))
    assert MixtureAdaptiveDesign.load(path, delta=lambda t: t**-0.2).n_assigned == 0
    with pytest.raises(TypeError, match="which JSON cannot hold"):
        MixtureAdaptiveDesign(cb.UCB(2), arms=[(0,), (1,)], control=(0,)).save(path)
    MixtureAdaptiveDesign(cb.UCB(2), arms=np.arange(5, 7), control=5).save(path)  # type: ignore[arg-type]
    assert MixtureAdaptiveDesign.load(path).arms == (5, 6)
    path.write_text("{")
    with pytest.raises(ValueError, match="is not JSON"):
        MixtureAdaptiveDesign.load(path)
    path.write_text('{"kind": "other"}')
    with pytest.raises(ValueError, match="no saved MixtureAdaptiveDesign"):
        MixtureAdaptiveDesign.load(path)


def test_a_damaged_or_older_file_is_refused_with_the_place_of_the_damage() -> None:
    design = MixtureAdaptiveDesign(cb.BetaBernoulliThompson(2), t_star=50, rng=0)
    design.run(bernoulli((0.5, 0.6), 0), 40, stop_early=False)
    whole = design.to_dict()

    def without(*keys: str) -> dict[str, Any]:
        saved = copy.deepcopy(whole)
        part = saved
        for key in keys[:-1]:
            part = part[key]
        del part[keys[-1]]
        return saved

    places = "state, settings.alpha, state.contrasts.pulls, state.book.open, state.contrasts.sums.squares, state.rng"
    for keys in (place.split(".") for place in places.split(", ")):
        with pytest.raises(cb.InvalidArgument, match=f"lacks '{keys[-1]}'"):
            MixtureAdaptiveDesign.from_dict(without(*keys))
    wrong = copy.deepcopy(whole)
    wrong["state"]["contrasts"]["path"] = 3
    with pytest.raises(cb.InvalidArgument, match="cannot be read"):
        MixtureAdaptiveDesign.from_dict(wrong)
    with pytest.raises(cb.InvalidArgument, match=r"format 1; this version reads format 2.*mad_from_log"):
        MixtureAdaptiveDesign.from_dict({**whole, "format": 1})
    assert MixtureAdaptiveDesign.from_dict(whole).to_dict() == whole


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where anything stands in nested JSON."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, below in pairs for place in ((*path, key), *places(below, (*path, key)))]


@together("damage", [None, "gone", "text", [], {}, -1, 10**400, 1e308])
def test_a_damaged_design_is_refused_in_words_wherever_the_damage_is(damage: Any) -> None:
    design = MixtureAdaptiveDesign(cb.BetaBernoulliThompson(2), t_star=100, rng=0)
    for _ in range(5):
        design.observe(design.assign().id, 1.0)
    whole = json.loads(json.dumps(design.to_dict()))
    messages = {}
    for place in places(whole):
        broken = copy.deepcopy(whole)
        inner = broken
        for key in place[:-1]:
            inner = inner[key]
        if damage == "gone":
            del inner[place[-1]]
        else:
            inner[place[-1]] = damage
        try:
            MixtureAdaptiveDesign.from_dict(broken)
        except cb.InvalidArgument as error:
            messages[place] = str(error)
    assert len(messages) >= len(places(whole)) // 4
    if damage == "gone":
        assert messages[("state",)] == "saved lacks 'state'; the file is damaged or was changed by hand."


@together(
    "policy",
    [
        cb.BetaBernoulliThompson(3, prior=(0.5, 2.0), draws=3, goal="min", rng=1),
        cb.GaussianThompson(3, prior_mean=1.0, noise_sd=0.5, rng=1),
        cb.UCB(3, exploration=0.5),
        cb.EpsilonGreedy(3, epsilon=0.2),
        cb.FixedPolicy([0.2, 0.3, 0.5]),
        cb.GaussianThompson(3, draws=5, rng=1),
        cb.PolicyFloor(cb.UCB(3), 0.1),
        cb.PolicyFloor(cb.BetaBernoulliThompson(3, rng=1), 0.1),
        cb.PolicyFloor(cb.PolicyFloor(cb.EpsilonGreedy(3), 0.3), 0.1),
    ],
)
def test_a_saved_policy_is_made_again_with_settings_and_state(policy: Any) -> None:
    for arm, outcome in ((0, 1.0), (2, 0.0), (1, 1.0), (2, 1.0)):
        policy.probabilities()
        policy.update(arm, outcome)
    twin = policy_from_dict(json.loads(json.dumps(policy_to_dict(policy))))
    assert policy_to_dict(twin) == policy_to_dict(policy)
    for _ in range(3):
        np.testing.assert_array_equal(twin.probabilities(), policy.probabilities())


def test_what_cannot_be_made_again_is_asked_for() -> None:
    floored = cb.PolicyFloor(cb.UCB(2), lambda t: 1.0 / t)
    with pytest.raises(ValueError, match="pass policy="):
        policy_from_dict(policy_to_dict(floored))
    assert policy_from_dict(policy_to_dict(floored), floored) is floored
    with pytest.raises(TypeError, match=r"SimpleNamespace, which has no state\(\) and restore\(\): it cannot be saved"):
        policy_to_dict(SimpleNamespace())
    with pytest.raises(ValueError, match="policy was 'Greedy'"):
        policy_from_dict({"kind": "Greedy", "settings": {}, "state": {}})
    with pytest.raises(ValueError, match="the saved design uses a UCB"):
        policy_from_dict(policy_to_dict(cb.UCB(2)), cb.EpsilonGreedy(2))
