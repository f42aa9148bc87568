"""``ate`` and ``values``: effects and values of the arms of an adaptive experiment, from its log."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import click
from click.core import ParameterSource

from causalbandit.cli.errors import BadInput, bad_input
from causalbandit.cli.log_file import LogFile, log_options
from causalbandit.cli.options import check_outputs, deliver, json_option, plot_option, together
from causalbandit.formats.result_file import stamp
from causalbandit.text import plain, plain_rows

if TYPE_CHECKING:
    import pandas as pd

    from causalbandit.inference.log import AdaptiveLog

WEIGHTS = ("two-point", "constant", "uniform")
MULTIPLICITIES = ("none", "bonferroni", "holm", "simultaneous")
MODELS = ("pooled", "split", "mean")
ESTIMANDS = ("sample", "population")
FLOOR_DECAY = 0.7
"""The decay of the floor that Hadad et al. (2021) give their designs, t^-0.7."""

ANY_TIME = ("mad", "exact", "bounded")
"""Methods of effects whose intervals hold at every round at once."""

BOUNDED = ("bernoulli", "normal-mixture", "gamma-exponential", "stitching", "asymptotic")
"""Sequences of values that look at --bounds; exact is for outcomes 0 or 1 and needs none."""


weighting_options = together(
    click.option(
        "--weights", type=click.Choice(WEIGHTS), default="two-point", show_default=True, help="aipw: weighting."
    ),
    click.option(
        "--floor-decay", type=float, default=FLOOR_DECAY, show_default=True, help="aipw, two-point: floor ∝ t^-DECAY."
    ),
)


def _arm_named(log: AdaptiveLog, name: str) -> Any:
    """The arm that prints as ``name``: a number in the log is typed as text on a command line."""
    with bad_input():
        return log.names[log.column(name, "control")]


def _reading(log: AdaptiveLog, control: Any = None) -> str:
    """Lines on how the log was read, and on a control that nobody named."""
    lines = list(log.notes)
    if control is not None:
        lines.append(f"Control: {plain(control)!r}, the first arm; name the one that is meant with --control.")
    return "".join(f"{line}\n" for line in lines)


def _noted(log: AdaptiveLog, content: dict[str, Any]) -> dict[str, Any]:
    """``content`` of a result file, whose notes begin with how the log was read."""
    return {**content, "notes": [*log.notes, *content["notes"]]}


def _refuse_unused(method: str, **methods_of: tuple[str, ...]) -> None:
    """Refuse an option on the command line that ``method`` would not look at: name → the methods that do."""
    context = click.get_current_context()
    for parameter in context.command.params:
        methods = methods_of.get(parameter.name or "")
        given = context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
        if methods is not None and method not in methods and given:
            use = f"use it with --method {' or '.join(methods)}" if methods else "leave it out"
            raise BadInput(f"{'/'.join(parameter.opts)} does nothing for --method {method}; {use}.")


@click.command()
@log_options
@click.option(
    "--method", type=click.Choice(["aipw", *ANY_TIME]), default="aipw", show_default=True, help="How to infer effects."
)
@click.option("--control", metavar="ARM", help="The arm that others are compared with.  [default: the first]")
@weighting_options
@click.option("--alpha", type=float, default=0.05, show_default=True, help="Error rate of the intervals.")
@click.option(
    "--multiplicity",
    type=click.Choice(MULTIPLICITIES),
    help="Account for several contrasts; mad, exact and bounded know none and bonferroni.  [default: aipw none, others "
    "bonferroni]",
)
@click.option("--all-pairs", is_flag=True, help="aipw: compare every arm with every other.")
@click.option(
    "--t-star",
    type=float,
    help="mad, exact, bounded: where intervals are tightest.  [default: number of rounds; exact: none]",
)
@click.option("--bounds", metavar="LOW HIGH", nargs=2, type=float, help="bounded: what outcomes cannot leave.")
@click.option("--model", type=click.Choice(MODELS), help="mad: outcome model.  [default: pooled with covariates]")
@click.option(
    "--estimand", type=click.Choice(ESTIMANDS), default="sample", show_default=True, help="mad: effect on whom."
)
@click.option("--over-time", is_flag=True, help="Draw the effects over the rounds instead of the last ones; not aipw.")
@json_option
@plot_option("the effects and their intervals")
def ate(
    log_file: LogFile,
    method: str,
    control: str | None,
    weights: str,
    floor_decay: float,
    alpha: float,
    multiplicity: str | None,
    all_pairs: bool,
    t_star: float | None,
    bounds: tuple[float, float] | None,
    model: str | None,
    estimand: Literal["sample", "population"],
    over_time: bool,
) -> None:
    """Average treatment effects of the arms in LOG against a control.

    LOG has a row per round: .csv (also .csv.gz), .parquet, or - for CSV on standard input.

    aipw: adaptively weighted scores (Hadad et al. 2021), with covariates about least squares on them; the intervals are
    for one look, after a planned number of rounds.

    mad: the scores of a mixture adaptive design (Liang & Bojinov 2024), with covariates those of Molitor & Gold (2025);
    the intervals hold at every round at once.

    exact: for outcomes 0 or 1 that are independent with one mean per arm; holds at every round at once, exactly, and
    does not use the propensities.

    bounded: for outcomes that cannot leave --bounds, whatever drifts; holds at every round at once, exactly.

    For the last three, rows are taken to be in the order of time unless --time or --batch is given.
    """
    from causalbandit.inference.estimates import frame_notes, plot_estimates, summary_text

    check_outputs([log_file.path])
    of_aipw = dict.fromkeys(("weights", "floor_decay", "all_pairs"), ("aipw",))
    of_mad = dict.fromkeys(("model", "estimand"), ("mad",))
    others = {"contexts": ("aipw", "mad"), "t_star": ANY_TIME, "bounds": ("bounded",), "over_time": ANY_TIME}
    _refuse_unused(method, **of_aipw, **of_mad, **others)
    if method != "aipw":
        if multiplicity not in (None, "none", "bonferroni"):
            raise BadInput(f"--multiplicity: {multiplicity} is for aipw; {method} knows none and bonferroni.")
        log_file.columns["ordered"] |= log_file.columns["time"] is None and log_file.columns["batch"] is None
    log = log_file.read(method, needs_propensity=method != "exact")
    reference = log.names[0] if control is None else _arm_named(log, control)
    head = f"{log.n_rounds} rounds, {log.n_arms} arms"
    result: Any
    with log_file.rounds():
        if method == "aipw":
            from causalbandit.inference.arm_values import estimate_arms
            from causalbandit.inference.least_squares import LeastSquares

            result = estimate_arms(
                log,
                weights,
                reference=None if control is None else reference,
                outcome_means=None if log.contexts is None else LeastSquares(),
                alpha=alpha,
                floor_decay=floor_decay,
                multiplicity=multiplicity or "none",
                all_pairs=all_pairs,
            )
            table, draw = result.contrasts, partial(plot_estimates, result.contrasts)
            head += f"; {frame_notes(result.values)[0]}\n"
            if log.contexts is not None:
                covariates = ", ".join(map(str, log.context_names or ()))
                head += f"Outcome means: least squares on {covariates}, fitted on the past only.\n"
        else:
            settings: dict[str, Any] = {"alpha": alpha, "t_star": t_star, "multiplicity": multiplicity or "bonferroni"}
            if method == "mad":
                from causalbandit.designs.mad_log import replay_log

                with_contexts = "pooled" if model is None and log.contexts is not None else model
                result = replay_log(log, reference, **settings, outcome_model=with_contexts, estimand=estimand)
            else:
                from causalbandit.inference.contrast_readings import read_log

                result = read_log(log, method, reference, **settings, bounds=bounds)
            table, draw = result.estimates(), result.plot_path if over_time else result.plot
            head += f", control {plain(reference)!r}\n"
    head += _reading(log, reference if control is None and not all_pairs else None)
    deliver([f"{head}\n{summary_text(table)}"], lambda: _noted(log, result.to_dict()), draw=draw)


@click.command()
@log_options
@click.option(
    "--method",
    type=click.Choice(["aipw", "sample-mean", "exact", *BOUNDED]),
    default="aipw",
    show_default=True,
    help="aipw; sample-mean (naive, for comparison); or a confidence sequence of the sample mean: exact (outcomes 0 or "
    "1), or one of the others.",
)
@weighting_options
@click.option("--bounds", metavar="LOW HIGH", nargs=2, type=float, help="What outcomes cannot leave, for sequences.")
@click.option("--alpha", type=float, default=0.05, show_default=True, help="Error rate of each interval.")
@click.option("--over-time", is_flag=True, help="Draw the estimates over time instead of the last ones.")
@json_option
@plot_option("the values and their intervals")
def values(
    log_file: LogFile,
    method: str,
    weights: str,
    floor_decay: float,
    bounds: tuple[float, float] | None,
    alpha: float,
    over_time: bool,
) -> None:
    """Values of the arms in LOG: the mean outcome if all had taken the arm.

    LOG has a row per round: .csv (also .csv.gz), .parquet, or - for CSV on standard input."""
    from causalbandit.inference.arm_sequences import arm_sequences
    from causalbandit.inference.arm_values import estimate_arms, sample_means
    from causalbandit.inference.estimates import frame_notes, plot_estimates, summary_text

    check_outputs([log_file.path])
    _refuse_unused(method, contexts=(), weights=("aipw",), floor_decay=("aipw",), bounds=BOUNDED)
    log = log_file.read(method, needs_propensity=method not in ("exact", "sample-mean", *BOUNDED))
    with log_file.rounds():
        if method == "aipw":
            result = estimate_arms(log, weights, alpha=alpha, floor_decay=floor_decay)
            table, path = result.values, result.path
        elif method == "sample-mean":
            table, path = sample_means(log, alpha), arm_sequences(log, "naive", alpha)
        else:
            path = arm_sequences(log, method, alpha, bounds=bounds)
            table = _last_of_each(path, log, method, alpha)

    def draw() -> Any:
        from causalbandit.plots.effects import estimates_over_time

        return estimates_over_time(path, alpha) if over_time else plot_estimates(table)

    content = {"rounds": log.n_rounds, "alpha": alpha, "method": method, "values": plain_rows(table)}
    content["notes"] = list(frame_notes(table))
    deliver([f"{_reading(log)}{summary_text(table)}"], lambda: _noted(log, stamp("values") | content), draw=draw)


def _last_of_each(path: Any, log: AdaptiveLog, method: str, alpha: float) -> pd.DataFrame:
    """Each arm's last interval of its confidence sequence."""
    import numpy as np

    from causalbandit.inference.estimates import estimate_frame

    last = path.groupby("arm", sort=False).last().reindex(list(log.names))
    pulls = last["pulls"].fillna(0).to_numpy(dtype=np.int64)
    return estimate_frame(
        {
            "arm": list(log.names),
            "estimate": last["estimate"].to_numpy(),
            "lower": last["lower"].fillna(-np.inf).to_numpy(),
            "upper": last["upper"].fillna(np.inf).to_numpy(),
            "rounds": pulls,
        },
        title="Values of arms",
        alpha=alpha,
        notes=(
            f"{method} confidence sequence of each arm's sample mean: it holds at all rounds at once, for each arm, if "
            "its mean does not drift.",
        ),
    )
