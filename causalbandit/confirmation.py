"""Proof of an effect: fresh, randomised experiments over chosen interventions and a control.

A search finds an intervention; what it estimates for the one it chose is too good on the average, because it was
chosen. `confirm` runs new experiments through a Mixture Adaptive Design and reads the same rounds in several ways, each
with its own promise (see `READINGS`).

>>> import networkx as nx
>>> from causalbandit import CausalGraph, CausalModel, InterventionSet, Problem
>>> graph = CausalGraph(nx.DiGraph([("ad", "sale")]), target="sale")
>>> model = CausalModel(graph, {"ad": [0], "sale": [0.2, 0.6]})
>>> problem = Problem(graph, InterventionSet(graph, [{}, {"ad": 1}]), model)
>>> proof = confirm(problem, [{"ad": 1}], budget=2_000, rng=0)
>>> proof.decided, proof.stopped, proof.n_experiments < 500
(True, True, True)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from causalbandit.adjustment import adjustment_covariates, require_covariates
from causalbandit.assignments import checked_assignment
from causalbandit.checks import error_rate, function, instance, listed, one_of, whole_number
from causalbandit.confirmation_results import READINGS, Confirmation, signs_told
from causalbandit.counts import as_asked, checked_values
from causalbandit.designs.mad import MixtureAdaptiveDesign
from causalbandit.designs.policies import FixedPolicy
from causalbandit.errors import InvalidArgument, listing
from causalbandit.interventions import InterventionSet, intervention_label
from causalbandit.observed_rows import Environment
from causalbandit.problem import Problem
from causalbandit.randomness import RNG, seed_sequence
from causalbandit.sequences.bernoulli_contrast import bernoulli_contrast
from causalbandit.sequences.bernoulli_region import Arm
from causalbandit.sequences.tilted_contrast import excluded
from causalbandit.text import progress_bar

Rows = npt.NDArray[np.uint8]
Source = Callable[[int, int], Rows]
"""Where experiments come from: rows [size, N] of 0 and 1 for an arm's place and a size."""

LEAST_PER_ARM = 10
"""Experiments that every arm must be able to get: with fewer no reading says anything."""
POOL = 512
"""Simulated experiments drawn at a time per arm: one draw of many rows costs hardly more than one of a row."""


def confirm(
    problem: Problem,
    interventions: Sequence[Mapping[str, int]] | Mapping[str, int],
    control: Mapping[str, int] | None = None,
    *,
    budget: int,
    rng: RNG = None,
    environment: Environment | None = None,
    batch_size: int | None = None,
    reading: str = "exact",
    alpha: float = 0.05,
    covariates: str | Sequence[str] | None = None,
    policy: Any = None,
    delta: Any = None,
    stop_early: bool = True,
    progress: bool | None = None,
) -> Confirmation:
    """The effects of chosen interventions against a control, from fresh randomised experiments.

    Parameters
    ----------
    problem : Problem
        Graph, interventions and goal; for simulated experiments with the true tables.
    interventions : sequence of mappings, or one mapping
        The chosen interventions, members of the problem's set.
    control : mapping, optional
        What they are compared with; {} (the default) fixes nothing.
    budget : int
        The largest number of experiments, at least 10 for every arm.
    rng : seed, SeedSequence or Generator, optional
        Same seed, same answer.
    environment : callable, optional
        ``run(intervention, size)`` runs real experiments, as in `search`; without it they are simulated.
    batch_size : int, optional
        Experiments between two looks at the data; by default 1 when simulated, a twentieth of the budget otherwise.
    reading : {"exact", "mad"}
        The reading that decides when to stop: both hold at any time.
    alpha : float
        Error rate in (0, 1) of all effects together, for each reading by itself.
    covariates : "graph" or sequence of str, optional
        Nodes that the MAD and AIPW readings adjust for: those that the graph says are fixed before the interventions
        act (`adjustment_covariates`), or names, which are checked against the graph.
    policy, delta : optional
        Of the Mixture Adaptive Design; by default every arm has the same chance in every round.
    stop_early : bool
        Stop once ``reading`` has decided the sign of every effect. Estimates at such a moment lean away from 0 on the
        average; the intervals do not suffer.
    progress : bool, optional
        Show a progress bar; by default only on a terminal.

    Returns
    -------
    Confirmation
        Estimates by every reading, the sentence for whoever decides, the rounds, a figure.

    Raises
    ------
    InvalidArgument
        Before any experiment: for an intervention outside the problem's set, a control among the chosen, a covariate
        that descends from an intervened node or is one, a budget that cannot give every arm 10 experiments.

    Notes
    -----
    Cost: a round of the design and a hundredth of a look per experiment; nothing grows with the rounds before.
    """
    if environment is not None:
        function(environment, "environment", "a function run(intervention, size) that returns a DataFrame")
    if batch_size is None and environment is None:
        batch_size = 1
    plan = ConfirmationPlan.of(
        problem, interventions, control, budget, batch_size, reading, alpha, covariates, stop_early
    )
    design_seed, world_seed = seed_sequence(rng).spawn(2)
    design = plan.design(design_seed, policy, delta)
    if environment is None:
        source = _simulated(problem, plan.arms, np.random.default_rng(world_seed))
    else:
        source = _asked(plan.arms, environment)
    rows, stopped = _run(plan, design, source, progress)
    return plan.confirmation(design, rows, stopped)


