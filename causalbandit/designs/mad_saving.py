"""A running Mixture Adaptive Design as JSON values, exact to the last bit: settings, learned state, open assignments.

Long arrays (the record of rounds, the path) are base64 of little-endian doubles, everything else is plain JSON.
Functions of one's own and regressors are not stored: they are passed again on loading.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from causalbandit.designs.policy_saving import policy_to_dict
from causalbandit.designs.settings import MADSettings
from causalbandit.errors import InvalidArgument
from causalbandit.files import write_output

FORMAT = 2
KIND = "MixtureAdaptiveDesign"


def design_to_dict(settings: MADSettings, policy: Any, state: Mapping[str, Any]) -> dict[str, Any]:
    """A design's settings, policy and state as JSON values."""
    return {
        "format": FORMAT,
        "kind": KIND,
        "settings": settings.to_dict(),
        "policy": policy_to_dict(policy),
        "state": dict(state),
    }


def read_design(saved: Mapping[str, Any], own: Mapping[str, Any]) -> tuple[MADSettings, Any, Mapping[str, Any]]:
    """Settings, stored policy and state of a saved design, of this kind and format.

    ``own`` holds the functions and the regressor that could not be saved (``delta``, ``decay``, ``outcome_model``).
    """
    if saved.get("kind") != KIND:
        raise InvalidArgument("saved", f"is no saved {KIND}: its kind is {saved.get('kind')!r}.")
    if saved.get("format") != FORMAT:
        known = f"of format {saved.get('format')!r}; this version reads format {FORMAT}"
        fix = "Finish that experiment with the version that saved it, or give its log to mad_from_log"
        raise InvalidArgument("saved", f"is a {KIND} {known}. {fix}.")
    return MADSettings.from_dict(saved["settings"], **own), saved["policy"], saved["state"]


@contextmanager
def damage_told() -> Iterator[None]:
    """Say what a damaged file lacks, or what cannot be read, where a bare KeyError or TypeError would come."""
    try:
        yield
    except KeyError as error:
        raise InvalidArgument(
            "saved", f"lacks {error.args[0]!r}; the file is damaged or was changed by hand."
        ) from error
    except InvalidArgument:
        raise
    except (TypeError, ValueError, AttributeError, IndexError, ArithmeticError) as error:
        raise InvalidArgument(
            "saved", f"cannot be read ({error}); the file is damaged or was changed by hand."
        ) from error


def write_json(saved: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Write a file that replaces the old one only once it is complete on disk."""
    write_output(path, json.dumps(saved, allow_nan=False))


def read_json(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The JSON object in a file."""
    try:
        saved = json.loads(Path(path).read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise InvalidArgument(
            "path", f"{os.fspath(path)!r} is not JSON ({error}); expected a file that save() wrote."
        ) from None
    if not isinstance(saved, dict):
        raise InvalidArgument("path", f"{os.fspath(path)!r} holds no saved design.")
    return saved
