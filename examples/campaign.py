"""A real campaign.

From a drawing and old rows to a proven effect: a shop plans visitors week by week, tells what they did, stops when
the data allow a promise, proves the choice by fresh experiments, and writes a page for whoever decides. Everything
lives in one file that survives whatever happens in between.

    python examples/campaign.py [GRAPH]
"""

# %% [markdown]
# ## The problem
#
# `graphs/funnel.json` is a made-up purchase funnel of 13 nodes. The shop knows its arrows and what it could fix, not
# its tables: `problem` has none. The tables of the file stand in for the visitors; in a campaign of yours, `visitors`
# is the week in which your web site does what the plan says.

# %%
import sys
from pathlib import Path

import numpy as np
import pandas as pd

import causalbandit as cb

path = sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1] / "graphs" / "funnel.json"
world = cb.load_problem(path)
problem = cb.Problem(world.graph, world.interventions, name="funnel")
print(problem.summary())


shop = np.random.default_rng(1)


def visitors(todo: pd.DataFrame) -> pd.DataFrame:
    """What the visitors of a plan did: its rows with every node filled in."""
    nodes = [name for name in todo.columns if name in world.graph.nodes]
    seen = []
    for _, rows in todo.groupby(nodes, dropna=False):
        fixed = {name: int(value) for name, value in rows[nodes].iloc[0].items() if pd.notna(value)}
        seen.append(world.model.sample(fixed, len(rows), rng=shop).assign(id=rows["id"].to_numpy()))
    return pd.concat(seen)


# %% [markdown]
# ## What old rows tell
#
# Five thousand visitors came before anyone planned. If the graph is right about them, their rows teach the tables,
# and `fit` ranks the interventions without a single experiment. It also tests the graph against the rows.

# %%
before = world.model.sample({}, 5_000, rng=shop)
fitted = cb.fit(problem, before)
print(fitted.summary())

# %% [markdown]
# ## The study
#
# A study hands out experiments and takes results back in any order. `StopWhenSure` ends it as soon as the data show
# that the choice is at most 0.05 worse than the best; that is wrong in at most 5 % of studies.

# %%
stop = cb.StopWhenSure(error=0.05, tolerance=0.05)
Path("shop.study").unlink(missing_ok=True)  # only because this tutorial may be run twice
study = cb.Study.create("shop.study", problem, 3_000, "top-two", rng=1, stop=stop, history=before)
todo = study.ask(200)
print(todo.head(3).to_string(index=False))
told = study.tell(visitors(todo))
print(f"\n{told.counted} rows counted")

# %% [markdown]
# An empty place is a node that is left alone. After each week the study can be asked what it would answer now, and
# what its rows say about the graph:

# %%
print(study.preview().summary())

# %% [markdown]
# Further weeks, until it is sure:

# %%
while len(todo := study.ask(200)):
    study.tell(visitors(todo))
decision = study.result()
print(decision.summary())

# %% [markdown]
# ## The proof
#
# The search chose, so its own estimate is too good on the average. Fresh visitors, drawn at random between the choice
# and doing nothing, prove the effect. They go through the same file, by the same ask and tell.

# %%
study.confirm(budget=3_000, batch_size=500, rng=2)
while len(todo := study.ask()):
    study.tell(visitors(todo))
proof = study.confirmation()
print(proof.summary())
proof.plot().figure.savefig("proof.png", dpi=110)

# %% [markdown]
# ## The page
#
# One HTML file, without anything loaded from elsewhere, for whoever decides:

# %%
study.report("report.html")
study.close()
