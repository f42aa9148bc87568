"""Tables of a Mixture Adaptive Design, from its settings, running contrasts and record of rounds."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from causalbandit.designs.mad_record import ARM, OBSERVED, OUTCOME, PROPENSITY, RoundRecord
from causalbandit.designs.running_contrasts import RunningContrasts
from causalbandit.designs.settings import MADSettings
from causalbandit.inference.contrast_readings import joint_note
from causalbandit.inference.estimates import estimate_frame, path_frame
from causalbandit.inference.scores import inverse_propensity_residual

if TYPE_CHECKING:
    import pandas as pd

ASSUMPTIONS = (
    "Asymptotic, time-uniform confidence sequence: holds at every round at once. It assumes that propensities are "
    "those with which arms were drawn, that units do not interfere, and that whether and when an outcome arrives "
    "depends on neither the arm nor the outcome."
)


def contrast_table(contrasts: RunningContrasts, notes: Sequence[str] = ()) -> pd.DataFrame:
    """The table of `ContrastResults.estimates`; ``notes`` are added to the frame's own."""
    settings = contrasts.settings
    estimates, radii, variance_sums = np.array([contrasts.interval(arm) for arm in settings.others]).T
    missing = np.isnan(estimates)
    centres = np.where(missing, 0.0, estimates)
    return estimate_frame(
        {
            "arm": settings.other_arms,
            "reference": [settings.control] * len(radii),
            "estimate": estimates,
            "std_error": np.sqrt(variance_sums) / max(contrasts.sums.rounds, 1),
            "lower": centres - radii,
            "upper": centres + radii,
            "significant": np.abs(centres) >= radii,
            "n": [int(contrasts.pulls[k]) for k in settings.others],
            "n_control": [int(contrasts.pulls[settings.control_index])] * len(radii),
            "insufficient_data": missing,
            "warning": [_warning(contrasts, arm) for arm in settings.others],
        },
        title="Effects against control, Mixture Adaptive Design",
        alpha=settings.alpha,
        notes=(joint_note(settings.joint), *notes, ASSUMPTIONS),
    )


def _warning(contrasts: RunningContrasts, arm: int) -> str:
    """Why the promise of an arm's interval may not be held, or an empty text."""
    sums, settings = contrasts.sums, contrasts.settings
    if not sums.sufficient(arm):
        return ""
    doubts, reasons = sums.doubts(arm), []
    if doubts.few_draws:
        fewest = min((sums.counts[k], k) for k in (arm, settings.control_index))
        reasons.append(f"only {fewest[0]:.0f} scored draws of {settings.arms[fewest[1]]!r}")
    if doubts.few_outcomes:
        reasons.append("a few outcomes carry the variance: heavy tails, or too few that are not 0")
    if doubts.too_short:
        reasons.append(
            "the realised variance is likely too small; variance='guarded' gives a wider interval that holds"
        )
    return "; ".join(reasons)


def radius_path(values: ArrayLike, names: Sequence[Hashable]) -> pd.DataFrame:
    """The table of `ContrastResults.path` from estimates and radii [T, J, 2], in a row."""
    table = np.asarray(values, dtype=np.float64).reshape(-1, len(names), 2)
    estimates, radii = table[..., 0], table[..., 1]
    centres = np.where(np.isnan(estimates), 0.0, estimates)
    columns = {"estimate": estimates, "lower": centres - radii, "upper": centres + radii}
    return path_frame(np.arange(1, len(table) + 1), names, columns)


def rounds_frame(settings: MADSettings, record: RoundRecord, covariates: Sequence[str]) -> pd.DataFrame:
    """The table of `LiveResults.rounds`."""
    import pandas as pd

    table = record.table()
    frame = pd.DataFrame(
        {
            "id": np.arange(1, len(table) + 1),
            "arm": [settings.arms[int(k)] for k in table[:, ARM]],
            "propensity": table[:, PROPENSITY],
            "outcome": table[:, OUTCOME],
            "observed": table[:, OBSERVED].astype(int),
        }
    )
    for name, column in zip(covariates, record.covariates(table).T, strict=True):
        frame[name] = column
    for arm, column in zip(settings.arms, record.probabilities(table).T, strict=True):
        frame[f"p({arm})"] = column
    return frame


def propensity_frame(settings: MADSettings, record: RoundRecord) -> pd.DataFrame:
    """The table of `LiveResults.propensity_path`."""
    probabilities = record.probabilities(record.table())
    return path_frame(np.arange(1, len(probabilities) + 1), settings.arms, {"probability": probabilities})


def scores_frame(settings: MADSettings, record: RoundRecord) -> pd.DataFrame:
    """The table of `LiveResults.scores`."""
    import pandas as pd

    table = record.observed()[settings.n_warmup :]
    drawn = table[:, ARM].astype(int)
    known = record.predictions(table)
    predictions = np.zeros((len(table), settings.n_arms)) if known is None else known
    residuals = inverse_propensity_residual(
        table[:, OUTCOME], table[:, PROPENSITY], predictions[np.arange(len(table)), drawn]
    )
    control = settings.control_index
    parts = []
    for arm in settings.others:
        sign = (drawn == arm).astype(float) - (drawn == control)
        parts.append(
            pd.DataFrame(
                {
                    "round": np.arange(settings.n_warmup + 1, settings.n_warmup + 1 + len(table)),
                    "arm": [settings.arms[arm]] * len(table),
                    "drawn": np.where(drawn == arm, "arm", np.where(drawn == control, "control", "other")),
                    "score": predictions[:, arm] - predictions[:, control] + sign * residuals,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)
