"""*Certificate Authority > Certificates*: what was issued, whether it holds, and its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.access.roles import Action
from sealwire.ca.ports import RevocationReason
from sealwire.ca.review import certificate_text, stored_certificate
from sealwire.ca.revocation import REASON_WORDS, Standing, reason_named, standing
from sealwire.console.certificates import facts, pem_facts
from sealwire.console.finding import STATUSES, asked_search, entry_point, moment_given, search_words
from sealwire.console.routing import get, post
from sealwire.console.services import present
from sealwire.console.visit import download
from sealwire.errors import NotFoundError, SealwireError, UsageError
from sealwire.x509.certificate import is_ca

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response

    from sealwire.ca.ports import Request
    from sealwire.ca.revocation import Revocations
    from sealwire.ca.service import CertificateAuthority
    from sealwire.console.visit import Visit

_PAGE: Final = "/authority/certificates"
_PAGE_SIZE: Final = 50
_REASONS: Final = tuple(
    (int(reason), word.replace("_", " "))
    for reason, word in REASON_WORDS.items()
    if reason not in {RevocationReason.CERTIFICATE_HOLD, RevocationReason.REMOVE_FROM_CRL}
)


def certificates(visit: Visit) -> Response:
    """What was issued, in that order, or what a search finds."""
    authority, start = _ca(visit), entry_point(visit.query("start"))
    fault = None
    try:
        search = asked_search(visit)
    except SealwireError as wrong:
        fault, search = wrong, None
    page = search and authority.search_certificates(search, start=start, limit=_PAGE_SIZE)
    found = page.entries if page else ()
    revocations = _revocations(visit)
    asked = visit if fault is None else visit.refused(fault)
    return asked.page(
        "certificates.html",
        certificates=[(row, revocations.status_of(row), standing(row)) for row in found],
        total=page.total if page else 0,
        asked=search_words(visit),
        statuses=STATUSES,
        own=pem_facts(authority.chain_pem(), visit.now),
        more=start + _PAGE_SIZE if page and start + len(found) < page.total else None,
        on_hold=Standing.ON_HOLD,
    )


def certificate(visit: Visit) -> Response:
    """One certificate, and for agents the forms that change its status."""
    authority = _ca(visit)
    row = authority.certificate(visit.number("serial"))
    parsed = stored_certificate(row.der)
    reason = row.revocation_reason
    return visit.page(
        "certificate.html",
        row=row,
        certificate=facts(parsed, visit.now),
        text=certificate_text(parsed),
        holds=_revocations(visit).status_of(row).value,
        standing=standing(row).value,
        reason="" if reason is None else REASON_WORDS[reason].replace("_", " "),
        reasons=_REASONS,
        authority=is_ca(parsed),
        revokes=visit.may(Action.REVOKE_CERTIFICATE) and standing(row) is not Standing.REVOKED,
        form=visit.form,
    )


def change(visit: Visit) -> Response:
    """Revoke, hold or release; only when that was said twice."""
    serial = visit.number("serial")
    made = _CHANGES.get(visit.path("change"))
    if made is None:
        raise NotFoundError("page.unknown", "There is no such page.")
    if visit.text("sure") != "yes":
        raise UsageError(
            "certificate.not_sure", "Nothing was changed.", hint="Tick the box beside the button."
        )
    action, done = made
    action(visit, _revocations(visit), serial)
    return visit.see(f"{_PAGE}/{serial}", done)


def _revoke(visit: Visit, revocations: Revocations, serial: int) -> Request:
    return revocations.revoke(
        serial,
        reason_named(visit.text("reason")),
        actor=visit.actor,
        comments=visit.text("comments"),
        invalidity=moment_given(visit.text("invalidity"), "Not to be trusted since"),
        authority=visit.text("authority") == "yes",
    )


_CHANGES: Final[dict[str, tuple[Callable[[Visit, Revocations, int], Request], str]]] = {
    "revoke": (_revoke, "revoked"),
    "hold": (
        lambda visit, revocations, serial: revocations.hold(
            serial, actor=visit.actor, comments=visit.text("comments")
        ),
        "held",
    ),
    "release": (
        lambda visit, revocations, serial: revocations.release(
            serial, actor=visit.actor, comments=visit.text("comments")
        ),
        "released",
    ),
}


def with_chain(visit: Visit) -> Response:
    """The certificate with its chain, leaf first, as a PEM file."""
    authority = _ca(visit)
    row = authority.certificate(visit.number("serial"))
    pem = facts(stored_certificate(row.der), visit.now).pem
    return download(pem + authority.chain_pem(), f"certificate-{row.serial:x}.pem")


def alone(visit: Visit) -> Response:
    """The certificate alone, PEM or DER."""
    row = _ca(visit).certificate(visit.number("serial"))
    if visit.path("form") == "der":
        name = f"certificate-{row.serial:x}.cer"
        return download(row.der, name, "application/pkix-cert")
    pem = facts(stored_certificate(row.der), visit.now).pem
    return download(pem, f"certificate-{row.serial:x}-alone.pem")


def chain_file(visit: Visit) -> Response:
    """The CA's own certificates, issuing CA first."""
    return download(_ca(visit).chain_pem(), "ca-chain.pem")


def _ca(visit: Visit) -> CertificateAuthority:
    return present(visit.services.ca, "CA")


def _revocations(visit: Visit) -> Revocations:
    return present(visit.services.revocations, "CA")


ROUTES: Final = (
    get(_PAGE, Action.READ_CERTIFICATE, certificates),
    get(f"{_PAGE}/ca-chain.pem", Action.READ_CERTIFICATE, chain_file),
    get(f"{_PAGE}/{{serial}}", Action.READ_CERTIFICATE, certificate),
    get(f"{_PAGE}/{{serial}}/pem", Action.READ_CERTIFICATE, with_chain),
    get(f"{_PAGE}/{{serial}}/alone/{{form}}", Action.READ_CERTIFICATE, alone),
    post(f"{_PAGE}/{{serial}}/{{change}}", Action.REVOKE_CERTIFICATE, change, again=certificate),
)
