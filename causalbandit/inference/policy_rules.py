"""What a policy takes at the contexts of a log, and what the log's design would have done there.

Weightings of policy values look at the design's propensities of a round at *other* rounds' contexts, which a log of
e_t(x_t, ·) does not hold. `DesignRules` has them from batches that ignored contexts, or asks a function for them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from causalbandit.arrays import Floats, Integers
from causalbandit.checks import function, probability_rows, shaped
from causalbandit.errors import InvalidArgument
from causalbandit.inference.log import AdaptiveLog
from causalbandit.inference.scores import policy_variance

Policy = Callable[[Floats], ArrayLike] | ArrayLike | Hashable
"""An arm; or [T, K] probabilities or [T] columns; or a function from contexts [n, d] to [n, K] or [n]."""
Propensity = Callable[[int, Floats], ArrayLike]
"""A function from a round and contexts [n, d] to the design's probabilities [n, K] in that round at those contexts."""

KEPT_NUMBERS = 1 << 25
"""Variances that are kept between two passes over the batches: 256 mebibytes of doubles."""


def named_policies(policy: Policy | Mapping[str, Policy]) -> Mapping[str, Policy]:
    """Policies by name: a mapping as it is, a single policy by the arm's or the function's name."""
    if isinstance(policy, Mapping):
        if not policy:
            raise InvalidArgument("policy", "is an empty mapping; expected a policy or names with policies.")
        return policy
    name = getattr(policy, "__name__", "policy") if callable(policy) else "policy"
    return {str(policy) if _is_arm(policy) else "policy" if name == "<lambda>" else name: policy}


def _is_arm(policy: Any) -> bool:
    return np.ndim(policy) == 0 and not callable(policy)


def policy_probabilities(log: AdaptiveLog, policy: Policy, name: str) -> Floats:
    """[T, K]: the probability with which ``policy`` takes each arm at each round's context.

    What is neither an arm nor one probability vector (or one arm) per round is refused by its ``name``.
    """
    if _is_arm(policy):
        chance = np.zeros((log.n_rounds, log.n_arms))
        chance[:, log.column(policy)] = 1.0  # type: ignore[arg-type] # a scalar, so it is hashable
        return chance
    if callable(policy):
        policy = policy(log.known_contexts("policy", f"{name!r} is a function of contexts"))
    given = np.asarray(policy)
    if given.shape == (log.n_rounds,):
        return _one_hot(log, given, name)
    shaped(given, f"policy {name!r}", (log.n_rounds, log.n_arms), "probabilities [T, K], or [T] arms")
    return probability_rows(np.asarray(given, dtype=np.float64), f"policy {name!r}")


def _one_hot(log: AdaptiveLog, arms: NDArray[Any], name: str) -> Floats:
    """[T, K] from [T] columns or names."""
    if arms.dtype.kind == "b":
        arms = arms.astype(np.int64)
    columns = arms if arms.dtype.kind in "iu" else np.array([log.column(arm) for arm in arms.tolist()])
    bad = np.flatnonzero((columns < 0) | (columns >= log.n_arms))
    if len(bad):
        given = f"{name!r} gave the column {columns[bad[0]]} in row {bad[0]}"
        raise InvalidArgument("policy", f"{given}; expected 0 … {log.n_arms - 1}.")
    chance = np.zeros((log.n_rounds, log.n_arms))
    chance[np.arange(log.n_rounds), columns] = 1.0
    return chance


@dataclass(frozen=True)
class DesignRules:
    """What the design would have done at any round's context: one rule for each of B batches.

    ``starts`` [B] are the batches' first rounds. Rules that ignore contexts are a ``table`` [B, K]; where there is
    none, the propensity ``function`` tells them.
    """

    log: AdaptiveLog
    starts: Integers
    table: Floats | None
    function: Propensity | None

    @classmethod
    def of(cls, log: AdaptiveLog, propensity: Propensity | None, weighting: str) -> DesignRules:
        """The rules of a log's batches; of a function, every round is a batch where the log names none.

        A ``weighting`` is refused when neither the log nor a function tells propensities at other contexts.
        """
        log.all_propensities("weighting", weighting)
        if propensity is not None:
            function(propensity, "propensity", "a function propensity(t, contexts) of the design's probabilities")
            log.known_contexts("propensity", "is a function of contexts")
            return cls(log, np.arange(log.n_rounds) if log.batches is None else log.batch_starts(), None, propensity)
        known = log.batch_rules()
        if known is None:
            lack = "needs each round's propensities at the contexts of other rounds, too; the log has its own only"
            fix = "Pass propensity, a function (t, contexts) -> [n, K], log batches without contexts, or use 'uniform'"
            raise InvalidArgument("weighting", f"was {weighting!r}, which {lack}. {fix}.")
        return cls(log, known[0], known[1], None)

    @property
    def sizes(self) -> Integers:
        """[B] rounds in each batch."""
        return np.diff(np.append(self.starts, self.log.n_rounds))

    def variances(self, chances: Sequence[Floats]) -> Iterator[tuple[slice, Floats]]:
        """For every batch its rounds and [P, T]: φ of each policy at all rounds' contexts (`policy_variance`).

        The user's function is asked once for each batch, at all contexts.
        """
        stops = np.append(self.starts[1:], self.log.n_rounds)
        for number, (start, stop) in enumerate(zip(self.starts.tolist(), stops.tolist(), strict=True)):
            rows = slice(start, stop)
            rule = self._asked(rows) if self.table is None else self.table[number : number + 1]
            yield rows, np.stack([policy_variance(chance, rule) for chance in chances])

    def twice(self, chances: Sequence[Floats]) -> tuple[Iterable[tuple[slice, Floats]], ...]:
        """`variances` two times over. They are kept in between, if a function made them and ``KEPT_NUMBERS`` will do;
        else they are made anew.
        """
        if self.table is None and len(chances) * len(self.starts) * self.log.n_rounds <= KEPT_NUMBERS:
            kept = list(self.variances(chances))
            return kept, kept
        return self.variances(chances), self.variances(chances)

    def _asked(self, rows: slice) -> Floats:
        """[T, K]: what the function gives for a batch, after checks that it is the rule the log was made by."""
        log = self.log
        assert self.function is not None
        assert log.contexts is not None
        assert log.propensities is not None
        values = np.asarray(self.function(rows.start, log.contexts), dtype=np.float64)
        asked = f"propensity({rows.start}, contexts)"
        probability_rows(shaped(values, asked, (log.n_rounds, log.n_arms), "[n, K]"), asked)
        off = np.abs(values[rows] - log.propensities[rows]).max(axis=1) > 1e-6
        if off.any():
            row = rows.start + int(np.argmax(off))
            raise InvalidArgument(
                "propensity",
                f"({rows.start}, contexts) gives {values[row].round(6).tolist()} for round {row}, but the log has "
                f"{log.propensities[row].round(6).tolist()}: it is not the rule that the design used.",
            )
        return values
