"""Frames, CSV and Parquet files give the same log, arms stay as they were written, and no row shifts its columns."""

import gzip
import sqlite3
from contextlib import closing

import numpy as np
import pandas as pd
import pytest
from cases import together
from small_logs import COLUMNS, small_frame

from causalbandit.inference.log import AdaptiveLog

TAKEN = {"arm": "arm", "outcome": "sale", "propensity": "p", "ordered": True}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_files_give_the_same_log_as_the_frame(tmp_path, kind):
    frame = small_frame().assign(unused="text")
    path = tmp_path / f"log.{kind}"
    if kind == "csv":
        frame.to_csv(path, index=False)
        log = AdaptiveLog.from_csv(path, contexts=["age"], **COLUMNS)
    else:
        pytest.importorskip("pyarrow")
        frame.to_parquet(path, row_group_size=5)
        log = AdaptiveLog.from_parquet(path, contexts=["age"], **COLUMNS)
    pd.testing.assert_frame_equal(
        log.to_frame().drop(columns="time"),
        AdaptiveLog.from_frame(frame, contexts=["age"], **COLUMNS).to_frame().drop(columns="time"),
    )


def test_a_query_gives_the_same_log_as_the_frame():
    frame = small_frame()
    with closing(sqlite3.connect(":memory:")) as connection:
        frame.sample(frac=1, random_state=0).to_sql("rounds", connection, index=False)
        read = pd.read_sql("SELECT * FROM rounds ORDER BY day", connection)
    log = AdaptiveLog.from_frame(read, contexts=["age"], **COLUMNS)
    expected = AdaptiveLog.from_frame(frame, contexts=["age"], **COLUMNS)
    pd.testing.assert_frame_equal(log.to_frame(), expected.to_frame())


@pytest.mark.parametrize(
    ("value", "words"), [(None, r"missing in 1 of 12 rows \(row 9\)"), ("green", "first in row 9")]
)
def test_a_bad_arm_in_a_file_is_named_by_its_row(tmp_path, value, words):
    pytest.importorskip("pyarrow")
    frame = small_frame().assign(arm=lambda table: table["arm"].astype(object))
    frame.loc[9, "arm"] = value
    frame.to_parquet(tmp_path / "log.parquet", row_group_size=4)
    with pytest.raises(ValueError, match=words):
        AdaptiveLog.from_parquet(tmp_path / "log.parquet", **COLUMNS)


def test_categories_in_a_file_are_read_by_name(tmp_path):
    pytest.importorskip("pyarrow")
    frame = small_frame()
    frame.assign(arm=frame["arm"].astype("category")).to_parquet(tmp_path / "log.parquet")
    log = AdaptiveLog.from_parquet(tmp_path / "log.parquet", **COLUMNS)
    np.testing.assert_array_equal(log.arms, (frame["arm"] == "blue").astype(int))


def test_in_a_csv_file_an_arm_may_be_called_none_and_numbers_may_be_missing(tmp_path):
    frame = small_frame().replace({"arm": {"red": "None", "blue": "NA"}}).astype({"sale": float})
    columns = COLUMNS | {"propensity": {"None": "p_red", "NA": "p_blue"}}
    frame.to_csv(tmp_path / "log.csv", index=False)
    log = AdaptiveLog.from_csv(tmp_path / "log.csv", **columns)
    np.testing.assert_array_equal(log.arms, (frame["arm"] == "NA").astype(int))
    for missing in ("", "NA", "null", "nan"):
        frame.astype({"sale": object}).assign(sale=[missing, *frame["sale"][1:]]).to_csv(
            tmp_path / "log.csv", index=False
        )
        with pytest.raises(ValueError, match=r"missing or infinite in 1 of 12 rows \(line 2\)"):
            AdaptiveLog.from_csv(tmp_path / "log.csv", **columns)
    frame.assign(arm=["", *frame["arm"][1:]]).to_csv(tmp_path / "log.csv", index=False)
    with pytest.raises(ValueError, match=r"missing in 1 of 12 rows \(line 2\)"):
        AdaptiveLog.from_csv(tmp_path / "log.csv", **columns)


