"""Time-uniform boundaries of Howard, Ramdas, McAuliffe & Sekhon (2021) for sums of centred observations.

A boundary u(v) is crossed by the sum S_t at intrinsic time V_t, for any t at all, with probability at most α. Every
function takes a number or an array of any shape for v (a whole path at once) and says for which sums it holds:

============================== ============== ==========================================================================
function                       spends         holds for a martingale S_t whose
============================== ============== ==========================================================================
`normal_mixture`               α, both sides  increments are sub-Gaussian, V_t the sum of their variance factors
                               (or one side)  (bounded in an interval of width b: b²/4 each)
`gamma_exponential_mixture`    α, one side    increments are sub-exponential of scale c, V_t their variance; with the
                                              empirical variance of observations in an interval of width c
`polynomial_stitching`         α, one side    increments are sub-gamma of scale c (c = 0: sub-Gaussian)
============================== ============== ==========================================================================

"Both sides" means that a two-sided mixture's boundary holds for S_t and for −S_t together with α in all. A one-sided
boundary used for both costs 2α: give it α/2.

``v_opt`` is the intrinsic time at which the boundary is (nearly) the tightest of its kind. It is tuning: any value
fixed before the data gives a valid boundary.

>>> round(normal_mixture(100.0, alpha=0.05, v_opt=100.0), 3)
30.352
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from causalbandit.arrays import Floats, Integers
from causalbandit.checks import error_rate, number
from causalbandit.errors import InvalidArgument

OneOrMany = TypeVar("OneOrMany", float, Floats)
"""A number, or an array of any shape; the answer is of the same kind."""

# -- the boundaries --------------------------------------------------------------------------------------------------


def normal_mixture(
    v: OneOrMany, alpha: float, v_opt: float, *, alpha_opt: float = 0.05, one_sided: bool = False
) -> OneOrMany:
    """The normal mixture boundary at intrinsic time ``v``: two-sided √((v+ρ)·log((v+ρ)/(ρα²))), one-sided by root
    finding.

    Parameters
    ----------
    v
        Intrinsic time(s), ≥ 0.
    alpha
        Crossing probability, in (0, 1); two-sided: of S_t and −S_t together.
    v_opt, alpha_opt
        The boundary is tightest at ``v_opt`` for crossing probability ``alpha_opt``.

    Notes
    -----
    Source: Howard et al. (2021), two-sided and one-sided normal mixture. Closed form O(1) per value when two-sided.
    """
    times = _times(v, alpha, v_opt, alpha_opt)
    rho = _rho(v_opt, alpha_opt, one_sided)
    if not one_sided:
        return _like(v, np.sqrt((times + rho) * (np.log((times + rho) / rho) - 2.0 * math.log(alpha))))
    high = np.sqrt(
        (times + rho) * (np.log(4.0 * (times + rho) / rho) - 2.0 * math.log(alpha))
    )  # a little above the root
    return _like(v, _crossing(lambda s, at: log_normal_mixture(s, times[at], v_opt, alpha_opt, True), alpha, high))


def log_normal_mixture(
    s: ArrayLike, v: ArrayLike, v_opt: float, alpha_opt: float = 0.05, one_sided: bool = False
) -> Any:
    """Log of the normal mixture supermartingale at sum ``s`` and intrinsic time ``v``: log 1/α on the boundary."""
    from scipy.special import log_ndtr

    rho = _rho(v_opt, alpha_opt, one_sided)
    total, time = np.asarray(s, dtype=np.float64), np.asarray(v, dtype=np.float64) + rho
    value = 0.5 * np.log(rho / time) + total * total / (2.0 * time)
    return value + math.log(2.0) + log_ndtr(total / np.sqrt(time)) if one_sided else value


def gamma_exponential_mixture(
    v: OneOrMany, alpha: float, v_opt: float, c: float, *, alpha_opt: float = 0.05
) -> OneOrMany:
    """The gamma-exponential mixture boundary at intrinsic time ``v``: one-sided, for sub-exponential sums of scale
    ``c`` > 0.

    With observations in an interval of width c and V_t = Σ(Y_i − Ŷ_i)², Ŷ_i in that interval and from the past, this is
    an empirical Bernstein boundary: it holds for Σ(Y_i − μ) and, at another α, for its negative.

    Notes
    -----
    Source: Howard et al. (2021), gamma-exponential mixture, and theorem 4 for its use with an empirical variance. By
    root finding over the whole path at once, about ten evaluations of an incomplete gamma function per value.
    """
    times = _times(v, alpha, v_opt, alpha_opt)
    number(c, "c", above=0, fix="It is the scale, for bounded observations the width of their interval.")
    level = -math.log(alpha)
    high = np.sqrt(2.0 * (times + v_opt) * (level + 2.0)) + 2.0 * c * (level + 2.0)
    return _like(
        v, _crossing(lambda s, at: log_gamma_exponential_mixture(s, times[at], v_opt, c, alpha_opt), alpha, high)
    )


def log_gamma_exponential_mixture(s: ArrayLike, v: ArrayLike, v_opt: float, c: float, alpha_opt: float = 0.05) -> Any:
    """Log of the gamma-exponential mixture supermartingale at sum ``s`` and intrinsic time ``v``.

    Written with the remainder of Stirling's formula, so that large arguments do not cancel: with a = (v+ρ)/c²,
    b = ρ/c² and u = s/(c·a), it is r(a) − r(b) + a(u − log(1+u)) + log P(a, a(1+u)) − log P(b, b), where
    r(x) = log Γ(x) − x log x + x and P is the regularized lower incomplete gamma function.
    """
    from scipy.special import gammainc

    rho = _rho(v_opt, alpha_opt, True)
    a = (np.asarray(v, dtype=np.float64) + rho) / (c * c)
    b = rho / (c * c)
    u = np.asarray(s, dtype=np.float64) / (c * a)
    grown = a * (u - np.log1p(u))
    return (
        _stirling_remainder(a)
        - _stirling_remainder(np.asarray(b))
        + grown
        + np.log(gammainc(a, a * (1.0 + u)))
        - math.log(gammainc(b, b))
    )


def log_beta_binomial_mixture(
    s: ArrayLike, v: ArrayLike, v_opt: float | Floats, g: float | Floats, h: float | Floats, alpha_opt: float = 0.05
) -> Any:
    """Log of the two-sided beta-binomial mixture supermartingale at sum ``s`` of t increments in [−g, h] and intrinsic
    time ``v`` = g·h·t; arguments broadcast. Source: Howard et al. (2021).
    """
    from scipy.special import betaln

    total, time = np.asarray(s, dtype=np.float64), np.asarray(v, dtype=np.float64)
    width = np.asarray(g + h, dtype=np.float64)
    r = np.maximum(_rho(v_opt, alpha_opt, False) - g * h, 1e-3 * g * h)  # a prior of positive weight
    ups = np.maximum((time / h + total) / width, 0.0)  # how often the increment h would give this sum
    downs = np.maximum((time / g - total) / width, 0.0)
    prior_downs, prior_ups = r / (g * width), r / (h * width)
    return (
        (ups + downs) * np.log(width)
        - ups * np.log(g)
        - downs * np.log(h)
        + betaln(prior_downs + downs, prior_ups + ups)
        - betaln(prior_downs, prior_ups)
    )


def polynomial_stitching(
    v: OneOrMany, alpha: float, v_min: float, *, c: float = 0.0, s: float = 1.4, eta: float = 2.0
) -> OneOrMany:
    """The polynomial stitched boundary at intrinsic time ``v``: one-sided, grows like √(v log log v), in closed form.

    Parameters
    ----------
    v_min
        The intrinsic time from which on the boundary is tight; below, it is constant.
    c
        Scale of sub-gamma increments; 0 for sub-Gaussian ones.
    s, eta
        Exponent of the share of α that each epoch gets (> 1), and the ratio of one epoch to the one before (> 1). The
        defaults are those of the source's figures.

    Notes
    -----
    Source: Howard et al. (2021), theorem 1 with h(k) = (k+1)^s ζ(s).
    """
    from scipy.special import zeta

    times = _times(v, alpha, v_min, 0.05)
    number(s, "s", above=1)
    number(eta, "eta", above=1)
    number(c, "c", least=0)
    k1 = (eta**0.25 + eta**-0.25) / math.sqrt(2.0)
    k2 = (math.sqrt(eta) + 1.0) / 2.0
    reached = np.maximum(times, v_min)
    level = s * np.log(np.log(eta * reached / v_min)) + math.log(zeta(s) / (alpha * math.log(eta) ** s))
    linear = k2 * c * level
    return _like(v, np.sqrt(k1 * k1 * reached * level + linear * linear) + linear)


# -- their parts -----------------------------------------------------------------------------------------------------


def _rho(v_opt: Any, alpha_opt: float, one_sided: bool) -> Any:
    """The mixture's precision ρ for which the boundary is tightest at ``v_opt`` (Howard et al. 2021)."""
    log_term = -2.0 * math.log(2.0 * alpha_opt if one_sided else alpha_opt)
    return v_opt / (log_term + math.log1p(log_term))


