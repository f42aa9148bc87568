"""Estimates that were made together, and the frames that show them, with what qualifies them in ``frame.attrs``.

An `Estimates` record holds what every estimator of a log ends in; its ``values`` and ``contrasts`` are frames. All
estimators of this package return plain pandas frames. Their ``attrs`` hold ``title``, ``alpha`` (the error rate of the
intervals) and ``notes`` (sentences: the method, its assumptions, warnings): text, a number and a tuple of text, which
slices and copies keep. The functions of this module make text, HTML and a figure of such a frame.

>>> columns = {"arm": ["new"], "estimate": [0.5], "lower": [0.25], "upper": [0.75]}
>>> frame = estimate_frame(columns, title="Values of arms", alpha=0.1, notes=["Valid for one look."])
>>> print(summary_text(frame))
Values of arms (90% intervals)
arm  estimate  lower  upper
new       0.5   0.25   0.75
- Valid for one look.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from causalbandit.arrays import Floats, Integers
from causalbandit.checks import one_of
from causalbandit.inference.multiplicity import MULTIPLICITIES, Contrasts, normal_quantile
from causalbandit.text import WIDTH, shortened

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

LEAST_EFFECTIVE_SIZE = 20.0
"""Below this effective sample size a result carries a warning: in simulated experiments, normal intervals of arms that
a design has dropped then hold the truth too rarely, whatever the law of outcomes."""

MOST_SKEWNESS = 0.5
"""Above this skewness of an estimate a result carries a warning: outcomes of a long tail need more rounds to average to
a normal. Cochran's rule for plain means, n > 25·g², is the same with 0.2."""

_NO_INTERVAL = "never taken, or its outcome never varied: no interval (a confidence sequence may have one)"

_PLURALS = {"arm": "arms", "policy": "policies"}


