"""Values of policies, which choose arms by contexts, from adaptively collected data; and policies learned from the
same.

>>> import numpy as np
>>> rng = np.random.default_rng(0)
>>> x, arms = rng.normal(size=(4000, 1)), rng.integers(0, 2, 4000)
>>> outcomes = np.where(arms == (x[:, 0] > 0), 1.0, 0.0) + rng.normal(size=4000)
>>> log = AdaptiveLog(arms, outcomes, np.full((4000, 2), 0.5), contexts=x, batches=np.repeat([0, 1], 2000))
>>> policy_value(log, lambda x: (x[:, 0] > 0).astype(int), weighting="stable-var")["estimate"].round(1).tolist()
[1.0]
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from causalbandit.errors import did_you_mean, listing
from causalbandit.inference.arm_values import (
    LOOKAHEAD_NOTE,
    check_alpha,
    influence_contrasts,
    log_scores,
    value_table,
)
from causalbandit.inference.estimates import estimate_frame, plot_estimates, summary_html, summary_text
from causalbandit.inference.log import AdaptiveLog, require_log
from causalbandit.inference.scores import effective_size, policy_variance
from causalbandit.randomness import RNG, generator
from causalbandit.text import plain_rows

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
Policy = Callable[[Array], ArrayLike] | ArrayLike | Hashable
"""An arm; or [T, K] probabilities or [T] columns; or a function from contexts [n, d] to [n, K] or [n]."""
Propensity = Callable[[int, Array], ArrayLike]
"""A function from a round and contexts [n, d] to the design's probabilities [n, K] in that round at those contexts."""

WEIGHTINGS = ("uniform", "stable-var", "min-var", "contextual-stable-var", "contextual-min-var")
"""The weightings of `policy_value`."""


def policy_value(
    log: AdaptiveLog,
    policy: Policy | Mapping[str, Policy],
    propensity: Propensity | None = None,
    weighting: str = "uniform",
    *,
    alpha: float = 0.05,
    outcome_means: Any = None,
    refit_at: Sequence[int] | None = None,
    allow_lookahead: bool = False,
) -> pd.DataFrame:
    """One row per policy: the mean outcome if all rounds had been decided by it, with a normal interval.

    The score of a policy π in round t is Σ_w π(w|x_t)·Γ_t(w). With φ_t(x) = Σ_w π(w|x)²/e_t(x, w), about the variance
    of that score, and T rounds:

    - "uniform": Q̂ is the mean of the scores.
    - "stable-var", "min-var": Q̂ = Σ h_tΓ_t/Σ h_t with h_t = φ̄_t^(−1/2) or φ̄_t^(−1), φ̄_t the mean of φ_t over the
      contexts of earlier rounds (in the first round, its own).
    - "contextual-stable-var", "contextual-min-var": h_t(x) = φ_t(x)^(−1/2) or φ_t(x)^(−1), Z(x) = Σ_t h_t(x),
      B_t = h_t(x_t)Γ_t/Z(x_t), Q̂ = Σ B_t, V̂ = Σ_t (B_t − Σ_s h_t(x_s)B_s/Z(x_s))².

    Parameters
    ----------
    log
        The record. Every weighting but "uniform" needs all arms' propensities.
    policy
        An arm's name (that arm always); [T, K] probabilities, or [T] columns, for the rounds of the log; or a function
        from contexts [n, d] to [n, K] probabilities, [n] columns or [n] names. Or a mapping from names to policies.
    propensity
        ``propensity(t, contexts)``: the design's probabilities [n, K] in round t (counted from 0) at *any* contexts.
        All weightings but "uniform" need the propensities of round t at other rounds' contexts, which a log of
        e_t(x_t, ·) does not hold. Not needed when every batch of the log kept to one rule that ignored contexts.
        With ``log.batches`` it is called a few times per batch, with the batch's first round; else for every round.
        Where it disagrees with the log, it is refused.
    alpha
        Error rate.
    outcome_means, refit_at, allow_lookahead
        As `aipw_scores`.

    Raises
    ------
    ValueError
        Unknown weighting; propensities at other contexts unknown, or at odds with the log; a policy that is none.

    Notes
    -----
    Source: Zhan, Hadad, Hirshberg & Athey (KDD 2021). Assumes that contexts are drawn alike and independently, that the
    policy was fixed before the data (or learned on other data), and propensities above a floor that decays slowly
    (t^(−a) with a < 1/2). Cost O(B·T·K) for B batches (B = T without), O(T·K) if rules ignore contexts and the
    weighting does too; memory O(T·K).
    """
    policies = _named(policy)
    estimates, influences, effective = _influences(
        log, policies, propensity, weighting, outcome_means, refit_at, allow_lookahead
    )
    errors = np.sqrt((influences**2).sum(axis=0))
    errors[errors == 0.0] = np.nan
    notes = [f"AIPW with {weighting} weighting; for policies that were fixed before these data."]
    if allow_lookahead:
        notes.append(LOOKAHEAD_NOTE)
    if log.propensities is not None and weighting == "uniform":  # the others give such rounds no weight
        for name, each in policies.items():
            wanted = policy_probabilities(log, each, name) > 0.0
            count = int((wanted & (log.propensities == 0.0)).any(axis=1).sum())
            if count:
                notes.append(
                    f"Policy {name!r} takes arms of propensity 0 in {count} rounds; its scores there rest on the "
                    "outcome means alone."
                )
    return value_table(list(policies), estimates, errors, effective, check_alpha(alpha), tuple(notes), label="policy")


