"""Strategies named on the command line: those of the catalogue, and anybody's own by import path."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from causalbandit.cli.errors import BadInput
from causalbandit.errors import InvalidArgument, did_you_mean
from causalbandit.strategies.catalogue import STRATEGIES, strategy_from
from causalbandit.strategies.strategy import Strategy

MEMBERS = ("name", "needs", "smallest_budget", "run")
"""What a strategy has, see `causalbandit.strategies.strategy.Strategy`."""


def named_strategies(names: Sequence[str]) -> dict[str, Strategy]:
    """Label → strategy: catalogue names as they are; for ``module:Name`` and ``file.py:Name`` the strategy's own name,
    or the import path where that name is another's.

    Raises
    ------
    BadInput
        For unknown names, modules, files and members, what is no strategy, and the same label twice.
    """
    labelled: dict[str, Strategy] = {}
    for name in names:
        if ":" not in name:
            if name.endswith(".py"):
                raise BadInput(f"STRATEGY: {name!r} names a file; expected {name}:NAME, the strategy in it.")
            try:
                label, strategy = name, strategy_from(name)
            except InvalidArgument as error:
                raise BadInput(f"STRATEGY {error.message} Your own: package.module:NAME or file.py:NAME.") from error
        else:
            strategy = _own_strategy(name)
            label = strategy.name if strategy.name not in STRATEGIES and strategy.name not in labelled else name
        if label in labelled:
            raise BadInput(f"STRATEGY: {name!r} was named twice; name each once.")
        labelled[label] = strategy
    return labelled


def _own_strategy(path: str) -> Strategy:
    place, _, name = path.rpartition(":")
    if place.endswith(".py"):
        module = _file_module(place)
    else:
        module = _imported(place, os.getcwd(), f"the module {place!r} cannot be imported")
    if not hasattr(module, name):
        public = [word for word in vars(module) if not word.startswith("_")]
        raise BadInput(f"STRATEGY: {place!r} holds no {name!r}.{did_you_mean(name, public)}")
    found: Any = getattr(module, name)
    if isinstance(found, type) or (callable(found) and not isinstance(found, Strategy)):
        try:
            found = found()
        except Exception as error:
            fix = "Name an object in the file, made with its parameters, or give the class defaults"
            raise BadInput(f"STRATEGY: {path!r} cannot be made: {_what(error)}. {fix}.") from error
    if not isinstance(found, Strategy):
        missing = [member for member in MEMBERS if not hasattr(found, member)]
        needs = "a strategy has name, needs, smallest_budget(task) and run(task, budget, rng)"
        raise BadInput(f"STRATEGY: {path!r} is no strategy: it lacks {', '.join(missing)}; {needs}.")
    return found


def _file_module(path: str) -> ModuleType:
    """The file's module, imported by the name that worker processes can import it by, too."""
    place = Path(path).resolve()
    if not place.is_file():
        raise BadInput(f"STRATEGY: there is no file {path!r}.")
    taken = sys.modules.get(place.stem)
    if taken is not None and getattr(taken, "__file__", None) != str(place):
        raise BadInput(f"STRATEGY: {path!r} has the name of another module, {place.stem!r}; rename the file.")
    return _imported(place.stem, str(place.parent), f"{path!r} cannot be run")


def _imported(name: str, folder: str, failure: str) -> ModuleType:
    if folder not in sys.path:  # a console script does not look where it was called
        sys.path.insert(0, folder)
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise BadInput(f"STRATEGY: {failure}: {_what(error)}.") from error


def _what(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
