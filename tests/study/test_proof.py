"""A confirmation inside a study: the same file, the same sheets, the answer of `confirm`."""

import numpy as np
import pandas as pd
import pytest
from campaigns import funnel

import causalbandit as cb
from causalbandit.study.database import StudyError
from causalbandit.study.proof import IDS_ABOVE
from causalbandit.study.study import Study

BOTH = {"ad": 1, "mail": 1}


@pytest.fixture
def study(tmp_path):
    with Study.create(tmp_path / "a.study", funnel(), 20, "uniform", rng=1) as made:
        yield made


def shown(problem, todo, seed=0, effect=0.8):
    """Results of a sheet: what is free is a coin, the sale is likely where ad and mail are fixed at 1."""
    rng = np.random.default_rng([seed, len(todo), *todo["id"]])
    rows = pd.DataFrame(rng.integers(0, 2, size=(len(todo), 4)), columns=list(problem.graph.nodes))
    for node in problem.graph.nodes:
        rows[node] = todo[node].fillna(rows[node]).astype(int).to_numpy()
    treated = (todo[["ad", "mail"]] == 1).fillna(False).to_numpy(dtype=bool).all(axis=1)
    rows["sale"] = (rng.random(len(todo)) < np.where(treated, effect, 0.1)).astype(int)
    return rows.assign(id=todo["id"].to_numpy())


def run_stage(study, **told):
    """Ask and tell until the confirmation is complete; the sheets with their results."""
    sheets = []
    while not study.status().confirmation.complete:
        todo = study.ask()
        sheets.append((todo, shown(study.problem, todo, **told)))
        study.tell(sheets[-1][1].sample(frac=1, random_state=0))
    return sheets


def environment(problem, sheets):
    """The same experiments for `confirm`, which asks batch by batch, in each for one arm after the other."""
    waiting = [(todo, told.drop(columns="id")) for todo, told in sheets]

    def run(intervention, size):
        todo, told = waiting[0]
        wanted = pd.Series({node: intervention.get(node) for node in problem.graph.nodes}, dtype="Int64")
        mine = np.array([wanted.equals(pd.Series(row, dtype="Int64")) for row in todo[wanted.index].to_dict("records")])
        rows = told[mine]
        assert len(rows) == size
        waiting[0] = todo[~mine], told[~mine]
        if not len(waiting[0][0]):
            waiting.pop(0)
        return rows

    return run


@pytest.mark.parametrize("reading", ["exact", "mad"])
@pytest.mark.parametrize("effect", [0.9, 0.1])
def test_a_confirmation_in_a_study_is_that_of_confirm(study, reading, effect):
    study.confirm([BOTH], budget=100, rng=7, reading=reading)
    sheets = run_stage(study, effect=effect)
    again = cb.confirm(
        study.problem, [BOTH], budget=100, rng=7, reading=reading, environment=environment(study.problem, sheets)
    )
    found = study.confirmation()
    pd.testing.assert_frame_equal(found.estimates(), again.estimates())
    assert (found.n_experiments, found.stopped) == (again.n_experiments, again.stopped)
    assert found.stopped == (effect == 0.9)
    pd.testing.assert_frame_equal(found.log(), again.log())
    with Study.open(study._store.path) as opened:
        assert opened.confirmation().summary() == found.summary()
        assert opened.status() == study.status()


def test_the_search_waits_for_the_confirmation_and_goes_on_after_it(study):
    first = study.ask(5)
    study.confirm([BOTH], budget=20, stop_early=False)
    assert (study.ask(3)["id"] > IDS_ABOVE).all()
    study.tell(shown(study.problem, first))
    rest = study.ask(100)
    assert len(rest) == 17
    mixed = pd.concat([shown(study.problem, rest), shown(study.problem, search := study.ask())])
    assert (search["id"] <= 20).all()
    told = study.tell(mixed)
    assert told.counted == len(rest) + len(search)
    assert told.closed
    assert study.outstanding()["id"].tolist() == [IDS_ABOVE + k for k in (1, 2, 3)]
    assert study.abandon(study.outstanding()["id"]) == 3
    status = study.status()
    assert status.finished
    assert status.confirmation.complete
    assert (status.confirmation.told, status.confirmation.abandoned) == (17, 3)
    assert "Confirmation: complete; 17 of 20 experiments told, 0 running, 3 given up" in status.summary()
    rows = study.rows()
    assert rows["stage"].value_counts().to_dict() == {"search": 20, "confirmation": 17}
    assert rows.loc[rows["stage"] == "confirmation", "propensity"].eq(0.5).all()


