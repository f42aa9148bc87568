"""Which columns of a table make a log.

>>> columns = LogColumns(arm="banner", outcome="spent", propensity=["p_red", "p_blue"], batch="day")
>>> columns.names, columns.shares
(('red', 'blue'), ('p_red', 'p_blue'))
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from causalbandit.checks import SUM_TOLERANCE, columns_present, distinct, one_each
from causalbandit.errors import InvalidArgument, listing

PropensityColumns = str | Sequence[str] | Mapping[Any, str] | None
"""The column of the taken arm's propensity, or one column per arm (a list in the arms' order, or arm → column)."""


@dataclass(frozen=True, kw_only=True)
class LogColumns:
    """The columns of a table with one row per round that make an adaptive log.

    Attributes
    ----------
    arm, outcome : str
        Columns of the taken arm and of its outcome.
    propensity : str, sequence of str, mapping or None
        The column of the taken arm's propensity; or one column per arm: a mapping arm → column, or a list of columns
        in the order of ``arms``. A list without ``arms`` names the arms by the columns, less a common prefix that ends
        in ``_`` ("p_red", "p_blue" are the arms "red" and "blue"). None: they were not logged. The log then holds 1/K
        in their place and serves methods that look at none, such as "exact".
    contexts : sequence of str
        Columns known before the arm was taken.
    time, batch : str or None
        Columns that give the order of time. One of them is needed, unless the rows are ``ordered``.
    ordered : bool
        Vouches that the rows are in the order in which they were observed; batches are then stretches of rows, whatever
        their labels.
    time_format : str or None
        How text in the column ``time`` is written, as strftime does: "%d/%m/%Y %H:%M". Default: numbers or ISO 8601.
    drop_open : bool
        Leave out the rows whose outcome is missing. That is valid if an outcome's absence depends on neither the arm
        nor the outcome.
    arms : sequence or None
        All arms of the design, in column order; default: those of ``propensity``, else those in the table, sorted.
    tolerance : float
        How far a row of propensities may be from summing to 1.

    Raises
    ------
    InvalidArgument
        For a column in two roles that exclude each other, arms and propensities that do not belong together, and when
        the order of time is unknown.
    """

    arm: str
    outcome: str
    propensity: PropensityColumns
    contexts: Sequence[str] = ()
    time: str | None = None
    batch: str | None = None
    ordered: bool = False
    time_format: str | None = None
    drop_open: bool = False
    arms: Sequence[Hashable] | None = None
    tolerance: float = SUM_TOLERANCE

    def __post_init__(self) -> None:
        if isinstance(self.contexts, str):
            object.__setattr__(self, "contexts", (self.contexts,))
        if self.time is None and self.batch is None and not self.ordered:
            fix = "Name the column of time stamps (time) or of batches (batch), or vouch for the rows' order (ordered)"
            raise InvalidArgument("time", f"is unknown: inference uses, for every round, the past only. {fix}.")
        if self.time_format is not None and self.time is None:
            raise InvalidArgument("time_format", "was given, but no column of time stamps (time) that it is for.")
        self._check_roles()
        if self.per_arm:
            self._check_arms()

    @property
    def per_arm(self) -> bool:
        """Whether there is a column of propensities for every arm."""
        return self.propensity is not None and not isinstance(self.propensity, str)

    @property
    def names(self) -> tuple[Hashable, ...] | None:
        """The K arms in column order, where the columns tell them."""
        if self.arms is not None:
            return tuple(self.arms)
        if self.propensity is None or isinstance(self.propensity, str):
            return None
        if isinstance(self.propensity, Mapping):
            return tuple(self.propensity)
        prefix = _common_prefix(self.propensity)
        return tuple(column[len(prefix) :] for column in self.propensity)

    @property
    def shares(self) -> tuple[str, ...]:
        """The columns of propensities: the taken arm's, or one per arm in column order."""
        if self.propensity is None:
            return ()
        if isinstance(self.propensity, str):
            return (self.propensity,)
        if isinstance(self.propensity, Mapping):
            return tuple(self.propensity[name] for name in self.names or ())
        return tuple(self.propensity)

    @property
    def rows_in_order(self) -> bool:
        """Whether the order of the rows is the order of time."""
        return self.ordered and self.time is None

    @property
    def all(self) -> tuple[str, ...]:
        """The names of all columns that are read, each once."""
        named = (self.arm, self.outcome, *self.shares, *self.contexts, self.time, self.batch)
        return tuple(dict.fromkeys(name for name in named if name is not None))

    def check_present(self, table: Sequence[Any]) -> None:
        """Raise for the first column that is not among those of the ``table``, or is there twice."""
        roles: dict[str | None, str] = dict.fromkeys(self.contexts, "contexts")
        roles |= dict.fromkeys(self.shares, "propensity")
        roles |= {self.batch: "batch", self.time: "time", self.outcome: "outcome", self.arm: "arm"}
        for name in self.all:
            columns_present([name], roles[name], table)

    def _check_roles(self) -> None:
        """Raise for a column in two roles that exclude each other, with both."""
        given = self.propensity or ()
        columns = given.values() if isinstance(given, Mapping) else given
        shares = (given,) if isinstance(given, str) else tuple(columns)
        roles: dict[str, str] = {self.arm: "arm"}

        def apart(role: str, named: Iterable[str | None], others: tuple[str, ...], why: str) -> None:
            for column in named:
                if column is not None and roles.get(column) in others:
                    verb = "name" if role == "contexts" else "was"
                    raise InvalidArgument(role, f"{verb} {column!r}, which is the {roles[column]} too; {why}.")

        apart("outcome", [self.outcome], ("arm",), "each has a column of its own")
        roles[self.outcome] = "outcome"
        apart("propensity", shares, ("arm", "outcome"), "each has a column of its own")
        roles.update(dict.fromkeys(shares, "propensity"))
        for role, column in (("time", self.time), ("batch", self.batch)):
            apart(role, [column], ("arm", "outcome"), "the order of time must not depend on what was done or observed")
        known_before = "contexts are what was known before the arm was drawn, besides the propensities"
        apart("contexts", self.contexts, ("arm", "outcome", "propensity"), known_before)
        distinct(self.contexts, "contexts")

    def _check_arms(self) -> None:
        """Raise when the arms and the columns of propensities do not belong together."""
        names = self.names or ()
        assert self.propensity is not None
        if not isinstance(self.propensity, Mapping):
            one_each(self.propensity, "propensity", len(names), "arms")
        elif set(names) != set(self.propensity):
            given = f"has columns for {listing(self.propensity)}, and the arms are {listing(names)}"
            raise InvalidArgument("propensity", f"{given}; expected one column per arm.")


def _common_prefix(columns: Sequence[str]) -> str:
    """The longest common beginning that ends in "_", or an empty string."""
    first, last = min(columns), max(columns)
    same = next((at for at, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), len(first))
    return first[: first.rfind("_", 0, same) + 1]
