"""Several contrasts at once: p-values and critical values by hand and against exact quantiles."""

import numpy as np
import pandas as pd
from scipy import stats
from small_logs import REFERENCE

from causalbandit.inference.arm_values import arm_contrasts
from causalbandit.inference.scores import aipw_scores
from causalbandit.inference.weights import adaptive_weights


def case_scores(case, scheme):
    propensities = np.array(case["assignment_probs"])
    scores = aipw_scores(case["rewards"], case["arms"], propensities)
    return scores, adaptive_weights(propensities, scheme, case["floor_decay"])


def test_bonferroni_and_holm_follow_from_the_plain_p_values():
    scores, weights = case_scores(REFERENCE["cases"][1], "two-point")
    plain = arm_contrasts(scores, weights, all_pairs=True, alpha=0.1)
    bonferroni = arm_contrasts(scores, weights, all_pairs=True, alpha=0.1, multiplicity="bonferroni")
    holm = arm_contrasts(scores, weights, all_pairs=True, alpha=0.1, multiplicity="holm")
    p = plain["p_value"].to_numpy()
    np.testing.assert_allclose(p, 2 * stats.norm.sf(np.abs(plain["estimate"] / plain["std_error"])))
    np.testing.assert_allclose(bonferroni["p_value"], np.minimum(1, 3 * p))
    np.testing.assert_allclose(
        bonferroni["upper"] - bonferroni["estimate"], stats.norm.isf(0.1 / 6) * plain["std_error"]
    )
    smallest, middle, largest = np.argsort(p)
    expected = np.empty(3)
    expected[smallest] = min(1, 3 * p[smallest])
    expected[middle] = max(expected[smallest], min(1, 2 * p[middle]))
    expected[largest] = max(expected[middle], p[largest])
    np.testing.assert_allclose(holm["p_value"], expected)
    assert holm["lower"].isna().all()


def test_simultaneous_intervals_lie_between_plain_and_bonferroni_and_match_exact_quantiles():
    """Independent contrasts: max |Z| of 2 has quantile z with (2Φ(z) − 1)² = 1 − α; the Monte Carlo error is 0.005."""
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(50_000, 3)) * [1e-3, 1.0, 1.0]  # a reference without noise makes contrasts independent
    table = arm_contrasts(scores, np.ones((50_000, 3)), multiplicity="simultaneous", alpha=0.05)
    critical = ((table["upper"] - table["estimate"]) / table["std_error"]).to_numpy()
    exact = stats.norm.ppf((1 + np.sqrt(0.95)) / 2)
    np.testing.assert_allclose(critical, exact, atol=0.02)
    shifted = np.add(scores, [0.0, 0.01, -0.008])
    plain = arm_contrasts(shifted, np.ones((50_000, 3)))["p_value"]
    joint = arm_contrasts(shifted, np.ones((50_000, 3)), multiplicity="simultaneous")["p_value"]
    np.testing.assert_allclose(joint, 1 - (1 - plain) ** 2, atol=0.005)  # of two independent ones
    pairs = arm_contrasts(scores, np.ones((50_000, 3)), multiplicity="simultaneous", all_pairs=True)
    assert stats.norm.ppf(0.975) < ((pairs["upper"] - pairs["estimate"]) / pairs["std_error"]).iloc[0]
    again = arm_contrasts(scores, np.ones((50_000, 3)), multiplicity="simultaneous", all_pairs=True)
    pd.testing.assert_frame_equal(pairs, again)
