"""The score card of strategies: regret relative to others, by family, with intervals, in words and tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from causalbandit.arrays import Floats
from causalbandit.checks import error_rate, one_of
from causalbandit.suite.problems import FAMILIES
from causalbandit.text import WIDTH, plain_rows, wrapped

if TYPE_CHECKING:
    import pandas as pd

    from causalbandit.suite.results import SuiteResults

AGAINST = ("top-two", "uniform-plug-in", "successive-rejects", "two-phase")
"""Strategies that others are compared with unless told otherwise, the first three that are not the strategy itself: the
one that adapts most, the same data without adapting, the best without a graph, and the one with a bound."""
COMPARED = 3
"""How many of them: as many as fit beside the names of the families on a terminal."""

COLUMNS = [
    *("strategy", "reference", "family", "cells", "of", "regret", "reference_regret", "ratio", "lower", "upper"),
    *("paired", "verdict"),
]


class Ratio(NamedTuple):
    """Mean of x over mean of y. ``value`` is NaN when both means are 0, and infinite when y's alone is.

    ``lower`` and ``upper`` are 0 and infinite where y's mean is not told from 0: then data say nothing of the ratio.
    Both are infinite when y has no regret at all and x surely has.
    """

    x: float
    y: float
    value: float
    lower: float
    upper: float


NOTHING = Ratio(math.nan, math.nan, math.nan, math.nan, math.nan)


@dataclass(frozen=True, eq=False, repr=False)
class ScoreCard:
    """Strategies against others, family by family.

    Attributes
    ----------
    frame : pandas.DataFrame
        One row per ``strategy``, ``reference`` (the other) and ``family``: ``cells`` (problem and budget) that both can
        work with, ``of`` how many; mean relative ``regret`` over these cells, ``reference_regret``; their ``ratio``
        (below 1: the strategy is better), ``lower``, ``upper``; ``paired``: same simulated worlds; ``verdict``:
        "better" or "worse" when the interval leaves out 1, "unclear" when it does not, "both 0", or "no cells".
    alpha : float
        The intervals have level 1 − ``alpha``, each on its own.
    replications : int
        Searches per cell that were compared.
    """

    frame: pd.DataFrame
    alpha: float
    replications: int

    @classmethod
    def of(
        cls, results: SuiteResults, reference: SuiteResults, against: Sequence[str] | None = None, alpha: float = 0.05
    ) -> ScoreCard:
        """Each strategy of ``results`` against those of ``reference``.

        Parameters
        ----------
        results, reference : SuiteResults
            With the same seed their searches are paired, world by world.
        against : sequence of str, optional
            Strategies of ``reference``; by default the first three of `AGAINST` other than the strategy.
        alpha : float
            Error rate of each interval.
        """
        import pandas as pd

        alpha = error_rate(alpha)
        for other in against or ():
            one_of(other, "against", reference.strategies, "strategies", verb="names")
        paired = results.seed == reference.seed
        common = min(results.replications, reference.replications) if paired else None
        families = [family for family in FAMILIES if family in set(results.frame["family"])]
        records: list[tuple[Any, ...]] = []
        of_reference = {other: reference.cells(other) for other in against or AGAINST if other in reference.strategies}
        for strategy in results.strategies:
            standard = [other for other in of_reference if other != strategy]
            mine = results.cells(strategy)
            for other in standard[:COMPARED] if against is None else against:
                theirs = of_reference[other]
                of_family = results.frame[results.frame["strategy"] == strategy].drop_duplicates(["problem", "step"])
                for family in families:
                    keys = [key for key in mine if key[0] == family and key in theirs]
                    n_cells = int((of_family["family"] == family).sum())
                    x, y = [mine[key][:common] for key in keys], [theirs[key][:common] for key in keys]
                    found = ratio_of_means(x, y, paired=paired, alpha=alpha) if keys else NOTHING
                    said = _verdict(found) if keys else "no cells"
                    records.append((strategy, other, family, len(keys), n_cells, *found, paired, said))
        frame = pd.DataFrame.from_records(records, columns=COLUMNS)
        return cls(frame, alpha, results.replications if common is None else common)

    def to_frame(self) -> pd.DataFrame:
        """The frame, a copy."""
        return self.frame.copy()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what is not finite is None."""
        return {"alpha": self.alpha, "replications": self.replications, "rows": plain_rows(self.frame)}

    def summary(self) -> str:
        """A table per strategy within 80 columns, and the families in which it does not pay."""
        tables = ["\n".join(self._table(str(name), rows)) for name, rows in self.frame.groupby("strategy", sort=False)]
        return "\n\n".join(tables)

    def _table(self, strategy: str, rows: pd.DataFrame) -> list[str]:
        references = list(dict.fromkeys(rows["reference"]))
        families = list(dict.fromkeys(rows["family"]))
        pairing = "paired" if rows["paired"].all() else "not paired: another seed than the shipped results"
        lines = wrapped(
            f"{strategy}: regret relative to that of others, below 1 is better "
            f"({100 * (1 - self.alpha):g} % intervals, {pairing}; {self.replications} searches per cell)"
        )
        for start in range(0, len(references), COMPARED):
            some = references[start : start + COMPARED]
            table = [["family", *some]]
            for family in families:
                cells = [rows[(rows["family"] == family) & (rows["reference"] == other)].iloc[0] for other in some]
                table.append([family, *map(_cell, cells)])
            table.append(["median (range)", *(_spread(rows[rows["reference"] == other]) for other in some)])
            lines += ["", *aligned(table)]
        if (rows["cells"] < rows["of"]).any():
            lines.append("* over the problems and budgets that both can work with")
        lines.append("")
        for other in references:
            lines += wrapped(_words(strategy, other, rows[rows["reference"] == other]))
        return lines

    def __repr__(self) -> str:
        return f"ScoreCard({', '.join(dict.fromkeys(self.frame['strategy']))})"

    def _repr_html_(self) -> str:
        html: str = self.frame.to_html(index=False, float_format=lambda value: f"{value:.3g}")
        return html


