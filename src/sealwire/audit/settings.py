"""What is recorded, and whether a signed file is kept besides: one document, checked once.

An event is recorded unless it is disabled here or its filter does not match. Decisions, changes
of the configuration and the trail's own events are mandatory: they cannot be disabled or filtered.
Defaults are Dogtag's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping  # noqa: TC003 - evaluated in Final annotations
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from sealwire.audit.catalogue import EventName
from sealwire.audit.filters import read_filter

if TYPE_CHECKING:
    from sealwire.audit.filters import EventFilter

SETTING: Final = "audit"
"""The name of the document in the store."""

OPTIONAL_EVENTS: Final = frozenset(
    {
        EventName.ACCESS_SESSION_ESTABLISH,
        EventName.ACCESS_SESSION_TERMINATED,
        EventName.AUTH,
        EventName.AUTHZ,
        EventName.ROLE_ASSUME,
        EventName.CERT_STATUS_CHANGE_REQUEST,
        EventName.CERT_SIGNING_INFO,
        EventName.CRL_SIGNING_INFO,
        EventName.OCSP_SIGNING_INFO,
        EventName.FULL_CRL_GENERATION,
        EventName.FULL_CRL_PUBLISHING,
        EventName.SCHEDULE_CRL_GENERATION,
        EventName.OCSP_GENERATION,
    }
)
"""All others are mandatory: `ca reconcile` rests on what they say."""

_FAILURES: Final = "(Outcome=Failure)"


@dataclass(frozen=True, slots=True)
class EventRule:
    """Whether an optional event is recorded; ``filter`` empty lets every one pass."""

    enabled: bool = True
    filter: str = ""


DEFAULT_RULES: Final[Mapping[EventName, EventRule]] = {
    EventName.FULL_CRL_GENERATION: EventRule(filter=_FAILURES),
    EventName.OCSP_GENERATION: EventRule(filter=_FAILURES),
    EventName.FULL_CRL_PUBLISHING: EventRule(enabled=False),
}
"""Where the default is not to record every one."""


@dataclass(frozen=True, slots=True)
class FileSettings:
    """The signed file: sizes in bytes or kilobytes, times in seconds, named as Dogtag names them.

    ``expiration`` 0 keeps the files of the past for ever; so does ``rollover`` 0 for the age at
    which a file is closed and ``max_size_kb`` 0 for its size.
    """

    enabled: bool = False
    buffer_size: int = 512
    flush_interval: int = 5
    max_size_kb: int = 2000
    rollover: int = 2_592_000
    expiration: int = 0


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """``rules`` holds what was said of optional events; others have their default."""

    file: FileSettings = field(default_factory=FileSettings)
    rules: tuple[tuple[EventName, EventRule], ...] = ()

    def rule(self, name: EventName) -> EventRule:
        """What holds for an optional event."""
        return dict(self.rules).get(name) or DEFAULT_RULES.get(name) or EventRule()

    def records(self, name: EventName, attributes: Mapping[str, str]) -> bool:
        """Whether an event with these printed attributes is recorded; names as in the catalogue."""
        if name not in OPTIONAL_EVENTS:
            return True
        rule = self.rule(name)
        if not rule.enabled or not rule.filter:
            return rule.enabled
        return _filter(rule.filter).matches({key.lower(): v for key, v in attributes.items()})

    def document(self) -> str:
        """As it is kept."""
        return json.dumps(
            {
                "file": {name: getattr(self.file, name) for name in FileSettings.__slots__},
                "rules": {
                    name.value: {"enabled": rule.enabled, "filter": rule.filter}
                    for name, rule in sorted(self.rules)
                },
            },
            sort_keys=True,
        )


@lru_cache(maxsize=64)
def _filter(text: str) -> EventFilter:
    return read_filter(text)


@lru_cache(maxsize=8)
def read_settings(document: str | None) -> AuditSettings:
    """What ``document`` says; None is the default."""
    if document is None:
        return AuditSettings()
    kept = json.loads(document)
    rules = (
        (EventName(name), EventRule(rule["enabled"], rule["filter"]))
        for name, rule in kept["rules"].items()
    )
    return AuditSettings(FileSettings(**kept["file"]), tuple(sorted(rules)))
