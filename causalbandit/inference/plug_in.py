"""Effects that the graph infers from counts, with errors by the delta method: valid if the graph is right.

Every experiment counts for every row of the tables that it visits, so an effect is estimated from all data, those under
other interventions included. With μ(a) the effect of intervention a, g_c(a) its derivative by row c, and α̂_c the row's
estimate from t_c visits, the variance of the difference of two plug-in effects is

    Var = Σ_c (g_c(a) − g_c(b))² α̂_c(1 − α̂_c)/t_c,

where a row without visits has ¼ in place of α̂_c(1 − α̂_c)/t_c. Intervals are asymptotic in the visits of the rows, and
for interventions that were named before the data were seen; ``simultaneous`` ones hold for all of the set together, so
also for the one that looks best, if the experiments were not steered by what they showed.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from causalbandit.arrays import Flags, Floats
from causalbandit.checks import error_rate, one_of
from causalbandit.counts import Counts
from causalbandit.errors import InvalidArgument
from causalbandit.inference.estimates import estimate_frame, one_more_per
from causalbandit.interventions import InterventionSet
from causalbandit.propagation import propagate
from causalbandit.randomness import generator

if TYPE_CHECKING:
    import pandas as pd


DRAWS, FEWEST_DRAWS, WORK = 20_000, 2_000, 4e9
"""Draws behind the quantile of the largest |Z|: its 95 % quantile is then off by less than 1 %; with many rows and
interventions fewer (off by 2 %), so that about a second's multiplications are enough."""
ELEMENTS = 1 << 22
"""Numbers of one block of draws, 32 MiB."""


