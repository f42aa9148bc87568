"""Small logs for tests: a frame with its columns, random arrays, a contextual design, reference cases."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from causalbandit.inference.log import AdaptiveLog

REFERENCE = json.loads((Path(__file__).parent / "data" / "aipw_reference.json").read_text())
"""Scores, weights and estimates of an independent package."""

COLUMNS = {"arm": "arm", "outcome": "sale", "propensity": {"red": "p_red", "blue": "p_blue"}, "time": "day"}
"""The columns of `small_frame` that make a log."""


def small_frame(n=12, seed=0):
    """Twelve days of two arms with their propensities and one context."""
    rng = np.random.default_rng(seed)
    first = np.round(rng.uniform(0.2, 0.8, n), 3)
    arms = np.where(rng.random(n) < first, "red", "blue")
    return pd.DataFrame(
        {
            "day": np.arange(n),
            "arm": arms,
            "sale": rng.integers(0, 2, n),
            "p_red": first,
            "p_blue": 1 - first,
            "age": rng.normal(size=n),
        }
    )


def random_log(n_rounds=300, n_arms=4, seed=0):
    """Outcomes, arms and propensities."""
    rng = np.random.default_rng(seed)
    propensities = rng.dirichlet(np.ones(n_arms), n_rounds)
    arms = (rng.random(n_rounds)[:, None] > propensities.cumsum(axis=1)).sum(axis=1).clip(max=n_arms - 1)
    return rng.normal(size=n_rounds) + arms, arms, propensities


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
    """The best policy of `contextual_log` that takes arm 0 or 2."""
    return np.where(contexts[:, 0] > 0, 2, 0)


class Straight:
    """Least squares with the interface of scikit-learn, which remembers how many rows it was shown."""

    shown: list[int]

    def __init__(self, shown):
        self.shown = shown

    def __deepcopy__(self, memo):
        return Straight(self.shown)

    def fit(self, x, y):
        self.shown.append(len(y))
        self.coef_ = np.linalg.lstsq(np.column_stack([np.ones(len(x)), x]), y, rcond=None)[0]
        return self

    def predict(self, x):
        return np.column_stack([np.ones(len(x)), x]) @ self.coef_
