"""Records of adaptive experiments: the one door through which logs enter inference.

An :class:`AdaptiveLog` holds, for every round in the order of time, the arm that was taken, its outcome and the
probability with which the design took it. Everything that could silently bias an estimate is checked here, once; the
estimators trust it.

>>> import pandas as pd
>>> frame = pd.DataFrame({"day": [1, 2, 3, 4], "arm": ["a", "b", "b", "a"], "sale": [0, 1, 1, 0],
...                       "p_a": [0.5, 0.5, 0.4, 0.2], "p_b": [0.5, 0.5, 0.6, 0.8]})
>>> log = AdaptiveLog.from_frame(frame, arm="arm", outcome="sale", propensity={"a": "p_a", "b": "p_b"}, time="day")
>>> log.n_rounds, log.arm_names, log.taken_propensities.tolist()
(4, ('a', 'b'), [0.5, 0.5, 0.6, 0.2])
"""

from __future__ import annotations

import math
import os
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from causalbandit.arrays import row_blocks
from causalbandit.errors import did_you_mean, listing
from causalbandit.inference.checks import (
    SUM_TOLERANCE,
    arm_vector,
    check_numeric,
    check_rows,
    check_size,
    check_taken,
    context_matrix,
    not_numeric,
    numbers,
    outcome_vector,
    round_labels,
    row_numbers,
)
from causalbandit.inference.log_readers import csv_header, labels_as_typed, read_csv_columns

if TYPE_CHECKING:
    import pandas as pd

PropensityColumns = str | Sequence[str] | Mapping[Any, str]
"""The column of the taken arm's propensity, or one column per arm (a list in the arms' order, or arm → column)."""


