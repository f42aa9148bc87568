"""Policies learned from a log are judged on rounds that they have not seen."""

import numpy as np
import pytest
from cases import together
from small_logs import best, contextual_log

from causalbandit.inference.learned_policy import learn_policy
from causalbandit.inference.log import AdaptiveLog
from causalbandit.inference.policy_values import policy_value


@pytest.mark.parametrize("kind", ["tree", "linear"])
def test_a_learned_policy_finds_the_sign_and_its_value_is_honest(kind):
    pytest.importorskip("sklearn")
    log = contextual_log(4000, 400, 3)
    learned = learn_policy(log, kind, depth=2)
    x = np.random.default_rng(5).normal(size=(500, 2))
    assert (learned(x) * x[:, 0]).mean() > 0.9 * (best(x) * x[:, 0]).mean()  # little is lost near x₀ = 0
    row = learned.values.iloc[0]
    truth = 2 * np.sqrt(1 / (2 * np.pi))
    assert abs(row["estimate"] - truth) < 4 * row["std_error"] + 0.1
    assert learned.contrasts["policy"].tolist() == [f"learned {kind}"] * 3
    assert learned.contrasts["significant"].all()
    assert "context_0" in learned.rules()
    assert learned.to_dict()["kind"] == kind
    assert set(learned.names(x)) <= {0, 1, 2}


def test_the_value_of_a_learned_policy_is_not_that_of_its_training_data():
    """Pure noise: a policy fitted and judged on the same rounds would look better than any arm; forward it does not.

    |z| < 4.5 is a false alarm in about 1 of 150,000 seeds.
    """
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(7)
    x, arms = rng.normal(size=(2000, 5)), rng.integers(0, 2, 2000)
    log = AdaptiveLog(arms, rng.normal(size=2000), np.full((2000, 2), 0.5), contexts=x)
    learned = learn_policy(log, "tree", depth=4)
    assert abs(learned.values["estimate"].iloc[0] / learned.values["std_error"].iloc[0]) < 4.5
    fitted = policy_value(log, learned)
    assert fitted["estimate"].iloc[0] > learned.values["estimate"].iloc[0] + 0.1


@together(
    ("keywords", "words"),
    [
        ({"kind": "forest"}, "kind was 'forest'; known kinds of policies: 'tree', 'linear'"),
        ({"folds": 100}, "folds was 100 for 240 rounds; expected at least 20 rounds per fold"),
        ({"depth": 0}, "depth was 0"),
        ({"folds": 1}, "folds was 1"),
    ],
)
def test_bad_arguments_are_named(keywords, words):
    with pytest.raises(ValueError, match=words):
        learn_policy(contextual_log(), **keywords)


def test_a_log_without_contexts_is_refused():
    with pytest.raises(ValueError, match="the log has none"):
        learn_policy(AdaptiveLog([0, 1, 0], [1.0, 2.0, 3.0], np.full((3, 2), 0.5)))
