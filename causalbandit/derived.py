"""What is computed from an object once and kept with it.

>>> kept = Derived()
>>> kept.once("squares", lambda: [n * n for n in range(4)])
[0, 1, 4, 9]
>>> kept.once("squares", lambda: [])
[0, 1, 4, 9]
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class Derived(dict[Hashable, Any]):
    """Results by the name of the computation and all that it depends on beside the object."""

    def once(self, key: Hashable, compute: Callable[[], T]) -> T:
        """What ``compute`` gave the first time that it was asked for under ``key``."""
        if key not in self:
            self[key] = compute()
        found: T = self[key]
        return found
