"""Strategies by name."""

import pytest
from cases import together

from causalbandit import TwoPhase
from causalbandit.strategies.catalogue import STRATEGIES, searching, strategy_from
from causalbandit.strategies.strategy import Strategy


@together("name", STRATEGIES)
def test_every_name_makes_a_strategy_of_that_name(name):
    made = strategy_from(name)
    assert isinstance(made, Strategy)
    assert made.name == name
    assert getattr(made, "knows_tables", False) == name.endswith("-knows-tables")


def test_an_object_stays_as_it_is():
    mine = TwoPhase(pooled=True)
    assert strategy_from(mine) is mine


def test_strategies_that_must_be_given_tables_are_not_offered_for_searching():
    assert set(STRATEGIES) - set(searching()) == {"top-two-knows-tables", "importance-weighted-knows-tables"}


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (
            "tow-phase",
            ValueError,
            r"strategy was 'tow-phase'; known names, .*Did you mean 'two-phase'\?",
        ),
        (TwoPhase, TypeError, r"strategy was the class TwoPhase; expected .*such as TwoPhase\(\)"),
        (3, TypeError, r"strategy was a int; expected a name such as 'two-phase'"),
    ],
)
def test_what_is_no_strategy_is_refused(given, error, words):
    with pytest.raises(error, match=words):
        strategy_from(given)
