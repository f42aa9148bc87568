"""Every table that README and the pages of documentation quote, made anew at small size, in one Markdown file.

    python tests/benchmarks/run_all.py [--only NAME ...] [--list]

Each study is its own script in its smaller mode, with a time limit; speeds are measured one study at a time, the rest
two at a time. The scripts run in a copy of this folder, so that the tables of their whole runs, in
tests/benchmarks/results/, stay as they are. Writes tests/benchmarks/results/all.md unless --only is given; less than 15
minutes on two cores. The exit status is 1 when a study failed or was not done in time.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PEERS = ("numpy", "scipy", "cvxpy", "clarabel", "pyagrum", "pgmpy", "pyssed")


@dataclass(frozen=True)
class Study:
    """A script in its smaller mode.

    Attributes
    ----------
    title : str
        What it measures.
    script : str
        The file, without its ending.
    arguments : tuple of str
        Its smaller mode.
    tables : tuple of str
        Files in results/ that it writes; none: what it prints is taken.
    limit : int
        Seconds after which it is ended.
    smaller : str
        What is smaller than in the whole run.
    speed : bool
        Whether it measures time, and so must run alone.
    """

    title: str
    script: str
    arguments: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    limit: int = 60
    smaller: str = "nothing: the whole run"
    speed: bool = False

    @property
    def name(self) -> str:
        """How --only calls it."""
        return " ".join([self.script, *(word for word in self.arguments[:1] if not word.startswith("-"))])


STUDIES = [
    Study(
        "Exact effects beside pyAgrum and pgmpy",
        *("engine", ("--repeats", "2", "--pgmpy", "3"), ("engine.md",), 120),
        smaller="2 repeats for 5, 3 interventions for pgmpy for 10",
        speed=True,
    ),
    Study("Live experiments beside pyssed", "mad", (), ("mad.md",), 150, speed=True),
    Study(
        "The best mixture beside one plain cvxpy program",
        *("mixture", ("--patience", "10"), ("mixture.md",), 120),
        smaller="10 seconds of patience for 60",
        speed=True,
    ),
    Study(
        "Whole two-phase searches",
        *("search", ("--repeats", "1"), ("search.md",), 60),
        smaller="1 repeat for 5",
        speed=True,
    ),
    Study("Adaptively weighted AIPW", "aipw", (), ("aipw_speed.md",), 120, speed=True),
    Study("The suite: shipped results", "suite", ("--table",), ("suite.md",), 60, "no search is run again"),
    Study(
        "Regret of strategies, earlier problems",
        "regret_table",
        (
            *(
                "--families",
                "asia",
                "purchase",
                "win95pts Problem6",
                "--budgets",
                "100",
                "1000",
                "--replications",
                "20",
            ),
            *("--strategies", "top-two", "two-phase", "two-phase-pooled", "successive-rejects", "uniform"),
            *("--jobs", "1"),
        ),
        (),
        100,
        "3 of 7 families, 2 of 5 budgets, 20 searches per cell for 200",
    ),
    Study(
        "Hidden causes", "hidden_causes", ("--replications", "4", "--jobs", "1"), (), 60, "4 searches per cell for 100"
    ),
    Study(
        "Right graphs that are suspected",
        "graph_check",
        ("alarms", "--replications", "4"),
        (),
        60,
        "4 searches per cell",
    ),
    Study("Rows from before", "history", ("--replications", "10"), ("history.md",), 90, "10 searches per cell for 200"),
    Study(
        "Confirmations", "confirm", ("--campaigns", "40", "--jobs", "1"), ("confirm.md",), 90, "40 campaigns for 1,000"
    ),
    Study("Stopping when sure", "stopping", ("errors", "--runs", "30"), (), 90, "30 searches per cell for 1,000"),
    Study("Campaigns that are killed", "study_kills", ("--kills", "12"), ("study_kills.md",), 90, "12 kills for 240"),
    Study("Coverage of the Mixture Adaptive Design", "mad_coverage", ("radius",), (), 60, "the radius alone"),
    Study(
        "The guard under the variance",
        "mad_guard",
        ("--small",),
        ("mad_guard.md",),
        90,
        "50 experiments per cell for 1,000",
    ),
    Study(
        "Coverage of weighted AIPW",
        "aipw_coverage",
        ("--rounds", "1000", "--replications", "200"),
        ("aipw_coverage.md",),
        90,
        "1,000 rounds alone, 200 experiments",
    ),
    Study("Bernoulli sequences of one arm", "sequences", ("100",), ("sequences.md",), 60, "100 paths for 1,000"),
    Study("Exact contrasts", "bernoulli_contrast", ("100",), ("bernoulli_contrast.md",), 60, "100 paths for 1,000"),
    Study("Bounded scores", "score_bounds", ("50",), ("score_bounds.md",), 60, "50 paths for 500"),
    Study("Plug-in intervals", "plug_in", ("100",), ("plug_in.md",), 60, "100 experiments for 1,000"),
    Study("Policies with contexts", "contextual", ("50",), ("contextual.md",), 60, "50 experiments for 500"),
]
"""In the order of the file."""


@dataclass(frozen=True)
class Outcome:
    """What a study came to: its text, its seconds, and why there is none."""

    study: Study
    text: str
    seconds: float
    failure: str = ""


def run(study: Study, folder: Path) -> Outcome:
    """Run a study in the copy of the repository in ``folder``."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    results = folder / "tests" / "benchmarks" / "results"
    command = [sys.executable, f"tests/benchmarks/{study.script}.py", *study.arguments]
    started = time.perf_counter()
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=study.limit, check=False
        )
        failure = "" if done.returncode == 0 else f"exit status {done.returncode}: {done.stderr.strip()[-500:]}"
        printed = done.stdout
    except subprocess.TimeoutExpired:
        failure, printed = f"not done in {study.limit} s", ""
    seconds = time.perf_counter() - started
    files = [results / table for table in study.tables]
    fresh = [path.read_text(encoding="utf-8") for path in files if path.exists()]
    return Outcome(study, "\n".join(fresh) if fresh else printed, seconds, failure)


