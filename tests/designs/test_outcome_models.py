"""Outcome models against batch least squares, on ordinary and nasty data."""

import json
from typing import Any

import numpy as np
import pytest
from cases import together

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


@together("kind", ["pooled", "split"])
@together("shift", [0.0, 1e5])
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


@pytest.mark.parametrize("kind", ["pooled", "split"])
def test_a_collinear_covariate_is_left_out_once_there_are_rows_to_know(kind: Any) -> None:
    rng = np.random.default_rng(0)
    model, without = LeastSquaresModel(2, 4, kind=kind), LeastSquaresModel(2, 2, kind=kind)
    for _ in range(260):
        (a, b), arm = rng.normal(size=2), int(rng.integers(2))
        for each, row in ((model, [a, 7.1, b, 3 * a - b]), (without, [a, b])):
            each.update(arm, row, a + arm * b)
        if model.counts.sum() == 60:
            assert model.left_out(["a", "c", "b", "d"]) == []
            assert model.predict([5.0, 7.1, 5.0, 10.0]) == pytest.approx(model.outcome_means.tolist())
    assert model.left_out(["a", "c", "b", "d"]) == [
        "covariate c does not vary and was left out",
        "covariate d is a combination of a, b and was left out",
    ]
    assert model.predict([5.0, 7.1, 4.0, 11.0]) == pytest.approx(without.predict([5.0, 4.0]), rel=1e-9)
    assert model.predict([5.0, 7.1, 4.0, 11.0]) != pytest.approx(model.outcome_means.tolist(), abs=0.5)


def test_a_covariate_that_begins_to_vary_is_taken_in() -> None:
    rng = np.random.default_rng(1)
    model, rows, outcomes = LeastSquaresModel(1, 2, kind="split"), [], []
    for t in range(200):
        x = rng.normal()
        rows.append([x, x if t < 150 else rng.normal()])
        outcomes.append(x + rng.normal())
        model.update(0, rows[-1], outcomes[-1])
        if t == 149:
            assert model.left_out(["x", "z"]) == ["covariate z is a combination of x and was left out"]
    assert model.left_out(["x", "z"]) == []
    design = np.column_stack([np.ones(200), rows])
    beta = np.linalg.lstsq(design, np.array(outcomes), rcond=None)[0]
    assert model.predict([1.0, 2.0]) == pytest.approx([beta @ [1.0, 1.0, 2.0]], rel=1e-8)


def test_replications_leave_out_what_single_models_do() -> None:
    rng = np.random.default_rng(3)
    batch = LeastSquaresModel(2, 3, kind="split", replications=2)
    singles = [LeastSquaresModel(2, 3, kind="split") for _ in range(2)]
    for _ in range(220):
        x, arms, y = rng.normal(size=(2, 3)), rng.integers(2, size=2), rng.normal(size=2)
        x[0, 1] = 2 * x[0, 0]  # in the first experiment alone
        for row, single in enumerate(singles):
            single.update(int(arms[row]), x[row], float(y[row]))
        batch.update(arms, x, y)
    np.testing.assert_allclose(batch.slopes, [single.slopes for single in singles], rtol=1e-9, atol=1e-12)
    assert (batch.slopes[0, :, 1] == 0).all()
    assert (batch.slopes[:, :, 0] != 0).all()


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