@dataclass(frozen=True, eq=False)
class AdaptiveLog:
    """A checked record of T rounds of an adaptive experiment with K arms.

    Parameters
    ----------
    arms
        [T] integers 0 … K−1: the column of the arm that was taken (W_t).
    outcomes
        [T] finite numbers (Y_t); booleans count as 0 and 1.
    propensities
        [T, K]: the probability e_t(w) with which the design would have taken each arm in that round, given the past
        (and the round's context). Or [T]: that of the taken arm alone, which is enough for scores and for the Mixture
        Adaptive Design, but not for adaptive weights, which need e_t of the arms that were *not* taken too. With two
        arms the other propensity is one minus it, and is filled in.
    contexts
        [T, d] finite numbers known before the arm was taken, or None.
    batches
        [T] labels of the batch each round belongs to; ascending in time. Or None.
    times
        [T] sortable time stamps. Rows are put in their order (stable: equal stamps keep the order given). Without them
        the rows are taken to be in the order of time already.
    arm_names
        The K names in column order; default 0 … K−1. Required to know K when only the taken arm's propensity is given.
    context_names
        The d names of the context columns.
    tolerance
        How far a row of propensities may be from summing to 1.

    Attributes
    ----------
    The parameters above, after checking, and ``taken_propensities`` [T], e_t(W_t). ``propensities`` is None where only
    the taken arm's is known. ``batches`` is [T] integers 0 … B−1 or None.

    Raises
    ------
    ValueError
        Missing or infinite outcomes; propensities that are not numbers in [0, 1], do not sum to 1, or are 0 for the arm
        that was taken; unknown arms; one arm only; fewer rounds than arms; batches that are not consecutive in time.
    TypeError
        Columns that are not numbers.

    Notes
    -----
    Every check is one pass over the data; memory beyond the arrays themselves is O(T).
    """

    arms: NDArray[np.int64]
    outcomes: NDArray[np.float64]
    propensities: NDArray[np.float64] | None
    contexts: NDArray[np.float64] | None = None
    batches: NDArray[np.int64] | None = None
    times: NDArray[Any] | None = None
    arm_names: tuple[Hashable, ...] | None = None
    context_names: tuple[str, ...] | None = None
    tolerance: float = SUM_TOLERANCE
    taken_propensities: NDArray[np.float64] = None  # type: ignore[assignment] # derived: set in __post_init__

    def __post_init__(self) -> None:
        put = object.__setattr__
        outcomes = outcome_vector(self.outcomes)
        n_rounds = len(outcomes)
        given = numbers(self.propensities, "propensities", "the probabilities with which the design chose")
        if given.ndim not in (1, 2) or len(given) != n_rounds:
            raise ValueError(
                f"propensities has shape {given.shape} but there are {n_rounds} outcomes; expected [T, K], one column "
                "per arm, or [T], the propensity of the arm that was taken."
            )
        n_arms, names = self._columns(given)
        arms = arm_vector(self.arms, n_rounds, n_arms, names)
        check_size(n_rounds, n_arms)

        if given.ndim == 2:
            check_rows(given, self.tolerance)
            taken = given[np.arange(n_rounds), arms]
            full: NDArray[np.float64] | None = given
        else:
            taken, full = given, None
        check_taken(taken, arms, names)
        if full is None and n_arms == 2:
            full = np.empty((n_rounds, 2))
            full[np.arange(n_rounds), arms] = taken
            full[np.arange(n_rounds), 1 - arms] = 1.0 - taken

        contexts = self._context_matrix(n_rounds)
        times = None if self.times is None else round_labels(self.times, n_rounds, "times")
        batches = None if self.batches is None else round_labels(self.batches, n_rounds, "batches")
        if batches is not None and times is None:
            batches = _sortable_batches(batches)
        order = _time_order(times, batches)
        if order is not None:
            arms, outcomes, taken = arms[order], outcomes[order], taken[order]
            full = None if full is None else full[order]
            contexts = None if contexts is None else contexts[order]
            times = None if times is None else times[order]
            batches = None if batches is None else batches[order]
        put(self, "arms", arms)
        put(self, "outcomes", outcomes)
        put(self, "propensities", full)
        put(self, "taken_propensities", taken)
        put(self, "contexts", contexts)
        put(self, "times", times)
        put(self, "batches", None if batches is None else _batch_codes(batches))
        put(self, "arm_names", names)

    def _columns(self, given: NDArray[np.float64]) -> tuple[int, tuple[Hashable, ...]]:
        """The number of arms and their names."""
        names = None if self.arm_names is None else tuple(self.arm_names)
        if names is not None:
            check_names_differ(names)
        if given.ndim == 2:
            n_arms = given.shape[1]
            if names is not None and len(names) != n_arms:
                raise ValueError(f"arm_names has {len(names)} names for {n_arms} columns of propensities.")
        elif names is None:
            raise ValueError(
                "Only the taken arm's propensity is given, so the number of arms is not known; give arm_names, all "
                "arms of the design in order."
            )
        else:
            n_arms = len(names)
        return n_arms, tuple(range(n_arms)) if names is None else names

    def _context_matrix(self, n_rounds: int) -> NDArray[np.float64] | None:
        """The contexts as [T, d], or None."""
        if self.contexts is None:
            return None
        contexts = context_matrix(self.contexts, n_rounds)
        if self.context_names is not None and len(self.context_names) != contexts.shape[1]:
            raise ValueError(f"context_names has {len(self.context_names)} names for {contexts.shape[1]} columns.")
        return contexts

    # -- reading -----------------------------------------------------------------------------------------------------

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        arm: str,
        outcome: str,
        propensity: PropensityColumns,
        contexts: Sequence[str] = (),
        time: str | None = None,
        batch: str | None = None,
        ordered: bool = False,
        arms: Sequence[Hashable] | None = None,
        tolerance: float = SUM_TOLERANCE,
    ) -> AdaptiveLog:
        """The log in a data frame with one row per round.

        Parameters
        ----------
        frame
            One row per round. It is not changed.
        arm, outcome
            Columns of the taken arm and of its outcome.
        propensity
            The column of the taken arm's propensity; or one column per arm: a mapping arm → column, or a list of
            columns in the order of ``arms``. A list without ``arms`` names the arms by the columns, less a common
            prefix that ends in ``_`` ("p_red", "p_blue" are the arms "red" and "blue").
        contexts
            Columns known before the arm was taken.
        time, batch
            Columns that give the order of time. One of them is needed, unless ``ordered=True`` vouches that the rows
            are in the order in which they were observed; batches are then stretches of rows, whatever their labels.
        arms
            All arms of the design, in column order; default: those of ``propensity``, else those in the log, sorted.

        Raises
        ------
        ValueError, TypeError
            As :class:`AdaptiveLog`, for a column that is not there or has two roles, for dates and durations where
            numbers are expected, and when the order of time is unknown.
        """
        if not hasattr(frame, "columns"):
            raise TypeError(f"frame is a {type(frame).__name__}; expected a pandas.DataFrame with one row per round.")
        columns = _Columns.of(arm, outcome, propensity, contexts, time, batch, ordered, arms)
        columns.check_present(list(frame.columns))
        seen: dict[Any, int] = {}
        codes = _codes_as_seen(frame[arm].to_numpy(), seen)
        taken, names = _arm_columns(codes, list(seen), columns.names, arm)
        if columns.per_arm:
            matrix = np.empty((len(frame), len(columns.propensity)))
            for place, column in enumerate(columns.propensity):
                matrix[:, place] = _column(frame[column].to_numpy(), column)
        else:
            matrix = _column(frame[columns.propensity[0]].to_numpy(), columns.propensity[0])
        return cls(
            arms=taken,
            outcomes=_outcomes(frame[outcome].to_numpy(), outcome),
            propensities=matrix,
            contexts=None
            if not columns.contexts
            else np.column_stack([_column(frame[c].to_numpy(), c) for c in columns.contexts]),
            batches=None if batch is None else _batch_labels(frame[batch].to_numpy(), columns.rows_in_order),
            times=None if time is None else _time_stamps(frame[time].to_numpy(), time),
            arm_names=names,
            context_names=columns.contexts or None,
            tolerance=tolerance,
        )

    @classmethod
    def from_csv(cls, path: str | PathLike[str], **columns: Any) -> AdaptiveLog:
        """The log in a CSV file with a header line; keywords as in :meth:`from_frame`. Other columns are not read.

        Arms are called what the file calls them: ``01`` and ``1`` are two. Where all are numbers as Python prints them
        (0, 1, 2, ...), the names are numbers. A row with more fields than the header is refused with its line.
        """
        import pandas as pd

        wanted = _Columns.of_keywords(columns)
        _check_file(path)
        wanted.check_present(csv_header(path))
        frame = read_csv_columns(path, wanted.all, [wanted.arm])
        written = frame[wanted.arm].cat
        typed = pd.Series(
            labels_as_typed(written.categories.tolist(), wanted.arm, wanted.names is not None), dtype=object
        )
        frame[wanted.arm] = typed.reindex(written.codes).to_numpy()
        return cls.from_frame(frame, **columns)

    @classmethod
    def from_parquet(cls, path: str | PathLike[str], **columns: Any) -> AdaptiveLog:
        """The log in a Parquet file (needs pyarrow); keywords as in :meth:`from_frame`.

        The file is read in batches of rows straight into the log's own arrays: peak memory is the log plus one batch,
        about 8·(K + d + 6) bytes a row, also for files that do not fit in memory as a data frame.
        """
        try:
            import pyarrow
            import pyarrow.parquet as parquet
        except ImportError as error:
            raise ImportError("Reading Parquet needs pyarrow: pip install 'causalbandit[parquet]'.") from error

        _check_file(path)
        wanted = _Columns.of_keywords(columns)
        with parquet.ParquetFile(path, pre_buffer=False) as file:
            wanted.check_present(list(file.schema_arrow.names))
            n_rounds = file.metadata.num_rows
            codes = np.empty(n_rounds, dtype=np.int64)
            outcomes = np.empty(n_rounds)
            width = len(wanted.propensity)
            matrix = np.empty((n_rounds, width) if wanted.per_arm else n_rounds)
            contexts = np.empty((n_rounds, len(wanted.contexts))) if wanted.contexts else None
            seen: dict[Any, int] = {}
            order: dict[str, list[NDArray[Any]]] = {
                name: [] for name in (wanted.time, wanted.batch) if name is not None
            }
            start = 0
            for part in file.iter_batches(batch_size=1 << 17, columns=sorted(wanted.all)):
                rows = slice(start, start + part.num_rows)

                def values(name: str, part: Any = part) -> NDArray[Any]:
                    return np.asarray(part.column(name).to_numpy(zero_copy_only=False))

                codes[rows] = _codes_as_seen(values(wanted.arm), seen)
                outcomes[rows] = _outcomes(values(wanted.outcome), wanted.outcome)
                for place, name in enumerate(wanted.propensity):
                    target = matrix[rows, place] if wanted.per_arm else matrix[rows]
                    target[:] = _column(values(name), name)
                for place, name in enumerate(wanted.contexts):
                    assert contexts is not None
                    contexts[rows, place] = _column(values(name), name)
                for name, parts in order.items():
                    parts.append(values(name))
                start = rows.stop
        pyarrow.default_memory_pool().release_unused()
        taken, names = _arm_columns(codes, list(seen), wanted.names, wanted.arm)
        joined = {name: np.concatenate(parts) for name, parts in order.items() if parts}
        return cls(
            arms=taken,
            outcomes=outcomes,
            propensities=matrix,
            contexts=contexts,
            batches=None
            if wanted.batch is None
            else _batch_labels(joined.get(wanted.batch, np.empty(0)), wanted.rows_in_order),
            times=None if wanted.time is None else _time_stamps(joined.get(wanted.time, np.empty(0)), wanted.time),
            arm_names=names,
            context_names=wanted.contexts or None,
            tolerance=columns.get("tolerance", SUM_TOLERANCE),
        )

    # -- what is in it -----------------------------------------------------------------------------------------------

    @property
    def names(self) -> tuple[Hashable, ...]:
        """The K arm names in column order (``arm_names``, which is always set after checking)."""
        assert self.arm_names is not None
        return self.arm_names

    @property
    def n_rounds(self) -> int:
        """T, the number of rounds."""
        return len(self.outcomes)

    @property
    def n_arms(self) -> int:
        """K, the number of arms."""
        return len(self.names)

    @property
    def pulls(self) -> NDArray[np.int64]:
        """[K]: how often each arm was taken."""
        return np.bincount(self.arms, minlength=self.n_arms)

    def column(self, arm: Hashable) -> int:
        """The column of the arm called ``arm``; a name that prints alike counts ("0" in a file is the arm 0).

        Raises
        ------
        ValueError
            When the log has no such arm.
        """
        if arm in self.names:
            return self.names.index(arm)
        for place, name in enumerate(self.names):
            if str(name) == str(arm):
                return place
        raise ValueError(f"Unknown arm {arm!r}; the log has {listing(self.names)}.{did_you_mean(arm, self.names)}")

    def all_propensities(self, purpose: str) -> NDArray[np.float64]:
        """[T, K]: the propensities of all arms, or an error that says that ``purpose`` needs them.

        Raises
        ------
        ValueError
            When only the taken arm's propensities were logged.
        """
        if self.propensities is None:
            raise ValueError(
                f"{purpose} needs the propensity of every arm in every round, but the log has only that of the arm "
                "that was "
                "taken. Log all K propensities (propensity={arm: column}), or use weights='uniform'."
            )
        return self.propensities

    def batch_starts(self) -> NDArray[np.int64]:
        """[B]: the first round of each batch: of the given ones, else of runs of rounds with equal propensities.

        Each round is its own batch where neither is known. One pass over the propensities: O(T·K) time, O(T) memory.
        """
        if self.batches is not None:
            changed = self.batches[1:] != self.batches[:-1]
        elif self.propensities is not None:
            changed = np.empty(self.n_rounds - 1, dtype=bool)
            for rows in row_blocks(self.n_rounds - 1, self.n_arms):
                after = slice(rows.start + 1, rows.stop + 1)
                changed[rows] = (self.propensities[rows] != self.propensities[after]).any(axis=1)
        else:
            changed = np.ones(self.n_rounds - 1, dtype=bool)
        return np.concatenate(([0], np.flatnonzero(changed) + 1))

    def batch_rules(self) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
        """``(starts [B], rules [B, K])`` when every batch kept to one rule that ignores contexts, else None.

        A batch whose rounds share one row of propensities although their contexts differ chose without looking at the
        contexts, so that its propensities at *other* rounds' contexts are known too. Where the contexts within some
        batch do not differ (a batch of one round, say), nothing of that kind can be told, and the answer is None.
        """
        if self.propensities is None:
            return None
        starts = self.batch_starts()
        sizes = np.diff(np.append(starts, self.n_rounds))
        if self.contexts is not None:
            apart = self.contexts != np.repeat(self.contexts[starts], sizes, axis=0)
            if not np.logical_or.reduceat(apart.any(axis=1), starts).all():
                return None
        rules = self.propensities[starts]
        if self.batches is not None:
            owner = np.repeat(np.arange(len(starts)), sizes)
            for rows in row_blocks(self.n_rounds, self.n_arms):
                if (self.propensities[rows] != rules[owner[rows]]).any():
                    return None
        return starts, rules

    def to_frame(self) -> pd.DataFrame:
        """One row per round, in the order of time: arm, outcome, its propensity, then what else there is."""
        import pandas as pd

        names = pd.Series(list(self.names)).to_numpy()
        frame = pd.DataFrame({"arm": names[self.arms], "outcome": self.outcomes, "propensity": self.taken_propensities})
        if self.times is not None:
            frame.insert(0, "time", self.times)
        if self.batches is not None:
            frame["batch"] = self.batches
        if self.propensities is not None:
            for place, name in enumerate(self.names):
                frame[f"propensity_{name}"] = self.propensities[:, place]
        if self.contexts is not None:
            labels = self.context_names or tuple(f"context_{place}" for place in range(self.contexts.shape[1]))
            for place, label in enumerate(labels):
                frame[label] = self.contexts[:, place]
        return frame

    def summary(self) -> pd.DataFrame:
        """One row per arm: rounds, mean outcome, smallest propensity when taken."""
        import pandas as pd

        pulls = self.pulls
        sums = np.bincount(self.arms, weights=self.outcomes, minlength=self.n_arms)
        smallest = np.full(self.n_arms, np.nan)
        for place in np.flatnonzero(pulls):
            smallest[place] = self.taken_propensities[self.arms == place].min()
        means = np.divide(sums, pulls, out=np.full(self.n_arms, np.nan), where=pulls > 0)
        return pd.DataFrame(
            {"arm": list(self.names), "rounds": pulls, "mean_outcome": means, "smallest_propensity": smallest}
        )

    def __repr__(self) -> str:
        known = "all arms'" if self.propensities is not None else "taken arm's"
        dimension = 0 if self.contexts is None else self.contexts.shape[1]
        return (
            f"AdaptiveLog({self.n_rounds} rounds, {self.n_arms} arms: {listing(self.names, 4)}; {known} propensities; "
            f"{dimension} context columns)"
        )

    def _repr_html_(self) -> str:
        return f"<p>{self.n_rounds} rounds, {self.n_arms} arms</p>{self.summary().to_html(index=False)}"


