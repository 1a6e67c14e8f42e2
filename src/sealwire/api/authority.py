"""``/api/v1/ca/init``, ``/renewal`` and ``/authority``: the CA's own certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field

from sealwire.access.roles import Action, Principal
from sealwire.api.identities import key_type
from sealwire.api.security import guard
from sealwire.api.services import present, services_of
from sealwire.api.shapes import Body, UploadedFile, decoded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.ca.ports import CaSetup

router = APIRouter(prefix="/api/v1/ca", tags=["ca"])

Configures = Annotated[Principal, guard(Action.CONFIGURE_CA)]
Text = Annotated[str, Field(max_length=1024)]
MOST_FILES = 200


class InitBody(Body):
    """How to make the CA; ``subject`` is the issuing CA's distinguished name, if it matters."""

    key_type: str = "p256"
    organization: Text = ""
    subject: Text = ""


class OutsideBody(Body):
    """What an outside CA gave back; ``roots``, when there, are the only ones that are trusted."""

    files: Annotated[list[UploadedFile], Field(min_length=1, max_length=MOST_FILES)]
    roots: Annotated[tuple[UploadedFile, ...], Field(max_length=MOST_FILES)] = ()


@router.post("/init", status_code=201)
def initialise(request: Request, who: Configures, body: InitBody) -> dict[str, Any]:
    """Make the root, the issuing CA and its first agent; the password is shown this once."""
    kind = key_type(body.key_type)
    return _set_up(request)(kind, body.organization, who.name, subject=body.subject)


@router.post("/init/request", status_code=201)
def request_certificate(request: Request, who: Configures, body: InitBody) -> dict[str, Any]:
    """Make the issuing CA's key, and the request that an outside CA is to sign."""
    kind = key_type(body.key_type)
    return _set_up(request).request(kind, body.organization, who.name, subject=body.subject)


@router.post("/init/certificate", status_code=201)
def accept_certificate(request: Request, who: Configures, body: OutsideBody) -> dict[str, Any]:
    """Bring the signed certificate with the CAs above it; now there is a CA, and its agent."""
    return _set_up(request).accept(_blobs(body.files), _blobs(body.roots), who.name)


@router.get("/authority", dependencies=[guard(Action.CONFIGURE_CA)])
def show(request: Request) -> dict[str, Any]:
    """The CA's own certificates, where their keys are, and what is awaited."""
    return _set_up(request).show()


@router.post("/renewal", status_code=201)
def renew(request: Request, who: Configures) -> dict[str, Any]:
    """A new certificate for the issuing CA, by the root that is kept here."""
    return _set_up(request).renew(who.name)


@router.post("/renewal/request", status_code=201)
def request_renewal(request: Request, who: Configures) -> dict[str, Any]:
    """The request, for the same key and name, that an outside CA is to sign."""
    return _set_up(request).request_renewal(who.name)


@router.post("/renewal/certificate", status_code=201)
def accept_renewal(request: Request, who: Configures, body: OutsideBody) -> dict[str, Any]:
    """Bring the renewed certificate."""
    return _set_up(request).accept_renewal(_blobs(body.files), _blobs(body.roots), who.name)


def _set_up(request: Request) -> CaSetup:
    return present(services_of(request).ca_setup, "ca")


def _blobs(files: Sequence[UploadedFile]) -> list[tuple[str, bytes]]:
    return [(file.name, decoded(file.content)) for file in files]
