"""Figures of a design show what its tables hold."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import causalbandit as cb

pytestmark = pytest.mark.usefixtures("without_display")


@pytest.fixture(scope="module")
def design() -> cb.MixtureAdaptiveDesign:
    noise = np.random.default_rng(0)
    made = cb.MixtureAdaptiveDesign(cb.BetaBernoulliThompson(3), arms=["a", "b", "c"], control="b", t_star=300, rng=0)
    return made.run(lambda arm: float(noise.random() < {"a": 0.2, "b": 0.4, "c": 0.8}[arm]), 300, stop_early=False)


def test_the_path_has_a_line_an_arm_and_a_dotted_truth(design: cb.MixtureAdaptiveDesign) -> None:
    ax = design.plot_path(truth={"c": 0.4})
    lines = {line.get_label(): line for line in ax.get_lines()}
    np.testing.assert_array_equal(
        lines["c"].get_ydata(), design.path().query("arm == 'c'")["estimate"].to_numpy()  # type: ignore[arg-type]
    )  # fmt: skip
    dotted = [line for line in ax.get_lines() if line.get_linestyle() == ":"]
    assert [line.get_ydata()[0] for line in dotted] == [0.4]  # type: ignore[index]
    assert dotted[0].get_color() == lines["c"].get_color()


def test_totals_and_assignments_count_the_rounds(design: cb.MixtureAdaptiveDesign) -> None:
    counts = design.rounds()["arm"].value_counts()
    heights = [patch.get_height() for patch in design.plot_totals().patches]  # type: ignore[attr-defined]
    assert heights == [counts.get(arm, 0) for arm in "abc"]
    last = {line.get_label(): line.get_ydata()[-1] for line in design.plot_assignments().get_lines()}  # type: ignore[index]
    assert last == {arm: counts.get(arm, 0) for arm in "abc"}


def test_estimates_probabilities_scores_and_power_are_drawn(design: cb.MixtureAdaptiveDesign) -> None:
    _, axes = plt.subplots(1, 4)
    assert design.plot(axes[0], truth={"a": -0.2, "c": 0.4}) is axes[0]
    assert [label.get_text() for label in axes[0].get_yticklabels()] == ["a − b", "c − b"]
    design.plot_probabilities(axes[1])
    assert len(axes[1].get_legend().get_texts()) == 3
    design.plot_scores(axes[2])
    assert len(axes[2].get_xticklabels()) == 4
    simulation = cb.simulate_mad(cb.UCB(2), [0.2, 0.8], n_rounds=200, replications=20, delta="uniform", rng=0)
    simulation.plot(axes[3])
    assert axes[3].get_lines()[0].get_ydata()[-1] == simulation.power_path[-1, 0]


def test_truths_are_marked_for_the_arms_that_have_one(
    design: cb.MixtureAdaptiveDesign, recwarn: pytest.WarningsRecorder
) -> None:
    marks = [line for line in design.plot(truth={"c": 0.4}).get_lines() if line.get_label() == "truth"]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in marks] == [(0.4, 0)]  # type: ignore[index]
    assert design.plot(truth={"zzz": 0.4}).get_legend() is None
    cb.MixtureAdaptiveDesign(cb.UCB(2), rng=0).plot_probabilities()
    assert not recwarn.list


def test_nothing_to_draw_yet_is_said() -> None:
    design = cb.MixtureAdaptiveDesign(cb.UCB(2), rng=0)
    with pytest.raises(ValueError, match="no rounds to draw"):
        design.plot_path()
    with pytest.raises(ValueError, match="no scores to draw"):
        design.plot_scores()
