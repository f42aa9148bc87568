"""Values of policies, which choose arms by contexts, from adaptively collected data.

>>> import numpy as np
>>> rng = np.random.default_rng(0)
>>> x, arms = rng.normal(size=(4000, 1)), rng.integers(0, 2, 4000)
>>> outcomes = np.where(arms == (x[:, 0] > 0), 1.0, 0.0) + rng.normal(size=4000)
>>> log = AdaptiveLog(arms, outcomes, np.full((4000, 2), 0.5), contexts=x, batches=np.repeat([0, 1], 2000))
>>> policy_value(log, lambda x: (x[:, 0] > 0).astype(int), weighting="stable-var")["estimate"].round(1).tolist()
[1.0]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from causalbandit.arrays import Floats
from causalbandit.checks import error_rate, instance, one_of
from causalbandit.errors import InvalidArgument
from causalbandit.inference.arm_values import LOOKAHEAD_NOTE
from causalbandit.inference.estimates import Estimates
from causalbandit.inference.log import AdaptiveLog, require_log
from causalbandit.inference.multiplicity import MULTIPLICITIES
from causalbandit.inference.policy_rules import (
    DesignRules,
    Policy,
    Propensity,
    named_policies,
    policy_probabilities,
)
from causalbandit.inference.scores import followed_sizes, log_scores, policy_variance
from causalbandit.randomness import RNG, generator

if TYPE_CHECKING:
    import pandas as pd

WEIGHTINGS = ("uniform", "stable-var", "min-var", "contextual-stable-var", "contextual-min-var")
"""The weightings of `policy_value`."""


def policy_value(
    log: AdaptiveLog,
    policy: Policy | Mapping[str, Policy],
    propensity: Propensity | None = None,
    weighting: str = "uniform",
    *,
    alpha: float = 0.05,
    outcome_means: Any = None,
    refit_at: Sequence[int] | None = None,
    allow_lookahead: bool = False,
) -> pd.DataFrame:
    """One row per policy: the mean outcome if all rounds had been decided by it, with a normal interval.

    The score of a policy π in round t is Σ_w π(w|x_t)·Γ_t(w). With φ_t(x) = Σ_w π(w|x)²/e_t(x, w), about the variance
    of that score, and T rounds:

    - "uniform": Q̂ is the mean of the scores.
    - "stable-var", "min-var": Q̂ = Σ h_tΓ_t/Σ h_t with h_t = φ̄_t^(−1/2) or φ̄_t^(−1), φ̄_t the mean of φ_t over the
      contexts of earlier rounds (in the first round, its own).
    - "contextual-stable-var", "contextual-min-var": h_t(x) = φ_t(x)^(−1/2) or φ_t(x)^(−1), Z(x) = Σ_t h_t(x),
      B_t = h_t(x_t)Γ_t/Z(x_t), Q̂ = Σ B_t, V̂ = Σ_t (B_t − Σ_s h_t(x_s)B_s/Z(x_s))².

    Parameters
    ----------
    log
        The record. Every weighting but "uniform" needs all arms' propensities.
    policy
        An arm's name (that arm always); [T, K] probabilities, or [T] columns, for the rounds of the log; or a function
        from contexts [n, d] to [n, K] probabilities, [n] columns or [n] names. Or a mapping from names to policies.
    propensity
        ``propensity(t, contexts)``: the design's probabilities [n, K] in round t (counted from 0) at *any* contexts.
        All weightings but "uniform" need the propensities of round t at other rounds' contexts, which a log of
        e_t(x_t, ·) does not hold. Not needed when every batch of the log kept to one rule that ignored contexts.
        It is asked once for every batch of the log, with the batch's first round (for every round, without batches);
        twice by contextual weightings where P·B·T numbers would not fit in memory. Where it disagrees with the log, it
        is refused.
    alpha
        Error rate.
    outcome_means, refit_at, allow_lookahead
        As `aipw_scores`.

    Raises
    ------
    ValueError
        Unknown weighting; propensities at other contexts unknown, or at odds with the log; a policy that is none.

    Notes
    -----
    Source: Zhan, Hadad, Hirshberg & Athey (KDD 2021). Assumes that contexts are drawn alike and independently, that the
    policy was fixed before the data (or learned on other data), and propensities above a floor that decays slowly
    (t^(−a) with a < 1/2). Cost O(B·T·K) for B batches (B = T without), O(T·K) if rules ignore contexts and the
    weighting does too; memory O(T·K).
    """
    policies = named_policies(policy)
    notes = [f"AIPW with {weighting} weighting; for policies that were fixed before these data."]
    if allow_lookahead:
        notes.append(LOOKAHEAD_NOTE)
    together = _estimates(log, policies, propensity, weighting, alpha, outcome_means, refit_at, allow_lookahead)
    if log.propensities is not None and weighting == "uniform":  # the others give such rounds no weight
        for name, each in policies.items():
            wanted = policy_probabilities(log, each, name) > 0.0
            count = int((wanted & (log.propensities == 0.0)).any(axis=1).sum())
            if count:
                notes.append(
                    f"Policy {name!r} takes arms of propensity 0 in {count} rounds; its scores there rest on the "
                    "outcome means alone."
                )
    return replace(together, notes=tuple(notes)).values(error_rate(alpha))


def policy_contrasts(
    log: AdaptiveLog,
    policies: Mapping[str, Policy],
    control: str | None = None,
    propensity: Propensity | None = None,
    weighting: str = "uniform",
    *,
    alpha: float = 0.05,
    multiplicity: str = "none",
    all_pairs: bool = False,
    outcome_means: Any = None,
    refit_at: Sequence[int] | None = None,
    allow_lookahead: bool = False,
    reference: str | None = None,
    rng: RNG = 0,
) -> pd.DataFrame:
    """One row per other policy: its value minus that of the policy ``control``, with a normal interval.

    ``control`` (``reference`` is another word for it) names one of the ``policies``; default: the first. The variance
    is that of the difference of the two estimates' influences, round by round, so that policies that agree in most
    rounds are compared precisely. Keywords as in `policy_value` and `arm_contrasts`.
    """
    one_of(multiplicity, "multiplicity", MULTIPLICITIES)
    instance(policies, "policies", Mapping, "a mapping from names to policies, two or more")
    if len(policies) < 2:
        raise InvalidArgument("policies", "names fewer than two; a contrast compares two.")
    together = _estimates(log, policies, propensity, weighting, alpha, outcome_means, refit_at, allow_lookahead)
    named = reference if control is None else control
    return together.contrasts(
        together.labels[0] if named is None else named,
        alpha,
        all_pairs=all_pairs,
        multiplicity=multiplicity,
        rng=generator(rng),
        argument="control",
    )


def _estimates(
    log: AdaptiveLog,
    policies: Mapping[str, Policy],
    propensity: Propensity | None,
    weighting: str,
    alpha: float,
    outcome_means: Any,
    refit_at: Sequence[int] | None,
    allow_lookahead: bool,
) -> Estimates:
    """The values of P policies, their covariance from influences (estimate minus truth, round by round)."""
    require_log(log)
    error_rate(alpha)
    one_of(weighting, "weighting", WEIGHTINGS)
    rules = None if weighting == "uniform" else DesignRules.of(log, propensity, weighting)
    chances = [policy_probabilities(log, policy, name) for name, policy in policies.items()]
    gamma = log_scores(log, outcome_means, refit_at, allow_lookahead)
    scores = np.stack([(chance * gamma).sum(axis=1) for chance in chances])
    power = -0.5 if weighting.endswith("stable-var") else -1.0  # of φ in a weight
    if rules is not None and weighting.startswith("contextual"):
        shares, expected = _contextual_shares(rules, chances, scores, power)
        estimates = (shares * scores).sum(axis=1)
        influences = shares * scores - expected
    else:
        h = np.ones(scores.shape) if rules is None else _past_mean_variances(rules, chances) ** power
        total = h.sum(axis=1, keepdims=True)
        shares = h / np.where(total > 0.0, total, 1.0)  # no weight at all: the policy could never be followed
        estimates = (shares * scores).sum(axis=1)
        influences = shares * (scores - estimates[:, None])
    followed = shares * np.stack([chance[np.arange(log.n_rounds), log.arms] for chance in chances])
    effective, skewed = followed_sizes(log, followed)
    never = effective == 0.0  # no round took what the policy takes: nothing is known of it
    estimates[never], influences[never] = np.nan, 0.0
    covariance = influences @ influences.T
    errors = np.sqrt(np.diag(covariance))
    errors[errors == 0.0] = np.nan
    return Estimates(tuple(policies), estimates, errors, covariance, effective, skewed, "policy")


def _past_mean_variances(rules: DesignRules, chances: Sequence[Floats]) -> Floats:
    """[P, T]: φ̄_t, the mean of φ_t over the contexts of earlier rounds; in the first round, of its own."""
    n_rounds = len(chances[0])
    earlier = np.arange(n_rounds)
    if rules.table is not None:  # the rule ignores contexts, so that the mean reaches through to the policy alone
        own = rules.table[np.repeat(np.arange(len(rules.starts)), rules.sizes)]
        found = []
        for chance in chances:
            squares = np.cumsum(chance * chance, axis=0)
            squares = np.concatenate((squares[:1], squares[:-1])) / np.maximum(earlier, 1)[:, None]
            found.append(policy_variance(np.sqrt(squares), own))
        return np.stack(found)
    means = np.empty((len(chances), n_rounds))
    for rows, phi in rules.variances(chances):
        totals = np.cumsum(phi[:, : rows.stop], axis=1)
        places = earlier[rows]
        means[:, rows] = totals[:, np.maximum(places - 1, 0)] / np.maximum(places, 1)
    return means


def _contextual_shares(
    rules: DesignRules, chances: Sequence[Floats], scores: Floats, power: float
) -> tuple[Floats, Floats]:
    """[P, T] shares h_t(x_t)/Z(x_t), and [P, T] sums Σ_s h_t(x_s)·B_s/Z(x_s), the same for all rounds of a batch."""
    own, total, expected = np.empty(scores.shape), np.zeros(scores.shape), np.empty(scores.shape)
    first, second = rules.twice(chances)
    for rows, phi in first:
        h = phi**power
        own[:, rows] = h[:, rows]
        total += (rows.stop - rows.start) * h
    none = np.flatnonzero((total == 0.0).any(axis=0))
    if len(none):
        where = f"at the context of row {none[0]} ({len(none)} such rows)"
        why = "that the design could never have taken there: this log does not tell its value"
        raise InvalidArgument("policy", f"takes an arm, {where}, {why}.")
    shares = own / total
    scaled = shares * scores / total
    for rows, phi in second:
        expected[:, rows] = (phi**power * scaled).sum(axis=1, keepdims=True)
    return shares, expected
