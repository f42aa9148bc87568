"""Plug-in effects: errors against the spread over simulated experiments, and intervals that hold together."""

import numpy as np
import pytest
from scipy.stats import norm

import causalbandit as cb
from causalbandit.inference.plug_in import PlugIn, chosen_interval, plug_in_effects


def allocations(problem, size, repetitions, seed):
    """Counts of fixed, even allocations, many times."""
    simulator = problem.model.simulator(problem.interventions)
    rng = np.random.default_rng(seed)
    sizes = np.full(len(problem.interventions), size)
    return [simulator.draw(sizes, rng) for _ in range(repetitions)]


def test_errors_equal_the_spread_over_simulated_experiments(shop):
    drawn = allocations(shop, 200, 400, 0)
    found = [PlugIn.of(shop.interventions, counts) for counts in drawn]
    for reference in (None, 0):
        base = 0.0 if reference is None else np.array([[one.effects[reference]] for one in found])
        spread = (np.array([one.effects for one in found]) - base).std(axis=0)
        said = np.mean([one.std_errors(reference) for one in found], axis=0)
        # 400 repetitions tell a standard deviation to 3.5 %: four of these is one false alarm in 10⁴ per entry
        assert said == pytest.approx(spread, rel=0.15, abs=1e-12)


def test_simultaneous_intervals_hold_together_and_single_ones_do_not(shipped):
    problem = shipped["asia"]
    true = problem.model.effects(problem.interventions)
    missed = {True: 0, False: 0}
    for counts in allocations(problem, 40, 30, 1):
        for together in missed:
            frame = plug_in_effects(problem.interventions, counts, simultaneous=together)
            missed[together] += bool(((frame["lower"] > true) | (frame["upper"] < true)).any())
    assert missed[True] <= 7  # 1.5 expected of 30 at 5 %; more than 7 with probability 10⁻⁴
    assert missed[False] > 7  # the canary: single intervals are not meant to hold together


def test_known_rows_bring_no_error_and_rows_without_visits_bring_much(shop):
    counts = cb.Counts.zeros(shop.interventions)
    blind = PlugIn.of(shop.interventions, counts)
    assert blind.unvisited.all()
    assert (blind.variance == 0.25).all()
    table = np.concatenate([np.asarray(shop.model.table(family.node)) for family in shop.graph.families])
    known = PlugIn.of(shop.interventions, counts, known=table)
    assert known.std_errors().max() == 0
    assert known.effects == pytest.approx(shop.model.effects(shop.interventions))
    assert known.largest_z(0.05) == 0.0
    assert "never visited" in plug_in_effects(shop.interventions, counts).attrs["notes"][1]


def test_a_difference_takes_its_reference_from_the_same_rows(shop):
    (counts,) = allocations(shop, 300, 1, 3)
    frame = plug_in_effects(shop.interventions, counts, reference=1)
    values = PlugIn.of(shop.interventions, counts).effects
    assert frame["estimate"].tolist() == pytest.approx((np.delete(values, 1) - values[1]).tolist())
    assert frame["reference"].unique().tolist() == ["ad=0"]


def effects_of(problem, rows):
    """The effects under tables with these rows."""
    tables, start = {}, 0
    for family in problem.graph.families:
        tables[family.node] = rows[start : start + family.n_rows].tolist()
        start += family.n_rows
    return cb.CausalModel(problem.graph, tables).effects(problem.interventions)


def spread_by_finite_differences(problem, counts, quantity):
    """A quantity of the effects at the counts' tables, and the root of Σ slope²·variance over the rows."""
    cpt = (counts.ones + 0.5) / (counts.visits + 1.0)
    variance = 0.0
    for row in range(len(cpt)):
        step = 1e-5 * (np.arange(len(cpt)) == row)
        slope = (quantity(effects_of(problem, cpt + step)) - quantity(effects_of(problem, cpt - step))) / 2e-5
        variance += slope**2 * (cpt[row] * (1 - cpt[row]) / counts.visits[row] if counts.visits[row] else 0.25)
    return quantity(effects_of(problem, cpt)), np.sqrt(variance)


@pytest.mark.parametrize("place", [0, 2])
def test_the_interval_of_a_chosen_one_is_bonferroni_over_the_set_by_finite_differences(shop, place):
    counts = allocations(shop, 30, 1, 3)[0]
    effect, spread = spread_by_finite_differences(shop, counts, lambda effects: effects[place])
    radius = norm.isf(0.1 / 2 / len(shop.interventions)) * spread
    low, high = chosen_interval(shop.interventions, counts, place, alpha=0.1)
    assert low == pytest.approx(max(effect - radius, 0.0), abs=1e-8)
    assert high == pytest.approx(min(effect + radius, 1.0), abs=1e-8)


def test_ratios_have_intervals_of_their_logarithms_by_finite_differences(shop):
    counts = allocations(shop, 200, 1, 3)[0]
    table = plug_in_effects(shop.interventions, counts, reference=0, alpha=0.1, simultaneous=False, scale="ratio")
    for place, row in enumerate(table.itertuples(), start=1):
        log_ratio = lambda effects, place=place: np.log(effects[place] / effects[0])  # noqa: E731
        centre, spread = spread_by_finite_differences(shop, counts, log_ratio)
        assert row.estimate == pytest.approx(np.exp(centre), rel=1e-8)
        assert row.std_error == pytest.approx(np.exp(centre) * spread, rel=1e-6, abs=1e-9)
        assert row.lower == pytest.approx(np.exp(centre - norm.isf(0.05) * spread), rel=1e-6)
        assert row.upper == pytest.approx(np.exp(centre + norm.isf(0.05) * spread), rel=1e-6)
    together = plug_in_effects(shop.interventions, counts, reference=0, alpha=0.1, scale="ratio")
    assert (together["upper"] / together["lower"] >= table["upper"] / table["lower"]).all()


def test_one_more_per_is_a_loop_over_differences(shop):
    counts = allocations(shop, 400, 1, 3)[0]
    frames = [
        plug_in_effects(shop.interventions, counts, reference=0, scale=scale)
        for scale in ("difference", "one-more-per")
    ]
    for plain, per in zip(*(frame.itertuples() for frame in frames), strict=True):
        sizes = sorted(abs(end) for end in (plain.lower, plain.upper))
        assert per.estimate == pytest.approx(1 / abs(plain.estimate) if plain.estimate else np.inf)
        assert per.lower == pytest.approx(1 / sizes[1] if sizes[1] else np.inf)
        told_apart = plain.lower > 0 or plain.upper < 0
        assert per.upper == (pytest.approx(1 / sizes[0]) if told_apart else np.inf)
    assert "std_error" not in frames[1]


def test_an_effect_of_zero_has_no_ratio_and_a_ratio_needs_a_reference(shop):
    counts = allocations(shop, 30, 1, 3)[0]
    nothing = np.zeros(len(counts.visits))
    table = plug_in_effects(shop.interventions, counts, reference=0, scale="ratio", known=nothing)
    assert ((table["lower"] == 0) & (table["upper"] == np.inf)).all()
    with pytest.raises(ValueError, match="scale was 'ratio' without a reference"):
        plug_in_effects(shop.interventions, counts, scale="ratio")