def policy_contrasts(
    log: AdaptiveLog,
    policies: Mapping[str, Policy],
    reference: str,
    propensity: Propensity | None = None,
    weighting: str = "uniform",
    *,
    alpha: float = 0.05,
    multiplicity: str = "none",
    all_pairs: bool = False,
    outcome_means: Any = None,
    refit_at: Sequence[int] | None = None,
    allow_lookahead: bool = False,
    rng: RNG = 0,
) -> pd.DataFrame:
    """One row per other policy: its value minus the reference policy's, with a normal interval.

    The variance is that of the difference of the two estimates' influences, round by round, so that policies that agree
    in most rounds are compared precisely. Keywords as in `policy_value` and `arm_contrasts`.
    """
    estimates, influences, effective = _influences(
        log, policies, propensity, weighting, outcome_means, refit_at, allow_lookahead
    )
    return influence_contrasts(
        list(policies),
        estimates,
        influences,
        effective,
        reference,
        check_alpha(alpha),
        all_pairs,
        multiplicity,
        "policy",
        generator(rng),
    )


# -- influences ------------------------------------------------------------------------------------------------------


def _named(policy: Policy | Mapping[str, Policy]) -> Mapping[str, Policy]:
    if isinstance(policy, Mapping):
        if not policy:
            raise ValueError("No policies are given; expected a policy or a mapping from names to policies.")
        return policy
    name = getattr(policy, "__name__", "policy") if callable(policy) else "policy"
    return {str(policy) if _is_arm(policy) else "policy" if name == "<lambda>" else name: policy}


def _is_arm(policy: Any) -> bool:
    return np.ndim(policy) == 0 and not callable(policy)


def _influences(
    log: AdaptiveLog,
    policies: Mapping[str, Policy],
    propensity: Propensity | None,
    weighting: str,
    outcome_means: Any,
    refit_at: Sequence[int] | None,
    allow_lookahead: bool,
) -> tuple[Array, Array, Array]:
    """[P] estimates, [T, P] influences (estimate minus truth, round by round) and [P] effective sample sizes."""
    require_log(log)
    if weighting not in WEIGHTINGS:
        raise ValueError(
            f"Unknown weighting {weighting!r}; known: {listing(WEIGHTINGS)}.{did_you_mean(weighting, WEIGHTINGS)}"
        )
    rules = None if weighting == "uniform" else _Rules.of(log, propensity, weighting)
    chances = [policy_probabilities(log, policy, name) for name, policy in policies.items()]
    gamma = log_scores(log, outcome_means, refit_at, allow_lookahead)
    estimates, effective = np.empty(len(chances)), np.empty(len(chances))
    influences = np.empty((log.n_rounds, len(chances)))
    rounds = np.arange(log.n_rounds)
    for place, chance in enumerate(chances):
        score = (chance * gamma).sum(axis=1)
        if rules is None:
            share = np.full(log.n_rounds, 1.0 / log.n_rounds)
        elif weighting.startswith("contextual"):
            share = _contextual_shares(rules, chance, _power(weighting))
        else:
            h = _past_mean_variances(rules, chance) ** _power(weighting)
            share = h / (h.sum() or 1.0)  # no weight at all: the policy could never be followed
        parts = share * score
        estimates[place] = parts.sum()
        if rules is not None and weighting.startswith("contextual"):
            influences[:, place] = parts - _expected_parts(rules, chance, _power(weighting), share, parts)
        else:
            influences[:, place] = share * (score - estimates[place])
        effective[place] = effective_size(share * chance[rounds, log.arms], log.taken_propensities)
    never = effective == 0.0  # no round took what the policy takes: nothing is known of it
    estimates[never], influences[:, never] = np.nan, 0.0
    return estimates, influences, effective


