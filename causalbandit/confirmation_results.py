"""What a confirmation found: estimates by every reading, the sentence for whoever decides, the log, a figure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from causalbandit.arrays import Floats, Integers
from causalbandit.checks import one_of
from causalbandit.counts import Counts
from causalbandit.designs.mad import MixtureAdaptiveDesign
from causalbandit.designs.mad_log import LoggedMAD, replay_log
from causalbandit.drawings import confirmation_html
from causalbandit.formats.result_file import stamp
from causalbandit.inference.arm_values import estimate_arms
from causalbandit.inference.estimates import one_more_per
from causalbandit.inference.log import AdaptiveLog
from causalbandit.inference.plug_in import plug_in_effects
from causalbandit.interventions import InterventionSet
from causalbandit.observed_rows import ObservedRows
from causalbandit.problem import Problem
from causalbandit.sequences.bernoulli_contrast import Scale, exact_contrasts
from causalbandit.text import frame_text, plain_rows, wrapped

if TYPE_CHECKING:
    import os

    import pandas as pd
    from matplotlib.axes import Axes


class Promise(NamedTuple):
    """What a reading promises: in a word, whether at any time, and in a sentence."""

    word: str
    any_time: bool
    sentence: str


READINGS: dict[str, Promise] = {
    "exact": Promise(
        "any time, exact",
        True,
        "exact at every round at once, if the outcomes of an arm are independent with one mean",
    ),
    "mad": Promise(
        "any time, robust to drift",
        True,
        "at every round at once, whatever drifts; asymptotic: it needs a few hundred rounds",
    ),
    "aipw": Promise(
        "one look",
        False,
        "for one look at a planned number of rounds; not after an early stop",
    ),
    "plug-in": Promise(
        "if the graph is right",
        False,
        "for one look, if the graph is right: it uses every row for every effect",
    ),
}
"""Reading → its promise."""


def signs_told(frame: pd.DataFrame) -> bool:
    """Whether the intervals of all rows leave 0 out."""
    return bool(((frame["lower"] > 0) | (frame["upper"] < 0)).all())


@dataclass(frozen=True, eq=False, repr=False)
class Confirmation:
    """The outcome of `confirm`.

    Attributes
    ----------
    problem : Problem
        The problem.
    arms : InterventionSet
        The K arms that were compared; the control is the first.
    design : MixtureAdaptiveDesign
        The design after its last round.
    rows : numpy.ndarray of uint8, shape [t, N]
        What every experiment showed, in the order in which they were assigned; columns follow ``problem.graph.nodes``.
    reading : str
        The reading that decides.
    alpha : float
        Error rate of all effects together, per reading.
    budget : int
        Experiments allowed.
    stopped : bool
        Whether the deciding reading ended the experiments before the budget was used.
    covariates : tuple of str
        Nodes that MAD and AIPW adjusted for.
    """

    problem: Problem
    arms: InterventionSet
    design: MixtureAdaptiveDesign
    rows: npt.NDArray[np.uint8]
    reading: str
    alpha: float
    budget: int
    stopped: bool
    covariates: tuple[str, ...] = ()

    @property
    def n_experiments(self) -> int:
        """t, the number of experiments that were run."""
        return len(self.rows)

    @cached_property
    def drawn(self) -> Integers:
        """The arm of every round, shape [t]: its place in ``arms``."""
        place = {label: arm for arm, label in enumerate(self.arms.labels)}
        return np.array([place[arm] for arm in self._rounds["arm"]], dtype=np.int64)

    @cached_property
    def _rounds(self) -> pd.DataFrame:
        """The design's observed rounds in the order in which they were assigned: that of ``rows``."""
        rounds = self.design.rounds()
        return rounds[rounds["observed"] > 0]

    @cached_property
    def _chances(self) -> Floats:
        """The chance of every arm in the observed rounds, shape [t, K]."""
        chances: Floats = self._rounds[[f"p({arm})" for arm in self.arms.labels]].to_numpy()
        return chances

    @cached_property
    def counts(self) -> Counts:
        """What the rows add up to, over the compared arms."""
        return ObservedRows.from_values(self.problem.graph.nodes, self.rows, place=self.drawn).counts(self.arms)

    @property
    def decided(self) -> bool:
        """Whether the deciding reading tells the sign of every effect."""
        return signs_told(self.estimates(self.reading))

    def estimates(self, method: str | None = None, scale: Scale = "difference") -> pd.DataFrame:
        """One row per chosen intervention and reading, or of one reading alone.

        Columns: ``intervention``, ``reference`` (the control), ``method``, ``estimate``, ``lower``, ``upper``, ``n``,
        ``n_control``, ``data`` ("fresh"), ``promise``. On the scale "difference" estimates are P(target = 1) under the
        intervention minus under the control; "ratio" has the exact and the plug-in reading, "odds-ratio" the exact one.
        """
        import pandas as pd

        known = {"difference": list(READINGS), "ratio": ["exact", "plug-in"]}.get(scale, ["exact"])
        asked = known if method is None else [one_of(method, "method", known)]
        frames = [self._tidy(self._read(name, scale), name) for name in asked]
        joined: pd.DataFrame = pd.concat(frames, ignore_index=True)
        return joined

    def to_frame(self) -> pd.DataFrame:
        """All estimates, as `estimates`."""
        return self.estimates()

    def log(self) -> pd.DataFrame:
        """One row per round: ``round``, ``arm``, ``propensity``, the chance of every arm, and a 0/1 column per node.

        The chances of the arms are the columns ``p_0``, ``p_1``, … in the order of ``arms``, the control first.
        """
        import pandas as pd

        data: dict[str, Any] = {
            "round": np.arange(1, self.n_experiments + 1),
            "arm": self._rounds["arm"].to_numpy(),
            "propensity": self._rounds["propensity"].to_numpy(),
        }
        data |= {f"p_{arm}": self._chances[:, arm] for arm in range(len(self.arms))}
        data |= {node: self.rows[:, column] for column, node in enumerate(self.problem.graph.nodes)}
        return pd.DataFrame(data)

    def save_log(self, path: str | os.PathLike[str]) -> None:
        """Write `log` as CSV; `causalbandit ate` with the budget as ``--t-star`` reads it to the same estimates."""
        from causalbandit.files import write_output

        write_output(path, self.log().to_csv(index=False))

    # -- readings -----------------------------------------------------------------------------------------------------

    def _read(self, method: str, scale: Scale) -> pd.DataFrame:
        """The estimates of one reading, with a column ``arm``."""
        if method == "exact":
            planned = self.design.settings.planned if scale == "difference" else None
            return exact_contrasts(
                *(self.counts.successes, self.counts.trials),
                names=self.arms.labels,
                alpha=self.alpha,
                scale=scale,
                planned=planned,
            )
        if method == "mad":
            return (self._adjusted if self.covariates else self.design).estimates()
        if method == "plug-in":
            frame = plug_in_effects(self.arms, self.counts, reference=0, alpha=self.alpha, scale=scale)
            return frame.rename(columns={"intervention": "arm"})
        multiplicity = "bonferroni" if len(self.arms) > 2 else "none"
        # Two-point weights make up for chances that shrink with time; when they do not, equal weights are shorter.
        scheme = "constant" if np.ptp(self._chances, axis=0).max() == 0 else "two-point"
        log, control = self._adaptive_log(), self.arms.labels[0]
        return estimate_arms(log, scheme, reference=control, alpha=self.alpha, multiplicity=multiplicity).contrasts

    @cached_property
    def _adjusted(self) -> LoggedMAD:
        """MAD with covariates. They arrive with the rows: no arm changes them, none was drawn by looking at them."""
        log, control = self._adaptive_log(), self.arms.labels[0]
        return replay_log(log, control, alpha=self.alpha, t_star=self.budget, outcome_model="pooled")

    def _adaptive_log(self) -> AdaptiveLog:
        graph = self.problem.graph
        outcomes = self.rows[:, graph.position(graph.target)].astype(np.float64)
        columns = [graph.position(name) for name in self.covariates]
        return AdaptiveLog(
            self.drawn,
            outcomes,
            self._chances,
            contexts=self.rows[:, columns].astype(np.float64) if columns else None,
            arm_names=self.arms.labels,
            context_names=self.covariates or None,
        )

    def _tidy(self, frame: pd.DataFrame, method: str) -> pd.DataFrame:
        import pandas as pd

        trials = dict(zip(self.arms.labels, self.counts.trials.tolist(), strict=True))
        return pd.DataFrame(
            {
                "intervention": frame["arm"],
                "reference": self.arms.labels[0],
                "method": method,
                "estimate": frame["estimate"],
                "lower": frame["lower"],
                "upper": frame["upper"],
                "n": [trials[name] for name in frame["arm"]],
                "n_control": trials[self.arms.labels[0]],
                "data": "fresh",
                "promise": READINGS[method].word,
            }
        )

    # -- words --------------------------------------------------------------------------------------------------------

    def best_row(self) -> dict[str, Any]:
        """The row of the deciding reading whose effect is best for the goal: column → value."""
        rows: list[dict[str, Any]] = self.estimates(self.reading).to_dict("records")  # type: ignore[assignment]
        sign = 1 if self.problem.goal == "max" else -1
        return max(rows, key=lambda row: -math.inf if math.isnan(row["estimate"]) else sign * row["estimate"])

    def sentence(self, scale: str = "difference") -> str:
        """What to do, by how much it helps, how sure that is, after how many experiments: for whoever decides.

        On the scale "ratio", "by how many times", and on "one-more-per", "one more in how many experiments", the exact
        reading speaks; "difference" is in percentage points, by the deciding reading.
        """
        one_of(scale, "scale", ("difference", "ratio", "one-more-per"))
        reading = self.reading if scale == "difference" else "exact"
        frame = self.estimates(reading, "ratio" if scale == "ratio" else "difference")
        row = frame[frame["intervention"] == self.best_row()["intervention"]].iloc[0]
        target, neutral = self.problem.graph.target, 1.0 if scale == "ratio" else 0.0
        up, down = row["lower"] > neutral, row["upper"] < neutral
        control = "doing nothing" if row["reference"] == "(observe)" else row["reference"]
        after = f"after {self.n_experiments:,} fresh experiments"
        sure = f"{100 * (1 - self.alpha):g} % sure"
        estimate, low, high = row["estimate"], row["lower"], row["upper"]
        if not (up or down):
            change, ends = "changes", f"{100 * low:+.1f} to {100 * high:+.1f} percentage points"
            if scale == "ratio":
                change, ends = "multiplies", f"{low:.2f} to {high:.2f}"
            return (
                f"It is open whether {row['intervention']} helps: against {control} it {change} the chance of "
                f"{target} = 1 by {ends} ({sure}), {after}."
            )
        if scale == "ratio":
            change, ends = f"multiplies the chance of {target} = 1 by {estimate:.2f}", f"{low:.2f} and {high:.2f}"
        elif scale == "one-more-per":
            least, most = sorted((1 / abs(low), 1 / abs(high)))
            change = f"takes {1 / abs(estimate):.1f} experiments for one {target} = 1 {'more' if up else 'less'}"
            ends = f"{least:.1f} and {most:.1f}"
        else:
            (least, most), verb = sorted((100 * abs(low), 100 * abs(high))), "raises" if up else "lowers"
            change = f"{verb} the chance of {target} = 1 by {100 * abs(estimate):.1f} percentage points"
            ends = f"{least:.1f} and {most:.1f}"
        do = "Do" if (up, down)[self.problem.goal == "min"] else "Do not do"
        return f"{do} {row['intervention']}: it {change} against {control} ({sure}: between {ends}), {after}."

    def one_more_per(self) -> pd.DataFrame:
        """How many experiments one more (or one fewer) 1 of the target takes, from the exact reading.

        Columns ``intervention``, ``estimate``, ``lower``, ``upper``; infinite where the effect may be 0.
        """
        return one_more_per(self.estimates("exact")[["intervention", "estimate", "lower", "upper"]])

    def summary(self) -> str:
        """The sentence, the table of readings with their promises, and what qualifies them, within 80 columns."""
        frame = self.estimates()
        shown = frame[["intervention", "method", "estimate", "lower", "upper", "n"]]
        used = f"{self.n_experiments:,} of {self.budget:,} experiments"
        ended = f"stopped early by the {self.reading} reading" if self.stopped else "all experiments were run"
        lines = [*wrapped(self.sentence()), ""]
        together = f" over all {len(self.arms) - 1} effects" if len(self.arms) > 2 else ""
        lines += wrapped(
            f"Against {self.arms.labels[0]}, {100 * (1 - self.alpha):g} % intervals{together}; {used}, {ended}."
        )
        lines += ["", frame_text(shown), ""]
        for name, promise in READINGS.items():
            if name in set(frame["method"]):
                lines += wrapped(f"{name}: {promise.sentence}")
        if self.stopped:
            lines += wrapped(
                "An estimate at an early stop leans away from 0 on the average; the intervals of the readings that "
                "hold at any time do not suffer, those for one look do."
            )
        if self.covariates:
            lines += wrapped("; ".join([f"MAD adjusts for {', '.join(self.covariates)}", *self._adjusted.left_out]))
        return "\n".join(lines)

    def plot(self, ax: Axes | None = None) -> Axes:
        """One interval per intervention and reading."""
        from causalbandit.plots.intervals import plot_readings

        return plot_readings(self.estimates(), target=self.problem.graph.target, alpha=self.alpha, ax=ax)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, numbers and texts, ready for JSON."""
        return stamp("confirmation") | {
            "problem": self.problem.name,
            "target": self.problem.graph.target,
            "goal": self.problem.goal,
            "control": self.arms[0],
            "interventions": list(self.arms)[1:],
            "reading": self.reading,
            "alpha": self.alpha,
            "budget": self.budget,
            "experiments": self.n_experiments,
            "stopped": self.stopped,
            "covariates": list(self.covariates),
            "sentence": self.sentence(),
            "estimates": plain_rows(self.estimates()),
        }

    def __repr__(self) -> str:
        effects = f"{len(self.arms) - 1} effects against {self.arms.labels[0]}"
        return f"Confirmation({effects}, {self.n_experiments} experiments)"

    def _repr_html_(self) -> str:
        return confirmation_html(self.problem, self.arms[1], self.sentence(), self.estimates(), self.reading)
