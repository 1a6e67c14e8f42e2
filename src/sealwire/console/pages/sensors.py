"""*Data Sources*: sensors, and what they receive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sealwire.access.roles import Action
from sealwire.console.certificates import chain_facts
from sealwire.console.live import LONGEST
from sealwire.console.rendering import spaced
from sealwire.console.routing import get
from sealwire.console.services import present
from sealwire.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from starlette.responses import Response

    from sealwire.console.visit import Visit
    from sealwire.sensor.service import Sensor

_NEWEST: Final = 20
_MOST_NAMES: Final = 6


def sensors(visit: Visit) -> Response:
    """*Data Sources > Sensors*."""
    sensor = present(visit.services.sensor, "sensor")
    return visit.page(
        "sensors.html",
        name=visit.services.sensor_name,
        stats=sensor.stats(0),
        listeners=sensor.listeners(),
        leaf=next(iter(chain_facts(sensor.certificate.current(), visit.now)), None),
    )


def syslog_configuration(visit: Visit) -> Response:
    """*Sensors > [sensor] > Syslog Configuration*: Syslog TLS, Packets Received."""
    sensor = chosen_sensor(visit, visit.path("sensor"))
    newest, _ = sensor.tail(_NEWEST)
    stats = sensor.stats(LONGEST)
    return visit.page(
        "syslog_configuration.html",
        name=visit.services.sensor_name,
        stats=stats,
        facts=list(facts(stats)),
        listeners=sensor.listeners(),
        mode=sensor.client_certificate().value,
        messages=[
            (each.connection.address, each.message.decode("utf-8", "replace"))
            for each in reversed(newest)
        ],
    )


_WORTH_A_LOOK: Final = {
    "sequence_duplicates": "Same number twice",
    "host_not_allowed": "HOSTNAMEs not allowed",
    "redelivered": "Sent twice (RELP)",
    "clock_off": "Clock a day or more off",
    "bad_count": "Wrong length",
    "unterminated": "Last line without an end",
}


def facts(stats: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What senders speak, each with its number of messages; what there is none of is left out."""
    by_name: dict[str, Mapping[str, int]] = {
        "Protocols": {name: one["packets"] for name, one in stats["transports"].items()},
        "TLS agreed on": {
            f"{one['version']} {one['cipher']}": one["packets"] for one in stats["tls"]
        },
        "Framing": stats["framing"],
        "Formats": stats["formats"],
        "Read": stats["grades"],
    }
    for term, counts in by_name.items():
        ordered = sorted(counts.items(), key=lambda item: -item[1])[:_MOST_NAMES]
        if ordered:
            yield term, ", ".join(f"{name} ({spaced(count)})" for name, count in ordered)
    for name, term in _WORTH_A_LOOK.items():
        if stats[name]:
            yield term, spaced(stats[name])


def chosen_sensor(visit: Visit, name: str) -> Sensor:
    """The sensor of that name. Raises NotFoundError ``sensor.unknown``."""
    sensor = present(visit.services.sensor, "sensor")
    if name != visit.services.sensor_name:
        raise NotFoundError("sensor.unknown", f"There is no sensor {name!r}.")
    return sensor


ROUTES: Final = (
    get("/sensors", Action.READ_SENSOR, sensors),
    get("/sensors/{sensor}/syslog", Action.READ_SENSOR, syslog_configuration),
)
