"""Legal holds: days of receipt that are not deleted until somebody releases them, with a reason.

A hold is part of the policy; who set it, when and why stand in a setting beside it, and both its
beginning and its end in the audit trail.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from sealwire.audit.events import EventName
from sealwire.clock import rfc3339
from sealwire.errors import ConflictError, NotFoundError
from sealwire.sensor.keeping_rules import MOST_HOLDS, checked_hold, checked_release
from sealwire.sensor.policy_changes import PolicyCases, class_names, too_many

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sealwire.sensor.policy import LegalHold
    from sealwire.sensor.ports import SensorTx


@dataclass(frozen=True, slots=True)
class HoldNote:
    """Who set a hold, when (RFC 3339) and why."""

    actor: str
    since: str
    reason: str


@dataclass(frozen=True, slots=True)
class StandingHold:
    """A hold, its note, and whether the chain of manifests says already that it is in force."""

    hold: LegalHold
    note: HoldNote
    in_force: bool


class HoldingCases(PolicyCases):
    """Set, list, release."""

    def holds(self) -> Sequence[StandingHold]:
        """Every hold that is not released, in the order in which they were set."""
        policy, notes = self._store.read(lambda tx: (self._kept_policy(tx), self._hold_notes(tx)))
        in_chain = self._shelf.holds()
        return [
            StandingHold(hold, notes[hold.name], hold.name in in_chain) for hold in policy.holds
        ]

    def hold(
        self,
        actor: str,
        name: str,
        *,
        first: str,
        last: str,
        reason: str,
        retention: str | None = None,
    ) -> LegalHold:
        """Keep days from being deleted until the hold is released.

        Raises RefusedError ``hold.invalid``, ConflictError ``hold.exists``.
        """

        def use_case(tx: SensorTx) -> LegalHold:
            policy, notes = self._kept_policy(tx), self._hold_notes(tx)
            made, why = checked_hold(
                name, first, last, reason, classes=class_names(policy), retention=retention
            )
            if name in notes:
                raise ConflictError(
                    "hold.exists",
                    f"there is a hold {name} already",
                    hint="set another one beside it, then release this one: no gap is left so",
                )
            if len(notes) >= MOST_HOLDS:
                raise too_many("holds", MOST_HOLDS)
            self._put_policy(tx, replace(policy, holds=(*policy.holds, made)))
            note = HoldNote(actor, rfc3339(self._clock.now()), why)
            self._put_hold_notes(tx, {**notes, name: note})
            self._changed(tx, EventName.LEGAL_HOLD_CHANGE, actor, "hold", _hold_told(made, why))
            return made

        made = self._store.run(use_case)
        self._policy_changed()
        return made

    def release(self, actor: str, name: str, reason: str, *, sure: bool = False) -> None:
        """End a hold.

        Raises NotFoundError ``hold.unknown``, RefusedError ``hold.invalid``, ConflictError
        ``retention.deletes`` unless ``sure``.
        """
        why = checked_release(reason)
        stored, index_bytes = self._stored(sure=sure)

        def use_case(tx: SensorTx) -> None:
            policy, notes = self._kept_policy(tx), self._hold_notes(tx)
            ended = next((one for one in policy.holds if one.name == name), None)
            if ended is None:
                raise NotFoundError("hold.unknown", f"there is no hold {name!r}")
            left = tuple(one for one in policy.holds if one.name != name)
            changed = replace(policy, holds=left)
            self._check_sure(stored, index_bytes, policy, changed)
            self._put_policy(tx, changed)
            self._put_hold_notes(tx, {key: one for key, one in notes.items() if key != name})
            details = _hold_told(ended, why)
            self._changed(tx, EventName.LEGAL_HOLD_CHANGE, actor, "release", details)

        self._store.run(use_case)
        self._policy_changed()

    def _hold_notes(self, tx: SensorTx) -> dict[str, HoldNote]:
        document = tx.setting(self._setting("holds"))
        notes: dict[str, Any] = {} if document is None else json.loads(document)
        return {name: HoldNote(**note) for name, note in notes.items()}

    def _put_hold_notes(self, tx: SensorTx, notes: Mapping[str, HoldNote]) -> None:
        document = {name: asdict(note) for name, note in notes.items()}
        tx.put_setting(self._setting("holds"), json.dumps(document))


def _hold_told(hold: LegalHold, reason: str) -> dict[str, str]:
    return {
        "hold": hold.name,
        "first": hold.first.isoformat(),
        "last": hold.last.isoformat(),
        "class": hold.retention or "all",
        "reason": reason,
    }
