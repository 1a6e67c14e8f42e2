"""One sensor: what its use cases share."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sealwire.audit.events import SYSTEM, Outcome, config_change
from sealwire.audit.node_events import identity_installed
from sealwire.errors import NotFoundError, SealwireError
from sealwire.identity.request_check import NoLookup
from sealwire.sensor.admission import sender_from
from sealwire.sensor.alarms import Raised, raised
from sealwire.sensor.no_archive import NoArchive
from sealwire.sensor.policy import ArchivePolicy
from sealwire.sensor.policy_documents import policy_from
from sealwire.sensor.receiving import ClientCertificate, TlsMaterial
from sealwire.sensor.shelf import EmptyShelf

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from cryptography.x509 import Certificate

    from sealwire.audit.events import Event, EventName
    from sealwire.audit.ports import Store
    from sealwire.audit.recorder import Recorder
    from sealwire.clock import Clock, RandomSource
    from sealwire.identity.ports import KeyStore
    from sealwire.identity.request_check import NameLookup
    from sealwire.sensor.admission import NamedSender
    from sealwire.sensor.archive import RecordArchive
    from sealwire.sensor.journal import JournalReader, Position
    from sealwire.sensor.ports import SensorTx
    from sealwire.sensor.receiving import Receivers
    from sealwire.sensor.shelf import SegmentShelf
    from sealwire.sensor.silence import Sender, SilencePolicy
    from sealwire.sensor.statistics import Statistics

TRAIL: Final = "sensor"
IDENTITY_ALARM: Final = "identity_broken"
"""The certificate in the store could not be put into use."""


@dataclass(frozen=True, slots=True)
class Installation:
    """Which sensor this is.

    ``name``: its identity is ``sensor:<name>``. ``host_names``: the machine's names and addresses,
    for the first certificate's SAN. ``default_trust``: PEM of the anchors for senders'
    certificates until an anchor is chosen. ``known_roots``: where the sensor's own chain may end.
    ``revocation``: the revocation lists in force, as ``TlsMaterial`` wants them. ``lookup``: DNS.
    ``legacy_cbc``: see ``TlsMaterial``.
    """

    name: str
    host_names: tuple[str, ...]
    default_trust: Callable[[], str] = str
    known_roots: Callable[[], Sequence[Certificate]] = tuple
    revocation: Callable[[], tuple[tuple[bytes, str], ...]] = tuple
    lookup: NameLookup = field(default_factory=NoLookup)
    legacy_cbc: bool = False


@dataclass(frozen=True, slots=True)
class Reception:
    """The running side of a sensor.

    ``guard`` lets one caller at a time count and read the journal (a lock). ``archive``: the store
    process. ``shelf``: what it has stored, as its chain says.
    """

    receivers: Receivers
    journal: JournalReader
    guard: AbstractContextManager[object]
    archive: RecordArchive = field(default_factory=NoArchive)
    shelf: SegmentShelf = field(default_factory=EmptyShelf)


@dataclass(slots=True)
class Silence:
    """Who has fallen silent, as far as it was looked at. Times are monotonic seconds.

    ``silent``: who is, and when it sent last (ns since 1970); None: not read yet.
    """

    policy: SilencePolicy | None = None
    silent: Mapping[Sender, int] | None = None
    since: float | None = None
    looked_at: float | None = None


@dataclass(slots=True)
class Happenings:
    """What has happened and is not in the store yet. Touched only with the guard held.

    ``troubles``: by slot, why its journal cannot be written. ``alarms``: by code.
    ``saved``: how far the counters that are kept had counted. ``followed``: slots that were counted
    in this run.
    ``policy_changes``: how often the policy was changed, so that an older one is not kept.
    ``deletions_recorded``: number of the last manifest whose deletion stands in the trail.
    """

    statistics: Statistics | None = None
    saved: dict[int, Position] = field(default_factory=dict)
    followed: set[int] = field(default_factory=set)
    policy: ArchivePolicy | None = None
    policy_changes: int = 0
    deletions_recorded: int | None = None
    unsaved: bool = False
    saved_at: float | None = None
    troubles: dict[int, str] = field(default_factory=dict)
    alarms: dict[str, Raised] = field(default_factory=dict)
    unrecorded: list[Event] = field(default_factory=list)
    silence: Silence = field(default_factory=Silence)


class SensorCases:
    """Base of the use cases. Safe to call from any thread."""

    def __init__(
        self,
        store: Store[SensorTx],
        keys: KeyStore,
        recorder: Recorder,
        clock: Clock,
        random: RandomSource,
        *,
        installation: Installation,
        reception: Reception,
    ) -> None:
        self._store = store
        self._keys = keys
        self._recorder = recorder
        self._clock = clock
        self._random = random
        self._name = installation.name
        self._host_names = installation.host_names
        self._default_trust = installation.default_trust
        self._known_roots = installation.known_roots
        self._revocation = installation.revocation
        self._lookup = installation.lookup
        self._legacy_cbc = installation.legacy_cbc
        self._receivers = reception.receivers
        self._journal = reception.journal
        self._guard = reception.guard
        self._archive = reception.archive
        self._shelf = reception.shelf
        self._happenings = Happenings()

    @property
    def name(self) -> str:
        """The sensor's name."""
        return self._name

    @property
    def identity(self) -> str:
        """The identity's name in the store."""
        return f"sensor:{self._name}"

    def tls_material(self) -> TlsMaterial:
        """What the listeners use now. Raises NotFoundError before the first identity is made."""
        default_trust, revocation = self._default_trust(), self._revocation()

        def query(tx: SensorTx) -> TlsMaterial:
            installed = tx.installed_identity(self.identity)
            if installed is None:
                raise NotFoundError("identity.absent", "the sensor has no certificate yet")
            key_pem = self._keys.load_key(installed.key_id).decode("ascii")
            trust = self._trust(tx, default_trust)
            return TlsMaterial(
                ((installed.chain_pem, key_pem),),
                self._mode(tx, trust),
                "".join(trust),
                revocation,
                self._legacy_cbc,
                tuple(self._named_senders(tx)),
            )

        return self._store.read(query)

    def reload(self) -> None:
        """Have the receivers use what is in the store; connections that stand live on.

        When that cannot be, they go on with what they have: an alarm says so, and it is recorded.
        Raises what ``tls_material`` and ``Receivers.reload`` raise.
        """
        try:
            self._use_now()
        except SealwireError as fault:
            text = f"{fault.message} What was in use before stays in use."
            self._raise_alarm(text)
            event = identity_installed(SYSTEM, Outcome.FAILURE, identity=self.identity, info=text)
            with self._guard:
                self._happenings.unrecorded.append(event)
            raise

    def _use_now(self) -> None:
        self._receivers.reload(self.tls_material())
        with self._guard:
            self._happenings.alarms.pop(IDENTITY_ALARM, None)

    def _raise_alarm(self, text: str) -> None:
        with self._guard:
            self._happenings.alarms[IDENTITY_ALARM] = raised(text, self._clock)

    def _setting(self, name: str) -> str:
        return f"sensor.{self._name}.{name}"

    def _mode(self, tx: SensorTx, trust: Sequence[str]) -> ClientCertificate:
        """As chosen; else certificates are judged when there is somebody to vouch for them."""
        document = tx.setting(self._setting("client_certificate"))
        if document is not None:
            return ClientCertificate(json.loads(document))
        return ClientCertificate.WANTED if trust else ClientCertificate.OFF

    def _trust(self, tx: SensorTx, default_trust: str) -> list[str]:
        """The anchors' certificates, each PEM."""
        document = tx.setting(self._setting("trust_anchors"))
        if document is not None:
            return [str(pem) for pem in json.loads(document)]
        return [default_trust] if default_trust else []

    def _named_senders(self, tx: SensorTx) -> list[NamedSender]:
        """Whom the operator has named."""
        document = tx.setting(self._setting("senders"))
        return [] if document is None else [sender_from(one) for one in json.loads(document)]

    def _kept_policy(self, tx: SensorTx) -> ArchivePolicy:
        """Retention, holds and claims as they are kept."""
        document = tx.setting(self._setting("archive_policy"))
        return ArchivePolicy() if document is None else policy_from(json.loads(document))

    def _policy_changed(self) -> None:
        """Have the store process told, at its link's next look."""
        with self._guard:
            self._happenings.policy = None
            self._happenings.policy_changes += 1

    def _changed(
        self,
        tx: SensorTx,
        name: EventName,
        actor: str,
        operation: str,
        details: Mapping[str, str],
    ) -> None:
        parameters = {"Scope": "sensor", "Operation": operation, "Resource": self._name, **details}
        self._recorder.record(tx, TRAIL, config_change(name, actor, Outcome.SUCCESS, parameters))
