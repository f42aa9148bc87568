"""What a strategy asks for and chooses when a problem's own model runs its experiments."""

import numpy as np

from causalbandit.driver import drive
from causalbandit.strategies.strategy import make_task


def play(problem, strategy, budget, seed=0, known=None, history=None):
    """The choice of a strategy, and every (batch, counts) in order."""
    task = make_task(problem, known, history=history)
    simulator, world = problem.model.simulator(problem.interventions), np.random.default_rng([seed, 1])
    record = []

    def experiment(batch):
        counts = simulator.draw(batch.sizes, world)
        record.append((batch, counts))
        return counts

    choice = drive(strategy.run(task, budget, np.random.default_rng([seed, 2])), experiment)
    return choice, record
