"""Replays of recorded experiments through a live design, shared by the tests of the Mixture Adaptive Design."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from causalbandit.designs.mad import MixtureAdaptiveDesign

DATA = Path(__file__).parent / "data"
REPLAYS = json.loads((DATA / "mad_pyssed_0_2_0.json").read_text())["cases"]
COVARIATE_REPLAYS = json.loads((DATA / "madcovar_pyssed_0_2_0.json").read_text())["cases"]


class Recorded:
    """A policy that is never asked: the test enters the rounds of a log."""

    def __init__(self, n_arms: int) -> None:
        self.n_arms = n_arms

    def probabilities(self) -> list[float]:
        return [1.0 / self.n_arms] * self.n_arms

    def update(self, arm: int, outcome: float) -> None:
        pass


def enter(
    design: MixtureAdaptiveDesign,
    arms: Sequence[int],
    outcomes: Sequence[float],
    propensities: Sequence[float],
    covariates: Sequence[Sequence[float]] | None = None,
    probabilities: Sequence[Sequence[float]] | None = None,
) -> list[pd.DataFrame]:
    """Make a design live through a log: assignments as recorded, estimates after every round."""
    frames = []
    for t, (arm, outcome, propensity) in enumerate(zip(arms, outcomes, propensities, strict=True)):
        assignment = design.assign(None if covariates is None else covariates[t])
        made = design._book.open[assignment.id]
        known = made.probabilities if probabilities is None else list(probabilities[t])
        design._book.open[assignment.id] = made._replace(arm=arm, propensity=propensity, probabilities=known)
        design.observe(assignment.id, outcome)
        frames.append(design.estimates())
    return frames


def bernoulli(means: Sequence[float], seed: int) -> Any:
    """An outcome function of Bernoulli arms."""
    noise = np.random.default_rng(seed)
    return lambda arm: float(noise.random() < means[arm])
