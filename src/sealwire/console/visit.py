"""One request as a page sees it: who asks, what was filled in, and how to answer."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import HTMLResponse, RedirectResponse, Response

from sealwire.access.roles import ANONYMOUS, Action, Principal, allowed_actions
from sealwire.console.forms import Form
from sealwire.console.menu import menu_for
from sealwire.console.rendering import render
from sealwire.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from jinja2 import Environment
    from starlette.requests import Request

    from sealwire.access.sessions import Stay
    from sealwire.console.services import ConsoleServices
    from sealwire.errors import SealwireError

_SEE_OTHER: Final = 303

DONE: Final = {
    "submitted": "The request is in the queue.",
    "approved": "The request is approved and the certificate is issued.",
    "counted": "Your approval is kept. There is no certificate before others approve as well.",
    "rejected": "The request is rejected.",
    "canceled": "The request is canceled.",
    "assigned": "The request is assigned to you.",
    "unassigned": "The request is assigned to nobody.",
    "revoked": "The certificate is revoked. The next CRL says so within seconds.",
    "held": "The certificate is on hold. The next CRL says so within seconds.",
    "released": "The certificate is no longer on hold.",
    "enabled": "The profile is enabled.",
    "disabled": "The profile is disabled.",
    "profile": "The profile is stored. It is disabled until an agent enables it.",
    "csr": "Key and request are made. Have the outside CA sign the request, then import.",
    "renewed": "The issuing CA has its new certificate.",
    "loaded": "Loaded.",
    "published": "The CRL is published.",
    "imported": "The certificate is installed. New connections use it; open ones live on.",
    "rolled-back": "The earlier certificate is in use again.",
    "added": "Added.",
    "removed": "Removed.",
    "admitted": "The sender is named. It counts for new connections, and for records from now on.",
    "dismissed": "The sender is no longer named.",
    "changed": "Changed.",
    "started": "Streaming is on.",
    "stopped": "Streaming is off. What is not delivered waits.",
    "promoted": "This unit is the active one.",
    "demoted": "This unit is standby.",
    "records-held": "The days are held: they are not deleted until the hold is released.",
    "hold-released": "The hold is released. What it kept may go now.",
    "password": "The password is changed. All other sessions have ended.",
    "unlocked": "Failed log-ins are counted anew from 0.",
}
"""What a page may be told to say at its top: our own words, by a code in the address."""


@dataclass(frozen=True)
class Visit:
    """``form`` is empty for a page that is only looked at; ``error`` is why a form came back."""

    request: Request
    services: ConsoleServices
    templates: Environment
    stay: Stay | None
    form_token: str
    form: Form = field(default_factory=Form)
    error: SealwireError | None = None

    @property
    def principal(self) -> Principal:
        """Who asks."""
        return ANONYMOUS if self.stay is None else self.stay.principal

    @property
    def actor(self) -> str:
        """The SubjectID of the audit events that follow."""
        return self.principal.name

    @property
    def address(self) -> str:
        """Where the request comes from."""
        return self.request.client.host if self.request.client else "local"

    @property
    def server(self) -> str:
        """Our end of the connection."""
        server = self.request.scope.get("server")
        return str(server[0]) if server else self.services.host_name

    @property
    def certificate(self) -> bytes | None:
        """The client certificate that TLS has verified, DER."""
        return peer_certificate(self.request)

    @property
    def now(self) -> datetime:
        """The time."""
        return self.services.clock.now()

    def may(self, action: Action) -> bool:
        """Whether to offer something. The route decides for itself again."""
        return action in allowed_actions(self.principal)

    def path(self, name: str) -> str:
        """A part of the address."""
        return str(self.request.path_params[name])

    def number(self, name: str) -> int:
        """A part of the address that is a number, decimal. NotFoundError ``page.unknown``."""
        text = self.path(name)
        if not (text.isascii() and text.isdecimal() and len(text) <= 60):  # noqa: PLR2004 - digits of 20 octets, and some
            raise NotFoundError("page.unknown", "There is no such page.")
        return int(text)

    def query(self, name: str) -> str:
        """What stands behind the question mark."""
        return self.request.query_params.get(name, "")

    def text(self, name: str) -> str:
        """What was filled in, without blanks around it."""
        return self.form.text(name).strip()

    def refused(self, error: SealwireError) -> Visit:
        """The same, with what was wrong."""
        return replace(self, error=error)

    def page(self, template: str, *, status: int = 200, **values: Any) -> Response:  # noqa: ANN401 - whatever the template shows
        """A page, with what all pages need."""
        shared: Mapping[str, Any] = {
            "visit": self,
            "menu": menu_for(allowed_actions(self.principal)) if self.stay else [],
            "here": self.request.url.path,
            "may": self.may,
            "Action": Action,
            "error": self.error,
            "done": DONE.get(self.query("done"), ""),
            "form_token": self.form_token,
            "host_name": self.services.host_name,
            "version": self.services.version,
        }
        code = self.error.http_status if self.error is not None else status
        text = render(self.templates, template, {**shared, **values})
        return HTMLResponse(text, status_code=code)

    def see(self, path: str, done: str = "") -> Response:
        """After a form: look at ``path``, which says ``done`` (a code of ``DONE``)."""
        address = f"{path}{'&' if '?' in path else '?'}done={done}" if done else path
        return RedirectResponse(address, status_code=_SEE_OTHER)


def download(
    content: str | bytes, name: str, media_type: str = "application/x-pem-file"
) -> Response:
    """A file to be saved as ``name``, which is one of our own making: plain letters only."""
    return Response(
        content,
        media_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def peer_certificate(request: Request) -> bytes | None:
    """The client certificate of the connection, DER, or None."""
    peer = request.scope.get("extensions", {}).get("sealwire.peer")
    certificate: bytes | None = None if peer is None else peer.certificate
    return certificate
