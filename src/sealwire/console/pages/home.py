"""*Home*: how far the installation is, when certificates end, what is wrong now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sealwire.access.roles import Action
from sealwire.ca.ports import RequestStatus
from sealwire.console.certificates import CertificateFacts, chain_facts
from sealwire.console.routing import Gate, get

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.responses import Response

    from sealwire.appliance.service import ApplianceStatus
    from sealwire.console.visit import Visit
    from sealwire.sensor.service import Sensor


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the first run: what, whether it is done, what is seen, and where to do it."""

    name: str
    done: bool
    seen: str
    path: str


@dataclass(frozen=True, slots=True)
class Expiry:
    """A certificate in use."""

    use: str
    certificate: CertificateFacts
    path: str


def home(visit: Visit) -> Response:
    """Each part for those who may see what it is about."""
    sensor = visit.services.sensor if visit.may(Action.READ_SENSOR) else None
    unit = visit.services.appliance if visit.may(Action.READ_APPLIANCE) else None
    status = None if unit is None else unit.status()
    stats = {} if sensor is None else sensor.stats()
    steps = [*_sensor_steps(visit, sensor), *_appliance_steps(status), *_arrival(sensor, stats)]
    return visit.page(
        "home.html",
        steps=steps,
        expiries=sorted(
            _expiries(visit, sensor, status), key=lambda one: one.certificate.not_after
        ),
        alarms=[*_alarms(status, stats)],
        pending=_pending(visit),
    )


def _sensor_steps(visit: Visit, sensor: Sensor | None) -> Iterator[Step]:
    if sensor is None:
        return
    server = f"/sensors/syslog-server?sensor={visit.services.sensor_name}"
    listeners = sensor.listeners()
    ports = ", ".join(str(each.port) for each in listeners if each.open)
    yield Step("The sensor listens", bool(ports), f"Ports {ports}" if ports else "", server)
    installed = sensor.certificate.show().installed
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


def _expiries(
    visit: Visit, sensor: Sensor | None, status: ApplianceStatus | None
) -> Iterator[Expiry]:
    uses = []
    if sensor is not None:
        uses.append(("Sensor", sensor.certificate.show().installed, "/sensors/syslog-server"))
    if status is not None:
        installed = status.certificate.installed
        uses.append(("Audit log client", installed, "/system/audit-log-certificate"))
    for use, installed, path in uses:
        for certificate in chain_facts(installed, visit.now):
            yield Expiry(use, certificate, path)


def _alarms(status: ApplianceStatus | None, stats: dict[str, Any]) -> Iterator[str]:
    for view in () if status is None else status.destinations:
        if view.destination.enabled and view.status.last_error:
            yield f"Destination {view.destination.name}: {view.status.last_error}"
    for trouble in stats.get("journal_trouble", ()):
        yield f"The sensor cannot keep what arrives: {trouble}"


def _pending(visit: Visit) -> int | None:
    """How many requests wait for an agent's decision."""
    ca = visit.services.ca
    if ca is None or not visit.may(Action.LIST_REQUESTS):
        return None
    return ca.find(status=RequestStatus.PENDING, limit=1).total


ROUTES: Final = (get("/", Gate.LOGGED_IN, home),)
