"""A log of someone else's.

A shop tried three banners for 3,000 visits with a bandit that knew whether a visitor was new. What is left is its
log: which banner was shown, with which probabilities, and what the visitor spent. This tutorial goes from that file
to honest conclusions: values, contrasts, a sequence to look at every day, and a rule for who should see what.

    python examples/adaptive_log.py
"""

# %% [markdown]
# ## The log
#
# A stand-in for the file that somebody sends. Each day's probabilities lean towards what did well until then, with a
# floor of 5 %. The floor matters: a banner that could not be shown at all would leave nothing to conclude from.

# %%
import numpy as np
import pandas as pd

import causalbandit as cb
from causalbandit.inference.estimates import summary_text

BANNERS = ["plain", "price", "story"]
SPENT = np.array([[1.0, 1.0], [1.1, 1.3], [1.6, 0.8]])  # mean spending: banner × (returning, new)


def collect(visits: int = 3000, day: int = 250) -> pd.DataFrame:
    """One row per visit."""
    rng = np.random.default_rng(7)
    new = rng.integers(0, 2, visits)
    shown, spent, chances = np.empty(visits, dtype=int), np.empty(visits), np.empty((visits, 3))
    for start in range(0, visits, day):
        rows = slice(start, start + day)
        past = pd.DataFrame({"shown": shown[:start], "spent": spent[:start]})
        means = past.groupby("shown")["spent"].mean().reindex(range(3), fill_value=1.0).to_numpy()
        lean = np.exp(5 * (means - means.max()))
        chances[rows] = 0.85 * lean / lean.sum() + 0.05
        shown[rows] = (rng.random(day)[:, None] > chances[rows].cumsum(axis=1)[:, :-1]).sum(axis=1)
        spent[rows] = SPENT[shown[rows], new[rows]] + rng.uniform(-0.8, 0.8, day)
    log = pd.DataFrame({"day": np.arange(visits) // day, "new": new, "banner": np.take(BANNERS, shown), "spent": spent})
    return log.assign(**{f"p_{name}": chances[:, place] for place, name in enumerate(BANNERS)})


collect().to_csv("banners.csv", index=False)
print(pd.read_csv("banners.csv").iloc[[0, 1, 2998, 2999]].round(3).to_string())

# %% [markdown]
# ## Read it once, checked
#
# What would silently bias an estimate is refused here, with its line: probabilities that do not sum to 1, a banner
# that was shown although its probability was 0, a missing outcome.

# %%
log = cb.AdaptiveLog.from_csv(
    "banners.csv",
    arm="banner",
    outcome="spent",
    propensity={name: f"p_{name}" for name in BANNERS},
    batch="day",
    contexts=["new"],
)
print(log)

# %% [markdown]
# ## Values and contrasts
#
# The sample mean of a banner is biased, since the bandit stopped showing what did badly at first. Adaptively weighted
# AIPW (Hadad et al. 2021) gives intervals for one look at the end.

# %%
result = cb.estimate_arms(log, "two-point", control="plain", multiplicity="simultaneous")
print(result.summary())

# %% [markdown]
# ## May one look every day?
#
# Yes, with a confidence sequence: it holds on all days at once. Spending stays within 0 and 2.4.

# %%
sequences = cb.arm_sequences(log, "gamma-exponential", bounds=(0.0, 2.4))
print(sequences.groupby("arm").last().to_string(float_format="{:.3f}".format))

# %% [markdown]
# ## Who should see what?
#
# A tree of depth one is learned from earlier visits and valued on later ones, so that its value is not flattered.

# %%
learned = cb.learn_policy(log, "tree", depth=1)
print(learned.summary())

# %% [markdown]
# The same rule, had it been fixed before the experiment, with weights for its variance (Zhan et al. 2021):

# %%
policies = {"story to returning": lambda x: np.where(x[:, 0] > 0.5, 1, 2), "always story": "story"}
print(summary_text(cb.policy_value(log, policies, weighting="contextual-stable-var")))

# %% [markdown]
# The same from the shell: `causalbandit values banners.csv --arm banner --outcome spent --propensity plain=p_plain
# --propensity price=p_price --propensity story=p_story`. Which interval promises what stands in
# [Which interval?](../guide/intervals.md)
