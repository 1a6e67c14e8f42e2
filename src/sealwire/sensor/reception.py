"""What arrived: counters, sources, the newest messages, and what happened to the receivers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from sealwire.audit.events import Outcome
from sealwire.audit.node_events import journal_recovered, worker_restarted
from sealwire.errors import SealwireError, UnavailableError
from sealwire.sensor.admission import Admission
from sealwire.sensor.alarms import alarm_documents, raised
from sealwire.sensor.archive import STORE_MAY_BE_AWAY
from sealwire.sensor.archive_documents import summary_document
from sealwire.sensor.installation import TRAIL
from sealwire.sensor.journal import Position
from sealwire.sensor.observations import with_observations
from sealwire.sensor.silencing import SilenceCases
from sealwire.sensor.statistics import restored

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sealwire.audit.events import Event
    from sealwire.sensor.journal import ReceivedMessage, Recovery
    from sealwire.sensor.policy import ArchivePolicy
    from sealwire.sensor.ports import SensorTx
    from sealwire.sensor.statistics import Statistics, TlsFailure

STEP: Final = 5_000
"""Messages that a follower is shown at once, of each slot."""
SAVE_EVERY: Final = 10.0
"""Seconds between snapshots of the counters; after a crash so much of the journal is recounted."""

Positions = dict[int, Position]


class ReceptionCases(SilenceCases):
    """Counters and messages. Fills ``sensor.receiving.ReceiverObserver`` too."""

    def stats(self, most_sources: int | None = None) -> dict[str, Any]:
        """Packets Received, bytes, rates, sources, faults, TLS failures; as of now.

        ``connections``: how many are open. ``journal_trouble``: why nothing is received at the
        moment. ``alarms``: what receivers raised since the start, each with the time of its last
        occurrence and whether it is over, and who has fallen silent. ``archive``: how far the
        store process is; what it saw of the messages (``sensor.observations``) stands beside.
        ``most_sources``: the last to speak.
        """
        archive = self._archive_summary()
        observations = self._observations()
        silent = self._silent()
        with self._guard:
            happenings = self._happenings
            statistics = self._counted()
            counted = statistics.document(self._clock.now_ns(), most_sources)
            return {
                **with_observations(counted, observations),
                "connections": self._receivers.connections(),
                "journal_trouble": sorted(set(happenings.troubles.values())),
                "alarms": alarm_documents(happenings.alarms, self._clock.monotonic())
                + self._silence_alarms(silent, statistics),
                "silent_sources": len(silent),
                "archive": archive,
            }

    def unready(self) -> list[str]:
        """Why what is sent here now would not be received and found; nothing when it would.

        In words for everybody: no addresses, no paths.
        """
        found = []
        listeners = self._receivers.listeners()
        if not listeners or not all(one.open for one in listeners):
            found.append("a syslog port is not open")
        with self._guard:
            if self._happenings.troubles:
                found.append("what arrives cannot be kept")
        if self._archive.away_s() > STORE_MAY_BE_AWAY:
            found.append("the store process does not answer")
        return found

    def sources(self) -> list[dict[str, Any]]:
        """One entry for each address and certificate, with what was seen of its messages."""
        observations = self._observations()
        with self._guard:
            found = self._counted().source_documents(self._clock.now_ns())
        sources: list[dict[str, Any]] = with_observations({"sources": found}, observations)[
            "sources"
        ]
        return sources

    def tail(self, count: int) -> tuple[Sequence[ReceivedMessage], Positions]:
        """The newest ``count`` messages, oldest first, and where to go on from."""
        with self._guard:
            ends = self._ends()
            newest = [
                message
                for slot, end in ends.items()
                for message in self._journal.newest(slot, end, count)
            ]
        newest.sort(key=_received)
        return newest[-count:] if count else [], ends

    def tail_from(
        self, start: Mapping[int, Position]
    ) -> tuple[Sequence[ReceivedMessage], Positions]:
        """Messages since ``start``, oldest first of each slot, and where to go on from.

        About ``STEP`` messages of each slot at most; what is left comes with the next call.
        """
        newer: list[ReceivedMessage] = []
        reached: Positions = {}
        with self._guard:
            for slot, end in self._ends().items():
                begin = start.get(slot, Position())
                messages, reached[slot] = self._journal.some(slot, begin, end, STEP)
                newer += messages
        newer.sort(key=_received)
        return newer, reached

    def save_statistics(self) -> None:
        """Keep the counters with the position they counted to. Raises UnavailableError."""
        with self._guard:
            document = self._counted().snapshot()
            self._happenings.unsaved = False
            self._happenings.saved_at = self._clock.monotonic()
            counted = dict(self._restored().positions)
        self._store.run(lambda tx: tx.put_setting(self._setting("statistics"), document))
        with self._guard:
            self._happenings.saved = counted

    def finished_positions(self) -> Positions:
        """By slot, up to where the journal is sealed and its counters are kept.

        Raises UnavailableError while the store process has not said how far it is.
        """
        sealed = self._archive.status().sealed
        with self._guard:
            saved = dict(self._happenings.saved)
        return {slot: min(at, saved[slot]) for slot, at in sealed.items() if slot in saved}

    def archive_policy(self) -> ArchivePolicy:
        """Retention, holds and claims as they are now."""
        with self._guard:
            known, changes = self._happenings.policy, self._happenings.policy_changes
        if known is None:
            kept, senders = self._store.read(
                lambda tx: (self._kept_policy(tx), self._named_senders(tx))
            )
            known = replace(kept, claims=Admission(senders).claims())
            with self._guard:
                if self._happenings.policy_changes == changes:
                    self._happenings.policy = known
        return known

    # What the receivers tell.

    def slot_recovered(self, recovery: Recovery) -> None:
        """Record what was cut from the journal, found damaged in it, or is missing from it."""
        with self._guard:
            positions = self._restored().positions
            counted = positions.get(recovery.slot, Position())
            if recovery.end < counted:
                # Counted records are gone: somebody took files away, or the disk lost them.
                positions[recovery.slot] = recovery.end
                self._happenings.saved[recovery.slot] = recovery.end
                self._happenings.unrecorded.append(_missing(recovery, counted))
        for damage in recovery.damages:
            what = "torn tail cut" if damage.torn else "damaged bytes left in place"
            event = journal_recovered(
                f"{damage.slot}/{damage.file:012d}",
                cut_bytes=damage.length if damage.torn else 0,
                info=f"{what}: {damage.length} bytes at {damage.offset}, kept in {damage.kept_in}",
            )
            self._note(event)

    def worker_lost(self, slot: int, reason: str) -> None:
        """Record that a worker died and is being started again."""
        self._note(worker_restarted(str(slot), outcome=Outcome.SUCCESS, info=reason))

    def connections_refused(self, failures: Sequence[TlsFailure]) -> None:
        """Count who did not get through TLS, and why."""
        with self._guard:
            self._restored().apply_failures(failures)
            self._happenings.unsaved = True

    def journal_trouble(self, slot: int, trouble: str | None) -> None:
        """Remember why receiving pauses, for ``stats``."""
        with self._guard:
            if trouble is None:
                self._happenings.troubles.pop(slot, None)
            else:
                self._happenings.troubles[slot] = trouble

    def receiver_alarm(self, slot: int, code: str, text: str) -> None:
        """Remember it for ``stats``."""
        with self._guard:
            self._happenings.alarms[code] = raised(f"receiver {slot}: {text}", self._clock)

    def archive_alarm(self, code: str, text: str) -> None:
        """Remember what the store process says for ``stats``."""
        with self._guard:
            self._happenings.alarms[code] = raised(text, self._clock)

    def archive_lost(self, reason: str) -> None:
        """Record that the store process died and is being started again."""
        self.archive_alarm("store_restarted", f"the store process ended ({reason})")
        self._note(worker_restarted("store", outcome=Outcome.SUCCESS, info=reason))

    def moment_passed(self) -> None:
        """Count, record what waits, and now and then keep the counters."""
        try:
            self._record_waiting()
            with self._guard:
                self._counted()
                now = self._clock.monotonic()
                saved_at = self._happenings.saved_at
                late = saved_at is None or now - saved_at >= SAVE_EVERY
                due = self._happenings.unsaved and late
            if due:
                self.save_statistics()
            self._look_for_silence()
        except UnavailableError:
            # The store is away: what waits goes on waiting, the journal keeps what counts.
            return

    def _note(self, event: Event) -> None:
        """Record at the next moment: a receiver's thread does not wait for the store."""
        with self._guard:
            self._happenings.unrecorded.append(event)

    def _record_waiting(self) -> None:
        with self._guard:
            waiting, self._happenings.unrecorded = self._happenings.unrecorded, []

        def use_case(tx: SensorTx) -> None:
            for event in waiting:
                self._recorder.record(tx, TRAIL, event)

        try:
            if waiting:
                self._store.run(use_case)
        except UnavailableError:
            with self._guard:
                self._happenings.unrecorded[:0] = waiting
            raise

    # With the guard held.

    def _counted(self) -> Statistics:
        """The statistics, counted up to what is durable now."""
        statistics, now = self._restored(), self._clock.monotonic()
        for slot, end in self._receivers.positions().items():
            start = statistics.positions.get(slot, Position())
            # What a slot has when it is first seen may have come before this run.
            heard_at = now if slot in self._happenings.followed else None
            self._happenings.followed.add(slot)
            if end > start:
                self._happenings.unsaved = True
                for block in self._journal.summaries(slot, start, end):
                    statistics.apply(slot, block, heard_at)
        return statistics

    def _restored(self) -> Statistics:
        statistics = self._happenings.statistics
        if statistics is None:
            setting = self._setting("statistics")
            statistics = restored(self._store.read(lambda tx: tx.setting(setting)))
            self._happenings.saved = dict(statistics.positions)
            self._happenings.statistics = statistics
        return statistics

    def _archive_summary(self) -> dict[str, Any]:
        try:
            return summary_document(self._archive.status())
        except SealwireError as error:
            return {"trouble": error.message}

    def _observations(self) -> Sequence[Mapping[str, Any]]:
        try:
            return self._archive.observations()
        except SealwireError:
            # That it is away is told in its own place.
            return ()

    def _ends(self) -> Positions:
        """Where each slot's durable part ends; without receivers, as far as was counted."""
        return {**self._restored().positions, **self._receivers.positions()}


def _missing(recovery: Recovery, counted: Position) -> Event:
    info = f"counted to {counted.offset} of file {counted.file}, the journal ends before"
    return journal_recovered(f"{recovery.slot}/{recovery.end.file:012d}", cut_bytes=0, info=info)


def _received(message: ReceivedMessage) -> int:
    return message.received_ns
