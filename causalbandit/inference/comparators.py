"""Estimators to compare weighted ones with: W-decorrelated means, and contrasts by a union bound.

>>> import numpy as np
>>> log = AdaptiveLog([0, 1] * 50, np.tile([0.0, 1.0, 2.0, 3.0], 25), np.full((100, 2), 0.5))
>>> decorrelated_moments(log, penalty=5.0)[0].round(3).tolist()
[0.909, 1.909]
"""

from __future__ import annotations

import numpy as np

from causalbandit.arrays import Floats
from causalbandit.inference.arm_values import sample_moments
from causalbandit.inference.log import AdaptiveLog


def decorrelated_moments(log: AdaptiveLog, penalty: float) -> tuple[Floats, Floats]:
    """[K] mean outcomes, corrected by weights that do not depend on when the arm was taken, and [K] standard errors.

    With the arm's n outcomes Y_i in the order of time, their mean Ȳ and w_i = (1 − Σ_{j<i} w_j)/(1 + λ): estimate
    Ȳ + Σ w_i(Y_i − Ȳ), standard error s·√(Σ w_i²) with s the arm's own standard deviation; NaN for an arm without
    rounds or spread.

    Larger ``penalty`` λ > 0 leaves more bias and less variance. It is to be fixed before the data, as a low quantile of
    the smallest arm's number of rounds, divided by log T.

    Notes
    -----
    Source: Deshpande, Mackey, Syrgkanis & Taddy (ICML 2018), algorithm 1, for a design matrix of one column per arm.
    """
    estimates, errors = sample_moments(log)
    kept = penalty / (1.0 + penalty)  # what is left of one after a round
    for arm in np.flatnonzero(~np.isnan(errors)):
        own = log.outcomes[log.arms == arm]
        weights = kept ** np.arange(len(own)) / (1.0 + penalty)
        off = own - estimates[arm]
        estimates[arm] += float(weights @ off)
        errors[arm] = float(np.sqrt((off @ off) / len(own) * (weights @ weights)))
    return estimates, errors


def union_bound(lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
    """[K] lower and [K] upper ends for arm minus the first, from intervals of the arms at half the error rate each.

    Valid whenever the two intervals are, whatever their dependence: either misses with probability at most α/2.
    """
    return lower - upper[0], upper - lower[0]
