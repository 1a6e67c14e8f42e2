"""Evidence that leaves: exports that somebody asks for, days that the store process deletes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.audit.node_events import records_deleted, records_exported
from sealwire.errors import UnavailableError, UsageError
from sealwire.sensor.archive import STORE_MAY_BE_AWAY
from sealwire.sensor.installation import TRAIL, SensorCases
from sealwire.sensor.shelf import ExportRange
from sealwire.sensor.statistics import time_text
from sealwire.sensor.time_words import moment_us

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.sensor.ports import SensorTx

_US: Final = 1000
_LAST_US: Final = 2**63 // 1000
"""What times of receipt in nanoseconds can tell."""


class ExportCases(SensorCases):
    """Both are recorded."""

    def export(
        self,
        actor: str,
        since: str | None,
        until: str | None,
        retention: str | None = None,
    ) -> Iterator[bytes]:
        """The evidence of a time range as a tar archive, in pieces; recorded before the first.

        Times as in ``sensor.time_words``. Raises UsageError ``search.time``, ``export.range``,
        ``export.class``, and what ``SegmentShelf.export`` raises.
        """
        now_us = self._clock.now_ns() // _US
        since_us = 0 if since is None else moment_us(since, now_us)
        until_us = now_us if until is None else min(_LAST_US, moment_us(until, now_us))
        if since_us >= until_us:
            raise UsageError("export.range", "the range ends before it begins")
        if retention:
            self._check_class(retention)
        wanted = ExportRange(since_us, until_us, retention or None)
        event = records_exported(
            actor,
            since=time_text(since_us * _US),
            until=time_text(until_us * _US),
            retention=wanted.retention,
        )
        self._store.run(lambda tx: self._recorder.record(tx, TRAIL, event))
        return self._shelf.export(wanted)

    def _check_class(self, retention: str) -> None:
        """An export of a class that is mistyped would be empty, and pass for evidence of that."""
        policy = self._store.read(self._kept_policy)
        known = {one.name for one in policy.classes} | {one.retention for one in self._shelf.days()}
        if retention not in known:
            raise UsageError(
                "export.class",
                f"there is no class {retention}",
                hint=f"there are {', '.join(sorted(known))}",
            )

    def record_deletions(self) -> None:
        """Record, each exactly once, what the store process has deleted. Called now and then.

        Raises UnavailableError when the store process has long not said how far it is; while it
        starts, it has deleted nothing.
        """
        try:
            newest = self._archive.status().last_deletion
        except UnavailableError:
            if self._archive.away_s() > STORE_MAY_BE_AWAY:
                raise
            return
        setting = self._setting("deletions_recorded")
        if self._happenings.deletions_recorded is None:
            kept = self._store.read(lambda tx: tx.setting(setting))
            self._happenings.deletions_recorded = -1 if kept is None else int(kept)
        recorded = self._happenings.deletions_recorded
        if newest <= recorded:
            return
        deleted = self._shelf.deletions(recorded)
        if not deleted:
            return

        def use_case(tx: SensorTx) -> None:
            for one in deleted:
                event = records_deleted(
                    day=one.day,
                    retention=one.retention,
                    reason=one.reason,
                    records=one.records,
                    size=one.bytes,
                    manifest=one.manifest,
                )
                self._recorder.record(tx, TRAIL, event)
            tx.put_setting(setting, str(deleted[-1].manifest))

        self._store.run(use_case)
        self._happenings.deletions_recorded = deleted[-1].manifest
