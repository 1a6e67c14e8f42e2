"""The pool of receiver workers that a configuration asks for. Light: it is made first of all."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING, Final

from sealwire.net.limits import ReceiverLimits
from sealwire.net.pool_settings import PoolSettings
from sealwire.net.workers import ReceiverPool
from sealwire.stores.journal.recovery import JournalRecovery

if TYPE_CHECKING:
    from pathlib import Path

    from sealwire.clock import Clock
    from sealwire.config.node import NodeConfig
    from sealwire.config.receiving import ReceivingSettings

_MEGABYTE: Final = 1024 * 1024


def receiver_pool(config: NodeConfig, journal: Path, clock: Clock) -> ReceiverPool:
    """Not yet bound, not yet started."""
    settings = PoolSettings(
        journal=journal,
        sensor=config.sensor_name,
        ports=config.tls_ports,
        tcp_ports=config.tcp_ports,
        udp_ports=config.udp_ports,
        host=config.listen,
        workers=config.receivers,
    )
    settings = replace(settings, limits=_share(config.receiving, len(settings.slots)))
    return ReceiverPool(settings, JournalRecovery(journal), clock)


def _share(settings: ReceivingSettings, workers: int) -> ReceiverLimits:
    """One worker's part of the totals; what one address may have is the same for each."""
    return ReceiverLimits(
        max_message=settings.max_message,
        connections=ceil(settings.connections / workers),
        handshakes=ceil(settings.handshakes / workers),
        source_connections=settings.connections_per_source,
        source_handshakes=settings.handshakes_per_source,
        buffered_bytes=ceil(settings.buffered_megabytes * _MEGABYTE / workers),
        source_buffered_bytes=settings.buffered_megabytes_per_source * _MEGABYTE,
        handshake_seconds=settings.handshake_seconds,
        first_message_seconds=settings.first_message_seconds,
        message_seconds=settings.message_seconds,
        idle_seconds=settings.idle_seconds,
    )