def require_log(log: object) -> None:
    """Raise TypeError, with the way to a log, when ``log`` is something else."""
    if not isinstance(log, AdaptiveLog):
        raise TypeError(
            f"log is a {type(log).__name__}; expected an AdaptiveLog, for example AdaptiveLog.from_frame(frame, "
            "arm=..., outcome=..., propensity=..., time=...)."
        )


# -- the columns of a table ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Columns:
    """The columns of a table that make a log, and the arm names where the columns tell them."""

    arm: str
    outcome: str
    propensity: tuple[str, ...]
    per_arm: bool
    contexts: tuple[str, ...]
    time: str | None
    batch: str | None
    names: tuple[Hashable, ...] | None
    rows_in_order: bool

    @classmethod
    def of_keywords(cls, keywords: Mapping[str, Any]) -> _Columns:
        known = {"arm", "outcome", "propensity", "contexts", "time", "batch", "ordered", "arms", "tolerance"}
        for name in keywords:
            if name not in known:
                raise TypeError(
                    f"Unknown keyword {name!r}; known: {listing(sorted(known), 9)}.{did_you_mean(name, known)}"
                )
        for name in ("arm", "outcome", "propensity"):
            if name not in keywords:
                raise TypeError(f"The keyword {name!r} is missing: name the column, for example {name}='{name}'.")
        return cls.of(
            keywords["arm"],
            keywords["outcome"],
            keywords["propensity"],
            keywords.get("contexts", ()),
            keywords.get("time"),
            keywords.get("batch"),
            keywords.get("ordered", False),
            keywords.get("arms"),
        )

    @classmethod
    def of(
        cls,
        arm: str,
        outcome: str,
        propensity: PropensityColumns,
        contexts: Sequence[str],
        time: str | None,
        batch: str | None,
        ordered: bool,
        arms: Sequence[Hashable] | None,
    ) -> _Columns:
        if time is None and batch is None and not ordered:
            raise ValueError(
                "The order of time is unknown: adaptive inference uses, for every round, the past only. Name the "
                "column of time stamps (time=...) or of batches (batch=...), or pass ordered=True when the rows are "
                "in the order in which they were observed."
            )
        if isinstance(contexts, str):
            contexts = (contexts,)
        shares = (propensity,) if isinstance(propensity, str) else _columns_of(propensity)
        _check_roles(arm, outcome, shares, tuple(contexts), time, batch)
        names = None if arms is None else tuple(arms)
        in_order = bool(ordered) and time is None
        if isinstance(propensity, str):
            return cls(arm, outcome, (propensity,), False, tuple(contexts), time, batch, names, in_order)
        if isinstance(propensity, Mapping):
            if names is None:
                names = tuple(propensity)
            for name in names:
                if name not in propensity:
                    raise ValueError(f"propensity has no column for the arm {name!r}; it has {listing(propensity)}.")
            for name in propensity:
                if name not in names:
                    raise ValueError(
                        f"propensity has a column for {name!r}, which is not one of the arms {listing(names)}."
                    )
            columns = tuple(propensity[name] for name in names)
        else:
            columns = tuple(propensity)
            if names is None:
                prefix = _common_prefix(columns)
                names = tuple(column[len(prefix) :] for column in columns)
            if len(names) != len(columns):
                raise ValueError(
                    f"propensity names {len(columns)} columns for {len(names)} arms; expected one per arm."
                )
        return cls(arm, outcome, columns, True, tuple(contexts), time, batch, names, in_order)

    @property
    def all(self) -> set[str]:
        """The names of all columns that are read."""
        order = {name for name in (self.time, self.batch) if name is not None}
        return {self.arm, self.outcome, *self.propensity, *self.contexts} | order

    def check_present(self, columns: list[str]) -> None:
        """Raise ValueError for the first column that is not in the table, or is there twice."""
        for name in (self.arm, self.outcome, *self.propensity, *self.contexts, self.time, self.batch):
            if name is not None and name not in columns:
                raise ValueError(
                    f"There is no column {name!r}; the table has {listing(columns)}.{did_you_mean(name, columns)}"
                )
            if name is not None and columns.count(name) > 1:
                raise ValueError(f"The table has {columns.count(name)} columns {name!r}; rename or drop all but one.")


