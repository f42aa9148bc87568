"""AdaptiveLog: what it refuses, how it puts rounds in order and finds batches, what it tells of itself."""

import numpy as np
import pandas as pd
import pytest
from cases import together
from click.testing import CliRunner
from small_logs import COLUMNS, small_frame

import causalbandit as cb
from causalbandit.cli import main
from causalbandit.inference.arm_values import arm_values
from causalbandit.inference.log import AdaptiveLog


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


def test_the_taken_arms_propensity_is_completed_for_two_arms_and_not_for_three():
    frame = small_frame()
    frame["p"] = np.where(frame["arm"] == "red", frame["p_red"], frame["p_blue"])
    two = AdaptiveLog.from_frame(frame, **{**COLUMNS, "propensity": "p"}, arms=["red", "blue"])
    np.testing.assert_allclose(two.propensities, frame[["p_red", "p_blue"]].to_numpy())
    three = AdaptiveLog.from_frame(frame, **{**COLUMNS, "propensity": "p"}, arms=["red", "blue", "green"])
    assert three.propensities is None
    with pytest.raises(ValueError, match="weights was 'two-point', which needs the propensity of every arm"):
        three.all_propensities("weights", "two-point")


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


@together(
    ("change", "columns", "error", "words"),
    [
        (broken("sale", 3, np.nan), {}, ValueError, r"1 of 12 rows \(row 3\)"),
        (broken("sale", 3, np.inf), {}, ValueError, "infinite in 1 of 12"),
        (broken("p_red", 4, np.nan), {}, ValueError, "nan in row 4, column 0"),
        (broken("p_red", 4, 1.5), {}, ValueError, "1.5 in row 4, column 0"),
        (broken("p_red", 4, -0.1), {}, ValueError, "-0.1 in row 4"),
        (broken("p_red", 4, 0.9), {}, ValueError, "row 4; expected 1 within 1e-06"),
        (broken("arm", 5, "green"), {}, ValueError, "'green'.*row 5.*'red', 'blue'"),
        (broken("arm", 5, None), {}, ValueError, "missing in 1 of 12 rows"),
        (broken("age", 5, np.nan), {"contexts": ["age"]}, ValueError, "contexts is missing or infinite.*row 5"),
        (broken("age", 5, "old"), {"contexts": ["age"]}, TypeError, "'age' holds 'old' in row 5; expected a number"),
        (broken("day", 5, np.nan), {}, ValueError, "times is missing in 1 of 12 rows"),
        (drop_to(1), {}, ValueError, "1 rounds for 2 arms"),
        (drop_to(0), {}, ValueError, "empty"),
        (lambda frame: None, {"time": None}, ValueError, "time is unknown: .* the past only"),
        (
            lambda frame: None,
            {"outcome": "sales"},
            ValueError,
            "outcome names 'sales', but .* no such .*Did you mean 'sale'",
        ),
        (
            lambda frame: None,
            {"arms": ["red", "blue", "green"]},
            ValueError,
            "the arms are 'red', 'blue', 'green'; expected one column per arm",
        ),
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
    with pytest.raises(ValueError, match=r"holds 0 for the taken arm 1 in row 2 .*had a probability above 0"):
        AdaptiveLog([0, 1, 1], [0, 1, 1], [[0.5, 0.5], [0.5, 0.5], [1.0, 0.0]])


def test_one_arm_is_refused():
    with pytest.raises(ValueError, match="one arm only"):
        AdaptiveLog([0, 0], [0, 1], [[1.0], [1.0]])


def test_arms_outside_the_columns_are_refused():
    with pytest.raises(ValueError, match="holds 2 in row 1, but the propensities have 2 columns"):
        AdaptiveLog([0, 2], [0, 1], [[0.5, 0.5]] * 2)


def test_the_summary_counts_each_arm():
    log = AdaptiveLog([0, 1, 1], [2.0, 1.0, 0.0], [[0.5, 0.5], [0.5, 0.5], [0.9, 0.1]], arm_names=("a", "b"))
    table = log.arm_table()
    assert table["rounds"].tolist() == [1, 2]
    assert table["mean_outcome"].tolist() == [2.0, 0.5]
    assert table["smallest_propensity"].tolist() == [0.5, 0.1]
    assert "3 rounds" in repr(log)
    assert log.summary().splitlines()[1].split() == ["arm", "rounds", "mean_outcome", "smallest_propensity"]
    assert "<table" in log._repr_html_()


def test_arrays_of_dates_and_durations_are_no_numbers():
    lasting = np.arange(4).astype("timedelta64[s]")
    with pytest.raises(TypeError, match="outcomes holds durations; expected numbers"):
        AdaptiveLog([0, 1, 0, 1], lasting, np.full((4, 2), 0.5))
    with pytest.raises(TypeError, match="contexts holds dates; expected numbers"):
        AdaptiveLog([0, 1] * 2, [0, 1] * 2, np.full((4, 2), 0.5), contexts=pd.date_range("2024-01-01", periods=4))
    with pytest.raises(TypeError, match="scores holds durations; expected numbers"):
        cb.arm_values(np.tile(lasting[:, None], 2), np.ones((4, 2)))


def test_the_reference_and_the_control_may_be_named_as_they_print(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("arm,sale,p\n" + "0,1,0.5\n1,0,0.5\n0,0,0.5\n1,1,0.5\n" * 10)
    columns = {"arm": "arm", "outcome": "sale", "propensity": "p", "ordered": True}
    log = AdaptiveLog.from_csv(path, **columns)
    assert cb.estimate_arms(log, control=1).contrasts["reference"].tolist() == ["1"]
    numbered = AdaptiveLog.from_csv(path, **columns, arms=[0, 1])
    assert cb.estimate_arms(numbered, reference="1").contrasts["reference"].tolist() == [1]
    for method in ("aipw", "mad"):
        done = CliRunner().invoke(
            main,
            [*f"ate {path} --arm arm --outcome sale --propensity p --ordered --control 0 --method".split(), method],
        )
        assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"arm_names": 5}, "arm_names was 5; expected the names of all arms in order"),
        ({"arm_names": "ab"}, "arm_names was 'ab'; expected the names of all arms in order"),
        ({"contexts": [[1.0], [2.0]], "context_names": "x"}, "context_names was 'x'; expected names of the columns"),
        ({"tolerance": "a"}, "tolerance was 'a'; expected a finite number"),
    ],
)
def test_settings_of_a_log_that_are_no_list_or_number_are_refused(given, words):
    with pytest.raises(ValueError, match=words):
        AdaptiveLog([0, 1], [1.0, 0.0], [[0.5, 0.5], [0.5, 0.5]], **given)
    with pytest.raises(ValueError, match="names was 5; expected the names of all arms in order"):
        arm_values([[1.0, 0.0]], [[1.0, 1.0]], names=5)
