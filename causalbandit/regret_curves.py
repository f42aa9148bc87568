"""Simple regret of simulated searches: rows, means, paired differences, words and a figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from causalbandit.arrays import Floats
from causalbandit.checks import error_rate, one_of
from causalbandit.formats.result_file import stamp
from causalbandit.text import WIDTH, plain_rows, wrapped

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


_CELL = 24
"""Columns of a terminal for one cell of a summary: "0.0123 ± 0.0045 (99 %)" and two blanks."""


@dataclass(frozen=True, eq=False, repr=False)
class RegretCurves:
    """Simple regret per search: the result of :func:`causalbandit.evaluate_regret`.

    Attributes
    ----------
    frame : pandas.DataFrame
        One row per problem, strategy, budget and replication, in that order of sorting: ``problem``, ``strategy`` (as
        given), ``budget``, ``replication``, ``chosen`` (the intervention's label), ``regret`` (≥ 0, on the scale of the
        target's probability), ``correct`` (none is better), ``experiments`` (used, ≤ budget), ``seconds`` (of the
        search with its simulation) and ``reason``. A cell that a strategy cannot work with is one row without
        replication, with NaN regret and the reason. Where the searches were checked against a world, also
        ``contradicted`` (the graph was refuted) and ``amendments`` (changes of the graph); with prices ``money``
        (spent, set-ups included).
    strategies, problems : tuple of str
        Labels in the order given.
    unit : {"experiments", "money"}
        What ``budget`` counts.
    """

    frame: pd.DataFrame
    strategies: tuple[str, ...]
    problems: tuple[str, ...]
    unit: Literal["experiments", "money"] = "experiments"

    def to_frame(self) -> pd.DataFrame:
        """The frame, a copy."""
        return self.frame.copy()

    def means(self, *, reference: str | None = None, alpha: float = 0.05) -> pd.DataFrame:
        """Mean regret per problem, strategy and budget, and the paired difference to ``reference``.

        Columns: ``replications``, ``mean``, ``std_error``, ``q50``, ``q90``, ``max``, ``correct`` (share),
        ``experiments``, ``seconds`` and, with prices, ``money`` (means), ``contradicted`` and ``amended`` (shares,
        where searches were checked); ``difference`` (mean over replications of this strategy's regret minus that of
        ``reference``, by default the first strategy), ``difference_std_error``, ``difference_lower`` and
        ``difference_upper`` (Student's t at level 1 − ``alpha``, valid as replications grow); ``reason`` for skipped
        cells.
        """
        alpha = error_rate(alpha)
        reference = self.strategies[0] if reference is None else one_of(reference, "reference", self.strategies)
        paired = self._paired()
        records = []
        for (problem, strategy, budget), group in self.frame.groupby(
            ["problem", "strategy", "budget"], sort=False, observed=True
        ):
            record: dict[str, Any] = {"problem": problem, "strategy": strategy, "budget": budget}
            reason = str(group["reason"].iloc[0])
            if reason:
                records.append(record | {"replications": 0, "reason": reason})
                continue
            regret = group["regret"].to_numpy(dtype=np.float64)
            record |= {
                "replications": len(regret),
                "mean": regret.mean(),
                "std_error": _standard_error(regret),
                "q50": np.quantile(regret, 0.5),
                "q90": np.quantile(regret, 0.9),
                "max": regret.max(),
                "correct": float(group["correct"].astype(bool).mean()),
                "experiments": float(group["experiments"].mean()),
                "seconds": float(group["seconds"].mean()),
            }
            if "money" in group:
                record["money"] = float(group["money"].mean())
            if "contradicted" in group:
                record["contradicted"] = float(group["contradicted"].astype(bool).mean())
                record["amended"] = float((group["amendments"] > 0).mean())
            mine, other = paired.get((problem, strategy, budget)), paired.get((problem, reference, budget))
            if mine is not None and other is not None:
                record |= _difference(mine, other, alpha)
            records.append(record | {"reason": ""})
        paid = ["money"] if "money" in self.frame else []
        checked = ["contradicted", "amended"] if "contradicted" in self.frame else []
        return _tidy(records, [*_MEAN_COLUMNS, *paid, *checked, "reason"])

    def differences(self, *, alpha: float = 0.05) -> pd.DataFrame:
        """Paired differences between all pairs of strategies: one row per problem, budget and pair.

        ``difference`` is the mean over replications of the regret of ``strategy`` minus that of ``other``, with
        ``difference_std_error``, ``difference_lower``, ``difference_upper`` as in :meth:`means`.
        """
        alpha = error_rate(alpha)
        paired = self._paired()
        budgets = sorted({budget for _, _, budget in paired})
        records = [
            {"problem": problem, "budget": budget, "strategy": first, "other": second}
            | _difference(paired[problem, first, budget], paired[problem, second, budget], alpha)
            for problem in self.problems
            for budget in budgets
            for place, first in enumerate(self.strategies)
            for second in self.strategies[place + 1 :]
            if (problem, first, budget) in paired and (problem, second, budget) in paired
        ]
        return _tidy(records, ["problem", "budget", "strategy", "other", *_DIFFERENCE_COLUMNS])

    def summary(self) -> str:
        """Per problem: mean regret ± standard error, a row per strategy and a column per budget; within 80 columns."""
        means = self.means()
        width = max(len(name) for name in self.strategies)
        columns = max(1, (WIDTH - width) // _CELL)
        lines: list[str] = []
        for problem in self.problems:
            part = means[means["problem"] == problem]
            budgets = sorted(part["budget"].unique())
            lines += [f"{problem}: mean simple regret ± standard error (share correct)", ""]
            for start in range(0, len(budgets), columns):
                shown = budgets[start : start + columns]
                symbol = "T" if self.unit == "experiments" else "money"
                lines.append(" " * width + "".join(f"{f'{symbol} = {_digits(budget)}':>{_CELL}}" for budget in shown))
                for name in self.strategies:
                    cells = part[part["strategy"] == name].set_index("budget")
                    words = "".join(f"{_cell(cells.loc[budget]):>{_CELL}}" for budget in shown)
                    lines.append(f"{name:<{width}}{words}")
                lines.append("")
            if "contradicted" in part:
                for name in self.strategies:
                    shares = part[(part["strategy"] == name) & (part["reason"] == "")]["contradicted"]
                    said = ", ".join(f"{100 * share:.0f} %" for share in shares)
                    lines += wrapped(f"- {name}: the graph was contradicted in {said} of searches") if said else []
                lines.append("")
            skipped = part[part["reason"] != ""].drop_duplicates("strategy")
            lines += [line for row in skipped.itertuples() for line in wrapped(f"- {row.strategy}: {row.reason}")]
            lines += [""] if len(skipped) else []
        return "\n".join(lines).rstrip()

    def plot(self, ax: Axes | None = None, *, problem: str | None = None) -> Axes:
        """Mean regret over the budget, experiments or money, on logarithmic axes, with bands of two standard errors.

        ``problem`` names one of several problems; by default the mean over all of them is drawn.
        """
        from causalbandit.plots.regret import plot_regret

        problems = self.problems if problem is None else (one_of(problem, "problem", self.problems),)
        return plot_regret(self.frame[self.frame["problem"].isin(problems)], self.strategies, problems, ax, self.unit)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, numbers and texts, ready for JSON: ``strategies``, ``problems``, ``unit`` and ``rows``."""
        return stamp("regret") | {
            "strategies": list(self.strategies),
            "problems": list(self.problems),
            "unit": self.unit,
            "rows": plain_rows(self.frame.astype(object).where(self.frame.notna(), None)),
        }

    def _paired(self) -> dict[tuple[Any, Any, Any], Floats]:
        """Regret per (problem, strategy, budget), replications ascending; skipped cells left out."""
        done = self.frame[self.frame["reason"] == ""]
        groups = done.groupby(["problem", "strategy", "budget"], sort=False, observed=True)["regret"]
        return {tuple(key): values.to_numpy(dtype=np.float64) for key, values in groups}  # type: ignore[misc]  # three columns

    def _repr_html_(self) -> str:
        html: str = self.means().to_html(index=False, float_format=lambda value: f"{value:.4g}", na_rep="")
        return html

    def __repr__(self) -> str:
        cells = len(self.frame.groupby(["problem", "strategy", "budget"], observed=True))
        return f"RegretCurves({', '.join(self.strategies)}; {cells} cells, {len(self.frame)} rows)"


_DIFFERENCE_COLUMNS = ("difference", "difference_std_error", "difference_lower", "difference_upper")
_MEAN_COLUMNS = (
    *("problem", "strategy", "budget", "replications", "mean", "std_error", "q50", "q90", "max", "correct"),
    *("experiments", "seconds", *_DIFFERENCE_COLUMNS),
)


def _tidy(records: list[dict[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame.from_records(records).reindex(columns=list(columns))


def _digits(budget: float) -> str:
    return f"{int(budget):,}" if float(budget).is_integer() else f"{budget:,.6g}"


def _cell(row: pd.Series) -> str:
    if row["reason"]:
        return "-"
    return f"{row['mean']:.4f} ± {row['std_error']:.4f} ({100 * row['correct']:.0f} %)"


def _standard_error(values: Floats) -> float:
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan


def _difference(mine: Floats, other: Floats, alpha: float) -> dict[str, float]:
    from scipy.special import stdtrit

    paired = mine - other
    mean, error = float(paired.mean()), _standard_error(paired)
    reach = float(stdtrit(len(paired) - 1, 1 - alpha / 2)) * error if len(paired) > 1 else math.nan
    return dict(zip(_DIFFERENCE_COLUMNS, (mean, error, mean - reach, mean + reach), strict=True))