def policy_probabilities(log: AdaptiveLog, policy: Policy, name: str = "policy") -> Array:
    """[T, K]: the probability with which ``policy`` takes each arm at each round's context.

    Raises
    ------
    ValueError
        When it is neither an arm nor one probability vector (or one arm) per round.
    """
    if _is_arm(policy):
        chance = np.zeros((log.n_rounds, log.n_arms))
        chance[:, log.column(policy)] = 1.0  # type: ignore[arg-type] # a scalar, so it is hashable
        return chance
    if callable(policy):
        if log.contexts is None:
            raise ValueError(f"The policy {name!r} is a function of contexts, but the log has none (contexts=[...]).")
        policy = policy(log.contexts)
    given = np.asarray(policy)
    if given.shape == (log.n_rounds,):
        return _one_hot(log, given, name)
    if given.shape != (log.n_rounds, log.n_arms):
        raise ValueError(
            f"The policy {name!r} gave an array of shape {given.shape}; expected [T, K] = "
            f"({log.n_rounds}, {log.n_arms}) probabilities, or [T] arms."
        )
    chance = np.asarray(given, dtype=np.float64)
    bad = np.flatnonzero(~((chance >= 0.0).all(axis=1) & (np.abs(chance.sum(axis=1) - 1.0) <= 1e-6)))
    if len(bad):
        raise ValueError(
            f"The policy {name!r} gave {chance[bad[0]].tolist()} in row {bad[0]}; expected probabilities that sum to 1."
        )
    return chance


def _one_hot(log: AdaptiveLog, arms: NDArray[Any], name: str) -> Array:
    """[T, K] from [T] columns or names."""
    if arms.dtype.kind == "b":
        arms = arms.astype(np.int64)
    columns = arms if arms.dtype.kind in "iu" else np.array([log.column(arm) for arm in arms.tolist()])
    bad = np.flatnonzero((columns < 0) | (columns >= log.n_arms))
    if len(bad):
        raise ValueError(
            f"The policy {name!r} gave the column {columns[bad[0]]} in row {bad[0]}; expected 0 … {log.n_arms - 1}."
        )
    chance = np.zeros((log.n_rounds, log.n_arms))
    chance[np.arange(log.n_rounds), columns] = 1.0
    return chance


# -- the design's propensities at other rounds' contexts -------------------------------------------------------------


@dataclass(frozen=True)
class _Rules:
    """What the design would have done at any round's context: one rule per batch.

    Attributes
    ----------
    log
        The record.
    starts
        [B] first rounds of the batches.
    table
        [B, K] rules that ignore contexts, or None.
    function
        The propensity function, where there is no table.
    """

    log: AdaptiveLog
    starts: NDArray[np.int64]
    table: Array | None
    function: Propensity | None

    @classmethod
    def of(cls, log: AdaptiveLog, function: Propensity | None, weighting: str) -> _Rules:
        propensities = log.all_propensities(f"weighting={weighting!r}")
        if function is None:
            known = log.batch_rules()
            if known is None:
                raise ValueError(
                    f"weighting={weighting!r} needs each round's propensities at the contexts of other rounds; the "
                    "logged e_t(x_t, ·) are not enough. Pass propensity=, a function (t, contexts) -> [n, K], or log "
                    "batches that each kept to one rule that ignores contexts; or use weighting='uniform'."
                )
            return cls(log, known[0], known[1], None)
        if log.contexts is None:
            raise ValueError("propensity= is a function of contexts, but the log has none (contexts=[...]).")
        starts = np.arange(log.n_rounds) if log.batches is None else log.batch_starts()
        rules = cls(log, starts, None, function)
        for rows, values in rules.at(own=True):
            off = np.abs(values - propensities[rows]).max(axis=1) > 1e-6
            if off.any():
                row = int(np.argmax(off))
                raise ValueError(
                    f"propensity({rows.start}, contexts) gives {values[row].round(6).tolist()} for round "
                    f"{rows.start + row}, but the log has {propensities[rows][row].round(6).tolist()}: it is not the "
                    "rule that the design used."
                )
        return rules

    def at(self, own: bool = False) -> Iterator[tuple[slice, Array]]:
        """For every batch its rounds and its rule, [T, K] at all rounds' contexts (or only at its own), or [1, K]."""
        contexts = self.log.contexts
        stops = np.append(self.starts[1:], self.log.n_rounds)
        for number, (start, stop) in enumerate(zip(self.starts.tolist(), stops.tolist(), strict=True)):
            rows = slice(start, stop)
            if self.table is not None:
                yield rows, self.table[number : number + 1]
                continue
            assert self.function is not None
            assert contexts is not None
            asked = contexts[rows] if own else contexts
            values = np.asarray(self.function(start, asked), dtype=np.float64)
            if values.shape != (len(asked), self.log.n_arms):
                raise ValueError(
                    f"propensity({start}, contexts) has shape {values.shape}; expected [n, K] = "
                    f"({len(asked)}, {self.log.n_arms})."
                )
            if not ((values >= 0.0).all() and (np.abs(values.sum(axis=1) - 1.0) <= 1e-6).all()):
                raise ValueError(f"propensity({start}, contexts) holds rows that are not probabilities that sum to 1.")
            yield rows, values


