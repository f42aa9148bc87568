"""Outcome models: predictions of every arm's outcome from covariates, learned from the rounds that came before.

A prediction made before a round can never bias its score, whatever the model; a good one makes the score less noisy.
A model has ``predict(covariates)``, ``update(arm, covariates, outcome)`` and ``orthogonal``: whether prediction errors
are uncorrelated with predictions, as in least squares without a penalty. If not, the interval for the population effect
needs the cross term of `ContrastSums`.

`LeastSquaresModel` learns one row at a time. With running means x̄_k, ȳ_k of each arm, its prediction is
f_k(x) = ȳ_k + (x − x̄_k)ᵀβ, β shared by all arms ("pooled": least squares with a constant per arm) or one β_k per arm
("split": a regression with its own constant per arm). The new row's deviation from its arm's means, scaled by
√(n/(n+1)), enters a triangular factor by one orthogonal (QR) step, so β is that of the batch fit: no ridge, no
squared condition number, no large means, and a cost of O(d³) a round for d covariates, whatever the round.

`RegressorModel` takes any regressor with ``fit(X, y)`` and ``predict(X)`` and refits it now and then.

>>> model = LeastSquaresModel(n_arms=2, n_covariates=1, kind="split")
>>> for x, y in ((0.0, 1.0), (1.0, 3.0), (2.0, 5.0)):      # arm 0: y = 1 + 2x
...     model.update(0, [x], y)
>>> [round(v, 10) for v in model.predict([10.0])]           # arm 1 has no data: the mean over all rounds
[21.0, 3.0]
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from causalbandit import checks
from causalbandit.arrays import Flags, Floats
from causalbandit.designs.dependent_columns import RANK_TOLERANCE, kept_slopes, left_out_notes
from causalbandit.errors import BadValue, InvalidType, listing

Kind = Literal["mean", "pooled", "split"]
KINDS: tuple[Kind, ...] = ("mean", "pooled", "split")

ROWS, ROWS_EACH = 64, 8
"""A fit with at least 64 rows and eight for each covariate, beside one for each mean, leaves out the covariates that
still add nothing: they are constant or combinations of others. With fewer it may just have seen too little."""

FIRST_FIT = 20
"""Rounds (of an arm, when not pooled) before a regressor is first fitted; running means until then."""


class LeastSquaresModel:
    """Recursive least squares per arm, for one experiment or for R at once.

    Parameters
    ----------
    n_arms, n_covariates
        K and d.
    kind
        "pooled": one slope vector and a constant per arm; "split": a regression per arm; "mean": constants alone.
    replications
        None for one experiment; R for a leading axis of R experiments in every array (``update`` and ``predict`` then
        take arrays with that axis).
    ridge
        Penalty on the slopes of deviations from the arm's means; 0 is plain least squares.

    Notes
    -----
    Until an arm's slopes have full rank, its prediction is its running mean; without data, the mean of all outcomes;
    before any outcome, 0. Rank is judged on deviations from the arm's means. A covariate that does not vary, or is a
    combination of others, is left out once there are `ROWS` to know; `left_out` says which, and the model takes it in
    as soon as it tells something of its own.
    """

    def __init__(
        self,
        n_arms: int,
        n_covariates: int,
        *,
        kind: Kind = "pooled",
        replications: int | None = None,
        ridge: float = 0.0,
    ) -> None:
        self.n_arms, self.kind = n_arms, checks.one_of(kind, "outcome_model", KINDS, "names, beside a regressor")
        self.ridge = checks.number(ridge, "ridge", least=0, fix="0 is plain least squares.")
        self.orthogonal = self.ridge == 0.0
        self.n_covariates = d = 0 if kind == "mean" else n_covariates
        self.n_fits = n_arms if kind == "split" else 1
        lead = () if replications is None else (replications,)
        self._rows = None if replications is None else np.arange(replications)
        self.counts: Floats = np.zeros((*lead, n_arms))
        self.outcome_means: Floats = np.zeros((*lead, n_arms))
        self.covariate_means: Floats = np.zeros((*lead, n_arms, d))
        self.triangle: Floats = np.zeros((*lead, self.n_fits, d, d + 1))
        self.triangle[..., range(d), range(d)] = math.sqrt(self.ridge)
        self.slopes: Floats = np.zeros((*lead, self.n_fits, d))
        self.ready: Flags = np.zeros((*lead, self.n_fits), dtype=bool)
        self._enough = ROWS + ROWS_EACH * d + (1 if kind == "split" else n_arms)
        self._all_seen = False
        self._upper = np.triu(np.ones((d, d + 1)))

    def update(self, arm: Any, covariates: Any, outcome: Any) -> None:
        """Learn one round: an arm, its covariates [d] and outcome; or [R], [R, d], [R] with replications."""
        place = arm if self._rows is None else (self._rows, arm)
        count = self.counts[place]
        step = outcome - self.outcome_means[place]
        if self.n_covariates:
            row = np.empty((*np.shape(count), self.n_covariates + 1))
            row[..., :-1] = covariates - self.covariate_means[place]
            row[..., -1] = step
            self.covariate_means[place] += row[..., :-1] / (count + 1.0)[..., None]
            row *= np.sqrt(count / (count + 1.0))[..., None]
            fit = arm if self.kind == "split" else (0 if self._rows is None else np.zeros_like(arm))
            self._rotate(fit if self._rows is None else (self._rows, fit), row)
        self.counts[place] = count + 1.0
        self.outcome_means[place] += step / (count + 1.0)

    def _rotate(self, fit: Any, row: Floats) -> None:
        """One QR step of the triangular factors at ``fit`` with their new rows, and their slopes anew."""
        d = self.n_covariates
        stacked = np.concatenate([self.triangle[fit], row[..., None, :]], axis=-2)
        if row.ndim == 1:  # LAPACK itself: numpy's wrappers cost several times the work on one small matrix
            from scipy.linalg.lapack import dgeqrf, dtrtrs

            self.triangle[fit] = triangle = dgeqrf(stacked)[0][:d] * self._upper
            square = triangle[:, :d]
            if self.ready[fit] or _full_rank(square):  # rank once reached is not lost
                self.ready[fit] = True
                self.slopes[fit] = dtrtrs(square, triangle[:, d])[0]
            elif self._rows_of(fit) >= self._enough:
                self.slopes[fit] = kept_slopes(square, triangle[:, d])
        else:
            factor: Any = np.linalg.qr(stacked, mode="r")
            self.triangle[fit] = triangle = factor[:, :d]
            square = triangle[..., :d]
            ready = self.ready[fit]
            if not ready.all():
                ready = ready | _full_rank(square)
                self.ready[fit] = ready
            regular = np.where(ready[:, None, None], square, np.eye(d))
            slopes = np.where(ready[:, None], np.linalg.solve(regular, triangle[..., d:])[..., 0], 0.0)
            late = ~ready & (self._rows_of(fit) >= self._enough)
            if late.any():
                slopes[late] = kept_slopes(square[late], triangle[late][..., d])
            self.slopes[fit] = slopes

    def _rows_of(self, fit: Any) -> Any:
        """Rows that a fit has seen before the present one: a number, or [R] with replications."""
        if self.kind == "split":
            return self.counts[fit]
        return self.counts.sum(axis=-1)

    def predict(self, covariates: Any) -> Any:
        """Predicted outcomes: a list of K for one experiment, [R, K] with replications."""
        predictions = self.outcome_means
        if self.n_covariates:
            change = np.vecdot(np.asarray(covariates)[..., None, :] - self.covariate_means, self.slopes)
            predictions = predictions + change  # slopes are 0 until their fit has full rank
        if not self._all_seen:
            seen = self.counts > 0.0
            self._all_seen = bool(seen.all())
            total = self.counts.sum(axis=-1, keepdims=True)
            overall = (self.counts * self.outcome_means).sum(axis=-1, keepdims=True) / np.maximum(total, 1.0)
            predictions = np.where(seen, predictions, overall)
        return predictions.tolist() if self._rows is None else np.array(predictions)

    def left_out(self, names: Sequence[str]) -> list[str]:
        """A sentence for each covariate (by its name) that the fit with the most data leaves out; one experiment."""
        fit = int(self.counts.argmax()) if self.kind == "split" else 0
        if not self.n_covariates or self.ready[fit] or self._rows_of(fit) < self._enough:
            return []
        return left_out_notes(self.triangle[fit][:, : self.n_covariates], names)

    def state(self) -> dict[str, Any]:
        """What the model has learned, as JSON values."""
        arrays = ("counts", "outcome_means", "covariate_means", "triangle", "slopes", "ready")
        return {name: getattr(self, name).tolist() for name in arrays}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Put back what `state` gave, into a model made with the same settings."""
        for name, values in state.items():
            old = getattr(self, name)
            setattr(self, name, np.array(values, dtype=old.dtype).reshape(old.shape))
        self._all_seen = False


