"""A strategy that kills the process it runs in: a module that a worker reads quickly."""

import os
from dataclasses import dataclass, field

from causalbandit.strategies.baselines import Uniform


@dataclass(frozen=True)
class KillsItsWorkerOnce:
    """Uniform, except that the first search with this marker file kills its own process."""

    marker: str
    name: str = "kills-its-worker-once"
    needs: str = field(default="target", init=False)

    def smallest_budget(self, task):
        return 1

    def run(self, task, budget, rng):
        if not os.path.exists(self.marker):
            with open(self.marker, "w"):
                pass
            os._exit(9)
        return (yield from Uniform().run(task, budget, rng))
