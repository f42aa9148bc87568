"""Tables and words of a design."""

import math

import numpy as np
import pytest
from mad_replays import Recorded, bernoulli, enter

import causalbandit as cb
from causalbandit.designs.mad import MixtureAdaptiveDesign


def test_an_arm_never_drawn_has_an_infinite_interval_and_no_nan_bounds() -> None:
    design = MixtureAdaptiveDesign(Recorded(3), t_star=100, rng=0)
    frames = enter(design, [0, 1, 0, 1], [1.0, 0.0, 0.0, 1.0], [0.4] * 4)
    row = frames[-1].set_index("arm").loc[2]
    assert (row["lower"], row["upper"], row["n"]) == (-math.inf, math.inf, 0)
    assert row["insufficient_data"]
    assert not row["significant"]
    assert "insufficient data" in design.summary()
    assert not frames[-1][["lower", "upper"]].isna().any().any()


def test_records_can_be_left_out() -> None:
    design = MixtureAdaptiveDesign(cb.UCB(3), record_path=False, record_rounds=False, t_star=100, rng=0)
    design.run(bernoulli((0.1, 0.5, 0.9), 0), 100, stop_early=False)
    assert len(design._contrasts.path) == 0
    assert len(design.estimates()) == 2
    with pytest.raises(ValueError, match="record_path=True"):
        design.path()
    with pytest.raises(ValueError, match="record_rounds=True"):
        design.rounds()
    with pytest.raises(ValueError, match="keeps no record"):
        design.observe(1, 1.0)
    kept = MixtureAdaptiveDesign(cb.UCB(3), t_star=100, rng=0).run(bernoulli((0.1, 0.5, 0.9), 0), 100, stop_early=False)
    assert kept._contrasts.path.itemsize * len(kept._contrasts.path) == 16 * 2 * 100


def test_the_usual_example_reads_in_a_few_lines() -> None:
    noise = np.random.default_rng(123)
    design = cb.MixtureAdaptiveDesign(cb.BetaBernoulliThompson(4), delta=lambda t: t**-0.24, t_star=20_000, rng=123)
    design.run(lambda arm: noise.binomial(1, (0.5, 0.6, 0.7, 0.72)[arm]), n_rounds=500)
    summary = design.summary()
    assert summary.count("- Arm") == 3
    assert "95%" in summary
    assert design.estimates()["arm"].tolist() == [1, 2, 3]
    assert "<table" in design._repr_html_()
