"""The options that prove a search's choice by fresh experiments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from causalbandit.cli.errors import BadInput, bad_input
from causalbandit.text import wrapped

if TYPE_CHECKING:
    from causalbandit.confirmation_results import Confirmation
    from causalbandit.decision import Decision
    from causalbandit.graph import CausalGraph
    from causalbandit.problem import Problem

SCALES = ("difference", "ratio", "one-more-per")
"""In percentage points, by how many times, and in how many experiments there is one more 1 of the target."""


@dataclass(frozen=True)
class Proof:
    """What ``--confirm``, ``--control``, ``--log`` and ``--scale`` ask for.

    Attributes
    ----------
    budget : int or None
        Fresh experiments; None: no confirmation.
    control : str or None
        What the choice is compared with, as typed.
    log : str or None
        The file for the rounds.
    scale : str
        One of `SCALES`: how the last sentence tells the effect.
    """

    budget: int | None
    control: str | None
    log: str | None
    scale: str = "difference"

    def check(self, problem: Problem) -> None:
        """Before the search: whether the options fit together and the problem."""
        if self.budget is None:
            scale = None if self.scale == SCALES[0] else self.scale
            for option, value in (("--control", self.control), ("--log", self.log), ("--scale", scale)):
                if value is not None:
                    fix = "say how many experiments it may take (--confirm)"
                    raise BadInput(f"{option}: is for a confirmation; {fix}.")
            return
        from causalbandit.confirmation import LEAST_PER_ARM

        if self.budget < 2 * LEAST_PER_ARM:
            expected = f"expected at least {LEAST_PER_ARM} for the choice and {LEAST_PER_ARM} for the control"
            raise BadInput(f"--confirm: {self.budget} experiments are too few; {expected}.")
        control_of(self.control, problem.graph)

    def run(self, decision: Decision, seed: int) -> Confirmation | None:
        """The confirmation of the search's choice; None when none was asked for or the choice is the control."""
        if self.budget is None:
            return None
        control = control_of(self.control, decision.problem.graph)
        if decision.best == control:
            return None
        import numpy as np

        from causalbandit.confirmation import confirm

        # The search has spawned the first two children of the seed.
        fresh = np.random.SeedSequence(seed, spawn_key=(2,))
        return confirm(decision.problem, decision.best, control, budget=self.budget, rng=fresh)

    def words(self, found: Confirmation | None, quiet: bool) -> list[str]:
        """What is printed of it; the sentence comes last."""
        if found is None:
            return ["\nThe search chose the control itself: there is nothing to confirm."]
        sentence = found.sentence(self.scale)
        if quiet:
            return [sentence]
        rest = found.summary().partition("\n\n")[2]
        return [f"\nConfirmation by fresh experiments\n{rest}\n", "\n".join(wrapped(sentence))]


def control_of(text: str | None, graph: CausalGraph) -> dict[str, Any]:
    """The intervention of ``--control``, once it is one on the graph."""
    from causalbandit.interventions import InterventionSet

    control = assignment_of(text or "", "--control")
    with bad_input("--control"):
        InterventionSet(graph, [control])
    return control


def assignment_of(text: str, option: str) -> dict[str, Any]:
    """The intervention that is typed as ``node=0,other=1,ad=campaign``; nothing is the one that fixes nothing."""
    assignment: dict[str, Any] = {}
    for part in text.split(","):
        node, equals, value = part.strip().rpartition("=")
        if not part.strip():
            continue
        if not equals or not value.strip() or (value.strip().isdigit() and value.strip() not in ("0", "1")):
            raise BadInput(f"{option}: {part.strip()!r} is no assignment; expected node=0 or node=1, comma separated.")
        assignment[node.strip()] = int(value) if value.strip() in ("0", "1") else value.strip()
    return assignment
