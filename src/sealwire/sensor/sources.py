"""Who sent, over what, how much: the counters of one source."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sealwire.sensor.rates import Rate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sealwire.sensor.journal import Connection

OTHER: Final = "other"
"""Address under which those are summed up that are too many to be told apart."""
MOST_CHANNELS: Final = 64
"""Of one source."""

_SET_BACK_NS: Final = 60_000_000_000
"""Receivers' blocks may be counted in another order than they arrived in; not by so much."""


class Channel(NamedTuple):
    """What something came over; ``port`` is the listener's.

    Without TLS its version and cipher are empty. One whose transport is ``OTHER`` stands for those
    beyond ``MOST_CHANNELS``.
    """

    transport: str
    port: int
    tls_version: str
    cipher: str


_OTHER_CHANNEL: Final = Channel(OTHER, 0, "", "")


@dataclass(slots=True)
class Amount:
    """Messages and their bytes, framing included."""

    packets: int = 0
    bytes: int = 0

    def add(self, packets: int, length: int) -> None:
        """Count these too."""
        self.packets += packets
        self.bytes += length


@dataclass(slots=True)
class Source:
    """What came from one address with one certificate. Bytes include framing.

    ``first_ns`` and ``last_ns``: receipt of the first and the last that was counted. ``heard_at``:
    monotonic seconds of the last that came in this run. ``channels`` counts from this release on:
    what an older one counted stands in ``packets`` and ``bytes`` only.
    """

    address: str
    certificate_sha256: str | None
    certificate_subject: str | None
    packets: int = 0
    bytes: int = 0
    last_ns: int = 0
    first_ns: int = 0
    channels: dict[Channel, Amount] = field(default_factory=dict)
    rate: Rate = field(default_factory=Rate, compare=False)
    heard_at: float | None = field(default=None, compare=False)

    def add(
        self,
        connection: Connection,
        packets: int,
        length: int,
        received_ns: int,
        heard_at: float | None = None,
    ) -> None:
        """Count what one total or run says; ``heard_at`` None: it may have come in an older run."""
        self.packets += packets
        self.bytes += length
        if heard_at is not None and heard_at != self.heard_at:
            self.heard_at = heard_at
            if received_ns < self.last_ns - _SET_BACK_NS:
                # The clock was set back, and is believed: for how long it has sent stays true.
                self.first_ns, self.last_ns = received_ns - (self.last_ns - self.first_ns), 0
        self.last_ns = max(self.last_ns, received_ns)
        self.first_ns = min(self.first_ns or received_ns, received_ns)
        self.amount(_channel_of(connection)).add(packets, length)
        self.rate.add(packets, length, received_ns)

    def amount(self, channel: Channel) -> Amount:
        """What came over ``channel``."""
        found = self.channels.get(channel)
        if found is None:
            if len(self.channels) >= MOST_CHANNELS:
                channel = _OTHER_CHANNEL
            found = self.channels.setdefault(channel, Amount())
        return found

    def row(self) -> list[Any]:
        """All of it but the rate, in values that JSON has."""
        channels = [[*one, amount.packets, amount.bytes] for one, amount in self.channels.items()]
        return [
            self.address,
            self.certificate_sha256,
            self.certificate_subject,
            self.packets,
            self.bytes,
            self.last_ns,
            self.first_ns,
            channels,
        ]


def source_from(row: list[Any]) -> Source:
    """The source that ``Source.row`` wrote, or an older release (without first time, channels)."""
    first_ns, channels = row[6:] or (row[5], [])
    source = Source(*row[:6])
    source.first_ns = first_ns
    for *channel, packets, length in channels:
        source.channels[Channel(*channel)] = Amount(packets, length)
    return source


def channel_documents(sources: Iterable[Source]) -> dict[str, Any]:
    """What came over which protocol, port and TLS; the keys of ``sensor stats``.

    ``transports`` {``tls``: {``packets``, ``bytes``}}, ``listeners`` {port: the same}, ``tls``
    [{``version``, ``cipher``, ``packets``, ``bytes``}], the most first.
    """
    transports: dict[str, Amount] = {}
    ports: dict[str, Amount] = {}
    tls: dict[tuple[str, str], Amount] = {}
    for source in sources:
        for channel, amount in source.channels.items():
            counted = amount.packets, amount.bytes
            transports.setdefault(channel.transport, Amount()).add(*counted)
            ports.setdefault(str(channel.port), Amount()).add(*counted)
            if channel.tls_version:
                key = channel.tls_version, channel.cipher
                tls.setdefault(key, Amount()).add(*counted)
    return {
        "transports": _amounts(transports),
        "listeners": _amounts(ports),
        "tls": [
            {"version": version, "cipher": cipher, "packets": one.packets, "bytes": one.bytes}
            for (version, cipher), one in sorted(tls.items(), key=lambda item: -item[1].packets)
        ],
    }


def _amounts(amounts: Mapping[str, Amount]) -> dict[str, dict[str, int]]:
    return {
        name: {"packets": one.packets, "bytes": one.bytes} for name, one in sorted(amounts.items())
    }


def _channel_of(connection: Connection) -> Channel:
    return Channel(
        connection.transport, connection.listener_port, connection.tls_version, connection.cipher
    )
