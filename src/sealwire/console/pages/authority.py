"""*Certificate Authority*: Certificates, Profiles, Audit Log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.access.roles import Action
from sealwire.ca.review import certificate_text, stored_certificate
from sealwire.console.certificates import facts, pem_facts
from sealwire.console.routing import get, post
from sealwire.console.services import present
from sealwire.console.trails import trail_page
from sealwire.console.visit import download
from sealwire.errors import NotFoundError

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealwire.ca.service import CertificateAuthority
    from sealwire.console.visit import Visit

_PAGE_SIZE: Final = 50
_CERTIFICATES: Final = "/authority/certificates"


def certificates(visit: Visit) -> Response:
    """What was issued, in that order."""
    authority = _ca(visit)
    text = visit.query("start")
    start = int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0  # noqa: PLR2004 - fits 63 bits
    found = authority.certificates(start=start, limit=_PAGE_SIZE)
    return visit.page(
        "certificates.html",
        certificates=found,
        own=pem_facts(authority.chain_pem(), visit.now),
        more=start + _PAGE_SIZE if len(found) == _PAGE_SIZE else None,
    )


def certificate(visit: Visit) -> Response:
    """One certificate."""
    row = _ca(visit).certificate(visit.number("serial"))
    parsed = stored_certificate(row.der)
    return visit.page(
        "certificate.html",
        row=row,
        certificate=facts(parsed, visit.now),
        text=certificate_text(parsed),
    )


def certificate_file(visit: Visit) -> Response:
    """The certificate with its chain, leaf first, as a PEM file."""
    authority = _ca(visit)
    row = authority.certificate(visit.number("serial"))
    pem = facts(stored_certificate(row.der), visit.now).pem
    return download(pem + authority.chain_pem(), f"certificate-{row.serial:x}.pem")


def chain_file(visit: Visit) -> Response:
    """The CA's own certificates, issuing CA first."""
    return download(_ca(visit).chain_pem(), "ca-chain.pem")


def profiles(visit: Visit) -> Response:
    """What may be asked for."""
    return visit.page("profiles.html", profiles=_ca(visit).profile_register.profiles())


def profile(visit: Visit) -> Response:
    """One profile, all of it."""
    found = _ca(visit).profile_register.get(visit.path("profile_id"))
    rules = found.profile.model_dump(mode="json", exclude={"profile_id", "name", "description"})
    return visit.page(
        "profile.html",
        profile=found.profile,
        in_force=found,
        rules=rules,
        approves=visit.may(Action.APPROVE_PROFILE),
    )


def switch_profile(visit: Visit) -> Response:
    """Enable or disable one."""
    register, profile_id = _ca(visit).profile_register, visit.path("profile_id")
    switches = {"enable": register.enable, "disable": register.disable}
    switch = switches.get(visit.path("switch"))
    if switch is None:
        raise NotFoundError("page.unknown", "There is no such page.")
    switch(profile_id, actor=visit.actor)
    return visit.see(f"/authority/profiles/{profile_id}", "changed")


def audit_log(visit: Visit) -> Response:
    """The CA's trail, the event lines as the audit format words them."""
    present(visit.services.ca, "CA")
    return trail_page(visit, "ca", "Certificate Authority > Audit Log", "/authority/audit-log")


def _ca(visit: Visit) -> CertificateAuthority:
    return present(visit.services.ca, "CA")


ROUTES: Final = (
    get(_CERTIFICATES, Action.READ_CERTIFICATE, certificates),
    get(f"{_CERTIFICATES}/ca-chain.pem", Action.READ_CERTIFICATE, chain_file),
    get(f"{_CERTIFICATES}/{{serial}}", Action.READ_CERTIFICATE, certificate),
    get(f"{_CERTIFICATES}/{{serial}}/pem", Action.READ_CERTIFICATE, certificate_file),
    get("/authority/profiles", Action.READ_PROFILE, profiles),
    get("/authority/profiles/{profile_id}", Action.READ_PROFILE, profile),
    post(
        "/authority/profiles/{profile_id}/{switch}",
        Action.APPROVE_PROFILE,
        switch_profile,
        again=profile,
    ),
    get("/authority/audit-log", Action.READ_AUDIT, audit_log),
)
