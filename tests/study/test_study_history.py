"""A study with rows from before: kept in the file, used by the plan, and the same after every opening."""

import numpy as np
import pytest
from campaigns import funnel, outcomes

import causalbandit as cb
from causalbandit.history import fit
from causalbandit.study.study import Study

BUDGET = 40


def rows_before(n=300):
    return funnel().model.sample({}, n, rng=3)


def test_the_plan_is_the_same_after_every_opening_and_that_of_a_search(tmp_path):
    problem, path = funnel(), tmp_path / "a.study"
    with Study.create(path, problem, BUDGET, "top-two", 5, history=rows_before()) as study:
        first = study.ask()
        study.tell(outcomes(problem, first))
    asked = [first]
    while True:
        with Study.open(path) as study:
            if not len(todo := study.ask()):
                decision = study.result()
                break
            asked.append(todo)
            study.tell(outcomes(problem, todo))
    with Study.create(tmp_path / "b.study", problem, BUDGET, "top-two", 5, history=rows_before()) as whole:
        for expected in asked:
            todo = whole.ask()
            assert todo.equals(expected)
            whole.tell(outcomes(problem, todo))
        assert whole.result().to_dict() == decision.to_dict()
    assert decision.history.rows.total == 300
    assert decision.counts.total == BUDGET
    assert "300 rows from before" in decision.summary()
    with Study.create(tmp_path / "c.study", problem, BUDGET, "top-two", 5) as without:
        assert without.ask()["id"].tolist() == first["id"].tolist()
        without.tell(outcomes(problem, without.outstanding()))
        assert without.preview().known == without.preview().counts


def test_a_preview_counts_the_history(tmp_path):
    problem = funnel()
    with Study.create(tmp_path / "a.study", problem, BUDGET, "uniform-plug-in", 5, history=rows_before()) as study:
        before = study.preview()
        assert before.counts.total == 0
        visits = fit(problem, rows_before()).visits
        assert before.known.visits.tolist() == np.rint(visits / 2).tolist()  # weight one half, until something is told
        study.tell(outcomes(problem, study.ask()))
        assert (study.preview().known.visits >= study.preview().counts.visits).all()
        study.report(tmp_path / "page.html")
    assert "rows from before" in (tmp_path / "page.html").read_text()


def test_a_history_that_cannot_be_used_makes_no_file(tmp_path):
    with pytest.raises(ValueError, match="history has no column for 'ad'"):
        Study.create(tmp_path / "a.study", funnel(), BUDGET, history=rows_before().drop(columns="ad"))
    with pytest.raises(ValueError, match="history_interventions was given without history"):
        Study.create(tmp_path / "a.study", funnel(), BUDGET, history_interventions="did")
    assert not (tmp_path / "a.study").exists()


def test_counts_as_a_prior_are_sent_to_the_history(tmp_path):
    prior = cb.Counts.zeros(funnel().interventions)
    with pytest.raises(ValueError, match="data from before go into the study's history"):
        Study.create(tmp_path / "a.study", funnel(), BUDGET, cb.TopTwo(prior=prior))
