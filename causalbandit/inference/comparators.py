"""Estimators to compare weighted ones with: W-decorrelation, naive contrasts, and contrasts by a union bound.

>>> import numpy as np
>>> log = AdaptiveLog([0, 1] * 50, np.tile([0.0, 1.0, 2.0, 3.0], 25), np.full((100, 2), 0.5))
>>> decorrelated_means(log, penalty=5.0)["estimate"].round(3).tolist()
[0.909, 1.909]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from causalbandit.arrays import Floats
from causalbandit.checks import error_rate, number
from causalbandit.inference.arm_values import sample_moments
from causalbandit.inference.estimates import Estimates
from causalbandit.inference.log import AdaptiveLog, require_log

if TYPE_CHECKING:
    import pandas as pd


def decorrelated_means(log: AdaptiveLog, penalty: float | None = None, alpha: float = 0.05) -> pd.DataFrame:
    """One row per arm: its mean outcome, corrected by weights that do not depend on when the arm was taken.

    With the arm's n outcomes Y_i in the order of time, their mean Ȳ and w_i = (1 − Σ_{j<i} w_j)/(1 + λ): estimate
    Ȳ + Σ w_i(Y_i − Ȳ), standard error s·√(Σ w_i²) with s the arm's own standard deviation.

    Parameters
    ----------
    log
        The checked record.
    penalty
        λ > 0: larger values leave more bias and less variance. It is to be fixed before the data, as a low quantile of
        the smallest arm's number of rounds, divided by log T. Default: this log's smallest number of rounds (at least
        1) divided by log T.
    alpha
        Error rate of each interval by itself.

    Notes
    -----
    Source: Deshpande, Mackey, Syrgkanis & Taddy (ICML 2018), algorithm 1, for a design matrix of one column per arm.
    """
    require_log(log)
    if penalty is not None:
        penalty = number(penalty, "penalty", above=0)
    estimates, errors = decorrelated_moments(log, penalty)
    note = "W-decorrelated means; their intervals ignore what bias is left. For comparison."
    sizes = log.pulls.astype(np.float64)
    return Estimates(log.names, estimates, errors, None, sizes, rounds=log.pulls, notes=(note,)).values(
        error_rate(alpha)
    )


def decorrelated_moments(log: AdaptiveLog, penalty: float | None = None) -> tuple[Floats, Floats]:
    """[K] estimates and [K] standard errors of `decorrelated_means`; NaN for an arm without rounds or spread."""
    if penalty is None:
        penalty = max(1, int(log.pulls.min())) / np.log(log.n_rounds)
    estimates, errors = sample_moments(log)
    kept = penalty / (1.0 + penalty)  # what is left of one after a round
    for arm in np.flatnonzero(~np.isnan(errors)):
        own = log.outcomes[log.arms == arm]
        weights = kept ** np.arange(len(own)) / (1.0 + penalty)
        off = own - estimates[arm]
        estimates[arm] += float(weights @ off)
        errors[arm] = float(np.sqrt((off @ off) / len(own) * (weights @ weights)))
    return estimates, errors


def union_bound(lower: Floats, upper: Floats, control: int = 0) -> tuple[Floats, Floats]:
    """[K] lower and [K] upper ends for arm minus ``control``, from intervals of the arms at half the error rate each.

    Valid whenever the two intervals are, whatever their dependence: either misses with probability at most α/2.
    """
    return lower - upper[control], upper - lower[control]
