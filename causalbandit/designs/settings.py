"""The settings of a Mixture Adaptive Design: one record for live, simulated and logged designs, and what is saved.

>>> settings = MADSettings(arms=("old", "new", "newer"), control="old", t_star=500)
>>> settings.alpha_each, settings.others                     # Bonferroni over two contrasts
(0.025, [1, 2])
>>> settings.share(16)                                       # δ_16 of the sequence "fast"
0.5140569133280333
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

from causalbandit import checks
from causalbandit.designs.mixing import (
    SMALLEST_WEIGHT,
    PowerDecay,
    decay_function,
    mixing_sequence,
    mixing_share,
)
from causalbandit.designs.outcome_models import outcome_model
from causalbandit.errors import InvalidArgument, InvalidType, did_you_mean, listing, shown
from causalbandit.inference.arm_names import plain_name
from causalbandit.sequences.bernoulli_contrast import outcomes_per_pair

ESTIMANDS = ("sample", "population")
MULTIPLICITIES = ("bonferroni", "none")
VARIANCES = ("guarded", "realised")


@dataclass(frozen=True, kw_only=True)
class MADSettings:
    """What is fixed before the first round of a Mixture Adaptive Design; checked once, when it is made.

    The settings are the parameters of `MixtureAdaptiveDesign` of the same names, in the same ranges.

    Attributes
    ----------
    arms : tuple
        Names of the K arms, at least two.
    control : hashable
        The arm that the others are compared with; given by a name that prints alike ("0" for 0), the name in ``arms``.
    covariates : tuple of str or None
        Names of the covariates; None: those of the first assignment.

    Raises
    ------
    InvalidArgument
        For a setting outside its range; the message names it.
    """

    arms: tuple[Hashable, ...]
    control: Hashable = 0
    delta: str | Callable[[int], float] = "fast"
    alpha: float = 0.05
    t_star: float = 1000
    multiplicity: str | None = "bonferroni"
    variance: str = "guarded"
    outcome_model: Any = None
    model_options: Mapping[str, Any] = field(default_factory=dict)
    covariates: Sequence[str] | None = None
    n_warmup: int = 0
    estimand: str = "sample"
    decay: str | Callable[[float], float] | None = None
    precision: float = 0.1
    record_path: bool = True
    record_rounds: bool = True

    def __post_init__(self) -> None:
        given = self.multiplicity
        cleaned = {
            "arms": tuple(map(plain_name, self.arms)),
            "alpha": checks.error_rate(self.alpha),
            "t_star": checks.number(
                self.t_star, "t_star", least=1, fix="The planned number of rounds is the usual choice."
            ),
            "multiplicity": "none" if given is None else given.lower() if isinstance(given, str) else given,
            "model_options": dict(self.model_options),
            "precision": checks.number(self.precision, "precision", least=0, below=1, fix="0 stops once significant."),
            "n_warmup": checks.whole_number(self.n_warmup, "n_warmup", least=0, of="rounds"),
            "record_path": bool(self.record_path),
            "record_rounds": bool(self.record_rounds),
        }
        if self.covariates is not None:
            checks.instance(self.covariates, "covariates", (list, tuple), "the covariates' names, such as ['age']")
            names = cleaned["covariates"] = tuple(str(name) for name in self.covariates)
            checks.distinct(names, "covariates")
        for name, value in cleaned.items():
            object.__setattr__(self, name, value)
        checks.distinct(self.arms, "arms")
        checks.one_of(self.multiplicity, "multiplicity", MULTIPLICITIES)
        checks.one_of(self.estimand, "estimand", ESTIMANDS)
        checks.one_of(self.variance, "variance", VARIANCES)
        object.__setattr__(self, "control", self.arms[self.control_index])
        _ = self._sequence, self._decay
        if self.n_warmup and self.outcome_model is None:
            raise InvalidArgument("n_warmup", f"was {self.n_warmup} without an outcome_model; it only fits that model.")
        if self.covariates is not None and not self.uses_covariates:
            raise InvalidArgument("covariates", f"need {USES_COVARIATES}.")
        _ = self.crossed  # makes a model: a wrong name or option is told here, before the first round

    @cached_property
    def n_arms(self) -> int:
        """K."""
        return len(self.arms)

    @cached_property
    def control_index(self) -> int:
        """Position of the control among the arms; a name that prints alike counts ("0" in a file is the arm 0)."""
        name, arms = self.control, self.arms
        if len(arms) < 2:
            given = f"has only one arm, {listing(arms)}"
            raise InvalidArgument("arms", f"{given}; an effect needs an arm to compare with the control.")
        if name in arms:
            return arms.index(name)
        printed = [str(arm) for arm in arms]
        if printed.count(str(name)) == 1:
            return printed.index(str(name))
        raise InvalidArgument("control", f"was {shown(name)}; the arms are {listing(arms)}.{did_you_mean(name, arms)}")

    @cached_property
    def others(self) -> list[int]:
        """Positions of the K − 1 arms that are compared with control."""
        return [k for k in range(self.n_arms) if k != self.control_index]

    @cached_property
    def other_arms(self) -> list[Hashable]:
        """Names of the arms that are compared with control."""
        return [self.arms[k] for k in self.others]

    @cached_property
    def alpha_each(self) -> float:
        """Error rate of one contrast: α/(K − 1) for "bonferroni", else α. The only place where α is split."""
        return self.alpha / (self.n_arms - 1) if self.multiplicity == "bonferroni" else self.alpha

    @cached_property
    def planned(self) -> int | None:
        """Outcomes of an arm and the control together that exact contrasts plan with (`outcomes_per_pair`).

        None where a policy moves the chances: the plan is for arms drawn about equally often.
        """
        even = isinstance(self._sequence, PowerDecay) and self._sequence.exponent == 0.0
        return outcomes_per_pair(self.t_star, self.n_arms) if even else None

    @property
    def joint(self) -> bool:
        """Whether the error rate is shared by several intervals."""
        return self.multiplicity == "bonferroni" and self.n_arms > 2

    @cached_property
    def uses_covariates(self) -> bool:
        """Whether the outcome model takes covariates."""
        return self.outcome_model is not None and self.outcome_model != "mean"

    @cached_property
    def crossed(self) -> bool:
        """Whether the variance needs the cross term of `ContrastSums`: population effects and a model that shrinks."""
        model = self.new_model(1)
        return self.estimand == "population" and model is not None and not model.orthogonal

    @cached_property
    def _sequence(self) -> Callable[[int], float]:
        return mixing_sequence(self.delta)

    def share(self, t: int) -> float:
        """δ_t, the share of uniform assignment in round t, checked (`mixing_share`)."""
        return mixing_share(self._sequence, t)

    @cached_property
    def _decay(self) -> Callable[[float], float] | None:
        return decay_function(self.decay)

    def settled_weight(self, rounds: float) -> float:
        """Weight of an arm that settled ``rounds`` ≥ 1 ago; 1 without a decay."""
        return 1.0 if self._decay is None else max(float(self._decay(rounds)), SMALLEST_WEIGHT)

    def new_model(self, n_covariates: int, replications: int | None = None) -> Any:
        """An outcome model that has learned nothing (of R experiments with ``replications``), or None."""
        if self.outcome_model is None:
            return None
        try:
            return outcome_model(
                self.outcome_model, self.n_arms, n_covariates, replications=replications, **self.model_options
            )
        except TypeError as error:
            if "keyword" not in str(error):
                raise
            raise InvalidType("model_options", f"was {dict(self.model_options)!r}: {error}") from None

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON values; functions of one's own as {"own": True}, a regressor by its class's name."""
        for name in self.arms:
            if not isinstance(name, (str, int, float, bool)):
                raise InvalidType("arms", f"has {name!r}, which JSON cannot hold; name arms by strings or numbers.")
        saved = {each.name: getattr(self, each.name) for each in fields(self)}
        saved["arms"] = list(self.arms)
        saved["covariates"] = None if self.covariates is None else list(self.covariates)
        for name in ("delta", "decay"):
            function = saved[name]
            if isinstance(function, PowerDecay):
                saved[name] = {"power": function.exponent}
            elif function is not None and not isinstance(function, str):
                saved[name] = {"own": True}
        model = self.outcome_model
        if model is not None and not isinstance(model, str):
            saved["outcome_model"] = {"regressor": (model if isinstance(model, type) else type(model)).__name__}
        return saved

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any], **own: Any) -> MADSettings:
        """The settings that `to_dict` gave; ``own`` holds the functions and the regressor that it could not save."""
        values = {each.name: saved[each.name] for each in fields(cls)}
        for name in ("delta", "decay", "outcome_model"):
            value = values[name]
            if not isinstance(value, Mapping):
                continue
            if "power" in value:
                values[name] = PowerDecay(value["power"])
            elif own.get(name) is None:
                kind = f"a {value['regressor']}" if "regressor" in value else "a function of its own"
                raise InvalidArgument(
                    name, f"of the saved design was {kind}, which a file cannot hold; pass {name}= with the same one."
                )
            else:
                values[name] = own[name]
        return cls(**values)


USES_COVARIATES = "an outcome model that uses them: 'pooled', 'split' or a regressor"
"""What a design with covariates needs, for an error."""
