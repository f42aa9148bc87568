"""Policies as JSON values, for saving a running experiment, and back.

>>> from causalbandit.designs.policies import UCB
>>> policy = UCB(2)
>>> policy.update(1, 0.5)
>>> policy_from_dict(policy_to_dict(policy)).totals.tolist()
[0.0, 0.5]
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from causalbandit import checks
from causalbandit.designs.policies import UCB, EpsilonGreedy, FixedPolicy
from causalbandit.designs.policy_floor import PolicyFloor
from causalbandit.designs.thompson import BetaBernoulliThompson, GaussianThompson
from causalbandit.errors import InvalidArgument

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
