"""*Appliance > High Availability*: this unit's role, the active unit, promote and demote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.access.roles import Action
from sealwire.console.routing import get, post
from sealwire.console.services import present
from sealwire.console.standby import console_link
from sealwire.errors import UsageError

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealwire.appliance.service import Appliance
    from sealwire.console.visit import Visit

_PAGE: Final = "/appliance/high-availability"


def view(visit: Visit) -> Response:
    """The role of this unit, and all units that share its database."""
    status = _unit(visit).ha()
    return visit.page(
        "high_availability.html",
        ha=status,
        link=console_link(status.active_url, "/"),
        units=[(row, console_link(row.console_url, "/")) for row in status.units],
        changes=visit.may(Action.CONFIGURE_APPLIANCE),
    )


def promote(visit: Visit) -> Response:
    """Make this unit the active one."""
    _unit(visit).promote(visit.actor)
    return visit.see(_PAGE, "promoted")


def demote(visit: Visit) -> Response:
    """Make this unit standby; only when that was said twice."""
    if visit.text("sure") != "yes":
        raise UsageError(
            "ha.not_sure",
            "Nothing was changed.",
            hint="Tick the box beside Demote: nothing is streamed until a unit is promoted.",
        )
    _unit(visit).demote(visit.actor)
    return visit.see(_PAGE, "demoted")


def _unit(visit: Visit) -> Appliance:
    return present(visit.services.appliance, "appliance")


ROUTES: Final = (
    get(_PAGE, Action.READ_APPLIANCE, view),
    post(f"{_PAGE}/promote", Action.CONFIGURE_APPLIANCE, promote, again=view),
    post(f"{_PAGE}/demote", Action.CONFIGURE_APPLIANCE, demote, again=view),
)
