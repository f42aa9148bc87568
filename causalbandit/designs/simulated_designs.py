"""What many simulated designs came to: coverage, power, stopping time and reward."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from causalbandit.arrays import Flags, Floats, Integers, quotients
from causalbandit.inference.estimates import path_frame
from causalbandit.text import plain, plain_rows

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False)
class MADRounds:
    """Every round of every replication, kept on request."""

    arms: Integers
    """[R, T] drawn arm."""
    outcomes: Floats
    """[R, T] its outcome."""
    propensities: Floats
    """[R, T] its probability."""
    probabilities: Floats
    """[R, T, K] those of all arms."""
    covariates: Floats | None
    """[R, T, d], or None."""


@dataclass(frozen=True, eq=False)
class MADSimulation:
    """R simulated experiments of T rounds with K arms; J = K − 1 contrasts in the arms' order."""

    control: int
    """Index of the control arm."""
    n_rounds: int
    """T."""
    alpha: float
    """Error rate of all J intervals together."""
    estimand: str
    """"sample" or "population": what the intervals are made for."""
    start: int
    """First round at which a miss counts."""
    effects: Floats
    """[J] population effects; NaN where the means were not given."""
    estimates: Floats
    """[R, J] after the last round; NaN without data."""
    radii: Floats
    """[R, J] after the last round."""
    missed: Flags
    """[R, J] whether the interval left out the truth at any round from ``start`` on."""
    naive_missed: Flags | None
    """[R, J] the same for the fixed-time interval of the difference of sample means against the population effects;
    None where the means are unknown."""
    first_significant: Floats
    """[R, J] first round at which the interval left out zero; NaN if it never did."""
    warned: Flags
    """[R, J] whether the interval after the last round carries a warning."""
    stopping_round: Floats
    """[R] first round at which all arms were settled; NaN if they never were."""
    pulls: Floats
    """[R, K]."""
    reward: Floats
    """[R] mean outcome of the drawn arms."""
    grid: Integers
    """[G] rounds at which the paths below are kept."""
    power_path: Floats
    """[G, J] share of experiments whose interval leaves out zero at that round."""
    miss_path: Floats
    """[G, J] share of experiments that have missed at that round or before."""
    radius_path: Floats
    """[G, J] median radius at that round."""
    rounds: MADRounds | None = None
    """Every round, with ``record=True``."""

    @property
    def arms(self) -> list[int]:
        """The arms that are compared with control, [J]."""
        return [k for k in range(self.pulls.shape[1]) if k != self.control]

    @property
    def any_missed(self) -> float:
        """Share of experiments in which any interval missed at any round from ``start`` on."""
        return float(self.missed.any(axis=1).mean())

    @property
    def any_naive_missed(self) -> float:
        """The same for the fixed-time interval; NaN where the means are unknown."""
        return math.nan if self.naive_missed is None else float(self.naive_missed.any(axis=1).mean())

    def to_frame(self) -> pd.DataFrame:
        """One row per contrast: ``arm``, ``reference``, ``effect``, ``bias``, ``rmse``, ``median_radius``, ``power``
        (interval leaves out zero by the last round), ``missed``, ``warned``, ``naive_missed``, ``pulls`` (mean).
        """
        import pandas as pd

        error = self.estimates - self.effects
        bias, mean_square = _means_of_known(error), _means_of_known(error**2)
        return pd.DataFrame(
            {
                "arm": self.arms,
                "reference": self.control,
                "effect": self.effects,
                "bias": bias,
                "rmse": np.sqrt(mean_square),
                "median_radius": np.median(self.radii, axis=0),
                "power": (~np.isnan(self.first_significant)).mean(axis=0),
                "missed": self.missed.mean(axis=0),
                "warned": self.warned.mean(axis=0),
                "naive_missed": math.nan if self.naive_missed is None else self.naive_missed.mean(axis=0),
                "pulls": self.pulls[:, self.arms].mean(axis=0),
            }
        )

    def path(self) -> pd.DataFrame:
        """Over the rounds of the grid: ``round``, ``arm``, ``power``, ``missed`` (so far), ``median_radius``."""
        columns = {"power": self.power_path, "missed": self.miss_path, "median_radius": self.radius_path}
        return path_frame(self.grid, self.arms, columns)

    def to_dict(self) -> dict[str, Any]:
        """The numbers of `to_frame` and of the whole set of experiments, as JSON values."""
        return {
            "replications": len(self.reward),
            "rounds": self.n_rounds,
            "any_missed": self.any_missed,
            "any_naive_missed": plain(self.any_naive_missed),
            "mean_reward": float(self.reward.mean()),
            "stopped": float((~np.isnan(self.stopping_round)).mean()),
            "contrasts": plain_rows(self.to_frame()),
        }

    def summary(self) -> str:
        """Coverage, power, stopping and reward as text."""
        stopped = self.stopping_round[~np.isnan(self.stopping_round)]
        median = f", median round {np.median(stopped):.0f}" if len(stopped) else ""
        return "\n".join(
            [
                f"{len(self.reward)} simulated Mixture Adaptive Designs of {self.n_rounds} rounds",
                f"Missed at any round from {self.start} on: {self.any_missed:.3f} (nominal {self.alpha:g}); naive "
                f"fixed-time interval: {self.any_naive_missed:.3f}",
                f"All arms settled: {len(stopped) / len(self.reward):.3f}{median}; mean outcome "
                f"{self.reward.mean():.4f}",
                self.to_frame().round(4).to_string(index=False),
            ]
        )

    def __repr__(self) -> str:
        return f"MADSimulation({len(self.reward)} replications, {self.n_rounds} rounds, {self.pulls.shape[1]} arms)"

    def _repr_html_(self) -> str:
        return f"<p>{self!r}</p>{self.to_frame().to_html(index=False)}"

    def plot(self, ax: Axes | None = None) -> Axes:
        """Power of each contrast over the rounds."""
        from causalbandit.plots.effects import power_over_time

        return power_over_time(self.path(), ax=ax)


def _means_of_known(errors: Floats) -> Floats:
    """[J]: means over the replications [R, J] that have an estimate; NaN where none has."""
    known = ~np.isnan(errors)
    return quotients(np.where(known, errors, 0.0).sum(axis=0), known.sum(axis=0), otherwise=math.nan)
