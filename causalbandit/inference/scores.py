"""Scores of single rounds, whose mean is the quantity of interest: the only module that divides by propensities.

Every estimator of the package is a (weighted) mean of such scores. For arm w at a round in which arm W was drawn with
probability p(W) and gave Y, and with a prediction f_w made before the round,

    Γ(w) = f_w + 1{W = w} (Y − f_w) / p(w)

has the mean of arm w as its expectation whatever f is. The second summand is the `inverse_propensity_residual`.
Written for single numbers and for arrays alike, so that a running experiment, a log and a simulation share each line.

>>> inverse_propensity_residual(1.0, 0.25)      # an arm drawn with probability 1/4 speaks for four rounds
4.0
>>> contrast(score=12.0, control_score=4.0, square=30.0, control_square=10.0, rounds=16)
(0.5, 40.0)
"""

from __future__ import annotations

from typing import Any


def inverse_propensity_residual(outcome: Any, propensity: Any, prediction: Any = 0.0) -> Any:
    """(Y − f)/p of the arm that was drawn: what its score adds to the prediction.

    Parameters
    ----------
    outcome, propensity, prediction
        Numbers, or arrays that broadcast. ``propensity`` is the probability with which the drawn arm was drawn, in
        (0, 1] (checked where data enter, not here). ``prediction`` is the drawn arm's; it may use earlier rounds only.
        0 gives the plain inverse-propensity score.
    """
    return (outcome - prediction) / propensity


def contrast(score: Any, control_score: Any, square: Any, control_square: Any, rounds: Any) -> tuple[Any, Any]:
    """Estimate of arm minus control and its variance sum S, from per-arm sums over rounds.

    Parameters
    ----------
    score, control_score
        Σ Γ(w) for the arm and for control.
    square, control_square
        Σ of the drawn arm's squared residual over the rounds in which the arm (control) was drawn.
        No round draws both, so the contrast's variance terms 1{W ∈ {k, 0}}(Y − f_W)²/p(W)² simply add.
    rounds
        Number of scores, at least 1.

    Notes
    -----
    Source: Liang & Bojinov (2024) for f = 0; Molitor & Gold (2025) with predictions. Keeping the sums per arm instead
    of per contrast makes a round cost one arm's update, also when control is drawn and every contrast moves.
    """
    return (score - control_score) / rounds, square + control_square
