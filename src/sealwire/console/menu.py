"""The menu, with the names that people know from the products whose guides they hold."""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003 - evaluated in dataclasses' annotations
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sealwire.access.roles import Action

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Entry:
    """A page that the menu leads to."""

    name: str
    path: str
    needs: Action


@dataclass(frozen=True, slots=True)
class Group:
    """Entries under one heading; ``within`` names the headings above it."""

    within: tuple[str, ...]
    entries: Sequence[Entry]

    @property
    def name(self) -> str:
        """The way to it, such as ``System > Configuration``."""
        return " > ".join(self.within)


MENU: Final = (
    Group(
        ("Certificate Authority",),
        (
            Entry("Requests", "/authority/requests", Action.LIST_REQUESTS),
            Entry("Certificates", "/authority/certificates", Action.READ_CERTIFICATE),
            Entry("CRL and OCSP", "/authority/crl", Action.READ_CERTIFICATE),
            Entry("Profiles", "/authority/profiles", Action.READ_PROFILE),
            Entry("Authority", "/authority/own", Action.CONFIGURE_CA),
            Entry("Audit Log", "/authority/audit-log", Action.READ_AUDIT),
            Entry(
                "Audit Configuration",
                "/authority/audit-configuration",
                Action.READ_AUDIT_CONFIGURATION,
            ),
        ),
    ),
    Group(
        ("System", "Configuration"),
        (
            Entry("Audit Log", "/system/audit-log", Action.READ_APPLIANCE),
            Entry("Audit Log Certificate", "/system/audit-log-certificate", Action.READ_APPLIANCE),
            Entry("Revocation Lists", "/system/revocation-lists", Action.READ_APPLIANCE),
            Entry("Users", "/system/users", Action.MANAGE_USERS),
        ),
    ),
    Group(
        ("Appliance",),
        (
            Entry("Inputs", "/appliance/inputs", Action.READ_APPLIANCE),
            Entry("High Availability", "/appliance/high-availability", Action.READ_APPLIANCE),
            Entry("Doctor", "/system/doctor", Action.CONFIGURE_APPLIANCE),
        ),
    ),
    Group(("System", "Monitoring"), (Entry("Audit", "/system/audit", Action.READ_AUDIT),)),
    Group(
        ("Data Sources",),
        (
            Entry("Sensors", "/sensors", Action.READ_SENSOR),
            Entry("Search", "/sensors/search", Action.READ_SENSOR),
            Entry("Sources", "/sensors/sources", Action.READ_SENSOR),
            Entry("Admission", "/sensors/admission", Action.READ_SENSOR),
            Entry("Retention", "/sensors/retention", Action.READ_SENSOR),
            Entry("Revocation Lists", "/sensors/revocation-lists", Action.READ_SENSOR),
            Entry("Doctor", "/system/doctor", Action.CONFIGURE_APPLIANCE),
        ),
    ),
    Group(
        ("Data Sources", "Integrations", "Sensor Apps"),
        (Entry("Syslog Server", "/sensors/syslog-server", Action.READ_SENSOR),),
    ),
)


def menu_for(allowed: Iterable[Action]) -> list[Group]:
    """What somebody may open; groups without an entry are left out."""
    may = frozenset(allowed)
    shown = [
        Group(group.within, [entry for entry in group.entries if entry.needs in may])
        for group in MENU
    ]
    return [group for group in shown if group.entries]
