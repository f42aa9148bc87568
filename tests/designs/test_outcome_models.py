"""Outcome models against batch least squares, on ordinary and nasty data."""

import json

import numpy as np
import pytest

from causalbandit.designs.outcome_models import LeastSquaresModel, RegressorModel


def batch_prediction(kind: str, arms: np.ndarray, x: np.ndarray, y: np.ndarray, new: np.ndarray, arm: int) -> float:
    """The oracle: numpy's lstsq from scratch, with a constant per arm."""
    if kind == "split":
        rows = arms == arm
        beta = np.linalg.lstsq(np.column_stack([np.ones(rows.sum()), x[rows]]), y[rows], rcond=None)[0]
        return float(np.r_[1.0, new] @ beta)
    dummies = arms[:, None] == np.unique(arms)
    beta = np.linalg.lstsq(np.column_stack([dummies, x]), y, rcond=None)[0]
    return float(np.r_[np.unique(arms) == arm, new] @ beta)


@pytest.mark.parametrize("kind", ["pooled", "split"])
@pytest.mark.parametrize("shift", [0.0, 1e5])
def test_recursive_fit_equals_the_batch_fit_at_every_round(kind: str, shift: float) -> None:
    rng = np.random.default_rng(1)
    n_arms, d, rounds = 3, 3, 120
    arms = rng.integers(n_arms, size=rounds)
    x = np.column_stack([rng.normal(shift, 1, rounds), rng.binomial(1, 0.4, rounds), rng.exponential(50, rounds)])
    y = x @ [0.5, -1.0, 0.02] + arms + rng.normal(size=rounds)
    model = LeastSquaresModel(n_arms, d, kind=kind)  # type: ignore[arg-type]
    compared = 0
    for t in range(rounds):
        predictions = model.predict(x[t])
        for arm in range(n_arms):
            if model.ready[arm if kind == "split" else 0] and model.counts[arm]:
                expected = batch_prediction(kind, arms[:t], x[:t], y[:t], x[t], arm)
                assert predictions[arm] == pytest.approx(expected, rel=1e-9, abs=1e-9 * (1 + shift / 1e4))
                compared += 1
        model.update(int(arms[t]), x[t], float(y[t]))
    assert compared > 250


def test_before_full_rank_an_arm_predicts_its_running_mean_and_without_data_the_overall_mean() -> None:
    model = LeastSquaresModel(2, 2, kind="split")
    assert model.predict([1.0, 2.0]) == [0.0, 0.0]
    model.update(0, [1.0, 2.0], 4.0)
    model.update(0, [2.0, 2.5], 8.0)
    assert model.predict([9.0, 9.0]) == [6.0, 6.0]


def test_replications_equal_single_models() -> None:
    rng = np.random.default_rng(2)
    for kind in ("mean", "pooled", "split"):
        batch = LeastSquaresModel(2, 2, kind=kind, replications=3)  # type: ignore[arg-type]
        singles = [LeastSquaresModel(2, 2, kind=kind) for _ in range(3)]  # type: ignore[arg-type]
        for _ in range(30):
            x, arms, y = rng.normal(size=(3, 2)), rng.integers(2, size=3), rng.normal(size=3)
            predictions = batch.predict(x)
            for row, single in enumerate(singles):
                np.testing.assert_allclose(predictions[row], single.predict(x[row]), rtol=1e-9, atol=1e-12)
                single.update(int(arms[row]), x[row], float(y[row]))
            batch.update(arms, x, y)


def test_a_collinear_covariate_is_found_and_running_means_are_used() -> None:
    rng = np.random.default_rng(0)
    model = LeastSquaresModel(2, 3, kind="pooled")
    for _ in range(200):
        a, b = rng.normal(size=2)
        model.update(int(rng.integers(2)), [a, b, 3 * a - b], a)
    assert model.collinear == 2
    assert model.predict([5.0, 5.0, 10.0]) == pytest.approx(model.outcome_means.tolist())
    constant = LeastSquaresModel(2, 2, kind="split")
    for _ in range(50):
        constant.update(int(rng.integers(2)), [7.1, rng.normal()], 1.0)
    assert constant.collinear == 0


def test_ridge_shrinks_only_when_asked() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(40, 2)), rng.normal(size=40)
    ridge = LeastSquaresModel(1, 2, kind="split", ridge=5.0)
    for row, outcome in zip(x, y, strict=True):
        ridge.update(0, row, float(outcome))
    centred = x - x.mean(axis=0)
    beta = np.linalg.solve(centred.T @ centred + 5.0 * np.eye(2), centred.T @ y)
    np.testing.assert_allclose(ridge.slopes[0], beta, rtol=1e-9)


def test_state_survives_json() -> None:
    rng = np.random.default_rng(4)
    model, twin = LeastSquaresModel(2, 2, kind="split"), LeastSquaresModel(2, 2, kind="split")
    for _ in range(20):
        model.update(int(rng.integers(2)), rng.normal(size=2), float(rng.normal()))
    twin.restore(json.loads(json.dumps(model.state())))
    assert twin.predict([1.0, 1.0]) == model.predict([1.0, 1.0])


class Slope:
    """A tiny regressor through the origin that counts its fits."""

    fits = 0

    def fit(self, x: np.ndarray, y: np.ndarray) -> None:
        Slope.fits += 1
        self.beta = np.linalg.lstsq(x, y, rcond=None)[0]

    def predict(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(x @ self.beta)


def test_a_regressor_is_refitted_on_its_schedule_and_survives_json() -> None:
    rng = np.random.default_rng(5)
    for pooled in (False, True):
        Slope.fits = 0
        model = RegressorModel(Slope(), 2, 1, pooled=pooled, refit="geometric")
        for _ in range(2000):
            model.predict([1.0])
            arm, x = int(rng.integers(2)), float(rng.normal())
            model.update(arm, [x], 2.0 * x)
        assert Slope.fits < 140  # of 2,000 rounds
        assert model.predict([3.0]) == pytest.approx([6.0, 6.0])
        twin = RegressorModel(Slope(), 2, 1, pooled=pooled)
        twin.restore(json.loads(json.dumps(model.state())))
        assert twin.predict([3.0]) == model.predict([3.0])


def test_wrong_models_are_refused() -> None:
    with pytest.raises(ValueError, match="'pooled', 'split'"):
        LeastSquaresModel(2, 1, kind="ols")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="fit"):
        RegressorModel(3, 2, 1)
    with pytest.raises(ValueError, match="refit was 0"):
        RegressorModel(Slope(), 2, 1, refit=0)
    with pytest.raises(ValueError, match="ridge was"):
        LeastSquaresModel(2, 1, ridge=-1.0)