def _power(weighting: str) -> float:
    """The power of φ in a weight."""
    return -0.5 if weighting.endswith("stable-var") else -1.0


def _past_mean_variances(rules: _Rules, chance: Array) -> Array:
    """[T]: φ̄_t, the mean of φ_t over the contexts of earlier rounds; in the first round, of its own."""
    n_rounds = len(chance)
    means = np.empty(n_rounds)
    if rules.table is not None:  # the rule ignores contexts, so that the mean reaches through to the policy alone
        squares = np.cumsum(chance * chance, axis=0)
        squares = np.concatenate((squares[:1], squares[:-1]))
        squares /= np.maximum(np.arange(n_rounds), 1)[:, None]
        owner = np.repeat(np.arange(len(rules.starts)), np.diff(np.append(rules.starts, n_rounds)))
        return policy_variance(np.sqrt(squares), rules.table[owner])
    for rows, rule in rules.at():
        totals = np.cumsum(policy_variance(chance[: rows.stop], rule[: rows.stop]))
        places = np.arange(rows.start, rows.stop)
        means[rows] = totals[np.maximum(places - 1, 0)] / np.maximum(places, 1)
    return means


def _contextual_shares(rules: _Rules, chance: Array, power: float) -> Array:
    """[T]: h_t(x_t)/Z(x_t)."""
    own, total = np.empty(len(chance)), np.zeros(len(chance))
    for rows, rule in rules.at():
        h = policy_variance(chance, rule) ** power
        own[rows] = h[rows]
        total += (rows.stop - rows.start) * h
    none = np.flatnonzero(total == 0.0)
    if len(none):
        raise ValueError(
            f"At the context of row {none[0]} the policy takes an arm that the design could never have taken there "
            f"({len(none)} such rows): its value cannot be estimated from this log."
        )
    result: Array = own / total
    return result


def _expected_parts(rules: _Rules, chance: Array, power: float, share: Array, parts: Array) -> Array:
    """[T]: Σ_s h_t(x_s)·B_s/Z(x_s), the same for all rounds of a batch."""
    total = np.zeros(len(chance))
    for rows, rule in rules.at():
        total += (rows.stop - rows.start) * policy_variance(chance, rule) ** power
    scaled = parts / total
    expected = np.empty(len(chance))
    for rows, rule in rules.at():
        expected[rows] = (policy_variance(chance, rule) ** power * scaled).sum()
    return expected


