"""AdaptiveLog: what it refuses, how it reads files, how it finds batches."""

import numpy as np
import pandas as pd
import pytest

from causalbandit.inference.log import AdaptiveLog


def small_frame(n=12, seed=0):
    rng = np.random.default_rng(seed)
    first = np.round(rng.uniform(0.2, 0.8, n), 3)
    arms = np.where(rng.random(n) < first, "red", "blue")
    return pd.DataFrame(
        {
            "day": np.arange(n),
            "arm": arms,
            "sale": rng.integers(0, 2, n),
            "p_red": first,
            "p_blue": 1 - first,
            "age": rng.normal(size=n),
        }
    )


COLUMNS = {"arm": "arm", "outcome": "sale", "propensity": {"red": "p_red", "blue": "p_blue"}, "time": "day"}


def test_a_frame_becomes_a_log_with_the_columns_in_the_order_of_the_mapping():
    frame = small_frame()
    log = AdaptiveLog.from_frame(frame, contexts=["age"], **COLUMNS)
    assert log.names == ("red", "blue")
    np.testing.assert_array_equal(log.arms, (frame["arm"] == "blue").astype(int))
    np.testing.assert_array_equal(log.propensities, frame[["p_red", "p_blue"]].to_numpy())
    np.testing.assert_array_equal(
        log.taken_propensities, np.where(frame["arm"] == "red", frame["p_red"], frame["p_blue"])
    )
    assert log.contexts.shape == (12, 1)
    assert log.context_names == ("age",)


def test_rows_are_put_in_the_order_of_time_and_the_frame_is_left_alone():
    frame = small_frame()
    shuffled = frame.sample(frac=1, random_state=1)
    before = shuffled.copy()
    log = AdaptiveLog.from_frame(shuffled, **COLUMNS)
    np.testing.assert_array_equal(log.outcomes, frame["sale"])
    np.testing.assert_array_equal(log.propensities, frame[["p_red", "p_blue"]].to_numpy())
    pd.testing.assert_frame_equal(shuffled, before)


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


@pytest.mark.parametrize(("value", "words"), [(None, r"missing in 1 rows \(row 9\)"), ("green", "first in row 9")])
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


def test_a_column_that_is_there_twice_is_refused():
    frame = small_frame()
    with pytest.raises(ValueError, match="has 2 columns 'p_red'"):
        AdaptiveLog.from_frame(pd.concat([frame, frame[["p_red"]]], axis=1), **COLUMNS)


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
        with pytest.raises(ValueError, match=r"missing or infinite in 1 of 12 rows \(row 0\)"):
            AdaptiveLog.from_csv(tmp_path / "log.csv", **columns)
    frame.assign(arm=["", *frame["arm"][1:]]).to_csv(tmp_path / "log.csv", index=False)
    with pytest.raises(ValueError, match=r"missing in 1 rows \(row 0\)"):
        AdaptiveLog.from_csv(tmp_path / "log.csv", **columns)


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


def test_a_list_of_propensity_columns_names_the_arms_by_what_follows_the_prefix():
    log = AdaptiveLog.from_frame(small_frame(), **{**COLUMNS, "propensity": ["p_red", "p_blue"]})
    assert log.names == ("red", "blue")


def test_the_taken_arms_propensity_is_completed_for_two_arms_and_not_for_three():
    frame = small_frame()
    frame["p"] = np.where(frame["arm"] == "red", frame["p_red"], frame["p_blue"])
    two = AdaptiveLog.from_frame(frame, **{**COLUMNS, "propensity": "p"}, arms=["red", "blue"])
    np.testing.assert_allclose(two.propensities, frame[["p_red", "p_blue"]].to_numpy())
    three = AdaptiveLog.from_frame(frame, **{**COLUMNS, "propensity": "p"}, arms=["red", "blue", "green"])
    assert three.propensities is None
    with pytest.raises(ValueError, match="needs the propensity of every arm"):
        three.all_propensities("two-point weights")


def test_batches_are_given_or_found_as_runs_of_equal_rows():
    propensities = np.repeat([[0.5, 0.5], [0.2, 0.8], [0.5, 0.5]], 4, axis=0)
    arms, outcomes = np.tile([0, 1], 6), np.arange(12.0)
    found = AdaptiveLog(arms, outcomes, propensities)
    given = AdaptiveLog(arms, outcomes, propensities, batches=np.repeat(["a", "b", "c"], 4))
    for log in (found, given):
        starts, rules = log.batch_rules()
        assert starts.tolist() == [0, 4, 8]
        np.testing.assert_array_equal(rules, [[0.5, 0.5], [0.2, 0.8], [0.5, 0.5]])
    mixed = AdaptiveLog(arms, outcomes, propensities, batches=np.repeat([0, 1], 6))
    assert mixed.batch_rules() is None


def test_with_contexts_rounds_of_their_own_are_no_batches():
    frame = small_frame()
    assert AdaptiveLog.from_frame(frame, contexts=["age"], **COLUMNS).batch_rules() is None


