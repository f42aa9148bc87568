"""A running Mixture Adaptive Design as JSON values, exact to the last bit: settings, learned state, open assignments.

Long arrays (the record of rounds, the path) are base64 of little-endian doubles, everything else is plain JSON.
Functions of one's own and regressors are not stored: they are passed again on loading, and functions are compared at a
few places with what they were.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from causalbandit.designs.mixing import PowerDecay
from causalbandit.designs.policies import policy_from_dict, policy_to_dict

FORMAT = 1
KIND = "MixtureAdaptiveDesign"
PROBES = (1, 2, 3, 10, 100, 1000, 10**6)
"""Places at which a function that is passed again on loading must have its old values."""


def design_to_dict(settings: Mapping[str, Any], policy: Any, state: Mapping[str, Any]) -> dict[str, Any]:
    """The design with these settings (arguments of its constructor), policy and state, as JSON values."""
    for name in settings["arms"]:
        if not isinstance(name, (str, int, float, bool)):
            raise TypeError(f"the arm {name!r} cannot be saved as JSON; name arms by strings or numbers.")
    plain = dict(settings)
    for name in ("delta", "decay"):
        plain[name] = _function_to_json(settings[name])
    model = settings["outcome_model"]
    if not (model is None or isinstance(model, str)):
        plain["outcome_model"] = {"regressor": (model if isinstance(model, type) else type(model)).__name__}
    return {
        "format": FORMAT,
        "kind": KIND,
        "settings": plain,
        "policy": policy_to_dict(policy),
        "state": dict(state),
    }


def read_design(
    saved: Mapping[str, Any], *, policy: Any, delta: Any, decay: Any, outcome_model: Any
) -> tuple[dict[str, Any], Callable[[Any], Any]]:
    """Settings of a saved design, and a function that makes its policy (from one made before, or None)."""
    if saved.get("kind") != KIND or saved.get("format") != FORMAT:
        raise ValueError(
            f"this is no saved {KIND} of format {FORMAT}: its kind is {saved.get('kind')!r}, its format "
            f"{saved.get('format')!r}."
        )
    settings = dict(saved["settings"])
    settings["delta"] = _function_from_json("delta", settings["delta"], delta)
    settings["decay"] = _function_from_json("decay", settings["decay"], decay)
    model = settings["outcome_model"]
    if isinstance(model, Mapping):
        if outcome_model is None:
            raise ValueError(
                f"the saved design used a {model['regressor']}; pass outcome_model= with one made as before."
            )
        settings["outcome_model"] = outcome_model
    return settings, lambda made: policy_from_dict(saved["policy"], policy if made is None else made)


def write_json(saved: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Write a file that replaces the old one only once it is complete on disk."""
    text = json.dumps(saved, allow_nan=False)
    target = Path(path)
    partial = target.with_name(target.name + ".partial")
    with open(partial, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, target)


def read_json(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The JSON object in a file."""
    try:
        saved = json.loads(Path(path).read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{os.fspath(path)!r} is not JSON ({error}); expected a file that save() wrote.") from None
    if not isinstance(saved, dict):
        raise ValueError(f"{os.fspath(path)!r} holds no saved design.")
    return saved


def _function_to_json(function: Any) -> Any:
    """A named function by its name, one of one's own by its values at a few places."""
    if function is None or isinstance(function, str):
        return function
    if isinstance(function, PowerDecay):
        return {"power": function.exponent}
    return {"probes": [_probed(function, t) for t in PROBES]}


def _probed(function: Callable[[int], float], t: int) -> float | None:
    """The function's value, or None where it has none (a table that ends before, say)."""
    try:
        value = float(function(t))
    except (LookupError, ArithmeticError, ValueError, TypeError):
        return None
    return value if math.isfinite(value) else None


def _function_from_json(name: str, saved: Any, given: Callable[[int], float] | None) -> Any:
    """The function that `_function_to_json` saved, or ``given`` if it takes the same values."""
    if saved is None or isinstance(saved, str):
        return saved
    if "power" in saved:
        return PowerDecay(saved["power"])
    if given is None:
        raise ValueError(f"the saved design used a {name} function of its own, which a file cannot hold; pass {name}=.")
    for t, value in zip(PROBES, saved["probes"], strict=True):
        if _probed(given, t) != value:
            raise ValueError(
                f"{name}({t}) is {_probed(given, t)!r}; the saved design used {value!r}. Pass the same function."
            )
    return given
