"""Arrays that make a log: what is taken as it is, and the row that is named where one is wrong."""

import numpy as np
import pytest
from cases import together
from small_logs import COLUMNS, small_frame

from causalbandit.errors import InvalidArgument, InvalidType
from causalbandit.inference.arm_values import estimate_arms
from causalbandit.inference.log import AdaptiveLog
from causalbandit.inference.log_checks import (
    all_propensities,
    arm_vector,
    check_size,
    check_taken,
    context_matrix,
    outcome_vector,
    propensity_array,
    round_labels,
)

NAMES = ("red", "blue")
HALVES = np.full((3, 2), 0.5)
GAP = np.array([1.0, np.nan, 3.0])


def test_what_is_right_is_taken_as_it_is():
    assert outcome_vector([1, 0, 2.5]).tolist() == [1.0, 0.0, 2.5]
    for given in (HALVES, HALVES[:, 0]):
        np.testing.assert_array_equal(propensity_array(given, 3), given)
    arms = arm_vector([0.0, 1.0, 1.0], 3, 2, NAMES)
    assert (arms.tolist(), arms.dtype) == ([0, 1, 1], np.int64)
    assert all_propensities(HALVES) is HALVES
    assert context_matrix([1, 2, 3], 3).tolist() == [[1.0], [2.0], [3.0]]
    assert round_labels(["a", "b", "b"], 3, "batches").tolist() == ["a", "b", "b"]
    check_size(2, 2)
    check_taken(np.array([0.2, 1.0]), np.array([0, 1]), NAMES)


def test_rows_of_propensities_may_be_rounded_in_the_sixth_decimal_and_no_further():
    def third(decimals):
        return np.full((4, 3), np.round(1 / 3, decimals))

    assert len(all_propensities(third(7))) == 4
    with pytest.raises(InvalidArgument, match=r"row 0.*divide each row by its sum"):
        all_propensities(third(4))
    assert len(all_propensities(third(4), tolerance=1e-3)) == 4


@together(
    ("call", "words"),
    [
        (lambda: outcome_vector(GAP), r"outcomes .*missing or infinite.*row.* 1\b"),
        (lambda: outcome_vector([1.0, np.inf]), r"outcomes .*row.* 1\b"),
        (lambda: outcome_vector([]), r"outcomes .*at least one round"),
        (lambda: outcome_vector([[1.0]]), r"outcomes .*\(1, 1\)"),
        (lambda: propensity_array(HALVES, 4), r"propensities has shape \(3, 2\) for 4 outcomes"),
        (lambda: propensity_array(HALVES[:, :, None], 3), r"propensities has shape \(3, 2, 1\)"),
        (lambda: arm_vector([0, 2, 1], 3, 2, NAMES), r"arms holds 2 in row 1, .*2 columns.*red.*blue"),
        (lambda: arm_vector([0, -1, 1], 3, 2, NAMES), r"arms holds -1 in row 1"),
        (lambda: arm_vector([0, 1], 3, 2, NAMES), r"arms .*\(2,\)"),
        (lambda: check_size(5, 1), "arms are one arm only"),
        (lambda: check_size(2, 3), "outcomes hold 2 rounds for 3 arms"),
        (lambda: all_propensities(np.array([[0.5, 0.5], [1.2, -0.2], [0.5, 0.5]])), r"propensities .*row 1"),
        (lambda: all_propensities(HALVES * GAP[:, None]), r"propensities .*row 1"),
        (lambda: check_taken(np.array([0.5, 0.0]), np.array([0, 1]), NAMES), r"holds 0 .*'blue' in row 1"),
        (lambda: check_taken(np.array([np.nan, 0.5]), np.array([0, 1]), NAMES), r"holds nan .*'red' in row 0"),
        (lambda: check_taken(np.array([1.5]), np.array([0]), NAMES), r"holds 1.5 .*'red' in row 0"),
        (lambda: context_matrix(GAP, 3), r"contexts .*missing or infinite.*row.* 1\b"),
        (lambda: context_matrix(HALVES, 4), r"contexts .*\(3, 2\)"),
        (lambda: round_labels(GAP, 3, "time"), r"time .*row.* 1\b"),
        (lambda: round_labels(["a", None, "b"], 3, "batches"), r"batches .*row.* 1\b"),
        (lambda: round_labels(np.array(["2024-01-01", "NaT"], "M8[D]"), 2, "time"), r"time .*row.* 1\b"),
        (lambda: round_labels([1, 2], 3, "time"), r"time .*\(2,\)"),
    ],
)
def test_what_is_wrong_is_named_with_its_row(call, words):
    with pytest.raises(InvalidArgument, match=words):
        call()


def test_names_are_no_columns():
    with pytest.raises(InvalidType, match="from_frame"):
        arm_vector(["red", "blue", "red"], 3, 2, NAMES)
    with pytest.raises(InvalidType, match=r"0 … K−1"):
        arm_vector([0.5, 1.0, 0.0], 3, 2, NAMES)


@pytest.mark.parametrize("size", [1e308, -1e91])
def test_outcomes_whose_squares_no_double_holds_are_refused_with_their_row(size):
    frame = small_frame().astype({"sale": float})
    frame.loc[7, "sale"] = size
    with pytest.raises(ValueError, match=r"outcomes holds .* in row 7; expected finite numbers, below 1e\+90 in size"):
        AdaptiveLog.from_frame(frame, **COLUMNS)


def test_the_largest_outcomes_have_finite_estimates():
    rng = np.random.default_rng(0)
    frame = small_frame(200).assign(sale=rng.normal(size=200) * 1e89)
    values = estimate_arms(AdaptiveLog.from_frame(frame, **COLUMNS)).values
    assert np.isfinite(values[["estimate", "std_error", "lower", "upper", "skewness"]].to_numpy()).all()


def test_names_that_numpy_holds_are_told_as_plain_text():
    frame = small_frame().replace({"arm": {"red": "d01", "blue": "d02"}})
    names = np.array(["d01", "d02"])
    columns = COLUMNS | {"propensity": dict(zip(names, ["p_red", "p_blue"], strict=True)), "arms": names}
    log = AdaptiveLog.from_frame(frame, **columns)
    with pytest.raises(ValueError, match=r"^arm was 'd03', an unknown arm; the log has 'd01', 'd02'\. Did"):
        log.column(np.str_("d03"))
