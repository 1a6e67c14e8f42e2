"""*Home*: how far the installation is, when certificates end, what is wrong now."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from sealwire.access.roles import Action
from sealwire.ca.ports import RequestStatus
from sealwire.console.alarms import ALARM_DAYS, alarms, page_of
from sealwire.console.routing import Gate, get

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from starlette.responses import Response

    from sealwire.appliance.service import ApplianceStatus
    from sealwire.console.visit import Visit
    from sealwire.identity.expiry import Lifetime
    from sealwire.sensor.service import Sensor

_SEEN_BY: Final[Mapping[str, Action]] = {
    "ca": Action.READ_CERTIFICATE,
    "appliance": Action.READ_APPLIANCE,
    "sensor": Action.READ_SENSOR,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the first run: what, whether it is done, what is seen, and where to do it."""

    name: str
    done: bool
    seen: str
    path: str


@dataclass(frozen=True, slots=True)
class Expiry:
    """A certificate in use; ``path`` is where it is looked after, or empty."""

    lifetime: Lifetime
    path: str

    @property
    def state(self) -> str:
        """``expired``, ``soon`` or ``good``."""
        if self.lifetime.step == 0:
            return "expired"
        soon = self.lifetime.step is not None and self.lifetime.step <= ALARM_DAYS
        return "soon" if soon else "good"


def home(visit: Visit) -> Response:
    """Each part for those who may see what it is about."""
    sensor = visit.services.sensor if visit.may(Action.READ_SENSOR) else None
    unit = visit.services.appliance if visit.may(Action.READ_APPLIANCE) else None
    status = None if unit is None else unit.status()
    stats = {} if sensor is None else sensor.stats(0)
    lifetimes = _lifetimes(visit)
    steps = [*_sensor_steps(visit, sensor), *_appliance_steps(status), *_arrival(sensor, stats)]
    return visit.page(
        "home.html",
        steps=steps,
        calendar=_calendar(lifetimes),
        alarms=alarms(visit, status, stats, lifetimes),
        pending=_pending(visit),
    )


def _sensor_steps(visit: Visit, sensor: Sensor | None) -> Iterator[Step]:
    if sensor is None:
        return
    server = f"/sensors/syslog-server?sensor={visit.services.sensor_name}"
    listeners = sensor.listeners()
    ports = ", ".join(str(each.port) for each in listeners if each.open)
    yield Step("The sensor listens", bool(ports), f"Ports {ports}" if ports else "", server)
    installed = sensor.certificate.current()
    signed = installed is not None and not installed.self_signed
    seen = "" if signed else "It shows a self-signed certificate, which careful senders refuse."
    yield Step("The sensor has a certificate from a CA", signed, seen, server)


def _appliance_steps(status: ApplianceStatus | None) -> Iterator[Step]:
    if status is None:
        return
    page = "/system/audit-log-certificate"
    certificate = status.certificate
    asked = bool(certificate.pending) or certificate.installed is not None
    yield Step("Generate New CSR for the audit log", asked, "", f"{page}/csr")
    imported = certificate.installed is not None
    yield Step("Import Audit Client Certificate", imported, "", f"{page}/import")
    names = ", ".join(view.destination.name for view in status.destinations)
    yield Step("Add a destination", bool(names), names, "/system/audit-log")
    on = [view for view in status.destinations if view.destination.enabled]
    states = ", ".join(f"{view.destination.name}: {view.status.state}" for view in on)
    yield Step("Turn on streaming", bool(on), states, "/system/audit-log")


def _arrival(sensor: Sensor | None, stats: dict[str, Any]) -> Iterator[Step]:
    if sensor is not None:
        count = int(stats["packets_received"])
        yield Step("Packets Received goes up", count > 0, f"{count} so far", "/sensors")


def _lifetimes(visit: Visit) -> list[Lifetime]:
    """Of the certificates in use that the visitor may see, the one that ends first at the top."""
    expiry = visit.services.expiry
    found = [] if expiry is None else expiry.lifetimes()
    return [one for one in found if visit.may(_SEEN_BY.get(_kind(one), Action.READ_SENSOR))]


def _kind(one: Lifetime) -> str:
    return one.where.partition(":")[0]


def _calendar(found: Iterable[Lifetime]) -> list[tuple[str, list[Expiry]]]:
    """Month by month."""
    months = groupby(found, key=lambda one: f"{one.not_after:%B %Y}")
    return [
        (month, [Expiry(one, page_of(one.where)) for one in ending]) for month, ending in months
    ]


def _pending(visit: Visit) -> int | None:
    """How many requests wait for an agent's decision."""
    ca = visit.services.ca
    if ca is None or not visit.may(Action.LIST_REQUESTS):
        return None
    return ca.find(status=RequestStatus.PENDING, limit=1).total


ROUTES: Final = (get("/", Gate.LOGGED_IN, home),)