def _columns_of(propensity: Sequence[str] | Mapping[Any, str]) -> Sequence[str]:
    """The columns that a list, or a mapping arm → column, names."""
    return tuple(propensity.values()) if isinstance(propensity, Mapping) else tuple(propensity)


def _check_roles(
    arm: str,
    outcome: str,
    propensities: Sequence[str],
    contexts: Sequence[str],
    time: str | None,
    batch: str | None,
) -> None:
    """Raise ValueError for a column in two roles that exclude each other, with both."""
    for name in (arm, outcome, *propensities, *contexts, time, batch):
        if not isinstance(name, Hashable):
            raise TypeError(f"{name!r} is a {type(name).__name__}; expected the name of a column.")
    main = {"the arm": (arm,), "the outcome": (outcome,), "a propensity": propensities}
    roles: dict[str, str] = {}
    for role, columns in main.items():
        for column in dict.fromkeys(columns):
            if column in roles:
                raise ValueError(
                    f"The column {column!r} is named both as {roles[column]} and as {role}; each has a column of its "
                    "own."
                )
            roles[column] = role
    for role, name in (("the time", time), ("the batch", batch)):
        if name is not None and roles.get(name) in ("the arm", "the outcome"):
            raise ValueError(
                f"The column {name!r} is named both as {roles[name]} and as {role}; the order of time must not depend "
                "on what was done or observed."
            )
    for place, column in enumerate(contexts):
        if column in roles:
            raise ValueError(
                f"The column {column!r} is named both as {roles[column]} and as a context (covariate); contexts are "
                "what was known before the arm was drawn, besides the propensities."
            )
        if column in contexts[:place]:
            raise ValueError(f"The column {column!r} is named twice as a context (covariate); name it once.")


