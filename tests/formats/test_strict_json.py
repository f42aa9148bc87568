"""Strict reading of JSON: what other readers let pass is refused, with its place."""

import json
import sys

import pytest
from cases import together
from hypothesis import given, settings
from hypothesis import strategies as st

from causalbandit.formats.strict_json import MAX_DEPTH, MOST_DIGITS, place_text, read_object

TEXT = '{"graph": {"name": "a"},\n "nodes": [{"id": "x"}, {"id": "y", "cpt": [0.2, 0.7]}],\n "edges": []}'


def read(text):
    return read_object("a.json", text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"), "a graph")


def refusal(text):
    with pytest.raises(ValueError, match=r"^a\.json") as caught:
        read(text)
    return str(caught.value)


TEXTS = st.text('aé ß中😀\u0301\u2028\ufeff\x00\x1f\x7f\t\n"\\/{}[],:')
"""Letters of all lengths, marks and line ends of all kinds, and what JSON escapes or is made of."""

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=15)
@given(st.dictionaries(TEXTS, values, max_size=4), st.booleans())
def test_whatever_json_can_hold_is_read_as_it_was_written(document, ascii_only):
    assert read(json.dumps(document, ensure_ascii=ascii_only)) == document


@together("size", [10, 40, 60, 90])
def test_a_truncated_file_is_refused_with_line_and_column(size):
    said = refusal(TEXT[:size])
    assert "line " in said
    assert "column " in said
    assert "cut off" in said


def test_a_syntax_error_is_refused_with_line_and_column():
    said = refusal(TEXT.replace("]}],", "]},],"))
    assert "line 2, column" in said
    assert "not JSON" in said


def test_an_empty_file_and_other_values_are_refused():
    assert "empty; expected a graph" in refusal("  \n")
    assert "$ was a list; expected a graph" in refusal("[]")
    assert "$ was 3; expected a graph" in refusal("3")


@together("opening", ["[", '{"a":', '{"graph": [', '[{"a": ['])
def test_deep_nesting_is_refused_without_recursion(opening):
    assert f"0,000 deep; expected at most {MAX_DEPTH}" in refusal(opening * 10_000)
    assert "10,000 deep" in refusal('{"nodes": ' + "[" * 9_999 + "]" * 9_999 + "}")
    assert read('{"a": ' + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1) + "}")


def test_deep_nesting_is_refused_whatever_the_recursion_limit():
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000_000)
    try:
        assert "deep" in refusal("[" * 200_000)
    finally:
        sys.setrecursionlimit(limit)


def test_brackets_and_escapes_inside_texts_are_no_nesting():
    document = {"a": '"' + "[{\\" * 500, "]": "\\"}
    assert read(json.dumps(document)) == document


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_nan_and_infinity_are_refused_with_their_place(word):
    assert f"$.nodes[1].cpt[1] is {word}" in refusal(TEXT.replace("0.7", word))


def test_numbers_out_of_range_are_refused_with_their_place():
    assert "$.nodes[1].cpt[1] is too large" in refusal(TEXT.replace("0.7", "1e999"))
    assert "$.nodes[1].cpt[1]" in refusal(TEXT.replace("0.7", "7" * 5000))
    assert read(TEXT.replace("0.7", "7" * (MOST_DIGITS - 1)))


def test_repeated_keys_are_refused_with_their_place():
    said = refusal(TEXT.replace('"cpt": [0.2, 0.7]', '"cpt": [0.2, 0.7], "cpt": [0.2, 0.7]'))
    assert "$.nodes[1].cpt is given more than once" in said
    assert "Remove" in said
    assert "$.graph " in refusal('{"graph": {}, ' + TEXT[1:])


def test_half_a_character_is_refused_with_its_place():
    assert "$.graph.name holds half" in refusal(TEXT.replace('"a"', '"\\ud800"'))
    assert "half" in refusal(TEXT.replace('"name"', '"\\ud800"'))


def test_other_encodings_are_refused():
    assert "UTF-16; expected UTF-8" in refusal(TEXT.encode("utf-16"))
    assert "(0xe9) is not UTF-8" in refusal(TEXT.replace('"a"', '"é"').encode("latin-1"))
    assert read(TEXT.encode("utf-8-sig")) == read(TEXT)


def test_a_place_is_written_as_a_path():
    assert place_text(()) == "$"
    assert place_text(("nodes", 2, "a b", "é")) == '$.nodes[2]["a b"].é'
