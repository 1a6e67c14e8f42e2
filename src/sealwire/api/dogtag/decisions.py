"""The seven actions on a request, and what their refusals are called in Dogtag."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sealwire.api.dogtag import bodies
from sealwire.api.dogtag.access import REQUEST_ACTIONS
from sealwire.api.dogtag.context import authority_of
from sealwire.api.dogtag.errors import DogtagError, bad_request
from sealwire.api.dogtag.reviews import refuse_edits
from sealwire.errors import NotFoundError, SealwireError

if TYPE_CHECKING:
    from fastapi import Request as HttpRequest

    from sealwire.access.roles import Principal
    from sealwire.api.dogtag.shapes import JsonObject
    from sealwire.ca.ports import Request
    from sealwire.ca.service import CertificateAuthority


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody wants of a request. ``seen`` is the digest of what they looked at."""

    number: int
    actor: str
    credential: str
    notes: str | None
    seen: str | None


_CARRIED_OUT: Final[Mapping[str, Callable[[CertificateAuthority, Decision], object]]] = {
    "approve": lambda ca, it: ca.approve(
        it.number, actor=it.actor, tbs_sha256=it.seen, credential=it.credential
    ),
    "reject": lambda ca, it: ca.reject(it.number, it.notes, actor=it.actor),
    "cancel": lambda ca, it: ca.cancel(it.number, it.notes, actor=it.actor),
    "update": lambda ca, it: ca.update(it.number, actor=it.actor),
    "validate": lambda ca, it: ca.validate(it.number, actor=it.actor),
    "assign": lambda ca, it: ca.assign(it.number, actor=it.actor),
    "unassign": lambda ca, it: ca.unassign(it.number, actor=it.actor),
}
_TAKES_VALUES: Final = frozenset({"approve", "update", "validate"})


def check_action(action: str) -> None:
    """Raises DogtagError for an action that nobody knows."""
    if action not in REQUEST_ACTIONS:
        raise DogtagError(404, "No such action")


def decide(
    http: HttpRequest,
    who: Principal,
    request: Request,
    action: str,
    body: JsonObject,
    seen: str | None,
) -> None:
    """Carry out one of ``REQUEST_ACTIONS``. Raises DogtagError, else as the use case does."""
    authority = authority_of(http)
    # What is no longer there as it was looked at, approving refuses itself, and records it.
    if action in _TAKES_VALUES and not (action == "approve" and _was_replaced(request, seen)):
        refuse_edits(body, request)
    wish = Decision(
        number=request.request_id,
        actor=who.name,
        credential=who.credential,
        notes=bodies.text(body, "requestNotes"),
        seen=seen,
    )
    older = _older_than_profile(authority, request)
    try:
        _CARRIED_OUT[action](authority, wish)
    except SealwireError as refusal:
        raise _in_dogtags_words(refusal, older=older) from refusal


def _was_replaced(request: Request, seen: str | None) -> bool:
    """Whether the bytes to be signed are others than those of the digest."""
    if seen is None or request.tbs_der is None:
        return False
    return hashlib.sha256(request.tbs_der).hexdigest() != seen


def _in_dogtags_words(refusal: SealwireError, *, older: bool) -> SealwireError:
    # Dogtag forgets the second argument of its message "Request {0} Rejected - {1}", and so its
    # clients have come to know it.
    match refusal.code:
        case "request.not_pending" | "profile.unknown" | "profile.disabled":
            return bad_request(f"Bad request data: {refusal.message}")
        case "request.rejected":
            return bad_request(f"Request {refusal.message} Rejected - {{1}}")
        case "request.stale" if older:
            return bad_request("Request Profile Newer Than Request Rejected - {1}")
        case "issuance.failed":
            return DogtagError(500, f"Server Internal Error: {refusal.message}")
        case _:
            return refusal


def _older_than_profile(authority: CertificateAuthority, request: Request) -> bool:
    try:
        rules = authority.profile_register.get(request.profile_id)
    except NotFoundError:
        return False
    return (rules.version, rules.digest) != (request.profile_version, request.profile_digest)
