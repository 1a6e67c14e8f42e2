"""What is recorded and how it is kept: shown, and changed by administrators, each change recorded.

Words and parameters are those of Dogtag's signed audit log.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping  # noqa: TC003 - evaluated in Final annotations
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Protocol

from sealwire.audit.catalogue import ELSEWHERE, EventName, Outcome
from sealwire.audit.events import config_change
from sealwire.audit.filters import read_filter
from sealwire.audit.gate import GATED_TRAIL
from sealwire.audit.ports import SettingsTx, TrailTx
from sealwire.audit.settings import (
    OPTIONAL_EVENTS,
    SETTING,
    AuditSettings,
    EventRule,
    FileSettings,
    read_settings,
)
from sealwire.errors import Finding, RefusedError, SealwireError, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sealwire.audit.gate import AuditGate
    from sealwire.audit.ports import Store
    from sealwire.audit.recorder import Recorder

ENABLED: Final = "enabled"
DISABLED: Final = "disabled"
MANDATORY: Final = "mandatory"

_YEARS: Final = 100 * 366 * 86_400


@dataclass(frozen=True, slots=True)
class _Number:
    """A setting that is a number: Dogtag's name for it, and what it may be."""

    parameter: str
    lowest: int
    highest: int
    zero: bool = False

    def fault(self, value: int) -> str:
        if (self.zero and value == 0) or self.lowest <= value <= self.highest:
            return ""
        zero = "0 or " if self.zero else ""
        return f"{self.parameter} is {zero}{self.lowest} to {self.highest}, not {value}."


NUMBERS: Final[Mapping[str, _Number]] = {
    "buffer_size": _Number("bufferSize", 1, 1 << 20),
    "flush_interval": _Number("flushInterval", 1, 3600),
    "max_size_kb": _Number("maxFileSize", 4, 1 << 30, zero=True),
    "rollover": _Number("rolloverInterval", 60, _YEARS, zero=True),
    "expiration": _Number("expirationTime", 3600, _YEARS, zero=True),
}
"""By the names of ``FileSettings``."""


class AuditConfigurationTx(TrailTx, SettingsTx, Protocol):
    """What a change of the configuration touches."""


class LogFiles(Protocol):
    """The signed log's files, for reading. Safe from any thread."""

    def sizes(self) -> Sequence[tuple[str, int]]:
        """Name and bytes of each, the oldest first."""
        ...

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of one. Raises NotFoundError ``audit.file_unknown``."""
        ...


@dataclass(frozen=True, slots=True)
class AuditChange:
    """What to change; None and what is not named stays as it is.

    ``numbers`` by the names of ``NUMBERS``, ``events`` to ``enabled`` or ``disabled``, ``filters``
    to a filter, or to nothing for none.
    """

    enabled: bool | None = None
    numbers: Mapping[str, int] = field(default_factory=dict)
    events: Mapping[str, str] = field(default_factory=dict)
    filters: Mapping[str, str] = field(default_factory=dict)

    def parameters(self) -> dict[str, str | None]:
        """As the record of the change names them."""
        named: dict[str, str | None] = {}
        if self.enabled is not None:
            named["enable"] = str(self.enabled).lower()
        for name, value in self.numbers.items():
            named[NUMBERS[name].parameter if name in NUMBERS else name] = str(value)
        named |= {f"events.{name}": status for name, status in self.events.items()}
        return named | {f"filters.{name}": text for name, text in self.filters.items()}


@dataclass(frozen=True, slots=True)
class AuditConfig:
    """What holds. ``events`` are ``enabled``, ``disabled`` or ``mandatory``.

    ``failure`` says why the file cannot be written at present, and the CA does no work; empty
    when all is well. ``certificate_pem`` is what the file is verified with, empty before the first
    time it was enabled.
    """

    file: FileSettings
    events: Mapping[str, str]
    filters: Mapping[str, str]
    failure: str
    certificate_pem: str


class AuditConfiguration:
    """The use cases. Safe from any thread.

    ``certify`` makes sure that there is a key and a certificate to sign the file with; it may
    raise any SealwireError. ``certificate`` gives that certificate, PEM, or nothing.
    """

    def __init__(
        self,
        store: Store[AuditConfigurationTx],
        recorder: Recorder,
        files: LogFiles,
        gate: AuditGate,
        *,
        certify: Callable[[], None],
        certificate: Callable[[], str],
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._files = files
        self._gate = gate
        self._certify = certify
        self._certificate = certificate

    def show(self) -> AuditConfig:
        """What holds now."""
        return self._shown(self._store.read(lambda tx: read_settings(tx.setting(SETTING))))

    def modify(self, actor: str, change: AuditChange) -> AuditConfig:
        """Change it, for all processes at once.

        Raises RefusedError ``audit.settings`` with every fault, and whatever keeps the file from
        being signed; a refusal is recorded too.
        """
        try:
            _check(change)
            if change.enabled:
                self._certify()
        except SealwireError:
            self._store.run(lambda tx: self._recorded(tx, actor, Outcome.FAILURE, change))
            raise

        def use_case(tx: AuditConfigurationTx) -> AuditSettings:
            changed = _changed(read_settings(tx.setting(SETTING)), change)
            tx.put_setting(SETTING, changed.document())
            self._recorded(tx, actor, Outcome.SUCCESS, change)
            return changed

        return self._shown(self._store.run(use_case))

    def files(self) -> Sequence[tuple[str, int]]:
        """Name and bytes of the signed log's files, the oldest first."""
        return self._files.sizes()

    def file(self, name: str) -> Iterator[bytes]:
        """The bytes of one. Raises NotFoundError ``audit.file_unknown``."""
        return self._files.chunks(name)

    def _recorded(
        self, tx: AuditConfigurationTx, actor: str, outcome: Outcome, change: AuditChange
    ) -> None:
        about: dict[str, str | None] = {
            "Scope": "logs",
            "Operation": "OP_MODIFY",
            "Resource": "SignedAudit",
        }
        event = config_change(
            EventName.CONFIG_SIGNED_AUDIT, actor, outcome, about | change.parameters()
        )
        self._recorder.record(tx, GATED_TRAIL, event)

    def _shown(self, settings: AuditSettings) -> AuditConfig:
        shown = sorted(set(EventName) - ELSEWHERE)
        rules = {name: settings.rule(name) for name in shown if name in OPTIONAL_EVENTS}
        return AuditConfig(
            file=settings.file,
            events={
                name.value: _status(rules[name]) if name in rules else MANDATORY for name in shown
            },
            filters={name.value: rule.filter for name, rule in rules.items() if rule.filter},
            failure=self._gate.reason if settings.file.enabled else "",
            certificate_pem=self._certificate(),
        )


