"""Every table that README and the pages of documentation quote, made anew at small size, in one Markdown file.

    python tests/benchmarks/run_all.py [--only NAME ...] [--list]

Each study is its own script in its smaller mode, with a time limit; speeds are measured one study at a time, the rest
two at a time. The scripts run in a copy of this folder, so that the tables of their whole runs, in
tests/benchmarks/results/, stay as they are. Writes tests/benchmarks/results/all.md unless --only is given; less than 15
minutes on two cores. The exit status is 1 when a study failed or was not done in time.
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import shlex
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
PEERS = ("numpy", "scipy", "cvxpy-base", "clarabel", "pyagrum", "pgmpy", "pyssed")


@dataclass(frozen=True)
class Study:
    """A script in its smaller mode.

    Attributes
    ----------
    title : str
        What it measures.
    command : str
        The script, without its ending, and its arguments.
    limit : int
        Seconds after which it is ended.
    smaller : str
        What is smaller than in the whole run.
    table : str
        The file in results/ that it writes; none: what it prints is taken.
    speed : bool
        Whether it measures time, and so must run alone.
    """

    title: str
    command: str
    limit: int
    smaller: str = "nothing"
    table: str = ""
    speed: bool = False

    @property
    def name(self) -> str:
        """How --only calls it."""
        return " ".join(itertools.takewhile(str.isidentifier, shlex.split(self.command)))


TABLE_OF_REGRET = (
    "regret_table --families asia purchase 'win95pts Problem6' --budgets 100 1000 --replications 15 --jobs 1 "
    "--strategies top-two two-phase two-phase-pooled successive-rejects uniform"
)
STUDIES = [
    Study(
        "Exact effects beside pyAgrum and pgmpy",
        "engine --repeats 2 --pgmpy 3",
        *(130, "2 repeats for 5, 3 interventions for pgmpy for 10", "engine.md", True),
    ),
    Study("Live experiments beside pyssed", "mad", 130, table="mad.md", speed=True),
    Study(
        "The best mixture beside one plain cvxpy program",
        "mixture --patience 10",
        *(90, "10 seconds of patience for 60", "mixture.md", True),
    ),
    Study("Whole two-phase searches", "search --repeats 1", 50, "1 repeat for 5", "search.md", True),
    Study("Adaptively weighted AIPW", "aipw", 100, table="aipw_speed.md", speed=True),
    Study("The suite: the shipped results", "suite --table", 40, "no search is run again", "suite.md"),
    Study(
        "Regret of strategies on earlier problems",
        TABLE_OF_REGRET,
        *(80, "3 of 7 families, 2 of 5 budgets, 15 searches per cell for 200"),
    ),
    Study("Hidden causes", "hidden_causes --replications 1 --jobs 1", 60, "1 search per cell for 100"),
    Study("Right graphs that are suspected", "graph_check alarms --replications 2", 60, "2 searches per cell for 200"),
    Study("Rows from before", "history --replications 4", 60, "4 searches per cell for 200", "history.md"),
    Study("Confirmations", "confirm --campaigns 3 --jobs 1", 150, "3 campaigns for 1,000", "confirm.md"),
    Study("Stopping when sure", "stopping errors --runs 4", 80, "4 searches per cell for 1,000"),
    Study("Campaigns that are killed", "study_kills --kills 3", 80, "3 kills for 240", "study_kills.md"),
    Study("The radius of the Mixture Adaptive Design", "mad_coverage radius", 50),
    Study("The guard under the variance", "mad_guard --small", 80, "50 experiments for 1,000", "mad_guard.md"),
    Study(
        "Coverage of weighted AIPW",
        "aipw_coverage --rounds 1000 --replications 100",
        *(80, "1,000 rounds alone, 100 experiments", "aipw_coverage.md"),
    ),
    Study("Bernoulli sequences of one arm", "sequences 100", 40, "100 paths for 1,000", "sequences.md"),
    Study("Exact contrasts", "bernoulli_contrast 20", 60, "20 paths for 1,000", "bernoulli_contrast.md"),
    Study("Bounded scores", "score_bounds 50", 40, "50 paths for 500", "score_bounds.md"),
    Study("Plug-in intervals", "plug_in 60", 40, "60 experiments for 1,000", "plug_in.md"),
    Study("What a design predicts", "design --small", 80, "one problem"),
    Study("Half of the money", "money --small", 60, "fewer problems and searches"),
    Study("Tables that are known", "known_tables --small", 60, "fewer searches"),
    Study("Long graphs", "deep_graphs --small", 60, "100 and 300 nodes", speed=True),
    Study("Policies with contexts", "contextual 20", 40, "20 experiments for 500", "contextual.md"),
]
"""In the order of the file."""

MINUTES = 14.5
"""What is not done then is left out, so that the whole takes less than a quarter of an hour on any machine."""


@dataclass(frozen=True)
class Outcome:
    """What a study came to: its text, its seconds, what it missed, and why there is nothing."""

    study: Study
    text: str
    seconds: float
    missed: bool = False
    failure: str = ""


def run(study: Study, folder: Path, end: float) -> Outcome:
    """Run a study in the copy of the repository in ``folder``, until ``end`` at most."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    script, *arguments = shlex.split(study.command)
    command = [sys.executable, f"tests/benchmarks/{script}.py", *arguments]
    started = time.perf_counter()
    printed, missed, failure = "", False, ""
    limit = max(1.0, min(study.limit, end - started))
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=limit, check=False
        )
        printed = done.stdout
        # A script that checks bars ends with status 1 when one is missed; its table is there all the same.
        missed = done.returncode == 1 and "Traceback" not in done.stderr
        if done.returncode and not missed:
            failure = f"exit status {done.returncode}: {done.stderr.strip()[-500:]}"
    except subprocess.TimeoutExpired:
        failure = f"not done in {limit:.0f} s"
    seconds = time.perf_counter() - started
    written = folder / "tests" / "benchmarks" / "results" / study.table
    text = written.read_text(encoding="utf-8") if study.table and written.exists() else printed
    return Outcome(study, text, seconds, missed, failure)


def section(outcome: Outcome) -> str:
    """A study's part of the file."""
    study = outcome.study
    script, _, arguments = study.command.partition(" ")
    command = f"python tests/benchmarks/{script}.py {arguments}".strip()
    lines = [
        f"## {study.title}",
        "",
        f"`{command}`, {outcome.seconds:.0f} s. Smaller than in the whole run: {study.smaller}.",
        "",
    ]
    if outcome.missed:
        lines += ["A bar of the whole run was missed at this size.", ""]
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
    end = time.perf_counter() + 60 * MINUTES
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(ROOT / "tests", folder / "tests", ignore=shutil.ignore_patterns("results", "__pycache__"))
        shutil.copytree(ROOT / "graphs", folder / "graphs")
        (folder / "tests" / "benchmarks" / "results").mkdir()
        outcomes = {}

        def one(study: Study) -> None:
            outcomes[study.name] = outcome = run(study, folder, end)
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
