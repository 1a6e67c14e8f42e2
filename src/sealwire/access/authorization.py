"""Who was allowed what, recorded as Dogtag records it: AUTHZ, and ROLE_ASSUME before it.

Every refusal is recorded, and every permission to change something. A permission only to look is
recorded once for each connection or session, or else reading the trail would make it longer. The
home's owner is known by the machine and judged by no access list: what they change is recorded,
that they may is not.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - evaluated in Final annotations
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sealwire.access.roles import (
    PUBLIC_ACTIONS,
    ROLE_ACTIONS,
    Action,
    AuthenticatedBy,
    Role,
    require,
)
from sealwire.audit.events import Outcome, authz, role_assume
from sealwire.audit.repeats import Repeats, more
from sealwire.errors import ForbiddenError

if TYPE_CHECKING:
    from collections.abc import MutableSet, Sequence

    from sealwire.access.roles import Principal
    from sealwire.audit.events import Event
    from sealwire.audit.ports import Store, TrailTx
    from sealwire.audit.recorder import Recorder
    from sealwire.clock import Clock


@dataclass(frozen=True, slots=True)
class Access:
    """An access list's name and the word for what is done, as Dogtag spells them."""

    resource: str
    operation: str
    looks_only: bool = False


RESOURCES: Final[Mapping[Action, Access]] = {
    Action.CONFIGURE_CA: Access("certServer.ca.configuration", "modify"),
    Action.LIST_REQUESTS: Access("certServer.ca.certrequests", "execute", looks_only=True),
    Action.DECIDE_REQUEST: Access("certServer.ca.certrequests", "execute"),
    Action.REVOKE_CERTIFICATE: Access("certServer.ca.certs", "execute"),
    Action.APPROVE_PROFILE: Access("certServer.ca.profile", "approve"),
    Action.OPEN_SESSION: Access("certServer.ca.account", "login", looks_only=True),
    Action.MANAGE_USERS: Access("certServer.ca.users", "execute"),
    Action.READ_AUDIT: Access("certServer.log.content.signedAudit", "read", looks_only=True),
    Action.EXPORT_AUDIT: Access("certServer.log.content.signedAudit", "read", looks_only=True),
    Action.READ_AUDIT_CONFIGURATION: Access(
        "certServer.log.configuration", "read", looks_only=True
    ),
    Action.CONFIGURE_AUDIT: Access("certServer.log.configuration", "modify"),
    Action.READ_APPLIANCE: Access("sealwire.appliance", "read", looks_only=True),
    Action.CONFIGURE_APPLIANCE: Access("sealwire.appliance", "modify"),
    Action.READ_SENSOR: Access("sealwire.sensor", "read", looks_only=True),
    Action.CONFIGURE_SENSOR: Access("sealwire.sensor", "modify"),
    Action.CONFIGURE_RETENTION: Access("sealwire.sensor.retention", "modify"),
    Action.HOLD_RECORDS: Access("sealwire.sensor.holds", "modify"),
}
"""What an action is called in the trail."""

ROLE_NAMES: Final[Mapping[Role, str]] = {
    Role.ADMINISTRATOR: "Administrators",
    Role.AGENT: "Certificate Manager Agents",
    Role.AUDITOR: "Auditors",
    Role.OPERATOR: "Operators",
}
"""Dogtag's groups, and one more."""

_REFUSALS_A_MINUTE: Final = 20
"""Of one user and one resource, each with its own record; more of them share one."""


def access_of(action: Action) -> Access:
    """What ``action`` is called in the trail; one that no table names is called by its own name."""
    return RESOURCES.get(action) or Access(f"sealwire.{action.value}", "execute")


class Authorization:
    """Judges and records, in ``trail``. Safe from any thread."""

    def __init__(self, store: Store[TrailTx], recorder: Recorder, trail: str, clock: Clock) -> None:
        self._store = store
        self._recorder = recorder
        self._trail = trail
        self._clock = clock
        self._refusals = Repeats(_REFUSALS_A_MINUTE)

    def authorize(
        self,
        principal: Principal,
        action: Action,
        *,
        seen: MutableSet[str],
        info: str | None = None,
        called: tuple[str, str] | None = None,
        looks: bool = False,
    ) -> None:
        """Let pass or raise, as ``require`` does, and record which it was.

        ``seen`` is the connection's or session's memory of what was recorded already. ``info``
        says what was asked for. ``called`` is resource and operation where they are not those of
        the table, ``looks`` that nothing will be changed, whatever the action allows. A stranger
        is only asked to log in: that is no event.
        """
        access = access_of(action)
        resource, operation = called or (access.resource, access.operation)
        access = Access(resource, operation, looks_only=looks or access.looks_only)
        try:
            require(principal, action)
        except ForbiddenError:
            self._refused(principal, access, info)
            raise
        if _judged(principal, action):
            self._record(_permitted(principal, action, access, seen, info))

    def settle(self) -> None:
        """Record what minutes that are over still owe. To be called now and then."""
        self._record(self._refusals.due(self._clock.now()))

    def _refused(self, principal: Principal, access: Access, info: str | None) -> None:
        def event(count: int) -> Event:
            return authz(
                principal.name,
                Outcome.FAILURE,
                access.resource,
                access.operation,
                info=more(info or "", count) or None,
            )

        kind = f"{principal.name} {access.resource} {access.operation}"
        self._record(self._refusals.note(kind, self._clock.now(), event))

    def _record(self, events: Sequence[Event]) -> None:
        def use_case(tx: TrailTx) -> None:
            for event in events:
                self._recorder.record(tx, self._trail, event)

        if events:
            self._store.run(use_case)


def _judged(principal: Principal, action: Action) -> bool:
    """Whether an access list decided: not what everybody may, and not the home's owner."""
    unrecorded = action in PUBLIC_ACTIONS or action is Action.CHANGE_OWN_PASSWORD
    return not unrecorded and principal.authenticated_by is not AuthenticatedBy.HOME_OWNER


def _permitted(
    principal: Principal, action: Action, access: Access, seen: MutableSet[str], info: str | None
) -> list[Event]:
    events: list[Event] = []
    # By the table, the first of somebody's roles that allows it; some actions take no role.
    role = min((role for role in principal.roles if action in ROLE_ACTIONS[role]), default=None)
    if role is not None and _first_time(seen, f"role:{principal.name}:{role}"):
        events.append(role_assume(principal.name, Outcome.SUCCESS, ROLE_NAMES[role]))
    mark = f"access:{principal.name}:{access.resource}:{access.operation}"
    if not access.looks_only or _first_time(seen, mark):
        told = None if access.looks_only else info
        events.append(
            authz(principal.name, Outcome.SUCCESS, access.resource, access.operation, info=told)
        )
    return events


def _first_time(seen: MutableSet[str], mark: str) -> bool:
    first = mark not in seen
    seen.add(mark)
    return first
