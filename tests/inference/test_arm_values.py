"""Values and contrasts of arms: the reference package, brute force, and what a result warns of."""

import numpy as np
import pandas as pd
import pytest
from cases import together
from small_logs import REFERENCE

from causalbandit.inference.arm_sequences import arm_sequences
from causalbandit.inference.arm_values import arm_contrasts, arm_values, estimate_arms, sample_means, value_path
from causalbandit.inference.estimates import plot_estimates
from causalbandit.inference.learned_policy import learn_policy
from causalbandit.inference.log import AdaptiveLog
from causalbandit.inference.past_means import LookaheadWarning
from causalbandit.inference.policy_values import policy_value
from causalbandit.inference.scores import aipw_scores
from causalbandit.inference.weights import adaptive_weights

CASES = REFERENCE["cases"]
SCHEMES = [("uniform", "uniform"), ("constant", "lvdl"), ("two-point", "two_point")]


def case_scores(case, scheme):
    propensities = np.array(case["assignment_probs"])
    scores = aipw_scores(case["rewards"], case["arms"], propensities)
    return scores, adaptive_weights(propensities, scheme, case["floor_decay"])


def case_log(case=REFERENCE["cases"][0], **more):
    return AdaptiveLog(case["arms"], case["rewards"], case["assignment_probs"], **more)


@together("case", CASES)
@together(("scheme", "name"), SCHEMES)
def test_values_equal_the_reference(case, scheme, name):
    table = arm_values(*case_scores(case, scheme), alpha=case["alpha"])
    expected = case["arm_value"][name]
    np.testing.assert_allclose(table["estimate"], expected["estimate"], rtol=1e-9)
    np.testing.assert_allclose(table["std_error"], expected["stderr"], rtol=1e-9)
    np.testing.assert_allclose((table["upper"] - table["lower"]) / 2, expected["ci_radius"], rtol=1e-9)