# -- learning --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class LearnedPolicy:
    """A policy learned from a log, and what it is worth on rounds that it was not learned from.

    Call it with contexts [n, d] for the columns [n] of the arms it takes; `names` gives their names.

    Attributes
    ----------
    kind
        "tree" or "linear".
    model
        The fitted scikit-learn classifier, learned from all rounds.
    arm_names, context_names
        As in the log.
    values
        Table: the learned policy, then every arm by itself, on the rounds after the first fold.
    contrasts
        Table: the learned policy minus every arm, on the same rounds.
    folds
        Number of folds in time.
    """

    kind: str
    model: Any
    arm_names: tuple[Hashable, ...]
    context_names: tuple[str, ...]
    values: pd.DataFrame
    contrasts: pd.DataFrame
    folds: int

    def __call__(self, contexts: ArrayLike) -> NDArray[np.int64]:
        """[n] columns of the arms taken at contexts [n, d]."""
        given = np.asarray(contexts, dtype=np.float64)
        if given.ndim != 2 or given.shape[1] != len(self.context_names):
            raise ValueError(
                f"contexts has shape {given.shape}; expected [n, {len(self.context_names)}]: "
                f"{listing(self.context_names)}."
            )
        return np.asarray(self.model.predict(given), dtype=np.int64)

    def names(self, contexts: ArrayLike) -> list[Hashable]:
        """The names of the arms taken at contexts [n, d]."""
        return [self.arm_names[column] for column in self(contexts)]

    def rules(self) -> str:
        """The policy as text: the tree's splits, or the linear scores' coefficients."""
        if hasattr(self.model, "constant"):  # one arm was the best in every round
            return f"always {self.arm_names[int(self.model.constant)]}\n"
        if self.kind == "tree":
            from sklearn.tree import export_text

            shown = [str(self.arm_names[column]) for column in self.model.classes_]
            return str(export_text(self.model, feature_names=list(self.context_names), class_names=shown))
        scaler, linear = self.model[0], self.model[-1]
        slopes = linear.coef_ / scaler.scale_
        starts = linear.intercept_ - slopes @ scaler.mean_
        taken = [self.arm_names[column] for column in linear.classes_]
        heads = [f"take {taken[1]} where"] if len(taken) == 2 else [f"score of {arm}:" for arm in taken]
        lines = []
        for head, start, slope in zip(heads, starts, slopes, strict=True):
            terms = " ".join(f"{b:+.4g}·{name}" for b, name in zip(slope, self.context_names, strict=True))
            lines.append(f"{head} {start:.4g} {terms}" + (f" > 0, else {taken[0]}" if len(taken) == 2 else ""))
        return "\n".join(lines) + "\n"

    def to_frame(self) -> pd.DataFrame:
        """The values."""
        return self.values.copy()

    def to_dict(self) -> dict[str, Any]:
        """Plain Python, fit for JSON."""
        return {
            "kind": self.kind,
            "rules": self.rules(),
            "folds": self.folds,
            "values": plain_rows(self.values),
            "contrasts": plain_rows(self.contrasts),
        }

    def summary(self) -> str:
        """Rules, values and contrasts as text."""
        return f"{self.rules()}\n{summary_text(self.values)}\n\n{summary_text(self.contrasts)}"

    def plot(self, ax: Axes | None = None) -> Axes:
        """A forest plot of the values."""
        return plot_estimates(self.values, ax)

    def __repr__(self) -> str:
        return f"LearnedPolicy({self.kind}, {len(self.arm_names)} arms, {len(self.context_names)} context columns)"

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(self.rules())}</pre>{summary_html(self.values)}{summary_html(self.contrasts)}"