def _stirling_remainder(x: Floats) -> Floats:
    """log Γ(x) − x log x + x, by its asymptotic series for x > 30, where it is exact to 1e−16."""
    from scipy.special import gammaln

    large = np.maximum(x, 30.0)
    inverse = 1.0 / (large * large)
    terms = 1.0 / 12.0 - inverse * (
        1.0 / 360.0 - inverse * (1.0 / 1260.0 - inverse * (1.0 / 1680.0 - inverse / 1188.0))
    )
    series = 0.5 * np.log(2.0 * math.pi / large) + terms / large
    small = np.minimum(x, 30.0)
    return np.where(x > 30.0, series, gammaln(small) - small * np.log(small) + small)


def _times(v: ArrayLike, alpha: float, v_opt: float, alpha_opt: float) -> Floats:
    """Intrinsic times as a flat array, with all tuning checked."""
    error_rate(alpha)
    error_rate(alpha_opt, "alpha_opt")
    number(v_opt, "v_opt", above=0, fix="It is the intrinsic time where the boundary is to be tight.")
    times = np.asarray(v, dtype=np.float64)
    if not (times >= 0.0).all():
        raise InvalidArgument("v", f"holds {times[~(times >= 0.0)].flat[0]:g}; intrinsic time is a variance, ≥ 0.")
    return times.ravel()


