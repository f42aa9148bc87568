"""Speed of the engine in this source tree beside another one, in turn.

    git worktree add /tmp/before COMMIT
    python tests/benchmarks/engine_before_after.py /tmp/before [--repeats 3] [--small]

writes tests/benchmarks/results/engine_before_after.md. Reach and gradient together, and effects alone, of random
interventions on one to three nodes; andes pruned to the ancestors of SNode_151 (164 nodes) and of GOAL_99 (96), and
win95pts, Problem1 (35). Times are CPU seconds on one thread, the best of the repeats, each in a process of its own,
those of both trees in turn; the set was seen before, as in a search. "Largest difference" is between the numbers of
both trees. Below: what this tree's time goes into at 5,000 interventions, by a profile.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

HERE = Path(__file__).resolve()
RESULTS = HERE.parent / "results" / "engine_before_after.md"
CASES = [("andes", "SNode_151", 200), ("andes", "SNode_151", 5_000), ("andes", "GOAL_99", 200)]
CASES += [("andes", "GOAL_99", 5_000), ("win95pts", "Problem1", 200), ("asia", "dysp", 200)]
PARTS = {
    "c_einsum": "the last product of a large bag with its sum",
    "take": "values gathered by group of interventions, and rows by configuration",
    "_contracted": "other products",
    "_store": "writing into the arrays [C, A]",
    "alike": "grouping interventions (sets larger than one chunk are grouped anew each time)",
    "_share": "grouping interventions by what they fix among ancestors",
    "_unique1d": "grouping",
    "cumsum": "grouping",
    "argsort": "grouping",
}


def measure(network: str, target: str, number: int, save: str, profiled: bool) -> dict[str, float] | dict[str, str]:
    """Seconds in this process, with whatever tree is on the path; reach and gradient are saved."""
    import numpy as np
    from pruned_networks import pruned, random_interventions

    from causalbandit.propagation import propagate

    model = pruned(network, target)
    arms, cpt = random_interventions(model.graph, number), model.cpt
    result = propagate(arms, cpt, reach=True, gradient=True)
    if profiled:
        import cProfile
        import pstats

        profile = cProfile.Profile()
        profile.runcall(propagate, arms, cpt, reach=True, gradient=True)
        times = pstats.Stats(profile).stats
        total = sum(row[2] for row in times.values())
        largest = sorted(times.items(), key=lambda item: -item[1][2])[:8]
        return {name.strip("<>"): f"{row[2] / total:.0%}" for (_, _, name), row in largest}
    np.savez(save, effects=result.effects, reach=result.reach, gradient=result.gradient)
    seconds = {}
    for name, asked in (("effects", {}), ("both", {"reach": True, "gradient": True})):
        start = time.process_time()
        propagate(arms, cpt, **asked)
        seconds[name] = time.process_time() - start
    return seconds


def run(tree: Path, case: tuple[str, str, int], save: str, *, profiled: bool = False) -> dict[str, float]:
    """What `measure` finds in a process of its own with the package of ``tree``."""
    given = [str(HERE), "-", "--case", *map(str, case), "--save", save, *(["--profiled"] if profiled else [])]
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONHASHSEED": "0"}
    done = subprocess.run([sys.executable, *given], check=True, stdout=subprocess.PIPE, env=environment, cwd=tree)
    return json.loads(done.stdout)


def main() -> None:
    import numpy as np

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", help="root of another source tree")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--small", action="store_true", help="200 interventions once, nothing written")
    parser.add_argument("--case", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--save", help=argparse.SUPPRESS)
    parser.add_argument("--profiled", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        network, target, number = options.case
        print(json.dumps(measure(network, target, int(number), options.save, options.profiled)))
        return
    trees = {"before": Path(options.before).resolve(), "after": HERE.parents[2]}
    lines = [
        "CPU seconds on one thread, before and after in turn, best of the repeats.",
        "",
        "| network, target | A | effects before | after | ratio | reach + gradient before | after | ratio | "
        "largest difference |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    cases = [case for case in CASES if case[2] <= 200] if options.small else CASES
    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            best: dict[str, dict[str, float]] = {name: {} for name in trees}
            for _ in range(1 if options.small else options.repeats):
                for name, tree in trees.items():
                    for what, seconds in run(tree, case, f"{folder}/{name}.npz").items():
                        best[name][what] = min(seconds, best[name].get(what, seconds))
            saved = [np.load(f"{folder}/{name}.npz") for name in trees]
            difference = max(float(np.abs(saved[0][key] - saved[1][key]).max()) for key in saved[0])
            cells = [f"{case[0]}, {case[1]}", f"{case[2]:,}"]
            for what in ("effects", "both"):
                one, other = best["before"][what], best["after"][what]
                cells += [f"{one:.4f}", f"{other:.4f}", f"{one / other:.2f}"]
            lines.append(f"| {' | '.join(cells)} | {difference:.0e} |")
            print(lines[-1], flush=True)
        if options.small:
            return
        shares = run(trees["after"], CASES[1], f"{folder}/profile.npz", profiled=True)
    lines += ["", "| share of the time, andes, SNode_151, 5,000 | in | what it does |", "|---:|---|---|"]
    for name, share in shares.items():
        meaning = next((text for part, text in PARTS.items() if part in name), "")
        lines.append(f"| {share} | {name} | {meaning} |")
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
