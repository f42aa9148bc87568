"""Frames of estimates: one row per estimate, with its error rate and what qualifies it in ``frame.attrs``.

Estimators of this package return plain pandas frames. Their ``attrs`` hold ``title``, ``alpha`` (the error rate of the
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

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


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


def frame_notes(frame: pd.DataFrame) -> tuple[str, ...]:
    """The sentences that qualify the estimates; none for a frame without any."""
    return tuple(frame.attrs.get("notes", ()))


def summary_text(frame: pd.DataFrame) -> str:
    """A title, the table, its rows' warnings and its notes as text."""
    shown = frame.copy()
    warnings = shown.pop("warning") if "warning" in shown else [""] * len(shown)
    if "insufficient_data" in shown and not shown["insufficient_data"].any():
        shown = shown.drop(columns="insufficient_data")
    lines = [
        _title(frame),
        shown.to_string(index=False, float_format="{:.4g}".format),
        *(f"! {name}: {warning}" for name, warning in zip(shown.iloc[:, 0], warnings, strict=True) if warning),
        *(f"- {note}" for note in frame_notes(frame)),
    ]
    return "\n".join(lines)


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
