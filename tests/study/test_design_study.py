"""Running designs in a file: every assignment once, the same draws after every opening, arms that come and go."""

import os
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from interruptions import Worker

import causalbandit as cb
from causalbandit.designs.policies import FixedPolicy, PolicyFloor
from causalbandit.designs.thompson import BetaBernoulliThompson, GaussianThompson
from causalbandit.study.database import StudyError
from causalbandit.study.design_study import DesignStudy
from causalbandit.study.study import Study

ARMS = ("old", "new", "newer")
RATES = {"old": 0.3, "new": 0.5, "newer": 0.6, "newest": 0.9}


def design(policy=None, rng=5, **changes):
    chosen = BetaBernoulliThompson(len(ARMS)) if policy is None else policy
    given = {"arms": ARMS, "control": "old", "delta": "slow", "t_star": 300, "rng": rng} | changes
    return cb.MixtureAdaptiveDesign(chosen, **given)


@pytest.fixture
def study(tmp_path):
    with DesignStudy.create(tmp_path / "a.study", design()) as made:
        yield made


def run(study, rounds, seed=0):
    """Assign and observe; the outcome of an assignment depends on its id and arm alone."""
    for _ in range(rounds):
        made = study.assign()
        study.observe(made.id, float(np.random.default_rng([seed, made.id]).random() < RATES[made.arm]))


def test_a_study_draws_and_estimates_what_the_design_does(study):
    plain = design()
    run(study, 60)
    run(plain, 60)
    pd.testing.assert_frame_equal(study.estimates(), plain.estimates())
    rows, rounds = study.rows(), plain.rounds()
    for name in ("id", "arm", "propensity", "outcome"):
        assert rows[name].tolist() == rounds[name].tolist()
    assert study.status().validity.startswith("The arms are those of the beginning")


def test_a_unit_that_asks_again_gets_its_arm_again(study):
    first = study.assign(unit="u1")
    assert study.assign(unit="u2").id == 2
    assert study.assign(unit="u1") == first
    assert study.assign(unit=np.int64(7)).id == 3
    study.observe(3, 1, extra={"shop": "north"})
    rows = study.rows()
    assert rows["unit"].tolist() == ["u1", "u2", 7]
    assert rows["shop"].iloc[2] == "north"
    assert (rows["asked"] <= pd.Timestamp.now(tz="UTC")).all()
    assert rows["told_at"].notna().tolist() == [False, False, True]
    with pytest.raises(TypeError, match=r"unit was 1\.5"):
        study.assign(unit=1.5)


def test_outcomes_are_told_once_or_amended(study):
    made = study.assign()
    study.observe(made.id, 1)
    study.observe(made.id, 1)
    with pytest.raises(ValueError, match="to correct it, amend it"):
        study.observe(made.id, 0)
    study.observe(made.id, 0, amend=True)
    assert study.rows()["outcome"].tolist() == [0]
    with pytest.raises(ValueError, match="was 9; ids so far are 1 to 1"):
        study.observe(9, 1)
    with pytest.raises(ValueError, match="finite number"):
        study.observe(made.id, float("nan"))
    with pytest.raises(ValueError, match="whose outcomes are told"):
        study.cancel(1)
    before = study.rows()
    with DesignStudy.open(study._database.path) as again:
        pd.testing.assert_frame_equal(again.rows(), before)


def test_what_is_given_up_may_still_come(study):
    ids = [study.assign().id for _ in range(3)]
    assert study.cancel(ids[:2]) == 2
    assert study.cancel(ids[0]) == 0
    study.observe(ids[0], 1)
    status = study.status()
    assert (status.assigned, status.told, status.open, status.abandoned) == (3, 1, 1, 1)


def test_an_outcome_that_the_policy_refuses_changes_nothing(study):
    made = study.assign()
    with pytest.raises(ValueError, match="outcome"):
        study.observe(made.id, 7.0)
    assert study.status().open == 1
    study.observe(made.id, 1)
    run(study, 5)
    assert study.check().whole


def test_a_running_design_moves_into_a_file(tmp_path):
    plain = design()
    run(plain, 20)
    late = plain.assign()
    with DesignStudy.create(tmp_path / "b.study", plain) as study:
        study.observe(late.id, 1)
        plain.observe(late.id, 1)
        run(study, 20)
        run(plain, 20)
        pd.testing.assert_frame_equal(study.estimates(), plain.estimates())


