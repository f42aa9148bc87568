"""What a mixture of interventions is to learn best, by name: the weights W_ca of the mixture problem.

The mixture problem minimises max_a Σ_c W_ca / d_c over the visits d_c of the C family rows
(`causalbandit.strategies.mixture`). With β_c(a) the reach, g_c(a) the derivative of intervention a's effect by row c
and v_c = α_c(1 − α_c) the variance of one outcome in it:

==========  =====================================  ==================================================================
weighting   W_ca                                   what the value is
==========  =====================================  ==================================================================
reach       β_c(a)²                                γ* under the true tables (Yabe et al. 2018, equations 9 and 13);
                                                   it needs no table but those that reach goes by
variance    g_c(a)² v_c                            the largest variance of an estimated effect, by the delta method
contrast    (g_c(a) − g_c(a°))² v_c / resolved_a²  the largest squared ratio of the standard error of a lead to the
                                                   lead, where a° is the intervention that looks best
==========  =====================================  ==================================================================

A lead of a° is resolved_a = max(lead, its standard error so far): one that is smaller than its error may be anything of
that size. The last two are beyond the paper, and its bound on the regret is not proved for them. They go by variances
alone and give few experiments to rows with α near 0 or 1, whose estimates may then be biased by the half counts that
are added, (ones + ½)/(visits + 1): they are for experiments that come on top of some visits of every row.

>>> import numpy as np
>>> gradient, cpt = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]]), np.array([0.5, 0.9])
>>> row_weights("variance", gradient, cpt).round(3).tolist()
[[0.25, 0.0, 0.0], [0.0, 0.09, 0.09]]
>>> row_weights("contrast", gradient, cpt, np.array([0.5, 0.9, 0.9])).round(3).tolist()
[[1.562, 0.0, 0.0], [0.562, 0.0, 0.0]]
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from causalbandit.arrays import Floats
from causalbandit.checks import finite_array, numeric_array, one_of, shaped
from causalbandit.errors import InvalidArgument

WEIGHTINGS = ("reach", "variance", "contrast")
"""Names, the paper's first."""
MOST = 1e100
"""Larger numbers are slips: their squares are no numbers."""
SAME = 1e-12
"""A lead this small is rounding: no number of experiments resolves it."""


def row_weights(
    weighting: str,
    gradient: Floats,
    cpt: Floats,
    gains: Floats | None = None,
    std_errors: Floats | None = None,
) -> Floats | None:
    """W, shape [C, A], from arrays that are trusted; None for "reach", which a mixture goes by when it is told nothing.

    ``gains`` [A] are effects, larger for better ones; ``std_errors`` [A] those of the best one's lead over each. A lead
    of 0 without an error gets no weight: nothing can resolve it.
    """
    if weighting == "reach":
        return None
    spread = (cpt * (1 - cpt))[:, None]
    if weighting == "variance":
        return np.asarray(gradient * gradient * spread)
    assert gains is not None
    leader = int(gains.argmax())
    resolved = gains[leader] - gains
    if std_errors is not None:
        resolved = np.maximum(resolved, std_errors)
    weights = (gradient - gradient[:, [leader]]) ** 2 * spread
    can_be = resolved > SAME
    return np.asarray(np.divide(weights, resolved**2, out=np.zeros_like(weights), where=can_be))


def lead_errors(gradient: Floats, gains: Floats, variance: Floats) -> Floats:
    """Standard errors of the best intervention's lead over each, [A], from the variances [C] of the rows' estimates."""
    lead = gradient - gradient[:, [int(gains.argmax())]]
    return np.asarray(np.sqrt(variance @ lead**2))


def checked_weights(
    weighting: str,
    shape: tuple[int, ...],
    objective: ArrayLike | None,
    gradient: ArrayLike | None,
    cpt: ArrayLike | None,
    effects: ArrayLike | None,
    std_errors: ArrayLike | None,
) -> Floats | None:
    """W for what a caller gave, None for "reach"; an InvalidArgument names what is missing or has the wrong shape."""
    if one_of(weighting, "weighting", WEIGHTINGS) == "reach":
        return None
    if objective is not None:
        raise InvalidArgument("objective", f"was given with weighting {weighting!r}, which makes it; leave one out.")
    n_rows, n_interventions = shape
    needed = {
        "gradient": (gradient, shape, "as model.gradient(interventions) returns it"),
        "cpt": (cpt, (n_rows,), "as model.cpt_for(interventions) returns it"),
    }
    if weighting == "contrast":
        needed["effects"] = (effects, (n_interventions,), "as model.effects(interventions) returns it")
        if std_errors is not None:
            needed["std_errors"] = (std_errors, (n_interventions,), "one error of the best one's lead per intervention")
    lowest, arrays = {"cpt": 0.0, "std_errors": 0.0}, {}
    for name, (values, expected, meaning) in needed.items():
        if values is None:
            raise InvalidArgument(name, f"was not given; the weighting {weighting!r} needs it, {meaning}.")
        array = shaped(numeric_array(values, name, "an array or nested lists"), name, expected, meaning)
        least, most = lowest.get(name, -MOST), 1.0 if name == "cpt" else MOST
        arrays[name] = finite_array(array, name, f", {meaning}", least=least, most=most)
    return row_weights(weighting, arrays["gradient"], arrays["cpt"], arrays.get("effects"), arrays.get("std_errors"))
