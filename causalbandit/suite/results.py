"""Results on the suite: a row per search, the file that ships with the package, and what compares them."""

from __future__ import annotations

import json
import math
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from causalbandit.arrays import Floats
from causalbandit.checks import one_of
from causalbandit.finished_searches import FinishedSearch
from causalbandit.suite.problems import STEPS, SuiteProblem, suite_problems
from causalbandit.text import plain, plain_rows, wrapped

if TYPE_CHECKING:
    import pandas as pd

    from causalbandit.suite.score_card import ScoreCard

FORMAT = "causalbandit suite, version 1"
SHIPPED = Path(__file__).with_name("results.jsonl")

DIGITS = 6
"""Decimals of a relative regret in the shipped file: far below the noise of any mean."""

COLUMNS = {
    "family": "object",
    "problem": "object",
    "strategy": "object",
    "step": "int64",
    "budget": "int64",
    "replication": "Int64",
    "relative_regret": "float64",
    "reason": "object",
}


@dataclass(frozen=True, eq=False, repr=False)
class SuiteResults:
    """What searches on the suite came to.

    Attributes
    ----------
    frame : pandas.DataFrame
        One row per search: ``family``, ``problem``, ``strategy``, ``step`` (the budget in units of the problem's family
        rows C), ``budget``, ``replication``, ``relative_regret`` (simple regret over that of an intervention chosen
        with equal chances: 0 is the best intervention, 1 as bad as chance) and ``reason``. A cell that a strategy
        cannot work with is one row without replication, with the reason.
    strategies : tuple of str
        Labels of the strategies.
    seed : int
        The seed of the worlds.
    replications : int
        Searches per cell.
    """

    frame: pd.DataFrame
    strategies: tuple[str, ...]
    seed: int
    replications: int

    def to_frame(self) -> pd.DataFrame:
        """The frame, a copy."""
        return self.frame.copy()

    def only(self, families: Sequence[str]) -> SuiteResults:
        """The results on these families."""
        return replace(self, frame=self.frame[self.frame["family"].isin(list(families))])

    def cells(self, strategy: str) -> dict[tuple[str, str, int], Floats]:
        """(family, problem, step) → relative regrets of ``strategy``, replications ascending; refused cells left out.

        Raises
        ------
        ValueError
            For a strategy that is not among the results.
        """
        one_of(strategy, "strategy", self.strategies)
        found = self.frame[(self.frame["strategy"] == strategy) & (self.frame["reason"] == "")]
        keys = zip(found["family"], found["problem"], found["step"], strict=True)
        gathered: dict[tuple[str, str, int], list[float]] = {}
        for key, regret in zip(keys, found["relative_regret"].tolist(), strict=True):
            gathered.setdefault(key, []).append(regret)
        return {key: np.array(regrets) for key, regrets in gathered.items()}

    def means(self) -> pd.DataFrame:
        """Per family, problem, strategy and step: ``searches``, ``mean`` relative regret, ``std_error``, ``reason``."""
        import pandas as pd

        records = []
        for key, group in self.frame.groupby(["family", "problem", "strategy", "step", "budget"], sort=False):
            values = group["relative_regret"].to_numpy(dtype=np.float64)
            reason = str(group["reason"].iloc[0])
            number = 0 if reason else len(values)
            error = values.std(ddof=1) / math.sqrt(number) if number > 1 else math.nan
            records.append((*key, number, values.mean(), error, reason))
        columns = ["family", "problem", "strategy", "step", "budget", "searches", "mean", "std_error", "reason"]
        return pd.DataFrame.from_records(records, columns=columns)

    def score_card(
        self,
        against: Sequence[str] | None = None,
        *,
        reference: SuiteResults | None = None,
        alpha: float = 0.05,
    ) -> ScoreCard:
        """Every strategy's regret relative to those ``against``, by family (see `ScoreCard.of`)."""
        from causalbandit.suite.score_card import ScoreCard

        return ScoreCard.of(self, shipped_results() if reference is None else reference, against, alpha=alpha)

    def refusals(self) -> pd.DataFrame:
        """Where strategies cannot work: per ``strategy`` and ``family`` how many ``cells``, and the first reason."""
        refused = self.frame[self.frame["reason"] != ""]
        groups = refused.groupby(["strategy", "family"], sort=False)["reason"]
        return groups.agg(cells="size", reason="first").reset_index()

    def summary(self, least: int = 3) -> str:
        """Mean relative regret in per cent by family and strategy, over budgets of at least ``least`` times C."""
        shown = self.frame[self.frame["step"] >= least]
        refused = shown[shown["reason"] != ""].groupby(["family", "strategy"]).size()
        cells = shown.groupby(["family", "strategy", "problem", "step"], sort=False)["relative_regret"].mean()
        means = 100 * cells.groupby(["family", "strategy"], sort=False).mean()
        letters = dict(zip(self.strategies, string.ascii_lowercase, strict=False))
        lines = wrapped(
            f"Mean simple regret in per cent of that of a blind choice, budgets from {least}C on, "
            f"{self.replications} searches per cell, seed {self.seed}."
        )
        width = max(map(len, shown["family"]))
        lines += ["", " " * width + "".join(f"{letter:>6}" for letter in letters.values())]
        for family in dict.fromkeys(shown["family"]):
            texts = []
            for strategy in letters:
                value = means[family, strategy]
                mark = "*" if (family, strategy) in refused.index else ""
                texts.append("–" if math.isnan(value) else f"{value:.1f}{mark}")
            lines.append(f"{family:{width}}" + "".join(f"{text:>6}" for text in texts))
        lines += ["", *wrapped(", ".join(f"{letter} {name}" for name, letter in letters.items()))]
        lines += ["*: over the problems and budgets that the strategy can work with"] if len(refused) else []
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: seed, replications, and the means of all cells."""
        return {
            "seed": self.seed,
            "replications": self.replications,
            "strategies": [*self.strategies],
            "cells": plain_rows(self.means()),
        }

    def save(self, path: Path) -> None:
        """Write the results as the shipped file has them: a line about the run and its problems, then one per cell."""
        from causalbandit.files import write_output

        held = set(self.frame["problem"])
        head = {
            "format": FORMAT,
            "seed": self.seed,
            "replications": self.replications,
            "strategies": self.strategies,
            "problems": {one.name: one.fingerprint for one in suite_problems() if one.name in held},
        }
        lines = [json.dumps(head)]
        keys = ["family", "problem", "strategy", "step", "budget"]
        for key, group in self.frame.groupby(keys, sort=False):
            row = dict(zip(keys, map(plain, key), strict=True))
            reason = str(group["reason"].iloc[0])
            regrets = [] if reason else [short(value) for value in group["relative_regret"]]
            lines.append(json.dumps(row | ({"reason": reason} if reason else {"regret": regrets})))
        write_output(path, "\n".join(lines) + "\n")

    def __repr__(self) -> str:
        problems = self.frame["problem"].nunique()
        return f"SuiteResults({', '.join(self.strategies)}; {problems} problems, {len(self.frame)} rows)"


def short(value: float) -> float | int:
    """A relative regret as the file holds it: whole numbers without a point."""
    rounded = round(float(value), DIGITS)
    return int(rounded) if rounded == int(rounded) else rounded


def results_frame(
    problems: Sequence[SuiteProblem],
    blind: Sequence[float],
    strategies: Sequence[str],
    replications: int,
    done: Mapping[tuple[int, int, float, int], FinishedSearch],
    refused: Mapping[tuple[int, int, float], str],
) -> pd.DataFrame:
    """The rows of a run; ``blind`` holds each problem's regret of an intervention chosen with equal chances."""
    records: list[tuple[Any, ...]] = []
    for p, problem in enumerate(problems):
        for s, strategy in enumerate(strategies):
            for step, budget in zip(STEPS, problem.budgets, strict=True):
                cell = problem.family, problem.name, strategy, step, budget
                reason = refused.get((p, s, budget))
                if reason is not None:
                    records.append((*cell, None, math.nan, reason))
                    continue
                records += [(*cell, r, done[p, s, budget, r].regret / blind[p], "") for r in range(replications)]
    return _frame(records)


def _frame(records: Sequence[tuple[Any, ...]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame.from_records(records, columns=list(COLUMNS)).astype(COLUMNS)


def load_results(path: Path) -> SuiteResults:
    """The results in a file that `SuiteResults.save` wrote."""
    head, *lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    records: list[tuple[Any, ...]] = []
    for line in lines:
        cell = line["family"], line["problem"], line["strategy"], line["step"], line["budget"]
        if "reason" in line:
            records.append((*cell, None, math.nan, line["reason"]))
        else:
            records += [(*cell, r, regret, "") for r, regret in enumerate(line["regret"])]
    return SuiteResults(_frame(records), tuple(head["strategies"]), head["seed"], head["replications"])


@cache
def shipped_results() -> SuiteResults:
    """The results of the shipped strategies that come with the package."""
    return load_results(SHIPPED)
