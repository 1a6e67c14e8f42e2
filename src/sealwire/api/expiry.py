"""``/api/v1/expiry``: how long the certificates in use still last."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from sealwire.access.roles import Action
from sealwire.api.security import guard
from sealwire.api.services import present, services_of
from sealwire.identity.expiry import lifetime_document

router = APIRouter(tags=["expiry"])


@router.get("/api/v1/expiry", dependencies=[guard(Action.READ_SENSOR)])
def expiry(
    request: Request, within: Annotated[int, Query(ge=0, le=36500)] = 36500
) -> dict[str, Any]:
    """Certificates in use that have at most ``within`` days left, the first to end first."""
    found = present(services_of(request).expiry, "expiry").lifetimes()
    return {"entries": [lifetime_document(one) for one in found if one.days_left <= within]}
