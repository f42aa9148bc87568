"""Solvers of the mixture problem on working sets: those that cvxpy reaches, and one in plain numpy.

They see rows and values scaled to about 1 and answer with a point; what it is worth is judged by who asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from causalbandit.arrays import Floats
from causalbandit.errors import Error
from causalbandit.strategies.saddle_steps import saddle_steps

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def _clarabel(tolerance: float) -> dict[str, Any]:
    """A gap of a fiftieth of the tolerance, far above the last digit that the machine has.

    The optimum is a face of mixtures. An interior-point method comes towards its centre along a path that rounding
    hardly moves; in the last steps, where its equations are nearly singular, rounding decides where on the face it
    ends. Stopped before, it gives the same mixture on every machine. The factors leave room for the certificate, which
    judges the answer's dual weights as they are.
    """
    gap = 0.02 * tolerance
    return {"tol_gap_abs": gap, "tol_gap_rel": gap, "tol_feas": 0.1 * gap}


CVXPY_SOLVERS: dict[str, Callable[[float], dict[str, Any]]] = {
    "CLARABEL": _clarabel,
    "SCS": lambda tolerance: {"eps_abs": 1e-7, "eps_rel": 1e-7, "max_iters": 20_000},
    "ECOS": lambda tolerance: {},
    "MOSEK": lambda tolerance: {},
}
"""Conic solvers reached through cvxpy, with their settings for a tolerance. Clarabel is always there, SCS an extra."""
_LARGE = 50_000
"""Entries of the rate up to which a solver is given it as it is."""
_SPARSE = 0.2
"""Share of entries that differ from their row's usual one, up to which the solver is given the differences."""
_ROUNDING = 1e-9
"""Differences that count as none: entries are near 1 or below, and the certificate judges with the exact ones."""
FIRST_ORDER = "first-order"
"""The name of the solver in numpy."""


@dataclass(frozen=True, eq=False)
class Restricted:
    """The problem on working sets: ``rate`` [C', S], ``weight`` [C', R] and ``count`` [C'] of the rows that count.

    They are divided by powers of two: under ``start`` [S], the current mixture on the support, denominators lie near 1
    and values are at most about 1. A solver may stop at the gap ``tolerance``.
    """

    rate: Floats
    weight: Floats
    count: Floats
    start: Floats
    tolerance: float


Solver = Callable[[Restricted], list[tuple[Floats, Floats]]]
"""From a restricted problem to pairs of a mixture on its support [S] and dual weights on its contenders [R]."""


class SolveError(Error):
    """A solver gave no usable answer; the message says why in a clause."""


def conic(name: str) -> Solver:
    """A cvxpy solver as a function of the restricted problem."""

    def solve(problem: Restricted) -> list[tuple[Floats, Floats]]:
        import warnings

        try:
            import cvxpy as cp
        except ImportError as error:
            fix = "reinstall it: pip install --force-reinstall --no-deps cvxpy-base"
            raise SolveError(f"cvxpy cannot be imported; {fix}") from error

        mixture = cp.Variable(problem.rate.shape[1], nonneg=True)
        value = cp.Variable()
        parts = _sparse_parts(problem)
        if parts is None:
            limits, by_rows = problem.weight.T @ cp.inv_pos(problem.count + problem.rate @ mixture) <= value, []
        else:
            (usual_rate, rate), (usual_weight, weight) = parts
            costs, usual = cp.Variable(len(usual_rate)), cp.Variable()
            limits = weight.T @ costs + usual <= value
            by_rows = [cp.inv_pos(problem.count + usual_rate + rate @ mixture) <= costs, usual == usual_weight @ costs]
        program = cp.Problem(cp.Minimize(value), [limits, cp.sum(mixture) == 1, *by_rows])
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # an inaccurate answer is judged by the certificate, not by its warning
                program.solve(solver=name, **CVXPY_SOLVERS[name](problem.tolerance))
        except (cp.error.SolverError, ValueError, ArithmeticError) as error:
            first_line = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise SolveError(first_line.rstrip(".")) from error
        if mixture.value is None or limits.dual_value is None:
            raise SolveError(f"status {program.status}")
        return [(_simplex(mixture.value), _simplex(np.atleast_1d(limits.dual_value)))]

    return solve


def _sparse_parts(problem: Restricted) -> list[tuple[Floats, csr_array]] | None:
    """Rate and weight as each row's usual entry and a sparse rest; None where the problem is small or the rest is not.

    An intervention changes the reach of rows below it alone, so that most entries of a row may be the same. Shares sum
    to one: the usual entry comes out as a constant.
    """
    if problem.rate.size <= _LARGE:
        return None
    parts = []
    for matrix in (problem.rate, problem.weight):
        parts.append(_spread(matrix))
        if parts[-1][1].nnz > _SPARSE * matrix.size:
            return None
    return parts


def _spread(matrix: Floats) -> tuple[Floats, csr_array]:
    """Each row's middle entry [C'], and what the entries differ from it by; nothing where that is rounding."""
    from scipy.sparse import csr_array

    middle = matrix.shape[1] // 2
    usual = np.partition(matrix, middle, axis=1)[:, middle]
    rest = matrix - usual[:, None]
    rest[np.abs(rest) < _ROUNDING] = 0.0
    return usual, csr_array(rest)


def _simplex(point: ArrayLike) -> Floats:
    """The point with negative dust cleared and the sum made one."""
    clipped = np.clip(np.asarray(point, dtype=float), 0, None)
    total = clipped.sum()
    if not np.isfinite(total) or total <= 0:
        raise SolveError("the answer is not a point of the simplex")
    scaled: Floats = clipped / total
    return scaled


def first_order(problem: Restricted, iterations: int = 4000) -> list[tuple[Floats, Floats]]:
    """First-order steps on the simplex: the pair of the least value, and that of the largest bound."""
    found = saddle_steps(
        *(problem.rate, problem.weight, problem.count),
        0.9 * problem.start + 0.1 / len(problem.start),
        allowed=lambda shares: shares / shares.sum(),
        largest=lambda gradient: float(gradient.max()),
        steps=iterations,
        tolerance=problem.tolerance,
    )
    return [(_simplex(mixture), _simplex(dual)) for mixture, dual in found]


SOLVERS: dict[str, Solver] = {**{name: conic(name) for name in CVXPY_SOLVERS}, FIRST_ORDER: first_order}
"""Name → solver."""
