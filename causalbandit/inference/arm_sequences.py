"""A confidence sequence for the mean of each arm of a log: intervals that hold at every round at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from causalbandit.errors import rows_told
from causalbandit.inference.log import AdaptiveLog, require_log
from causalbandit.sequences.streams import stream_ends, tuned

if TYPE_CHECKING:
    import pandas as pd


def arm_sequences(
    log: AdaptiveLog,
    method: str,
    alpha: float = 0.05,
    *,
    bounds: tuple[float, float] | None = None,
    scale: float | None = None,
    t_opt: float = 100.0,
    intersect: bool = False,
) -> pd.DataFrame:
    """One row per round, for the arm taken in it: ``round``, ``arm``, ``pulls``, ``estimate``, ``lower``, ``upper``.

    The outcomes of one arm, in the order in which it was taken, are a stream with one mean, however the design chose
    when to take it: choices use the past only. So each arm's sequence holds at all rounds with error rate α (not all
    arms' together: divide α by the number of arms for that), if the arm's mean does not drift. Keywords as
    `mean_sequence`.
    """
    import pandas as pd

    require_log(log)
    tuning = tuned(log.outcomes, method, alpha, bounds, scale, t_opt)
    pulls, estimate, lower, upper = (np.empty(log.n_rounds) for _ in range(4))
    for arm in range(log.n_arms):
        at = np.flatnonzero(log.arms == arm)
        if not len(at):
            continue
        stream = log.outcomes[at]
        with rows_told(at.item):
            low, high = stream_ends(stream, method, tuning, intersect)
        number = np.arange(1, len(at) + 1)
        pulls[at], estimate[at], lower[at], upper[at] = number, np.cumsum(stream) / number, low, high
    names = np.empty(log.n_arms, dtype=object)
    names[:] = log.names
    return pd.DataFrame(
        {
            "round": np.arange(1, log.n_rounds + 1),
            "arm": names[log.arms],
            "pulls": pulls.astype(np.int64),
            "estimate": estimate,
            "lower": lower,
            "upper": upper,
        }
    )
