"""Studies: every experiment once, no row lost, the same plan however often the file is opened."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from campaigns import funnel, outcomes
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

import causalbandit as cb
from causalbandit.strategies.stopping import StopWhenSure
from causalbandit.study.database import StudyError
from causalbandit.study.study import Study
from causalbandit.wrong_graphs import confounded_mediator

BUDGET = 60


@pytest.fixture
def study(tmp_path):
    with Study.create(tmp_path / "a.study", funnel(), BUDGET, "top-two", rng=1) as made:
        yield made


def finish(study):
    """Run a study to its end."""
    while len(todo := study.ask()):
        study.tell(outcomes(study.problem, todo))
    return study.result()


def test_a_study_ends_in_the_decision_of_a_search_that_saw_the_same(tmp_path):
    problem = funnel()
    with Study.create(tmp_path / "a.study", problem, BUDGET, "top-two", rng=5) as study:
        seen = []
        while len(todo := study.ask()):
            told = outcomes(problem, todo)
            study.tell(told.sample(frac=1, random_state=len(seen)))
            places = [study._store.places(len(seen))]
            seen.append({place: told[places[0] == place].drop(columns="id") for place in np.unique(places[0])})
        decision = study.result()
    left = [dict(batch) for batch in seen]

    def environment(intervention, size):
        while not left[0]:
            left.pop(0)
        rows = left[0].pop(problem.interventions.index(intervention))
        assert len(rows) == size
        return rows

    again = cb.search(problem, BUDGET, "top-two", rng=5, environment=environment, check="off")
    assert not decision.graph_check.refuted
    assert replace(decision, graph_check=None).to_dict() == again.to_dict()
    assert [batch.counts for batch in decision.batches] == [batch.counts for batch in again.batches]


def test_asking_never_gives_an_experiment_twice_nor_more_than_the_budget(study):
    given = []
    while len(todo := study.ask(7)):
        given += todo["id"].tolist()
        study.tell(outcomes(study.problem, todo))
    assert sorted(given) == list(range(1, BUDGET + 1))


def test_nothing_is_handed_out_while_a_batch_runs(study):
    first = study.ask()
    assert len(first)
    assert not len(study.ask())
    study.tell(outcomes(study.problem, first).iloc[1:])
    assert not len(study.ask())
    assert study.outstanding()["id"].tolist() == first["id"].tolist()[:1]
    assert study.tell(outcomes(study.problem, first).iloc[:1]).closed
    assert len(study.ask())


def test_a_sheet_names_what_is_fixed_and_leaves_the_rest_empty(study):
    todo = study.ask()
    assert list(todo.columns) == ["id", *study.problem.graph.nodes]
    labels = {
        ", ".join(f"{node}={int(value)}" for node, value in row.items() if node != "id" and not pd.isna(value))
        for row in todo.to_dict("records")
    }
    assert labels <= {"", "ad=1", "mail=1", "ad=1, mail=1"}


def test_rows_without_an_id_name_their_intervention(study):
    todo = study.ask()
    told = outcomes(study.problem, todo)
    places = [place for _, place in study._store.open_experiments()]
    told["intervention"] = [study.interventions.labels[place] for place in places]
    assert study.tell(told.drop(columns="id")).counted == len(todo)
    assert study.status().open == 0


def test_the_same_row_twice_changes_nothing_and_another_one_needs_leave(study):
    told = outcomes(study.problem, study.ask(3))
    assert study.tell(told).counted == 3
    assert study.tell(told).repeated == 3
    other = told.assign(sale=1 - told["sale"])
    with pytest.raises(ValueError, match="again with other values"):
        study.tell(other)
    before = study._store.tally(0)
    assert study.tell(other, amend=True).amended == 3
    assert study._store.tally(0) != before
    assert study.tell(told, amend=True).amended == 3
    assert study._store.tally(0) == before
    assert study.status().amended == 6
    replaced = study.replaced()
    assert replaced["id"].tolist() == [*told["id"]] * 2
    assert replaced["sale"].tolist() == [*told["sale"], *other["sale"]]
    assert (replaced["told_at"] <= replaced["replaced_at"]).all()


def test_rows_that_contradict_their_intervention_are_refused_or_left_out(study):
    todo = study.ask()
    told = outcomes(study.problem, todo)
    fixed = todo.index[todo["ad"].notna()][0]
    told.loc[fixed, "ad"] = 1 - told.loc[fixed, "ad"]
    said = rf"contradict their intervention in 1 rows, first in row {fixed}: .* \(on_mismatch='exclude'\)\."
    with pytest.raises(ValueError, match=said):
        study.tell(told)
    assert study.status().told == 0
    result = study.tell(told, on_mismatch="exclude")
    assert (result.counted, result.excluded, result.closed) == (len(todo) - 1, 1, True)


def test_rows_beyond_the_plan_need_leave_and_count(study):
    todo = study.ask()
    told = outcomes(study.problem, todo)
    more = told.iloc[:2].drop(columns="id").assign(intervention="(observe)", ad=0, mail=0)
    study.tell(told)
    with pytest.raises(ValueError, match="2 rows more than experiments are open"):
        study.tell(more)
    assert study.tell(more, extra=True).extra == 2
    assert study.status().extra == 2
    assert finish(study).counts.total == BUDGET + 2


def test_a_quorum_lets_the_strategy_go_on_and_stragglers_count_in_the_next_batch(tmp_path):
    with Study.create(tmp_path / "a.study", funnel(), BUDGET, "top-two", rng=1, quorum=0.5) as study:
        told = outcomes(study.problem, study.ask())
        half = -(-len(told) // 2)
        assert not study.tell(told.iloc[: half - 1]).closed
        assert study.tell(told.iloc[half - 1 : half]).closed
        following = study.ask()
        assert study.tell(told.iloc[half:]).late == len(told) - half
        study.tell(outcomes(study.problem, following))
        finish(study)
        assert study.result().counts.total == BUDGET


def test_what_is_given_up_is_not_waited_for_and_may_still_come(study):
    todo = study.ask()
    told = outcomes(study.problem, todo)
    study.tell(told.iloc[2:])
    assert study.abandon(todo["id"].iloc[:2]) == 2
    assert study.abandon(todo["id"].iloc[:2]) == 0
    assert study.status().abandoned == 2
    assert len(study.ask())
    assert study.tell(told.iloc[:1]).late == 1
    assert study.status().abandoned == 1
    with pytest.raises(ValueError, match=r"ids hold 1: 1 is told"):
        study.abandon([1])


def test_rows_that_were_left_out_count_once_they_are_amended(study):
    todo = study.ask()
    told = outcomes(study.problem, todo)
    fixed = todo.index[todo["ad"].notna()][0]
    study.tell(told.assign(ad=told["ad"].where(told.index != fixed, 0)), on_mismatch="exclude")
    assert study.preview().counts.total == len(told) - 1
    with pytest.raises(ValueError, match="again with other values"):
        study.tell(told.loc[[fixed]])
    study.tell(told.loc[[fixed]], amend=True)
    assert study.preview().counts.total == len(told)
    assert study.status().excluded == 0
    assert study.check().whole


def test_a_file_of_all_kinds_of_rows_is_whole_and_goes_on_the_same_wherever_it_is_opened(tmp_path):
    path = tmp_path / "a.study"
    with Study.create(path, funnel(), BUDGET, cb.TopTwo(rounds=6, draws=50), rng=1, quorum=0.6) as study:
        first = outcomes(study.problem, study.ask())
        other = Study.open(path)
        study.tell(first.iloc[1:])
        study.abandon(first["id"].iloc[:1])
        second = outcomes(study.problem, study.ask())
        study.tell(second)
        other.ask()  # it has seen both batches by now
        wrong = first.iloc[1:4].assign(sale=1 - first["sale"].iloc[1:4])
        study.tell(wrong, amend=True)
        study.tell(first.iloc[:1])
        study.tell(second.iloc[:2].drop(columns="id").assign(intervention="(observe)"), extra=True)
        study.tell(outcomes(study.problem, study.outstanding()))
        with Study.open(path) as third:
            states = [each._search.caught_up() for each in (study, other, third)]
            asks = [None if state.asks is None else state.asks.sizes.tolist() for state in states]
            assert asks[0] == asks[1] == asks[2]
        assert finish(study).to_dict() == other.result().to_dict()
        other.close()
        assert study.check().whole, study.check().damages


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.iloc[:0], "hold no rows"),
        (lambda rows: rows.drop(columns="sale"), r"has no column for 'sale'"),
        (lambda rows: rows.drop(columns="id"), "neither a column 'id' nor a column 'intervention'"),
        (lambda rows: rows.assign(sale=2), "holds 'sale' = 2 in row 0; expected 0 or 1"),
        (lambda rows: rows.assign(id=range(900, 900 + len(rows))), "ids that were never handed out"),
        (lambda rows: rows.assign(id=1), "the id 1 in more than one row"),
        (lambda rows: rows.assign(id="x"), "have the id 'x' in row 0"),
        (lambda rows: rows.assign(id=None, intervention="ad=2"), "no id in row 0, and 'ad=2' is no intervention"),
        (lambda rows: rows.to_dict(), "results was a dict"),
    ],
)
def test_sheets_that_cannot_be_told_are_refused_by_name(study, change, message):
    told = outcomes(study.problem, study.ask())
    before = study.status()
    with pytest.raises(ValueError, match=message):
        study.tell(change(told))
    assert study.status() == before


def test_other_columns_are_kept(study):
    told = outcomes(study.problem, study.ask(1)).assign(user="=1+1", at=pd.Timestamp("2026-03-01"))
    study.tell(told)
    (row,) = study._store.results()
    assert row.extra == {"user": "=1+1", "at": "2026-03-01T00:00:00"}


def test_a_study_is_opened_with_what_it_was_created_with(study):
    path = study._store.path
    Study.open(path, funnel(), cb.TopTwo(), rng=1).close()
    for given, message in (
        ({"rng": 2}, "created with the seed 1, not 2"),
        ({"problem": funnel(tables=False)}, "about another problem"),
        ({"strategy": cb.TopTwo(rounds=3)}, "'top-two' with its defaults, not TopTwo"),
    ):
        with pytest.raises(StudyError, match=message):
            Study.open(path, **given)


def test_a_study_is_not_finished_before_its_end(study):
    with pytest.raises(StudyError, match="not finished: 0 of 60 experiments are told"):
        study.result()


class OneFileAndAnother(RuleBasedStateMachine):
    """The same campaign in two files: one is closed and opened again after every step, the other never."""

    def __init__(self):
        super().__init__()
        import tempfile
        from pathlib import Path

        self.folder = tempfile.TemporaryDirectory()
        self.problem = funnel()
        self.paths = [Path(self.folder.name) / name for name in ("reopened.study", "open.study")]
        self.studies = [
            Study.create(path, self.problem, BUDGET, cb.TopTwo(rounds=6, draws=50), rng=4, quorum=0.7)
            for path in self.paths
        ]
        self.open, self.given_up, self.told = {}, {}, set()

    def reopen(self):
        self.studies[0].close()
        self.studies[0] = Study.open(self.paths[0])

    @rule(n=st.integers(1, 20))
    def ask(self, n):
        first, second = (study.ask(n) for study in self.studies)
        assert first.equals(second)
        ids = set(first["id"])
        assert not ids & (set(self.open) | self.told | set(self.given_up)), "handed out twice"
        for number, row in zip(first["id"], outcomes(self.problem, first).to_dict("records"), strict=True):
            self.open[number] = row
        self.reopen()

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def tell(self, data):
        ids = data.draw(st.lists(st.sampled_from(sorted(self.open)), unique=True, min_size=1))
        rows = pd.DataFrame([self.open.pop(number) for number in ids])
        assert self.studies[0].tell(rows) == self.studies[1].tell(rows)
        self.told |= set(ids)
        self.reopen()

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def abandon(self, data):
        number = data.draw(st.sampled_from(sorted(self.open)))
        self.given_up[number] = self.open.pop(number)
        assert [study.abandon([number]) for study in self.studies] == [1, 1]
        self.reopen()

    @precondition(lambda self: self.given_up)
    @rule(data=st.data())
    def tell_late(self, data):
        number = data.draw(st.sampled_from(sorted(self.given_up)))
        rows = pd.DataFrame([self.given_up.pop(number)])
        assert self.studies[0].tell(rows) == self.studies[1].tell(rows)
        self.told.add(number)
        self.reopen()

    @invariant()
    def both_files_agree_with_what_happened(self):
        first, second = (study.status() for study in self.studies)
        assert first == second
        assert (first.told, first.open, first.abandoned) == (len(self.told), len(self.open), len(self.given_up))
        assert first.told + first.open + first.abandoned <= BUDGET

    def teardown(self):
        for study in self.studies:
            assert study.check().whole
            study.close()
        self.folder.cleanup()


OneFileAndAnother.TestCase.settings = settings(max_examples=3, stateful_step_count=15, deadline=None)
TestReplay = OneFileAndAnother.TestCase


def test_a_study_ends_when_sure_also_after_it_was_closed_and_opened(tmp_path):
    problem, stop = funnel(), StopWhenSure(error=0.2, tolerance=0.1)
    with Study.create(tmp_path / "a.study", problem, 3000, cb.TopTwo(rounds=15), rng=3, stop=stop) as made:
        made.tell(outcomes(problem, made.ask()))
    with Study.open(tmp_path / "a.study") as study:
        decision = finish(study)
        assert decision.promise.kept
        assert decision.promise.tolerance == 0.1
        assert decision.counts.total < 3000
        assert study.status().finished
    with pytest.raises(TypeError, match="stop was"):
        Study.create(tmp_path / "b.study", problem, 100, stop=0.05)


def test_the_rows_of_a_study_are_checked_against_its_graph(tmp_path):
    """A mediator with a common cause that the graph lacks: preview, result and page say so; a right graph is quiet."""
    for strength, refuted, budget in ((1.0, True, 2_000), (0.0, False, 200)):
        problem, world = confounded_mediator(strength).problem, confounded_mediator(strength).world.model
        nodes, rng = list(problem.graph.nodes), np.random.default_rng(0)
        path = tmp_path / f"{strength}.study"
        with cb.Study.create(path, problem, budget=budget, strategy=cb.TopTwo(rounds=6), rng=1) as study:
            while len(todo := study.ask()):
                results = todo.copy()
                for key, rows in todo.groupby(nodes, dropna=False):
                    fixed = {node: int(bit) for node, bit in zip(nodes, key, strict=True) if not pd.isna(bit)}
                    seen = world.sample(fixed, len(rows), rng=rng)[nodes].to_numpy()
                    results.loc[rows.index, nodes] = seen
                study.tell(results)
            assert study.result().graph_check.refuted == refuted
            assert ("common cause of m and y" in " ".join(study.preview().summary().split())) == refuted
            study.report(tmp_path / "page.html")
            page = (tmp_path / "page.html").read_text(encoding="utf-8")
            assert ("common cause of m and y" in page) == refuted


def test_a_study_with_a_budget_of_money_is_the_search_with_the_same_and_tells_what_it_spent(tmp_path):
    problem = funnel()
    costs = np.linspace(1, 10, len(problem.interventions))
    problem = replace(problem, interventions=problem.interventions.with_costs(costs))
    limits = cb.Limits(setup=1.5, most_kinds=3, most_each=20)
    path = tmp_path / "a.study"
    Study.create(path, problem, None, cb.TopTwo(rounds=8), rng=5, budget_money=150, limits=limits).close()
    money = []
    while True:
        with Study.open(path) as study:  # made again from the file every time
            todo = study.ask()
            money.append(study.status().money)
            if not len(todo):
                break
            assert len(todo[list(problem.graph.nodes)].fillna(-1).drop_duplicates()) <= 3
            study.tell(outcomes(problem, todo))
    assert money == sorted(money)
    with Study.open(path) as study:
        decision = study.result()
        assert decision.money == pytest.approx(money[-1])
        assert 100 < decision.money <= 150
        assert decision.experiments.max() <= 20
        assert f"{decision.money:,.6g} of 150 money" in study.status().summary()
        assert study.status().budget_money == 150
    with pytest.raises(ValueError, match="budget_money buys up to"):
        Study.create(tmp_path / "b.study", problem, None, "top-two", budget_money=1e15)
    assert not (tmp_path / "b.study").exists()