@dataclass(frozen=True, eq=False)
class Estimates:
    """K estimates that were made together from one log, approximately normal.

    Attributes
    ----------
    labels : tuple
        The K names of what is estimated.
    estimate : numpy.ndarray of float, shape [K]
        NaN where there is none.
    std_error : numpy.ndarray of float, shape [K]
        NaN where the variance cannot be told, so that the interval is infinite.
    covariance : numpy.ndarray of float, shape [K, K], or None
        Of the estimates, for contrasts; None where none will be asked for.
    effective_size : numpy.ndarray of float, shape [K]
        How many rounds of equal weight would average as well.
    skewness : numpy.ndarray of float, shape [K], or None
        |skewness| of each estimate, as far as outcomes and weights tell; None where the outcomes are not known.
    label : str
        What the labels name: "arm" or "policy"; the name of their column.
    rounds : numpy.ndarray of int64, shape [K], or None
        In how many rounds each arm was taken; None where the labels are no arms.
    notes : tuple of str
        Sentences that qualify the values.
    """

    labels: tuple[Hashable, ...]
    estimate: Floats
    std_error: Floats
    covariance: Floats | None
    effective_size: Floats
    skewness: Floats | None = None
    label: str = "arm"
    rounds: Integers | None = None
    notes: tuple[str, ...] = ()

    def values(self, alpha: float) -> pd.DataFrame:
        """One row per estimate, with its normal interval at error rate ``alpha`` by itself.

        Columns: ``arm`` (or ``policy``), ``estimate``, ``std_error``, ``lower``, ``upper``, ``rounds`` where they are
        known, ``effective_size``, ``skewness`` where it is known, ``insufficient_data``, ``warning``.
        """
        radius = np.nan_to_num(normal_quantile(1.0 - alpha / 2.0) * self.std_error, nan=np.inf)
        middle = np.nan_to_num(self.estimate)
        columns = {
            self.label: list(self.labels),
            "estimate": self.estimate,
            "std_error": self.std_error,
            "lower": middle - radius,
            "upper": middle + radius,
            "rounds": self.rounds,
            "effective_size": self.effective_size,
            "skewness": self.skewness,
            "insufficient_data": np.isnan(self.std_error),
            "warning": self.warnings(),
        }
        known = {name: column for name, column in columns.items() if column is not None}
        return estimate_frame(known, title=f"Values of {_PLURALS[self.label]}", alpha=alpha, notes=self.notes)

    def warnings(self) -> list[str]:
        """[K] sentences, empty where there is nothing to warn of."""
        skewness = np.zeros(len(self.labels)) if self.skewness is None else self.skewness
        found = zip(self.std_error.tolist(), self.effective_size.tolist(), skewness.tolist(), strict=True)
        return [_warning(*each) for each in found]

    def contrasts(
        self,
        reference: Hashable,
        alpha: float,
        *,
        all_pairs: bool = False,
        multiplicity: str = "none",
        rng: np.random.Generator,
        argument: str = "reference",
    ) -> pd.DataFrame:
        """One row per other label: its estimate minus that of ``reference``; or, for all pairs, later minus earlier.

        ``argument`` is what the message calls a reference that is none of the labels.
        """
        if all_pairs:
            second, first = np.triu_indices(len(self.labels), 1)
        else:
            one_of(reference, argument, self.labels, "labels")
            place = self.labels.index(reference)
            first = np.delete(np.arange(len(self.labels)), place)
            second = np.full(len(first), place)
        return self.differences(first, second, alpha, multiplicity=multiplicity, rng=rng)

    def differences(
        self,
        first: Sequence[int] | Integers,
        second: Sequence[int] | Integers,
        alpha: float,
        *,
        multiplicity: str = "none",
        rng: np.random.Generator,
    ) -> pd.DataFrame:
        """One row per pair of places among the labels: the first's estimate minus the second's.

        Columns: ``arm`` (or ``policy``), ``reference``, ``estimate``, ``std_error``, ``lower``, ``upper``, ``z``,
        ``p_value`` (two-sided, adjusted for ``multiplicity``), ``significant`` (p_value ≤ α), ``insufficient_data``,
        ``warning``.
        """
        assert self.covariance is not None
        a, b = np.asarray(first, dtype=np.int64), np.asarray(second, dtype=np.int64)
        spread = self.covariance[a, a] + self.covariance[b, b] - 2.0 * self.covariance[a, b]
        known = (spread > 0.0) & ~np.isnan(self.std_error[a]) & ~np.isnan(self.std_error[b])
        estimate = np.where(known, self.estimate[a] - self.estimate[b], np.nan)
        error = np.sqrt(np.where(known, spread, np.nan))
        contrasts = Contrasts(a, b, estimate, error, self.covariance)
        adjusted = MULTIPLICITIES[multiplicity](contrasts, alpha, rng)
        radius = adjusted.critical * error
        if not np.isnan(adjusted.critical):
            radius = np.nan_to_num(radius, nan=np.inf)
        middle, warnings = np.nan_to_num(estimate), self.warnings()
        columns = {
            self.label: [self.labels[place] for place in a],
            "reference": [self.labels[place] for place in b],
            "estimate": estimate,
            "std_error": error,
            "lower": middle - radius,
            "upper": middle + radius,
            "z": contrasts.z,
            "p_value": adjusted.p_values,
            "significant": (adjusted.p_values <= alpha) & known,
            "insufficient_data": ~known,
            "warning": [
                "; ".join(
                    f"{self.label} {self.labels[place]!r}: {warnings[place]}" for place in pair if warnings[place]
                )
                for pair in zip(a.tolist(), b.tolist(), strict=True)
            ],
        }
        title = f"Contrasts, {self.label} minus reference"
        return estimate_frame(columns, title=title, alpha=alpha, notes=[adjusted.note] if adjusted.note else [])


def _warning(error: float, size: float, skewness: float) -> str:
    if np.isnan(error):
        return _NO_INTERVAL
    reasons = []
    if size < LEAST_EFFECTIVE_SIZE:
        reasons.append(f"effective sample size {size:.1f} is below {LEAST_EFFECTIVE_SIZE:g}")
    if skewness > MOST_SKEWNESS:
        reasons.append(f"skewness {skewness:.2f} is above {MOST_SKEWNESS:g}")
    return f"{' and '.join(reasons)}: do not trust the normal interval" if reasons else ""


def estimate_frame(
    columns: dict[str, Any], *, title: str, alpha: float | None = None, notes: Iterable[str] = ()
) -> pd.DataFrame:
    """A plain frame of these columns, with ``title``, ``alpha`` and ``notes`` in its ``attrs``.

    The first column names the estimate (``arm``, ``policy`` or ``intervention``); then, for contrasts, ``reference``;
    then ``estimate``, ``std_error``, ``lower``, ``upper`` and what the method adds. A column ``warning`` holds a
    sentence for each row, empty where there is nothing to warn of.
    """
    import pandas as pd

    frame = pd.DataFrame(columns)
    frame.attrs.update(title=title, alpha=None if alpha is None else float(alpha), notes=tuple(notes))
    return frame


