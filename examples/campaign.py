"""From a graph to a proven effect: search, confirm the choice by fresh experiments, write the page.

The search says what to try; since it chose, its own estimate of the choice is too good on the average. The proof comes
from new experiments, drawn at random between the choice and doing nothing.
"""

import argparse
from pathlib import Path

import causalbandit as cb

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--graph", default=str(Path(__file__).parent.parent / "graphs" / "purchase.json"))
parser.add_argument("--search", type=int, default=500, help="experiments of the search")
parser.add_argument("--proof", type=int, default=8_000, help="largest number of experiments of the proof")
parser.add_argument("--plot", default="campaign.png", help="figure of the proof")
parser.add_argument("--page", default="campaign.html", help="page of the campaign")
options = parser.parse_args()

problem = cb.load_problem(options.graph)
decision = cb.search(problem, options.search, "top-two", rng=0)
print(decision.summary())
print()
proof = decision.confirm(budget=options.proof, rng=1)
print(proof.summary())
proof.plot().figure.savefig(options.plot, dpi=120)
cb.write_report(options.page, decision, proof, provenance={"seeds": "0 (search), 1 (proof)"})
print(f"\nWrote {options.plot} and {options.page}.")