def learn_policy(
    log: AdaptiveLog,
    kind: str = "tree",
    *,
    depth: int = 2,
    folds: int = 5,
    alpha: float = 0.05,
    outcome_means: Any = None,
    refit_at: Sequence[int] | None = None,
    rng: RNG = 0,
) -> LearnedPolicy:
    """A shallow policy tree or a linear threshold policy, learned from a log's scores, with its value by cross-fitting.

    Taking arm w in round t is worth Γ_t(w) to the policy. Maximizing the total is a classification of contexts in which
    choosing w instead of the round's worst arm earns Γ_t(w) − min Γ_t: scikit-learn's decision tree of ``depth`` (kind
    "tree"; each leaf takes its best arm, splits are greedy) or its logistic regression (kind "linear") does the work.

    The value is estimated forward in time: the rounds are cut into ``folds`` stretches; each but the first is decided
    by a policy learned from all rounds before it. So it is the value of policies learned from less data than the one
    returned, which as a rule is a little worse; and no round is judged by a policy that has seen it or its future,
    which is what makes the interval valid for adaptive data (ordinary cross-fitting, which learns from the future too,
    would not be).

    Raises
    ------
    ImportError
        Without scikit-learn (``pip install 'causalbandit[learn]'``).
    ValueError
        No contexts; unknown kind; too few rounds for the folds.

    Notes
    -----
    Source: Athey & Wager (2021) for policies from doubly robust scores; Zhan, Ren, Athey & Zhou (2021) for adaptive
    data. Assumes contexts drawn alike and independently.
    """
    require_log(log)
    if log.contexts is None:
        raise ValueError("A policy is learned from contexts, but the log has none (contexts=[...]).")
    if kind not in ("tree", "linear"):
        raise ValueError(
            f"Unknown kind {kind!r} of policy; known: 'tree', 'linear'.{did_you_mean(kind, ('tree', 'linear'))}"
        )
    if depth < 1 or folds < 2:
        raise ValueError(f"depth was {depth!r} and folds {folds!r}; expected depth ≥ 1 and folds ≥ 2.")
    if log.n_rounds < 20 * folds:
        raise ValueError(f"The log has {log.n_rounds} rounds for {folds} folds; expected at least 20 rounds per fold.")
    alpha, seed = check_alpha(alpha), int(generator(rng).integers(2**31))
    gamma = log_scores(log, outcome_means, refit_at, False)
    edges = np.linspace(0, log.n_rounds, folds + 1).astype(np.int64)
    judged = slice(int(edges[1]), log.n_rounds)
    taken = np.zeros(log.n_rounds, dtype=np.int64)  # the first stretch is learned from, and not judged
    for start, stop in zip(edges[1:-1].tolist(), edges[2:].tolist(), strict=True):
        early = _classifier(kind, depth, seed, log.contexts[:start], gamma[:start])
        taken[start:stop] = early.predict(log.contexts[start:stop])
    learned = gamma[np.arange(log.n_rounds), taken]
    scores = np.column_stack((learned, gamma))[judged]
    n = len(scores)
    estimates = scores.mean(axis=0)
    influences = (scores - estimates) / n
    chosen = np.column_stack((taken, np.broadcast_to(np.arange(log.n_arms), gamma.shape)))
    followed = (chosen == log.arms[:, None]).astype(np.float64)
    effective = np.array([effective_size(column[judged], log.taken_propensities[judged]) for column in followed.T])
    errors = np.sqrt((influences**2).sum(axis=0))
    errors[(errors == 0.0) | (effective == 0.0)] = np.nan
    labels = [f"learned {kind}", *(f"always {name}" for name in log.names)]
    note = (
        f"Forward in time over {folds} folds: rounds {edges[1]} to {log.n_rounds - 1}, each decided by a policy "
        "learned from earlier rounds only."
    )
    values = value_table(labels, estimates, errors, effective, alpha, (note,), label="policy")
    pairs = [
        influence_contrasts(
            [arm, labels[0]],
            estimates[[place, 0]],
            influences[:, [place, 0]],
            effective[[place, 0]],
            arm,
            alpha,
            False,
            "none",
            "policy",
            generator(0),
        )
        for place, arm in enumerate(labels[1:], start=1)
    ]
    contrasts = estimate_frame(
        {name: [row for pair in pairs for row in pair[name].tolist()] for name in pairs[0].columns},
        title="Learned policy minus each arm",
        alpha=alpha,
        notes=(note,),
    )
    names = log.context_names or tuple(f"context_{place}" for place in range(log.contexts.shape[1]))
    model = _classifier(kind, depth, seed, log.contexts, gamma)
    return LearnedPolicy(kind, model, log.names, names, values, contrasts, folds)


def _classifier(kind: str, depth: int, seed: int, contexts: Array, gamma: Array) -> Any:
    """A fitted classifier whose weighted accuracy is the policy's total score, up to a constant."""
    try:
        from sklearn.dummy import DummyClassifier
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from sklearn.tree import DecisionTreeClassifier
    except ImportError as error:
        raise ImportError("Learning policies needs scikit-learn: pip install 'causalbandit[learn]'.") from error

    gain = gamma - gamma.min(axis=1, keepdims=True)
    rows, arms = np.nonzero(gain)
    weights = gain[rows, arms]
    if len(np.unique(arms)) < 2:
        return DummyClassifier(strategy="constant", constant=int(gamma.mean(axis=0).argmax())).fit(
            contexts, np.full(len(contexts), int(gamma.mean(axis=0).argmax()))
        )
    weights = weights / weights.mean()
    if kind == "tree":
        leaf = max(1, min(50, len(rows) // 20))
        tree = DecisionTreeClassifier(max_depth=depth, min_samples_leaf=leaf, random_state=seed)
        return tree.fit(contexts[rows], arms, sample_weight=weights)
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return linear.fit(contexts[rows], arms, logisticregression__sample_weight=weights)