def path_frame(rounds: Integers, names: Sequence[Hashable], columns: Mapping[str, Floats]) -> pd.DataFrame:
    """A row per round and arm: ``round``, ``arm``, then the columns, given as [n, J] for n rounds and J arms."""
    import pandas as pd

    places = {"round": np.repeat(rounds, len(names)), "arm": list(names) * len(rounds)}
    return pd.DataFrame(places | {name: values.ravel() for name, values in columns.items()})


def one_more_per(frame: pd.DataFrame) -> pd.DataFrame:
    """How many experiments one more, or one fewer, 1 of the outcome takes: 1/|difference| of a frame of differences.

    ``estimate``, ``lower`` and ``upper`` are replaced, ``upper`` infinite where the difference may be 0; a standard
    error is dropped.
    """
    low, high = frame["lower"].abs().to_numpy(), frame["upper"].abs().to_numpy()
    open_ = ((frame["lower"] <= 0) & (frame["upper"] >= 0)).to_numpy()
    with np.errstate(divide="ignore"):
        ends = {"estimate": 1 / frame["estimate"].abs(), "lower": 1 / np.maximum(low, high)}
        ends["upper"] = np.where(open_, np.inf, 1 / np.minimum(low, high))
    return frame.assign(**ends).drop(columns="std_error", errors="ignore")


def frame_notes(frame: pd.DataFrame) -> tuple[str, ...]:
    """The sentences that qualify the estimates; none for a frame without any."""
    return tuple(frame.attrs.get("notes", ()))


def summary_text(frame: pd.DataFrame) -> str:
    """A title, the table, its rows' warnings and its notes as text.

    A table wider than 80 columns leaves out what the other columns tell too, and says so; then it shortens names.
    """
    shown = frame.copy()
    warnings = shown.pop("warning") if "warning" in shown else [""] * len(shown)
    if "insufficient_data" in shown and not shown["insufficient_data"].any():
        shown = shown.drop(columns="insufficient_data")
    lines = [
        _title(frame),
        *_table_lines(shown),
        *(f"! {name}: {warning}" for name, warning in zip(shown.iloc[:, 0], warnings, strict=True) if warning),
        *(f"- {note}" for note in frame_notes(frame)),
    ]
    return "\n".join(lines)


_SPARE = ("insufficient_data", "skewness", "z", "effective_size", "std_error")
"""Columns that a wide table leaves out, in this order: warnings, intervals and p-values say the same."""


def _table_lines(frame: pd.DataFrame) -> list[str]:
    """The table's text and, where columns were left out to keep within 80, a line that names them."""

    def text() -> str:
        return str(frame.to_string(index=False, float_format="{:.4g}".format))

    def excess() -> int:
        return max(map(len, text().splitlines())) - WIDTH

    left_out = []
    for name in _SPARE:
        if name in frame and excess() > 0:
            frame = frame.drop(columns=name)
            left_out.append(name)
    named = [name for name in ("arm", "policy", "intervention", "reference") if name in frame]
    full = {column: [str(name) for name in frame[column]] for column in named}
    room = max((len(name) for names in full.values() for name in names), default=0)
    while excess() > 0 and room > 10:  # fewer than ten letters would not keep names apart
        room -= 1
        short = {column: [shortened(name, room) for name in names] for column, names in full.items()}
        frame = frame.assign(**short)
    return [text(), *([f"(left out to fit {WIDTH} columns: {', '.join(left_out)})"] if left_out else [])]


def summary_html(frame: pd.DataFrame) -> str:
    """The same as a piece of HTML."""
    from html import escape

    notes = "".join(f"<li>{escape(note)}</li>" for note in frame_notes(frame))
    return f"<p>{escape(_title(frame))}</p>{frame.to_html(index=False)}<ul>{notes}</ul>"


def plot_estimates(frame: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """A forest plot: one interval per row."""
    from causalbandit.plots.effects import forest

    return forest(frame, ax=ax)


def _title(frame: pd.DataFrame) -> str:
    alpha = frame.attrs.get("alpha")
    return str(frame.attrs.get("title", "Estimates")) + ("" if alpha is None else f" ({1 - alpha:.0%} intervals)")