@together(
    ("rows", "words"),
    [
        (["old, page,0,0.5,0.5", "new,1,0.5,0.5"], ""),
        (["old,0,0.5,0.5", "old, page,1,0.5,0.5"], "Expected 4 fields in line 3, saw 5"),
        (["old,0,0.5,0.5"] * 100_000 + ["new,1,0.5,0.5,"] + ["new,1,0.5,0.5"] * 9, "in line 100002, saw 5"),
    ],
)
@together("ending", ["csv", "csv.gz"])
def test_a_row_with_more_fields_than_the_header_is_refused_with_its_line(tmp_path, rows, words, ending):
    path = tmp_path / f"log.{ending}"
    opener = gzip.open if ending.endswith("gz") else open
    with opener(path, "wt") as file:
        file.write("\n".join(["arm,sale,p,p_other", *rows]))
    with pytest.raises(ValueError, match=rf"more fields than the header.*{words}"):
        AdaptiveLog.from_csv(path, **TAKEN)


def test_quoted_commas_blank_lines_marks_and_compression_are_read(tmp_path):
    text = '\ufeffarm,sale,p\n"old, page",0,0.5\n\n  \nnew,1,0.5\r\n"old, page",1,0.5\n'
    (tmp_path / "log.csv").write_text(text, encoding="utf-8", newline="")
    with gzip.open(tmp_path / "log.csv.gz", "wt", encoding="utf-8", newline="") as file:
        file.write(text)
    for name in ("log.csv", "log.csv.gz"):
        log = AdaptiveLog.from_csv(tmp_path / name, **TAKEN)
        assert log.names == ("new", "old, page")
        np.testing.assert_array_equal(log.outcomes, [0, 1, 1])


def test_a_header_that_repeats_a_column_and_an_empty_file_are_refused(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("arm,sale,p,p\na,0,0.5,0.1\nb,1,0.5,0.1\n")
    with pytest.raises(ValueError, match="names 'p', but the table has 2 such columns"):
        AdaptiveLog.from_csv(path, **TAKEN)
    path.write_text("\n")
    with pytest.raises(ValueError, match="is an empty file; expected a header"):
        AdaptiveLog.from_csv(path, **TAKEN)
    path.write_text("arm,sale,p\na,0,0.5\nb,1,0.5\n", encoding="utf-16")
    with pytest.raises(ValueError, match="not text in UTF-8"):
        AdaptiveLog.from_csv(path, **TAKEN)
    with pytest.raises(FileNotFoundError, match=r"none\.csv"):
        AdaptiveLog.from_csv(tmp_path / "none.csv", **TAKEN)


DAYS = pd.Series(pd.date_range("2024-01-01", periods=12))
NOT_NUMBERS = {
    "holds dates; expected numbers. Subtract": DAYS,
    "holds durations; expected numbers. Convert": DAYS - DAYS[0],
    "holds complex numbers; expected": pd.Series(np.arange(12) * 1j),
    "holds values that are not numbers": DAYS.dt.tz_localize("UTC"),
    "holds values that are not numbers; encode": DAYS.dt.date,
}


@together("words", NOT_NUMBERS)
@together("column", ["sale", "p_red", "age"])
def test_dates_and_durations_are_no_numbers(words, column):
    frame = small_frame().assign(**{column: NOT_NUMBERS[words]})
    with pytest.raises(TypeError, match=f"column '{column}' {words}"):
        AdaptiveLog.from_frame(frame, contexts=["age"], **COLUMNS)


def read(frame, kind, folder, **columns):
    """The log of a frame, directly or by way of a file."""
    if kind == "frame":
        return AdaptiveLog.from_frame(frame, **columns)
    if kind == "csv":
        frame.to_csv(folder / "log.csv", index=False)
        return AdaptiveLog.from_csv(folder / "log.csv", **columns)
    pytest.importorskip("pyarrow")
    frame.to_parquet(folder / "log.parquet", row_group_size=5)
    return AdaptiveLog.from_parquet(folder / "log.parquet", **columns)


@together("kind", ["frame", "csv", "parquet"])
@together("values", ["Int64", "Float64", "boolean"])
def test_a_missing_integer_or_truth_value_is_a_missing_outcome(tmp_path, kind, values):
    gone = pd.Series([0, 1] * 6, dtype=values)
    gone[7] = None
    place = "line 9" if kind == "csv" else "row 7"
    with pytest.raises(ValueError, match=rf"missing or infinite in 1 of 12 rows \({place}\)"):
        read(small_frame().assign(sale=gone), kind, tmp_path, **COLUMNS)


@pytest.mark.parametrize("kind", ["frame", "csv", "parquet"])
def test_a_table_without_rows_is_refused(tmp_path, kind):
    with pytest.raises(ValueError, match="is empty"):
        read(small_frame().iloc[:0], kind, tmp_path, **COLUMNS)