def _common_prefix(columns: Sequence[str]) -> str:
    """The longest common beginning that ends in "_", or an empty string."""
    first, last = min(columns), max(columns)
    same = next((at for at, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), len(first))
    return first[: first.rfind("_", 0, same) + 1]


def _codes_as_seen(labels: NDArray[Any], seen: dict[Any, int]) -> NDArray[np.int64]:
    """Labels as numbers in the order of first appearance, which ``seen`` carries from part to part; −1 if missing."""
    import pandas as pd

    codes, uniques = pd.factorize(labels)
    found = pd.Index(uniques).tolist() if uniques.dtype.kind == "m" or uniques.dtype == "M8[ns]" else uniques.tolist()
    table = [seen.setdefault(label, len(seen)) for label in found]
    result: NDArray[np.int64] = np.array([*table, -1], dtype=np.int64)[codes]  # the last entry is that of code −1
    return result


def _arm_columns(
    codes: NDArray[np.int64], labels: list[Any], names: tuple[Hashable, ...] | None, column: str
) -> tuple[NDArray[np.int64], tuple[Hashable, ...]]:
    """Numbers of labels as columns 0 … K−1, and the names; names that print alike are one arm (1 and "1")."""
    missing = np.flatnonzero(codes < 0)
    if len(missing):
        raise ValueError(f"The arm (column {column!r}) is missing in {len(missing)} rows ({row_numbers(missing)}).")
    if names is None:
        names = _arms_in_order(labels, column)
    check_names_differ(names)
    place: dict[Hashable, int] = {name: number for number, name in enumerate(names)}
    printed = {str(name): number for number, name in enumerate(names)}
    table = np.empty(len(labels), dtype=np.int64)
    for number, label in enumerate(labels):
        found = place.get(label, printed.get(str(label)))
        if found is None:
            row = int(np.argmax(codes == number))
            raise ValueError(
                f"The arm {label!r} (column {column!r}, first in row {row}) is not one of the arms {listing(names)}."
                f"{did_you_mean(label, names)} Give every arm of the design, with its propensity."
            )
        table[number] = found
    return table[codes], names