def _verdict(found: Ratio) -> str:
    if math.isnan(found.value):
        return "both 0"
    if found.upper < 1:
        return "better"
    return "worse" if found.lower > 1 else "unclear"


def _cell(row: pd.Series) -> str:
    if row["verdict"] in ("both 0", "no cells"):
        return str(row["verdict"]).replace("no cells", "–")
    part = "" if row["cells"] == row["of"] else "*"
    return f"{_short(row['ratio'])} [{_short(row['lower'])}, {_short(row['upper'])}]{part}"


def _short(value: float) -> str:
    if math.isinf(value):
        return "∞"
    return f"{value:.2f}" if value < 9.995 else f"{value:.0f}"


def spread_of(rows: pd.DataFrame) -> tuple[float, float, float]:
    """Median, smallest and largest ratio over families; families where both have no regret are left out."""
    ratios = rows["ratio"].dropna().to_numpy(dtype=np.float64)
    if not len(ratios):
        return math.nan, math.nan, math.nan
    return float(np.median(ratios)), float(ratios.min()), float(ratios.max())


def _spread(rows: pd.DataFrame) -> str:
    median, low, high = spread_of(rows)
    return "–" if math.isnan(median) else f"{_short(median)} ({_short(low)} to {_short(high)})"


def _words(strategy: str, other: str, rows: pd.DataFrame) -> str:
    worse = list(rows.loc[rows["verdict"] == "worse", "family"])
    unclear = list(rows.loc[rows["verdict"] == "unclear", "family"])
    if not worse and not unclear:
        return f"Against {other} it pays in every family that can be compared."
    parts = [f"no gain seen in {', '.join(unclear)}"] if unclear else []
    parts += [f"worse in {', '.join(worse)}"] if worse else []
    return f"Does not pay against {other}: {'; '.join(parts)}."


def aligned(table: Sequence[Sequence[str]]) -> list[str]:
    """Rows of texts as lines in columns, within the width of a terminal as far as the texts allow."""
    widths = [max(len(row[place]) for row in table) for place in range(len(table[0]))]
    gap = 2 if sum(widths) + 2 * (len(widths) - 1) <= WIDTH else 1
    return [
        (" " * gap).join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in table
    ]


def ratio_of_means(x: Sequence[Floats], y: Sequence[Floats], *, paired: bool = True, alpha: float = 0.05) -> Ratio:
    """The ratio ρ of Σ_c E[x_c] to Σ_c E[y_c] with an interval of level 1 − ``alpha``, valid as replications grow.

    ``x[c]`` and ``y[c]`` hold the replications of cell c, one array per cell, R_c ≥ 2 each; in ``paired`` cells entry r
    of both is of the same simulated world. The interval holds the ratios ρ that a test of E[x − ρ·y] = 0 does not
    reject (Fieller 1954): the roots of ρ²(ȳ² − z²v_yy) − 2ρ(x̄ȳ − z²v_xy) + x̄² − z²v_xx, where the variances of the
    means are summed over cells, which are fixed, and v_xy is 0 without pairs.
    """
    from scipy.special import ndtri

    n = len(x)
    x_mean = sum(float(cell.mean()) for cell in x) / n
    y_mean = sum(float(cell.mean()) for cell in y) / n
    v_xx = sum(float(cell.var(ddof=1)) / len(cell) for cell in x) / n**2
    v_yy = sum(float(cell.var(ddof=1)) / len(cell) for cell in y) / n**2
    v_xy = 0.0
    if paired:
        v_xy = sum(_covariance(a, b) / len(a) for a, b in zip(x, y, strict=True)) / n**2
    square = float(ndtri(1 - alpha / 2)) ** 2
    if y_mean == 0:
        surely = x_mean**2 > square * v_xx
        value = math.inf if x_mean > 0 else math.nan
        return Ratio(x_mean, y_mean, value, math.inf if surely else 0.0, math.inf)
    a, b, c = y_mean**2 - square * v_yy, x_mean * y_mean - square * v_xy, x_mean**2 - square * v_xx
    if a <= 0:
        return Ratio(x_mean, y_mean, x_mean / y_mean, 0.0, math.inf)
    reach = math.sqrt(max(b**2 - a * c, 0.0))
    return Ratio(x_mean, y_mean, x_mean / y_mean, max((b - reach) / a, 0.0), (b + reach) / a)


def _covariance(x: Floats, y: Floats) -> float:
    return float((x - x.mean()) @ (y - y.mean())) / (len(x) - 1)