def section(outcome: Outcome) -> str:
    """A study's part of the file."""
    study = outcome.study
    command = f"python tests/benchmarks/{study.script}.py {' '.join(study.arguments)}".strip()
    lines = [
        f"## {study.title}",
        "",
        f"`{command}`, {outcome.seconds:.0f} s. Smaller than in the whole run: {study.smaller}.",
        "",
    ]
    if outcome.failure:
        lines += [f"**Failed**: {outcome.failure}", ""]
    text = outcome.text.strip()
    is_markdown = text.startswith("#") or "\n|" in text
    # Headings of the study's own file go below this section's.
    body = "\n".join(f"##{line}" if line.startswith("#") else line for line in text.splitlines())
    return "\n".join([*lines, body if is_markdown else f"```text\n{text}\n```", ""])


def machine() -> str:
    """Versions and processor of this run."""
    found = []
    for peer in PEERS:
        try:
            found.append(f"{peer} {version(peer)}")
        except PackageNotFoundError:
            found.append(f"{peer} is not installed")
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        named = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        processor = named[0].split(":", 1)[1].strip() if named else processor
    return f"Python {platform.python_version()}, {', '.join(found)}; {processor}, {os.cpu_count()} cores."


def run_studies(studies: Sequence[Study]) -> list[Outcome]:
    """Speeds one by one, then the others on two cores."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(ROOT / "tests", folder / "tests", ignore=shutil.ignore_patterns("results", "__pycache__"))
        shutil.copytree(ROOT / "graphs", folder / "graphs")
        (folder / "tests" / "benchmarks" / "results").mkdir()
        outcomes = {}

        def one(study: Study) -> None:
            outcomes[study.name] = outcome = run(study, folder)
            print(f"{outcome.seconds:5.0f} s  {study.name}  {outcome.failure.splitlines()[:1] or ''}", flush=True)

        for study in studies:
            if study.speed:
                one(study)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(one, [study for study in studies if not study.speed]))
    return [outcomes[study.name] for study in studies]


def main() -> int:
    """Run the studies and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=[study.name for study in STUDIES], help="these, and print them")
    parser.add_argument("--list", action="store_true", help="name the studies and stop")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(f"{study.limit:4} s  {study.name}: {study.title}" for study in STUDIES))
        return 0
    chosen = [study for study in STUDIES if not arguments.only or study.name in arguments.only]
    started = time.perf_counter()
    outcomes = run_studies(chosen)
    seconds = time.perf_counter() - started
    failed = [outcome.study.name for outcome in outcomes if outcome.failure]
    lines = [
        "# All benchmarks in one run, at small size",
        "",
        f"Made by `python tests/benchmarks/run_all.py` in {seconds / 60:.0f} minutes. {machine()}",
        "",
        "Speeds are of this run. Shares and regrets are of few repetitions; the tables of the whole runs, which README "
        "quotes, stand beside this file and name the command that makes them.",
        "",
        f"Failed or not done in time: {', '.join(failed) or 'none'}.",
        "",
        *map(section, outcomes),
    ]
    text = "\n".join(lines)
    if arguments.only:
        print(text)
    else:
        (HERE / "results" / "all.md").write_text(text, encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
