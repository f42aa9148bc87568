"""Arms as they are written in tables: text stays text, names that may be one arm are refused."""

import pandas as pd
import pytest
from cases import together

import causalbandit as cb
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
    with pytest.raises(ValueError, match=r"arm '01'.* is not one of the arms '1', '10'"):
        AdaptiveLog.from_csv(path, **COLUMNS, arms=["1", "10"])


@together(
    ("arms", "names"),
    [
        (["10", "9", "0", "2"], ("0", "2", "9", "10")),
        (["0.5", "0.25", "1.0"], ("0.25", "0.5", "1.0")),
        (["True", "False"], ("False", "True")),
        (["010", "9", "1"], ("1", "9", "010")),
        (["10", "9", "x"], ("10", "9", "x")),
        (["-1", "1", "99999999999999999999"], ("-1", "1", "99999999999999999999")),
    ],
)
def test_arms_of_a_file_are_text_and_numbers_among_them_give_the_order(tmp_path, arms, names):
    log = written(tmp_path / "log.csv", [*arms, *arms])
    assert log.names == names
    assert log.pulls.sum() == 2 * len(arms)


@together("arms", [["1", "1.0", "2"], ["x", "10", "1e1"], ["red", "red ", "blue"], [" 2", "2 ", "1"]])
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


@together(
    ("written_as", "given", "pulls"),
    [
        (["0", "1", "1"], [0, 1], [2, 4]),
        (["0.0", "1.0", "1.0"], [0, 1], [2, 4]),
        (["0", "1", "2"], [2.0, 1.0, 0.0], [2, 2, 2]),
        (["True", "False", "True"], [False, True], [2, 4]),
        (["1", "01", "01"], ["01", "1"], [4, 2]),
    ],
)
def test_given_arms_match_what_is_written_by_value(tmp_path, written_as, given, pulls):
    path = tmp_path / "log.csv"
    path.write_text("arm,sale,p\n" + "".join(f"{arm},1,0.5\n" for arm in written_as * 2))
    log = AdaptiveLog.from_csv(path, **COLUMNS, arms=given)
    assert log.names == tuple(given)
    assert log.pulls.tolist() == pulls
