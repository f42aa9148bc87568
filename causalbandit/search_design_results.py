"""What a budget can be expected to show, as a value with words, tables and a figure."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from causalbandit.allocation_forecast import Allocation
from causalbandit.arrays import Floats, Places
from causalbandit.checks import one_of
from causalbandit.formats.result_file import stamp
from causalbandit.problem import Problem
from causalbandit.strategies.maximise import Maximisation
from causalbandit.strategies.mixture import Mixture
from causalbandit.text import frame_text, plain_rows, shortened, wrapped

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


SHOWN = 8
"""Interventions that the summary lists."""
TOLD = 5e-4
"""The least share of a mixture that is told, 0.1 % when rounded."""


@dataclass(frozen=True, eq=False, repr=False)
class SearchDesign:
    """What a search with a budget of T experiments can be expected to show.

    Attributes
    ----------
    problem : Problem
        The problem.
    budget : int
        T.
    weighting : {"reach", "variance", "contrast"}
        What ``mixture`` learns best.
    mixture : Mixture
        The best mixture of interventions for all T experiments, with its certificate. Visits in hand stand in its
        denominators.
    gamma_star : Mixture
        The mixture by reach without any visits in hand: its ``value`` is γ*, the difficulty of the problem.
    bounds : (int, int)
        N·C and Σ_a (N − N_a), neither below γ*: N nodes matter, C rows are to be learned, a assigns N_a of the nodes.
    effects : numpy.ndarray of float, shape [A]
        P(target = 1 | do(a)) by the tables.
    allocations : tuple of Allocation
        Ways to spend the budget with what they can be expected to show.
    n_earlier : int
        Rows from before; 0 when the tables are those of the problem.
    theory : tuple of (float, int, int)
        S = N² log(A·T), how many outcomes it would truncate at this budget, and out of how many.
    exact_draws : bool
        Whether errors and chances are those of searches made up row by row, or of the delta method.
    notes : tuple of str
        What did not go as usual, in sentences.
    """

    problem: Problem
    budget: int
    weighting: str
    mixture: Mixture
    gamma_star: Mixture
    bounds: tuple[int, int]
    effects: Floats
    allocations: tuple[Allocation, ...]
    n_earlier: int
    theory: tuple[float, int, int]
    exact_draws: bool = True
    notes: tuple[str, ...] = ()

    @property
    def regret_bound(self) -> float:
        """√(γ* log(A·T)/T): the simple regret of the two-phase search is at most a constant times this."""
        return math.sqrt(self.gamma_star.value * math.log(len(self.effects) * self.budget) / self.budget)

    def allocation(self, name: str) -> Allocation:
        """The allocation of that name."""
        names = [each.name for each in self.allocations]
        return self.allocations[names.index(one_of(name, "name", names))]

    def to_frame(self) -> pd.DataFrame:
        """One row per allocation and intervention.

        Columns ``allocation``, ``intervention``, ``experiments`` (expected number), ``effect``, ``std_error`` of its
        estimate, ``delta_error`` (the same by the delta method), ``probability_chosen``.
        """
        import pandas as pd

        labels = self.problem.interventions.labels
        parts = [
            pd.DataFrame(
                {
                    "allocation": each.name,
                    "intervention": labels,
                    "experiments": each.experiments,
                    "effect": self.effects,
                    "std_error": each.std_errors,
                    "delta_error": each.delta_errors,
                    "probability_chosen": each.chosen,
                }
            )
            for each in self.allocations
        ]
        return pd.concat(parts, ignore_index=True)

    def comparison(self) -> pd.DataFrame:
        """One row per allocation: ``probability_right``, ``expected_regret``, ``largest_std_error``."""
        import pandas as pd

        rows = [
            (each.name, each.probability_right, each.expected_regret, each.std_errors.max())
            for each in self.allocations
        ]
        return pd.DataFrame(rows, columns=["allocation", "probability_right", "expected_regret", "largest_std_error"])

    def _ranking(self) -> Places:
        return np.argsort(-Maximisation.of(self.problem).gains(self.effects), kind="stable")

    def _errors(self) -> pd.DataFrame:
        """The best interventions with their errors under each allocation."""
        import pandas as pd

        order = self._ranking()[:SHOWN]
        labels = self.problem.interventions.labels
        shown = [each for each in self.allocations if each.name != "two-phase-pooled"]
        return pd.DataFrame(
            {
                "intervention": [labels[place] for place in order],
                "effect": self.effects[order],
                **{each.name.removeprefix("uniform-"): each.std_errors[order] for each in shown},
            }
        )

    def _shares(self) -> list[str]:
        """The largest shares of the mixture, one a line, as in "46.6 %  (observe)"."""
        shares, labels = self.mixture.experiment_shares, self.problem.interventions.labels
        used = [place for place in np.argsort(-shares, kind="stable") if shares[place] >= TOLD]
        lines = [f"{100 * shares[place]:4.1f} %  {shortened(labels[place], 58)}" for place in used[:SHOWN]]
        rest = 1 - float(shares[used[:SHOWN]].sum())
        return [*lines, f"{100 * rest:4.1f} %  others"] if rest >= TOLD else lines

    def _computed(self) -> str:
        """How errors and chances were computed."""
        least = min(each.n_draws for each in self.allocations)
        if self.exact_draws:
            return (
                f"Errors and chances are those of {least:,} searches or more, made up from the tables: visits and ones "
                "of every row at random, then all effects by the graph."
            )
        return (
            f"Errors are those of the delta method at expected visits. Chances are shares of {least:,} draws or more "
            "of all effects from the normal distribution with these errors and their correlations, which is often too "
            "pessimistic."
        )

    def guarantee(self) -> str:
        """What the bound is proved for, and what a search does otherwise by default."""
        size, truncated, outcomes = self.theory
        return (
            "The bound is proved for the two-phase search with truncation at S of the order N² log(A·T), here "
            f"{size:,.0f} expected counts: that would count {truncated} of {outcomes} outcomes as impossible. By "
            "default S is 0, and the bound is a guide. Phase one also counts an experiment for every row of its layer "
            "that it visits, and the mixture's denominators hold the visits that part one has made, where the proof "
            "has a row's own experiments and a constant per row: both only add to what the proof counts on. Other "
            "weightings and pooling are not covered."
        )

    def summary(self) -> str:
        """The mixture, the difficulty and what each way of spending the budget is expected to show; 80 columns."""
        gamma, tables = self.gamma_star, "the tables of the problem"
        if self.n_earlier:
            tables = f"{self.n_earlier:,} rows from before, which count as far as experiments that agree would let them"
        name = f" for {self.problem.name}" if self.problem.name else ""
        lines = wrapped(f"Design{name}: {self.budget:,} experiments, from {tables}.")
        lines += [
            "",
            f"  γ*       {gamma.value:.4g} (proved to be at least {gamma.lower_bound:.4g})",
            f"  limits   min(N·C, Σ_a(N − N_a)) = min({self.bounds[0]:,}, {self.bounds[1]:,})",
            f"  regret   at most √(γ* log(A·T)/T) = {self.regret_bound:.3g}, up to a constant factor",
            f"  mixture  by {self.weighting}: {self.mixture.n_used} of {len(self.effects)} interventions,"
            f" gap {self.mixture.gap:.0e}",
            *("           " + line for line in self._shares()),
            "",
            frame_text(self.comparison().rename(columns=lambda column: column.replace("_", " "))),
            "",
            "Standard errors of the effects:",
            frame_text(self._errors()),
        ]
        if len(self.effects) > SHOWN:
            lines.append(f"… and {len(self.effects) - SHOWN} more")
        lines += ["", *(line for note in self.notes for line in wrapped(note))]
        lines += wrapped(
            f"{self._computed()} two-phase is predicted as "
            "if its plan knew the tables; mixture and uniform-plug-in spend the whole budget at fixed shares and "
            "estimate by the graph; uniform takes the best share of ones and ignores the graph."
        )
        return "\n".join([*lines, *wrapped(self.guarantee())])

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, numbers and texts, ready for JSON."""
        return stamp("design") | {
            "problem": self.problem.name,
            "budget": self.budget,
            "weighting": self.weighting,
            "gamma_star": self.gamma_star.value,
            "gamma_star_at_least": self.gamma_star.lower_bound,
            "limits": list(self.bounds),
            "regret_bound": self.regret_bound,
            "mixture": self.mixture.to_dict(),
            "earlier_rows": self.n_earlier,
            "theory": dict(zip(("truncation", "truncated", "outcomes"), self.theory, strict=True)),
            "allocations": plain_rows(self.comparison()),
            "interventions": plain_rows(self.to_frame()),
            "guarantee": self.guarantee(),
            "notes": list(self.notes),
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Effects with the interval of 95 % that is to be expected under each allocation; returns the Axes."""
        from causalbandit.plots.intervals import plot_search_design

        return plot_search_design(
            self.to_frame(),
            [self.problem.interventions.labels[place] for place in self._ranking()],
            ax,
            target=self.problem.graph.target,
            title=f"{self.problem.name or 'Design'}: {self.budget:,} experiments",
        )

    def _repr_html_(self) -> str:
        tables = [
            frame.to_html(index=False, float_format=lambda value: f"{value:.4f}")
            for frame in (self.comparison(), self._errors())
        ]
        head = f"γ* = {self.gamma_star.value:.4g}, {self.budget:,} experiments, mixture by {self.weighting}"
        return f"<p>{html.escape(head)}</p>{''.join(tables)}<p>{html.escape(self.guarantee())}</p>"

    def __repr__(self) -> str:
        best = max(self.allocations, key=lambda each: each.probability_right)
        return (
            f"SearchDesign({self.budget} experiments, γ* {self.gamma_star.value:.4g}, "
            f"right with probability {best.probability_right:.2f} by {best.name})"
        )
