"""Who may use which part of Dogtag's interface: its access control list, in our actions.

``resource`` and ``operation`` are Dogtag's words, as its audit events print them; ``service`` is
the method that they name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from fastapi import Depends, Request

from sealwire.access.roles import Action, Principal
from sealwire.api.security import SAFE_METHODS, memory_of, principal_of, refuse_foreign_page

if TYPE_CHECKING:
    from sealwire.api.security import LogIn


class Use(StrEnum):
    """What can be asked for; the values are the methods of Dogtag's services."""

    LOG_IN = "AccountService.login"
    LOG_OUT = "AccountService.logout"
    GET_CERTIFICATE = "CertService.getCert"
    SEARCH_CERTIFICATES = "CertService.searchCerts"
    REVIEW_CERTIFICATE = "AgentCertService.reviewCert"
    REVOKE = "AgentCertService.revokeCert"
    REVOKE_AUTHORITY = "AgentCertService.revokeCACert"
    RELEASE = "AgentCertService.unrevokeCert"
    LIST_TEMPLATES = "CertRequestService.listEnrollmentTemplates"
    GET_TEMPLATE = "CertRequestService.getEnrollmentTemplate"
    SUBMIT = "CertRequestService.enrollCert"
    GET_REQUEST = "CertRequestService.getRequestInfo"
    LIST_REQUESTS = "AgentCertRequestService.listRequests"
    REVIEW_REQUEST = "AgentCertRequestService.reviewRequest"
    CHANGE_REQUEST = "AgentCertRequestService.changeRequestState"
    LIST_PROFILES = "ProfileService.listProfiles"
    GET_PROFILE = "ProfileService.retrieveProfile"
    SWITCH_PROFILE = "ProfileService.modifyProfileState"
    CREATE_PROFILE = "ProfileService.createProfile"
    MODIFY_PROFILE = "ProfileService.modifyProfile"
    DELETE_PROFILE = "ProfileService.deleteProfile"
    GET_AUDIT = "AuditService.getAuditConfig"
    MODIFY_AUDIT = "AuditService.updateAuditConfig"
    SWITCH_AUDIT = "AuditService.changeAuditStatus"
    FIND_AUDIT_FILES = "AuditService.findAuditFiles"
    GET_AUDIT_FILE = "AuditService.getAuditFile"


REQUEST_ACTIONS: Final = frozenset(
    {"approve", "reject", "cancel", "update", "validate", "assign", "unassign"}
)
"""The ways of ``CHANGE_REQUEST``, each a method of Dogtag's service."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the list."""

    action: Action
    resource: str
    operation: str


_READ_CERTIFICATE: Final = Entry(Action.READ_CERTIFICATE, "certServer.ee.certificate", "read")
_CERTIFICATES: Final = Entry(Action.REVOKE_CERTIFICATE, "certServer.ca.certs", "execute")
_REQUESTS: Final = Entry(Action.DECIDE_REQUEST, "certServer.ca.certrequests", "execute")
_TEMPLATES: Final = Entry(Action.READ_PROFILE, "certServer.ee.profiles", "list")
_AUDIT: Final = Entry(Action.CONFIGURE_AUDIT, "certServer.log.configuration", "modify")
_AUDIT_FILES: Final = Entry(Action.READ_AUDIT, "certServer.log.content.signedAudit", "read")
_CONFIGURE: Final = Entry(Action.CONFIGURE_CA, "certServer.profile.configuration", "modify")

ACCESS: Final[Mapping[Use, Entry]] = {
    Use.LOG_IN: Entry(Action.OPEN_SESSION, "certServer.ca.account", "login"),
    Use.LOG_OUT: Entry(Action.OPEN_SESSION, "certServer.ca.account", "logout"),
    Use.GET_CERTIFICATE: _READ_CERTIFICATE,
    Use.SEARCH_CERTIFICATES: _READ_CERTIFICATE,
    Use.REVIEW_CERTIFICATE: _CERTIFICATES,
    Use.REVOKE: _CERTIFICATES,
    Use.REVOKE_AUTHORITY: _CERTIFICATES,
    Use.RELEASE: _CERTIFICATES,
    Use.LIST_TEMPLATES: _TEMPLATES,
    Use.GET_TEMPLATE: _TEMPLATES,
    Use.SUBMIT: Entry(Action.SUBMIT_REQUEST, "certServer.ee.profile", "submit"),
    Use.GET_REQUEST: Entry(Action.READ_REQUEST, "certServer.ee.request", "read"),
    # Auditors see the queue in the console; Dogtag shows it to agents only.
    Use.LIST_REQUESTS: _REQUESTS,
    Use.REVIEW_REQUEST: _REQUESTS,
    Use.CHANGE_REQUEST: _REQUESTS,
    Use.LIST_PROFILES: _TEMPLATES,
    Use.GET_PROFILE: Entry(Action.READ_PROFILE, "certServer.profile.configuration", "read"),
    Use.SWITCH_PROFILE: Entry(Action.APPROVE_PROFILE, "certServer.ca.profile", "approve"),
    Use.CREATE_PROFILE: _CONFIGURE,
    Use.MODIFY_PROFILE: _CONFIGURE,
    Use.DELETE_PROFILE: _CONFIGURE,
    Use.GET_AUDIT: Entry(Action.READ_AUDIT_CONFIGURATION, "certServer.log.configuration", "read"),
    Use.MODIFY_AUDIT: _AUDIT,
    Use.SWITCH_AUDIT: _AUDIT,
    Use.FIND_AUDIT_FILES: _AUDIT_FILES,
    Use.GET_AUDIT_FILE: _AUDIT_FILES,
}


def permits(use: Use) -> Any:  # noqa: ANN401 - FastAPI's Depends has no public type
    """A route's dependency: the principal, once the list has let it pass; both recorded."""
    entry = ACCESS[use]

    def _checked(request: Request) -> Principal:
        refuse_foreign_page(request)
        principal = principal_of(request)
        log_in: LogIn = request.app.state.services.log_in
        log_in.authorize(
            principal,
            entry.action,
            seen=memory_of(request),
            info=_service(use, request),
            called=(entry.resource, entry.operation),
            looks=request.method in SAFE_METHODS,
        )
        return principal

    return Depends(_checked)


def _service(use: Use, request: Request) -> str:
    action = request.path_params.get("action", "")
    named = use is Use.CHANGE_REQUEST and action in REQUEST_ACTIONS
    return f"CertRequestService.{action}Request" if named else use.value
