"""Columns as people write them: words, categories, open outcomes, other separators; bad values by line."""

import gzip
import io

import numpy as np
import pytest
from cases import together
from small_logs import COLUMNS, small_frame

from causalbandit.inference.log import AdaptiveLog
from causalbandit.inference.log_values import MOST_LEVELS, numbers

WORDS = [("yes", "no"), ("True", "False"), ("t", "f"), ("Y", "N"), ("TRUE", "FALSE"), (" Yes", "no ")]


@together(("one", "zero"), WORDS)
@together("kind", ["frame", "csv"])
def test_truth_values_are_read_from_words(tmp_path, one, zero, kind):
    frame = small_frame()
    told = frame.assign(sale=frame["sale"].map({1: one, 0: zero}))
    if kind == "csv":
        told.to_csv(tmp_path / "log.csv", index=False)
        log = AdaptiveLog.from_csv(tmp_path / "log.csv", **COLUMNS)
    else:
        log = AdaptiveLog.from_frame(told, **COLUMNS)
    np.testing.assert_array_equal(log.outcomes, frame["sale"])


@pytest.mark.parametrize(("good", "bad"), [("yes", "maybe"), ("1", "yes"), ("0.5", "1,5")])
def test_one_bad_outcome_is_named_with_its_line_as_an_editor_counts(tmp_path, good, bad):
    sales = [good] * 12
    sales[7] = bad
    small_frame().assign(sale=sales).to_csv(tmp_path / "log.csv", index=False)
    with pytest.raises(TypeError, match=rf"column 'sale' holds '{bad}' in line 9; expected a number, or yes/no"):
        AdaptiveLog.from_csv(tmp_path / "log.csv", **COLUMNS)
    lines = (tmp_path / "log.csv").read_text().splitlines()
    (tmp_path / "log.csv").write_text("\n".join([*lines[:3], "", *lines[3:]]))  # an editor shows the blank line
    with pytest.raises(TypeError, match="in line 10;"):
        AdaptiveLog.from_csv(tmp_path / "log.csv", **COLUMNS)


def test_words_are_no_propensities():
    with pytest.raises(TypeError, match="column 'p_red' holds 'yes' in row 0; expected a number"):
        AdaptiveLog.from_frame(small_frame().assign(p_red="yes"), **COLUMNS)
    np.testing.assert_array_equal(numbers(np.array(["1", "2.5"], dtype=object), "x"), [1, 2.5])


@pytest.mark.parametrize("kind", ["frame", "csv", "parquet"])
def test_categories_become_a_column_for_each_but_the_first(tmp_path, kind):
    towns = ["rome", "bari", "oslo"] * 4
    frame = small_frame().assign(town=towns)
    columns = COLUMNS | {"contexts": ["age", "town"]}
    if kind == "frame":
        log = AdaptiveLog.from_frame(frame, **columns)
    elif kind == "csv":
        frame.to_csv(tmp_path / "log.csv", index=False)
        log = AdaptiveLog.from_csv(tmp_path / "log.csv", **columns)
    else:
        pytest.importorskip("pyarrow")
        frame.to_parquet(tmp_path / "log.parquet", row_group_size=5)
        log = AdaptiveLog.from_parquet(tmp_path / "log.parquet", **columns)
    assert log.context_names == ("age", "town=oslo", "town=rome")
    expected = np.column_stack([frame["age"], frame["town"] == "oslo", frame["town"] == "rome"])
    np.testing.assert_array_equal(log.contexts, expected)
    assert log.notes == ("Covariate 'town' holds categories: 'town=oslo', 'town=rome' are 1 or 0, all 0 for 'bari'.",)


