"""Values of policies against the definitions written as loops."""

import numpy as np
import pytest
from cases import together
from small_logs import best, contextual_log, softmax_rule

from causalbandit.inference.estimates import frame_notes
from causalbandit.inference.log import AdaptiveLog
from causalbandit.inference.policy_values import policy_contrasts, policy_value
from causalbandit.inference.scores import aipw_scores


def by_definition(log, chance, weighting):
    """Estimate and standard error from the definitions, one round after the other."""
    n_rounds, x = log.n_rounds, log.contexts
    gamma = aipw_scores(log.outcomes, log.arms, log.propensities)
    score = (chance * gamma).sum(axis=1)
    starts = [int(np.flatnonzero(log.batches == b)[0]) for b in log.batches]
    phi = np.array([(chance**2 / softmax_rule(start, x)).sum(axis=1) for start in starts])  # [t, s]: φ_t(x_s)
    power = -0.5 if weighting.endswith("stable-var") else -1.0
    if weighting.startswith("contextual"):
        h = phi**power
        z = h.sum(axis=0)
        b = np.array([h[t, t] * score[t] / z[t] for t in range(n_rounds)])
        spread = [b[t] - sum(h[t, s] * b[s] / z[s] for s in range(n_rounds)) for t in range(n_rounds)]
        return b.sum(), np.sqrt(np.square(spread).sum())
    h = np.array([phi[t, :t].mean() if t else phi[0, 0] for t in range(n_rounds)]) ** power
    if weighting == "uniform":
        h = np.ones(n_rounds)
    estimate = (h * score).sum() / h.sum()
    return estimate, np.sqrt((h**2 * (score - estimate) ** 2).sum()) / h.sum()


@together("weighting", ["uniform", "stable-var", "min-var", "contextual-stable-var", "contextual-min-var"])
def test_weightings_equal_their_definitions(weighting):
    log = contextual_log()
    mixed = np.random.default_rng(1).dirichlet(np.ones(3), log.n_rounds)
    for chance in (np.eye(3)[best(log.contexts)], mixed):
        table = policy_value(log, chance, softmax_rule, weighting)
        estimate, error = by_definition(log, chance, weighting)
        assert table["estimate"].iloc[0] == pytest.approx(estimate, rel=1e-10)
        assert table["std_error"].iloc[0] == pytest.approx(error, rel=1e-9)


def test_a_policy_that_no_round_followed_has_no_value():
    log = AdaptiveLog(np.tile([0, 1], 20), np.arange(40.0), np.full((40, 3), 1 / 3))
    table = policy_value(log, {"taken": 0, "never": 2})
    assert table["insufficient_data"].tolist() == [False, True]
    assert np.isnan(table["estimate"].iloc[1])
    assert policy_contrasts(log, {"taken": 0, "never": 2}, "taken")["insufficient_data"].tolist() == [True]


@pytest.mark.parametrize("weighting", ["uniform", "stable-var", "min-var"])
def test_a_policy_that_the_design_could_never_follow_has_no_value(weighting, recwarn):
    log = AdaptiveLog(np.tile([0, 1], 20), np.arange(40.0), np.full((40, 3), [0.5, 0.5, 0.0]))
    table = policy_value(log, {"taken": 0, "never": 2}, weighting=weighting)
    assert table["insufficient_data"].tolist() == [False, True]
    assert table["lower"].iloc[1] == -np.inf
    assert not recwarn.list


def test_rounds_in_which_a_policy_could_not_be_followed_are_noted():
    propensities = np.repeat([[0.5, 0.5, 0.0], [0.25, 0.25, 0.5]], [20, 20], axis=0)
    log = AdaptiveLog(np.r_[np.tile([0, 1], 10), np.tile([0, 2], 10)], np.arange(40.0), propensities)
    notes = frame_notes(policy_value(log, {"new": 2, "old": 0}))
    assert [("propensity 0 in 20 rounds" in note, "'new'" in note) for note in notes[1:]] == [(True, True)]
    assert len(frame_notes(policy_value(log, {"new": 2}, weighting="stable-var"))) == 1  # there they have no weight


def test_contrasts_use_the_difference_of_influences():
    log = contextual_log()
    policies = {"best": best, "last": 2, "nearly best": lambda x: np.where(x[:, 0] > 0.2, 2, 0)}
    table = policy_contrasts(log, policies, "best", softmax_rule, "stable-var", multiplicity="bonferroni")
    values = policy_value(log, policies, softmax_rule, "stable-var").set_index("policy")
    assert table["policy"].tolist() == ["last", "nearly best"]
    assert table["estimate"].iloc[0] == pytest.approx(values.loc["last", "estimate"] - values.loc["best", "estimate"])
    apart = np.hypot(values.loc["nearly best", "std_error"], values.loc["best", "std_error"])
    assert table["std_error"].iloc[1] < 0.6 * apart  # policies that mostly agree are compared precisely


def test_weightings_lower_the_error_of_a_policy_that_the_design_grows_into():
    """RMSE over 100 seeded experiments of the policy that takes arm 2 where x₀ > 0, else arm 0."""
    truth = 2 * np.sqrt(1 / (2 * np.pi))  # E[2·x₀·1{x₀ > 0}]
    errors = {"uniform": [], "stable-var": [], "min-var": []}
    for seed in range(100):
        log = contextual_log(400, 80, seed)
        for weighting, found in errors.items():
            found.append(policy_value(log, best, softmax_rule, weighting)["estimate"].iloc[0] - truth)
    rmse = {name: np.sqrt(np.mean(np.square(found))) for name, found in errors.items()}
    assert rmse["stable-var"] < rmse["uniform"]
    assert rmse["min-var"] < rmse["uniform"]


@together(
    ("call", "words"),
    [
        (lambda log: policy_value(log, best, weighting="stablevar"), "Did you mean 'stable-var'"),
        (
            lambda log: policy_value(log, best, weighting="stable-var"),
            "the log has its own only. Pass propensity, a function",
        ),
        (lambda log: policy_value(log, best, lambda t, x: np.full((len(x), 3), 1 / 3), "min-var"), "not the rule"),
        (lambda log: policy_value(log, best, lambda t, x: np.full((len(x), 2), 1 / 2), "min-var"), "expected"),
        (lambda log: policy_value(log, np.ones((3, 3))), r"shape \(3, 3\)"),
        (lambda log: policy_value(log, np.full((240, 3), 0.5)), "sum to 1"),
        (lambda log: policy_value(log, np.full(240, 7)), "column 7 in row 0"),
        (lambda log: policy_value(log, "green"), "was 'green', an unknown arm"),
        (lambda log: policy_value(log, {}), "policy is an empty mapping"),
        (lambda log: policy_value(log, best, 0.5, "min-var"), r"propensity was 0.5; expected a function"),
        (lambda log: policy_contrasts(log, {"a": 0, "b": 1}, "c"), "control was 'c'"),
        (lambda log: policy_contrasts(log, {}), "policies names fewer than two; a contrast compares two"),
        (lambda log: policy_contrasts(log, [0, 1]), "policies was a list; expected a mapping from names to policies"),
    ],
)
def test_bad_arguments_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call(contextual_log())


def test_a_log_without_contexts_is_refused():
    log = AdaptiveLog([0, 1, 0], [1.0, 2.0, 3.0], np.full((3, 2), 0.5))
    with pytest.raises(ValueError, match="the log has none"):
        policy_value(log, best)
