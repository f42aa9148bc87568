"""Least squares as a regressor with ``fit`` and ``predict``, for outcome means that are learned from contexts.

>>> model = LeastSquares(penalty=0).fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
>>> model.predict([[3.0]]).round(6).tolist()
[7.0]
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from causalbandit.arrays import Floats


class LeastSquares:
    """Linear regression with an intercept, whose slopes of standardised columns are shrunk a little.

    Parameters
    ----------
    penalty
        What is added to the sum of squared residuals per squared standardised slope; 1 counts as one round in which
        the slope was 0, so that fits on a few rounds do not run away and fits on many are least squares.

    Notes
    -----
    Source: Hoerl & Kennard (1970), ridge regression. O(n·d²) for n rounds of d columns.
    """

    def __init__(self, penalty: float = 1.0) -> None:
        self.penalty = penalty
        self._slopes: Floats | None = None

    def __sklearn_is_fitted__(self) -> bool:
        """Whether `fit` was called."""
        return self._slopes is not None

    def fit(self, contexts: ArrayLike, outcomes: ArrayLike) -> LeastSquares:
        """The model itself, fitted to [n, d] contexts and [n] outcomes; a column that does not vary has slope 0."""
        x, y = np.asarray(contexts, dtype=np.float64), np.asarray(outcomes, dtype=np.float64)
        self._centre, self._mean = x.mean(axis=0), float(y.mean())
        spread = x.std(axis=0)
        scale = np.where(spread > 0.0, spread, np.inf)
        off = (x - self._centre) / scale
        square = off.T @ off + self.penalty * np.eye(x.shape[1])
        self._slopes = np.linalg.lstsq(square, off.T @ (y - self._mean), rcond=None)[0] / scale
        return self

    def predict(self, contexts: ArrayLike) -> Floats:
        """[n]: the expected outcome at each of [n, d] contexts."""
        assert self._slopes is not None
        off = np.asarray(contexts, dtype=np.float64) - self._centre
        result: Floats = self._mean + off @ self._slopes
        return result
