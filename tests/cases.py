"""Many small cases of one claim in one test, since a test by itself costs more than most of them take."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest


def together(names: str | Sequence[str], cases: Iterable[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Like ``pytest.mark.parametrize`` in a single test: every case is run, and all that failed are told together.

    Fixtures are made once for all cases. Several of these on one function try all combinations.
    """
    names = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    cases = [(case,) if len(names) == 1 else tuple(case) for case in cases]
    assert cases, "no case at all"

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def run_all(**fixtures: Any) -> None:
            failed: list[BaseException] = []
            for case in cases:
                chosen = dict(zip(names, case, strict=True))
                try:
                    function(**chosen, **fixtures)
                except (Exception, pytest.fail.Exception) as error:
                    error.add_note(f"case: {chosen}")
                    failed.append(error)
            if failed:
                raise BaseExceptionGroup(f"{len(failed)} of {len(cases)} cases failed", failed)

        del run_all.__wrapped__  # pytest would ask for the names of the cases as fixtures
        fixtures = [parameter for name, parameter in signature.parameters.items() if name not in names]
        run_all.__signature__ = signature.replace(parameters=fixtures)
        return run_all

    return decorate
