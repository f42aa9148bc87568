"""The Mixture Adaptive Design: a bandit experiment whose treatment effects stay inferable at every round.

In round t arm k is drawn with probability p_t(k) = δ_t/K + (1 − δ_t)q_t(k): a policy's q_t mixed with uniform
assignment. The scores 1{W = k}Y/p(k) − 1{W = 0}Y/p(0) are unbiased for the effect of arm k whatever the policy did, and
their running mean has a confidence sequence that holds at every round at once: look as often as you like, stop when you
like.

That the sequence is asymptotic shows where few rounds carry most of the information. Over 2,000 simulated experiments
of 2,000 rounds with δ_t = t^-0.24 and t* = T, the share in which any 95 % interval misses at any round from 100 on is
at most 0.066 for two or four arms with equal Bernoulli means of 0.05, 0.5 or 0.95, at most 0.015 for Student t(3)
outcomes, but about 0.075 for four arms of which the control rarely succeeds or rarely fails (means 0.05 to 0.35, where
it is 0.03 with t* = 4T, or 0.95 to 0.65), and up to 0.12 for lognormal outcomes (σ = 1.5): 0.19 when counted from round
50, 0.06 from round 500. With δ = 1 the Bernoulli and Student cells are at most 0.034. With rare or heavy-tailed
outcomes use a slower δ, and do not stop within the first hundreds of rounds.

>>> import numpy as np
>>> from causalbandit.designs.policies import BetaBernoulliThompson
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

import math
import numbers
import os
from array import array
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from causalbandit.designs import outcome_models
from causalbandit.designs.mad_record import (
    ARM,
    OBSERVED,
    OUTCOME,
    PROPENSITY,
    RoundRecord,
    doubles_from_text,
    doubles_to_text,
)
from causalbandit.designs.mad_saving import design_to_dict, read_design, read_json, write_json
from causalbandit.designs.mixing import (
    SMALLEST_WEIGHT,
    check_precision,
    decay_function,
    mix,
    mixing_sequence,
    mixing_share,
    rebalance,
)
from causalbandit.designs.policies import check_policy, generator_from_state
from causalbandit.designs.running_contrasts import (
    ASSUMPTIONS,
    ContrastSums,
    check_estimand,
    contrast_alpha,
    contrast_lines,
    contrast_table,
    control_index,
    path_frame,
)
from causalbandit.designs.unit_covariates import CovariateReader, row_source
from causalbandit.errors import listing
from causalbandit.inference.scores import inverse_propensity_residual
from causalbandit.randomness import RNG, generator
from causalbandit.sequences.asymptotic import asymptotic_radius, asymptotic_rho

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


class Assignment(NamedTuple):
    """One unit's assignment: give ``arm`` to the unit, report its outcome under ``id``."""

    id: int
    """Number of the assignment, 1, 2, …; the handle for `MixtureAdaptiveDesign.observe`."""
    arm: Hashable
    """The arm to apply (its name)."""
    propensity: float
    """Probability with which this arm was drawn, in (0, 1]."""
    round: int
    """Round of the mixing sequence, equal to ``id``."""


class _Open(NamedTuple):
    """What an open assignment needs once its outcome comes: everything frozen when it was made."""

    arm: int
    propensity: float
    covariates: list[float] | None
    predictions: list[float] | None