@dataclass(frozen=True, eq=False)
class ConfirmationPlan:
    """What a confirmation compares, what it may cost, and when it looks at its data, as `confirm` was told.

    The control is the first of the K ``arms``; ``batch_size`` experiments at least lie between two looks.
    """

    problem: Problem
    arms: InterventionSet
    budget: int
    batch_size: int
    reading: str
    alpha: float
    covariates: tuple[str, ...]
    stop_early: bool

    @classmethod
    def of(
        cls,
        problem: Problem,
        interventions: Sequence[Mapping[str, int]] | Mapping[str, int],
        control: Mapping[str, int] | None,
        budget: int,
        batch_size: int | None = None,
        reading: str = "exact",
        alpha: float = 0.05,
        covariates: str | Sequence[str] | None = None,
        stop_early: bool = True,
    ) -> ConfirmationPlan:
        """The plan of what `confirm` was given, checked; without a ``batch_size`` a twentieth of the budget."""
        instance(problem, "problem", Problem, "a Problem, from load_problem or Problem(...)")
        arms = chosen_arms(problem, interventions, control)
        whole_number(budget, "budget", least=LEAST_PER_ARM * len(arms), of="experiments", fix=_ENOUGH)
        one_of(reading, "reading", [name for name, promise in READINGS.items() if promise.any_time])
        alpha = error_rate(alpha)
        names = tuple(_covariates(arms, covariates))
        size = max(1, budget // 20) if batch_size is None else batch_size
        whole_number(size, "batch_size", least=1, most=budget, of="experiments")
        return cls(problem, arms, budget, size, reading, alpha, names, stop_early)

    def design(self, seed: np.random.SeedSequence, policy: Any = None, delta: Any = None) -> MixtureAdaptiveDesign:
        """The design before its first round; by default every arm has the same chance in every round."""
        return MixtureAdaptiveDesign(
            FixedPolicy(np.full(len(self.arms), 1 / len(self.arms))) if policy is None else policy,
            arms=self.arms.labels,
            control=self.arms.labels[0],
            delta=("uniform" if policy is None else "slow") if delta is None else delta,
            alpha=self.alpha,
            t_star=self.budget,
            record_path=False,
            rng=np.random.default_rng(seed),
        )

    @property
    def first_look(self) -> int:
        """The number of experiments before which nobody looks."""
        return LEAST_PER_ARM * len(self.arms)

    def next_look(self, used: int) -> int:
        """The number of experiments before which nobody looks again after a look at ``used``.

        A look at every hundredth more: a sequence that holds at any time may be looked at anywhere.
        """
        return used + max(self.batch_size, math.ceil(used / 100))

    def decided(self, design: MixtureAdaptiveDesign, rows: Rows, successes: Any, trials: Any) -> bool:
        """Whether the deciding reading tells the sign of every effect."""
        if self.reading == "mad":
            if not self.covariates:
                return signs_told(design.estimates())  # needs no row: a look costs no more the longer it goes on
            return self.confirmation(design, rows).decided
        return _told_apart(successes, trials, self.alpha, design.settings.planned)

    def confirmation(self, design: MixtureAdaptiveDesign, rows: Rows, stopped: bool = False) -> Confirmation:
        """What these rows [t, N] confirm."""
        return Confirmation(
            self.problem, self.arms, design, rows, self.reading, self.alpha, self.budget, stopped, self.covariates
        )


_ENOUGH = f"Every arm, the control included, needs {LEAST_PER_ARM}."


def chosen_arms(
    problem: Problem, interventions: Sequence[Mapping[str, int]] | Mapping[str, int], control: Mapping[str, int] | None
) -> InterventionSet:
    """The arms, control first, as a set of their own."""
    several = [interventions] if isinstance(interventions, Mapping) else interventions
    chosen = listed(several, "interventions", "a list of interventions, such as [decision.best]")
    control = checked_assignment(problem.graph, "control", {} if control is None else control)
    if not chosen:
        raise InvalidArgument("interventions", "name none; expected at least one to compare with the control.")
    outside = [one for one in chosen if one not in problem.interventions]
    if outside:
        expected = f"expected some of its {len(problem.interventions)} interventions"
        raise InvalidArgument("interventions", f"hold {listing(outside)}, which the problem does not list; {expected}.")
    if control in [dict(one) for one in chosen]:
        given = f"was {intervention_label(control)}, which is also among the chosen interventions"
        raise InvalidArgument("control", f"{given}; expected another one to compare them with.")
    return InterventionSet(problem.graph, [control, *map(dict, chosen)])


def _covariates(arms: InterventionSet, covariates: str | Sequence[str] | None) -> list[str]:
    if covariates is None:
        return []
    if isinstance(covariates, str):
        one_of(covariates, "covariates", ["graph"])
        return list(adjustment_covariates(arms.graph, arms))
    return require_covariates(arms.graph, arms, covariates)


def _simulated(problem: Problem, arms: InterventionSet, rng: np.random.Generator) -> Source:
    """Experiments drawn from the problem's tables, many at a time."""
    model, nodes, rngs = problem.require_model("A simulated confirmation"), list(arms.graph.nodes), rng.spawn(len(arms))
    pools = [np.empty((0, len(nodes)), dtype=np.uint8) for _ in range(len(arms))]

    def rows(arm: int, size: int) -> Rows:
        while len(pools[arm]) < size:
            drawn = model.sample(arms[arm], max(POOL, size), rng=rngs[arm])
            pools[arm] = np.concatenate([pools[arm], drawn[nodes].to_numpy(dtype=np.uint8)])
        taken, pools[arm] = pools[arm][:size], pools[arm][size:]
        return taken

    return rows


def _asked(arms: InterventionSet, environment: Environment) -> Source:
    """Experiments that a function of the user's runs; a node that it does not tell is 0."""

    def rows(arm: int, size: int) -> Rows:
        intervention = arms[arm]
        frame = environment(dict(intervention), size)
        seen = checked_values(arms.graph, intervention, frame)
        as_asked(len(frame), size, intervention)
        return np.stack([seen.get(node, np.zeros(size)) for node in arms.graph.nodes], axis=1).astype(np.uint8)

    return rows


def _run(
    plan: ConfirmationPlan, design: MixtureAdaptiveDesign, source: Source, progress: bool | None
) -> tuple[Rows, bool]:
    """Rows [t, N] in the order of the design's rounds, and whether the deciding reading ended the campaign."""
    arms, budget = plan.arms, plan.budget
    target = arms.graph.position(arms.graph.target)
    kept = np.empty((budget, len(arms.graph.nodes)), dtype=np.uint8)
    trials, successes = np.zeros((2, len(arms)), dtype=np.int64)
    used, next_look = 0, plan.first_look
    place = {label: arm for arm, label in enumerate(arms.labels)}
    with progress_bar(budget, "experiments", progress) as bar:
        while used < budget:
            drawn = [design.assign() for _ in range(min(plan.batch_size, budget - used))]
            at = [place[str(one.arm)] for one in drawn]
            rows = kept[used : used + len(drawn)]
            for arm in sorted(set(at)):
                own = [number for number, other in enumerate(at) if other == arm]
                for number, row in zip(own, source(arm, len(own)), strict=True):
                    rows[number] = row
            for one, arm, outcome in zip(drawn, at, rows[:, target].tolist(), strict=True):
                design.observe(one.id, float(outcome))
                trials[arm] += 1
                successes[arm] += outcome
            used += len(drawn)
            bar.update(len(drawn))
            if plan.stop_early and used >= next_look:
                next_look = plan.next_look(used)
                if plan.decided(design, kept[:used], successes, trials):
                    return kept[:used], used < budget
    return kept, False


def _told_apart(successes: Any, trials: Any, alpha: float, planned: int | None) -> bool:
    """Whether the exact reading tells the sign of every effect."""
    others = len(trials) - 1
    if planned is None:
        found = bernoulli_contrast(successes[1:], trials[1:], successes[0], trials[0], alpha, contrasts=others)
        return bool(((found.lower > 0) | (found.upper < 0)).all())
    arms = Arm(successes[1:], trials[1:] - successes[1:])
    control = Arm(*(np.full(others, count) for count in (successes[0], trials[0] - successes[0])))
    return bool(excluded(arms, control, alpha / others, planned).all())
