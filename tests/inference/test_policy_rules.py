"""What policies take at a log's contexts, and what its design would have done there."""

import numpy as np
import pytest
from small_logs import best, contextual_log, softmax_rule

from causalbandit.inference import policy_rules
from causalbandit.inference.log import AdaptiveLog
from causalbandit.inference.policy_values import policy_value
from causalbandit.inference.scores import aipw_scores


def test_rules_that_ignore_contexts_need_no_function():
    rng = np.random.default_rng(2)
    rules = np.array([[0.4, 0.3, 0.3], [0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    x, propensities = rng.normal(size=(90, 1)), np.repeat(rules, 30, axis=0)
    log = AdaptiveLog(rng.integers(0, 3, 90), rng.normal(size=90), propensities, contexts=x)

    def as_function(t, contexts):
        return np.tile(propensities[t], (len(contexts), 1))

    batched = AdaptiveLog(log.arms, log.outcomes, propensities, contexts=x, batches=np.repeat([0, 1, 2], 30))
    for weighting in ("stable-var", "min-var", "contextual-stable-var", "contextual-min-var"):
        found = policy_value(log, best, weighting=weighting)
        asked = policy_value(batched, best, as_function, weighting)
        rounds = policy_value(log, best, as_function, weighting)
        np.testing.assert_allclose(found[["estimate", "std_error"]], asked[["estimate", "std_error"]], rtol=1e-10)
        np.testing.assert_allclose(found[["estimate", "std_error"]], rounds[["estimate", "std_error"]], rtol=1e-10)


def test_an_arm_is_the_policy_that_always_takes_it():
    log = contextual_log()
    by_name = policy_value(log, 2)
    by_array = policy_value(log, np.full(240, 2))
    assert by_name["estimate"].iloc[0] == by_array["estimate"].iloc[0]
    assert by_name["policy"].iloc[0] == "2"
    gamma = aipw_scores(log.outcomes, log.arms, log.propensities)
    assert by_name["estimate"].iloc[0] == pytest.approx(gamma[:, 2].mean())


@pytest.mark.parametrize("weighting", ["stable-var", "contextual-min-var"])
def test_a_rule_is_asked_once_for_every_batch(weighting):
    log, asked = contextual_log(), []

    def rule(t, contexts):
        asked.append((t, len(contexts)))
        return softmax_rule(t, contexts)

    policy_value(log, {"best": best, "last": 2}, rule, weighting)
    assert asked == [(start, 240) for start in range(0, 240, 40)]


def test_what_is_kept_between_two_passes_equals_what_is_asked_for_anew(monkeypatch):
    log = contextual_log()
    kept = policy_value(log, best, softmax_rule, "contextual-stable-var")
    monkeypatch.setattr(policy_rules, "KEPT_NUMBERS", 0)
    again = policy_value(log, best, softmax_rule, "contextual-stable-var")
    np.testing.assert_array_equal(kept["estimate"], again["estimate"])