def test_covariates_that_are_no_categories_are_refused():
    columns = COLUMNS | {"contexts": "town"}
    with pytest.raises(ValueError, match="missing or infinite in 1 of 12 rows"):
        AdaptiveLog.from_frame(small_frame().assign(town=["a"] * 6 + [None] + ["b"] * 5), **columns)
    many = small_frame(MOST_LEVELS + 1).assign(town=[f"town {number}" for number in range(MOST_LEVELS + 1)])
    with pytest.raises(ValueError, match="contexts name 'town', which holds 51 different texts"):
        AdaptiveLog.from_frame(many, **columns)
    with pytest.raises(TypeError, match="column 'town' holds 'x' in row 3"):
        AdaptiveLog.from_frame(small_frame().assign(town=["1", "2", "3", "x"] + ["4"] * 8), **columns)


def test_open_outcomes_are_left_out_when_asked(tmp_path):
    frame = small_frame().astype({"sale": float})
    frame.loc[[2, 7], "sale"] = np.nan
    log = AdaptiveLog.from_frame(frame, **COLUMNS, drop_open=True)
    whole = AdaptiveLog.from_frame(frame.drop([2, 7]), **COLUMNS)
    np.testing.assert_array_equal(log.outcomes, whole.outcomes)
    np.testing.assert_array_equal(log.taken_propensities, whole.taken_propensities)
    np.testing.assert_array_equal(log.times, whole.times)
    assert log.notes[0].startswith("Left out 2 of 12 rows, whose outcomes are open")
    with pytest.raises(
        ValueError, match=r"missing or infinite in 2 of 12 rows \(rows 2, 7\); wait .* \(drop_open=True\) only"
    ):
        AdaptiveLog.from_frame(frame, **COLUMNS)
    with pytest.raises(ValueError, match="outcome was 'sale', a column without any value"):
        AdaptiveLog.from_frame(frame.assign(sale=np.nan), **COLUMNS, drop_open=True)


@pytest.mark.parametrize("sep", [";", "\t", "|"])
def test_other_separators_and_open_files_give_the_same_log(tmp_path, sep):
    text = small_frame().to_csv(index=False, sep=sep)
    (tmp_path / "log.csv").write_text(text)
    (tmp_path / "log.csv.gz").write_bytes(gzip.compress(text.encode()))
    for source in (tmp_path / "log.csv", tmp_path / "log.csv.gz", io.BytesIO(text.encode())):
        log = AdaptiveLog.from_csv(source, sep=sep, **COLUMNS)
        np.testing.assert_array_equal(log.outcomes, small_frame()["sale"])


def test_lines_are_counted_in_an_open_file():
    with pytest.raises(ValueError, match=r"'rod' \(column 'arm', first in line \d+\) is not one of the arms"):
        AdaptiveLog.from_csv(io.BytesIO(small_frame().replace({"red": "rod"}).to_csv(index=False).encode()), **COLUMNS)


def test_a_row_of_several_lines_is_told_by_its_first(tmp_path):
    text = 'arm,y,p\n"a\n\nb",1,0.5\n\nc,0,0.5\n"a\n\nb",1,2\n'
    (tmp_path / "log.csv").write_text(text)
    with pytest.raises(ValueError, match=r"propensities holds 2 for .* in line 7 \("):
        AdaptiveLog.from_csv(tmp_path / "log.csv", arm="arm", outcome="y", propensity="p", ordered=True)


def test_rows_behind_those_that_were_left_out_keep_their_numbers(tmp_path):
    frame = small_frame().astype({"sale": float})
    frame.loc[2, "sale"] = np.nan
    frame.loc[7, ["p_red", "p_blue"]] = 0.0, 0.5
    with pytest.raises(ValueError, match=r"propensities sum to 0\.5 in row 7; expected 1"):
        AdaptiveLog.from_frame(frame, **COLUMNS, drop_open=True)
    frame.to_csv(tmp_path / "log.csv", index=False)
    with pytest.raises(ValueError, match=r"propensities sum to 0\.5 in line 9; expected 1"):
        AdaptiveLog.from_csv(tmp_path / "log.csv", **COLUMNS, drop_open=True)
