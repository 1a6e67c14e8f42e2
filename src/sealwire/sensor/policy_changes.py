"""A change of what the store process is told: kept and recorded together, or not at all.

What would let stored days be deleted at once has to be said twice (``sure``).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sealwire.audit.events import EventName
from sealwire.errors import ConflictError, RefusedError, SealwireError
from sealwire.sensor.installation import SensorCases
from sealwire.sensor.outlook import outlook
from sealwire.sensor.policy_documents import policy_document

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sealwire.sensor.outlook import Outlook
    from sealwire.sensor.policy import ArchivePolicy
    from sealwire.sensor.ports import SensorTx
    from sealwire.sensor.shelf import ShelvedDay

    Change = Callable[[ArchivePolicy], tuple[ArchivePolicy, str, dict[str, str]]]
    """What a policy becomes, the operation's name, and what the audit event says of it."""


class PolicyCases(SensorCases):
    """What changes of the policy share."""

    def _change(
        self,
        actor: str,
        change: Change,
        *,
        sure: bool,
    ) -> Mapping[str, str]:
        """Change the policy and record it; returns what was recorded."""
        stored, index_bytes = self._stored(sure=sure)

        def use_case(tx: SensorTx) -> Mapping[str, str]:
            policy = self._kept_policy(tx)
            changed, operation, details = change(policy)
            self._check_sure(stored, index_bytes, policy, changed)
            self._put_policy(tx, changed)
            self._changed(tx, EventName.RETENTION_CHANGE, actor, operation, details)
            return details

        told = self._store.run(use_case)
        self._policy_changed()
        return told

    def _stored(self, *, sure: bool) -> tuple[Sequence[ShelvedDay], int]:
        """What a change could have deleted; nothing, so to say, for who is sure."""
        return ((), 0) if sure else (self._shelf.days(), self._index_bytes())

    def _check_sure(
        self,
        stored: Sequence[ShelvedDay],
        index_bytes: int,
        before: ArchivePolicy,
        after: ArchivePolicy,
    ) -> None:
        due = {one.stored for one in self._outlook(stored, before, index_bytes).due}
        fresh = [
            one.stored
            for one in self._outlook(stored, after, index_bytes).due
            if one.stored not in due
        ]
        if fresh:
            records, size = sum(one.records for one in fresh), sum(one.bytes for one in fresh)
            raise ConflictError(
                "retention.deletes",
                f"this has {records} stored records deleted at once: {_days_text(fresh)},"
                f" {size} bytes",
                hint="nothing was changed; say that you are sure, or set a hold first",
            )

    def _outlook(
        self, stored: Sequence[ShelvedDay], policy: ArchivePolicy, index_bytes: int
    ) -> Outlook:
        return outlook(stored, policy, self._clock.now().date(), index_bytes)

    def _index_bytes(self) -> int:
        try:
            return self._archive.status().index_bytes
        except SealwireError:
            return 0

    def _put_policy(self, tx: SensorTx, policy: ArchivePolicy) -> None:
        tx.put_setting(self._setting("archive_policy"), json.dumps(policy_document(policy)))


def class_names(policy: ArchivePolicy) -> tuple[str, ...]:
    """Of all classes, in their order."""
    return tuple(one.name for one in policy.classes)


def too_many(what: str, most: int) -> RefusedError:
    """``retention.too_many``."""
    return RefusedError("retention.too_many", f"there are {most} {what} already")


def _days_text(days: Sequence[ShelvedDay]) -> str:
    first, last = min(one.day for one in days), max(one.day for one in days)
    classes = ", ".join(sorted({one.retention for one in days}))
    span = f"{first}" if first == last else f"{first} to {last}"
    return f"{span} of class {classes}"
