"""The table of strategies by name."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from causalbandit.checks import instance, one_of
from causalbandit.strategies.strategy import Strategy

STRATEGIES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "two-phase": ("causalbandit.strategies.two_phase", "TwoPhase", {}),
    "two-phase-pooled": ("causalbandit.strategies.two_phase", "TwoPhase", {"pooled": True}),
    "top-two": ("causalbandit.strategies.top_two", "TopTwo", {}),
    "top-two-knows-tables": ("causalbandit.strategies.top_two", "TopTwo", {"knows_tables": True}),
    "uniform": ("causalbandit.strategies.baselines", "Uniform", {}),
    "successive-rejects": ("causalbandit.strategies.baselines", "SuccessiveRejects", {}),
    "sequential-halving": ("causalbandit.strategies.baselines", "SequentialHalving", {}),
    "uniform-plug-in": ("causalbandit.strategies.baselines", "UniformPlugIn", {}),
    "pomis-thompson": ("causalbandit.strategies.pomis_thompson", "POMISThompson", {}),
    "importance-weighted-knows-tables": ("causalbandit.strategies.baselines", "ImportanceWeighted", {}),
}
"""Name → (module, class, parameters). Modules are imported when a strategy is first asked for.

Names that end in "-knows-tables" are those of strategies that must be given all tables but the target's.
"""


def searching() -> list[str]:
    """Names of the strategies that need to be told no tables: those that a search can use as it is."""
    return [name for name in STRATEGIES if not name.endswith("-knows-tables")]


def strategy_from(strategy: Strategy | str) -> Strategy:
    """``strategy`` itself, or a new one for its name; a ValueError lists the names."""
    if isinstance(strategy, str):
        one_of(strategy, "strategy", STRATEGIES, "names, beside strategy objects")
        module, name, parameters = STRATEGIES[strategy]
        made: Strategy = getattr(import_module(module), name)(**parameters)
        return made
    return instance(strategy, "strategy", Strategy, "a name such as 'two-phase' or an object such as TwoPhase()")
