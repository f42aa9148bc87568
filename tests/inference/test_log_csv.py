"""AdaptiveLog.from_csv: arms stay as they were written, and no row shifts its columns unnoticed."""

import gzip

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import causalbandit as cb
from causalbandit.cli import main
from causalbandit.inference.log import AdaptiveLog

COLUMNS = {"arm": "arm", "outcome": "sale", "propensity": "p", "ordered": True}


def written(path, arms):
    """A file of rounds with these arms, as they are."""
    rows = [f"{arm},{number % 2},0.5" for number, arm in enumerate(arms)]
    path.write_text("\n".join(["arm,sale,p", *rows]) + "\n")
    return AdaptiveLog.from_csv(path, **COLUMNS)


def test_arms_of_a_large_file_are_read_alike_from_its_first_row_to_its_last(tmp_path):
    """Types told from parts of a file made 1 and "1" of the arms that its last rows mix with text."""
    arms = ["1", "2"] * 300_000 + ["1", "control"] * 500
    assert written(tmp_path / "log.csv", arms).names == ("1", "2", "control")
    log = AdaptiveLog.from_csv(tmp_path / "log.csv", **COLUMNS)
    assert log.pulls.tolist() == [300_500, 300_000, 500]


def test_text_that_reads_as_one_number_stays_two_arms(tmp_path):
    path = tmp_path / "log.csv"
    log = written(path, ["01", "1", "01", "10"])
    assert log.names == ("01", "1", "10")
    assert log.pulls.tolist() == [2, 1, 1]
    assert AdaptiveLog.from_csv(path, **COLUMNS, arms=["10", "1", "01"]).pulls.tolist() == [1, 1, 2]
    with pytest.raises(ValueError, match=r"arm '01'.* is not one of the arms 1, 10"):
        AdaptiveLog.from_csv(path, **COLUMNS, arms=[1, 10])


@pytest.mark.parametrize(
    ("arms", "names"),
    [
        (["10", "9", "0", "2"], (0, 2, 9, 10)),
        (["0.5", "0.25", "1.0"], (0.25, 0.5, 1.0)),
        (["True", "False"], (False, True)),
        (["010", "9", "1"], ("1", "9", "010")),
        (["10", "9", "x"], ("10", "9", "x")),
        ([" 2", "1", "2 "], (1, 2)),
        (["-1", "1", "99999999999999999999"], (-1, 1, 99999999999999999999)),
    ],
)
def test_numbers_are_numbers_in_their_order_and_text_is_text(tmp_path, arms, names):
    log = written(tmp_path / "log.csv", [*arms, *arms])
    assert log.names == names
    assert [type(name) for name in log.names] == [type(name) for name in names]
    assert log.pulls.sum() == 2 * len(arms)


@pytest.mark.parametrize("arms", [["1", "1.0", "2"], ["x", "10", "1e1"], ["red", "red ", "blue"]])
def test_arms_that_may_be_one_are_refused_by_name(tmp_path, arms):
    with pytest.raises(ValueError, match=f"{arms[0]}.*{arms[1]}|{arms[1]}.*{arms[2]}"):
        written(tmp_path / "log.csv", arms)


def test_names_that_print_alike_are_one_arm_in_a_frame():
    frame = pd.DataFrame({"arm": [1, "1", 2, "2"] * 10, "sale": [0, 1] * 20, "p": 0.5})
    log = AdaptiveLog.from_frame(frame, **COLUMNS)
    assert log.names == (1, 2)
    assert log.pulls.tolist() == [20, 20]
    with pytest.raises(ValueError, match="one arm only"):
        cb.mad_from_log(frame[:2].assign(p=0.5), arm="arm", outcome="sale", propensity="p", control=1)
    with pytest.raises(ValueError, match="called 1 and '1'"):
        AdaptiveLog.from_frame(frame, **COLUMNS, arms=[1, "1", 2])


def test_datetimes_are_arms_by_their_name():
    days = pd.to_datetime(["2024-01-01", "2024-01-02"] * 4)
    log = AdaptiveLog.from_frame(pd.DataFrame({"arm": days, "sale": [0, 1] * 4, "p": 0.5}), **COLUMNS)
    assert log.names == (pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-02"))


def test_the_reference_and_the_control_may_be_named_as_they_print(tmp_path):
    path = tmp_path / "log.csv"
    log = written(path, ["0", "1"] * 20)
    assert cb.estimate_arms(log, reference="1").contrasts["reference"].tolist() == [1]
    for method in ("aipw", "mad"):
        done = CliRunner().invoke(
            main,
            [*f"ate {path} --arm arm --outcome sale --propensity p --ordered --control 0 --method".split(), method],
        )
        assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        (["old,0,0.5,0.5,", "new,1,0.5,0.5,"], 2),
        (["old,0,0.5,0.5", "", '"new\npage",1,0.5,0.5', "new,1,0.5,0.5,x"], 6),
        (["old, page,0,0.5,0.5", "new,1,0.5,0.5"], 2),
        (["old,0,0.5,0.5"] * 100_000 + ["new,1,0.5,0.5,"] + ["new,1,0.5,0.5"] * 9, 100_002),
        (["old,0,0.5,0.5"] * 3 + ["new,1,0.5,0.5,"], 5),
    ],
)
@pytest.mark.parametrize("ending", ["csv", "csv.gz"])
def test_a_row_with_more_fields_than_the_header_is_refused_with_its_line(tmp_path, rows, line, ending):
    path = tmp_path / f"log.{ending}"
    opener = gzip.open if ending.endswith("gz") else open
    with opener(path, "wt") as file:
        file.write("\n".join(["arm,sale,p,p_other", *rows]))
    with pytest.raises(ValueError, match=rf"Line {line} has 5 fields, but the header names 4 columns"):
        AdaptiveLog.from_csv(path, **COLUMNS)


def test_quoted_commas_blank_lines_marks_and_compression_are_read(tmp_path):
    text = '\ufeffarm,sale,p\n"old, page",0,0.5\n\n  \nnew,1,0.5\r\n"old, page",1,0.5\n'
    (tmp_path / "log.csv").write_text(text, encoding="utf-8", newline="")
    with gzip.open(tmp_path / "log.csv.gz", "wt", encoding="utf-8", newline="") as file:
        file.write(text)
    for name in ("log.csv", "log.csv.gz"):
        log = AdaptiveLog.from_csv(tmp_path / name, **COLUMNS)
        assert log.names == ("new", "old, page")
        np.testing.assert_array_equal(log.outcomes, [0, 1, 1])


def test_a_header_that_repeats_a_column_and_an_empty_file_are_refused(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("arm,sale,p,p\na,0,0.5,0.1\nb,1,0.5,0.1\n")
    with pytest.raises(ValueError, match="has 2 columns 'p'"):
        AdaptiveLog.from_csv(path, **COLUMNS)
    path.write_text("\n")
    with pytest.raises(ValueError, match="no header line"):
        AdaptiveLog.from_csv(path, **COLUMNS)
    path.write_text("arm,sale,p\na,0,0.5\nb,1,0.5\n", encoding="utf-16")
    with pytest.raises(ValueError, match="save the file as CSV in UTF-8"):
        AdaptiveLog.from_csv(path, **COLUMNS)
    (tmp_path / "log.zip").write_bytes(b"")
    with pytest.raises(ValueError, match="unpack it first"):
        AdaptiveLog.from_csv(tmp_path / "log.zip", **COLUMNS)
