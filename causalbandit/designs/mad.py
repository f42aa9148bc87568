"""The Mixture Adaptive Design: a bandit experiment whose treatment effects stay inferable at every round.

In round t arm k is drawn with probability p_t(k) = δ_t/K + (1 − δ_t)q_t(k): a policy's q_t mixed with uniform
assignment. The scores 1{W = k}Y/p(k) − 1{W = 0}Y/p(0) are unbiased for the effect of arm k whatever the policy did, and
their running mean has a confidence sequence that holds at every round at once: look as often as you like, stop when you
like. The sequence is asymptotic. Where few rounds carry most of the information (rare or heavy-tailed outcomes, many
arms, a δ that falls fast) the variance that was seen is too small; a guard raises it (``variance="guarded"``, the
default), and a result that may be too short all the same carries a warning.

>>> import numpy as np
>>> from causalbandit.designs.thompson import BetaBernoulliThompson
>>> noise = np.random.default_rng(1)
>>> design = MixtureAdaptiveDesign(BetaBernoulliThompson(3), delta="slow", t_star=3000, rng=0)
>>> design.run(lambda arm: noise.binomial(1, (0.3, 0.4, 0.7)[arm]), 3000)
MixtureAdaptiveDesign(3 arms, control 0, 3000 rounds observed, 0 open)
>>> design.estimates()[["arm", "estimate", "lower", "upper"]].round(2).to_dict("records")[1]
{'arm': 2, 'estimate': 0.41, 'lower': 0.31, 'upper': 0.52}

With real traffic, assign and observe; outcomes may come late, out of order, or never:

>>> live = MixtureAdaptiveDesign(BetaBernoulliThompson(2), t_star=500, rng=0)
>>> first, second = live.assign(), live.assign()
>>> live.observe(second.id, 1)
>>> live.n_open
1

Sources: Liang & Bojinov (2024), "An Experimental Design for Anytime-Valid Causal Inference on Multi-Armed Bandits";
Molitor & Gold (2025), "Anytime-Valid Inference in Adaptive Experiments: Covariate Adjustment and Balanced Power".
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from causalbandit import checks
from causalbandit.designs.assignment_book import Assignment, AssignmentBook, finite_outcome
from causalbandit.designs.mad_record import OBSERVED
from causalbandit.designs.mad_results import LiveResults
from causalbandit.designs.mad_saving import (
    damage_told,
    design_to_dict,
    policy_from_dict,
    read_design,
    read_json,
    write_json,
)
from causalbandit.designs.mixing import drawn_arm, mix, policy_probabilities, rebalance
from causalbandit.designs.policies import CANNOT_AMEND, check_policy
from causalbandit.designs.running_contrasts import RunningContrasts
from causalbandit.designs.settings import MADSettings
from causalbandit.designs.unit_covariates import left_out, row_source
from causalbandit.errors import InvalidArgument
from causalbandit.randomness import RNG, generator, generator_from_state
from causalbandit.text import progress_bar


class MixtureAdaptiveDesign(LiveResults):
    """An adaptive experiment with K arms and anytime-valid intervals for the effect of each against a control.

    Parameters
    ----------
    policy
        Any object with ``probabilities()`` (K numbers, or a mapping name → number) and ``update(arm, outcome)``, where
        arms are indices 0..K−1; deterministic ones too. A policy of this package made without ``rng`` is seeded by the
        design.
    control
        The arm that the others are compared with.
    delta
        δ_t: a function of the round (1, 2, …) with t^(−1/4) < δ_t ≤ 1, checked at every round; or "uniform" (1: a
        completely randomised design), "slow" (t^-0.1), "fast" (t^-0.24). A function must not look at the data.
    alpha
        Error rate of all intervals together, or of each alone (``multiplicity``).
    t_star
        Where the sequence is tightest, at least 1; any value is valid if chosen before the data. It is compared with
        the variance sum S, about T·E[Y²/p], not with the round: the planned number of rounds T is the usual choice.
    arms
        Names of the K arms; default 0..K−1.
    n_arms
        K, for a policy that has no ``n_arms``; default: as many as it has ``probabilities()``.
    multiplicity
        "bonferroni": the K − 1 intervals hold together; "none": each holds alone.
    variance
        "guarded" (default): an arm's variance is at least what its draws and probabilities say (`VarianceGuard`);
        "realised": the source's sums of what happened, too short where few draws of an arm carry the estimate.
    outcome_model
        None; "pooled" or "split" least squares on covariates; "mean" (running means, no covariates); or a regressor
        with ``fit(X, y)`` and ``predict(X)``.
    model_options
        For least squares ``{"ridge": 0.0}``, for a regressor ``{"pooled": False, "refit": "geometric"}``
        (`RegressorModel`).
    covariates
        Names of the covariates; default: those of the first assignment.
    n_warmup
        The first so many observed rounds are used to fit the outcome model and give no score. The model's first
        prediction is 0: with outcomes far from 0, on the scale of their spread, give it at least a round, or centre
        them by a number that was chosen before the data.
    estimand
        "sample": the mean effect over the units of the experiment; "population": over the population they are drawn
        from, which adds the spread of predicted effects to the variance. Without covariates both are covered.
    decay
        None, or "inverse-sqrt" or a function x ↦ weight: settled arms give up their share of the policy, so that the
        others gain power. x counts rounds since the arm settled, from 1.
    precision
        In [0, 1): an arm is settled once it is significant and its interval at most (1 − precision) times as wide as
        when it first was.
    record_path, record_rounds
        Keep estimate and radius of every contrast at every round, 16(K − 1) bytes a round; and every assignment (arm,
        propensity, outcome, probabilities, covariates, predictions; 8 bytes each), which repeated or amended outcomes
        and the plots of rounds need.
    rng
        Seed or generator.

    Notes
    -----
    A round costs O(K), O(K + d³) with d covariates in least squares, whatever the number of rounds before it.
    Estimates use the observed rounds, in the order in which outcomes came; that is valid if arrival depends on neither
    arm nor outcome. Nothing is estimated for an arm before it and the control both have a score.

    Raises
    ------
    InvalidArgument
        For settings outside their range, before anything is computed (`MADSettings`).
    """

    def __init__(
        self,
        policy: Any,
        *,
        control: Hashable = 0,
        delta: str | Callable[[int], float] = "fast",
        alpha: float = 0.05,
        t_star: float = 1000,
        arms: Sequence[Hashable] | None = None,
        n_arms: int | None = None,
        multiplicity: str | None = "bonferroni",
        variance: Literal["guarded", "realised"] = "guarded",
        outcome_model: Any = None,
        model_options: Mapping[str, Any] | None = None,
        covariates: Sequence[str] | None = None,
        n_warmup: int = 0,
        estimand: Literal["sample", "population"] = "sample",
        decay: str | Callable[[float], float] | None = None,
        precision: float = 0.1,
        record_path: bool = True,
        record_rounds: bool = True,
        rng: RNG = None,
    ) -> None:
        check_policy(policy)
        settings = MADSettings(
            arms=_arm_names(policy, arms, n_arms),
            control=control,
            delta=delta,
            alpha=alpha,
            t_star=t_star,
            multiplicity=multiplicity,
            variance=variance,
            outcome_model=outcome_model,
            model_options=model_options or {},
            covariates=covariates,
            n_warmup=n_warmup,
            estimand=estimand,
            decay=decay,
            precision=precision,
            record_path=record_path,
            record_rounds=record_rounds,
        )
        self._begin(policy, settings, generator(rng))

    def _begin(self, policy: Any, settings: MADSettings, rng: np.random.Generator) -> None:
        self.policy, self.settings, self._rng = policy, settings, rng
        if hasattr(policy, "seed"):
            policy.seed(int(rng.integers(2**63)))
        self._book = AssignmentBook(settings)
        self._contrasts = RunningContrasts(settings)
        self._started = False
        self._warned_collinear = False
        if settings.covariates is not None or not settings.uses_covariates:
            self._start(len(settings.covariates or ()))

    def _start(self, n_covariates: int) -> None:
        """Make outcome model and record, once the number of covariates is known."""
        self._contrasts.start_model(n_covariates)
        self._book.start_record(n_covariates)
        self._started = True

    # -- one round ----------------------------------------------------------------------------------------------------

    def assign(self, covariates: Any = None) -> Assignment:
        """Draw an arm for the next unit.

        Parameters
        ----------
        covariates
            The unit's covariates, known before treatment: a mapping name → number, a pandas row, or a sequence. Needed
            with an outcome model that uses them, the same names every time. Predictions are made now and frozen.

        Returns
        -------
        Assignment
            ``id``, ``arm``, ``propensity``, ``round``. It stays open until `observe` is called with its id; many may be
            open at once.

        Raises
        ------
        InvalidArgument
            If covariates are missing, renamed, of another number, or not finite; if δ_t is not allowed; if the policy's
            probabilities are NaN, negative or do not sum to 1. Nothing has been assigned then.
        """
        settings, contrasts = self.settings, self._contrasts
        share = settings.share(self._book.n_assigned + 1)
        row = self._book.covariate_row(covariates)
        if not self._started:
            self._start(len(row or ()))
        chances = policy_probabilities(self.policy, settings.arms)
        if contrasts.shifts_power:
            chances = rebalance(np.array(chances), np.array(contrasts.weights())).tolist()
        probabilities = mix(share, chances, settings.n_arms)
        predictions = None if contrasts.model is None else list(contrasts.model.predict(row))
        return self._book.enter(drawn_arm(self._rng.random(), probabilities), probabilities, row, predictions)

    def observe(self, assignment_id: int, outcome: float, *, covariates: Any = None, amend: bool = False) -> None:
        """Enter the outcome of an assignment.

        Parameters
        ----------
        assignment_id
            The ``id`` that `assign` gave.
        outcome
            A finite number (True and False count as 1 and 0).
        covariates
            Optional; if given they must be those of the assignment.
        amend
            Replace an outcome that was entered before. Estimates, path and outcome model are then computed anew from
            the record (O(rounds)); predictions and propensities stay those that were used.

        Raises
        ------
        InvalidArgument
            For an outcome that is not a finite number or that the policy refuses (the assignment stays open), an
            unknown assignment, or one that was observed with another value (unless ``amend``; the same value does
            nothing).
        """
        book, contrasts = self._book, self._contrasts
        number = book.known_id(assignment_id)
        value = finite_outcome(outcome, number)
        if covariates is not None:
            book.check_covariates(number, covariates)
        entry = book.open.get(number)
        if entry is None:
            self._observe_again(number, value, amend)
            return
        self.policy.update(entry.arm, value)
        contrasts.take(entry.arm, value, entry.propensity, entry.probabilities, entry.predictions, entry.covariates)
        book.close(number, value, contrasts.rounds)
        if contrasts.rounds % 64 == 0 and self.settings.uses_covariates and not self._warned_collinear:
            notes = "; ".join(left_out(contrasts.model, book.covariates))
            if notes:
                self._warned_collinear = True
                warnings.warn(notes, UserWarning, stacklevel=2)  # last: as an error it leaves the state whole

    def _observe_again(self, number: int, outcome: float, amend: bool) -> None:
        """An outcome for an assignment that is not open: the same again, amended, or an error."""
        amended = self._book.amended(number, outcome, amend)
        if amended is None:
            return
        checks.methods(self.policy, "policy", ("amend",), CANNOT_AMEND)
        record, arm, old = amended
        self.policy.amend(arm, old, outcome)
        record.set_outcome(number - 1, outcome, record.value(number - 1, OBSERVED))
        self._contrasts.retake(record)

    # -- many rounds --------------------------------------------------------------------------------------------------

    def run(
        self,
        outcome_function: Callable[..., float],
        n_rounds: int | None = None,
        *,
        covariates: Any = None,
        stop_early: bool = True,
        progress: bool | None = None,
    ) -> MixtureAdaptiveDesign:
        """Assign and observe round after round, and return the design itself.

        Parameters
        ----------
        outcome_function
            ``outcome_function(arm)``, or ``outcome_function(arm, covariates)`` when there are covariates; ``arm`` is
            the arm's name.
        n_rounds
            Most rounds to run; default ``t_star``.
        covariates
            A frame or array with one row per round, or a function without arguments that gives a unit's covariates.
        stop_early
            Stop once every arm is settled (`finished`).
        progress
            Show a progress bar; default: on a terminal.
        """
        planned = int(self.settings.t_star) if n_rounds is None else n_rounds
        rounds = checks.whole_number(planned, "n_rounds", least=0, of="rounds")
        next_row = row_source(covariates, rounds)
        for number in progress_bar(rounds, "rounds", progress, iterable=range(rounds)):
            known = () if next_row is None else (next_row(number),)
            assignment = self.assign(*known)
            self.observe(assignment.id, outcome_function(assignment.arm, *known))
            if stop_early and self.finished:
                break
        return self

    def __repr__(self) -> str:
        return (
            f"MixtureAdaptiveDesign({len(self.arms)} arms, control {self.control!r}, {self.n_observed} rounds "
            f"observed, {self.n_open} open)"
        )

    # -- saving -------------------------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """The whole running design as JSON values: settings, learned state, open assignments, generator states.

        Functions of one's own (``delta``, ``decay``) and regressors are not in it; pass them again on loading.
        """
        state = {
            "book": self._book.state(),
            "contrasts": self._contrasts.state(),
            "warned_collinear": self._warned_collinear,
            "rng": self._rng.bit_generator.state,
        }
        return design_to_dict(self.settings, self.policy, state)

    @classmethod
    def from_dict(
        cls,
        saved: Mapping[str, Any],
        *,
        policy: Any = None,
        delta: Callable[[int], float] | None = None,
        decay: Callable[[float], float] | None = None,
        outcome_model: Any = None,
    ) -> MixtureAdaptiveDesign:
        """The design that `to_dict` gave; it continues bit for bit as the saved one would have.

        Parameters
        ----------
        saved
            What `to_dict` gave.
        policy, delta, decay, outcome_model
            Needed where the saved design used a policy, function or regressor of one's own: the same as before.
        """
        own = {"delta": delta, "decay": decay, "outcome_model": outcome_model}
        with damage_told():
            settings, stored, state = read_design(saved, own)
            design = cls.__new__(cls)
            design._begin(policy_from_dict(stored, policy), settings, generator(0))
            policy_from_dict(stored, design.policy)  # again: a policy saved without a generator has just been seeded
            if not design._started and state["book"]["covariates"] is not None:
                design._start(len(state["book"]["covariates"]))
            design._book.restore(state["book"])
            design._contrasts.restore(state["contrasts"])
            design._warned_collinear = state["warned_collinear"]
            design._rng = generator_from_state(state["rng"])
        return design

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the design to a JSON file; the old file is replaced only once the new one is complete on disk."""
        write_json(self.to_dict(), path)

    @classmethod
    def load(cls, path: str | os.PathLike[str], **own: Any) -> MixtureAdaptiveDesign:
        """The design in a file that `save` wrote; keywords as in `from_dict`."""
        return cls.from_dict(read_json(path), **own)


def _arm_names(policy: Any, arms: Sequence[Hashable] | None, n_arms: int | None) -> tuple[Hashable, ...]:
    """Names of the arms, from what is given first: names, number, the policy's own number, its probabilities."""
    own = getattr(policy, "n_arms", None)
    count = len(arms) if arms is not None else n_arms
    if count is None:
        count = own if own is not None else len(policy.probabilities())
    if n_arms not in (None, count) or own not in (None, count):
        raise InvalidArgument("arms", f"names {count}, n_arms was {n_arms} and the policy has {own}; they must agree.")
    return tuple(range(count)) if arms is None else tuple(arms)
