"""*Certificate Authority > Audit Configuration*: which events are recorded, and the signed file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.responses import StreamingResponse

from sealwire.access.roles import Action
from sealwire.audit.configuration import DISABLED, ENABLED, MANDATORY, NUMBERS, AuditChange
from sealwire.console.routing import get, post
from sealwire.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from sealwire.audit.configuration import AuditConfig
    from sealwire.console.visit import Visit

_PAGE: Final = "/authority/audit-configuration"
_LABELS: Final[Mapping[str, tuple[str, str]]] = {
    "buffer_size": ("Buffer", "Bytes kept before they are written."),
    "flush_interval": ("Flush interval", "Seconds after which they are written anyway."),
    "max_size_kb": ("Largest file", "Kilobytes; then the next file begins. 0: no limit."),
    "rollover": ("Rollover", "Seconds after which the next file begins. 0: never."),
    "expiration": ("Expiration", "Seconds after which old files are removed. 0: never."),
}


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event as the form shows it: as it is, or as it was filled in."""

    name: str
    mandatory: bool
    recorded: bool
    filter: str


def configuration(visit: Visit) -> Response:
    """What holds; changed by administrators. Files for those who may read the trail."""
    config = visit.services.audit.show()
    return visit.page(
        "audit_configuration.html",
        config=config,
        events=_event_rows(visit, config),
        numbers=[
            (name, label, hint, visit.form.text(name) or getattr(config.file, name))
            for name, (label, hint) in _LABELS.items()
        ],
        changes=visit.may(Action.CONFIGURE_AUDIT),
        files=visit.services.audit.files() if visit.may(Action.READ_AUDIT) else None,
    )


def _event_rows(visit: Visit, config: AuditConfig) -> list[EventRow]:
    asked = visit.text("form") == "events"
    given = set(visit.form.all("event"))
    return [
        EventRow(
            name,
            status == MANDATORY,
            name in given if asked and status != MANDATORY else status != DISABLED,
            visit.text(f"filter.{name}") if asked else config.filters.get(name, ""),
        )
        for name, status in config.events.items()
    ]


def change_events(visit: Visit) -> Response:
    """Which optional events are recorded, and through which filter; what is the same stays out."""
    if visit.text("form") != "events":
        # An unticked box sends nothing: a form that came in part would switch everything off.
        raise UsageError("audit.form", "The form did not come whole. Nothing was changed.")
    audit = visit.services.audit
    config = audit.show()
    given = set(visit.form.all("event"))
    optional = [name for name, status in config.events.items() if status != MANDATORY]
    wanted = {name: ENABLED if name in given else DISABLED for name in optional}
    filters = {name: visit.text(f"filter.{name}") for name in optional}
    change = AuditChange(
        events={name: status for name, status in wanted.items() if status != config.events[name]},
        filters={
            name: text for name, text in filters.items() if text != config.filters.get(name, "")
        },
    )
    if change != AuditChange():
        audit.modify(visit.actor, change)
    return visit.see(_PAGE, "changed")


def change_file(visit: Visit) -> Response:
    """Whether the signed file is kept, and its sizes and times."""
    audit = visit.services.audit
    config = audit.show()
    numbers = {name: _number(visit.text(name), _LABELS[name][0]) for name in NUMBERS}
    enabled = visit.text("enabled") == "yes"
    change = AuditChange(
        enabled=enabled if enabled != config.file.enabled else None,
        numbers={
            name: value for name, value in numbers.items() if value != getattr(config.file, name)
        },
    )
    if change != AuditChange():
        audit.modify(visit.actor, change)
    return visit.see(_PAGE, "changed")


def _number(text: str, label: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 12):  # noqa: PLR2004 - more than any may be
        raise RefusedError("audit.settings", f"{label} is a number.")
    return int(text)


def file(visit: Visit) -> Response:
    """One of the signed log's files, as it is now."""
    name = visit.path("name")
    chunks = visit.services.audit.file(name)
    return StreamingResponse(
        chunks,
        media_type="application/octet-stream",
        # It was found by this name, so it is one of those that the log gives its files.
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


ROUTES: Final = (
    get(_PAGE, Action.READ_AUDIT_CONFIGURATION, configuration),
    post(f"{_PAGE}/events", Action.CONFIGURE_AUDIT, change_events, again=configuration),
    post(f"{_PAGE}/file", Action.CONFIGURE_AUDIT, change_file, again=configuration),
    get(f"{_PAGE}/files/{{name}}", Action.READ_AUDIT, file),
)