class MixtureAdaptiveDesign:
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
        Error rate of all intervals together (of each alone with ``multiplicity=None``).
    t_star
        Where the sequence is tightest, at least 1; any value is valid if chosen before the data. It is compared with
        the variance sum S, about T·E[Y²/p], not with the round: the planned number of rounds T is the usual choice;
        with a fast δ and rare outcomes four times as much misses less often early on.
    arms
        Names of the K arms; default 0..K−1.
    n_arms
        K, for a policy that has no ``n_arms`` (otherwise its ``probabilities()`` are counted).
    multiplicity
        "bonferroni": the K − 1 intervals hold together; None: each holds alone.
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
        None, or "inverse-sqrt" or a function x ↦ weight: arms that are significant and tight enough give up their share
        of the policy, so that the others gain power. x counts rounds since the arm settled, from 1.
    precision
        An arm is settled once it is significant and its interval is at most (1 − precision) times as wide as when it
        first was. In [0, 1).
    record_path
        Keep estimate and radius of every contrast at every round: 16(K − 1) bytes a round.
    record_rounds
        Keep every assignment (arm, propensity, outcome, probabilities, covariates, predictions; 8 bytes each). Needed
        for repeated or amended outcomes and for the plots of rounds.
    rng
        Seed or generator.

    Notes
    -----
    A round costs O(K), O(K + d³) with d covariates in least squares, whatever the number of rounds before it.
    Estimates use the observed rounds, in the order in which outcomes came; that is valid if arrival depends on neither
    arm nor outcome. Nothing is estimated for an arm before it and the control both have a score.

    Raises
    ------
    ValueError, TypeError
        For settings outside their range, before anything is computed.
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
        self._rng = generator(rng)
        if hasattr(policy, "seed"):
            policy.seed(int(self._rng.integers(2**63)))
        self.policy = policy
        self.arms = _arm_names(policy, arms, n_arms)
        self._k = len(self.arms)
        self._control = control_index(control, self.arms)
        self._others = [k for k in range(self._k) if k != self._control]
        self._delta_setting, self._delta = delta, mixing_sequence(delta)
        asymptotic_rho(alpha, t_star)
        self.alpha, self.t_star, self.multiplicity = float(alpha), float(t_star), multiplicity
        self._alpha_each = contrast_alpha(self.alpha, self._k, multiplicity)
        self.estimand = check_estimand(estimand)
        self._decay_setting, self._decay = decay, decay_function(decay)
        self.precision = check_precision(precision)
        self.n_warmup = outcome_models.check_warmup(n_warmup, outcome_model)
        self.record_path, self.record_rounds = bool(record_path), bool(record_rounds)

        self._model_setting = outcome_model
        self._model_options = dict(model_options or {})
        self._model: Any = None
        self._uses_covariates = outcome_model is not None and outcome_model != "mean"
        self._reader = CovariateReader(covariates)
        self.n_assigned = 0
        self._open: dict[int, _Open] = {}
        self._record: RoundRecord | None = None
        self._warned_collinear = False
        if not self._uses_covariates:
            if covariates is not None:
                raise ValueError("covariates need an outcome_model that uses them: 'pooled', 'split' or a regressor.")
            self._fix_covariates(0)
        elif covariates is not None:
            self._fix_covariates(len(covariates))
        probe = self._new_model(1)  # a wrong name or option fails here, not at the first assignment
        self._crossed = probe is not None and not probe.orthogonal
        self._reset()

    def _reset(self) -> None:
        """Everything that outcomes have built: sums, path, settled arms."""
        self._sums = ContrastSums(
            self._k, self._control, population=self.estimand == "population", crossed=self._crossed
        )
        self.n_observed = 0
        self._pulls = [0] * self._k
        self._path = array("d")
        self._benchmark: list[float | None] = [None] * self._k
        self._settled_since: list[int | None] = [None] * self._k

    def _fix_covariates(self, number: int) -> None:
        """Fix the number of covariates, and with it the outcome model and the width of the record."""
        self._model = self._new_model(number)
        if self.record_rounds:
            self._record = RoundRecord(self._k, number, predicted=self._model is not None)

    def _new_model(self, n_covariates: int) -> Any:
        if self._model_setting is None:
            return None
        try:
            return outcome_models.outcome_model(self._model_setting, self._k, n_covariates, **self._model_options)
        except TypeError as error:
            if "keyword" in str(error):
                raise TypeError(f"model_options was {self._model_options!r}: {error}") from None
            raise

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
        ValueError
            If covariates are missing, renamed, of another number, or not finite; if δ_t is not allowed; if the policy's
            probabilities are NaN, negative or do not sum to 1. Nothing has been assigned then.
        """
        number = self.n_assigned + 1
        share = mixing_share(self._delta, number)
        row = self._covariate_row(covariates)
        probabilities = [mix(share, q, self._k) for q in self._policy_probabilities()]
        predictions = None if self._model is None else list(self._model.predict(row))
        arm = _drawn(self._rng.random(), probabilities)
        propensity = probabilities[arm]
        if self._record is not None:
            self._record.append(arm, propensity, probabilities, row or (), predictions or ())
        self._open[number] = _Open(arm, propensity, row, predictions)
        self.n_assigned = number
        return Assignment(number, self.arms[arm], propensity, number)

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
        ValueError
            For an outcome that is not a finite number or that the policy refuses (the assignment stays open), an
            unknown assignment, or one that was observed with another value (unless ``amend``; the same value does
            nothing).
        TypeError
            For an outcome that is no number.
        """
        assignment_id = self._known_id(assignment_id)
        value = _finite_outcome(outcome, assignment_id)
        entry = self._open.get(assignment_id)
        if covariates is not None:
            self._check_unchanged(assignment_id, covariates)
        if entry is None:
            self._observe_again(assignment_id, value, amend)
            return
        self.policy.update(entry.arm, value)
        del self._open[assignment_id]
        self._take(entry, value)
        if self._record is not None:
            self._record.set_outcome(assignment_id - 1, value, self.n_observed)
        if self._uses_covariates and not self._warned_collinear and self.n_observed % 64 == 0:
            self._warn_collinear()  # last: a warning that is turned into an error leaves the state whole

    def _take(self, entry: _Open, outcome: float) -> None:
        """Add one observed round to sums, outcome model, path and settled arms."""
        self.n_observed += 1
        self._pulls[entry.arm] += 1
        if self.n_observed > self.n_warmup:
            self._sums.add(entry.arm, outcome, entry.propensity, entry.predictions)
        if self._model is not None:
            self._model.update(entry.arm, entry.covariates, outcome)
        sums, path = self._sums, self._path
        for arm in self._others:
            if sums.sufficient(arm):
                estimate, variance_sum = sums.contrast(arm)
                radius = asymptotic_radius(variance_sum, sums.rounds, self._alpha_each, self.t_star)
                self._settle(arm, abs(estimate) >= radius, 2.0 * radius)
            else:
                estimate, radius = math.nan, math.inf
            if self.record_path:
                path.append(estimate)
                path.append(radius)

    def _settle(self, arm: int, significant: bool, width: float) -> None:
        """Follow an arm: settled once significant and tight enough, unsettled when significance is lost."""
        if not significant:
            self._settled_since[arm] = None
            return
        benchmark = self._benchmark[arm]
        if benchmark is None:
            self._benchmark[arm] = benchmark = width
        if self._settled_since[arm] is None and width <= (1.0 - self.precision) * benchmark:
            self._settled_since[arm] = self.n_observed

    def _policy_probabilities(self) -> list[float]:
        """The policy's probabilities, checked, with the share of settled arms moved to the others."""
        raw = self.policy.probabilities()
        if isinstance(raw, Mapping):
            keys = next((keys for keys in (self.arms, range(self._k)) if set(keys) == set(raw)), None)
            if keys is None:
                raise ValueError(
                    f"{type(self.policy).__name__}.probabilities() has the arms {listing(raw)}; "
                    f"expected exactly {listing(self.arms)}."
                )
            raw = [raw[key] for key in keys]
        given: list[float]
        try:
            given = raw.tolist() if isinstance(raw, np.ndarray) else [float(q) for q in raw]
        except (TypeError, ValueError):
            raise ValueError(
                f"{type(self.policy).__name__}.probabilities() gave {raw!r}; expected {self._k} non-negative numbers "
                "that sum to 1."
            ) from None
        total, valid = 0.0, len(given) == self._k
        for q in given if valid else ():
            valid = valid and q >= 0.0
            total += q
        if not valid or not abs(total - 1.0) <= 1e-6:
            raise ValueError(
                f"{type(self.policy).__name__}.probabilities() gave {given}; expected {self._k} non-negative numbers "
                "that sum to 1."
            )
        if total != 1.0:
            given = [q / total for q in given]
        if self._decay is not None and any(since is not None for since in self._settled_since):
            given = rebalance(np.array(given), np.array(self.weights)).tolist()
        return given

    @property
    def weights(self) -> list[float]:
        """Weight of each arm's share of the policy [K]: 1, less for settled arms when there is a decay."""
        if self._decay is None:
            return [1.0] * self._k
        return [
            1.0 if since is None else max(float(self._decay(self.n_observed + 1 - since)), SMALLEST_WEIGHT)
            for since in self._settled_since
        ]

    # -- input --------------------------------------------------------------------------------------------------------

    def _covariate_row(self, covariates: Any) -> list[float] | None:
        """One unit's covariates as numbers in the design's order; the first ones fix the outcome model."""
        if not self._uses_covariates:
            if covariates is not None:
                raise ValueError(
                    "covariates were given, but this design does not use any; make it with outcome_model='pooled' or "
                    "'split' (or a regressor) from the first round on."
                )
            return None
        row = self._reader.read(covariates)
        if self._model is None:
            self._fix_covariates(len(row))
        return row

    def _check_unchanged(self, assignment_id: int, covariates: Any) -> None:
        row = self._covariate_row(covariates)
        entry = self._open.get(assignment_id)
        if entry is not None:
            known = entry.covariates
        elif self._record is not None:
            table = self._record.table()[assignment_id - 1 : assignment_id]
            known = self._record.covariates(table)[0].tolist()
        else:
            return
        if row != known:
            raise ValueError(
                f"the covariates of assignment {assignment_id} were {known} when it was made, now {row}; covariates "
                "are measured before treatment and do not change."
            )

    def _known_id(self, assignment_id: Any) -> int:
        """The id of an assignment that was made, as an int: whole floats, as a frame's rows give them, count."""
        whole = isinstance(assignment_id, numbers.Real) and not isinstance(assignment_id, bool)
        if not (whole and 0 < assignment_id <= self.n_assigned and assignment_id == int(assignment_id)):
            raise ValueError(
                f"there is no assignment {assignment_id!r}; ids so far are 1 to {self.n_assigned}. Pass the id that "
                "assign() gave."
            )
        return int(assignment_id)

    def _observe_again(self, assignment_id: int, outcome: float, amend: bool) -> None:
        """An outcome for an assignment that is not open: repeated, amended, or an error."""
        if self._record is None:
            raise ValueError(
                f"assignment {assignment_id} was observed before, and this design keeps no record of outcomes to "
                "compare with (record_rounds=False)."
            )
        old = self._record.outcome(assignment_id - 1)
        if old == outcome:
            return
        if not amend:
            raise ValueError(
                f"assignment {assignment_id} was observed with the outcome {old:g}, now {outcome:g}; pass amend=True "
                "to correct it."
            )
        if not callable(getattr(self.policy, "amend", None)):
            raise ValueError(
                f"{type(self.policy).__name__} cannot take back an outcome; give it a method amend(arm, old, new)."
            )
        self.policy.amend(self._record.arm(assignment_id - 1), old, outcome)
        place = int(self._record.values[(assignment_id - 1) * self._record.width + OBSERVED])
        self._record.set_outcome(assignment_id - 1, outcome, place)
        self._replay(self._record)

    def _replay(self, record: RoundRecord) -> None:
        """Compute sums, path, outcome model and settled arms anew from the record."""
        table = record.observed()
        predictions = record.predictions(table)
        covariates = record.covariates(table).tolist()
        self._reset()
        self._model = self._new_model(record.n_covariates)
        for number, row in enumerate(table):
            entry = _Open(
                int(row[ARM]),
                float(row[PROPENSITY]),
                covariates[number] if self._uses_covariates else None,
                None if predictions is None else predictions[number].tolist(),
            )
            self._take(entry, float(row[OUTCOME]))

    def _warn_collinear(self) -> None:
        """Say once that a covariate adds nothing, when there are data enough to know."""
        model = self._model
        if (
            not isinstance(model, outcome_models.LeastSquaresModel)
            or self.n_observed < 64 + 8 * self._k * model.n_covariates
        ):
            return
        position = model.collinear
        if position is not None:
            import warnings

            self._warned_collinear = True
            name = (self._reader.names or [])[position]
            warnings.warn(
                f"covariate {name!r} has been constant within arms, or a linear combination of the covariates before "
                f"it, for {self.n_observed} rounds. The intervals stay valid, but the outcome model predicts running "
                "means: leave that covariate out.",
                UserWarning,
                stacklevel=3,
            )

    # -- simulation ---------------------------------------------------------------------------------------------------

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
        from tqdm import tqdm

        rounds = int(self.t_star) if n_rounds is None else outcome_models.whole_rounds("n_rounds", n_rounds)
        next_row = row_source(covariates, rounds)
        hidden = None if progress is None else not progress
        for number in tqdm(range(rounds), disable=hidden, desc="rounds", leave=False):
            if next_row is None:
                assignment = self.assign()
                outcome = outcome_function(assignment.arm)
            else:
                row = next_row(number)
                assignment = self.assign(row)
                outcome = outcome_function(assignment.arm, row)
            self.observe(assignment.id, outcome)
            if stop_early and self.finished:
                break
        return self

    @property
    def finished(self) -> bool:
        """Whether every arm but the control is settled: significant, and tight enough by ``precision``."""
        settled = self._settled_since
        return all(settled[arm] is not None for arm in self._others)

    @property
    def control(self) -> Hashable:
        """The name of the control arm."""
        return self.arms[self._control]

    @property
    def n_open(self) -> int:
        """Number of assignments without an outcome."""
        return len(self._open)

    # -- results ------------------------------------------------------------------------------------------------------

    def estimates(self) -> pd.DataFrame:
        """One row per arm other than control, in the arms' order.

        Columns: ``arm``, ``reference`` (the control), ``estimate``, ``std_error`` (√S/t), ``lower``, ``upper``,
        ``significant``, ``n`` and ``n_control`` (observed rounds), ``insufficient_data`` (then the estimate is NaN and
        the interval infinite).
        """
        return contrast_table(
            self._sums,
            self.arms,
            self._pulls,
            alpha=self.alpha,
            multiplicity=self.multiplicity,
            t_star=self.t_star,
        )

    def to_frame(self) -> pd.DataFrame:
        """The same as `estimates`."""
        return self.estimates()

    def path(self) -> pd.DataFrame:
        """Estimates after every observed round: columns ``round``, ``arm``, ``estimate``, ``lower``, ``upper``."""
        if not self.record_path:
            raise ValueError("this design keeps no path; make it with record_path=True.")
        values = np.array(self._path, dtype=np.float64).reshape(-1, len(self._others), 2)
        return path_frame(values, [self.arms[k] for k in self._others])

    def rounds(self) -> pd.DataFrame:
        """The log, one row per assignment: ``id``, ``arm``, ``propensity``, ``outcome`` (NaN while open), ``observed``
        (place in the order of observation, 0 while open), then the covariates.
        """
        import pandas as pd

        record = self._kept_record()
        table = record.table()
        frame = pd.DataFrame(
            {
                "id": np.arange(1, len(table) + 1),
                "arm": [self.arms[int(k)] for k in table[:, ARM]],
                "propensity": table[:, PROPENSITY],
                "outcome": table[:, OUTCOME],
                "observed": table[:, OBSERVED].astype(int),
            }
        )
        for name, column in zip(self._reader.names or [], record.covariates(table).T, strict=True):
            frame[name] = column
        return frame

    def propensity_path(self) -> pd.DataFrame:
        """Assignment probabilities of every round: columns ``round``, ``arm``, ``probability``."""
        import pandas as pd

        record = self._kept_record()
        probabilities = record.probabilities(record.table())
        rounds = len(probabilities)
        return pd.DataFrame(
            {
                "round": np.repeat(np.arange(1, rounds + 1), self._k),
                "arm": list(self.arms) * rounds,
                "probability": probabilities.ravel(),
            }
        )

    def scores(self) -> pd.DataFrame:
        """Scores of the observed rounds after warm-up: ``round`` (as observed), ``arm`` (compared with control),
        ``drawn`` ("arm", "control" or "other"), ``score``, whose mean is the estimate.
        """
        import pandas as pd

        record = self._kept_record()
        table = record.observed()[self.n_warmup :]
        drawn = table[:, ARM].astype(int)
        known = record.predictions(table)
        predictions = np.zeros((len(table), self._k)) if known is None else known
        residuals = inverse_propensity_residual(
            table[:, OUTCOME],
            table[:, PROPENSITY],
            predictions[np.arange(len(table)), drawn],
        )
        parts = []
        for arm in self._others:
            sign = (drawn == arm).astype(float) - (drawn == self._control)
            parts.append(
                pd.DataFrame(
                    {
                        "round": np.arange(self.n_warmup + 1, self.n_warmup + 1 + len(table)),
                        "arm": [self.arms[arm]] * len(table),
                        "drawn": np.where(drawn == arm, "arm", np.where(drawn == self._control, "control", "other")),
                        "score": predictions[:, arm] - predictions[:, self._control] + sign * residuals,
                    }
                )
            )
        return pd.concat(parts, ignore_index=True)

    def _kept_record(self) -> RoundRecord:
        if not self.record_rounds:
            raise ValueError("this design keeps no rounds; make it with record_rounds=True.")
        return RoundRecord(self._k) if self._record is None else self._record

    def summary(self) -> str:
        """Estimates with intervals, the state of the experiment and the assumptions, as text."""
        level = f"{100 * (1 - self.alpha):g}%"
        joint = "together (Bonferroni)" if self.multiplicity and self._k > 2 else "each"
        lines = [
            f"Mixture Adaptive Design: {self._k} arms, control {self.control!r}, {self.n_observed} rounds observed, "
            f"{self.n_open} open",
            f"Treatment effects ({level} confidence sequences, {joint}; * excludes 0):",
            *contrast_lines(self.estimates()),
        ]
        if self._uses_covariates:
            covers = "the units of this experiment" if self.estimand == "sample" else "the population of the units"
            lines.append(f"Covariates {listing(self._reader.names or [])}; the effects are those of {covers}.")
        settled = [self.arms[k] for k in self._others if self._settled_since[k] is not None]
        if settled:
            done = " All arms are: the experiment may stop." if self.finished else ""
            lines.append(f"Settled: {listing(settled)}.{done}")
        return "\n".join([*lines, ASSUMPTIONS])

    def __repr__(self) -> str:
        return (
            f"MixtureAdaptiveDesign({self._k} arms, control {self.control!r}, {self.n_observed} rounds observed, "
            f"{self.n_open} open)"
        )

    def _repr_html_(self) -> str:
        from html import escape

        return f"<p>{escape(repr(self))}</p>{self.estimates().to_html(index=False)}"

    def plot(self, ax: Axes | None = None, *, truth: Mapping[Hashable, float] | None = None) -> Axes:
        """Each effect with its interval; ``truth`` maps arms to effects that are marked, where they are known."""
        from causalbandit.plots.effects import forest, mark_truth

        drawn = forest(self.estimates(), ax=ax)
        return drawn if truth is None else mark_truth(drawn, truth, [self.arms[k] for k in self._others])

    def plot_path(self, ax: Axes | None = None, *, truth: Mapping[Hashable, float] | None = None) -> Axes:
        """Effects and intervals over the rounds, dotted lines where ``truth`` gives an arm's effect."""
        from causalbandit.plots.effects import arm_colours, effects_over_time

        colours = arm_colours(self.arms)
        return effects_over_time(self.path(), alpha=self.alpha, truth=truth, ax=ax, colours=colours)

    def plot_assignments(self, ax: Axes | None = None) -> Axes:
        """Cumulative assignments of each arm over the rounds."""
        from causalbandit.plots.effects import assignments_over_time

        return assignments_over_time(self.rounds()["arm"], self.arms, ax=ax)

    def plot_totals(self, ax: Axes | None = None) -> Axes:
        """Total assignments of each arm."""
        from causalbandit.plots.effects import assignment_totals

        return assignment_totals(self.rounds()["arm"], self.arms, ax=ax)

    def plot_probabilities(self, ax: Axes | None = None) -> Axes:
        """Assignment probabilities over the rounds."""
        from causalbandit.plots.effects import assignment_probabilities

        return assignment_probabilities(self.propensity_path(), ax=ax)

    def plot_scores(self, ax: Axes | None = None) -> Axes:
        """Scores of each contrast: their middle 98 %, mean and quartiles, by the arm that was drawn."""
        from causalbandit.plots.effects import arm_colours, score_distribution

        return score_distribution(self.scores(), ax=ax, colours=arm_colours(self.arms))

    # -- saving -------------------------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """The whole running design as JSON values: settings, learned state, open assignments, generator states.

        Functions of one's own (``delta``, ``decay``) and regressors are not in it; pass them again on loading.
        """
        return design_to_dict(self.settings(), self.policy, self._state())

    def settings(self) -> dict[str, Any]:
        """The arguments that make this design again (with a policy and a generator)."""
        return {
            "arms": list(self.arms),
            "control": self.control,
            "delta": self._delta_setting,
            "decay": self._decay_setting,
            "alpha": self.alpha,
            "t_star": self.t_star,
            "multiplicity": self.multiplicity,
            "outcome_model": self._model_setting,
            "model_options": self._model_options,
            "n_warmup": self.n_warmup,
            "estimand": self.estimand,
            "precision": self.precision,
            "record_path": self.record_path,
            "record_rounds": self.record_rounds,
        }

    def _state(self) -> dict[str, Any]:
        """What the experiment has built so far, as JSON values."""
        return {
            "n_assigned": self.n_assigned,
            "n_observed": self.n_observed,
            "pulls": self._pulls,
            "open": {str(number): list(entry) for number, entry in self._open.items()},
            "sums": self._sums.state(),
            "benchmark": self._benchmark,
            "settled_since": self._settled_since,
            "path": doubles_to_text(self._path),
            "record": None if self._record is None else doubles_to_text(self._record.values),
            "covariates": self._reader.names,
            "named": self._reader.named,
            "model": None if self._model is None else self._model.state(),
            "warned_collinear": self._warned_collinear,
            "rng": self._rng.bit_generator.state,
        }

    def _restore(self, state: Mapping[str, Any]) -> None:
        """Put back what `_state` gave."""
        if state["covariates"] is not None and self._uses_covariates:
            self._reader = CovariateReader(state["covariates"], named=state["named"])
            self._fix_covariates(len(state["covariates"]))
        self.n_assigned, self.n_observed = state["n_assigned"], state["n_observed"]
        self._pulls = list(state["pulls"])
        self._open = {int(number): _Open(*entry) for number, entry in state["open"].items()}
        self._sums.restore(state["sums"])
        self._benchmark, self._settled_since = list(state["benchmark"]), list(state["settled_since"])
        self._path = doubles_from_text(state["path"])
        if self._record is not None:
            self._record.values = doubles_from_text(state["record"])
        if self._model is not None:
            self._model.restore(state["model"])
        self._warned_collinear = state["warned_collinear"]
        self._rng = generator_from_state(state["rng"])

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
            Needed where the saved design used a policy, function or regressor of one's own, made as before.
        """
        settings, make_policy = read_design(saved, policy=policy, delta=delta, decay=decay, outcome_model=outcome_model)
        design = cls(make_policy(None), rng=0, **settings)
        make_policy(design.policy)  # again: the constructor may have seeded a policy that was saved without a generator
        design._restore(saved["state"])
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
    if arms is not None:
        names = tuple(name.item() if isinstance(name, np.generic) else name for name in arms)
        if len(set(names)) != len(names):
            raise ValueError(f"arms repeat a name: {listing(names)}.")
        count = len(names) if n_arms is None else n_arms
    else:
        count = n_arms if n_arms is not None else (own if own is not None else len(policy.probabilities()))
        names = tuple(range(count))
    if len(names) != count or (own is not None and own != count):
        raise ValueError(f"arms names {len(names)}, n_arms was {n_arms} and the policy has {own}; they must agree.")
    return names


def _drawn(draw: float, probabilities: Sequence[float]) -> int:
    """The arm whose stretch of the cumulative probabilities holds ``draw``, uniform in [0, 1)."""
    total = 0.0
    for arm, probability in enumerate(probabilities):
        total += probability
        if draw < total:
            return arm
    return len(probabilities) - 1


def _finite_outcome(outcome: Any, assignment_id: Any) -> float:
    """The outcome as a finite Python float."""
    if isinstance(outcome, np.ndarray) and outcome.size == 1:
        outcome = outcome.item()
    if not isinstance(outcome, (float, int, np.number, np.bool_, numbers.Real)):
        raise TypeError(
            f"the outcome of assignment {assignment_id} was {outcome!r}; expected a number. The assignment stays open."
        )
    value = float(outcome)
    if not math.isfinite(value):
        raise ValueError(
            f"the outcome of assignment {assignment_id} was {value}; expected a finite number. The assignment stays "
            "open: report the outcome once it is known, or never."
        )
    return value