def _arms_in_order(labels: list[Any], column: str) -> tuple[Hashable, ...]:
    """One name for the labels that print alike, the first seen; by number if all read as numbers, else sorted."""
    named: dict[str, Any] = {}
    for label in labels:
        named.setdefault(str(label), label)
    bare: dict[str, Any] = {}
    for label in named.values():
        other = bare.setdefault(str(label).strip(), label)
        if other is not label:
            raise ValueError(
                f"The arms {other!r} and {label!r} (column {column!r}) differ only in the spaces around their names; "
                "strip them, or name all arms of the design."
            )
    names = list(named.values())
    if any(isinstance(name, str) for name in names):
        try:
            values = {name: float(name) for name in names}
            if all(map(math.isfinite, values.values())):
                return tuple(sorted(names, key=lambda name: (values[name], str(name))))
        except (TypeError, ValueError):
            pass
    try:
        return tuple(sorted(names))
    except TypeError:
        return tuple(sorted(names, key=str))


def check_names_differ(names: Sequence[Hashable]) -> None:
    """Raise ValueError for names that are equal or print alike."""
    seen: dict[str, Hashable] = {}
    for name in names:
        if str(name) in seen:
            raise ValueError(
                f"Two arms are called {seen[str(name)]!r} and {name!r}: each arm needs a name of its own, "
                "which does not print like another's."
            )
        seen[str(name)] = name


