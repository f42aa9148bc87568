"""Tables of estimates: data frames that know their error rate, what qualifies them, and how to draw themselves.

This module imports pandas when it is imported; the estimators import it when they have something to return.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class EstimateTable(pd.DataFrame):
    """A data frame with one row per estimate, as the estimators of this package return it.

    It is a `pandas.DataFrame` in every respect, with what was lost in a bare frame: ``alpha``, the error rate of the
    intervals; ``notes``, sentences that qualify the numbers (the method, its assumptions, warnings); ``title``.
    Slices and copies are plain frames.

    Columns: ``arm`` (or ``policy``), for contrasts ``reference``, then ``estimate``, ``std_error``, ``lower``,
    ``upper`` and what the method adds.
    """

    _metadata: ClassVar[list[str]] = ["alpha", "notes", "title"]  # attributes that pandas carries along
    alpha: float
    notes: tuple[str, ...]
    title: str

    @classmethod
    def of(cls, columns: dict[str, Any], *, title: str, alpha: float, notes: tuple[str, ...] = ()) -> EstimateTable:
        """The table with these columns."""
        table = cls(columns)
        object.__setattr__(table, "alpha", alpha)
        object.__setattr__(table, "notes", notes)
        object.__setattr__(table, "title", title)
        return table

    @property
    def _constructor(self) -> Any:
        return pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """The same table as a plain `pandas.DataFrame`."""
        return pd.DataFrame({name: self[name] for name in self.columns})

    def summary(self) -> str:
        """The table and its notes as text."""
        shown = self.to_frame()
        alerts = shown.pop("warning") if "warning" in shown else pd.Series("", index=shown.index)
        if "insufficient_data" in shown and not shown["insufficient_data"].any():
            shown = shown.drop(columns="insufficient_data")
        lines = [
            f"{self.title} ({1 - self.alpha:.0%} intervals)",
            shown.to_string(index=False, float_format="{:.4g}".format),
            *(f"! {name}: {alert}" for name, alert in zip(shown.iloc[:, 0], alerts, strict=True) if alert),
            *(f"- {note}" for note in self.notes),
        ]
        return "\n".join(lines)

    def plot(self, ax: Axes | None = None) -> Axes:  # type: ignore[override] # one plot, instead of pandas' accessor
        """A forest plot: one interval per row."""
        from causalbandit.plots.effects import forest

        return forest(self, ax=ax)

    def _repr_html_(self) -> str:
        from html import escape

        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        return f"<p>{escape(self.title)}</p>{self.to_frame().to_html(index=False)}<ul>{notes}</ul>"
