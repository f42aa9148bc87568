"""Words on a screen: 80 columns, plain values, names letter for letter."""

import json

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from causalbandit.text import WIDTH, escaped, frame_text, plain, shortened, wrapped


def test_plain_values_can_be_written_as_json():
    values = [np.float64(0.5), np.int64(3), np.bool_(True), np.nan, -np.inf, np.float32(np.inf), "a", None]
    assert json.loads(json.dumps([plain(value) for value in values], allow_nan=False)) == [
        *(0.5, 3, True, None, None, None, "a", None)
    ]


@given(st.text("abé中😀 \n…"), st.integers(1, 30))
def test_a_shortened_text_fits_and_keeps_both_ends(text, width):
    short = shortened(text, width)
    assert len(short) <= width
    if len(text) <= width:
        assert short == text
    else:
        head, tail = short.split("…", 1) if text.count("…") == 0 else ("", "")
        assert text.startswith(head)
        assert text.endswith(tail)


def test_a_frame_fits_the_screen_however_long_its_labels_are():
    frame = pd.DataFrame({"intervention": ["a" * 200, "b"], "estimate": [0.123456, np.nan], "experiments": [7, 10**9]})
    lines = frame_text(frame).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert len({len(line) for line in lines}) == 1
    assert "…" in lines[1]
    assert "0.1235" in lines[1]
    assert lines[2].split() == ["b", "-", "1000000000"]


def test_wrapped_lines_fit_and_say_all():
    text = "one two three " * 30
    lines = wrapped(text)
    assert max(map(len, lines)) <= WIDTH
    assert " ".join(lines).split() == text.split()
    assert lines[1].startswith("  ")


def test_dollar_signs_are_escaped():
    assert escaped("$5") == r"\$5"
    assert escaped(7) == "7"
