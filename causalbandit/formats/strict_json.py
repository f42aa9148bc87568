"""Strict reading of JSON: what readers usually let pass in silence is refused, with its place in the document.

Refused are text that is not UTF-8, nesting so deep that it would exhaust the stack, keys given twice (of which readers
keep the last), NaN and infinities, numbers too large for a double, and halves of characters.

>>> read_object("a.json", b'{"nodes": [{"cpt": [0.5, NaN]}]}', expected="an object")
Traceback (most recent call last):
    ...
causalbandit.errors.BadValue: a.json: $.nodes[0].cpt[1] is NaN, which is not JSON; expected a number.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from causalbandit.errors import BadValue

MAX_DEPTH = 100
"""Deeper nesting is refused: the files of this package need 5, and Python's own parser gives up at some thousands."""

MOST_DIGITS = 400
"""Whole numbers with as many digits are refused: no double is as large, and reading them takes quadratic time."""

Path = tuple[str | int, ...]
"""The keys and positions that lead to a value."""


def read_object(name: str, data: bytes, expected: str) -> dict[str, Any]:
    """The JSON object in the bytes of the file ``name``.

    Raises
    ------
    ValueError
        If the bytes are no JSON in UTF-8 or hold anything that is refused (see above), or if the JSON is no object.
        ``expected`` ends the messages about a file that holds something else: "an object with 'graph' and 'nodes'".
    """
    document = _parsed(name, _decoded(name, data), expected)
    if not isinstance(document, dict):
        kind = "a list" if isinstance(document, list) else repr(document)[:40]
        raise BadValue(f"{name}: $ was {kind}; expected {expected}.")
    return document


def place_text(path: Path) -> str:
    """A path into a JSON document as text.

    >>> place_text(("nodes", 2, "cpt", 1))
    '$.nodes[2].cpt[1]'
    """
    text = "$"
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if step.isidentifier() else f"[{json.dumps(step, ensure_ascii=False)}]"
    return text


def _decoded(name: str, data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadValue(f"{name}: the file is UTF-16; expected UTF-8. Save it again with the encoding UTF-8.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadValue(
            f"{name}: byte {error.start} ({data[error.start]:#04x}) is not UTF-8. Save the file again with the "
            "encoding UTF-8."
        ) from None


class _Odd:
    """Stands in a parsed document where the text had something that JSON readers usually let pass."""

    def __init__(self, text: str) -> None:
        self.text = text


def _parsed(name: str, text: str, expected: str) -> Any:
    if not text.strip():
        raise BadValue(f"{name}: the file is empty; expected {expected}.")
    depth = _depth(text)
    if depth > MAX_DEPTH:
        raise BadValue(f"{name}: lists and objects are nested {depth:,} deep; expected at most {MAX_DEPTH}.")
    repeated: dict[int, tuple[dict[str, Any], list[str]]] = {}  # by identity; the record is kept, so none is reused

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        record = dict(items)
        if len(record) < len(items):
            keys = [key for key, _ in items]
            repeated[id(record)] = (record, sorted({key for key in keys if keys.count(key) > 1}))
        return record

    try:
        document = json.loads(
            text,
            object_pairs_hook=pairs,
            parse_constant=lambda word: _Odd(f"is {word}, which is not JSON; expected a number"),
            parse_int=lambda digits: (
                int(digits) if len(digits) < MOST_DIGITS else _Odd(f"is a number with {MOST_DIGITS} or more digits")
            ),
        )
    except json.JSONDecodeError as error:
        end = not text[error.pos :].strip() or error.msg.startswith("Unterminated string")
        what = "the file ends too early, as if it was cut off" if end else f"not JSON: {error.msg}"
        raise BadValue(f"{name}, line {error.lineno}, column {error.colno}: {what}.") from None
    _refuse_odd(name, document, repeated)
    return document


_STRINGS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


def _depth(text: str) -> int:
    """How deep the text's brackets are nested, found without recursion."""
    codes = np.frombuffer(_STRINGS.sub("", text).encode("utf-8", "surrogatepass"), dtype=np.uint8)
    opens = (codes == ord("[")) | (codes == ord("{"))
    closes = (codes == ord("]")) | (codes == ord("}"))
    return int(np.cumsum(opens.astype(np.int32) - closes.astype(np.int32)).max(initial=0))


def _refuse_odd(name: str, document: Any, repeated: Mapping[int, tuple[Any, list[str]]]) -> None:
    """Raise for a repeated key, a number that is not finite, or half a character, with its place."""
    for path, value in _walk(document):
        problem = None
        if id(value) in repeated:
            key = repeated[id(value)][1][0]
            path, problem = (*path, key), "is given more than once; expected each key once. Remove all but one"
        elif isinstance(value, _Odd):
            problem = value.text
        elif isinstance(value, float) and not math.isfinite(value):
            problem = "is too large for a number"
        elif isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
            problem = "holds half of a character (a lone surrogate); expected whole ones"
        if problem is not None:
            raise BadValue(f"{name}: {place_text(path)} {problem}.")


def _walk(document: Any) -> Iterator[tuple[Path, Any]]:
    """Every value of a JSON document with its path, keys as values of their own, in document order."""
    waiting: list[tuple[Path, Any]] = [((), document)]
    while waiting:
        path, value = waiting.pop()
        yield path, value
        if isinstance(value, dict):
            for key in value:
                yield (*path, key.encode("utf-8", "replace").decode()), key
            waiting.extend(((*path, key), item) for key, item in reversed(value.items()))
        elif isinstance(value, list):
            waiting.extend(((*path, place), item) for place, item in reversed(list(enumerate(value))))
