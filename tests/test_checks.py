"""Checks at the door: what passes comes back as the rest of the package uses it, what does not is named."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from cases import together

from causalbandit import checks
from causalbandit.arrays import BLOCK_ELEMENTS
from causalbandit.checks import (
    ascending,
    binary_column,
    broadcast,
    columns_present,
    distinct,
    error_rate,
    finite_array,
    function,
    instance,
    interval,
    listed,
    methods,
    no_gaps,
    nodes_present,
    number,
    numeric_array,
    one_each,
    one_of,
    probability_rows,
    shaped,
    share,
    whole_number,
    zeros_and_ones,
)
from causalbandit.errors import InvalidArgument, InvalidType, shown


def refusal(check, *arguments, error=InvalidArgument, **keywords):
    """The message with which a check refuses its first argument."""
    with pytest.raises(error) as caught:
        check(*arguments, **keywords)
    assert type(caught.value) is error
    return str(caught.value)


def test_whole_numbers_pass_as_int():
    for given in (3, np.int64(3), np.uint8(3)):
        passed = whole_number(given, "size", least=3, most=3)
        assert (passed, type(passed)) == (3, int)


def test_what_is_no_whole_number_is_refused():
    for given in (3.0, "3", True, np.True_, None, np.float64(3)):
        said = refusal(whole_number, given, "size", error=InvalidType)
        assert said == f"size was {shown(given)}; expected a whole number."
    assert refusal(whole_number, 2, "size", least=3) == "size was 2; expected a whole number of at least 3."
    assert "from 1 to 1,000." in refusal(whole_number, 0, "size", least=1, most=1000)
    assert "at most 1,000." in refusal(whole_number, 1001, "size", most=1000)
    said = refusal(whole_number, 0, "budget", least=1, of="experiments", fix="Raise it.")
    assert said == "budget was 0; expected a whole number of experiments, at least 1. Raise it."


def test_numbers_pass_as_float():
    for given in (1, 1.0, np.float32(1), Fraction(1), np.int8(1)):
        passed = number(given, "scale", least=1, most=1)
        assert (passed, type(passed)) == (1.0, float)


def test_bounds_are_kept_and_named():
    assert number(0, "x", least=0) == 0
    assert refusal(number, 0, "x", above=0) == "x was 0; expected a finite number above 0."
    assert refusal(number, -1, "x", least=0, below=2) == "x was -1; expected a finite number at least 0 and below 2."
    assert "below 2" in refusal(number, 2, "x", below=2)
    assert "at most 2" in refusal(number, 2.5, "x", most=2)
    for given in (float("nan"), float("inf"), 10**400):
        assert "expected a finite number" in refusal(number, given, "x")
    for given in ("1", None, True, 1j, [1]):
        assert "expected a finite number" in refusal(number, given, "x", error=InvalidType)


def test_a_share_may_be_0_and_1_and_an_error_rate_may_not():
    assert (share(0, "epsilon"), share(1, "epsilon")) == (0.0, 1.0)
    assert "epsilon was 1.5" in refusal(share, 1.5, "epsilon")
    assert error_rate(0.05) == 0.05
    for given in (0, 1, 5, -0.1, float("nan"), "0.05", None):
        said = refusal(error_rate, given)
        assert said == f"alpha was {given!r}; it is an error rate between 0 and 1, for example 0.05."


def test_an_option_is_one_of_those_known():
    assert one_of("max", "goal", ("max", "min")) == "max"
    assert one_of(None, "scheme", ("a", None)) is None
    assert refusal(one_of, "mix", "goal", ("max", "min")) == "goal was 'mix'; known: 'max', 'min'. Did you mean 'min'?"
    assert "known goals: 'max'" in refusal(one_of, 3, "goal", ("max",), "goals")
    assert "known" in refusal(one_of, True, "k", (1, 2))
    assert "known" in refusal(one_of, np.array(["max"]), "goal", ("max",))


def test_an_instance_is_no_class_and_nothing_else():
    assert instance(3, "n", int, "a number") == 3
    assert refusal(instance, "3", "n", int, "a number", error=InvalidType) == "n was a str; expected a number."
    assert refusal(instance, int, "n", int, "a number", error=InvalidType) == "n was the class int; expected a number."


def test_arrays_of_numbers_pass_as_doubles():
    for given in ([1, 2], np.array([1, 2], dtype=np.int8), pd.Series([1.0, 2.0]), [True, 2]):
        passed = numeric_array(given, "outcomes", "use numbers")
        assert passed.dtype == np.float64
        assert passed.tolist() == [1.0, 2.0]


@together(
    ("given", "words"),
    [
        (None, "is None; expected an array of numbers (use 0 and 1)."),
        (["a"], "holds values that are not numbers; use 0 and 1."),
        (pd.to_datetime(["2024-01-01"]), "holds dates"),
        (pd.to_timedelta(["1 day"]), "holds durations"),
        ([1j], "holds complex numbers"),
    ],
)
def test_arrays_of_other_things_are_refused(given, words):
    assert words in refusal(numeric_array, given, "outcomes", "use 0 and 1", error=InvalidType)


def test_ragged_rows_are_refused():
    assert "rows of different lengths" in refusal(numeric_array, [[1], [1, 2]], "outcomes", "use 0 and 1")


def test_the_first_value_that_is_not_finite_is_named_with_its_place():
    values = np.zeros((BLOCK_ELEMENTS, 2))
    assert finite_array(values, "scores") is values
    values[50_000, 1], values[60_000, 0] = np.inf, np.nan
    assert refusal(finite_array, values, "scores") == (
        "scores holds inf in row 50000, column 1; expected finite numbers."
    )
    assert "row 1;" in refusal(finite_array, np.array([0, np.nan]), "y")


def test_names_that_stand_twice_are_refused():
    distinct(["a", "b"], "arms")
    assert refusal(distinct, ["a", "b", "b", "a"], "arms") == "arms names 'b' twice; expected different names."


def test_a_list_is_no_text_no_mapping_and_no_number():
    assert listed(("a", "b"), "nodes", "a list of nodes") == ["a", "b"]
    for given in ("ab", b"ab", {"a": 1}, 3, None):
        assert "expected a list of nodes" in refusal(listed, given, "nodes", "a list of nodes", error=InvalidType)


def test_methods_and_functions_are_named():
    methods([], "names", ("append", "pop"), "names grow")
    said = refusal(methods, 3, "policy", ("update", "amend"), "a policy learns", error=InvalidType)
    assert said == "policy was 3, which has no update() and amend(): a policy learns."
    assert "the class list" in refusal(methods, list, "names", ("append",), "names grow", error=InvalidType)
    assert function(len, "run", "a function run(size)") is len
    assert "run was 'len'; expected a" in refusal(function, "len", "run", "a function run(size)", error=InvalidType)


def test_labels_intervals_and_ascending_numbers_are_checked():
    one_each(["a", "b"], "names", 2, "arms")
    assert refusal(one_each, ["a"], "names", 2, "arms") == "names has 1 labels for 2 arms; expected one for each."
    assert interval((0, np.float64(2)), "bounds") == (0.0, 2.0)
    for given in ((1, 1), (2, 1), (0, np.inf), (np.nan, 1), (0,), 3, "ab"):
        assert "expected two finite numbers" in refusal(interval, given, "bounds")
    assert ascending((1, np.int64(5)), "at", 1, 5, "rounds") == [1, 5]
    assert "holds 3 before 3" in refusal(ascending, [1, 3, 3], "at", 1, 5, "rounds")
    assert "from 1 to 5" in refusal(ascending, [1, 6], "at", 1, 5, "rounds")
    assert "at was 1.5" in refusal(ascending, [1.5], "at", 1, 5, "rounds", error=InvalidType)


def test_shapes_are_numbers_or_letters():
    array = np.zeros((3, 2))
    assert shaped(array, "scores", ("T", 2)) is array
    assert refusal(shaped, array, "scores", ("T", 3), "a row each") == (
        "scores has shape (3, 2); expected [T, 3]: a row each."
    )
    assert "expected (3,)" in refusal(shaped, array, "scores", (3,))
    assert "has shape (0, 2)" in refusal(shaped, array[:0], "scores", ("T", 2))
    assert broadcast(np.ones(2), "scores", (3, 2)).shape == (3, 2)
    assert "does not broadcast to (3, 2)" in refusal(broadcast, np.ones(4), "scores", (3, 2))


def test_bounds_of_an_array_are_kept_and_the_place_is_named():
    assert finite_array(np.array([0.0, 1.0]), "p", least=0, most=1).tolist() == [0.0, 1.0]
    assert "holds 2 in row 1; expected" in refusal(finite_array, np.array([0.0, 2.0]), "p", most=1)
    assert "holds nan at [0, 1, 0]" in refusal(finite_array, np.array([[[0.0], [np.nan]]]), "p")


def test_probability_rows_are_not_negative_and_sum_to_one():
    rows = np.array([[0.5, 0.5], [1.0, 0.0]])
    assert probability_rows(rows, "policy") is rows
    assert "holds -0.1 in row 1, column 1" in refusal(probability_rows, rows - [[0, 0], [0, 0.1]], "policy")
    said = refusal(probability_rows, rows * 0.9, "policy", fix="Divide by it.")
    assert said == "policy sum to 0.9 in row 0; expected 1 within 1e-06. Divide by it."
    assert "holds nan" in refusal(probability_rows, rows * np.nan, "policy")


def test_columns_of_tables_hold_zeros_and_ones_or_gaps():
    assert binary_column(pd.Series(["0", "1", True], name="a"), "rows", "mend it").tolist() == [0, 1, 1]
    assert binary_column(pd.Series([0, 1], dtype="category"), "rows", "mend it").tolist() == [0, 1]
    gaps = binary_column(pd.Series([0, pd.NA], dtype="Int64", name="a"), "rows", "mend it", gaps=True)
    assert gaps[0] == 0
    assert np.isnan(gaps[1])
    said = refusal(binary_column, pd.Series([0, 2, None], name="a"), "rows", "mend it")
    assert said == (
        "rows holds 'a' = 2.0 in row 1; expected 0 or 1. 2 of 3 values of this column are something else: mend it."
    )
    assert "in row 1; expected 0 or 1. Count." in refusal(zeros_and_ones, np.array([1.0, 0.5]), "outcomes", "Count.")
    no_gaps(np.zeros(3, dtype=bool), "arm", "name it")
    assert refusal(no_gaps, np.arange(9) > 1, "arm", "name it") == (
        "arm is missing in 7 of 9 rows (rows 2, 3, 4, 5, 6, …); name it."
    )


def test_columns_of_tables_are_there_once():
    columns_present(["a"], "arm", ["a", "b", "b"])
    assert "names 'b', but the table has 2 such columns" in refusal(columns_present, ["b"], "arm", ["a", "b", "b"])
    assert "Did you mean 'sales'?" in refusal(columns_present, ["sale"], "outcome", ["sales"])
    nodes_present(["a"], "rows", ["a", "b"])
    assert "rows has no column for 'c'" in refusal(nodes_present, ["a", "c"], "rows", ["a", "b"])


@together(
    "check",
    [
        checks.whole_number,
        checks.number,
        checks.share,
        checks.error_rate,
        lambda value, name: checks.whole_number(value, name, least=1, most=9),
        lambda value, name: checks.ascending([1, value], name, 1, 9, "rounds"),
        lambda value, name: checks.interval((0, value), name),
        lambda value, name: checks.numeric_array([0, value], name, "numbers"),
    ],
)
@together("value", [10**400, -(10**5000)])
def test_a_number_beyond_all_doubles_is_refused_by_name(check, value):
    if check is checks.whole_number:
        assert check(value, "budget") == value
        return
    with pytest.raises(InvalidArgument, match=r"^budget "):
        check(value, "budget")
