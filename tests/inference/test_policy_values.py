"""Values of policies against the definitions written as loops, and policies learned from a log."""

import numpy as np
import pytest

from causalbandit.inference.estimates import frame_notes
from causalbandit.inference.log import AdaptiveLog
from causalbandit.inference.policy_values import learn_policy, policy_contrasts, policy_value
from causalbandit.inference.scores import aipw_scores


def softmax_rule(t, contexts):
    """A design that leans on its first context more and more, with three arms."""
    lean = np.column_stack([contexts[:, 0], -contexts[:, 0], np.zeros(len(contexts))]) * np.log1p(t) / 4
    chances = np.exp(lean)
    return 0.9 * chances / chances.sum(axis=1, keepdims=True) + 0.1 / 3


def contextual_log(n_rounds=240, batch=40, seed=0):
    """Rounds in batches with one rule each; arm w pays w·x₀ on average."""
    rng = np.random.default_rng(seed)
    contexts = rng.normal(size=(n_rounds, 2))
    propensities = np.vstack(
        [softmax_rule(start, contexts[start : start + batch]) for start in range(0, n_rounds, batch)]
    )
    arms = (rng.random(n_rounds)[:, None] > propensities.cumsum(axis=1)).sum(axis=1).clip(max=2)
    outcomes = arms * contexts[:, 0] + rng.normal(size=n_rounds)
    batches = np.repeat(np.arange(n_rounds // batch), batch)
    return AdaptiveLog(arms, outcomes, propensities, contexts=contexts, batches=batches)


def best(contexts):
    return np.where(contexts[:, 0] > 0, 2, 0)


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


@pytest.mark.parametrize(
    "weighting", ["uniform", "stable-var", "min-var", "contextual-stable-var", "contextual-min-var"]
)
def test_weightings_equal_their_definitions(weighting):
    log = contextual_log()
    mixed = np.random.default_rng(1).dirichlet(np.ones(3), log.n_rounds)
    for chance in (np.eye(3)[best(log.contexts)], mixed):
        table = policy_value(log, chance, softmax_rule, weighting)
        estimate, error = by_definition(log, chance, weighting)
        assert table["estimate"].iloc[0] == pytest.approx(estimate, rel=1e-10)
        assert table["std_error"].iloc[0] == pytest.approx(error, rel=1e-9)


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
    """RMSE over 200 seeded experiments of the policy that takes arm 2 where x₀ > 0, else arm 0."""
    truth = 2 * np.sqrt(1 / (2 * np.pi))  # E[2·x₀·1{x₀ > 0}]
    errors = {"uniform": [], "stable-var": [], "min-var": []}
    for seed in range(200):
        log = contextual_log(400, 80, seed)
        for weighting, found in errors.items():
            found.append(policy_value(log, best, softmax_rule, weighting)["estimate"].iloc[0] - truth)
    rmse = {name: np.sqrt(np.mean(np.square(found))) for name, found in errors.items()}
    assert rmse["stable-var"] < rmse["uniform"]
    assert rmse["min-var"] < rmse["uniform"]


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


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda log: policy_value(log, best, weighting="stablevar"), "Did you mean 'stable-var'"),
        (lambda log: policy_value(log, best, weighting="stable-var"), "are not enough. Pass propensity="),
        (lambda log: policy_value(log, best, lambda t, x: np.full((len(x), 3), 1 / 3), "min-var"), "not the rule"),
        (lambda log: policy_value(log, best, lambda t, x: np.full((len(x), 2), 1 / 2), "min-var"), "expected"),
        (lambda log: policy_value(log, np.ones((3, 3))), r"shape \(3, 3\)"),
        (lambda log: policy_value(log, np.full((240, 3), 0.5)), "sum to 1"),
        (lambda log: policy_value(log, np.full(240, 7)), "column 7 in row 0"),
        (lambda log: policy_value(log, "green"), "Unknown arm 'green'"),
        (lambda log: policy_value(log, {}), "No policies"),
        (lambda log: policy_contrasts(log, {"a": 0, "b": 1}, "c"), "reference was 'c'"),
        (lambda log: learn_policy(log, "forest"), "Unknown kind 'forest'"),
        (lambda log: learn_policy(log, folds=100), "at least 20 rounds per fold"),
    ],
)
def test_bad_arguments_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call(contextual_log())


def test_a_log_without_contexts_is_refused():
    log = AdaptiveLog([0, 1, 0], [1.0, 2.0, 3.0], np.full((3, 2), 0.5))
    with pytest.raises(ValueError, match="the log has none"):
        policy_value(log, best)
    with pytest.raises(ValueError, match="the log has none"):
        learn_policy(log)
