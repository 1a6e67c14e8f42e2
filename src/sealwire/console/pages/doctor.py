"""*Doctor*: a look at a TLS server, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.access.roles import Action
from sealwire.console.routing import get, post
from sealwire.console.services import present
from sealwire.errors import UsageError
from sealwire.identity.examination import Question

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealwire.console.visit import Visit
    from sealwire.identity.checkup import Checkup

_PAGE: Final = "/system/doctor"
_LONGEST_NAME: Final = 253
_HIGHEST_PORT: Final = 65535


def doctor(visit: Visit) -> Response:
    """Whom to look at."""
    return _page(visit, None)


def examine(visit: Visit) -> Response:
    """Look; the report is shown above the form. Takes as long as the server takes to answer."""
    examiner = present(visit.services.doctor, "appliance")
    return _page(visit, examiner(_question(visit)))


def _page(visit: Visit, report: Checkup | None) -> Response:
    fresh = not visit.form.texts
    return visit.page(
        "doctor.html",
        report=report,
        form=visit.form,
        message=fresh or bool(visit.text("message")),
    )


def _question(visit: Visit) -> Question:
    host = visit.text("host")
    if not 0 < len(host) <= _LONGEST_NAME:
        raise UsageError("doctor.host", "Give the host name or address of the server.")
    uploaded = next((data for _, data in visit.form.uploads("trust_file")), b"")
    return Question(
        host,
        _port(visit.text("port")),
        server_name=visit.text("server_name")[:_LONGEST_NAME],
        trust_pem=uploaded.decode("utf-8", "replace") or visit.text("trust"),
        lists=tuple(data for _, data in visit.form.uploads("crls")),
        show_own=bool(visit.text("show_certificate")),
        message=bool(visit.text("message")),
    )


def _port(text: str) -> int:
    port = int(text) if text.isascii() and text.isdecimal() and len(text) <= 5 else 0  # noqa: PLR2004 - a port's digits
    if not 0 < port <= _HIGHEST_PORT:
        raise UsageError("doctor.port", "A port is a number from 1 to 65535.")
    return port


ROUTES: Final = (
    get(_PAGE, Action.CONFIGURE_APPLIANCE, doctor),
    post(_PAGE, Action.CONFIGURE_APPLIANCE, examine, again=doctor),
)
