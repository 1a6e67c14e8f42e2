"""The routes about a TLS end's certificate: appliance and sensor have the same, elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from sealwire.access.roles import Action, Principal
from sealwire.api.identities import (
    ca_kind,
    check_json,
    csr_check_json,
    csr_json,
    identity_json,
    import_json,
    key_type,
    pending_json,
    subject_fields,
)
from sealwire.api.security import guard
from sealwire.api.shapes import CsrBody, CsrCheckBody, ImportBody
from sealwire.errors import UsageError
from sealwire.x509.chain import Order

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.identity.lifecycle import IdentityLifecycle


@dataclass(frozen=True, slots=True)
class Place:
    """Where the routes of one end are: ``certificate`` and ``csr`` are paths below the router's."""

    certificate: str
    csr: str
    lifecycle: Callable[[Request], IdentityLifecycle[Any]]
    reads: Action
    changes: Action


def add_identity_routes(router: APIRouter, place: Place) -> None:
    """Certificate, import, rollback, orders; CSRs."""
    _add_certificate_routes(router, place)
    _add_import_routes(router, place)
    _add_csr_routes(router, place)


def _add_certificate_routes(router: APIRouter, place: Place) -> None:
    reads: Principal = guard(place.reads)
    changes: Principal = guard(place.changes)

    @router.get(place.certificate)
    def certificate(request: Request, _who: Principal = reads) -> dict[str, Any]:
        """The certificate in use, earlier ones, and CSRs still out."""
        view = place.lifecycle(request).show()
        return {
            "identity": identity_json(view.installed),
            "history": [identity_json(each) for each in view.history],
            "pending": pending_json(view.pending),
            "trouble": view.trouble,
        }

    @router.get(f"{place.certificate}/chain")
    def chain(request: Request, order: str = "tls", _who: Principal = reads) -> Response:
        """The installed chain as PEM in a product's order: ``tls``, ``cisco`` or ``usm``."""
        try:
            wanted = Order(order)
        except ValueError:
            raise UsageError(
                "chain.order", f"no such order: {order}", hint=f"one of {', '.join(Order)}"
            ) from None
        pem = place.lifecycle(request).exported(wanted)
        return Response(pem, media_type="application/x-pem-file")

    @router.post(f"{place.certificate}/rollback")
    def rollback(request: Request, who: Principal = changes) -> dict[str, Any]:
        """Use the certificate before the present one again."""
        return import_json(place.lifecycle(request).rollback(who.name), ())


def _add_import_routes(router: APIRouter, place: Place) -> None:
    changes: Principal = guard(place.changes)

    @router.post(place.certificate)
    def import_certificate(
        request: Request, body: ImportBody, who: Principal = changes
    ) -> dict[str, Any]:
        """Install certificate and chain, in any order; new connections use them at once."""
        installed, checked = place.lifecycle(request).install(
            who.name, body.blobs(), body.key_bytes(), body.password_bytes()
        )
        return import_json(installed, checked.findings)

    @router.post(f"{place.certificate}/check")
    def check(request: Request, body: ImportBody, _who: Principal = changes) -> dict[str, Any]:
        """Judge the files as an import would; nothing is installed."""
        return check_json(
            place.lifecycle(request).check(body.blobs(), body.key_bytes(), body.password_bytes())
        )


def _add_csr_routes(router: APIRouter, place: Place) -> None:
    changes: Principal = guard(place.changes)

    @router.post(place.csr, status_code=201)
    def generate_csr(request: Request, body: CsrBody, who: Principal = changes) -> dict[str, Any]:
        """Make a key, which never leaves, and a CSR for it."""
        return csr_json(
            place.lifecycle(request).csr(
                who.name, subject_fields(body), body.names, key_type(body.key_type)
            )
        )

    @router.post(f"{place.csr}/check")
    def check_csr(
        request: Request, body: CsrCheckBody, _who: Principal = changes
    ) -> dict[str, Any]:
        """What is worth saying about such a CSR, and the openssl commands; nothing is made."""
        return csr_check_json(
            place.lifecycle(request).check_csr(
                subject_fields(body), body.names, key_type(body.key_type), ca_kind(body.ca)
            )
        )

    @router.delete(f"{place.csr}/{{key_id}}", status_code=204)
    def discard_csr(request: Request, key_id: str, who: Principal = changes) -> Response:
        """Give up a CSR that waits, and its key."""
        place.lifecycle(request).discard(who.name, key_id)
        return Response(status_code=204)
