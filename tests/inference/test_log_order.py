"""The order of time: batches never shuffle rows that are vouched for, and text is read as dates or refused."""

import numpy as np
import pandas as pd
import pytest
from cases import together
from small_logs import COLUMNS, small_frame

from causalbandit.inference.log import AdaptiveLog


@pytest.mark.parametrize("kind", ["frame", "csv", "parquet"])
def test_batches_never_shuffle_rows_whose_order_is_vouched_for(tmp_path, kind):
    def read(frame, **columns):
        columns = {"arm": "arm", "outcome": "sale", "propensity": ["p_blue", "p_red"], "batch": "batch"} | columns
        if kind == "frame":
            return AdaptiveLog.from_frame(frame, **columns)
        path = tmp_path / f"log.{kind}"
        if kind == "csv":
            frame.to_csv(path, index=False)
            return AdaptiveLog.from_csv(path, **columns)
        pytest.importorskip("pyarrow")
        frame.to_parquet(path)
        return AdaptiveLog.from_parquet(path, **columns)

    frame = small_frame().assign(sale=np.arange(12.0))
    for labels in (["week 9", "week 10"], [9, 3]):
        log = read(frame.assign(batch=np.repeat(labels, 6)), ordered=True)
        assert log.outcomes.tolist() == list(range(12))
        assert log.batches.tolist() == [0] * 6 + [1] * 6
    with pytest.raises(ValueError, match="not consecutive"):
        read(frame.assign(batch=np.tile([1, 2], 6)), ordered=True)
    assert read(frame.assign(batch=np.repeat([9, 3], 6))).outcomes[0] == 6.0  # numbers give the order
    with pytest.raises(ValueError, match=r"'week 9', 'week 10'.*tells no order"):  # text sorts 10 before 9
        read(frame.assign(batch=np.repeat(["week 9", "week 10"], 6)))
    assert read(frame.assign(batch=np.repeat(["9", "10"], 6))).outcomes[0] == 0.0


def shuffled(stamps, **columns):
    """The log of `small_frame` with these time stamps, from rows out of order."""
    frame = small_frame().assign(day=stamps).sample(frac=1, random_state=2)
    return AdaptiveLog.from_frame(frame, **(COLUMNS | columns))


@together(
    ("stamps", "time_format"),
    [
        ([f"2024-02-{day:02d}" for day in range(1, 13)], None),
        ([f"2024-02-01T{hour:02d}:30:00Z" for hour in range(12)], None),
        ([f"{day}/2/2024" for day in range(1, 13)], "%d/%m/%Y"),  # month first, they would come apart
        ([f"{month}/2/2024" for month in range(1, 13)], "%m/%d/%Y"),
        ([str(number) for number in range(1, 13)], None),
    ],
)
def test_text_time_stamps_are_numbers_iso_dates_or_of_the_format_that_is_named(stamps, time_format):
    log = shuffled(stamps, time_format=time_format)
    np.testing.assert_array_equal(log.outcomes, small_frame()["sale"])
    np.testing.assert_array_equal(
        log.taken_propensities, AdaptiveLog.from_frame(small_frame(), **COLUMNS).taken_propensities
    )


@together(
    ("stamps", "time_format", "words"),
    [
        (
            [f"{day}/2/2024" for day in range(1, 13)],
            None,
            r"'1/2/2024' in row \d+, which does not read as a number or.*%d/%m",
        ),
        ([f"{day}/2/2024" for day in range(1, 14)][1:], "%m/%d/%Y", r"'13/2/2024' in row .* by the format '%m/%d/%Y'"),
        (["soon"] * 12, None, "'soon' in row 0"),
        (["2024-01-01T00:00Z", *["2024-01-02"] * 11], None, "some with and some without a UTC offset"),
    ],
)
def test_ambiguous_time_stamps_are_refused_with_their_place(stamps, time_format, words):
    frame = small_frame().assign(day=stamps)
    with pytest.raises(ValueError, match=words):
        AdaptiveLog.from_frame(frame, **COLUMNS, time_format=time_format)


def test_the_hour_that_comes_twice_when_summer_time_ends_is_in_the_order_in_which_it_happened():
    stamps = [f"2024-10-27T02:{minute:02d}:00+02:00" for minute in range(0, 60, 10)]
    stamps += [f"2024-10-27T02:{minute:02d}:00+01:00" for minute in range(0, 60, 10)]  # the clock alone interleaves
    np.testing.assert_array_equal(shuffled(stamps).outcomes, small_frame()["sale"])
    aware = [pd.Timestamp(stamp) for stamp in stamps]
    np.testing.assert_array_equal(shuffled(aware).outcomes, small_frame()["sale"])


def test_a_time_format_needs_time_stamps():
    with pytest.raises(ValueError, match="time_format was given, but no column"):
        AdaptiveLog.from_frame(small_frame(), **(COLUMNS | {"time": None, "ordered": True, "time_format": "%d"}))


def test_time_stamps_of_mixed_types_are_refused():
    frame = small_frame().assign(day=[*range(6), *["2024-01-01"] * 6])
    with pytest.raises(TypeError, match="'day' are of mixed types"):
        AdaptiveLog.from_frame(frame, **COLUMNS)