def _column(values: NDArray[Any], name: str) -> NDArray[np.float64]:
    """A table's column as doubles."""
    check_numeric(values, f"The column {name!r}")
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(
            f"The column {name!r} holds {np.asarray(values).dtype} values that are not numbers; encode it as numbers "
            "first (categories for example with pandas.get_dummies)."
        ) from None


def _outcomes(values: NDArray[Any], name: str) -> NDArray[np.float64]:
    """The outcomes' column as doubles; a missing one of any type is NaN, which the log refuses with its row."""
    if values.dtype.kind in "mMO":
        import pandas as pd

        missing = np.asarray(pd.isna(values))
        if missing.any():
            values = np.where(missing, np.nan, 0.0 if not_numeric(values) else values)
    return _column(values, name)


def _time_stamps(values: NDArray[Any], name: str) -> NDArray[Any]:
    """Time stamps as they are, but text as dates, because "10/2" sorts before "9/2"."""
    if values.dtype.kind not in "OUST":
        return values
    import pandas as pd

    if pd.api.types.infer_dtype(values, skipna=True).startswith("mixed"):
        raise TypeError(
            f"The time stamps in column {name!r} are of mixed types, such as numbers and text, which cannot be put in "
            "order; convert them to numbers or dates first."
        )
    try:
        return pd.to_datetime(pd.Series(values)).to_numpy()
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"The time stamps in column {name!r} are text that does not read as dates ({error}); convert them to "
            "numbers or dates first."
        ) from None


