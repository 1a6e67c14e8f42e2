"""A request under review as Dogtag's CertReviewResponse, and what comes back of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire.api.dogtag import bodies
from sealwire.api.dogtag.contents import policy_values
from sealwire.api.dogtag.errors import bad_request
from sealwire.api.dogtag.inputs import input_blocks
from sealwire.api.dogtag.policies import policy_list
from sealwire.api.dogtag.shapes import NO_ATTRIBUTES, Json, JsonObject, java_date

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.ca.ports import Request
    from sealwire.ca.profile_register import ProfileInForce
    from sealwire.ca.review import Review


def review_json(seen: Review, rules: ProfileInForce, nonce: int) -> JsonObject:
    """What an agent looks at. ``rules`` are those in force, which approval would judge by."""
    request, profile = seen.request, rules.profile
    submitted = {name: value for block in seen.inputs for name, value in block.attributes}
    policies: list[Json] = [*policy_list(profile, policy_values(request))]
    return {
        "nonce": str(nonce),
        **_request_part(request),
        "profileApprovedBy": rules.changed_by,
        "profileSetId": profile.policy_set,
        "profileIsVisible": "true" if profile.visible else "false",
        "profileName": profile.name,
        "profileDescription": profile.description,
        "ProfileID": profile.profile_id,
        "Renewal": False,
        "Input": input_blocks(profile, submitted),
        "Output": [],
        "ProfilePolicySet": [{"policies": policies}],
        "Attributes": NO_ATTRIBUTES,
    }


def _request_part(request: Request) -> JsonObject:
    return {
        "requestId": hex(request.request_id),
        "requestType": request.request_type.value,
        "requestStatus": request.status.value,
        "requestOwner": request.owner or "",
        "requestCreationTime": java_date(request.created),
        "requestModificationTime": java_date(request.modified),
        "profileRemoteHost": request.remote_address,
        "profileRemoteAddr": request.remote_address,
        **_notes(request),
    }


def _notes(request: Request) -> JsonObject:
    """The reason, left out when there is none.

    Dogtag's Python client sends what it was given under this name instead of what its user set.
    """
    return {"requestNotes": request.reason} if request.reason else {}


def refuse_edits(body: JsonObject, request: Request) -> None:
    """Raises DogtagError when the review came back with other values than it was sent with.

    What will be signed is fixed at submit and looked at as it is; to take a change and not make
    it would deceive whoever made it.
    """
    offered = policy_values(request)
    changed = sorted(
        name for name, value in _posted(body) if name in offered and value != offered[name]
    )
    if changed:
        raise bad_request(
            f"Bad request data: {', '.join(changed)} cannot be changed in a review;"
            " reject the request and have it submitted anew"
        )


def _posted(body: JsonObject) -> Iterator[tuple[str, str]]:
    for policy_set in bodies.objects(body, "ProfilePolicySet"):
        for policy in bodies.objects(policy_set, "policies"):
            default = bodies.inner(policy, "def")
            for each in bodies.objects(default, "attributes"):
                name, value = bodies.text(each, "name"), bodies.text(each, "Value")
                if name is not None and value is not None:
                    yield name, value