def _status(rule: EventRule) -> str:
    return ENABLED if rule.enabled else DISABLED


def _check(change: AuditChange) -> None:
    faults = [*_number_faults(change.numbers), *_event_faults(change)]
    if faults:
        raise RefusedError(
            "audit.settings",
            " ".join(faults),
            findings=[Finding("audit.settings", Severity.ERROR, fault) for fault in faults],
        )


def _number_faults(numbers: Mapping[str, int]) -> Iterator[str]:
    for name, value in numbers.items():
        fault = NUMBERS[name].fault(value) if name in NUMBERS else f"There is no setting {name}."
        if fault:
            yield fault


def _event_faults(change: AuditChange) -> Iterator[str]:
    for name, status in change.events.items():
        yield from _status_faults(name, status)
    for name, text in change.filters.items():
        if name not in OPTIONAL_EVENTS:
            yield f"{name[:64]} cannot be filtered."
        elif text:
            yield from _filter_faults(name, text)


def _status_faults(name: str, status: str) -> Iterator[str]:
    if name not in set(EventName) - ELSEWHERE:
        yield f"There is no event {name[:64]!r}."
    elif name not in OPTIONAL_EVENTS:
        if status not in {MANDATORY, ENABLED}:
            yield f"{name} is mandatory and cannot be disabled."
    elif status not in {ENABLED, DISABLED}:
        yield f"{name} can be enabled or disabled, not {status[:64]!r}."


def _filter_faults(name: str, text: str) -> Iterator[str]:
    try:
        read_filter(text)
    except RefusedError as refused:
        yield f"{name}: {refused.message}"


def _changed(settings: AuditSettings, change: AuditChange) -> AuditSettings:
    rules = dict(settings.rules)
    for name, status in change.events.items():
        event = EventName(name)
        if event in OPTIONAL_EVENTS:
            rules[event] = replace(settings.rule(event), enabled=status == ENABLED)
    for name, text in change.filters.items():
        event = EventName(name)
        rules[event] = replace(rules.get(event) or settings.rule(event), filter=text)
    file = settings.file
    numbers = {name: change.numbers.get(name, getattr(file, name)) for name in NUMBERS}
    enabled = file.enabled if change.enabled is None else change.enabled
    return AuditSettings(FileSettings(enabled=enabled, **numbers), tuple(sorted(rules.items())))
