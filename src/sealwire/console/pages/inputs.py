"""*Appliance > Inputs*: the unit's host name, and the local files whose lines it streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.access.roles import Action
from sealwire.console.routing import get, post
from sealwire.console.services import present
from sealwire.console.standby import standby
from sealwire.errors import UsageError

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealwire.appliance.service import Appliance
    from sealwire.console.visit import Visit

_PAGE: Final = "/appliance/inputs"


def view(visit: Visit) -> Response:
    """The host name and every followed file. Files are to be looked at only on a standby unit."""
    unit = _unit(visit)
    passive = standby(unit.ha(), _PAGE)
    may = visit.may(Action.CONFIGURE_APPLIANCE)
    return visit.page(
        "inputs.html",
        host=unit.host_name,
        inputs=unit.inputs(),
        form=visit.form,
        standby=passive,
        may_name=may,
        changes=may and passive is None,
    )


def set_host_name(visit: Visit) -> Response:
    """The name that the certificate must carry."""
    _unit(visit).set_host_name(visit.actor, visit.text("host_name"))
    return visit.see(_PAGE, "changed")


def add(visit: Visit) -> Response:
    """Follow one more file, from its beginning."""
    _unit(visit).add_input(visit.actor, visit.text("name"), visit.form.text("path"))
    return visit.see(_PAGE, "added")


def remove(visit: Visit) -> Response:
    """Stop following one; only when that was said twice."""
    if visit.text("sure") != "yes":
        raise UsageError(
            "input.not_sure",
            "Nothing was removed.",
            hint="Tick the box beside Remove: how far the file was read is forgotten with it.",
        )
    _unit(visit).remove_input(visit.actor, visit.path("name"))
    return visit.see(_PAGE, "removed")


def _unit(visit: Visit) -> Appliance:
    return present(visit.services.appliance, "appliance")


ROUTES: Final = (
    get(_PAGE, Action.READ_APPLIANCE, view),
    post(_PAGE, Action.CONFIGURE_APPLIANCE, add, again=view),
    post(f"{_PAGE}/{{name}}/remove", Action.CONFIGURE_APPLIANCE, remove, again=view),
    post("/appliance/host-name", Action.CONFIGURE_APPLIANCE, set_host_name, again=view),
)