def test_equal_propensities_at_equal_contexts_are_no_rule_that_ignores_contexts():
    """A design that looks at one binary context, whose visitors came in pairs, has runs of equal rows as well."""
    context = np.repeat([0.0, 1.0, 0.0, 1.0], 2)
    propensities = np.where(context[:, None] == 1, [[0.2, 0.8]], [[0.7, 0.3]])
    arms, outcomes = np.tile([0, 1], 4), np.arange(8.0)
    assert AdaptiveLog(arms, outcomes, propensities, contexts=context).batch_rules() is None
    assert AdaptiveLog(arms, outcomes, propensities).batch_rules() is not None
    assert AdaptiveLog(arms, outcomes, np.full((8, 2), 0.5), contexts=context).batch_rules() is not None


def broken(column, row, value):
    def change(frame):
        frame[column] = frame[column].astype(object if value is None or isinstance(value, str) else float)
        frame.loc[row, column] = value

    return change


def drop_to(n):
    return lambda frame: frame.iloc[:n]


@pytest.mark.parametrize(
    ("change", "columns", "error", "words"),
    [
        (broken("sale", 3, np.nan), {}, ValueError, r"1 of 12 rows \(row 3\)"),
        (broken("sale", 3, np.inf), {}, ValueError, "infinite in 1 of 12"),
        (broken("p_red", 4, np.nan), {}, ValueError, "nan in row 4, column 0"),
        (broken("p_red", 4, 1.5), {}, ValueError, "1.5 in row 4, column 0"),
        (broken("p_red", 4, -0.1), {}, ValueError, "-0.1 in row 4"),
        (broken("p_red", 4, 0.9), {}, ValueError, "row 4; expected 1 within 1e-06"),
        (broken("arm", 5, "green"), {}, ValueError, "'green'.*row 5.*'red', 'blue'"),
        (broken("arm", 5, None), {}, ValueError, "missing in 1 rows"),
        (broken("age", 5, np.nan), {"contexts": ["age"]}, ValueError, "contexts are missing.*row 5"),
        (broken("age", 5, "old"), {"contexts": ["age"]}, TypeError, "'age'.*not numbers"),
        (broken("day", 5, np.nan), {}, ValueError, "times is missing in 1 rows"),
        (drop_to(1), {}, ValueError, "1 rounds for 2 arms"),
        (drop_to(0), {}, ValueError, "empty"),
        (lambda frame: None, {"time": None}, ValueError, "order of time is unknown"),
        (lambda frame: None, {"outcome": "sales"}, ValueError, "no column 'sales'.*Did you mean 'sale'"),
        (lambda frame: None, {"arms": ["red", "blue", "green"]}, ValueError, "no column for the arm 'green'"),
        (lambda frame: None, {"propensity": {"red": "p_red"}, "arms": None}, ValueError, "'blue'.*not one of the arms"),
        (lambda frame: frame.assign(week=[1, 2] * 6), {"batch": "week"}, ValueError, "not consecutive in time"),
    ],
)
def test_what_would_bias_an_estimate_is_refused_with_its_place(change, columns, error, words):
    frame = small_frame()
    changed = change(frame)
    frame = frame if changed is None else changed
    with pytest.raises(error, match=words):
        AdaptiveLog.from_frame(frame, **{**COLUMNS, **columns})


def test_a_taken_arm_with_propensity_zero_is_refused():
    with pytest.raises(ValueError, match=r"taken arm 1 is 0 in row 2 .*probability 0"):
        AdaptiveLog([0, 1, 1], [0, 1, 1], [[0.5, 0.5], [0.5, 0.5], [1.0, 0.0]])


def test_one_arm_is_refused():
    with pytest.raises(ValueError, match="one arm only"):
        AdaptiveLog([0, 0], [0, 1], [[1.0], [1.0]])


def test_arms_outside_the_columns_are_refused():
    with pytest.raises(ValueError, match="holds 2 in row 1, but the propensities have 2 columns"):
        AdaptiveLog([0, 2], [0, 1], [[0.5, 0.5]] * 2)


def test_unknown_keywords_and_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.csv"):
        AdaptiveLog.from_csv(tmp_path / "none.csv", **COLUMNS)
    small_frame().to_csv(tmp_path / "log.csv", index=False)
    with pytest.raises(TypeError, match=r"'outcomes'.*Did you mean 'outcome'"):
        AdaptiveLog.from_csv(tmp_path / "log.csv", outcomes="sale", **COLUMNS)


@pytest.mark.filterwarnings("ignore:Could not infer format")
def test_text_time_stamps_are_read_as_dates():
    frame = small_frame().assign(day=[f"{day}/2/2024" for day in range(1, 13)]).sample(frac=1, random_state=2)
    log = AdaptiveLog.from_frame(frame, **COLUMNS)
    np.testing.assert_array_equal(log.outcomes, small_frame()["sale"])
    with pytest.raises(ValueError, match="does not read as dates"):
        AdaptiveLog.from_frame(frame.assign(day="soon"), **COLUMNS)


def test_the_summary_counts_each_arm():
    log = AdaptiveLog([0, 1, 1], [2.0, 1.0, 0.0], [[0.5, 0.5], [0.5, 0.5], [0.9, 0.1]], arm_names=("a", "b"))
    summary = log.summary()
    assert summary["rounds"].tolist() == [1, 2]
    assert summary["mean_outcome"].tolist() == [2.0, 0.5]
    assert summary["smallest_propensity"].tolist() == [0.5, 0.1]
    assert "3 rounds" in repr(log)
    assert "<table" in log._repr_html_()
