"""What simulated designs came to, from a table small enough to count by hand."""

import json
import math

import numpy as np
import pytest

from causalbandit.designs.simulated_designs import MADSimulation

NAN = math.nan


def simulation(**changed):
    """Three experiments with arms 0, 1 (control) and 2; the last one has no estimate of arm 0."""
    given = {
        "control": 1,
        "n_rounds": 100,
        "alpha": 0.05,
        "estimand": "population",
        "start": 1,
        "effects": np.array([0.5, -0.5]),
        "estimates": np.array([[0.6, -0.5], [0.9, -0.1], [NAN, -0.9]]),
        "radii": np.array([[0.1, 0.3], [0.3, 0.2], [math.inf, 0.4]]),
        "missed": np.array([[True, False], [True, True], [False, False]]),
        "naive_missed": np.array([[True, True], [False, False], [False, True]]),
        "first_significant": np.array([[40.0, 50.0], [NAN, NAN], [NAN, 70.0]]),
        "warned": np.array([[False, False], [False, False], [True, False]]),
        "stopping_round": np.array([50.0, NAN, NAN]),
        "pulls": np.array([[30.0, 30.0, 40.0], [20.0, 40.0, 40.0], [0.0, 50.0, 50.0]]),
        "reward": np.array([0.25, 0.5, 0.75]),
        "grid": np.array([50, 100]),
        "power_path": np.array([[0.3, 0.4], [0.5, 0.6]]),
        "miss_path": np.array([[0.0, 0.1], [0.2, 0.3]]),
        "radius_path": np.array([[9.0, 8.0], [7.0, 6.0]]),
    }
    return MADSimulation(**(given | changed))


def test_the_frame_counts_experiments_and_leaves_out_those_without_an_estimate():
    frame = simulation().to_frame().set_index("arm")
    assert frame.index.tolist() == [0, 2]
    assert frame["reference"].tolist() == [1, 1]
    assert frame["bias"].tolist() == pytest.approx([(0.1 + 0.4) / 2, (0.0 + 0.4 - 0.4) / 3])
    assert frame["rmse"].tolist() == pytest.approx([math.sqrt((0.01 + 0.16) / 2), math.sqrt((0.16 + 0.16) / 3)])
    assert frame["median_radius"].tolist() == [0.3, 0.3]
    assert frame["power"].tolist() == pytest.approx([1 / 3, 2 / 3])
    assert frame["missed"].tolist() == pytest.approx([2 / 3, 1 / 3])
    assert frame["naive_missed"].tolist() == pytest.approx([1 / 3, 2 / 3])
    assert frame["warned"].tolist() == pytest.approx([1 / 3, 0.0])
    assert frame["pulls"].tolist() == pytest.approx([50 / 3, 130 / 3])


def test_an_experiment_misses_when_any_of_its_intervals_does():
    assert simulation().any_missed == pytest.approx(2 / 3)  # two contrasts of the second experiment count once
    assert simulation().any_naive_missed == pytest.approx(2 / 3)
    assert math.isnan(simulation(naive_missed=None).any_naive_missed)


def test_the_path_is_long_with_one_row_per_round_and_arm():
    path = simulation().path()
    assert path[["round", "arm"]].to_numpy().tolist() == [[50, 0], [50, 2], [100, 0], [100, 2]]
    assert path["power"].tolist() == [0.3, 0.4, 0.5, 0.6]
    assert path["missed"].tolist() == [0.0, 0.1, 0.2, 0.3]
    assert path["median_radius"].tolist() == [9.0, 8.0, 7.0, 6.0]


def test_words_and_json_hold_the_shares():
    said = " ".join(simulation().summary().split())
    assert "3 simulated Mixture Adaptive Designs of 100 rounds" in said
    assert "from 1 on: 0.667 (nominal 0.05)" in said
    assert "All arms settled: 0.333, median round 50; mean outcome 0.5000" in said
    assert "median round" not in simulation(stopping_round=np.full(3, NAN)).summary()
    unknown = simulation(effects=np.full(2, NAN), naive_missed=None)
    kept = json.loads(json.dumps(unknown.to_dict(), allow_nan=False))
    assert kept["stopped"] == pytest.approx(1 / 3)
    assert kept["any_naive_missed"] is None
    assert [row["bias"] for row in kept["contrasts"]] == [None, None]
