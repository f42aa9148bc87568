"""What a study says of itself: where it stands, and what became of rows that were told."""

from __future__ import annotations

from dataclasses import dataclass

COUNTED = ("counted", "late", "extra", "excluded", "repeated", "amended")
"""Fields of `Told` that are numbers of rows."""


@dataclass(frozen=True)
class Told:
    """What became of the rows that were told.

    Attributes
    ----------
    counted : int
        Rows that count, from now on.
    late : int
        Those among them whose batch was closed before: they count in the batch that is open now.
    extra : int
        Those among them that nobody had asked for.
    excluded : int
        Rows that were recorded but do not count, since they contradict their intervention.
    repeated : int
        Rows that had been told before, with the same values: nothing changed.
    amended : int
        Rows that replace what had been told before, which is kept.
    closed : bool
        Whether the open batch is complete now, so that `Study.ask` plans the next.
    proved : bool
        Whether the confirmation is complete now.
    """

    counted: int = 0
    late: int = 0
    extra: int = 0
    excluded: int = 0
    repeated: int = 0
    amended: int = 0
    closed: bool = False
    proved: bool = False

    def __add__(self, other: Told) -> Told:
        """What became of both groups of rows."""
        sums = {name: getattr(self, name) + getattr(other, name) for name in COUNTED}
        return Told(**sums, closed=self.closed or other.closed, proved=self.proved or other.proved)

    def summary(self) -> str:
        """What became of the rows, as a sentence or two."""
        parts = [
            f"{self.counted:,} rows counted",
            *_if_any(self.late, "of them late"),
            *_if_any(self.extra, "of them beyond the plan"),
            *_if_any(self.excluded, "recorded but left out (they contradict their intervention)"),
            *_if_any(self.repeated, "told before, unchanged"),
            *_if_any(self.amended, "amended"),
        ]
        said = " The batch is complete: ask for the next." if self.closed else ""
        said += " The confirmation is complete: see the result." if self.proved else ""
        return "; ".join(parts) + "." + said


@dataclass(frozen=True)
class ProofStatus:
    """Where the confirmation of a study stands.

    Attributes
    ----------
    budget, told, open, abandoned : int
        Experiments allowed, told, handed out and not yet told, and given up.
    excluded, counted : int
        Told rows that do not count, and those that do.
    stopped : bool
        Whether the deciding reading ended it before its budget was used.
    complete : bool
        Whether nothing is left to ask for and nothing is running.
    """

    budget: int
    told: int
    open: int
    abandoned: int
    excluded: int
    counted: int
    stopped: bool
    complete: bool

    def summary(self) -> str:
        """Where it stands, in a line."""
        where = "decided early" if self.stopped else "complete" if self.complete else "under way"
        left_out = f", {self.excluded:,} rows left out" if self.excluded else ""
        return (
            f"Confirmation: {where}; {self.told:,} of {self.budget:,} experiments told, {self.open:,} running, "
            f"{self.abandoned:,} given up{left_out}"
        )


@dataclass(frozen=True)
class StudyStatus:
    """Where a study stands.

    Attributes
    ----------
    budget, told, open, abandoned : int
        Experiments allowed, told, handed out and not yet told, and given up.
    extra, excluded, amended : int
        Rows beyond the plan, left out of the counts, and replaced.
    batch : int
        Number of the newest batch, from 1; 0 before the first.
    phase : str
        Which part of the strategy asked for it.
    waiting : int
        Experiments of the newest batch that were not handed out yet.
    finished : bool
        Whether the strategy has chosen.
    confirmation : ProofStatus, optional
        Where the confirmation stands; None before one has begun.
    budget_money, money : float, optional
        Where the budget is a sum of money: that sum, and what the experiments of the search cost that were handed out,
        set-ups included.
    """

    budget: int
    told: int
    open: int
    abandoned: int
    extra: int
    excluded: int
    amended: int
    batch: int
    phase: str
    waiting: int
    finished: bool
    confirmation: ProofStatus | None = None
    budget_money: float | None = None
    money: float | None = None

    def summary(self) -> str:
        """Where the study stands, as text."""
        where = "finished" if self.finished else f"batch {self.batch} ({self.phase})" if self.batch else "not begun"
        of = f" of {self.budget:,}" if self.budget_money is None else ""
        lines = [
            f"Study: {where}; {self.told:,}{of} experiments told, {self.open:,} running, {self.abandoned:,} given up"
        ]
        if self.budget_money is not None:
            lines.append(f"  {self.money:,.6g} of {self.budget_money:,.6g} money for what was handed out")
        lines += [
            *_if_any(self.waiting, "of the open batch wait to be handed out", indent=2),
            *_if_any(self.extra, "rows beyond the plan count, too", indent=2),
            *_if_any(self.excluded, "rows are recorded but left out", indent=2),
            *_if_any(self.amended, "rows replaced what was told before", indent=2),
        ]
        if self.confirmation is not None:
            lines.append(self.confirmation.summary())
        return "\n".join(lines)


def _if_any(number: int, words: str, indent: int = 0) -> list[str]:
    """``words`` behind their number, unless that is 0."""
    return [f"{' ' * indent}{number:,} {words}"] if number else []
