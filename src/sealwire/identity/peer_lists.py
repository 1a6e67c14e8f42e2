"""The use cases of configured revocation lists: add, remove, refresh, and what they amount to."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from sealwire.audit.events import EventName, Outcome, config_change
from sealwire.audit.ports import TrailTx
from sealwire.errors import (
    ConflictError,
    Finding,
    NotFoundError,
    RefusedError,
    SealwireError,
    Severity,
)
from sealwire.identity.revocation import RevocationSource, RevocationTx
from sealwire.x509.revocation import (
    RevocationGuard,
    StalePolicy,
    guard_of,
    read_revocation_lists,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from sealwire.audit.ports import Store
    from sealwire.audit.recorder import Recorder
    from sealwire.clock import Clock
    from sealwire.identity.revocation import Fetch, Side
    from sealwire.x509.revocation import RevocationList

MAX_SOURCES: Final = 100
"""For each side; the best known product of its kind takes 25."""

MAX_LIST_BYTES: Final = 10 * 1024 * 1024
DEFAULT_REFRESH_SECONDS: Final = 3600
SHORTEST_REFRESH_SECONDS: Final = 60
LONGEST_REFRESH_SECONDS: Final = 30 * 24 * 3600
RETRY: Final = timedelta(minutes=5)
"""How soon a list that failed, or whose successor is overdue, is fetched again."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}\Z")
_SCHEMES: Final = ("http://", "https://")


class PeerListsTx(TrailTx, RevocationTx, Protocol):
    """All that one of these use cases may touch, in one transaction."""


