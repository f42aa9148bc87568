"""Names as text in figures."""

from __future__ import annotations


def escaped(text: str) -> str:
    r"""The text as matplotlib shows it letter for letter: a pair of dollar signs would be set as a formula.

    >>> print(escaped("$5 or $6"))
    \$5 or \$6
    """
    return text.replace("$", r"\$")
