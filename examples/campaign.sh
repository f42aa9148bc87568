#!/usr/bin/env bash
# A campaign of weeks at an online shop, in seven steps of one command each: run it in an empty folder.
#
#   mkdir shop && cd shop && bash ../examples/campaign.sh
#
# graphs/funnel.json and its tables are made up. `real_world` stands in for the shop: it draws what visitors would have
# done. In a campaign of yours, that is what you run and observe, and everything else stays as it is.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
python=${PYTHON:-python3}
causalbandit() { "$python" -m causalbandit "$@"; }
step() { printf '\n== %s\n' "$*"; }

# ---- The stand-in for the real world: NOT part of a campaign --------------------------------------------------------
cat > real_world.py <<'PYTHON'
"""`history` writes rows from before; otherwise every line of todo.csv becomes a visitor, observed in results.csv."""

import sys

import pandas as pd

import causalbandit as cb

graph, seed, what = sys.argv[1], int(sys.argv[2]), sys.argv[3]
shop = cb.load_problem(graph).require_model()
if what == "history":
    shop.sample({}, 5_000, rng=seed).to_csv("history.csv", index=False)
else:
    todo = pd.read_csv("todo.csv")
    nodes = [name for name in todo.columns if name in shop.graph.nodes]
    visitors = []
    for i, (_, rows) in enumerate(todo.groupby(nodes, dropna=False)):
        fixed = {name: int(value) for name, value in rows[nodes].iloc[0].items() if pd.notna(value)}
        visitors.append(shop.sample(fixed, len(rows), rng=seed * 1_000 + i).assign(id=rows["id"].to_numpy()))
    pd.concat(visitors).to_csv("results.csv", index=False)
PYTHON
cp "$root/graphs/funnel.json" funnel.json
real_world() { "$python" real_world.py funnel.json "$@"; }
real_world 1 history
# ---------------------------------------------------------------------------------------------------------------------

step "1. What do 5,000 rows from before tell?"
causalbandit fit funnel.json history.csv -o fitted.json

step "2. A study of at most 3,000 visitors that ends when sure"
causalbandit study create shop.study funnel.json --budget 3000 --strategy top-two --seed 1 --history history.csv \
    --error 0.05 --tolerance 0.05

step "3. Week 1: plan the next 200"
causalbandit study ask shop.study -n 200 --out todo.csv
real_world 101 results

step "4. Tell what they showed; every command opens the file anew, as after a restart"
causalbandit study tell shop.study results.csv
causalbandit study status shop.study
causalbandit study preview shop.study
causalbandit study check shop.study

step "5. Weeks 2 and 3: the next 200 each, and then it is sure"
causalbandit study ask shop.study -n 200 --out todo.csv
real_world 102 results
causalbandit study tell shop.study results.csv
causalbandit study ask shop.study -n 200 --out todo.csv
real_world 103 results
causalbandit study tell shop.study results.csv
causalbandit study result shop.study

step "6. Prove it by fresh experiments"
causalbandit study confirm shop.study --budget 3000 --batch 3000 --seed 2
causalbandit study ask shop.study --out todo.csv
real_world 201 results
causalbandit study tell shop.study results.csv
causalbandit study result shop.study

step "7. One page for everybody"
causalbandit study report shop.study -o report.html