def _like(v: OneOrMany, flat: Floats) -> OneOrMany:
    """A float for a number, else an array of v's shape."""
    shape = np.shape(v)
    result: Any = float(flat[0]) if shape == () else flat.reshape(shape)
    return result  # type: ignore[no-any-return]


def _crossing(log_mixture: Callable[[Floats, Integers], Any], alpha: float, high: Floats) -> Floats:
    """The sum s ≥ 0 at which an increasing ``log_mixture(s, at)`` reaches log 1/α, for every index ``at``.

    ``high`` is an upper end; it is doubled until it lies beyond the root.
    """
    level = -math.log(alpha)
    high = high.copy()
    short = log_mixture(high, np.arange(len(high))) < level
    while short.any():
        at = np.flatnonzero(short)
        high[at] *= 2.0
        short[at] = log_mixture(high[at], at) < level
    return find_root(lambda s, at: log_mixture(s, at) - level, np.zeros(len(high)), high)


def find_root(
    function: Callable[[Floats, Integers], Any], low: Floats, high: Floats, tolerance: float = 1e-14
) -> Floats:
    """A root of ``function(x, at)`` between ``low`` and ``high``, for every index ``at`` at once.

    Chandrupatla's method (1997): inverse quadratic steps where they are safe, halving where not. It needs about ten
    evaluations, and problems that are solved drop out of the later ones. The ends must differ in sign; where
    one end is a root it is returned.
    """
    roots = np.empty(len(low))
    if not len(low):
        return roots
    at = np.arange(len(low))
    a, b = high.astype(np.float64), low.astype(np.float64)
    fa, fb = np.asarray(function(a, at)), np.asarray(function(b, at))
    c, fc = b.copy(), fb.copy()
    t = np.full(len(low), 0.5)
    for _ in range(200):  # halving every time reaches the last digit in half as many
        best = np.where(np.abs(fa) < np.abs(fb), a, b)
        reach = np.abs(b - a)
        near = tolerance * np.abs(best) + 1e-300
        solved = (fa == 0.0) | (fb == 0.0) | (reach <= near)
        if solved.any():
            roots[at[solved]] = best[solved]
            left = ~solved
            if not left.any():
                break
            at, a, b, c, fa, fb, fc, t = (part[left] for part in (at, a, b, c, fa, fb, fc, t))
            near, reach = near[left], reach[left]
        least = 0.5 * near / reach
        t = np.clip(t, least, 1.0 - least)
        x = a + t * (b - a)
        fx = np.asarray(function(x, at))
        same = np.sign(fx) == np.sign(fa)
        c, fc = np.where(same, a, b), np.where(same, fa, fb)
        b, fb = np.where(same, b, a), np.where(same, fb, fa)
        a, fa = x, fx
        with np.errstate(invalid="ignore", divide="ignore"):
            xi, phi = (a - b) / (c - b), (fa - fb) / (fc - fb)
            step = fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
            smooth = (phi * phi < xi) & ((1.0 - phi) ** 2 < 1.0 - xi)
        t = np.where(smooth & np.isfinite(step), step, 0.5)
    else:
        roots[at] = np.where(np.abs(fa) < np.abs(fb), a, b)
    return roots