class PeerLists:
    """The lists of one side. Safe to call from any thread.

    ``turn`` lets one caller at a time fetch (a lock). ``changed`` is called after every change that
    new connections shall see.
    """

    def __init__(
        self,
        store: Store[PeerListsTx],
        recorder: Recorder,
        clock: Clock,
        *,
        side: Side,
        fetch: Fetch,
        turn: AbstractContextManager[object],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._clock = clock
        self._side = side
        self._fetch = fetch
        self._changed = changed
        self._turn = turn
        self._guard: tuple[tuple[tuple[bytes, str], ...], RevocationGuard] = ((), RevocationGuard())

    def sources(self) -> Sequence[RevocationSource]:
        """By name."""
        return self._store.read(lambda tx: tx.revocation_sources(self._side.value))

    def contents(self) -> tuple[tuple[bytes, str], ...]:
        """What is in force: content and stale policy of each list that was ever loaded."""
        return tuple((each.content, each.stale_policy) for each in self.sources() if each.content)

    def guard(self) -> RevocationGuard:
        """The same, ready to judge; read anew only when something changed."""
        contents = self.contents()
        if contents != self._guard[0]:
            self._guard = (contents, guard_of(contents))
        return self._guard[1]

    def lists(self) -> list[RevocationList]:
        """The lists in force."""
        return [one for content, _ in self.contents() for one in read_revocation_lists(content)]

    def add(
        self,
        actor: str,
        name: str,
        *,
        location: str = "",
        content: bytes = b"",
        stale_policy: str = StalePolicy.SOFT.value,
        refresh_seconds: int = DEFAULT_REFRESH_SECONDS,
    ) -> RevocationSource:
        """Configure one, and load it at once.

        A list that cannot be fetched now is kept and tried again, unless its policy is hard: then
        it is refused, for nobody of its issuer could connect. Raises RefusedError ``crl.invalid``
        with all findings, ``crl.unreadable``, ``crl.kind``; ConflictError ``crl.exists``.
        """
        _check(name, location, content, stale_policy, refresh_seconds)
        source = RevocationSource(
            self._side.value, name, location, stale_policy, refresh_seconds,
            b"", "", None, None, 0, None, None, "",
        )  # fmt: skip
        if location:
            (loaded,) = self._loaded([source])
            if loaded.last_error and stale_policy == StalePolicy.HARD:
                raise RefusedError(
                    "crl.unloaded",
                    f"the list was not added: {loaded.last_error}",
                    hint="with the policy hard, nobody could connect until it is loaded",
                )
        else:
            loaded = self._with(source, content)

        def use_case(tx: PeerListsTx) -> None:
            present = tx.revocation_sources(self._side.value)
            if any(each.name == name for each in present):
                raise ConflictError(
                    "crl.exists",
                    f"There is a revocation list {name} already.",
                    hint="give the new one another name, or remove the other first",
                )
            if len(present) >= MAX_SOURCES:
                raise RefusedError("crl.too_many", f"{MAX_SOURCES} revocation lists are the most.")
            tx.put_revocation_source(loaded)
            self._record(tx, actor, "crl-add", name, location or "(handed in)")

        self._store.run(use_case)
        self._changed()
        return loaded

    def remove(self, actor: str, name: str) -> None:
        """Forget one. Raises NotFoundError ``crl.unknown``."""

        def use_case(tx: PeerListsTx) -> None:
            tx.remove_revocation_source(self._side.value, name)
            self._record(tx, actor, "crl-remove", name, "")

        self._store.run(use_case)
        self._changed()

    def refresh(self, name: str | None = None) -> Sequence[RevocationSource]:
        """Fetch now: one, or all. Failures are in what is returned.

        Raises NotFoundError ``crl.unknown``.
        """
        sources = [each for each in self.sources() if name in {None, each.name}]
        if name is not None and not sources:
            raise NotFoundError("crl.unknown", f"There is no revocation list named {name}.")
        return self._refresh([each for each in sources if each.location])

    def refresh_due(self) -> None:
        """Fetch those whose time has come. Called now and then."""
        now = self._clock.now()
        self._refresh([each for each in self.sources() if is_due(each, now)])

    def _refresh(self, sources: Sequence[RevocationSource]) -> Sequence[RevocationSource]:
        """One thread at a time, so that a slow server is asked once."""
        with self._turn:
            refreshed = self._loaded(sources)
            for before, after in zip(sources, refreshed, strict=True):
                self._store.run(partial(_replace, before=before, after=after))
        if any(a.content != b.content for a, b in zip(refreshed, sources, strict=True)):
            self._changed()
        return refreshed

    def _loaded(self, sources: Sequence[RevocationSource]) -> list[RevocationSource]:
        """The sources after an attempt; what one had before stays when that fails."""
        answers = self._fetch([each.location for each in sources]) if sources else ()
        return [
            self._after(source, answer) for source, answer in zip(sources, answers, strict=True)
        ]

    def _after(self, source: RevocationSource, answer: bytes | SealwireError) -> RevocationSource:
        try:
            if isinstance(answer, SealwireError):
                raise answer
            return self._with(source, answer)
        except SealwireError as error:
            return replace(source, checked=self._clock.now(), last_error=error.message)

    def _with(self, source: RevocationSource, content: bytes) -> RevocationSource:
        """Raises RefusedError ``crl.unreadable``, ``crl.kind``, ``crl.older``."""
        lists = read_revocation_lists(content)
        newest = max(each.this_update for each in lists)
        issuers = "; ".join(dict.fromkeys(each.issuer for each in lists))
        before = source.this_update if issuers == source.issuer else None
        if before is not None and newest < before:
            raise RefusedError(
                "crl.older",
                f"the list there is older than the one here: of {newest:%Y-%m-%d %H:%M} UTC",
            )
        due = [each.next_update for each in lists if each.next_update is not None]
        now = self._clock.now()
        return replace(
            source,
            content=content,
            issuer=issuers,
            this_update=newest,
            next_update=min(due) if due else None,
            entries=sum(each.entries for each in lists),
            checked=now,
            loaded=now,
            last_error="",
        )

    def _record(
        self, tx: PeerListsTx, actor: str, operation: str, name: str, location: str
    ) -> None:
        parameters = {
            "Scope": self._side.value,
            "Operation": operation,
            "Resource": name,
            "location": location,
        }
        event = config_change(EventName.TRUST_CHANGE, actor, Outcome.SUCCESS, parameters)
        self._recorder.record(tx, self._side.value, event)


def is_due(source: RevocationSource, now: datetime) -> bool:
    """Whether it is time to fetch it: as often as configured, sooner when it failed or is late."""
    if not source.location:
        return False
    if source.checked is None:
        return True
    wait = timedelta(seconds=source.refresh_seconds)
    late = source.next_update is not None and now > source.next_update
    if source.last_error or late:
        wait = min(wait, RETRY)
    return now - source.checked >= wait


def _replace(tx: PeerListsTx, before: RevocationSource, after: RevocationSource) -> None:
    """Keep what was fetched, unless the source was changed or removed meanwhile."""
    present = tx.revocation_source(before.side, before.name)
    if present is not None and present.location == before.location:
        tx.put_revocation_source(after)


def _check(
    name: str, location: str, content: bytes, stale_policy: str, refresh_seconds: int
) -> None:
    findings = [*_location_faults(location, content)]
    if not _NAME.match(name):
        rule = "1 to 64 letters, digits and . _ : - , the first a letter or digit"
        findings.append(_fault("crl.name", f"a name has {rule}", name))
    if stale_policy not in set(StalePolicy):
        findings.append(_fault("crl.policy", "the stale policy is soft or hard", stale_policy))
    if not SHORTEST_REFRESH_SECONDS <= refresh_seconds <= LONGEST_REFRESH_SECONDS:
        text = f"it is refreshed every {SHORTEST_REFRESH_SECONDS} s to {LONGEST_REFRESH_SECONDS} s"
        findings.append(_fault("crl.refresh", text, str(refresh_seconds)))
    if findings:
        raise RefusedError(
            "crl.invalid",
            "the list was not added: " + "; ".join(each.message for each in findings),
            findings=findings,
        )


def _location_faults(location: str, content: bytes) -> Iterator[Finding]:
    if bool(location) == bool(content):
        yield _fault("crl.location", "either a URL or path, or the list itself is given")
    if location and not location.startswith((*_SCHEMES, "/")):
        text = "it is loaded from http://..., https://... or an absolute path"
        yield _fault("crl.location", text, location)
    if any(character in location for character in "\0\r\n"):
        yield _fault("crl.location", "the location holds control characters")
    if len(content) > MAX_LIST_BYTES:
        yield _fault("crl.size", f"a list has at most {MAX_LIST_BYTES} bytes")


def _fault(code: str, message: str, subject: str | None = None) -> Finding:
    return Finding(code, Severity.ERROR, message, subject)
