"""The options that prove a search's choice by fresh experiments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from causalbandit.cli.errors import BadInput, bad_input
from causalbandit.cli.options import gathered, whole_number
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
    """What ``--confirm``, ``--control``, ``--scale`` and ``--log`` ask for; without the first, no confirmation."""

    confirm: int | None
    control: str | None
    scale: str
    log: str | None

    def check(self, problem: Problem) -> None:
        """Before the search: whether the options fit together and the problem."""
        if self.confirm is None:
            for option, value, default in (
                ("--control", self.control, None),
                ("--log", self.log, None),
                ("--scale", self.scale, SCALES[0]),
            ):
                if value != default:
                    fix = "say how many experiments it may take (--confirm)"
                    raise BadInput(f"{option}: is for a confirmation; {fix}.")
            return
        from causalbandit.confirmation import LEAST_PER_ARM

        if self.confirm < 2 * LEAST_PER_ARM:
            expected = f"expected at least {LEAST_PER_ARM} for the choice and {LEAST_PER_ARM} for the control"
            raise BadInput(f"--confirm: {self.confirm} experiments are too few; {expected}.")
        control_of(self.control, problem.graph)

    def run(self, decision: Decision, seed: int) -> Confirmation | None:
        """The confirmation of the search's choice; None when none was asked for or the choice is the control."""
        if self.confirm is None:
            return None
        control = control_of(self.control, decision.problem.graph)
        if decision.best == control:
            return None
        import numpy as np

        from causalbandit.confirmation import confirm

        # The search has spawned the first two children of the seed.
        fresh = np.random.SeedSequence(seed, spawn_key=(2,))
        return confirm(decision.problem, decision.best, control, budget=self.confirm, rng=fresh)

    def words(self, found: Confirmation | None, quiet: bool) -> list[str]:
        """What is printed of it; the sentence comes last."""
        if found is None:
            return ["\nThe search chose the control itself: there is nothing to confirm."]
        sentence = found.sentence(self.scale)
        if quiet:
            return [sentence]
        rest = found.summary().partition("\n\n")[2]
        return [f"\nConfirmation by fresh experiments\n{rest}\n", "\n".join(wrapped(sentence))]


proof_options = gathered(
    "proof",
    Proof,
    click.option("--confirm", metavar="T", type=whole_number, help="Prove the choice by up to T fresh experiments."),
    click.option("--control", metavar="A=1,...", help="What the choice is compared with.  [default: fixing nothing]"),
    click.option(
        "--scale",
        type=click.Choice(SCALES),
        default=SCALES[0],
        show_default=True,
        help="How the confirmation's last sentence tells the effect.",
    ),
    click.option("--log", metavar="CSV", help="Write the rounds of the confirmation to CSV; ate reads them."),
)


def control_of(text: str | None, graph: CausalGraph) -> dict[str, Any]:
    """The intervention of ``--control``, once it is one on the graph."""
    from causalbandit.assignments import checked_assignment

    control = assignment_of(text or "", "--control")
    with bad_input("--control"):
        return checked_assignment(graph, "intervention", control)


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
