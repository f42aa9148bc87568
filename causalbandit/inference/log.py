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

from collections.abc import Hashable
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from causalbandit.arrays import Floats, Integers, quotients, row_blocks
from causalbandit.checks import SUM_TOLERANCE, instance, listed, number, one_each
from causalbandit.errors import InvalidArgument, did_you_mean, listing, rows_told, shown
from causalbandit.inference.arm_names import names_in_order
from causalbandit.inference.log_checks import (
    all_propensities,
    arm_vector,
    check_size,
    check_taken,
    context_matrix,
    outcome_vector,
    propensity_array,
    round_labels,
)
from causalbandit.inference.log_columns import LogColumns
from causalbandit.inference.log_order import batch_codes, sortable_batches, time_order
from causalbandit.inference.log_readers import Table, csv_table, frame_table, log_arrays, parquet_table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class AdaptiveLog:
    """A checked record of T rounds of an adaptive experiment with K arms.

    Attributes
    ----------
    arms : numpy.ndarray of int64, shape [T]
        The column 0 … K−1 of the arm that was taken (W_t).
    outcomes : numpy.ndarray of float, shape [T]
        Finite numbers (Y_t); booleans count as 0 and 1.
    propensities : numpy.ndarray of float, shape [T, K], or None
        The probability e_t(w) with which the design would have taken each arm in that round, given the past (and the
        round's context). May be given as [T]: that of the taken arm alone, which is enough for scores and for the
        Mixture Adaptive Design, but not for adaptive weights, which need e_t of the arms that were *not* taken too;
        the attribute is then None. With two arms the other propensity is one minus it, and is filled in.
    contexts : numpy.ndarray of float, shape [T, d], or None
        Finite numbers known before the arm was taken.
    batches : numpy.ndarray of int64, shape [T], or None
        The batch 0 … B−1 of each round. May be given as labels of any kind that ascend in time.
    times : numpy.ndarray, shape [T], or None
        Sortable time stamps. Rows are put in their order (stable: equal stamps keep the order given). Without them the
        rows are taken to be in the order of time already.
    arm_names : tuple
        The K names in column order; default 0 … K−1. Required to know K when only the taken arm's propensity is given.
    context_names : tuple of str, or None
        The d names of the context columns.
    tolerance : float
        How far a row of propensities may be from summing to 1.
    notes : tuple of str
        Sentences on how the columns of a table were read: categories that were encoded, rows that were left out.
    taken_propensities : numpy.ndarray of float, shape [T]
        e_t(W_t), made from ``propensities``.

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

    arms: Integers
    outcomes: Floats
    propensities: Floats | None
    contexts: Floats | None = None
    batches: Integers | None = None
    times: NDArray[Any] | None = None
    arm_names: tuple[Hashable, ...] | None = None
    context_names: tuple[str, ...] | None = None
    tolerance: float = SUM_TOLERANCE
    notes: tuple[str, ...] = ()
    taken_propensities: Floats = field(init=False)

    def __post_init__(self) -> None:
        columns = self._checked_columns()
        order = time_order(columns["times"], columns["batches"])
        if order is not None:
            for name, column in columns.items():
                columns[name] = None if column is None else column[order]
        if columns["batches"] is not None:
            columns["batches"] = batch_codes(columns["batches"])
        for name, column in columns.items():
            object.__setattr__(self, name, column)

    def _checked_columns(self) -> dict[str, NDArray[Any] | None]:
        """The columns [T, …] by the names of their attributes, not in the order of time yet; sets the arms' names."""
        outcomes = outcome_vector(self.outcomes)
        n_rounds = len(outcomes)
        given = propensity_array(self.propensities, n_rounds)
        names = self._checked_names(given)
        object.__setattr__(self, "arm_names", names)
        n_arms = len(names)
        arms = arm_vector(self.arms, n_rounds, n_arms, names)
        check_size(n_rounds, n_arms)

        full: Floats | None = None
        rounds, taken = np.arange(n_rounds), given
        if given.ndim == 2:
            full = all_propensities(given, number(self.tolerance, "tolerance", least=0))
            taken = given[rounds, arms]
        check_taken(taken, arms, names)
        if full is None and n_arms == 2:
            full = np.empty((n_rounds, 2))
            full[rounds, arms] = taken
            full[rounds, 1 - arms] = 1.0 - taken

        contexts = None if self.contexts is None else context_matrix(self.contexts, n_rounds)
        if contexts is not None and self.context_names is not None:
            labels = listed(self.context_names, "context_names", "names of the columns in order")
            one_each(labels, "context_names", contexts.shape[1], "columns of contexts")
        times = None if self.times is None else round_labels(self.times, n_rounds, "times")
        batches = None if self.batches is None else round_labels(self.batches, n_rounds, "batches")
        return {
            "arms": arms,
            "outcomes": outcomes,
            "propensities": full,
            "taken_propensities": taken,
            "contexts": contexts,
            "times": times,
            "batches": sortable_batches(batches) if batches is not None and times is None else batches,
        }

    def _checked_names(self, given: Floats) -> tuple[Hashable, ...]:
        """The K names of the arms of ``given`` propensities."""
        if self.arm_names is None:
            if given.ndim == 2:
                return tuple(range(given.shape[1]))
            why = "are missing, and the propensities of the taken arms alone do not tell how many there are"
            raise InvalidArgument("arm_names", f"{why}. Give all arms of the design in order.")
        names = names_in_order(self.arm_names, "arm_names")
        if given.ndim == 2:
            one_each(names, "arm_names", given.shape[1], "columns of propensities")
        return names

    # -- reading -----------------------------------------------------------------------------------------------------

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, columns: LogColumns | None = None, /, **named: Any) -> AdaptiveLog:
        """The log in a data frame with one row per round, which is not changed.

        A table of a database is one query away:
        ``AdaptiveLog.from_frame(pandas.read_sql("SELECT * FROM rounds", connection), arm="arm", ...)``.

        Parameters
        ----------
        frame
            One row per round.
        columns
            Which columns make the log; or, by keyword, what `LogColumns` takes: ``arm``, ``outcome``, ``propensity``,
            ``contexts``, ``time``, ``batch``, ``ordered``, ``time_format``, ``drop_open``, ``arms``, ``tolerance``.

        Raises
        ------
        ValueError, TypeError
            As `AdaptiveLog` and `LogColumns`; for a column that is not there, and for dates and durations where numbers
            are expected.
        """
        import pandas as pd

        instance(frame, "frame", pd.DataFrame, "a pandas.DataFrame with one row per round")
        return cls._from_table(frame_table(frame), columns or LogColumns(**named))

    @classmethod
    def from_csv(
        cls,
        path: str | PathLike[str] | BinaryIO,
        columns: LogColumns | None = None,
        /,
        *,
        sep: str = ",",
        **named: Any,
    ) -> AdaptiveLog:
        """The log in a CSV file with a header line, plain or compressed; columns as in `from_frame`.

        Arms are text as the file writes it (``01`` and ``1`` are two), unless they are named otherwise: with
        ``arms=[0, 1]`` the fields "0" and "1.0" are the arms 0 and 1. A row with more fields than the header is
        refused with its line. ``path`` may be an open binary file that can be read twice, and ``sep`` is what stands
        between fields. Messages count lines as an editor does: the header is line 1.
        """
        columns = columns or LogColumns(**named)
        return cls._from_table(csv_table(path, columns, sep), columns)

    @classmethod
    def from_parquet(cls, path: str | PathLike[str], columns: LogColumns | None = None, /, **named: Any) -> AdaptiveLog:
        """The log in a Parquet file (needs pyarrow); columns as in `from_frame`.

        The file is read in batches of rows straight into the log's own arrays: peak memory is the log plus one batch,
        about 8·(K + d + 6) bytes a row, also for files that do not fit in memory as a data frame.
        """
        columns = columns or LogColumns(**named)
        return cls._from_table(parquet_table(path, columns), columns)

    @classmethod
    def _from_table(cls, table: Table, columns: LogColumns) -> AdaptiveLog:
        with rows_told(table.line, "line"):
            arrays, kept = log_arrays(table, columns)
            with rows_told(lambda row: int(np.flatnonzero(kept)[row])):
                return cls(**arrays)

    # -- what is in it -----------------------------------------------------------------------------------------------

    @property
    def names(self) -> tuple[Hashable, ...]:
        """The K arm names in column order (``arm_names``, which is always set after checking)."""
        assert self.arm_names is not None
        return self.arm_names

    @property
    def context_labels(self) -> tuple[str, ...]:
        """The d names of the context columns: those given, else "context_0", … ; none for a log without contexts."""
        if self.contexts is None:
            return ()
        return self.context_names or tuple(f"context_{place}" for place in range(self.contexts.shape[1]))

    @property
    def n_rounds(self) -> int:
        """T, the number of rounds."""
        return len(self.outcomes)

    @property
    def n_arms(self) -> int:
        """K, the number of arms."""
        return len(self.names)

    @property
    def pulls(self) -> Integers:
        """[K]: how often each arm was taken."""
        return np.bincount(self.arms, minlength=self.n_arms)

    def column(self, arm: Hashable, argument: str = "arm") -> int:
        """The column of the arm called ``arm``; a name that prints alike counts ("0" in a file is the arm 0).

        Raises
        ------
        InvalidArgument
            When the log has no such arm; ``argument`` is what the message calls it.
        """
        if arm in self.names:
            return self.names.index(arm)
        for place, name in enumerate(self.names):
            if str(name) == str(arm):
                return place
        known = f"the log has {listing(self.names)}.{did_you_mean(arm, self.names)}"
        raise InvalidArgument(argument, f"was {shown(arm)}, an unknown arm; {known}")

    def all_propensities(self, argument: str, value: str) -> Floats:
        """[T, K]: the propensities of all arms.

        Raises
        ------
        InvalidArgument
            When only the taken arm's propensities were logged: ``argument`` was ``value``, which needs them all.
        """
        if self.propensities is None:
            lack = "needs the propensity of every arm in every round, but the log has that of the taken arm only"
            raise InvalidArgument(argument, f"was {value!r}, which {lack}. Log a column per arm, or use 'uniform'.")
        return self.propensities

    def known_contexts(self, argument: str, what: str) -> Floats:
        """[T, d]: the contexts. In the message of the error for a log without, ``what`` is what looks at them."""
        if self.contexts is None:
            raise InvalidArgument(argument, f"{what}, but the log has none (contexts=[...]).")
        return self.contexts

    def batch_starts(self) -> Integers:
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

    def batch_rules(self) -> tuple[Integers, Floats] | None:
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
            for place, label in enumerate(self.context_labels):
                frame[label] = self.contexts[:, place]
        return frame

    def arm_table(self) -> pd.DataFrame:
        """One row per arm: rounds, mean outcome, smallest propensity when taken."""
        import pandas as pd

        pulls = self.pulls
        sums = np.bincount(self.arms, weights=self.outcomes, minlength=self.n_arms)
        smallest = np.full(self.n_arms, np.nan)
        for place in np.flatnonzero(pulls):
            smallest[place] = self.taken_propensities[self.arms == place].min()
        means = quotients(sums, pulls, np.nan)
        return pd.DataFrame(
            {"arm": list(self.names), "rounds": pulls, "mean_outcome": means, "smallest_propensity": smallest}
        )

    def summary(self) -> str:
        """What is in the log, and its `arm_table`, as text."""
        return f"{self!r}\n{self.arm_table().to_string(index=False, float_format='{:.4g}'.format)}"

    def __repr__(self) -> str:
        known = "all" if self.propensities is not None else "taken arms'"
        return (
            f"AdaptiveLog({self.n_rounds} rounds, {self.n_arms} arms: {listing(self.names, 4)}; {known} propensities, "
            f"{len(self.context_labels)} context columns)"
        )

    def _repr_html_(self) -> str:
        return f"<p>{self.n_rounds} rounds, {self.n_arms} arms</p>{self.arm_table().to_html(index=False)}"


def require_log(log: object) -> None:
    """Raise, with the way to a log, when ``log`` is something else."""
    columns = "arm=..., outcome=..., propensity=..., time=..."
    instance(log, "log", AdaptiveLog, f"an AdaptiveLog, for example AdaptiveLog.from_frame(frame, {columns})")
