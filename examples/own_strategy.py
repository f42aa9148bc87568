"""Compare strategies, and write one.

Which strategy should run the experiments? Simulated searches tell before the first real one. A strategy of one's own
is a generator of some twenty lines, and is compared with the others like any of them.

    python examples/own_strategy.py [REPLICATIONS]
"""

# %% [markdown]
# ## The same worlds for all
#
# `evaluate_regret` runs every strategy on the same simulated worlds, so differences between strategies are much more
# precise than their means. The *simple regret* of a search is how much worse its choice is than the best
# intervention.

# %%
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

import causalbandit as cb

replications = int(sys.argv[1]) if len(sys.argv) > 1 else 30
problem = cb.load_problem(Path(__file__).parents[1] / "graphs" / "purchase.json")
curves = cb.evaluate_regret(
    problem, ["top-two", "two-phase", "successive-rejects", "uniform"], [30, 100, 300], replications, rng=0
)
print(curves.summary())

# %% [markdown]
# Thirty searches per cell are few, and the standard errors say so; a comparison to act on takes some hundreds. A dash
# is a budget below what the strategy can work with. `means()` is the same as a frame, with the paired differences to
# the first strategy; `plot()` draws it:

# %%
curves.plot().figure.savefig("regret.png", dpi=110)

# %% [markdown]
# ## A strategy of one's own
#
# A strategy yields a `Batch` of experiments, is sent the `Counts` that they gave, and returns a `Choice`. It never
# sees the true tables, and it always maximises: with `"goal": "min"` the target arrives complemented.
#
# This one is greedy: it spreads a first half evenly, then spends the rest on the half of the interventions that look
# best. It goes by the target alone, which it says by `needs`.


# %%
@dataclass(frozen=True)
class HalfThenBest:
    """Half of the budget for all interventions, half for the better half of them."""

    name: str = "half-then-best"
    needs: Literal["rows", "target"] = "target"

    def smallest_budget(self, task) -> int:
        """Every intervention is tried at least once."""
        return 2 * len(task.interventions)

    def run(self, task, budget: int, rng: np.random.Generator):
        """Two batches."""
        n = len(task.interventions)
        first = yield cb.Batch(np.full(n, budget // 2 // n), "all")
        means = (first.successes + 0.5) / (first.trials + 1)
        better = np.argsort(-means)[: (n + 1) // 2]
        sizes = np.zeros(n, dtype=np.int64)
        sizes[better] = (budget - first.trials.sum()) // len(better)
        second = yield cb.Batch(sizes, "better half")
        means = (first.successes + second.successes + 0.5) / (first.trials + second.trials + 1)
        best = better[np.argmax(means[better])]
        return cb.Choice(int(best), effects=means)


print(cb.search(problem, 300, HalfThenBest(), rng=1).summary())

# %% [markdown]
# ## How good is it?
#
# The last column is its regret minus that of the first strategy, with a 95 % interval over the shared worlds: what
# does it cost to ignore the graph?

# %%
compared = cb.evaluate_regret(
    problem, [HalfThenBest(), "successive-rejects", "top-two"], [100, 300], replications, rng=0
)
means = compared.means()
print(means[["strategy", "budget", "mean", "difference", "difference_lower", "difference_upper"]].round(4).to_string())

# %% [markdown]
# From the shell, `causalbandit regret graphs/purchase.json --budgets 100,300` compares the strategies that have a
# name.