def test_an_experiment_that_was_given_up_may_still_count(study):
    study.confirm([BOTH], budget=20)
    told = shown(study.problem, study.ask(2))
    study.abandon(told["id"])
    assert study.tell(told).counted == 2
    assert study.status().confirmation.abandoned == 0


def test_rows_of_a_confirmation_are_told_once_amended_or_left_out(study):
    study.confirm([BOTH], budget=20, stop_early=False)
    todo = study.ask(20)
    told = shown(study.problem, todo)
    study.tell(told.iloc[:10])
    assert study.tell(told.iloc[:10]).repeated == 10
    other = told.iloc[:1].assign(sale=1 - told["sale"].iloc[0])
    with pytest.raises(ValueError, match="again with other values; nothing was recorded"):
        study.tell(other)
    before = study.confirmation().estimates("mad")
    assert study.tell(other, amend=True).amended == 1
    assert not study.confirmation().estimates("mad").equals(before)
    assert study.tell(told.iloc[:1], amend=True).amended == 1
    assert study.replaced()["sale"].tolist() == [told["sale"].iloc[0], 1 - told["sale"].iloc[0]]
    pd.testing.assert_frame_equal(study.confirmation().estimates("mad"), before)
    fixed = told.iloc[10:].index[todo["ad"].iloc[10:].notna()][0]
    wrong = told.loc[[fixed]].assign(ad=0)
    with pytest.raises(ValueError, match=r"contradict their intervention in row 0: .* \(on_mismatch='exclude'\) if"):
        study.tell(wrong)
    beside = pd.concat([wrong.assign(id=None, intervention="(observe)"), wrong.assign(intervention=None)])
    with pytest.raises(ValueError, match="contradict their intervention in row 1:"):
        study.tell(beside, extra=True)
    assert study.tell(wrong, on_mismatch="exclude").excluded == 1
    assert study.confirmation().n_experiments == 10
    with pytest.raises(ValueError, match="never handed out: 10000999"):
        study.tell(told.iloc[10:11].assign(id=IDS_ABOVE + 999))
    with Study.open(study._store.path) as opened:
        assert opened.status() == study.status()
        assert opened.check().whole


def test_a_confirmation_begins_once_and_only_as_the_file_can_hold_it(study):
    with pytest.raises(StudyError, match="no confirmation"):
        study.confirmation()
    with pytest.raises(StudyError, match="not finished"):
        study.confirm(budget=100)
    with pytest.raises(ValueError, match="delta is a function"):
        study.confirm([BOTH], budget=100, delta=lambda t: 1.0)
    assert study.status().confirmation is None
    study.confirm([BOTH], budget=100, policy=cb.BetaBernoulliThompson(2))
    with pytest.raises(StudyError, match="has a confirmation already"):
        study.confirm([BOTH], budget=100)
    with pytest.raises(StudyError, match="Nothing of the confirmation was told yet"):
        study.confirmation()


def test_the_choice_of_a_finished_search_is_confirmed_by_default(study):
    study.tell(shown(study.problem, study.ask()))
    study.confirm(budget=40)
    assert [dict(arm) for arm in study._proof().arms] == [{}, study.result().best]


def test_the_page_has_search_and_confirmation(study, tmp_path):
    study.confirm([BOTH], budget=20)
    study.tell(shown(study.problem, study.ask(20)))
    study.report(tmp_path / "a.html")
    study.tell(shown(study.problem, study.ask()))
    study.report(tmp_path / "b.html")
    for name in ("a.html", "b.html"):
        text = (tmp_path / name).read_text()
        assert "Confirmation: complete" in text
        assert "The proof" in text