@pytest.mark.parametrize(
    "policy",
    [GaussianThompson(3), cb.EpsilonGreedy(3), cb.UCB(3), FixedPolicy([0.5, 0.25, 0.25]), PolicyFloor(cb.UCB(3), 0.2)],
    ids=lambda policy: type(policy).__name__,
)
def test_every_policy_goes_on_from_its_file(tmp_path, policy):
    with DesignStudy.create(tmp_path / "b.study", design(policy)) as study:
        run(study, 15)
        with DesignStudy.open(tmp_path / "b.study") as other:
            run(other, 5)
            run(study, 5)
            pd.testing.assert_frame_equal(other.estimates(), study.estimates())
            assert other.assign().id == 26


def test_covariates_are_kept(tmp_path):
    made = design(outcome_model="pooled", covariates=["age"])
    with DesignStudy.create(tmp_path / "b.study", made) as study:
        for age in (20.0, 30.0, 40.0):
            study.observe(study.assign({"age": age}).id, age > 25)
        with DesignStudy.open(tmp_path / "b.study") as again:
            assert again.rows()["age"].tolist() == [20.0, 30.0, 40.0]
            pd.testing.assert_frame_equal(again.estimates(), study.estimates())
        with pytest.raises(ValueError, match="has an outcome model"):
            study.change_arms(drop=["new"])


def test_arms_come_and_go_and_it_is_said_what_holds(study):
    run(study, 80)
    frozen = study.estimates()
    open_one = study.assign()
    said = study.change_arms(add=["newest"], drop=["newer"])
    assert "after assignment 81 dropped 'newer' and added 'newest'" in said
    assert "Each interval holds at the error rate 0.025" in said
    assert "the 3 effects that were ever compared hold together at 0.075" in said
    pd.testing.assert_frame_equal(study.estimates().iloc[:2].reset_index(drop=True), frozen)
    study.observe(open_one.id, 1)
    run(study, 80)
    found = study.estimates().set_index("arm")
    assert list(found.index) == ["new", "newer", "newest"]
    rows = study.rows()
    assert set(rows.loc[rows["epoch"] == 2, "arm"]) == {"old", "new", "newest"}
    assert found.loc["newest", "n_control"] == ((rows["epoch"] == 2) & (rows["arm"] == "old")).sum()
    assert found.loc["new", "n"] == (rows["arm"] == "new").sum()
    with DesignStudy.open(study._database.path) as again:
        pd.testing.assert_frame_equal(again.estimates(), study.estimates())
        made = again.assign()
        assert made.id == 162
        assert study.rows()["arm"].iloc[-1] == made.arm


def test_the_effect_of_an_arm_is_its_score_in_the_rounds_in_which_it_could_be_drawn(study):
    run(study, 50)
    study.change_arms(drop=["newer"])
    run(study, 30)
    study.change_arms(add=["newer"])
    run(study, 50)
    rows = study.rows()
    for arm, epochs in (("new", (1, 2, 3)), ("newer", (1, 3))):
        mine = rows[rows["epoch"].isin(epochs)]
        sign = (mine["arm"] == arm).astype(float) - (mine["arm"] == "old")
        score = (sign * mine["outcome"] / mine["propensity"]).mean()
        found = study.estimates().set_index("arm").loc[arm]
        assert found["estimate"] == pytest.approx(score, abs=1e-12)


def test_the_policy_knows_the_outcomes_of_arms_that_stay(study):
    run(study, 40)
    rows = study.rows()
    study.change_arms(add=["newest"], drop=["new"])
    kept = [rows[rows["arm"] == arm] for arm in ("old", "newer")]
    assert study.design.policy.counts.tolist() == [*(len(each) for each in kept), 0]
    assert study.design.policy.totals.tolist() == [*(each["outcome"].sum() for each in kept), 0]


def test_changes_of_arms_that_cannot_be_are_refused(study, tmp_path):
    for given, message in (
        ({"add": ["new"]}, "add names 'new'; expected arms that are not drawn now"),
        ({"drop": ["newest"]}, "drop names 'newest'; expected arms that are drawn now"),
        ({"drop": ["old"]}, "expected arms other than the control"),
        ({"drop": ["new", "newer"]}, "only one arm"),
    ):
        with pytest.raises(ValueError, match=message):
            study.change_arms(**given)
    assert study.status().changes == 0
    with DesignStudy.create(tmp_path / "b.study", design(FixedPolicy([0.5, 0.25, 0.25]))) as fixed:
        with pytest.raises(ValueError, match="give one that is made for the 2 arms"):
            fixed.change_arms(drop=["new"])
        fixed.change_arms(drop=["new"], policy=FixedPolicy([0.5, 0.5]))


