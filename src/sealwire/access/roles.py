"""Who may do what: roles, actions, and the table between them.

Default deny: what the table does not say is refused. The table is data so that every cell of it
can be tested, the empty ones too.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - evaluated in Final annotations
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from sealwire.errors import ForbiddenError, UnauthorizedError


class Role(StrEnum):
    """What a person is to this installation.

    ``AGENT`` is Dogtag's Certificate Manager Agent, ``AUDITOR`` its Auditor.
    """

    ADMINISTRATOR = "administrator"
    AGENT = "agent"
    AUDITOR = "auditor"
    OPERATOR = "operator"


class Action(StrEnum):
    """What can be asked of the node."""

    CONFIGURE_CA = "configure_ca"
    SUBMIT_REQUEST = "submit_request"
    READ_REQUEST = "read_request"
    LIST_REQUESTS = "list_requests"
    DECIDE_REQUEST = "decide_request"
    READ_CERTIFICATE = "read_certificate"
    REVOKE_CERTIFICATE = "revoke_certificate"
    READ_PROFILE = "read_profile"
    APPROVE_PROFILE = "approve_profile"
    CONFIGURE_APPLIANCE = "configure_appliance"
    READ_APPLIANCE = "read_appliance"
    CONFIGURE_SENSOR = "configure_sensor"
    READ_SENSOR = "read_sensor"
    CONFIGURE_RETENTION = "configure_retention"
    HOLD_RECORDS = "hold_records"
    READ_AUDIT = "read_audit"
    EXPORT_AUDIT = "export_audit"
    READ_AUDIT_CONFIGURATION = "read_audit_configuration"
    CONFIGURE_AUDIT = "configure_audit"
    MANAGE_USERS = "manage_users"
    OPEN_SESSION = "open_session"
    CHANGE_OWN_PASSWORD = "change_own_password"  # noqa: S105 - the name of an action
    SET_PASSWORD = "set_password"  # noqa: S105 - the name of an action


PUBLIC_ACTIONS: Final[frozenset[Action]] = frozenset(
    {
        Action.SUBMIT_REQUEST,
        Action.READ_REQUEST,
        Action.READ_CERTIFICATE,
        Action.READ_PROFILE,
    }
)
"""What anybody may do without logging in, as in Dogtag: a request waits for an agent anyway."""

ROLE_ACTIONS: Final[Mapping[Role, frozenset[Action]]] = {
    Role.ADMINISTRATOR: frozenset(
        {
            Action.CONFIGURE_CA,
            Action.CONFIGURE_APPLIANCE,
            Action.READ_APPLIANCE,
            Action.CONFIGURE_SENSOR,
            Action.READ_SENSOR,
            Action.CONFIGURE_RETENTION,
            Action.HOLD_RECORDS,
            Action.MANAGE_USERS,
            Action.READ_AUDIT_CONFIGURATION,
            Action.CONFIGURE_AUDIT,
        }
    ),
    Role.AGENT: frozenset(
        {
            Action.LIST_REQUESTS,
            Action.DECIDE_REQUEST,
            Action.REVOKE_CERTIFICATE,
            Action.APPROVE_PROFILE,
        }
    ),
    Role.AUDITOR: frozenset(
        {
            Action.LIST_REQUESTS,
            Action.READ_APPLIANCE,
            Action.READ_SENSOR,
            Action.HOLD_RECORDS,
            Action.READ_AUDIT,
            Action.EXPORT_AUDIT,
            Action.READ_AUDIT_CONFIGURATION,
        }
    ),
    Role.OPERATOR: frozenset(
        {
            Action.CONFIGURE_APPLIANCE,
            Action.READ_APPLIANCE,
            Action.CONFIGURE_SENSOR,
            Action.READ_SENSOR,
        }
    ),
}
"""Administrators cannot decide requests nor read the trail, unless they hold that role as well.

Operators cannot change what is deleted when; auditors can keep records from being deleted.
"""

PERSONAL_ACTIONS: Final[frozenset[Action]] = frozenset(
    {Action.OPEN_SESSION, Action.CHANGE_OWN_PASSWORD}
)
"""What everybody with a role may do, each for themselves."""

HOME_OWNER_ACTIONS: Final[frozenset[Action]] = frozenset({Action.SET_PASSWORD})
"""What comes with no role: only the owner of the home folder may, on the machine itself."""


class AuthenticatedBy(StrEnum):
    """How somebody proved who they are."""

    NOBODY = "nobody"
    PASSWORD = "password"  # noqa: S105 - the name of a method, not a secret
    CERTIFICATE = "certificate"
    HOME_OWNER = "home_owner"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. ``name`` is also the SubjectID of the audit events that follow."""

    name: str
    roles: frozenset[Role]
    authenticated_by: AuthenticatedBy
    certificate_sha256: str = field(default="", compare=False)

    @property
    def credential(self) -> str:
        """How they are known, as evidence keeps it: ``certificate SHA-256``, ``password``, ..."""
        return f"{self.authenticated_by} {self.certificate_sha256}".strip()


ANONYMOUS: Final = Principal("$NonRoleUser$", frozenset(), AuthenticatedBy.NOBODY)
"""Somebody who did not log in; spelled as Dogtag's audit log spells it."""


def home_owner(name: str) -> Principal:
    """The owner of the home folder, known by the unix socket's peer: holds every role."""
    return Principal(name, frozenset(Role), AuthenticatedBy.HOME_OWNER)


def allowed_actions(principal: Principal) -> frozenset[Action]:
    """Everything ``principal`` may do."""
    granted = [ROLE_ACTIONS[role] for role in principal.roles]
    if principal.roles:
        granted.append(PERSONAL_ACTIONS)
    if principal.authenticated_by is AuthenticatedBy.HOME_OWNER:
        granted.append(HOME_OWNER_ACTIONS)
    return PUBLIC_ACTIONS.union(*granted)


def roles_for(action: Action) -> list[Role]:
    """Who may, by role; nobody for what only the home's owner may."""
    if action in PERSONAL_ACTIONS | PUBLIC_ACTIONS:
        return list(Role)
    return sorted(role for role, actions in ROLE_ACTIONS.items() if action in actions)


def require(principal: Principal, action: Action) -> None:
    """Let pass or raise.

    Raises UnauthorizedError (``access.login_required``) when nobody is logged in, ForbiddenError
    (``access.denied``) when somebody is who may not.
    """
    if action in allowed_actions(principal):
        return
    if principal.authenticated_by is AuthenticatedBy.NOBODY:
        raise UnauthorizedError(
            "access.login_required",
            "This needs a log-in.",
            hint="Show a client certificate, or give a user name and password.",
        )
    needed = roles_for(action)
    raise ForbiddenError(
        "access.denied",
        f"{principal.name} may not do this: {action.replace('_', ' ')}.",
        hint=f"It takes the role {' or '.join(needed)}."
        if needed
        else "Only the owner of the home folder may, on the machine itself.",
    )
