"""Profiles as Dogtag's ProfileDataInfo and ProfileData."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire.api.dogtag.context import address
from sealwire.api.dogtag.inputs import input_blocks, output_blocks
from sealwire.api.dogtag.policies import policy_list
from sealwire.api.dogtag.shapes import Json, JsonObject

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import Request as HttpRequest

    from sealwire.api.dogtag.versions import Version
    from sealwire.ca.profile_register import ProfileInForce


def profile_infos(
    http: HttpRequest, version: Version, rules: Sequence[ProfileInForce], start: int, size: int
) -> JsonObject:
    """A page of a list of profiles."""
    entries: list[Json] = [
        {
            "profileId": each.profile_id,
            "profileName": each.profile.name,
            "profileDescription": each.profile.description,
            "profileURL": address(http, version, "profiles", each.profile_id),
            "profileVisible": each.profile.visible,
            "profileEnable": each.enabled,
            "profileEnableBy": each.changed_by,
        }
        for each in rules[start : start + size]
    ]
    return {"total": len(rules), "entries": entries}


def profile_data(rules: ProfileInForce, *, first_shape: bool) -> JsonObject:
    """A profile as a whole.

    Dogtag's servers say ``inputs``, ``outputs``, ``policySets``; its Python client reads the
    older ``Input``, ``Output``, ``PolicySets``, and would take ``inputs`` for a list of its own
    objects. So both stand there unless ``first_shape`` says that it is that client who asks.
    """
    profile = rules.profile
    inputs, outputs = input_blocks(profile, None), output_blocks()
    policies: list[Json] = [*policy_list(profile)]
    newer: JsonObject = {} if first_shape else {"inputs": inputs, "outputs": outputs}
    return {
        "id": profile.profile_id,
        "classId": "caEnrollImpl",
        "name": profile.name,
        "description": profile.description,
        "enabled": rules.enabled,
        "visible": profile.visible,
        "enabledBy": rules.changed_by,
        "authenticatorId": None,
        "authzAcl": "",
        "renewal": False,
        "xmlOutput": False,
        **newer,
        "policySets": {profile.policy_set: policies},
        "Input": inputs,
        "Output": outputs,
        "PolicySets": {"PolicySet": [{"id": profile.policy_set, "value": policies}]},
    }
