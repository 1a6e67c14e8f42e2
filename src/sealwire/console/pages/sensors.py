"""*Data Sources*: sensors, what they receive, and who sends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.access.roles import Action
from sealwire.console.certificates import chain_facts
from sealwire.console.routing import get
from sealwire.console.services import present
from sealwire.errors import NotFoundError

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealwire.console.visit import Visit
    from sealwire.sensor.service import Sensor

_NEWEST: Final = 20


def sensors(visit: Visit) -> Response:
    """*Data Sources > Sensors*."""
    sensor = present(visit.services.sensor, "sensor")
    return visit.page(
        "sensors.html",
        name=visit.services.sensor_name,
        stats=sensor.stats(),
        listeners=sensor.listeners(),
        leaf=next(iter(chain_facts(sensor.certificate.current(), visit.now)), None),
    )


def syslog_configuration(visit: Visit) -> Response:
    """*Sensors > [sensor] > Syslog Configuration*: Syslog TLS, Packets Received."""
    sensor = chosen_sensor(visit, visit.path("sensor"))
    newest, _ = sensor.tail(_NEWEST)
    return visit.page(
        "syslog_configuration.html",
        name=visit.services.sensor_name,
        stats=sensor.stats(),
        listeners=sensor.listeners(),
        mode=sensor.client_certificate().value,
        messages=[
            (each.connection.address, each.message.decode("utf-8", "replace"))
            for each in reversed(newest)
        ],
    )


def sources(visit: Visit) -> Response:
    """*Sources*: one line for each address and certificate."""
    sensor = present(visit.services.sensor, "sensor")
    return visit.page("sources.html", sources=sensor.sources(), name=visit.services.sensor_name)


def chosen_sensor(visit: Visit, name: str) -> Sensor:
    """The sensor of that name. Raises NotFoundError ``sensor.unknown``."""
    sensor = present(visit.services.sensor, "sensor")
    if name != visit.services.sensor_name:
        raise NotFoundError("sensor.unknown", f"There is no sensor {name!r}.")
    return sensor


ROUTES: Final = (
    get("/sensors", Action.READ_SENSOR, sensors),
    get("/sensors/sources", Action.READ_SENSOR, sources),
    get("/sensors/{sensor}/syslog", Action.READ_SENSOR, syslog_configuration),
)
