"""Bounds of one receiver worker."""

from __future__ import annotations

from dataclasses import dataclass

from sealwire.syslog.framing import DEFAULT_MAX_MESSAGE


@dataclass(frozen=True, slots=True)
class ReceiverLimits:
    """What one worker bears. Seconds, bytes, numbers of connections.

    ``undurable_bytes``: with more than this not yet on the disk nothing is read.
    ``nap``: how long to let bytes gather when little came in a turn.
    ``source_...``: what one address may have in this worker. ``buffered_bytes``: of messages that
    are not complete yet. ``first_message_seconds``: for a connection that never sent anything;
    ``message_seconds``: for a message that was begun, however its bytes trickle;
    ``idle_seconds``: since the last byte. ``farewell_seconds``: for what is still on its way
    after the sensor's close_notify.
    """

    max_message: int = DEFAULT_MAX_MESSAGE
    connections: int = 10_000
    handshakes: int = 1_000
    source_connections: int = 10_000
    source_handshakes: int = 1_000
    buffered_bytes: int = 128 * 1024 * 1024
    source_buffered_bytes: int = 32 * 1024 * 1024
    handshake_seconds: float = 10.0
    first_message_seconds: float = 3_600.0
    message_seconds: float = 120.0
    idle_seconds: float = 86_400.0
    farewell_seconds: float = 5.0
    undurable_bytes: int = 32 * 1024 * 1024
    block_bytes: int = 1024 * 1024
    commit_seconds: float = 0.015
    nap: float = 0.004
