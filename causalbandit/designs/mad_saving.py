"""A running Mixture Adaptive Design as JSON values, exact to the last bit: settings, learned state, open assignments.

Long arrays (the record of rounds, the path) are base64 of little-endian doubles, everything else is plain JSON.
Functions of one's own and regressors are not stored: they are passed again on loading.

>>> from causalbandit.designs.policies import UCB
>>> policy = UCB(2)
>>> policy.update(1, 0.5)
>>> policy_from_dict(policy_to_dict(policy)).totals.tolist()
[0.0, 0.5]
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from causalbandit import checks
from causalbandit.designs.policies import UCB, EpsilonGreedy, FixedPolicy, PolicyFloor
from causalbandit.designs.settings import MADSettings
from causalbandit.designs.thompson import BetaBernoulliThompson, GaussianThompson
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


POLICIES: dict[str, Any] = {
    kind.__name__: kind
    for kind in (BetaBernoulliThompson, GaussianThompson, UCB, EpsilonGreedy, FixedPolicy, PolicyFloor)
}
"""The policies that a saved design can make again by name."""


def policy_to_dict(policy: Any) -> dict[str, Any]:
    """A policy's kind, settings and state as JSON values.

    A policy of one's own is saved if it has ``state()`` (JSON values); loading then needs the policy object, whose
    ``restore(state)`` is called. A policy without them cannot be saved.

    Raises
    ------
    InvalidType
        If the policy has no ``state`` and ``restore``.
    """
    purpose = "it cannot be saved; give it state(), which returns JSON values, and restore(state)"
    checks.methods(policy, "policy", ("state", "restore"), purpose)
    settings = policy.settings() if type(policy) in POLICIES.values() else None
    if settings is not None and any(callable(value) for value in settings.values()):
        settings = None  # a function among the settings: the caller passes the policy on loading
    if settings is not None and "policy" in settings:
        settings["policy"] = policy_to_dict(settings["policy"])
    return {"kind": type(policy).__name__, "settings": settings, "state": policy.state()}


def policy_from_dict(saved: Mapping[str, Any], policy: Any = None) -> Any:
    """The policy that `policy_to_dict` saved; ``policy``, for a kind of one's own, is one made alike."""
    if policy is None:
        if saved["settings"] is None:
            given = f"of the saved design is a {saved['kind']} that a file cannot hold whole"
            raise InvalidArgument("policy", f"{given}; pass policy= with one made with the same settings.")
        settings = dict(saved["settings"])
        if "policy" in settings:
            settings["policy"] = policy_from_dict(settings["policy"])
        policy = POLICIES[checks.one_of(saved["kind"], "policy", POLICIES)](**settings)
    elif type(policy).__name__ != saved["kind"]:
        raise InvalidArgument("policy", f"was a {type(policy).__name__}; the saved design uses a {saved['kind']}.")
    policy.restore(saved["state"])
    return policy