def _full_rank(square: Floats) -> Any:
    """Whether no column of upper triangular factors [..., d, d] depends on those before it."""
    spread = np.sqrt((square**2).sum(axis=-2))
    diagonal = np.abs(np.diagonal(square, axis1=-2, axis2=-1))
    return ((diagonal > RANK_TOLERANCE * spread) & (spread > 0.0)).all(axis=-1)


class RegressorModel:
    """Any regressor with ``fit(X, y)`` and ``predict(X)`` (scikit-learn style), refitted on a schedule.

    Parameters
    ----------
    regressor
        An unfitted prototype; a copy is fitted, the prototype is never changed.
    n_arms, n_covariates
        K and d.
    pooled
        True: one model with the covariates and a 0/1 column for each arm but the first; False: a copy per arm.
    refit
        "geometric": whenever the data have grown by a tenth since the last fit (the number of refits grows with the
        logarithm of the rounds); a whole number: every so many rounds.

    Notes
    -----
    Refitting needs the data: memory is 8(d + 2) bytes a round. Refits happen when a prediction is asked for.
    """

    orthogonal = False

    def __init__(
        self,
        regressor: Any,
        n_arms: int,
        n_covariates: int,
        *,
        pooled: bool = False,
        refit: int | Literal["geometric"] = "geometric",
    ) -> None:
        checks.methods(regressor, "outcome_model", ("fit", "predict"), "a regressor has fit(X, y) and predict(X)")
        if refit != "geometric":
            checks.whole_number(refit, "refit", least=1, of="rounds", fix="Or 'geometric'.")
        self.prototype, self.n_arms, self.n_covariates = regressor, n_arms, n_covariates
        self.pooled, self.refit = pooled, refit
        self.means = LeastSquaresModel(n_arms, 0, kind="mean")
        self.data: list[list[tuple[list[float], float]]] = [[] for _ in range(1 if pooled else n_arms)]
        self.fitted: list[Any] = [None] * len(self.data)
        self.fitted_on = [0] * len(self.data)

    def _features(self, covariates: Sequence[float], arm: int) -> list[float]:
        row = [float(value) for value in covariates]
        return row + [float(arm == other) for other in range(1, self.n_arms)] if self.pooled else row

    def update(self, arm: int, covariates: Any, outcome: float) -> None:
        """Store one round; nothing is fitted here, so nothing can fail."""
        self.data[0 if self.pooled else arm].append((self._features(covariates, arm), outcome))
        self.means.update(arm, covariates, outcome)

    def predict(self, covariates: Any) -> list[float]:
        """Predicted outcome of every arm [K], after the refits that are due."""
        for fit, rows in enumerate(self.data):
            if len(rows) >= FIRST_FIT and self._due(len(rows), self.fitted_on[fit]):
                self._fit(fit, len(rows))
        predictions: list[float] = list(self.means.predict(covariates))
        for arm in range(self.n_arms):
            fitted = self.fitted[0 if self.pooled else arm]
            if fitted is not None and self.means.counts[arm]:
                value = float(np.asarray(fitted.predict(np.array([self._features(covariates, arm)]))).ravel()[0])
                if not math.isfinite(value):
                    given = f"{type(fitted).__name__} predicted {value} for the covariates {list(covariates)}"
                    raise BadValue(f"{given}; expected a finite number.")
                predictions[arm] = value
        return predictions

    def _due(self, size: int, fitted_on: int) -> bool:
        if fitted_on == 0:
            return True
        return size >= (max(1.1 * fitted_on, fitted_on + 1) if self.refit == "geometric" else fitted_on + self.refit)

    def _fit(self, fit: int, size: int) -> None:
        model = copy.deepcopy(self.prototype)
        rows = self.data[fit][:size]
        model.fit(np.array([features for features, _ in rows]), np.array([outcome for _, outcome in rows]))
        self.fitted[fit], self.fitted_on[fit] = model, size

    def state(self) -> dict[str, Any]:
        """The data and how much of them each fit has used; `restore` refits on the same rows."""
        return {"data": self.data, "fitted_on": self.fitted_on, "means": self.means.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Put back what `state` gave; identical if the regressor's ``fit`` is deterministic (set its random state)."""
        self.data = [[(list(row), outcome) for row, outcome in rows] for rows in state["data"]]
        self.means.restore(state["means"])
        for fit, size in enumerate(state["fitted_on"]):
            if size:
                self._fit(fit, size)


def outcome_model(
    specification: Any,
    n_arms: int,
    n_covariates: int,
    *,
    replications: int | None = None,
    ridge: float = 0.0,
    pooled: bool = False,
    refit: int | Literal["geometric"] = "geometric",
) -> Any:
    """The outcome model that a design's ``outcome_model`` argument names: a kind of least squares, or a regressor."""
    if isinstance(specification, str):
        kind: Any = specification
        return LeastSquaresModel(n_arms, n_covariates, kind=kind, replications=replications, ridge=ridge)
    if replications is not None:
        raise InvalidType("outcome_model", f"was {specification!r}; simulated designs know {listing(KINDS)}.")
    if isinstance(specification, type):
        specification = specification()
    return RegressorModel(specification, n_arms, n_covariates, pooled=pooled, refit=refit)
