"""Words for errors: near-miss suggestions and short listings, so that every message reads alike."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(name: object, options: Iterable[object]) -> str:
    """A clause `` Did you mean 'x'?`` for the option nearest to ``name``, or an empty string when none is near."""
    near = difflib.get_close_matches(str(name), [str(option) for option in options], n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else ""


def listing(items: Iterable[object], most: int = 8) -> str:
    """The items' representations, comma separated, cut after ``most`` with the number left out."""
    shown = list(items)
    text = ", ".join(repr(item) for item in shown[:most])
    return text + (f", … ({len(shown) - most} more)" if len(shown) > most else "")