def _check_file(path: str | PathLike[str]) -> None:
    if not os.path.exists(path):
        raise FileNotFoundError(f"There is no file {os.fspath(path)!r}.")


# -- the order of time ------------------------------------------------------------------------------------------


def _time_order(times: NDArray[Any] | None, batches: NDArray[Any] | None) -> NDArray[np.int64] | None:
    """The permutation that puts rows in the order of time, or None when they are in order already."""
    key = times if times is not None else batches
    if key is None:
        return None
    try:
        if (key[1:] >= key[:-1]).all():
            return None
        return np.argsort(key, kind="stable")
    except TypeError:
        raise TypeError("Time stamps or batches of mixed types cannot be put in order; use numbers or dates.") from None


def _batch_labels(values: NDArray[Any], rows_in_order: bool) -> NDArray[Any]:
    """A column of batches: its labels, or numbers in the order of the rows where those are the order of time."""
    return _batch_codes(round_labels(values, len(values), "batches")) if rows_in_order and len(values) else values


def _sortable_batches(batches: NDArray[Any]) -> NDArray[Any]:
    """Labels whose order is that of time: text as numbers or ISO dates, or as it is where the rows have its order."""
    if batches.dtype.kind not in "OUST" or not all(isinstance(label, str) for label in batches.tolist()):
        return batches
    import pandas as pd

    try:
        return np.asarray(pd.to_numeric(pd.Series(batches.tolist())))
    except ValueError:
        pass
    if (batches[1:] >= batches[:-1]).all():
        return batches
    try:
        return np.asarray(pd.to_datetime(pd.Series(batches.tolist()), format="ISO8601"))
    except ValueError:
        raise ValueError(
            f"The labels of batches are text ({listing(dict.fromkeys(batches.tolist()), 4)}) that tells no order of "
            "time. Number them in the order of time, give time stamps, or pass ordered=True to from_frame when the "
            "rows are in that order."
        ) from None


def _batch_codes(batches: NDArray[Any]) -> NDArray[np.int64]:
    """Batches as numbers 0 … B−1, in the order of time."""
    changed = batches[1:] != batches[:-1]
    codes = np.concatenate(([0], np.cumsum(changed)))
    if len(np.unique(batches)) != codes[-1] + 1:
        raise ValueError(
            "batches are not consecutive in time: some batch comes back after another has begun. A batch is a "
            "stretch of rounds whose propensities were fixed together; number such stretches, or leave batch out."
        )
    return codes
