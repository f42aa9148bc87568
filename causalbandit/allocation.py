"""Thompson allocation: the share of posterior draws that each arm wins, kept above a floor.

>>> import numpy as np
>>> draws = np.array([[0.2, 0.1], [-0.1, 0.3], [-0.2, -0.4], [0.5, 0.1]])   # two arms minus control, four draws
>>> thompson_allocation(draws, epsilon=0.0).tolist()                        # control wins the draw without a gain
[0.25, 0.5, 0.25]
>>> thompson_allocation(draws, epsilon=0.9).round(3).tolist()               # no arm below 0.9 / 3
[0.3, 0.4, 0.3]
>>> thompson_allocation(draws, epsilon=0.0, names=["control", "red", "blue"])
{'control': 0.25, 'red': 0.5, 'blue': 0.25}
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import numpy.typing as npt

from causalbandit.arrays import Floats, Integers
from causalbandit.checks import distinct, finite_array, numeric_array, one_each, one_of, probability_rows, shaped
from causalbandit.errors import InvalidArgument, listing

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["contrasts", "arms"]
Segments = Sequence[Hashable] | Mapping[Hashable, Any]


def win_frequencies(values: npt.ArrayLike) -> Floats:
    """Share of S draws [S, ..., K] in which each of K arms has the largest value, [..., K]; ties go to the first."""
    array = np.asarray(values, dtype=np.float64)
    winners = array.argmax(axis=-1)
    return np.asarray((winners[..., None] == np.arange(array.shape[-1])).mean(axis=0))


def floor_allocation(weights: npt.ArrayLike, epsilon: float | npt.ArrayLike) -> Floats:
    """Probability vectors with no entry below ε/K: low entries are raised to exactly ε/K, the rest rescaled.

    Rescaling can push further entries below the floor; they are raised and fixed in turn, in at most K passes. A vector
    without an entry below the floor is returned unchanged. ``weights`` and what is returned are [..., K], each row with
    the sum 1; ``epsilon`` is the total share kept for the floor, and 1 is the uniform allocation.

    Raises
    ------
    InvalidArgument
        If ``epsilon`` is outside [0, 1], or a row of ``weights`` is not a probability vector.
    """
    share = np.asarray(epsilon, dtype=np.float64)
    if not np.all((share >= 0.0) & (share <= 1.0)):
        raise InvalidArgument("epsilon", f"was {epsilon!r}; it is a share between 0 (no floor) and 1 (uniform).")
    floored = np.array(weights, dtype=np.float64, ndmin=1)
    probability_rows(floored.reshape(-1, floored.shape[-1]), "weights", 1e-5)
    floor = np.broadcast_to((share / floored.shape[-1])[..., None], floored.shape)
    fixed = np.zeros(floored.shape, dtype=bool)
    for _ in range(floored.shape[-1]):
        low = ~fixed & (floored < floor)
        if not low.any():
            break
        fixed |= low
        floored[low] = floor[low]
        free_mass = np.where(fixed, 0.0, floored).sum(axis=-1, keepdims=True)
        left = 1.0 - np.where(fixed, floored, 0.0).sum(axis=-1, keepdims=True)
        touched = low.any(axis=-1, keepdims=True) & (free_mass > 0.0)
        scale = np.where(touched, left / np.where(free_mass > 0.0, free_mass, 1.0), 1.0)
        floored = np.where(fixed, floored, floored * scale)
    return floored


@overload
def thompson_allocation(
    draws: npt.ArrayLike, epsilon: float = ..., segments: None = ..., kind: Kind = ..., *, names: None = ...
) -> Floats: ...
@overload
def thompson_allocation(
    draws: npt.ArrayLike, epsilon: float = ..., segments: None = ..., kind: Kind = ..., *, names: Sequence[Hashable]
) -> dict[Hashable, float]: ...
@overload
def thompson_allocation(
    draws: npt.ArrayLike,
    epsilon: float = ...,
    segments: Segments = ...,
    kind: Kind = ...,
    *,
    names: None = ...,
    members: pd.DataFrame | None = ...,
) -> pd.DataFrame: ...
@overload
def thompson_allocation(
    draws: npt.ArrayLike,
    epsilon: float = ...,
    segments: Segments = ...,
    kind: Kind = ...,
    *,
    names: Sequence[Hashable],
    members: pd.DataFrame | None = ...,
) -> dict[Hashable, dict[Hashable, float]]: ...
def thompson_allocation(
    draws: npt.ArrayLike,
    epsilon: float = 0.02,
    segments: Segments | None = None,
    kind: Kind = "contrasts",
    *,
    names: Sequence[Hashable] | None = None,
    members: pd.DataFrame | None = None,
) -> Floats | pd.DataFrame | dict[Hashable, float] | dict[Hashable, dict[Hashable, float]]:
    """Next round's assignment probabilities: each arm's share of posterior draws won, with a floor of ε/K.

    Parameters
    ----------
    draws : array_like
        Posterior draws. ``kind="contrasts"``: [S, K−1], arms 1..K−1 minus control (arm 0), and control wins a draw in
        which no contrast is positive. ``kind="arms"``: [S, K], values of all arms. With ``segments`` a members axis
        stands in between: [S, M, K−1] or [S, M, K].
    epsilon : float
        Share of all assignments kept for the floor, in [0, 1].
    segments : sequence or mapping, optional
        A label per member (length M); or a mapping from label to the segment's members: their positions, a Boolean mask
        of length M, or a rule on ``members``, in words of their columns ("age < 30 and country == 'de'") or as a
        function of the frame that gives such a mask. Segments may overlap, and need not hold every member.
        The draws are averaged over a segment's members first, then compared.
    kind : {"contrasts", "arms"}
        What the draws are of.
    names : sequence, optional
        Names of the K arms, control first for contrasts.
    members : pandas.DataFrame, optional
        What rules look at, [M] rows in the order of the draws' members.

    Returns
    -------
    numpy.ndarray, pandas.DataFrame or dict
        [K]; with ``segments`` a frame with columns ``segment``, ``arm``, ``weight``, one row per segment and arm. With
        ``names`` a dictionary name → weight, which a policy may return from ``probabilities()`` as it is; with segments
        too, one per segment: segment → name → weight.

    Raises
    ------
    InvalidArgument
        For an ``epsilon`` outside [0, 1], draws of another shape or not finite, a segment without members, a rule that
        the members' columns do not answer.
    """
    one_of(kind, "kind", ("contrasts", "arms"))
    values = numeric_array(draws, "draws", "one row per posterior draw")
    last = "K-1" if kind == "contrasts" else "K"
    hint = "; for draws per member pass segments" if segments is None and values.ndim == 3 else ""
    axes = ("S", last) if segments is None else ("S", "M", last)
    shaped(values, "draws", axes, f"draws{'' if segments is None else ', members'} and arms of the kind {kind!r}{hint}")
    finite_array(values, "draws")
    if kind == "contrasts":
        values = np.concatenate([np.zeros((*values.shape[:-1], 1)), values], axis=-1)
    labels: list[Hashable] = list(range(values.shape[-1]) if names is None else names)
    one_each(labels, "names", values.shape[-1], "arms")
    distinct(labels, "names")
    if segments is None:
        weights = floor_allocation(win_frequencies(values), epsilon)
        return weights if names is None else _keyed(labels, weights)
    within = _members(segments, values.shape[1], members)
    by_segment = np.stack([values[:, rows].mean(axis=1) for rows in within.values()], axis=1)
    weights = floor_allocation(win_frequencies(by_segment), epsilon)
    if names is not None:
        return {label: _keyed(labels, row) for label, row in zip(within, weights, strict=True)}
    import pandas as pd

    return pd.DataFrame(
        {
            "segment": [label for label in within for _ in labels],
            "arm": labels * len(within),
            "weight": weights.ravel(),
        }
    )


def _keyed(labels: Sequence[Hashable], weights: Floats) -> dict[Hashable, float]:
    return dict(zip(labels, weights.tolist(), strict=True))


def _members(segments: Segments, size: int, frame: pd.DataFrame | None) -> dict[Hashable, Integers]:
    """Member positions per segment label, in order of first appearance."""
    if isinstance(segments, Mapping):
        if not segments:
            raise InvalidArgument("segments", "is empty; name at least one segment, or leave segments out.")
        return {label: _positions(label, _ruled(label, rows, size, frame), size) for label, rows in segments.items()}
    members: dict[Hashable, Integers] = {}
    labels = list(segments)
    one_each(labels, "segments", size, "members")
    categories = getattr(getattr(segments, "dtype", None), "categories", None)
    empty = [] if categories is None else [c for c in categories if c not in set(labels)]
    if empty:
        raise InvalidArgument("segments", f"has no members in {empty[0]!r}; drop the unused category or give it some.")
    for position, label in enumerate(labels):
        if label is None or label != label:
            raise InvalidArgument("segments", f"lacks the label of member {position}; give every member one.")
        members.setdefault(label, np.flatnonzero([other == label for other in labels]))
    return members


def _ruled(label: Hashable, rule: Any, size: int, frame: pd.DataFrame | None) -> Any:
    """The mask that a segment's rule gives; positions and masks as they are."""
    if not isinstance(rule, str) and not callable(rule):
        return rule
    if frame is None:
        raise InvalidArgument("members", f"are missing: {label!r} has a rule; give it a frame with a row per member.")
    one_each(frame, "members", size, "members of the draws")
    try:
        mask = np.asarray(frame.eval(rule) if isinstance(rule, str) else rule(frame))
    except (LookupError, NameError, SyntaxError, TypeError, ValueError) as error:
        known = f"the members' columns are {listing(list(frame.columns))}"
        raise InvalidArgument("segments", f"has the rule {rule!r} for {label!r}: {error}; {known}.") from error
    if mask.dtype != bool:
        raise InvalidArgument("segments", f"has the rule {rule!r} for {label!r}; expected one that is true or false.")
    return mask


def _positions(label: Hashable, rows: Any, size: int) -> Integers:
    """The members of the segment ``label``, from their positions or a mask."""
    positions = np.asarray(rows)
    if positions.dtype == bool:
        positions = np.flatnonzero(shaped(positions, f"segments[{label!r}]", (size,), "one boolean per member"))
    if positions.size == 0:
        raise InvalidArgument("segments", f"has no members in {label!r}; leave it out or give it some.")
    outside = positions[(positions < 0) | (positions >= size)]
    if outside.size:
        raise InvalidArgument("segments", f"names member {outside[0]} in {label!r}; members are 0 to {size - 1}.")
    return positions.astype(np.int64)
