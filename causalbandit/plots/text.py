"""Names as text in figures."""

from __future__ import annotations


def escaped(name: object) -> str:
    r"""The name as matplotlib shows it letter for letter: a pair of dollar signs would be set as a formula.

    >>> print(escaped("$5 or $6"))
    \$5 or \$6
    """
    return str(name).replace("$", r"\$")
