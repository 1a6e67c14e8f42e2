"""Alarms about senders that have fallen silent: when to raise them, and what is audited.

Who is silent is kept in the store together with the audit events, so that each silence is audited
once when it begins and once when it ends, whatever restarts lie between.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from sealwire.audit.events import EventName
from sealwire.audit.node_events import source_heard, source_silent
from sealwire.sensor.installation import TRAIL, SensorCases
from sealwire.sensor.silence import (
    Moment,
    SilencePolicy,
    senders,
    silence_document,
    silence_from,
    silence_text,
    silent_now,
)
from sealwire.sensor.statistics import time_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sealwire.audit.events import Event
    from sealwire.sensor.ports import SensorTx
    from sealwire.sensor.silence import Heard, Sender
    from sealwire.sensor.statistics import Statistics

LOOK_EVERY: Final = 5.0
SETTLING: Final = 300.0
"""Seconds after a start in which nobody falls silent: senders may have to connect again."""
SILENT: Final = "source_silent"
_MOST_ALARMS: Final = 20
_MOST_AT_ONCE: Final = 200


class SilenceCases(SensorCases):
    """Hours of silence that are borne, and who has been silent for longer."""

    def silence(self) -> SilencePolicy:
        """After how long an alarm is raised."""
        with self._guard:
            known = self._happenings.silence.policy
        if known is None:
            known = self._store.read(self._silence_policy)
            with self._guard:
                self._happenings.silence.policy = known
        return known

    def set_silence(self, actor: str, hours: float, address: str | None = None) -> SilencePolicy:
        """Choose the hours (0: never an alarm) for ``address``, or for all without their own.

        Raises RefusedError ``silence.hours``, ``silence.address``, ``silence.too_many``.
        """

        def use_case(tx: SensorTx) -> SilencePolicy:
            policy = self._silence_policy(tx).having(hours, address)
            details = {"hours": f"{hours:g}", "source": address or "every source"}
            return self._put_silence(tx, actor, policy, "silence", details)

        return self._know_silence(self._store.run(use_case))

    def remove_silence(self, actor: str, address: str) -> SilencePolicy:
        """The general hours count for ``address`` again. Raises NotFoundError."""

        def use_case(tx: SensorTx) -> SilencePolicy:
            policy = self._silence_policy(tx).without(address)
            return self._put_silence(tx, actor, policy, "silence-remove", {"source": address})

        return self._know_silence(self._store.run(use_case))

    def _silence_policy(self, tx: SensorTx) -> SilencePolicy:
        document = tx.setting(self._setting("silence"))
        return SilencePolicy() if document is None else silence_from(json.loads(document))

    def _put_silence(
        self,
        tx: SensorTx,
        actor: str,
        policy: SilencePolicy,
        operation: str,
        details: Mapping[str, str],
    ) -> SilencePolicy:
        tx.put_setting(self._setting("silence"), json.dumps(silence_document(policy)))
        self._changed(tx, EventName.LISTENER_CHANGE, actor, operation, details)
        return policy

    def _know_silence(self, policy: SilencePolicy) -> SilencePolicy:
        with self._guard:
            self._happenings.silence.policy = policy
            self._happenings.silence.looked_at = None
        return policy

    def _look_for_silence(self) -> None:
        """Raise and end alarms. Called without the guard; raises UnavailableError."""
        policy = self.silence()
        with self._guard:
            silence, now = self._happenings.silence, self._clock.monotonic()
            if silence.since is None:
                silence.since = now
            if silence.looked_at is not None and now - silence.looked_at < LOOK_EVERY:
                return
            silence.looked_at = now
            statistics = self._happenings.statistics
            heard = {} if statistics is None else senders(statistics.sources.values())
            settled = now - silence.since >= SETTLING
        found = silent_now(heard, policy, self._moment())
        known = self._silent()
        kept = {one: last for one, last in found.items() if settled or one in known}
        if kept.keys() != known.keys():
            self._keep_silent(known, kept, heard)

    def _keep_silent(
        self,
        known: Mapping[Sender, int],
        found: Mapping[Sender, int],
        heard: Mapping[Sender, Heard],
    ) -> None:
        """Record what began and what ended, and who is silent now, together."""
        begun = [one for one in found if one not in known][:_MOST_AT_ONCE]
        ended = [one for one in known if one not in found]
        now = self._moment()
        events: list[Event] = []
        for sender in begun:
            text = silence_text(sender, heard[sender].silent_ns(now))
            events.append(source_silent(*sender, time_text(found[sender]), info=text))
        for sender in ended:
            last = heard[sender].last_ns if sender in heard else known[sender]
            again = last != known[sender]
            info = "it sends again" if again else "its silence is borne now"
            events.append(source_heard(*sender, time_text(last), info))
        silent = {one: last for one, last in known.items() if one in found}
        silent |= {one: found[one] for one in begun}

        def use_case(tx: SensorTx) -> None:
            rows = [[*one, last] for one, last in silent.items()]
            tx.put_setting(self._setting("silent_sources"), json.dumps(rows))
            for event in events:
                self._recorder.record(tx, TRAIL, event)

        self._store.run(use_case)
        with self._guard:
            self._happenings.silence.silent = silent

    def _silent(self) -> Mapping[Sender, int]:
        """Who was silent at the last look, and when it sent last."""
        with self._guard:
            known = self._happenings.silence.silent
        if known is None:
            setting = self._setting("silent_sources")
            document = self._store.read(lambda tx: tx.setting(setting))
            rows = [] if document is None else json.loads(document)
            known = {(address, subject): last for address, subject, last in rows}
            with self._guard:
                self._happenings.silence.silent = known
        return known

    def _silence_alarms(
        self, silent: Mapping[Sender, int], statistics: Statistics
    ) -> list[dict[str, Any]]:
        """One alarm for each that is silent, the longest first; many are summed up."""
        if not silent:
            return []
        now, heard = self._moment(), senders(statistics.sources.values())
        lengths = {
            sender: heard[sender].silent_ns(now) if sender in heard else now.now_ns - last
            for sender, last in silent.items()
        }
        ordered = sorted(silent, key=lambda sender: -lengths[sender])
        found = [
            _alarm(silence_text(sender, lengths[sender]), silent[sender])
            for sender in ordered[:_MOST_ALARMS]
        ]
        if rest := ordered[_MOST_ALARMS:]:
            found.append(_alarm(f"{len(rest)} more sources are silent", silent[rest[-1]]))
        return found

    def _moment(self) -> Moment:
        return Moment(self._clock.now_ns(), self._clock.monotonic())


def _alarm(text: str, last_ns: int) -> dict[str, Any]:
    return {"code": SILENT, "text": text, "last_seen": time_text(last_ns), "over": False}
