"""A destination's states, and what moves it between them, as data."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sealwire.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Mapping


class State(StrEnum):
    """Where a destination stands."""

    STOPPED = "stopped"
    CONNECTING = "connecting"
    HANDSHAKING = "handshaking"
    PROVING = "proving"  # TLS 1.3: our handshake is done, the server may still refuse us
    STREAMING = "streaming"
    DRAINING = "draining"  # told to stop: nothing new is sent, acknowledgements are awaited
    CLOSING = "closing"  # close_notify sent, the peer's is awaited
    BACKING_OFF = "backing-off"
    REFUSED = "refused"  # backing off after what a retry alone will not heal


class Signal(StrEnum):
    """What moves a destination from state to state."""

    START = "start"
    CONNECTED = "connected"
    HANDSHAKEN = "handshaken"
    PROVEN = "proven"
    FAILED = "failed"
    REFUSAL = "refusal"
    RETRY = "retry"
    STOP = "stop"
    DRAINED = "drained"
    ENDED = "ended"


_TRANSITIONS: Final[Mapping[State, Mapping[Signal, State]]] = {
    State.STOPPED: {Signal.START: State.CONNECTING, Signal.STOP: State.STOPPED},
    State.CONNECTING: {
        Signal.CONNECTED: State.HANDSHAKING,
        Signal.FAILED: State.BACKING_OFF,
        Signal.REFUSAL: State.REFUSED,
        Signal.STOP: State.STOPPED,
    },
    State.HANDSHAKING: {
        Signal.HANDSHAKEN: State.PROVING,
        Signal.FAILED: State.BACKING_OFF,
        Signal.REFUSAL: State.REFUSED,
        Signal.STOP: State.STOPPED,
    },
    State.PROVING: {
        Signal.PROVEN: State.STREAMING,
        Signal.FAILED: State.BACKING_OFF,
        Signal.REFUSAL: State.REFUSED,
        Signal.STOP: State.DRAINING,
    },
    State.STREAMING: {
        Signal.FAILED: State.BACKING_OFF,
        Signal.REFUSAL: State.REFUSED,
        Signal.STOP: State.DRAINING,
    },
    State.DRAINING: {
        Signal.DRAINED: State.CLOSING,
        Signal.STOP: State.DRAINING,
        Signal.FAILED: State.STOPPED,
        Signal.REFUSAL: State.STOPPED,
        Signal.ENDED: State.STOPPED,
    },
    State.CLOSING: {
        Signal.STOP: State.CLOSING,
        Signal.FAILED: State.STOPPED,
        Signal.REFUSAL: State.STOPPED,
        Signal.ENDED: State.STOPPED,
    },
    State.BACKING_OFF: {Signal.RETRY: State.CONNECTING, Signal.STOP: State.STOPPED},
    State.REFUSED: {Signal.RETRY: State.CONNECTING, Signal.STOP: State.STOPPED},
}


def successor(state: State, signal: Signal) -> State:
    """Where ``signal`` leads from ``state``. Raises ConflictError when it is not possible there."""
    following = _TRANSITIONS[state].get(signal)
    if following is None:
        raise ConflictError("forwarder.transition", f"{signal} is not possible while {state}")
    return following
