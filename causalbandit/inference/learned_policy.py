"""Policies learned from a log, and what they are worth on rounds that they were not learned from."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from causalbandit.arrays import Floats, Integers
from causalbandit.checks import error_rate, one_of, shaped, whole_number
from causalbandit.errors import InvalidArgument, listing
from causalbandit.inference.estimates import Estimates, plot_estimates, summary_html, summary_text
from causalbandit.inference.log import AdaptiveLog, require_log
from causalbandit.inference.scores import followed_sizes, log_scores
from causalbandit.randomness import RNG, generator
from causalbandit.text import plain_rows

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


KINDS = ("tree", "linear")
"""Kinds of policies that can be learned."""

FOLD_ROUNDS = 20
"""Fewest rounds in a fold: with less, the first policies are learned from next to nothing."""


@dataclass(frozen=True, eq=False)
class LearnedPolicy:
    """A policy learned from a log, and what it is worth on rounds that it was not learned from.

    Call it with contexts [n, d] for the columns [n] of the arms it takes; `names` gives their names.

    Attributes
    ----------
    kind : str
        "tree" or "linear".
    model : object
        The fitted scikit-learn classifier, learned from all rounds.
    arm_names, context_names : tuple
        As in the log.
    values : pandas.DataFrame
        Frame: the learned policy, then every arm by itself, on the rounds after the first fold.
    contrasts : pandas.DataFrame
        Frame: the learned policy minus every arm, on the same rounds.
    folds : int
        Number of folds in time.
    """

    kind: str
    model: Any
    arm_names: tuple[Hashable, ...]
    context_names: tuple[str, ...]
    values: pd.DataFrame
    contrasts: pd.DataFrame
    folds: int

    def __call__(self, contexts: ArrayLike) -> Integers:
        """[n] columns of the arms taken at contexts [n, d]."""
        given = np.asarray(contexts, dtype=np.float64)
        shaped(given, "contexts", ("n", len(self.context_names)), listing(self.context_names))
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
    contexts = log.known_contexts("contexts", "are what a policy is learned from")
    one_of(kind, "kind", KINDS, "kinds of policies")
    whole_number(depth, "depth", least=1)
    whole_number(folds, "folds", least=2)
    if log.n_rounds < FOLD_ROUNDS * folds:
        given = f"was {folds} for {log.n_rounds} rounds"
        raise InvalidArgument("folds", f"{given}; expected at least {FOLD_ROUNDS} rounds per fold.")
    alpha, seed = error_rate(alpha), int(generator(rng).integers(2**31))
    gamma = log_scores(log, outcome_means, refit_at, False)
    edges = np.linspace(0, log.n_rounds, folds + 1).astype(np.int64)
    judged = slice(int(edges[1]), log.n_rounds)
    taken = np.zeros(log.n_rounds, dtype=np.int64)  # the first stretch is learned from, and not judged
    for start, stop in zip(edges[1:-1].tolist(), edges[2:].tolist(), strict=True):
        early = _classifier(kind, depth, seed, contexts[:start], gamma[:start])
        taken[start:stop] = early.predict(contexts[start:stop])
    learned = gamma[np.arange(log.n_rounds), taken]
    scores = np.column_stack((learned, gamma))[judged]
    n = len(scores)
    estimates = scores.mean(axis=0)
    influences = (scores - estimates) / n
    chosen = np.column_stack((taken, np.broadcast_to(np.arange(log.n_arms), gamma.shape)))
    followed = (chosen == log.arms[:, None]).T.astype(np.float64)
    followed[:, : judged.start] = 0.0
    effective, skewed = followed_sizes(log, followed)
    errors = np.sqrt((influences**2).sum(axis=0))
    errors[(errors == 0.0) | (effective == 0.0)] = np.nan
    note = (
        f"Forward in time over {folds} folds: rounds {edges[1]} to {log.n_rounds - 1}, each decided by a policy "
        "learned from earlier rounds only."
    )
    labels = (f"learned {kind}", *(f"always {name}" for name in log.names))
    together = Estimates(
        labels, estimates, errors, influences.T @ influences, effective, skewed, "policy", notes=(note,)
    )
    others = range(1, len(labels))
    contrasts = together.differences([0] * len(others), others, alpha, rng=generator(0))
    contrasts.attrs.update(title="Learned policy minus each arm", notes=(note,))
    model = _classifier(kind, depth, seed, contexts, gamma)
    return LearnedPolicy(kind, model, log.names, log.context_labels, together.values(alpha), contrasts, folds)


def _classifier(kind: str, depth: int, seed: int, contexts: Floats, gamma: Floats) -> Any:
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
    if len(np.unique(arms)) < 2:
        best = int(gamma.mean(axis=0).argmax())
        return DummyClassifier(strategy="constant", constant=best).fit(contexts, np.full(len(contexts), best))
    weights = gain[rows, arms] / gain[rows, arms].mean()
    if kind == "tree":
        leaf = max(1, min(50, len(rows) // 20))  # no leaf of a few lucky rounds, also in short logs
        tree = DecisionTreeClassifier(max_depth=depth, min_samples_leaf=leaf, random_state=seed)
        return tree.fit(contexts[rows], arms, sample_weight=weights)
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return linear.fit(contexts[rows], arms, logisticregression__sample_weight=weights)