def test_a_file_is_opened_as_what_it_is(study, tmp_path):
    with pytest.raises(StudyError, match=r"open it with DesignStudy\.open"):
        Study.open(study._database.path)
    with pytest.raises(ValueError, match="record_rounds=True"):
        DesignStudy.create(tmp_path / "b.study", design(record_rounds=False))
    own = design(delta=lambda t: 1.0)
    DesignStudy.create(tmp_path / "c.study", own).close()
    with pytest.raises(ValueError, match="delta of the saved design was a function of its own"):
        DesignStudy.open(tmp_path / "c.study")
    DesignStudy.open(tmp_path / "c.study", delta=lambda t: 1.0).close()


def test_another_version_of_a_policy_is_noticed(tmp_path):
    DesignStudy.create(tmp_path / "a.study", design(delta=lambda t: 1.0)).close()
    with DesignStudy.open(tmp_path / "a.study", delta=lambda t: 1.0) as study:
        run(study, 10)
    with pytest.raises(StudyError, match="was drawn otherwise"):
        DesignStudy.open(tmp_path / "a.study", delta=lambda t: t**-0.2 if t > 1 else 1.0)


def traffic(path, seed, say, wait):
    """Serve units until 120 have an arm and an outcome: the outcome depends on the unit alone."""
    rng = np.random.default_rng(seed)
    with DesignStudy.open(path) as study:
        say("open")
        for unit in rng.permutation(120).tolist():
            made = study.assign(unit=unit)
            say("assigned", unit, made.id, made.arm)
            study.observe(made.id, unit % 2)
            say("observed", unit)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that can be killed")
def test_traffic_of_processes_that_die_or_are_many_is_kept(tmp_path):
    path = tmp_path / "a.study"
    DesignStudy.create(path, design()).close()
    rng = np.random.default_rng(2)
    said = []
    for seed in range(4):
        worker = Worker(path, seed, job=traffic)
        worker.opened()
        time.sleep(rng.uniform(0, 0.03))
        worker.kill()
        said += worker.ended()[0]
    for worker in [Worker(path, seed, job=traffic) for seed in range(10, 13)]:
        lines, code = worker.ended()
        assert code == 0
        said += lines
    arms = {(unit, number, arm) for kind, unit, number, arm in (line for line in said if line[0] == "assigned")}
    assert len(arms) == 120
    with DesignStudy.open(path) as study:
        rows = study.rows()
        assert arms == set(zip(rows["unit"], rows["id"], rows["arm"], strict=True))
        assert rows["outcome"].tolist() == (rows["unit"] % 2).tolist()
        assert study.check().whole


class OneFileAndADesign(RuleBasedStateMachine):
    """A study that is opened anew after every step, and a design in memory: they draw and estimate the same."""

    def __init__(self):
        super().__init__()
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.path = f"{self.folder.name}/a.study"
        self.plain = design()
        DesignStudy.create(self.path, self.plain).close()
        self.open = {}

    @rule()
    def assign(self):
        with DesignStudy.open(self.path) as study:
            made = study.assign()
        assert made == self.plain.assign()
        self.open[made.id] = made.arm

    @precondition(lambda self: self.open)
    @rule(data=st.data(), outcome=st.integers(0, 1))
    def observe(self, data, outcome):
        number = data.draw(st.sampled_from(sorted(self.open)))
        with DesignStudy.open(self.path) as study:
            study.observe(number, outcome)
            del self.open[number]
            self.plain.observe(number, outcome)
            assert study.estimates().equals(self.plain.estimates())

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def cancel(self, data):
        with DesignStudy.open(self.path) as study:
            study.cancel(data.draw(st.sampled_from(sorted(self.open))))

    def teardown(self):
        with DesignStudy.open(self.path) as study:
            assert study.check().whole
        self.folder.cleanup()


OneFileAndADesign.TestCase.settings = settings(max_examples=2, stateful_step_count=12, deadline=None)
TestDesignReplay = OneFileAndADesign.TestCase
