"""Running contrasts of arms with a control: sums per arm, and from them estimates with confidence sequences.

One set of sums serves a live design (plain numbers in lists: fastest for one experiment) and a simulation of R
experiments (arrays [R, K]); the lines are the same.

>>> sums = ContrastSums(n_arms=2, control=0)
>>> for arm, outcome in ((0, 1.0), (1, 3.0), (1, 2.0), (0, 1.5)):
...     sums.add(arm, outcome, propensity=0.5)
>>> estimate, variance_sum = sums.contrast(1)
>>> estimate, variance_sum                              # (3 + 2 − 1 − 1.5)/0.5/4 and (9 + 4 + 1 + 2.25)/0.25
(1.25, 65.0)
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from causalbandit.errors import did_you_mean, listing
from causalbandit.inference.estimates import estimate_frame
from causalbandit.inference.scores import contrast, inverse_propensity_residual
from causalbandit.sequences.asymptotic import asymptotic_radius, asymptotic_rho

if TYPE_CHECKING:
    import pandas as pd

ESTIMANDS = ("sample", "population")
ASSUMPTIONS = (
    "Asymptotic, time-uniform confidence sequence: holds at every round at once. It assumes that propensities are "
    "those with which arms were drawn, that units do not interfere, and that whether and when an outcome arrives "
    "depends on neither the arm nor the outcome."
)


class ContrastSums:
    """Sufficient statistics of the scores Γ(w) = f_w + 1{W = w}(Y − f_w)/p(w) of K arms against one control.

    Parameters
    ----------
    n_arms, control
        K and the control's index.
    replications
        None for one experiment, R for R at once.
    population
        Add the spread of predicted effects, Σ(f_k − f_0 − ATE_{t−1})², to the variance sum.
    crossed
        With ``population``: also add twice the positive part of Σ(f_k − f_0 − ATE_{t−1})·(residual of the contrast).
        The score's variance around the population effect is E[D² + 2DR + R²] with D the first and R the second
        factor. Least squares makes E[DR] = 0; a model that shrinks the effect's variation makes it positive, and
        D² + R² alone is then too small.

    Notes
    -----
    A round costs O(1) without and O(K) with predictions.
    """

    def __init__(
        self,
        n_arms: int,
        control: int,
        *,
        replications: int | None = None,
        population: bool = False,
        crossed: bool = False,
    ) -> None:
        def zeros() -> Any:
            return [0.0] * n_arms if replications is None else np.zeros((replications, n_arms))

        self.n_arms, self.control = n_arms, control
        self.population, self.crossed = population, population and crossed
        self._rows = None if replications is None else np.arange(replications)
        self.rounds = 0
        self.counts, self.scores, self.squares = zeros(), zeros(), zeros()
        self.spread, self.cross = zeros(), zeros()

    def add(self, arm: Any, outcome: Any, propensity: Any, predictions: Any = None) -> None:
        """Add one round: the drawn arm, its outcome and propensity, and all arms' predictions [K] made before it."""
        place = arm if self._rows is None else (self._rows, arm)
        if predictions is None:
            residual = inverse_propensity_residual(outcome, propensity)
        else:
            residual = inverse_propensity_residual(outcome, propensity, predictions[place])
            if self.population:
                self._add_spread(arm, predictions, residual)
            if self._rows is None:
                scores = self.scores
                for other in range(self.n_arms):
                    scores[other] += predictions[other]
            else:
                self.scores += predictions
        self.scores[place] += residual
        self.squares[place] += residual * residual
        self.counts[place] += 1.0
        self.rounds += 1

    def add_many(self, arms: Any, outcomes: Any, propensities: Any) -> None:
        """Add many rounds [T] of one experiment without predictions, in any order."""
        residuals = inverse_propensity_residual(outcomes, propensities)
        for name, weights in (("counts", None), ("scores", residuals), ("squares", residuals * residuals)):
            added = np.bincount(arms, weights, minlength=self.n_arms)
            setattr(self, name, [float(old + new) for old, new in zip(getattr(self, name), added, strict=True)])
        self.rounds += len(residuals)

    def _add_spread(self, arm: Any, predictions: Any, residual: Any) -> None:
        """The terms in D = f_k − f_0 − ATE_{t−1}; before any score ATE_{t−1} is taken as 0."""
        control, rounds = self.control, max(self.rounds, 1)
        if self._rows is None:
            for other in range(self.n_arms):
                effect = (self.scores[other] - self.scores[control]) / rounds
                deviation = predictions[other] - predictions[control] - effect
                self.spread[other] += deviation * deviation
                if self.crossed and arm in (other, control):
                    self.cross[other] += deviation * (residual if arm == other else -residual)
            return
        effects = (self.scores - self.scores[:, [control]]) / rounds
        self.spread += (predictions - predictions[:, [control]] - effects) ** 2

    def contrast(self, arm: Any) -> tuple[Any, Any]:
        """(estimate, variance sum) of an arm against control; needs at least one round.

        One experiment: an arm index gives two numbers. R experiments: a list of arms gives two arrays [R, len(list)].
        """
        place: Any = arm if self._rows is None else (slice(None), arm)
        origin: Any = self.control if self._rows is None else (slice(None), [self.control])
        estimate, variance_sum = contrast(
            self.scores[place], self.scores[origin], self.squares[place], self.squares[origin], self.rounds
        )
        if self.population:
            variance_sum = variance_sum + self.spread[place]
        if self.crossed:
            variance_sum = variance_sum + 2.0 * max(0.0, self.cross[place])
        return estimate, variance_sum

    def sufficient(self, arm: Any) -> Any:
        """Whether both the arm and the control have a score: a bool, or an array [R, len(arm)] for a list of arms."""
        if self._rows is None:
            return self.counts[arm] > 0.0 and self.counts[self.control] > 0.0
        return (self.counts[:, arm] > 0.0) & (self.counts[:, [self.control]] > 0.0)

    def state(self) -> dict[str, Any]:
        """The sums as JSON values (one experiment)."""
        names = ("rounds", "counts", "scores", "squares", "spread", "cross")
        return {name: getattr(self, name) for name in names}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Put back what `state` gave."""
        for name, value in state.items():
            setattr(self, name, list(value) if isinstance(value, (list, tuple)) else value)


def contrast_table(
    sums: ContrastSums,
    names: Sequence[Hashable],
    pulls: Sequence[float],
    *,
    alpha: float,
    multiplicity: str | None,
    t_star: float,
) -> pd.DataFrame:
    """One row per arm other than control, from the sums of one experiment.

    Columns: ``arm``, ``reference`` (the control), ``estimate``, ``std_error`` (√S/t), ``lower``, ``upper``,
    ``significant``, ``n`` and ``n_control`` (rounds in which they were drawn, of ``pulls`` [K]), ``insufficient_data``
    (then the estimate is NaN and the interval infinite).
    """
    control = sums.control
    others = [k for k in range(len(names)) if k != control]
    alpha_each = contrast_alpha(alpha, len(names), multiplicity)
    rows = []
    for arm in others:
        estimate, error, centre, radius = math.nan, math.inf, 0.0, math.inf
        enough = bool(sums.sufficient(arm))
        if enough:
            estimate, variance_sum = sums.contrast(arm)
            centre, error = estimate, math.sqrt(variance_sum) / sums.rounds
            radius = asymptotic_radius(float(variance_sum), sums.rounds, alpha_each, t_star)
        rows.append((estimate, error, centre - radius, centre + radius, enough and abs(centre) >= radius, not enough))
    estimates, errors, lower, upper, significant, missing = (list(column) for column in zip(*rows, strict=True))
    return estimate_frame(
        {
            "arm": [names[k] for k in others],
            "reference": [names[control]] * len(others),
            "estimate": estimates,
            "std_error": errors,
            "lower": lower,
            "upper": upper,
            "significant": significant,
            "n": [int(pulls[k]) for k in others],
            "n_control": [int(pulls[control])] * len(others),
            "insufficient_data": missing,
        },
        title="Effects against control, Mixture Adaptive Design",
        alpha=alpha,
        notes=(joint_note(len(names), multiplicity), ASSUMPTIONS),
    )


def joint_note(n_arms: int, multiplicity: str | None) -> str:
    """Whether the intervals hold together, as a sentence."""
    if n_arms == 2 or multiplicity is None:
        return "Each interval holds by itself at the stated rate."
    return "All intervals hold together at the stated rate (Bonferroni)."


def path_frame(values: Any, names: Sequence[Hashable]) -> pd.DataFrame:
    """Columns ``round``, ``arm``, ``estimate``, ``lower``, ``upper`` from estimates and radii [T, J, 2]."""
    import pandas as pd

    estimates, radii = values[..., 0].ravel(), values[..., 1].ravel()
    centre = np.where(np.isnan(estimates), 0.0, estimates)
    return pd.DataFrame(
        {
            "round": np.repeat(np.arange(1, len(values) + 1), len(names)),
            "arm": list(names) * len(values),
            "estimate": estimates,
            "lower": centre - radii,
            "upper": centre + radii,
        }
    )


def contrast_path(
    arms: Any, outcomes: Any, propensities: Any, sums: ContrastSums, alpha_each: float, t_star: float
) -> Any:
    """[T, J, 2] estimates and radii after every round of an experiment without predictions, by cumulative sums."""
    residuals = inverse_propensity_residual(outcomes, propensities)
    rounds = np.arange(1, len(residuals) + 1)
    others = [k for k in range(sums.n_arms) if k != sums.control]
    values = np.empty((len(residuals), len(others), 2))

    def running(arm: int) -> tuple[Any, Any, Any]:
        drawn = arms == arm
        return np.cumsum(drawn * residuals), np.cumsum(drawn * residuals**2), np.logical_or.accumulate(drawn)

    control = running(sums.control)
    for place, arm in enumerate(others):
        score, square, seen = running(arm)
        estimate, variance_sum = contrast(score, control[0], square, control[1], rounds)
        enough = seen & control[2]
        values[:, place, 0] = np.where(enough, estimate, np.nan)
        values[:, place, 1] = np.where(enough, asymptotic_radius(variance_sum, rounds, alpha_each, t_star), np.inf)
    return values


def contrast_lines(frame: pd.DataFrame) -> list[str]:
    """One printed line per row of a `contrast_table`."""
    lines = []
    for row in frame.itertuples():
        if row.insufficient_data:
            lines.append(f"- Arm {row.arm}: insufficient data ({row.n} pulls, control {row.n_control})")
        else:
            star = " *" if row.significant else ""
            lines.append(f"- Arm {row.arm}: {row.estimate:.3f} ({row.lower:.5f}, {row.upper:.5f}){star}")
    return lines


def contrast_alpha(alpha: float, n_arms: int, multiplicity: str | None) -> float:
    """Error rate of one of the K − 1 contrasts: α/(K − 1) for "bonferroni", α for None. The only place α is split."""
    asymptotic_rho(alpha, 1.0)  # checks alpha
    if multiplicity is None:
        return alpha
    if not isinstance(multiplicity, str) or multiplicity.lower() != "bonferroni":
        raise ValueError(
            f"multiplicity was {multiplicity!r}; expected 'bonferroni' (all intervals hold together) or None (each "
            f"alone).{did_you_mean(multiplicity, ['bonferroni'])}"
        )
    return alpha / (n_arms - 1)


def control_index(control: Hashable, names: Sequence[Hashable]) -> int:
    """Position of the control among the arms; a name that prints alike counts ("0" in a file is the arm 0)."""
    if len(names) < 2:
        raise ValueError(
            f"there is only one arm, {listing(names)}; an effect needs an arm to compare with the control."
        )
    for position, name in enumerate(names):
        if name == control:
            return position
    printed = [str(name) for name in names]
    if printed.count(str(control)) == 1:
        return printed.index(str(control))
    raise ValueError(f"control was {control!r}; the arms are {listing(names)}.{did_you_mean(control, names)}")


def check_estimand(estimand: str) -> str:
    """``estimand`` if it is one of `ESTIMANDS`."""
    if estimand not in ESTIMANDS:
        raise ValueError(
            f"estimand was {estimand!r}; expected 'sample' (mean effect over the experiment's units) or 'population'."
            f"{did_you_mean(estimand, ESTIMANDS)}"
        )
    return estimand
