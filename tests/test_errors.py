"""What the package raises: kinds, words, and survival of a trip between processes."""

import pickle

import numpy as np
import pytest

import causalbandit as cb
from causalbandit.errors import (
    Error,
    InvalidArgument,
    InvalidType,
    Rows,
    Setting,
    did_you_mean,
    listing,
    rows_told,
    shown,
)


@pytest.mark.parametrize("kind", [InvalidArgument, InvalidType])
def test_an_invalid_argument_is_a_value_error_that_begins_with_its_name(kind):
    error = kind("budget", "was 0; expected at least 1.")
    assert isinstance(error, (Error, ValueError))
    assert isinstance(error, TypeError) == (kind is InvalidType)
    assert str(error) == "budget was 0; expected at least 1."
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.argument, again.message) == (kind, error.argument, error.message)


@pytest.mark.parametrize("kind", [InvalidArgument, InvalidType])
def test_rows_in_a_message_can_be_told_by_other_numbers(kind):
    error = kind("results", "holds 7 in ", Rows([3]), "; leave it out (", Setting("drop", "True"), ").")
    assert str(error) == "results holds 7 in row 3; leave it out (drop=True)."
    for other in (error, pickle.loads(pickle.dumps(error))):
        told = other.with_rows(lambda row: 2 * row, "line")
        assert (type(told), str(told)) == (kind, "results holds 7 in line 6; leave it out (drop=True).")
    with pytest.raises(kind, match=r"^results holds 7 in line 5; "), rows_told(lambda row: row + 2, "line"):
        raise error
    with pytest.raises(kind, match=r"^results holds 7 in row 3; "), rows_told(None, "line"):
        raise error


def test_few_rows_are_listed():
    assert str(Rows(np.array([4, 9]))) == "rows 4, 9"
    assert str(Rows(range(5), "line")) == "lines 0, 1, 2, 3, 4"
    assert str(Rows(range(7)).told(lambda row: row + 1, "line")) == "lines 1, 2, 3, 4, 5, …"


def test_the_errors_are_public():
    assert cb.Error is Error
    assert cb.InvalidArgument is InvalidArgument


def test_the_nearest_name_is_suggested():
    assert did_you_mean("two-fase", ["one-phase", "two-phase"]) == " Did you mean 'two-phase'?"
    assert did_you_mean("x", ["two-phase"]) == ""
    assert did_you_mean(12, [10, 123]) == " Did you mean '123'?"


def test_long_listings_are_cut_and_counted():
    assert listing(["a", 1]) == "'a', 1"
    assert listing(range(10), most=3) == "0, 1, 2, … (7 more)"
    assert listing([]) == ""


def test_a_message_shows_plain_values_and_the_length_of_long_numbers():
    assert listing(np.array(["d01", "d02"])) == "'d01', 'd02'"
    assert shown(np.int64(7)) == "7"
    assert shown(np.datetime64("2024-01-02", "ns")).startswith("'2024-01-02")
    assert (shown(-(10**400)), shown(10**29)) == ("a number of 401 digits", "1" + "0" * 29)
