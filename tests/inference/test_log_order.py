"""The order of time: batches never shuffle rows that are vouched for, and text is read as dates or refused."""

import numpy as np
import pytest
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


@pytest.mark.filterwarnings("ignore:Could not infer format")
def test_text_time_stamps_are_read_as_dates():
    frame = small_frame().assign(day=[f"{day}/2/2024" for day in range(1, 13)]).sample(frac=1, random_state=2)
    log = AdaptiveLog.from_frame(frame, **COLUMNS)
    np.testing.assert_array_equal(log.outcomes, small_frame()["sale"])
    with pytest.raises(ValueError, match="does not read as dates"):
        AdaptiveLog.from_frame(frame.assign(day="soon"), **COLUMNS)


def test_time_stamps_of_mixed_types_are_refused():
    frame = small_frame().assign(day=[*range(6), *["2024-01-01"] * 6])
    with pytest.raises(TypeError, match="'day' are of mixed types"):
        AdaptiveLog.from_frame(frame, **COLUMNS)
