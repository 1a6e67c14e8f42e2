"""*Certificate Authority > Audit Log*: the CA's trail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.access.roles import Action
from sealwire.console.routing import get
from sealwire.console.services import present
from sealwire.console.trails import trail_page

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealwire.console.visit import Visit


def audit_log(visit: Visit) -> Response:
    """The CA's trail, the event lines as the audit format words them."""
    present(visit.services.ca, "CA")
    return trail_page(visit, "ca", "Certificate Authority > Audit Log", "/authority/audit-log")


ROUTES: Final = (get("/authority/audit-log", Action.READ_AUDIT, audit_log),)
