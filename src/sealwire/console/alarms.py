"""What is wrong now, for those who may see what it is about, with the page where it is mended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sealwire.access.roles import Action
from sealwire.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sealwire.appliance.service import ApplianceStatus
    from sealwire.console.visit import Visit
    from sealwire.identity.expiry import Lifetime
    from sealwire.identity.revocation import RevocationSource

ALARM_DAYS: Final = 30
_DESTINATIONS: Final = "/system/audit-log"
_CLIENT_CERTIFICATE: Final = "/system/audit-log-certificate"
_SENSORS: Final = "/sensors/syslog-server"
_LISTS: Final = (
    ("sensor", Action.READ_SENSOR, "/sensors/revocation-lists"),
    ("appliance", Action.READ_APPLIANCE, "/system/revocation-lists"),
)


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that somebody should see to; ``grave`` when something does not work any more."""

    text: str
    path: str
    grave: bool = True


def alarms(
    visit: Visit,
    status: ApplianceStatus | None,
    stats: dict[str, Any],
    lifetimes: Iterable[Lifetime],
) -> list[Alarm]:
    """Grave ones first. ``status`` and ``stats`` are None and empty for who may not see them."""
    found = [
        *_of_the_audit_file(visit),
        *_of_the_appliance(status),
        *_of_the_sensor(stats),
        *_of_certificates(lifetimes),
        *_of_published_crls(visit),
        *_of_peer_lists(visit),
    ]
    return sorted(found, key=lambda alarm: not alarm.grave)


def _of_the_audit_file(visit: Visit) -> Iterator[Alarm]:
    if visit.services.ca is None or not visit.may(Action.READ_AUDIT_CONFIGURATION):
        return
    failure = visit.services.audit.show().failure
    if failure:
        text = f"The signed audit log cannot be written, and the CA does no work: {failure}"
        yield Alarm(text, "/authority/audit-configuration")


def _of_the_appliance(status: ApplianceStatus | None) -> Iterator[Alarm]:
    if status is None:
        return
    for view in status.destinations:
        if view.destination.enabled and view.status.last_error:
            text = f"Destination {view.destination.name}: {view.status.last_error}"
            yield Alarm(text, _DESTINATIONS)
    for alarm in status.alarms:
        yield Alarm(alarm.text, _CLIENT_CERTIFICATE)


def _of_the_sensor(stats: dict[str, Any]) -> Iterator[Alarm]:
    for trouble in stats.get("journal_trouble", ()):
        yield Alarm(f"The sensor cannot keep what arrives: {trouble}", _SENSORS)
    for alarm in stats.get("alarms", ()):
        if alarm["over"]:
            continue
        yield Alarm(f"Sensor: {alarm['text']} ({alarm['last_seen']})", _SENSORS, grave=False)


def _of_certificates(lifetimes: Iterable[Lifetime]) -> Iterator[Alarm]:
    for one in lifetimes:
        if one.step is None or one.step > ALARM_DAYS:
            continue
        when = "has ended" if one.step == 0 else f"ends in {_days(one.days_left)}"
        text = f"A certificate of {one.where} {when}: {one.subject}"
        yield Alarm(text, page_of(one.where), grave=one.step == 0)


def _days(count: int) -> str:
    return "less than a day" if count < 1 else f"{count} day{'' if count == 1 else 's'}"


def page_of(where: str) -> str:
    """Where what is used under this name is looked after; nothing for what looks after itself."""
    kind = where.partition(":")[0]
    pages = {"sensor": _SENSORS, "appliance": _CLIENT_CERTIFICATE, "ca": "/authority/certificates"}
    return pages.get(kind, "")


def _of_published_crls(visit: Visit) -> Iterator[Alarm]:
    publisher = visit.services.status_publisher
    if publisher is None or not visit.may(Action.READ_CERTIFICATE):
        return
    try:
        heads = publisher.crl_heads()
    except ConflictError:
        # There is no CA yet.
        return
    for name, head in heads.items():
        if head is not None and head.next_update < visit.now:
            yield Alarm(f"The CRL {name.value} is overdue: nobody renewed it.", "/authority/crl")


def _of_peer_lists(visit: Visit) -> Iterator[Alarm]:
    for side, looks, path in _LISTS:
        role = visit.services.sensor if side == "sensor" else visit.services.appliance
        lists = visit.services.peer_lists.get(side)
        if role is None or lists is None or not visit.may(looks):
            continue
        for source in lists.sources():
            yield from _of_list(visit, source, path)


def _of_list(visit: Visit, source: RevocationSource, path: str) -> Iterator[Alarm]:
    if source.next_update is not None and source.next_update < visit.now:
        grave = source.stale_policy == "hard"
        yield Alarm(f"The revocation list {source.name} is stale.", path, grave=grave)
    if source.last_error:
        text = f"The revocation list {source.name} could not be loaded: {source.last_error}"
        yield Alarm(text, path, grave=False)
