"""Load a problem from a file, look at it, search, and keep the result.

``python examples/from_json.py [GRAPH] [EXPERIMENTS]``; without arguments it takes graphs/asia.json and 5,000.
"""

import json
import sys
import tempfile
from pathlib import Path

import causalbandit as cb

path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "graphs" / "asia.json"
budget = int(sys.argv[2]) if len(sys.argv) > 2 else 5_000

problem = cb.load_problem(path)
print(problem.summary())
print()
print("The true effects, which a search does not see (five of them):")
print(problem.to_frame().nsmallest(5, "true_effect").to_string(index=False))
print()

result = cb.search(problem, budget, rng=0)
print(result.summary())

with tempfile.TemporaryDirectory() as folder:
    out = Path(folder)
    (out / "result.json").write_text(json.dumps(result.to_dict(), indent=2), encoding="utf-8")
    problem.plot().figure.savefig(out / "graph.png")
    result.plot().figure.savefig(out / "effects.png")
    cb.save_problem(problem, out / "problem.json")
    assert cb.load_problem(out / "problem.json") == problem
    print()
    print("Wrote", ", ".join(sorted(file.name for file in out.iterdir())))
