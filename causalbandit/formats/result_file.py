"""Results as JSON: every one says what it is and by which version of the format it is written.

>>> stamp("decision")
{'format': 'causalbandit decision', 'version': 1}

``result.schema.json`` beside this module describes every kind. The version is raised when a field is renamed, removed
or means something else; new fields leave it, so that readers pass over fields which they do not know.
"""

from __future__ import annotations

from typing import Any, NoReturn

from causalbandit.errors import BadValue, did_you_mean, listing, shown
from causalbandit.files import Source, read_input
from causalbandit.formats.strict_json import read_object

VERSION = 1
"""Of the format that this package writes."""

MAX_BYTES = 256 * 2**20
"""Larger files are not read: a comparison of a million searches takes some 200 MB."""

KINDS: dict[str, str | None] = {
    "problem": "interventions",
    "problems": "problems",
    "decision": "interventions",
    "design": "interventions",
    "regret": "rows",
    "confirmation": "estimates",
    "effects": "estimates",
    "values": "values",
    "graph check": "contradictions",
    "fit": "ranking",
    "suite": "cells",
    "study": None,
}
"""Kind of a result → the field with its main table, a list of rows."""

_PREFIX = "causalbandit "


def stamp(kind: str) -> dict[str, Any]:
    """The two fields with which a result of this ``kind`` begins."""
    return {"format": f"{_PREFIX}{kind}", "version": VERSION}


def read_result(path_or_file: Source) -> tuple[str, dict[str, Any]]:
    """The kind and the content of a result file, its stamp left out.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    BadValue
        If it holds something else, or is written by a newer version of the package.
    """
    name, data = read_input(path_or_file, MAX_BYTES)
    document = read_object(name, data, expected="an object with 'format' and 'version', as to_dict and --json write it")
    written, version = document.pop("format", None), document.pop("version", None)
    if not isinstance(written, str) or not written.startswith(_PREFIX):
        what = "is missing" if written is None else f"is {shown(written)}"
        hint = " A graph file is read by load_problem." if "nodes" in document else ""
        _refuse(name, f"$.format {what}; expected a result, such as 'causalbandit decision'.{hint}")
    if type(version) is not int or version < 1:
        _refuse(name, f"$.version is {shown(version)}; expected a whole number from 1.")
    if version > VERSION:
        fix = f"this package reads up to {VERSION}; upgrade it: pip install --upgrade causalbandit"
        _refuse(name, f"the result is in version {shown(version)} of the format, and {fix}.")
    kind = written.removeprefix(_PREFIX)
    if kind not in KINDS:
        _refuse(
            name,
            f"$.format names the kind {kind!r}.{did_you_mean(kind, KINDS)} Kinds are {listing(KINDS, len(KINDS))}.",
        )
    return kind, document


def _refuse(name: str, why: str) -> NoReturn:
    raise BadValue(f"{name}: {why}")
