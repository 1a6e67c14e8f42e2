"""``/api/v1/audit``: trails and their records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import Field

from sealwire.access.roles import Action, Principal
from sealwire.api.security import guard
from sealwire.api.services import services_of
from sealwire.api.shapes import Body, Number, trail_record
from sealwire.audit.configuration import NUMBERS, AuditChange
from sealwire.errors import NotFoundError

if TYPE_CHECKING:
    from sealwire.audit.configuration import AuditConfig
    from sealwire.audit.ports import TrailTx

router = APIRouter(prefix="/api/v1/audit", tags=["audit"])
TRAILS: Final = ("ca", "appliance", "sensor", "inputs", "delivery")


@router.get("", dependencies=[guard(Action.READ_AUDIT)])
def trails(request: Request) -> list[dict[str, Any]]:
    """Every trail with its size."""

    def query(tx: TrailTx) -> list[dict[str, Any]]:
        return [{"trail": t, "size": tx.trail_head(t).size} for t in tx.trail_names()]

    return services_of(request).trails.read(query)


class AuditChangeBody(Body):
    """What to change; what is absent stays. Sizes and times as ``FileSettings`` has them."""

    enabled: bool | None = None
    buffer_size: Number | None = None
    flush_interval: Number | None = None
    max_size_kb: Number | None = None
    rollover: Number | None = None
    expiration: Number | None = None
    events: Annotated[dict[str, str], Field(max_length=200)] | None = None
    filters: Annotated[dict[str, str], Field(max_length=200)] | None = None

    def change(self) -> AuditChange:
        """The same, for the use case."""
        given = {name: getattr(self, name) for name in NUMBERS}
        numbers = {name: value for name, value in given.items() if value is not None}
        return AuditChange(self.enabled, numbers, self.events or {}, self.filters or {})


@router.get("/configuration", dependencies=[guard(Action.READ_AUDIT_CONFIGURATION)])
def configuration(request: Request) -> dict[str, Any]:
    """What is recorded, and how the signed file is kept."""
    return _configuration(services_of(request).audit.show())


@router.patch("/configuration")
def configure(
    request: Request,
    body: AuditChangeBody,
    who: Annotated[Principal, guard(Action.CONFIGURE_AUDIT)],
) -> dict[str, Any]:
    """Change it, at once and everywhere."""
    return _configuration(services_of(request).audit.modify(who.name, body.change()))


@router.get("/files", dependencies=[guard(Action.READ_AUDIT)])
def files(request: Request) -> list[dict[str, Any]]:
    """The signed audit log's files, the oldest first."""
    return [{"name": name, "size": size} for name, size in services_of(request).audit.files()]


@router.get("/files/{name}", dependencies=[guard(Action.READ_AUDIT)])
def file(request: Request, name: str) -> StreamingResponse:
    """One of them, as it is now."""
    content = services_of(request).audit.file(name)
    return StreamingResponse(content, media_type="application/octet-stream")


def _configuration(config: AuditConfig) -> dict[str, Any]:
    numbers = {name: getattr(config.file, name) for name in NUMBERS}
    return {
        "enabled": config.file.enabled,
        **numbers,
        "events": dict(config.events),
        "filters": dict(config.filters),
        "failure": config.failure,
        "certificate": config.certificate_pem,
    }


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