@dataclass(frozen=True, eq=False)
class PlugIn:
    """Plug-in effects of a set and what their errors are made of.

    Attributes
    ----------
    effects : numpy.ndarray of float, shape [A]
        μ(α̂) under every intervention.
    gradient : numpy.ndarray of float, shape [C, A]
        Derivative of every effect by every row.
    variance : numpy.ndarray of float, shape [C]
        Variance of every row's estimate; 0 for rows that are known.
    unvisited : numpy.ndarray of bool, shape [C]
        Rows to be learned that no experiment visited.
    """

    effects: Floats
    gradient: Floats
    variance: Floats
    unvisited: Flags

    @classmethod
    def of(cls, interventions: InterventionSet, counts: Counts, known: Floats | None = None) -> PlugIn:
        """The effects that counts of experiments tell; ``known`` [C] holds rows that need not be learned, else NaN.

        Cost: one propagation with gradient.
        """
        visits, ones = counts.visits.astype(np.float64), counts.ones.astype(np.float64)
        learned = np.ones(len(visits), dtype=bool) if known is None else np.isnan(known)
        cpt = (ones + 0.5) / (visits + 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = np.where(visits > 0, cpt * (1 - cpt) / visits, 0.25)
        if known is not None:
            cpt = np.where(learned, cpt, known)
        found = propagate(interventions, cpt, gradient=True)
        assert found.gradient is not None
        return cls(found.effects, found.gradient, np.where(learned, variance, 0.0), learned & (visits == 0))

    def logarithms(self) -> PlugIn:
        """The same of the effects' logarithms, whose differences are those of ratios; NaN for an effect of 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            effects = np.where(self.effects > 0, self.effects, np.nan)
            return PlugIn(np.log(effects), self.gradient / effects, self.variance, self.unvisited)

    def weights(self, reference: int | None = None) -> Floats:
        """How much a unit of every row's error moves every effect, or difference to a reference's; [C, A]."""
        return self.gradient if reference is None else self.gradient - self.gradient[:, [reference]]

    def std_errors(self, reference: int | None = None) -> Floats:
        """Standard error of every effect, or of its difference to that of the intervention at ``reference``; [A]."""
        return np.asarray(np.sqrt(self.variance @ self.weights(reference) ** 2))

    def largest_z(self, alpha: float, reference: int | None = None) -> float:
        """The 1 − α quantile of the largest |Z| over the set, Z normal with the errors' estimated correlation."""
        errors = self.std_errors(reference)
        used = np.flatnonzero(errors > 0)
        rows = np.flatnonzero(self.variance > 0)
        if not len(used):
            return 0.0
        factor = np.sqrt(self.variance[rows])[:, None] * self.weights(reference)[np.ix_(rows, used)] / errors[used]
        random = generator(0)
        n_draws = int(min(DRAWS, max(FEWEST_DRAWS, WORK / factor.size)))
        largest = np.zeros(n_draws)
        step = max(1, ELEMENTS // max(factor.shape))
        for start in range(0, n_draws, step):
            draws = random.standard_normal((min(step, n_draws - start), len(rows)))
            largest[start : start + len(draws)] = np.abs(draws @ factor).max(axis=1)
        return float(np.quantile(largest, 1 - alpha))


def chosen_interval(
    interventions: InterventionSet, counts: Counts, place: int, *, alpha: float = 0.05, known: Floats | None = None
) -> tuple[float, float]:
    """Ends of an interval for the effect of the intervention at ``place``, chosen among the A of the set or not.

    At the error rate α/A (Bonferroni), so that those of all A hold together: a little longer than simultaneous ones,
    and quick, since only this effect has to be propagated. ``known`` as in `PlugIn.of`.
    """
    alone, at = interventions, place
    if interventions.families is interventions.graph.families:  # else the rows depend on all of the set
        alone, at = InterventionSet(interventions.graph, [interventions[place]]), 0
    found = PlugIn.of(alone, counts, known)
    radius = NormalDist().inv_cdf(1 - error_rate(alpha) / (2 * len(interventions))) * found.std_errors()[at]
    return max(float(found.effects[at] - radius), 0.0), min(float(found.effects[at] + radius), 1.0)


def plug_in_effects(
    interventions: InterventionSet,
    counts: Counts,
    *,
    reference: int | None = None,
    alpha: float = 0.05,
    simultaneous: bool = True,
    known: Floats | None = None,
    scale: str = "difference",
) -> pd.DataFrame:
    """One row per intervention, that at ``reference`` left out: the effect, or how it compares with the reference's.

    Columns: ``intervention``, with a reference ``reference``, ``estimate``, ``std_error``, ``lower``, ``upper``.

    Parameters
    ----------
    reference
        Place of the intervention that the others are compared with; without it the effects themselves.
    alpha
        Error rate in (0, 1): of all intervals together when ``simultaneous``, else of each.
    simultaneous
        Whether the intervals hold together, by the quantile of the largest |Z| under the estimated correlation, which
        is simulated from one seed.
    known
        [C]: rows that need not be learned; NaN elsewhere.
    scale
        How effects are compared with the reference's: "difference", "ratio", or "one-more-per", which tells in how many
        experiments there is one more or one fewer 1 of the target. Intervals of ratios are made on the scale of
        logarithms.
    """
    alpha = error_rate(alpha)
    if one_of(scale, "scale", ("difference", "ratio", "one-more-per")) != "difference" and reference is None:
        raise InvalidArgument("scale", f"was {scale!r} without a reference; expected one to compare with.")
    found = PlugIn.of(interventions, counts, known)
    return effects_frame(found, interventions, reference, alpha=alpha, simultaneous=simultaneous, scale=scale)


def effects_frame(
    found: PlugIn,
    interventions: InterventionSet,
    reference: int | None = None,
    *,
    alpha: float = 0.05,
    simultaneous: bool = True,
    scale: str = "difference",
) -> pd.DataFrame:
    """What `plug_in_effects` gives, from effects that are there already; the settings are trusted."""
    found = found.logarithms() if scale == "ratio" else found
    places = np.array([place for place in range(len(interventions)) if place != reference], dtype=np.intp)
    errors = found.std_errors(reference)[places]
    values = found.effects[places] - (0.0 if reference is None else found.effects[reference])
    z = found.largest_z(alpha, reference) if simultaneous else NormalDist().inv_cdf(1 - alpha / 2)
    low, high = (0.0, 1.0) if reference is None else (-1.0, 1.0)
    lower, upper = values - z * errors, values + z * errors
    if scale == "ratio":
        values, lower, upper = np.exp(values), np.exp(np.nan_to_num(lower, nan=-np.inf)), np.exp(upper)
        upper, errors, low, high = np.nan_to_num(upper, nan=np.inf, posinf=np.inf), values * errors, 0.0, np.inf
    labels = interventions.labels
    columns: dict[str, object] = {"intervention": [labels[place] for place in places]}
    if reference is not None:
        columns["reference"] = labels[reference]
    columns |= {
        "estimate": values,
        "std_error": errors,
        "lower": np.maximum(lower, low),
        "upper": np.minimum(upper, high),
    }
    notes = ["Valid if the graph is right: every effect is inferred from all rows that the graph lets it share."]
    if found.unvisited.any():
        notes.append(f"{int(found.unvisited.sum())} rows were never visited; they count with the variance 1/4.")
    frame = estimate_frame(columns, title="Plug-in effects", alpha=alpha, notes=notes)
    return one_more_per(frame) if scale == "one-more-per" else frame
