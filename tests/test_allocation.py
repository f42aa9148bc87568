"""Thompson allocation against pytyche 0.2.1, and its floor."""

import json
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cases import together
from hypothesis import given, settings
from hypothesis import strategies as st

import causalbandit as cb
from causalbandit.allocation import floor_allocation, win_frequencies

CASES = json.loads((Path(__file__).parent / "data" / "thompson_pytyche_0_2_1.json").read_text())["cases"]


def test_win_frequencies_equal_pytyche() -> None:
    for case in CASES["arm_win_frequencies"]:
        allocation = cb.thompson_allocation(case["contrasts"], epsilon=0.0)
        np.testing.assert_allclose(allocation, case["frequencies"], atol=1e-12)
        contrasts = np.array(case["contrasts"])
        arms = np.column_stack([np.zeros(len(contrasts)), contrasts])
        np.testing.assert_array_equal(cb.thompson_allocation(arms, epsilon=0.0, kind="arms"), allocation)


def test_floor_equals_pytyche() -> None:
    for case in CASES["iterative_floor_clip"]:
        np.testing.assert_allclose(floor_allocation(case["raw"], case["epsilon"]), case["weights"], atol=1e-12)


def test_allocation_equals_pytyche() -> None:
    for case in CASES["combined"]:
        draws = CASES["arm_win_frequencies"][case["contrasts_case"]]["contrasts"]
        np.testing.assert_allclose(cb.thompson_allocation(draws, case["epsilon"]), case["weights"], atol=1e-12)


@settings(max_examples=60)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=8).filter(lambda w: sum(w) > 1e-3), st.floats(0, 1))
def test_floor_holds_sums_to_one_and_leaves_high_enough_weights_alone(raw: list[float], epsilon: float) -> None:
    weights = np.array(raw) / sum(raw)
    floored = floor_allocation(weights, epsilon)
    assert floored.min() >= epsilon / len(raw) * (1 - 1e-12)
    assert floored.sum() == pytest.approx(1.0, abs=1e-9)
    if weights.min() >= epsilon / len(raw):
        np.testing.assert_array_equal(floored, weights)
    np.testing.assert_allclose(floor_allocation(np.stack([weights, weights[::-1]]), epsilon)[0], floored, atol=1e-15)


def test_ties_go_to_the_lowest_index_and_control_wins_without_a_gain() -> None:
    assert cb.thompson_allocation([[0.0, 0.0]], epsilon=0.0).tolist() == [1.0, 0.0, 0.0]
    assert cb.thompson_allocation([[1.0, 1.0]], epsilon=0.0).tolist() == [0.0, 1.0, 0.0]
    assert win_frequencies([[2.0, 2.0, 1.0]]).tolist() == [1.0, 0.0, 0.0]


def test_segments_average_their_members_before_comparing() -> None:
    rng = np.random.default_rng(0)
    draws = rng.normal(size=(40, 5, 2))
    labels = ["b", "a", "b", "b", "a"]
    frame = cb.thompson_allocation(draws, 0.1, labels)
    assert list(frame.columns) == ["segment", "arm", "weight"]
    for label, rows in (("b", [0, 2, 3]), ("a", [1, 4])):
        alone = cb.thompson_allocation(draws[:, rows].mean(axis=1), 0.1)
        np.testing.assert_allclose(frame.loc[frame["segment"] == label, "weight"], alone)
    by_mapping = cb.thompson_allocation(draws, 0.1, {"b": [0, 2, 3], "a": np.array([0, 1, 0, 0, 1], dtype=bool)})
    pd.testing.assert_frame_equal(frame, by_mapping)


@pytest.mark.parametrize("epsilon", [-0.1, 1.5, np.nan])
def test_epsilon_outside_the_unit_interval_is_refused(epsilon: float) -> None:
    with pytest.raises(ValueError, match="epsilon was"):
        cb.thompson_allocation([[0.1]], epsilon)


