"""*Data Sources > Sources*: who sends, over what, how much, and who has fallen silent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.access.roles import Action
from sealwire.console.routing import get, post
from sealwire.console.services import present
from sealwire.errors import UsageError

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealwire.console.visit import Visit
    from sealwire.sensor.service import Sensor

_PAGE: Final = "/sensors/sources"
_MOST_SHOWN: Final = 1000
_SILENT: Final = "source_silent"


def sources(visit: Visit) -> Response:
    """One line for each address and certificate, the last to speak first."""
    sensor = _sensor(visit)
    stats = sensor.stats(_MOST_SHOWN)
    return visit.page(
        "sources.html",
        sources=stats["sources"],
        count=stats["source_count"],
        silent=[alarm for alarm in stats["alarms"] if alarm["code"] == _SILENT],
        silence=sensor.silence(),
        changes=visit.may(Action.CONFIGURE_SENSOR),
        form=visit.form,
    )


def set_silence(visit: Visit) -> Response:
    """After how many hours of silence there is an alarm, for all or for one address."""
    _sensor(visit).set_silence(
        visit.actor, _hours(visit.text("hours")), visit.text("address") or None
    )
    return visit.see(_PAGE, "changed")


def remove_silence(visit: Visit) -> Response:
    """The general hours count for this address again."""
    _sensor(visit).remove_silence(visit.actor, visit.text("address"))
    return visit.see(_PAGE, "removed")


def _hours(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError("silence.hours", "hours are a number", hint="0: never an alarm") from None


def _sensor(visit: Visit) -> Sensor:
    return present(visit.services.sensor, "sensor")


ROUTES: Final = (
    get(_PAGE, Action.READ_SENSOR, sources),
    post(f"{_PAGE}/silence", Action.CONFIGURE_SENSOR, set_silence, again=sources),
    post(f"{_PAGE}/silence/remove", Action.CONFIGURE_SENSOR, remove_silence, again=sources),
)
