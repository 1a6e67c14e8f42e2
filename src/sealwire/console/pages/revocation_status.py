"""*Certificate Authority > CRL and OCSP*: how the world learns which certificates hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.access.roles import Action
from sealwire.ca.publication import CrlName
from sealwire.console.routing import get, post
from sealwire.console.services import present
from sealwire.console.visit import download
from sealwire.errors import NotFoundError

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealwire.ca.publication import StatusPublisher
    from sealwire.console.visit import Visit

_PAGE: Final = "/authority/crl"
_OWNERS: Final = {CrlName.ISSUING: "Issuing CA", CrlName.ROOT: "Root"}


def status(visit: Visit) -> Response:
    """The latest CRL of each key that is here, and where certificates say they are found."""
    publisher = _publisher(visit)
    return visit.page(
        "revocation_status.html",
        crls=[
            (name.value, _OWNERS[name], head, publisher.addresses.crl(name.value))
            for name, head in publisher.crl_heads().items()
        ],
        ocsp_url=publisher.addresses.ocsp,
        publishes=visit.may(Action.REVOKE_CERTIFICATE),
        now=visit.now,
    )


def crl_file(visit: Visit) -> Response:
    """The latest CRL, DER. Only one that was made already: looking changes nothing."""
    name, publisher = _name(visit), _publisher(visit)
    if publisher.crl_head(name) is None:
        raise NotFoundError("crl.none", "No CRL has been published yet.")
    return download(publisher.crl(name).der, f"{name.value}.crl", "application/pkix-crl")


def publish(visit: Visit) -> Response:
    """The next CRL now, outside its turn."""
    _publisher(visit).publish_crl(_name(visit), actor=visit.actor)
    return visit.see(_PAGE, "published")


def _name(visit: Visit) -> CrlName:
    try:
        return CrlName(visit.path("name"))
    except ValueError:
        raise NotFoundError("page.unknown", "There is no such page.") from None


def _publisher(visit: Visit) -> StatusPublisher:
    return present(visit.services.status_publisher, "CA")


ROUTES: Final = (
    get(_PAGE, Action.READ_CERTIFICATE, status),
    get(f"{_PAGE}/{{name}}/file", Action.READ_CERTIFICATE, crl_file),
    post(f"{_PAGE}/{{name}}/publish", Action.REVOKE_CERTIFICATE, publish, again=status),
)
