"""The book of a live design: late, repeated, amended and wrong outcomes."""

import math

import numpy as np
import pytest
from mad_replays import bernoulli

import causalbandit as cb
from causalbandit.designs.mad import MixtureAdaptiveDesign


def test_late_out_of_order_and_missing_outcomes() -> None:
    design = MixtureAdaptiveDesign(cb.EpsilonGreedy(2), t_star=50, rng=0)
    waiting = [design.assign() for _ in range(10)]
    for assignment in (waiting[7], waiting[2], waiting[9]):
        design.observe(assignment.id, 1.0)
    assert (design.n_observed, design.n_open) == (3, 7)
    log = design.rounds()
    assert log.loc[log["observed"] > 0, "id"].tolist() == [3, 8, 10]
    assert log.sort_values("observed")["id"].tolist()[-3:] == [8, 3, 10]
    assert log["outcome"].isna().sum() == 7


def test_ids_from_a_frames_rows_are_whole_floats_and_other_ids_are_refused_before_anything_changes() -> None:
    design = MixtureAdaptiveDesign(cb.BetaBernoulliThompson(2), t_star=50, rng=0)
    first, second = design.assign(), design.assign()
    design.observe(float(first.id), 1.0)  # type: ignore[arg-type]
    design.observe(np.int64(second.id), 0.0)
    assert design.rounds()["outcome"].tolist() == [1.0, 0.0]
    third = design.assign()
    before = design.to_dict()
    for wrong in (3.5, np.nan, np.inf, True, "3", [3], third, 0, -1, 4, None):
        with pytest.raises(ValueError, match="assignment_id was"):
            design.observe(wrong, 1.0)  # type: ignore[arg-type]
    assert design.to_dict() == before


def test_repeated_outcomes_do_nothing_and_changed_ones_need_amend() -> None:
    design = MixtureAdaptiveDesign(cb.BetaBernoulliThompson(2), t_star=50, rng=0, outcome_model="mean")
    design.run(bernoulli((0.5, 0.6), 0), 40, stop_early=False)
    before = design.to_dict()
    arm_outcome = design.rounds().iloc[11]
    design.observe(12, arm_outcome["outcome"])
    assert design.to_dict() == before
    other = 1.0 - arm_outcome["outcome"]
    with pytest.raises(ValueError, match="amend=True"):
        design.observe(12, other)
    assert design.to_dict() == before
    design.observe(12, other, amend=True)
    log = design.rounds()
    assert log.loc[11, "outcome"] == other
    table = design._kept_record().observed()
    predictions = design._kept_record().predictions(table)
    assert predictions is not None
    drawn = log["arm"].to_numpy(dtype=int)
    residual = (log["outcome"] - predictions[np.arange(40), drawn]) / log["propensity"]
    by_hand = predictions[:, 1] - predictions[:, 0] + np.where(drawn == 1, 1, -1) * residual
    assert design.estimates().loc[0, "estimate"] == pytest.approx(by_hand.mean(), rel=1e-12)
    assert design.scores()["score"].mean() == pytest.approx(by_hand.mean(), rel=1e-12)
    assert design.policy.totals.sum() == log["outcome"].sum()


def test_a_bad_outcome_leaves_the_assignment_open_and_a_corrected_one_is_taken() -> None:
    design = MixtureAdaptiveDesign(cb.BetaBernoulliThompson(2), t_star=50, rng=0)
    assignment = design.assign()
    before = design.to_dict()
    for wrong in (math.nan, math.inf, 1e308, 10**400):
        with pytest.raises(ValueError, match="finite"):
            design.observe(assignment.id, wrong)
    for wrong_type in ("1", None, [1.0], 1j):
        with pytest.raises(TypeError, match="expected a number"):
            design.observe(assignment.id, wrong_type)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"outcomes in \[0, 1\]"):
        design.observe(assignment.id, 7.0)
    assert design.to_dict() == before
    design.observe(assignment.id, np.bool_(True))
    assert (design.n_observed, design.n_open) == (1, 0)
    for unknown in (0, 2, -1, "a"):
        with pytest.raises(ValueError, match="assignment_id was"):
            design.observe(unknown, 1.0)  # type: ignore[arg-type]
