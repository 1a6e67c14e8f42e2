"""``/api/v1/expiry``: how long the certificates in use still last; ``/metrics``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from sealwire.access.roles import Action
from sealwire.api.security import guard
from sealwire.api.services import present, services_of
from sealwire.identity.expiry import lifetime_document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.identity.expiry import Lifetime

router = APIRouter(tags=["expiry"])

_ARCHIVE: Final = {
    "journal_bytes_waiting": "Bytes of the journal that are not sealed yet.",
    "records_waiting": "Sealed records that are not indexed yet.",
    "sealed_records": "Number of the last record that is sealed.",
    "indexed_records": "Number of the last record that is indexed.",
    "segments": "Segments that are kept.",
    "segment_bytes": "Bytes of the segments that are kept.",
    "index_bytes": "Bytes of the index.",
    "lag_seconds": "For how long the oldest record that search does not find has waited.",
}


@router.get("/api/v1/expiry", dependencies=[guard(Action.READ_SENSOR)])
def expiry(
    request: Request, within: Annotated[int, Query(ge=0, le=36500)] = 36500
) -> dict[str, Any]:
    """Certificates in use that have at most ``within`` days left, the first to end first."""
    found = present(services_of(request).expiry, "expiry").lifetimes()
    return {"entries": [lifetime_document(one) for one in found if one.days_left <= within]}


@router.get("/metrics", dependencies=[guard(Action.READ_SENSOR)], response_class=Response)
def metrics(request: Request) -> Response:
    """For Prometheus: seconds since 1970 at which each certificate in use ends, what arrived."""
    from prometheus_client.exposition import (  # noqa: PLC0415 - only who asks for it pays for it
        CONTENT_TYPE_LATEST,
        generate_latest,
    )
    from prometheus_client.registry import CollectorRegistry  # noqa: PLC0415 - as above

    services = services_of(request)
    registry = CollectorRegistry()
    registry.register(
        _Figures(
            () if services.expiry is None else services.expiry.lifetimes(),
            None if services.sensor is None else services.sensor.stats(),
        )
    )
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Figures:
    """A collector over what was just read."""

    def __init__(self, lifetimes: Sequence[Lifetime], stats: dict[str, Any] | None) -> None:
        self._lifetimes = lifetimes
        self._stats = stats

    def collect(self) -> list[Any]:
        from prometheus_client.core import (  # noqa: PLC0415 - as above
            CounterMetricFamily,
            GaugeMetricFamily,
        )

        ends = GaugeMetricFamily(
            "sealwire_certificate_not_after_seconds",
            "When a certificate in use ends, in seconds since 1970.",
            labels=("where", "place", "sha256"),
        )
        for one in self._lifetimes:
            ends.add_metric((one.where, one.place.value, one.sha256), one.not_after.timestamp())
        found: list[Any] = [ends]
        for name in ("packets_received", "bytes_received") if self._stats else ():
            told = name.replace("_", " ")
            counter = CounterMetricFamily(f"sealwire_{name}", f"{told.capitalize()} and kept.")
            counter.add_metric((), (self._stats or {})[name])
            found.append(counter)
        archive = (self._stats or {}).get("archive", {})
        for name, told in _ARCHIVE.items():
            if name in archive:
                gauge = GaugeMetricFamily(f"sealwire_archive_{name}", told)
                gauge.add_metric((), archive[name])
                found.append(gauge)
        return found
