"""What a search made of rows from before: what they count for, and how far they agree with its experiments."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from causalbandit.arrays import Floats, Integers
from causalbandit.counts import Counts
from causalbandit.errors import InvalidArgument
from causalbandit.graph import row_names
from causalbandit.history import THIN, Fitted
from causalbandit.history_rows import History
from causalbandit.problem import Problem
from causalbandit.strategies.earlier import Earlier
from causalbandit.strategies.strategy import Strategy
from causalbandit.text import plain_rows

if TYPE_CHECKING:
    import pandas as pd


DISAGREES = 0.05
"""A weight below this is told: the odds are 19 to 1 that the history says something else than the experiments."""
NAMED = 3
"""Rows that a sentence names."""


@dataclass(frozen=True, eq=False, repr=False)
class UsedHistory:
    """The history of a search, as it counts after the last experiment.

    Attributes
    ----------
    problem : Problem
        The problem that was searched, on the graph of the end.
    rows : History
        The rows.
    counts : Counts
        What they say of its family rows and interventions, each row in full.
    by : {"rows", "arms"}
        What the strategy uses: the rows of the tables, or the outcomes under exactly the same intervention.
    weights : numpy.ndarray of float, shape [C] or [A]
        How much each visit of a family row, or each outcome under an intervention, counts beside an experiment: the
        probability that both come from one probability (see `causalbandit.strategies.earlier`).
    dropped : bool
        Whether the history was given up, because that explains the data better than any change of the graph. All
        weights are 0 then.
    """

    problem: Problem
    rows: History
    counts: Counts
    by: Literal["rows", "arms"]
    weights: Floats
    dropped: bool = False

    @classmethod
    def of(
        cls, problem: Problem, rows: History, experiments: Counts, *, arms: bool = False, dropped: bool = False
    ) -> UsedHistory:
        """The use of ``rows`` beside all ``experiments``; by ``arms`` for strategies that ignore the graph."""
        counts = rows.counts(problem.interventions)
        before = Earlier(counts)
        if arms:
            weights = before.arm_weights(experiments.trials, experiments.successes)
        else:
            weights = before.row_weights(experiments.visits, experiments.ones)
        return cls(problem, rows, counts, "arms" if arms else "rows", 0 * weights if dropped else weights, dropped)

    @property
    def numbers(self) -> Integers:
        """Visits of the family rows, or outcomes under the interventions, in the history; [C] or [A]."""
        return self.counts.visits if self.by == "rows" else self.counts.trials

    @property
    def share(self) -> float:
        """Share of these that counts; 0 when there are none."""
        total = self.numbers.sum()
        return float(self.weights @ self.numbers / total) if total else 0.0

    @cached_property
    def alone(self) -> Fitted:
        """What the history tells by itself: a ranking, thin rows, contradictions within it."""
        return Fitted(self.problem, self.rows, self.counts)

    @cached_property
    def thin_rows(self) -> pd.DataFrame:
        """Family rows that the history hardly visited, as `Fitted.thin_rows` lists them."""
        return self.alone.thin_rows()

    def to_frame(self) -> pd.DataFrame:
        """One row per family row (or intervention) that the history tells of.

        Columns: ``node``, ``configuration`` of its parents, ``visits``, ``ones``, ``weight``; by arms ``intervention``,
        ``trials``, ``successes``, ``weight``.
        """
        import pandas as pd

        arms, counts = self.problem.interventions, self.counts
        if self.by == "arms":
            names = pd.DataFrame({"intervention": arms.labels})
            told = names.assign(trials=counts.trials, successes=counts.successes)
        else:
            names = pd.DataFrame(row_names(arms.families), columns=["node", "configuration"])
            told = names.assign(visits=counts.visits, ones=counts.ones)
        return told.assign(weight=self.weights)[self.numbers > 0].reset_index(drop=True)

    def sentence(self) -> str:
        """How many rows there were, how much of them counts, and where they disagree with the experiments."""
        rows = f"{self.rows.total:,} rows from before"
        if self.dropped:
            return f"{rows} were dropped: they contradict the experiments in ways that no change of the graph explains."
        frame = self.to_frame()
        if not len(frame):
            where = "under none of the interventions" if self.by == "arms" else "in none of the tables' rows"
            return f"{rows} are {where}, so that this strategy could not use them."
        what = "visits of the tables' rows" if self.by == "rows" else "outcomes under the same interventions"
        said = f"{rows} count where they agree with the experiments: {100 * self.share:.0f} % of their {what}."
        apart = frame[frame["weight"] < DISAGREES]
        if not len(apart):
            return said
        first = apart.head(NAMED)
        names = first["intervention"] if self.by == "arms" else [_named(row) for _, row in first.iterrows()]
        more = f" and {len(apart) - NAMED} more" if len(apart) > NAMED else ""
        return f"{said} They disagree about {'; '.join(names)}{more}."

    def sentences(self) -> list[str]:
        """What counts; for strategies that use the tables also rows that are thin, and contradictions within."""
        said, thin, check = [self.sentence()], self.thin_rows, self.alone.check
        if self.by == "arms" or self.dropped:
            return said
        if len(thin):
            first = thin.iloc[0]
            said.append(
                f"{len(thin)} rows of the tables have fewer than {THIN} visits in it; the one that matters most is "
                f"{_named(first)} ({100 * first['share']:.0f} % of the variance of an effect, by the history alone)."
            )
        if check is not None and check.refuted:
            shown = check.told[0].sentence if check.told else "all claims together are refuted"
            said.append(f"It contradicts the graph by itself: {shown}")
        return said

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, numbers and texts, ready for JSON."""
        return {
            "rows": self.rows.total,
            "incomplete": self.rows.n_incomplete,
            "interventions": [part.fixed for part in self.rows.parts],
            "by": self.by,
            "dropped": self.dropped,
            "share": self.share,
            "weights": plain_rows(self.to_frame()),
            "thin_rows": plain_rows(self.thin_rows),
            "check": None if self.alone.check is None else self.alone.check.to_dict(),
        }

    def __repr__(self) -> str:
        return f"UsedHistory({self.rows.total} rows, {100 * self.share:.0f} % count)"


def _named(row: pd.Series) -> str:
    """A family row in words: "sale given ad=1"."""
    return str(row["node"]) + (f" given {row['configuration']}" if row["configuration"] else "")


def read_history(problem: Problem, history: Any, interventions: Any = None) -> History | None:
    """The ``history`` of a search: rows in a form that `causalbandit.history.fit` takes, or what it made of them."""
    if history is None:
        if interventions is not None:
            raise InvalidArgument("history_interventions", "was given without history; expected both, or neither.")
        return None
    if isinstance(history, Counts):
        raise InvalidArgument(
            "history",
            "was Counts; expected rows, which can be weighed and checked. Counts are for TopTwo(prior=...).",
        )
    if isinstance(history, (Fitted, History)):
        rows = history.history if isinstance(history, Fitted) else history
        return rows.require(problem.graph)
    return History.from_data(problem, history, interventions, named="history_interventions")


def require_reader(strategy: Strategy) -> None:
    """Raise when a strategy does not use rows from before."""
    if not getattr(strategy, "reads_history", False):
        raise InvalidArgument(
            "history",
            f"was given, but the strategy {strategy.name!r} does not read it. One that counts task.history "
            "(Task.with_rows, Task.with_arms) says so by an attribute reads_history = True.",
        )
