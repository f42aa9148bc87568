"""The terms of a study: everything that is settled when it is created, as the file keeps it."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from causalbandit.errors import InvalidArgument
from causalbandit.formats.graph_json import load_problem, problem_text
from causalbandit.history_rows import History
from causalbandit.problem import Problem
from causalbandit.randomness import RNG, seed_sequence
from causalbandit.spending import Limits, Spending
from causalbandit.strategies.catalogue import strategy_from
from causalbandit.strategies.stopping import StopWhenSure
from causalbandit.strategies.strategy import Strategy
from causalbandit.study.database import StudyError


@dataclass(frozen=True, eq=False)
class Terms:
    """What a study does and what it may cost, as `Study.create` takes it."""

    problem: Problem
    strategy: Strategy
    budget: int
    """T, the largest number of experiments; where the budget is a sum of money, as many as that buys."""
    seed: np.random.SeedSequence
    """Source of all randomness of the plan."""
    quorum: float
    stop: StopWhenSure | None
    history: History | None
    budget_money: float | None
    limits: Limits | None
    reduce: bool

    @property
    def given(self) -> tuple[int | None, float | None, Limits | None]:
        """The budget as it was given, a number of experiments or a sum of money, and the limits."""
        return (self.budget if self.budget_money is None else None), self.budget_money, self.limits

    @property
    def spending(self) -> Spending | None:
        """The budget with prices and limits; None for a number of experiments alone."""
        return Spending.of(self.problem.interventions, *self.given)

    def to_settings(self) -> dict[str, str]:
        """The terms as texts, for the file."""
        return {
            "problem": problem_text(self.problem),
            "strategy": json.dumps(_strategy_to_dict(self.strategy)),
            "budget": str(self.budget),
            "seed": json.dumps({"entropy": self.seed.entropy, "spawn_key": self.seed.spawn_key}),
            "quorum": repr(self.quorum),
            "stop": json.dumps(None if self.stop is None else dataclasses.asdict(self.stop)),
            "spending": json.dumps([self.budget_money, None if self.limits is None else self.limits.to_dict()]),
            "reduce": json.dumps(self.reduce),
            "history": json.dumps(None if self.history is None else self.history.to_dict()),
        }

    @classmethod
    def from_settings(cls, settings: Mapping[str, str], strategy: Strategy | str | None = None) -> Terms:
        """The terms that a file holds; a ``strategy`` of one's own must be given again, and must be the same."""
        try:
            seed = json.loads(settings["seed"])
            stop = json.loads(settings.get("stop", "null"))  # files from before the rule have none
            money, limits = json.loads(settings.get("spending", "[null, null]"))
            history = json.loads(settings.get("history", "null"))
            return cls(
                load_problem(io.StringIO(settings["problem"])),
                _strategy_from_dict(json.loads(settings["strategy"]), strategy),
                int(settings["budget"]),
                np.random.SeedSequence(seed["entropy"], spawn_key=tuple(seed["spawn_key"])),
                float(settings["quorum"]),
                None if stop is None else StopWhenSure(**stop),
                None if history is None else History.from_dict(history),
                money,
                None if limits is None else Limits(**limits),
                bool(json.loads(settings.get("reduce", "false"))),  # files from before experiment with all
            )
        except KeyError as error:
            raise StudyError(
                f"The study lacks its {error.args[0]!r}: the file is damaged. Nothing was changed."
            ) from None

    def require(self, problem: Problem | None, rng: RNG) -> None:
        """Raise when the caller believes in another problem or seed than the file holds."""
        if problem is not None and problem_text(problem) != problem_text(self.problem):
            why = "its graph, interventions, tables or texts differ from those of the one that was given"
            fix = "Open it without problem=, or create a new study. Nothing was changed"
            raise StudyError(f"The study is about another problem: {why}. {fix}.")
        if rng is not None:
            given = seed_sequence(rng)
            if (given.entropy, given.spawn_key) != (self.seed.entropy, self.seed.spawn_key):
                fix = "a plan has one seed. Open it without rng=. Nothing was changed"
                raise StudyError(
                    f"The study was created with the seed {self.seed.entropy}, not {given.entropy}; {fix}."
                )


def _strategy_to_dict(strategy: Strategy) -> dict[str, Any]:
    kind = type(strategy)
    parameters: dict[str, Any] = {}
    fields: tuple[dataclasses.Field[Any], ...] = (
        dataclasses.fields(strategy) if dataclasses.is_dataclass(strategy) else ()
    )
    for field in fields:
        value = getattr(strategy, field.name)
        if field.default is not dataclasses.MISSING and value == field.default:
            continue
        try:
            parameters[field.name] = json.loads(json.dumps(value))
        except TypeError:
            raise InvalidArgument(
                "strategy",
                f"has {field.name}={type(value).__name__}(...), which a study's file cannot hold; data from before go "
                "into the study's history.",
            ) from None
    return {"name": strategy.name, "class": f"{kind.__module__}:{kind.__qualname__}", "parameters": parameters}


def _strategy_from_dict(saved: Mapping[str, Any], given: Strategy | str | None) -> Strategy:
    if given is not None:
        chosen = strategy_from(given)
        if _strategy_to_dict(chosen) != saved:
            runs = f"{saved['name']!r} with {saved['parameters'] or 'its defaults'}, not {chosen!r}"
            raise StudyError(f"The study runs {runs}. Open it without strategy=. Nothing was changed.")
        return chosen
    module, _, name = saved["class"].partition(":")
    if module.split(".")[0] != "causalbandit":
        fix = "give it again: Study.open(path, strategy=...). Nothing was changed"
        raise StudyError(f"The study runs a strategy of its own, {saved['class']!r}; {fix}.")
    parameters = {key: tuple(value) if isinstance(value, list) else value for key, value in saved["parameters"].items()}
    made: Strategy = getattr(import_module(module), name)(**parameters)
    return made