def test_wrong_draws_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        cb.thompson_allocation([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"draws holds nan in row 1, column 0"):
        cb.thompson_allocation([[0.1], [np.nan]])
    with pytest.raises(ValueError, match="pass segments"):
        cb.thompson_allocation(np.zeros((2, 3, 2)))
    with pytest.raises(ValueError, match="kind was 'arm'"):
        cb.thompson_allocation([[0.1]], kind="arm")  # type: ignore[call-overload]


def test_a_segment_without_members_is_refused() -> None:
    draws = np.zeros((2, 3, 2))
    with pytest.raises(ValueError, match="no members in 'empty'"):
        cb.thompson_allocation(draws, 0.0, {"full": [0], "empty": []})
    labels = pd.Series(pd.Categorical(["x", "x", "y"], categories=["x", "y", "z"]))
    with pytest.raises(ValueError, match="no members in 'z'"):
        cb.thompson_allocation(draws, 0.0, labels)
    with pytest.raises(ValueError, match="2 labels for 3 members"):
        cb.thompson_allocation(draws, 0.0, ["x", "y"])


NAMES = ["control", "red", "blue"]


def test_names_key_the_weights_and_a_policy_may_return_them() -> None:
    draws = np.random.default_rng(0).normal(size=(50, 2))
    keyed = cb.thompson_allocation(draws, 0.3, names=NAMES)
    assert list(keyed) == NAMES
    assert list(keyed.values()) == cb.thompson_allocation(draws, 0.3).tolist()

    class Allocated:
        def probabilities(self) -> dict[Hashable, float]:
            return keyed

        def update(self, arm: int, outcome: float) -> None: ...

    design = cb.MixtureAdaptiveDesign(Allocated(), arms=NAMES, control="control", delta=lambda t: 1 / t**0.2, rng=0)
    design.assign()
    share = 1 / 2**0.2
    second = design.assign()
    assert second.propensity == pytest.approx(share / 3 + (1 - share) * keyed[second.arm])


def test_rules_on_members_are_a_loop_over_their_rows() -> None:
    rng = np.random.default_rng(1)
    draws = rng.normal(size=(60, 40, 3)) + np.array([0.2, 0.0, 0.1])
    members = pd.DataFrame({"age": rng.integers(18, 70, 40), "land": rng.choice(["de", "fr"], 40)})
    rules = {"young": "age < 30", "old in de": "age >= 30 and land == 'de'", "all": lambda frame: frame["age"] > 0}
    keyed = cb.thompson_allocation(draws, 0.0, segments=rules, kind="arms", names=NAMES, members=members)
    frame = cb.thompson_allocation(draws, 0.0, rules, "arms", members=members)
    assert list(keyed) == list(rules)
    holds = {
        "young": lambda age, land: age < 30,
        "old in de": lambda age, land: age >= 30 and land == "de",
        "all": lambda age, land: True,
    }
    for label, belongs in holds.items():
        places = [i for i, row in enumerate(members.itertuples()) if belongs(row.age, row.land)]
        wins = dict.fromkeys(NAMES, 0)
        for draw in draws:
            means = [sum(draw[i, arm] for i in places) / len(places) for arm in range(3)]
            wins[NAMES[means.index(max(means))]] += 1
        assert keyed[label] == pytest.approx({name: count / 60 for name, count in wins.items()})
        assert frame.loc[frame["segment"] == label, "weight"].tolist() == list(keyed[label].values())


@together(
    ("rule", "members", "message"),
    [
        ("age < 30", None, "members are missing: 'young' has a rule"),
        ("age < 30", pd.DataFrame({"age": [20, 40]}), "members has 2 labels for 3 members of the draws"),
        (
            "agee < 30",
            pd.DataFrame({"age": [20, 30, 40]}),
            "'agee' is not defined; the members' columns are 'age'",
        ),
        ("age <", pd.DataFrame({"age": [20, 30, 40]}), "rule 'age <' for 'young'"),
        ("age + 1", pd.DataFrame({"age": [20, 30, 40]}), "expected one that is true or false"),
        (lambda frame: frame["size"] > 1, pd.DataFrame({"age": [20, 30, 40]}), "the members' columns are 'age'"),
        ("age < 10", pd.DataFrame({"age": [20, 30, 40]}), "no members in 'young'"),
    ],
)
def test_rules_that_members_cannot_answer_are_refused(rule: Any, members: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cb.thompson_allocation(np.zeros((2, 3, 2)), 0.0, {"young": rule}, members=members)


def test_as_many_different_names_as_arms_are_expected() -> None:
    with pytest.raises(ValueError, match="names has 2 labels for 3 arms"):
        cb.thompson_allocation(np.zeros((2, 2)), names=["a", "b"])
    with pytest.raises(ValueError, match="names"):
        cb.thompson_allocation(np.zeros((2, 2)), names=["a", "b", "a"])
