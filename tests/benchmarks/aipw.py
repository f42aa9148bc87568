"""Speed and memory of adaptively weighted AIPW, into results/aipw_speed.md: python tests/benchmarks/aipw.py

Run it with OPENBLAS_NUM_THREADS=1 for numbers of one core. The code of Hadad et al. (PNAS 2021) is not on PyPI, so the
side by side is with a stand-in written here from its description: the same numbers, computed the way that code does,
with a Python loop over rounds wherever it has one. It checks that both give the same estimates.
"""

import resource
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from causalbandit.inference.arm_values import arm_contrasts, arm_values, estimate_arms
from causalbandit.inference.log import AdaptiveLog
from causalbandit.inference.scores import aipw_scores
from causalbandit.inference.weights import adaptive_weights

RESULTS = Path(__file__).parent / "results"


def example(n_rounds: int, n_arms: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcomes, arms and propensities of a design that leans more and more on the last arm."""
    rng = np.random.default_rng(seed)
    floor = np.arange(1, n_rounds + 1) ** -0.3 / n_arms
    propensities = np.repeat(floor[:, None], n_arms, axis=1)
    propensities[:, -1] += 1.0 - propensities.sum(axis=1)
    arms = (rng.random(n_rounds)[:, None] > propensities.cumsum(axis=1)[:, :-1]).sum(axis=1)
    return rng.normal(size=n_rounds) + arms, arms, propensities


def ours(outcomes: np.ndarray, arms: np.ndarray, propensities: np.ndarray) -> np.ndarray:
    """[2, K]: estimates and standard errors."""
    scores = aipw_scores(outcomes, arms, propensities)
    weights = adaptive_weights(propensities, "two-point")
    values = arm_values(scores, weights, alpha=0.1)
    arm_contrasts(scores, weights, reference=len(values) - 1, alpha=0.1)
    return values[["estimate", "std_error"]].to_numpy().T


def stand_in(outcomes: np.ndarray, arms: np.ndarray, propensities: np.ndarray) -> np.ndarray:
    """The same by loops over rounds, where the published code has loops over rounds."""
    n_rounds, n_arms = propensities.shape

    def taken(matrix: np.ndarray) -> np.ndarray:
        found = np.empty(n_rounds)
        for t, arm in enumerate(arms):
            found[t] = matrix[t, arm]
        return found

    def spread(values: np.ndarray) -> np.ndarray:
        matrix = np.zeros((n_rounds, n_arms))
        for t, (arm, value) in enumerate(zip(arms, values, strict=True)):
            matrix[t, arm] = value
        return matrix

    pulls = np.cumsum(spread(np.ones(n_rounds)), axis=0)
    means = np.cumsum(spread(outcomes), axis=0) / np.maximum(pulls, 1)
    means = np.vstack([np.zeros(n_arms), means[:-1]])
    inverse = 1 / taken(propensities)
    scores = spread(inverse * outcomes) + (1 - spread(inverse)) * means
    t = np.arange(1, n_rounds + 1)[:, None]
    rates = propensities / (1 + n_rounds - t) + (1 - propensities) * 0.3 / (0.3 + n_rounds * (t / n_rounds) ** 0.7 - t)
    rates[-1] = 1.0
    pieces, spent = np.zeros((n_rounds, n_arms)), np.zeros(n_arms)
    for place in range(n_rounds):
        pieces[place] = rates[place] * (1 - spent)
        spent += pieces[place]
    weights = np.sqrt(np.maximum(0.0, pieces * propensities))
    estimate = (weights * scores).sum(axis=0) / weights.sum(axis=0)
    error = np.sqrt((weights**2 * (scores - estimate) ** 2).sum(axis=0)) / weights.sum(axis=0)
    total, off = weights.sum(axis=0), scores - estimate
    np.sqrt(((weights[:, :1] * off[:, :1] / total[0] - weights[:, 1:] * off[:, 1:] / total[1:]) ** 2).sum(axis=0))
    return np.array([estimate, error])


def fastest(function: Callable[..., Any], *arguments: Any, repeats: int) -> float:
    """Seconds of processor time of the fastest of several runs: what other work on the machine takes is left out."""
    best = np.inf
    for _ in range(repeats):
        start = time.process_time()
        function(*arguments)
        best = min(best, time.process_time() - start)
    return float(best)


def peak_arrays(n_rounds: int, n_arms: int) -> float:
    """Peak of memory in T×K arrays of doubles, the propensities that are given included."""
    data = example(n_rounds, n_arms)
    tracemalloc.start()
    ours(*data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return 1.0 + peak / (8 * n_rounds * n_arms)


def write_parquet(path: Path, n_rounds: int, n_arms: int) -> None:
    """A log of ``n_rounds`` rows, written part by part."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer = None
    for start in range(0, n_rounds, 1_000_000):
        outcomes, arms, propensities = example(min(1_000_000, n_rounds - start), n_arms, seed=start)
        columns = {"round": np.arange(start, start + len(arms)), "arm": arms, "outcome": outcomes}
        table = pa.table(columns | {f"p_{arm}": propensities[:, arm] for arm in range(n_arms)})
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()


def estimate_parquet(path: str, n_arms: int) -> None:
    """Estimate all arms from the file and print seconds and peak memory in GiB: run in a process of its own."""
    start = time.perf_counter()
    log = AdaptiveLog.from_parquet(
        path, arm="arm", outcome="outcome", propensity={arm: f"p_{arm}" for arm in range(n_arms)}, time="round"
    )
    read = time.perf_counter() - start
    result = estimate_arms(log, "two-point")
    assert np.isfinite(result.values["estimate"]).all()
    total = time.perf_counter() - start
    print(read, total, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)


def main() -> None:
    RESULTS.mkdir(exist_ok=True)
    lines = [
        "# Speed and memory of adaptively weighted AIPW",
        "",
        "Scores, two-point weights, values of all arms and contrasts. Made by `python tests/benchmarks/aipw.py` on one "
        "core, in processor seconds. The peer is a stand-in for the code of Hadad et al. (PNAS 2021), which is not "
        "on PyPI: written for this "
        "benchmark, with loops over rounds where that code has them; both give the same estimates to 1e-9.",
        "",
        "| T | K | this package, s | stand-in, s | ratio |",
        "|---|---|---|---|---|",
    ]
    for n_rounds, n_arms, repeats in ((10_000, 3, 7), (100_000, 3, 5), (1_000_000, 10, 3)):
        data = example(n_rounds, n_arms)
        np.testing.assert_allclose(ours(*data), stand_in(*data), rtol=1e-9)
        mine = fastest(ours, *data, repeats=repeats)
        other = fastest(stand_in, *data, repeats=1 if n_rounds > 100_000 else repeats)
        lines.append(f"| {n_rounds:,} | {n_arms} | {mine:.3f} | {other:.3f} | {other / mine:.1f} |")
        print(lines[-1], flush=True)
    arrays = peak_arrays(1_000_000, 10)
    lines += [
        "",
        f"Peak memory at T = 1,000,000 and K = 10: {arrays:.2f} arrays of T×K doubles, the given propensities "
        "included.",
        "",
        "A log of 10,000,000 rows in Parquet, from file to estimates, contrasts and path, in a process of its own:",
        "",
        "| K | reading, s | in all, s | peak memory of the process, GiB |",
        "|---|---|---|---|",
    ]
    print(lines[-5], flush=True)
    for n_arms in (3, 10):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "log.parquet"
            write_parquet(path, 10_000_000, n_arms)
            done = subprocess.run(
                [sys.executable, __file__, "--parquet", str(path), str(n_arms)],
                capture_output=True,
                text=True,
                check=True,
            )
        read, total, peak = map(float, done.stdout.split())
        lines.append(f"| {n_arms} | {read:.1f} | {total:.1f} | {peak:.2f} |")
        print(lines[-1], flush=True)
    (RESULTS / "aipw_speed.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--parquet"]:
        estimate_parquet(sys.argv[2], int(sys.argv[3]))
    else:
        main()
