"""``/api/v1/audit``: trails and their records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Query, Request

from sealwire.access.roles import Action
from sealwire.api.security import guard
from sealwire.api.services import services_of
from sealwire.api.shapes import Number, trail_record
from sealwire.errors import NotFoundError

if TYPE_CHECKING:
    from sealwire.audit.ports import TrailTx

router = APIRouter(prefix="/api/v1/audit", tags=["audit"])
TRAILS: Final = ("ca", "appliance", "sensor", "inputs", "delivery")


@router.get("", dependencies=[guard(Action.READ_AUDIT)])
def trails(request: Request) -> list[dict[str, Any]]:
    """Every trail with its size."""

    def query(tx: TrailTx) -> list[dict[str, Any]]:
        return [{"trail": t, "size": tx.trail_head(t).size} for t in tx.trail_names()]

    return services_of(request).trails.read(query)


@router.get("/{trail}", dependencies=[guard(Action.READ_AUDIT)])
def records(
    request: Request,
    trail: str,
    start: Number = 0,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> list[dict[str, Any]]:
    """Records from index ``start`` on, in order. A trail may have none yet."""
    if trail not in TRAILS:
        raise NotFoundError(
            "trail.unknown", f"there is no trail {trail}", hint=f"one of {', '.join(TRAILS)}"
        )
    found = services_of(request).trails.read(
        lambda tx: tx.trail_records(trail, start=start, limit=limit)
    )
    return [trail_record(record) for record in found]
