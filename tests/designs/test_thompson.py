"""Thompson sampling: win probabilities against closed forms and simulation."""

import math

import numpy as np
from cases import together

import causalbandit as cb


def test_exact_win_probability_of_two_beta_arms_equals_the_finite_sum() -> None:
    # P(B > A) for Beta(a1, b1) against Beta(a2, b2) with whole a2 is a finite sum of Beta functions.
    policy = cb.BetaBernoulliThompson(2, draws="exact")
    for arm, successes, failures in ((0, 3, 9), (1, 5, 4)):
        for outcome in [1.0] * successes + [0.0] * failures:
            policy.update(arm, outcome)
    a1, b1, a2, b2 = 4, 10, 6, 5

    def log_beta(a: float, b: float) -> float:
        return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)

    wins = sum(
        math.exp(log_beta(a1 + i, b1 + b2) - math.log(b2 + i) - log_beta(1 + i, b2) - log_beta(a1, b1))
        for i in range(a2)
    )
    np.testing.assert_allclose(policy.probabilities(), [1 - wins, wins], atol=1e-12)


def test_exact_win_probability_of_two_gaussian_arms_equals_the_normal_distribution() -> None:
    policy = cb.GaussianThompson(2, prior_sd=2.0, noise_sd=3.0, draws="exact")
    rng = np.random.default_rng(1)
    for _ in range(30):
        policy.update(0, rng.normal(0.0, 3.0))
    for _ in range(7):
        policy.update(1, rng.normal(1.0, 3.0))
    mean, spread = policy._posterior(policy.counts, policy.totals)
    wins = 0.5 * (1 + math.erf((mean[1] - mean[0]) / math.hypot(*spread) / math.sqrt(2)))
    np.testing.assert_allclose(policy.probabilities(), [1 - wins, wins], atol=1e-12)


@together("goal", ["max", "min"])
@together("kind", [cb.BetaBernoulliThompson, cb.GaussianThompson])
def test_many_draws_approach_the_exact_probabilities(kind: type, goal: str) -> None:
    # 40,000 draws: standard error at most 0.0025 per arm; a bound of 0.0125 is five of them (false alarm < 1e-5).
    exact, drawn = kind(4, draws="exact", goal=goal), kind(4, draws=40_000, goal=goal, rng=0)
    rng = np.random.default_rng(5)
    for arm, mean in enumerate((0.2, 0.4, 0.5, 0.55)):
        for _ in range(20):
            outcome = float(rng.random() < mean)
            exact.update(arm, outcome)
            drawn.update(arm, outcome)
    np.testing.assert_allclose(drawn.probabilities(), exact.probabilities(), atol=0.0125)


def test_exact_probabilities_hold_for_sharp_unequal_and_edge_posteriors() -> None:
    policy = cb.BetaBernoulliThompson(3, prior=(0.5, 0.5), draws="exact")
    policy.counts[:] = [1e6, 3.0, 0.0]
    policy.totals[:] = [5e5, 3.0, 0.0]
    draws = np.random.default_rng(0).beta(0.5 + policy.totals, 0.5 + policy.counts - policy.totals, size=(400_000, 3))
    wins = (draws.argmax(axis=1)[:, None] == np.arange(3)).mean(axis=0)
    np.testing.assert_allclose(policy.probabilities(), wins, atol=0.005)  # six standard errors