@together("case", CASES)
@together(("scheme", "name"), SCHEMES)
def test_contrasts_equal_the_reference(case, scheme, name):
    """The reference takes the last arm minus each other one, so ours, arm minus reference, has the other sign."""
    table = arm_contrasts(*case_scores(case, scheme), reference=case["K"] - 1, alpha=case["alpha"])
    expected = case["contrast"][name]
    np.testing.assert_allclose(table["estimate"], -np.array(expected["estimate"]), rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(table["std_error"], expected["stderr"], rtol=1e-9)
    np.testing.assert_allclose((table["upper"] - table["lower"]) / 2, expected["ci_radius"], rtol=1e-9)


@together("case", CASES)
def test_own_weights_inverse_propensity_scores_and_sample_means_equal_the_reference(case):
    propensities = np.array(case["assignment_probs"])
    scores, _ = case_scores(case, "uniform")
    own = arm_values(scores, adaptive_weights(propensities, propensities))
    np.testing.assert_allclose(own["std_error"], case["arm_value"]["propscore"]["stderr"], rtol=1e-9)
    plain = arm_values(aipw_scores(case["rewards"], case["arms"], propensities, 0.0), np.ones_like(propensities))
    np.testing.assert_allclose(plain["estimate"], case["arm_value"]["uniform_ipw"]["estimate"], rtol=1e-9)
    naive, expected = sample_means(case_log(case), alpha=case["alpha"]), case["sample_mean_naive"]["arm"]
    np.testing.assert_allclose(naive["estimate"], expected["estimate"], rtol=1e-9)
    np.testing.assert_allclose(naive["std_error"], expected["stderr"], rtol=1e-9)


def test_tables_are_frames_in_column_order_with_the_names_of_the_arms():
    scores, weights = case_scores(REFERENCE["cases"][0], "constant")
    values = arm_values(scores, weights, names=["a", "b", "c"])
    assert isinstance(values, pd.DataFrame)
    assert values["arm"].tolist() == ["a", "b", "c"]
    assert type(values) is pd.DataFrame
    contrasts = arm_contrasts(scores, weights, reference="b", names=["a", "b", "c"])
    assert contrasts[["arm", "reference"]].to_numpy().tolist() == [["a", "b"], ["c", "b"]]
    pairs = arm_contrasts(scores, weights, all_pairs=True)
    assert pairs[["arm", "reference"]].to_numpy().tolist() == [[1, 0], [2, 0], [2, 1]]
    single = arm_contrasts(scores, weights, reference=1)
    assert pairs["estimate"].iloc[2] == pytest.approx(single["estimate"].iloc[1], rel=1e-12)
    assert pairs["std_error"].iloc[2] == pytest.approx(single["std_error"].iloc[1], rel=1e-12)


def test_a_frame_instead_of_a_log_is_refused_with_the_way_to_a_log():
    for call in (estimate_arms, sample_means, arm_sequences, policy_value, learn_policy):
        arguments = {arm_sequences: ("naive",), policy_value: (0,)}.get(call, ())
        with pytest.raises(TypeError, match=r"log was a DataFrame; expected an AdaptiveLog.*from_frame"):
            call(pd.DataFrame({"arm": [0, 1]}), *arguments)


def test_the_path_ends_in_the_final_estimates_and_each_point_uses_its_prefix_only():
    scores, weights = case_scores(REFERENCE["cases"][1], "constant")
    path = value_path(scores, weights, 0.1, at=[50, 120, 200])
    for t in (50, 120, 200):
        expected = arm_values(scores[:t], weights[:t], 0.1)
        rows = path[path["round"] == t]
        for name in ("estimate", "std_error", "lower", "upper"):
            np.testing.assert_allclose(rows[name], expected[name], rtol=1e-9)
    with pytest.raises(ValueError, match="from 1 to 200"):
        value_path(scores, weights, at=[500])


def test_estimates_of_a_log_equal_those_of_its_arrays():
    case = REFERENCE["cases"][0]
    result = estimate_arms(case_log(case), "two-point", reference=2, alpha=0.1, all_pairs=False)
    scores, weights = case_scores(case, "two-point")
    np.testing.assert_allclose(result.values["estimate"], arm_values(scores, weights)["estimate"], rtol=1e-12)
    np.testing.assert_allclose(
        result.contrasts["std_error"], arm_contrasts(scores, weights, reference=2)["std_error"], rtol=1e-12
    )
    assert len(result.to_frame()) == 5
    assert result.to_dict()["rounds"] == 200
    assert "Values of arms (90% intervals)" in result.summary()
    assert "<table" in result._repr_html_()


def test_an_arm_never_taken_has_no_estimate():
    propensities = np.full((60, 3), 1 / 3)
    arms = np.tile([0, 1], 30)
    result = estimate_arms(AdaptiveLog(arms, np.random.default_rng(0).normal(size=60), propensities))
    last = result.values.iloc[2]
    assert np.isnan(last["estimate"])
    assert (last["lower"], last["upper"]) == (-np.inf, np.inf)
    assert last["insufficient_data"]
    assert result.contrasts["insufficient_data"].tolist() == [False, True]
    assert not result.contrasts["significant"].iloc[1]
    assert result.to_dict()["values"][2]["estimate"] is None


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_an_arm_whose_outcomes_were_all_equal_has_an_estimate_and_no_finite_interval(value):
    arms, rng = np.tile([0, 1], 40), np.random.default_rng(0)
    outcomes = np.where(arms == 1, value, rng.integers(0, 2, 80))
    result = estimate_arms(AdaptiveLog(arms, outcomes, np.full((80, 2), 0.5)), "constant")
    row = result.values.iloc[1]
    assert row["estimate"] == pytest.approx(value, abs=0.1)
    assert row["upper"] - row["lower"] == np.inf
    assert "never varied" in row["warning"]
    assert result.contrasts["insufficient_data"].tolist() == [True]


@pytest.mark.parametrize("weights", ["uniform", "constant", "two-point"])
def test_an_arm_that_could_never_be_taken_has_no_estimate_and_a_note(weights):
    propensities = np.tile([0.5, 0.5, 0.0], (80, 1))
    log = AdaptiveLog(np.tile([0, 1], 40), np.random.default_rng(0).normal(size=80), propensities)
    result = estimate_arms(log, weights)
    assert result.values["insufficient_data"].tolist() == [False, False, True]
    assert np.isfinite(result.contrasts["std_error"].iloc[0])
    assert any("propensity 0 in 80 rounds" in note for note in result.notes)


def test_a_small_effective_sample_size_is_a_warning_in_the_result():
    scores, _ = case_scores(REFERENCE["cases"][0], "uniform")
    weights = np.full(scores.shape, 1e-3)
    weights[:3, 1] = 1.0
    table = arm_values(scores, weights)
    assert table["effective_size"].iloc[1] == pytest.approx((3 + 0.197) ** 2 / (3 + 197e-6))
    assert table["warning"].str.contains("effective sample size").tolist() == [False, True, False]
    few = np.full((100, 2), [0.99, 0.01])
    arms = np.where(np.arange(100) % 33 == 0, 1, 0)
    result = estimate_arms(AdaptiveLog(arms, np.arange(100.0), few), "uniform")
    assert "effective sample size 4.0" in result.values["warning"].iloc[1]
    assert "effective sample size" in result.contrasts["warning"].iloc[0]


def test_looking_ahead_is_flagged_in_the_result():
    log = case_log()
    full = [log.outcomes[log.arms == k].mean() for k in range(3)]
    with pytest.warns(LookaheadWarning):
        result = estimate_arms(log, outcome_means=full, allow_lookahead=True)
    assert any("seen the future" in note for note in result.notes)


def test_a_model_is_refitted_where_batches_begin():
    linear_model = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(0)
    x, batches = rng.normal(size=(600, 2)), np.repeat(np.arange(6), 100)
    arms = rng.integers(0, 2, 600)
    outcomes = x @ [2.0, -1.0] + arms + rng.normal(size=600)
    log = AdaptiveLog(arms, outcomes, np.full((600, 2), 0.5), contexts=x, batches=batches)
    plain = estimate_arms(log)
    modelled = estimate_arms(log, outcome_means=linear_model.LinearRegression())
    assert modelled.contrasts["std_error"].iloc[0] < 0.8 * plain.contrasts["std_error"].iloc[0]
    assert abs(modelled.contrasts["estimate"].iloc[0] - 1.0) < 4 * modelled.contrasts["std_error"].iloc[0]


def test_a_model_learns_in_a_randomised_experiment_and_one_batch_leaves_running_means():
    """Equal propensities throughout are one run; the model must be refitted within it all the same."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(0)
    x, arms = rng.normal(size=(400, 1)), rng.integers(0, 2, 400)
    outcomes = 3.0 * x[:, 0] + rng.normal(size=400)
    log = AdaptiveLog(arms, outcomes, np.full((400, 2), 0.5), contexts=x)
    model = linear_model.LinearRegression()
    plain, fitted = estimate_arms(log).contrasts, estimate_arms(log, outcome_means=model).contrasts
    assert fitted["std_error"].iloc[0] < 0.6 * plain["std_error"].iloc[0]
    whole = AdaptiveLog(arms, outcomes, np.full((400, 2), 0.5), contexts=x, batches=np.zeros(400))
    pd.testing.assert_frame_equal(estimate_arms(whole, outcome_means=model).contrasts, plain)


@together(
    ("call", "words"),
    [
        (lambda s, w: arm_values(s[:, 0], w), r"shape \(200,\)"),
        (lambda s, w: arm_values(np.where(s > 0, s, np.nan), w), "scores holds nan"),
        (lambda s, w: arm_values(s, w[:10]), r"\(10, 3\)"),
        (lambda s, w: arm_values(s, -w), "none below 0"),
        (lambda s, w: arm_values(s, w, alpha=5), "alpha was 5"),
        (lambda s, w: arm_values(s, w, names=["a"]), "1 labels for 3 arms"),
        (lambda s, w: arm_contrasts(s, w, reference=3), "reference was 3.*0, 1, 2"),
        (lambda s, w: arm_contrasts(s, w, multiplicity="bonferoni"), "Did you mean 'bonferroni'"),
    ],
)
def test_bad_arguments_are_named(call, words):
    scores, weights = case_scores(REFERENCE["cases"][0], "constant")
    with pytest.raises(ValueError, match=words):
        call(scores, weights)


def test_unknown_reference_of_a_log_is_named():
    with pytest.raises(ValueError, match=r"control was 'blu', an unknown arm.*Did you mean 'blue'"):
        estimate_arms(case_log(arm_names=("red", "blue", "green")), reference="blu")


def test_weights_that_need_all_propensities_say_so():
    case = REFERENCE["cases"][0]
    taken = np.array(case["assignment_probs"])[np.arange(200), case["arms"]]
    log = AdaptiveLog(case["arms"], case["rewards"], taken, arm_names=(0, 1, 2))
    with pytest.raises(ValueError, match="weights was 'two-point', which needs the propensity of every arm"):
        estimate_arms(log)
    np.testing.assert_allclose(
        estimate_arms(log, "uniform").values["estimate"], case["arm_value"]["uniform"]["estimate"], rtol=1e-9
    )


def test_plots_draw_each_interval():
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    result = estimate_arms(case_log(arm_names=("red", "blue", "green")))
    ax = plot_estimates(result.contrasts)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["blue − red", "green − red"]
    assert len(result.plot().lines) == 3
    _, given = plt.subplots()
    assert plot_estimates(result.values, given) is given
    plt.close("all")


@together("alpha", [None, "0.05", True, [0.05], 0, 1.5, float("nan")])
def test_an_alpha_that_is_no_error_rate_is_named(alpha):
    scores = np.arange(8.0).reshape(4, 2)
    for estimate in (arm_values, lambda s, w, alpha: arm_contrasts(s, w, 0, alpha)):
        with pytest.raises(ValueError, match=r"alpha was .*error rate between 0 and 1"):
            estimate(scores, np.ones((4, 2)), alpha)


@pytest.mark.parametrize("names", [["a", "a"], [1, "1"]])
def test_names_that_print_alike_are_refused(names):
    for estimate in (arm_values, arm_contrasts):
        with pytest.raises(ValueError, match=f"are called {names[0]!r} and {names[1]!r}"):
            estimate(np.arange(8.0).reshape(4, 2), np.ones((4, 2)), names=names)
