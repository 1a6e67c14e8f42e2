"""*System > Configuration > Audit Log*: where it is streamed to; and *Monitoring > Audit*."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.access.roles import Action
from sealwire.console.routing import get, post
from sealwire.console.services import present
from sealwire.console.standby import standby
from sealwire.console.trails import trail_page
from sealwire.errors import UsageError

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealwire.appliance.delivery import ProbeReport
    from sealwire.appliance.service import Appliance
    from sealwire.console.visit import Visit

_PAGE: Final = "/system/audit-log"
_ONE: Final = f"{_PAGE}/destinations/{{name}}"


def destinations(visit: Visit) -> Response:
    """Every destination with its state, and the form for one more. To look at on a standby unit."""
    return _page(visit, None)


def _page(visit: Visit, report: ProbeReport | None) -> Response:
    unit = _unit(visit)
    passive = standby(unit.ha(), _PAGE)
    return visit.page(
        "audit_log.html",
        destinations=unit.destinations(),
        unit_name=unit.host_name,
        form=visit.form,
        report=report,
        standby=passive,
        changes=passive is None and visit.may(Action.CONFIGURE_APPLIANCE),
    )


def add(visit: Visit) -> Response:
    """A destination more; nothing is streamed to it yet."""
    uploaded = next((data for _, data in visit.form.uploads("trust_file")), b"")
    _unit(visit).add_destination(
        visit.actor,
        visit.text("name"),
        visit.text("host"),
        _port(visit.text("port")),
        trust_pem=uploaded.decode("utf-8", "replace") or visit.text("trust"),
        server_name=visit.text("server_name"),
        mutual=bool(visit.text("mutual")),
    )
    return visit.see(_PAGE, "added")


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 5):  # noqa: PLR2004 - a port's digits
        raise UsageError("destination.port", "A port is a number from 1 to 65535.")
    return int(text)


def test(visit: Visit) -> Response:
    """Connect as streaming would, step by step; the report is shown on the page."""
    return _page(visit, _unit(visit).test_destination(visit.path("name")))


def start(visit: Visit) -> Response:
    """Send Audit Log: on."""
    allowed = bool(visit.text("allow_name_mismatch"))
    _unit(visit).start_stream(visit.actor, visit.path("name"), allow_name_mismatch=allowed)
    return visit.see(_PAGE, "started")


def stop(visit: Visit) -> Response:
    """Send Audit Log: off."""
    _unit(visit).stop_stream(visit.actor, visit.path("name"))
    return visit.see(_PAGE, "stopped")


def remove(visit: Visit) -> Response:
    """Forget one; only when that was said twice."""
    if visit.text("sure") != "yes":
        raise UsageError(
            "destination.not_sure",
            "Nothing was removed.",
            hint="Tick the box beside Remove: what waits for the destination is forgotten with it.",
        )
    _unit(visit).remove_destination(visit.actor, visit.path("name"))
    return visit.see(_PAGE, "removed")


def monitoring(visit: Visit) -> Response:
    """The appliance's trail."""
    present(visit.services.appliance, "appliance")
    return trail_page(visit, "appliance", "System > Monitoring > Audit", "/system/audit")


def _unit(visit: Visit) -> Appliance:
    return present(visit.services.appliance, "appliance")


ROUTES: Final = (
    get(_PAGE, Action.READ_APPLIANCE, destinations),
    post(f"{_PAGE}/destinations", Action.CONFIGURE_APPLIANCE, add, again=destinations),
    post(f"{_ONE}/test", Action.CONFIGURE_APPLIANCE, test, again=destinations),
    post(f"{_ONE}/start", Action.CONFIGURE_APPLIANCE, start, again=destinations),
    post(f"{_ONE}/stop", Action.CONFIGURE_APPLIANCE, stop, again=destinations),
    post(f"{_ONE}/remove", Action.CONFIGURE_APPLIANCE, remove, again=destinations),
    get("/system/audit", Action.READ_AUDIT, monitoring),
)
