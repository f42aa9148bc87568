"""From the log of an adaptive experiment to honest conclusions: values, contrasts, sequences and a learned policy.

    python examples/adaptive_log.py                # writes and reads a log in a temporary folder

A shop tried three banners for 3,000 visits with a bandit that knew whether a visitor was new. The log says, for each
visit, which banner was shown, with which probabilities, and what the visitor spent. Everything the analysis knows is in
the log.
"""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import causalbandit as cb
from causalbandit.inference.estimates import summary_text

BANNERS = ["plain", "price", "story"]
SPENT = np.array([[1.0, 1.0], [1.1, 1.3], [1.6, 0.8]])  # mean spending: banner × (returning, new)


def collect(visits: int = 3000, day: int = 250) -> pd.DataFrame:
    """The experiment: each day's probabilities lean towards what did well until then, with a floor of 5 %."""
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


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "banners.csv"
        collect().to_csv(path, index=False)
        log = cb.AdaptiveLog.from_csv(
            path,
            arm="banner",
            outcome="spent",
            propensity={name: f"p_{name}" for name in BANNERS},
            batch="day",
            contexts=["new"],
        )
    print(log, end="\n\n")

    result = cb.estimate_arms(log, "two-point", control="plain", multiplicity="simultaneous")
    print(result.summary(), end="\n\n")

    print("May one look every day? Yes, with a confidence sequence; spending stays within 0 and 2.4:")
    sequences = cb.arm_sequences(log, "gamma-exponential", bounds=(0.0, 2.4))
    print(sequences.groupby("arm").last().to_string(float_format="{:.3f}".format), end="\n\n")

    print("Who should see what?")
    learned = cb.learn_policy(log, "tree", depth=1)
    print(learned.summary(), end="\n\n")

    print("The same rule, had it been fixed before the experiment, with weights for its variance:")
    policies = {"story to returning": lambda x: np.where(x[:, 0] > 0.5, 1, 2), "always story": "story"}
    print(summary_text(cb.policy_value(log, policies, weighting="contextual-stable-var")))


if __name__ == "__main__":
    main()
