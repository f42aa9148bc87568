"""Predictions of each arm's outcome from the past only: running means, or a model refitted on a schedule.

A score is unbiased whatever prediction it contains, as long as the prediction for round t was made before round t's
outcome was seen. A model fitted on all data breaks that silently, so it is refused here unless asked for by name.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from causalbandit.arrays import Floats, Integers, row_blocks
from causalbandit.checks import ascending, broadcast, finite_array, methods, numeric_array
from causalbandit.errors import InvalidArgument, listing

N_REFITS = 20
"""Refits of a model when no schedule is given: enough for the last to see nine tenths of the data."""


class LookaheadWarning(UserWarning):
    """Outcome means were fitted on data that come after the rounds they are used in."""


def running_means(outcomes: Floats, arms: Integers, n_arms: int) -> Floats:
    """[T, K]: the mean outcome of each arm over the rounds before t; 0 before the arm's first.

    One pass with a carry from block to block: O(T·K) time, no temporary larger than a block.
    """
    means = np.empty((len(outcomes), n_arms))
    total, count = np.zeros(n_arms), np.zeros(n_arms)
    for rows in row_blocks(len(outcomes), n_arms):
        size = rows.stop - rows.start
        place = np.arange(1, size + 1)
        sums, counts = np.zeros((size + 1, n_arms)), np.zeros((size + 1, n_arms))
        sums[0], counts[0] = total, count
        sums[place, arms[rows]] = outcomes[rows]
        counts[place, arms[rows]] = 1.0
        np.cumsum(sums, axis=0, out=sums)
        np.cumsum(counts, axis=0, out=counts)
        total, count = sums[-1].copy(), counts[-1].copy()
        np.maximum(counts, 1.0, out=counts)
        np.divide(sums[:-1], counts[:-1], out=means[rows])
    return means


def refit_rounds(n_rounds: int, starts: Integers | None = None) -> Integers:
    """Rounds at which a model is fitted anew, growing geometrically so that all fits cost a few times the last.

    With the first rounds of batches in ``starts``, each refit waits for the next batch to begin.
    """
    grid = np.unique(np.geomspace(min(10, n_rounds), n_rounds, N_REFITS + 1)[:-1].astype(np.int64))
    if starts is None:
        return grid
    later = np.searchsorted(starts, grid)
    return np.unique(starts[later[later < len(starts)]])


def past_means(
    outcome_means: Any,
    outcomes: Floats,
    arms: Integers,
    n_arms: int,
    *,
    contexts: Floats | None = None,
    refit_at: Sequence[int] | Integers | None = None,
    allow_lookahead: bool = False,
) -> Floats:
    """[T, K]: what ``outcome_means`` predicts for each arm in each round, from earlier rounds; as in `aipw_scores`.

    Of an unfitted regressor one copy per arm is fitted on the rounds before each refit and predicts the rounds up to
    the next; before an arm has enough rounds (one more than there are context columns, and at least two), its running
    mean is used. A model that is fitted already, and means that equal the full sample's, are refused or, where they are
    allowed, flagged with a `LookaheadWarning`.
    """
    if outcome_means is None:
        return running_means(outcomes, arms, n_arms)
    if not (hasattr(outcome_means, "fit") and hasattr(outcome_means, "predict")):
        means = _broadcast(outcome_means, len(outcomes), n_arms)
        if np.ndim(outcome_means) > 0:  # one number for all arms is a guess, such as 0
            _check_peeking(means, outcomes, arms, allow_lookahead)
        return means
    methods(outcome_means, "outcome_means", ("fit", "predict"), "a model has them")
    if contexts is None:
        raise InvalidArgument("outcome_means", "is a model, which needs contexts to predict from; else use None.")
    if not _is_fitted(outcome_means):
        return _fitted_on_the_past(outcome_means, outcomes, arms, n_arms, contexts, refit_at)
    _refuse_lookahead(
        allow_lookahead,
        f"is a {type(outcome_means).__name__} that is fitted already, so its predictions may have "
        "seen the outcomes that they are subtracted from. Pass it unfitted (it is then fitted on the past only)",
    )
    predicted = np.asarray(outcome_means.predict(contexts), dtype=np.float64)
    return _broadcast(predicted[:, None] if predicted.ndim == 1 else predicted, len(outcomes), n_arms)


def _broadcast(values: ArrayLike, n_rounds: int, n_arms: int) -> Floats:
    """A writable [T, K] copy."""
    given = numeric_array(values, "outcome_means", "expected None (running means), predictions [T, K] or a regressor")
    means = broadcast(given, "outcome_means", (n_rounds, n_arms)).copy()
    return finite_array(means, "outcome_means", "; use 0 before an arm has data")


def _check_peeking(means: Floats, outcomes: Floats, arms: Integers, allow_lookahead: bool) -> None:
    """Refuse means that already know, in the first round, the mean of outcomes still to come."""
    n_arms = means.shape[1]
    pulls = np.bincount(arms, minlength=n_arms)
    full = np.bincount(arms, outcomes, n_arms) / np.maximum(pulls, 1)
    spread = np.bincount(arms, (outcomes - full[arms]) ** 2, n_arms) > 0.0
    equal = np.abs(means[0] - full) <= 1e-12 * np.maximum(1.0, np.abs(full))
    knows = (pulls > 1) & spread & (means[0] != 0.0) & equal
    if knows.any():
        _refuse_lookahead(
            allow_lookahead,
            f"of the arms in columns {listing(np.flatnonzero(knows).tolist())} equal, in the first round, the mean of "
            "all of that arm's outcomes: they look ahead. Use None (running means of the past)",
        )


def _refuse_lookahead(allowed: bool, reason: str) -> None:
    if not allowed:
        raise InvalidArgument(
            "outcome_means", f"{reason}, or pass allow_lookahead=True to use it all the same, without a guarantee."
        )
    warnings.warn(f"outcome_means {reason}. The intervals are not guaranteed.", LookaheadWarning, stacklevel=4)


def _is_fitted(model: Any) -> bool:
    """Whether a scikit-learn style estimator has been fitted: it says so, or it has attributes that end in "_"."""
    if hasattr(model, "__sklearn_is_fitted__"):
        return bool(model.__sklearn_is_fitted__())
    return any(name.endswith("_") and not name.startswith("_") for name in getattr(model, "__dict__", {}))


def _fitted_on_the_past(
    model: Any,
    outcomes: Floats,
    arms: Integers,
    n_arms: int,
    contexts: Floats,
    refit_at: Sequence[int] | Integers | None,
) -> Floats:
    """[T, K]: predictions of copies of ``model``, one per arm, each fitted on rounds before the ones it predicts."""
    n_rounds = len(outcomes)
    when = refit_rounds(n_rounds) if refit_at is None else np.unique(np.asarray(refit_at, dtype=np.int64))
    if len(when):
        ascending(when.tolist(), "refit_at", 0, n_rounds - 1, "rounds")
    means = running_means(outcomes, arms, n_arms)
    enough = max(2, contexts.shape[1] + 1)
    for start, stop in pairwise((*when.tolist(), n_rounds)):
        for arm in range(n_arms):
            seen = np.flatnonzero(arms[:start] == arm)
            if len(seen) >= enough:
                fresh = copy.deepcopy(model)
                fresh.fit(contexts[seen], outcomes[seen])
                means[start:stop, arm] = fresh.predict(contexts[start:stop])
    return means
