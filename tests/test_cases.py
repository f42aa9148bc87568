"""Cases in one test: all are run, in all combinations, and what failed is told with its case."""

import inspect

import pytest
from cases import together


def test_every_combination_is_run_once_with_the_fixtures():
    seen = []

    @together("letter", "ab")
    @together(("number", "word"), [(1, "one"), (2, "two")])
    def claim(letter, fixture, number, word):
        seen.append((letter, number, word, fixture))

    assert list(inspect.signature(claim).parameters) == ["fixture"]
    claim(fixture="here")
    assert seen == [(letter, *pair, "here") for letter in "ab" for pair in ((1, "one"), (2, "two"))]


def test_all_that_failed_are_told_with_their_cases():
    ran = []

    @together("number", range(4))
    def claim(number):
        ran.append(number)
        assert number != 1
        with pytest.raises(ZeroDivisionError):
            1 / max(number - 2, 0)

    with pytest.raises(BaseExceptionGroup, match="2 of 4 cases failed") as caught:
        claim()
    assert ran == [0, 1, 2, 3]
    assert [type(error) for error in caught.value.exceptions] == [AssertionError, pytest.fail.Exception]
    assert [error.__notes__ for error in caught.value.exceptions] == [["case: {'number': 1}"], ["case: {'number': 3}"]]
