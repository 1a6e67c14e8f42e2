"""*Data Sources > Admission*: senders that an operator has named, and who was refused lately."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sealwire.access.roles import Action
from sealwire.console.routing import get, post
from sealwire.console.services import present
from sealwire.sensor.admission import checked_sender
from sealwire.syslog.kinds import Framing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response

    from sealwire.console.visit import Visit

_PAGE: Final = "/sensors/admission"
_MOST_SHOWN: Final = 100
FRAMINGS: Final = {
    Framing.AUTO: "found out by what comes",
    Framing.OCTETS: "octet counting",
    Framing.LINES: "lines (LF, CR LF or NUL)",
    Framing.NUL: "ended by NUL",
}


def admission(visit: Visit) -> Response:
    """Who is named, the form to name one more, and what was refused."""
    sensor = present(visit.services.sensor, "sensor")
    senders = sensor.senders()
    failures = sensor.stats(0)["tls_failures"]
    return visit.page(
        "admission.html",
        senders=senders,
        listed=any(sender.by_certificate for sender in senders),
        mode=sensor.client_certificate().value,
        name=visit.services.sensor_name,
        framings=FRAMINGS,
        refused=failures[:_MOST_SHOWN],
        reasons=reasons(failures),
        changes=visit.may(Action.CONFIGURE_SENSOR),
        form=visit.form,
    )


def reasons(failures: Sequence[dict[str, Any]]) -> list[tuple[str, int, int]]:
    """Reason in plain words, how many connections, from how many addresses; the most first."""
    counted: dict[str, list[int]] = {}
    for failure in failures:
        counts = counted.setdefault(failure["detail"], [0, 0])
        counts[0] += failure["count"]
        counts[1] += 1
    summed = [(detail, times, addresses) for detail, (times, addresses) in counted.items()]
    return sorted(summed, key=lambda one: -one[1])


def admit(visit: Visit) -> Response:
    """Name a sender."""
    hosts = visit.text("hosts").replace(",", " ").split()
    sender = checked_sender(
        visit.text("name"),
        san=visit.text("san") or None,
        fingerprint=visit.text("fingerprint") or None,
        network=visit.text("network") or None,
        hosts=hosts,
        framing=visit.text("framing") or Framing.AUTO,
    )
    present(visit.services.sensor, "sensor").admit(visit.actor, sender)
    return visit.see(_PAGE, "admitted")


def dismiss(visit: Visit) -> Response:
    """Forget a named sender."""
    present(visit.services.sensor, "sensor").dismiss(visit.actor, visit.text("name"))
    return visit.see(_PAGE, "dismissed")


ROUTES: Final = (
    get(_PAGE, Action.READ_SENSOR, admission),
    post(_PAGE, Action.CONFIGURE_SENSOR, admit, again=admission),
    post(f"{_PAGE}/remove", Action.CONFIGURE_SENSOR, dismiss, again=admission),
)
