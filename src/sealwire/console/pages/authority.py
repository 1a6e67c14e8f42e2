"""*Certificate Authority*: Profiles, Audit Log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.access.roles import Action
from sealwire.console.routing import get, post
from sealwire.console.services import present
from sealwire.console.trails import trail_page
from sealwire.errors import NotFoundError

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealwire.ca.service import CertificateAuthority
    from sealwire.console.visit import Visit


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
