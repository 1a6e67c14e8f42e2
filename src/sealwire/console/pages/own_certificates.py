"""*Certificate Authority > Authority*: its own certificates, where its keys live, renewal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sealwire.access.roles import Action
from sealwire.console.certificates import asked_key_type, given_files, pem_facts, require_files
from sealwire.console.routing import get, post
from sealwire.console.services import present
from sealwire.console.visit import download
from sealwire.errors import NotFoundError, UsageError
from sealwire.x509.keys import KeyType

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealwire.ca.ports import CaSetup
    from sealwire.console.certificates import CertificateFacts
    from sealwire.console.visit import Visit

_PAGE: Final = "/authority/own"


def authority(visit: Visit) -> Response:
    """What there is, and what can be done about it."""
    return _page(visit)


def _page(visit: Visit, **shown: Any) -> Response:  # noqa: ANN401 - what the template shows besides
    state = _setup(visit).show()
    values = {"csr": "", "made": None, "findings": [], **shown}
    return visit.page(
        "own_certificates.html",
        state=state,
        chain=_chain(visit, state) if state["state"] == "ready" else [],
        key_types=list(KeyType),
        form=visit.form,
        **values,
    )


def _chain(visit: Visit, state: dict[str, Any]) -> list[tuple[str, CertificateFacts, str | None]]:
    """Issuing CA first: what it is, the certificate, and where its key is (empty: not known)."""
    ca = present(visit.services.ca, "CA")
    issuing, *between, root = pem_facts(ca.chain_pem(), visit.now)
    elsewhere = "kept by others"
    return [
        ("Issuing CA", issuing, state["issuing"]["key_place"]),
        *(("Intermediate CA", each, elsewhere) for each in between),
        ("Root", root, state["root"]["key_place"] or elsewhere),
    ]


def request(visit: Visit) -> Response:
    """Make the issuing CA's key, and the request that an outside CA is to sign."""
    _setup(visit).request(
        asked_key_type(visit),
        visit.text("organization"),
        visit.actor,
        subject=visit.text("subject"),
    )
    return visit.see(_PAGE, "csr")


def request_file(visit: Visit) -> Response:
    """A request that waits, as a file."""
    for waiting in _setup(visit).show()["waiting"]:
        if waiting["key_id"] == visit.path("key_id"):
            return download(waiting["csr"], "issuing-ca.csr", "application/pkcs10")
    raise NotFoundError("ca.not_requested", "There is no such request.")


def accept(visit: Visit) -> Response:
    """Bring the signed certificate; the first agent's password is shown this once."""
    made = _setup(visit).accept(*_outside(visit), visit.actor)
    return _page(visit, made=made, findings=made["findings"])


def renew(visit: Visit) -> Response:
    """A new certificate for the issuing CA, by the root that is kept here."""
    if visit.text("sure") != "yes":
        raise UsageError(
            "ca.not_sure", "Nothing was renewed.", hint="Tick the box beside the button."
        )
    _setup(visit).renew(visit.actor)
    return visit.see(_PAGE, "renewed")


def request_renewal(visit: Visit) -> Response:
    """The request, for the same key and name, that an outside CA is to sign."""
    return _page(visit, csr=_setup(visit).request_renewal(visit.actor)["csr"])


def accept_renewal(visit: Visit) -> Response:
    """Bring the renewed certificate."""
    done = _setup(visit).accept_renewal(*_outside(visit), visit.actor)
    if not done["findings"]:
        return visit.see(_PAGE, "renewed")
    return _page(visit, findings=done["findings"])


def _outside(visit: Visit) -> tuple[list[tuple[str, bytes]], list[tuple[str, bytes]]]:
    """What came from outside, and the roots to trust, if any were named."""
    files = given_files(visit)
    require_files(files)
    return files, list(visit.form.uploads("roots"))


def _setup(visit: Visit) -> CaSetup:
    return present(visit.services.ca_setup, "CA")


ROUTES: Final = (
    get(_PAGE, Action.CONFIGURE_CA, authority),
    post(f"{_PAGE}/request", Action.CONFIGURE_CA, request, again=authority),
    get(f"{_PAGE}/request/{{key_id}}", Action.CONFIGURE_CA, request_file),
    post(f"{_PAGE}/certificate", Action.CONFIGURE_CA, accept, again=authority),
    post(f"{_PAGE}/renewal", Action.CONFIGURE_CA, renew, again=authority),
    post(f"{_PAGE}/renewal/request", Action.CONFIGURE_CA, request_renewal, again=authority),
    post(f"{_PAGE}/renewal/certificate", Action.CONFIGURE_CA, accept_renewal, again=authority),
)
