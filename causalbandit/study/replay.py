"""A strategy brought to where a study stands, by feeding it once more what was recorded.

The state of a plan is only what made it: problem, strategy, seed and the counts of the closed batches. A fresh
generator that is sent these counts asks for the same batches again, so a study goes on wherever it was left.
"""

from __future__ import annotations

import numpy as np

from causalbandit.arrays import Integers
from causalbandit.counts import Counts
from causalbandit.decision import Decision
from causalbandit.driver import concluded, prepared
from causalbandit.finished_batches import FinishedBatch
from causalbandit.randomness import descendant
from causalbandit.strategies.maximise import Maximisation
from causalbandit.strategies.plans import plan_of
from causalbandit.strategies.strategy import Batch, Choice, Plan
from causalbandit.study.terms import Terms

ORDER = 2
"""Place of the seed for the order within batches: a search has spawned 0 for the strategy and 1 for the world."""


class Replay:
    """A strategy that is sent the counts of one closed batch after the other."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._turn = Maximisation.of(terms.problem)
        strategy, task, budget = prepared(
            terms.problem, terms.strategy, *terms.given, stop=terms.stop, history=terms.history, reduce=terms.reduce
        )
        learner = descendant(terms.seed, 0)
        self._plan: Plan = plan_of(strategy, self._turn.task(task), budget, np.random.default_rng(learner))
        self.batches: list[FinishedBatch] = []
        """The batches that were fed so far."""
        self.asks: Batch | None = None
        """What the strategy asks for now; None once it has chosen."""
        self.choice: Choice | None = None
        """What it chose, on the user's scale."""
        self._step(None)

    def feed(self, counts: Counts) -> None:
        """Tell the strategy what the batch that it asks for showed."""
        assert self.asks is not None, "the strategy has chosen"
        self.batches.append(FinishedBatch(self.asks.phase, counts))
        self._step(self._turn.counts(counts))

    def order(self) -> Integers:
        """The interventions of the batch that is asked for, one per experiment, in a random but repeatable order.

        A random order keeps what drifts during a batch from leaning on one intervention.
        """
        assert self.asks is not None, "the strategy has chosen"
        seed = descendant(self._terms.seed, ORDER, len(self.batches))
        places = np.repeat(np.arange(len(self.asks.sizes)), self.asks.sizes)
        return np.random.default_rng(seed).permutation(places)

    def decision(self) -> Decision:
        """The decision, once the strategy has chosen."""
        assert self.choice is not None, "the strategy has not chosen yet"
        terms = self._terms
        return concluded(
            *(terms.problem, terms.strategy, terms.budget, self.choice, self.batches),
            history=terms.history,
            spending=terms.spending,
        )

    def _step(self, counts: Counts | None) -> None:
        try:
            self.asks = next(self._plan) if counts is None else self._plan.send(counts)
        except StopIteration as stop:
            self.asks, self.choice = None, self._turn.choice(stop.value)
