"""What the sensor tells its receivers, and what they tell it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sealwire.sensor.admission import NamedSender
    from sealwire.sensor.journal import Position, Recovery
    from sealwire.sensor.statistics import TlsFailure


class ClientCertificate(StrEnum):
    """Whether a sender must show a certificate."""

    OFF = "off"
    WANTED = "wanted"
    """May be absent; one that is shown must hold."""
    REQUIRED = "required"


class Transport(StrEnum):
    """What a port speaks. Only TLS says who sends; the others are for those who cannot."""

    TLS = "tls"
    TCP = "tcp"
    UDP = "udp"


@dataclass(frozen=True, slots=True)
class TlsMaterial:
    """What a listener needs for TLS.

    ``identities``: chain (leaf first) and private key, both PEM, one pair for each key type.
    ``trust_anchors``: PEM certificates of those who may sign senders' certificates, root or not.
    ``revocation``: revocation lists, each with its stale policy (``x509.revocation.guard_of``).
    ``legacy_cbc``: offer TLS_RSA_WITH_AES_128_CBC_SHA too, behind all others (RFC 9662 section 4).
    ``senders``: who was named by the operator, and what was said of them.
    """

    identities: tuple[tuple[str, str], ...]
    client_certificate: ClientCertificate
    trust_anchors: str = ""
    revocation: tuple[tuple[bytes, str], ...] = ()
    legacy_cbc: bool = False
    senders: tuple[NamedSender, ...] = ()


@dataclass(frozen=True, slots=True)
class ListenerState:
    """One port that receives."""

    port: int
    open: bool
    transport: Transport = Transport.TLS


class Receivers(Protocol):
    """The receiver workers, as the sensor sees them. Safe to call from any thread."""

    def listeners(self) -> Sequence[ListenerState]:
        """TLS ports, then plain TCP and UDP, each in the order of the configuration."""
        ...

    def positions(self) -> Mapping[int, Position]:
        """How far each slot of the journal is durable."""
        ...

    def connections(self) -> int:
        """How many are open, those in their handshake among them; some tenths of a second old."""
        ...

    def reload(self, material: TlsMaterial) -> None:
        """Use ``material`` for new connections from now on; those that stand live on.

        Raises RefusedError ``tls.material`` when TLS cannot be set up with it; nothing changes.
        """
        ...


class ReceiverObserver(Protocol):
    """Hears what happens to receivers. Called from the pool's threads; must not raise."""

    def slot_recovered(self, recovery: Recovery) -> None:
        """A slot was opened; ``recovery`` says what was cut or found damaged."""
        ...

    def worker_lost(self, slot: int, reason: str) -> None:
        """A worker died and is being started again."""
        ...

    def connections_refused(self, failures: Sequence[TlsFailure]) -> None:
        """These did not get through TLS, summed up over a short while."""
        ...

    def journal_trouble(self, slot: int, trouble: str | None) -> None:
        """The journal cannot be written, receiving pauses; None: it goes on."""
        ...

    def receiver_alarm(self, slot: int, code: str, text: str) -> None:
        """Something a person should know, such as that no more connections are accepted."""
        ...

    def moment_passed(self) -> None:
        """Called about every second, from a thread of its own, for work that may wait."""
        ...
