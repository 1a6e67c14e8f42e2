"""Connections that end after each byte of a frame: what is stored as whole is whole."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from sealwire.sensor.receiving import Transport
from sealwire.syslog.framing import encode_octet_frame
from sealwire.syslog.kinds import Kind
from sealwire.syslog.relp_frames import encode_relp_frame
from tests.flow.authority import LOOPBACK
from tests.flow.reception import Receivers, eventually, material
from tests.flow.relp_client import OFFERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.flow.authority import PeerAuthority

SIZES = (9, 60, 130)
"""Of a message; its count has one, two or three digits."""
MARK = b"<14>1 - "


@pytest.fixture(scope="module")
def receivers(
    tmp_path_factory: pytest.TempPathFactory, peer_authority: PeerAuthority
) -> Iterator[Receivers]:
    folder: Path = tmp_path_factory.mktemp("cut")
    server = peer_authority.issue("sensor.example.test")
    with Receivers(folder / "journal", material(server), plain=True) as running:
        yield running


def relp(message: bytes, txnr: int) -> bytes:
    opening = encode_relp_frame(1, b"open", OFFERS) if txnr == 2 else b""
    return opening + encode_relp_frame(txnr, b"syslog", message)


FRAMINGS: dict[str, Callable[[bytes, int], bytes]] = {
    "octets": lambda message, _: encode_octet_frame(message),
    "lines": lambda message, _: message + b"\n",
    "nul": lambda message, _: message + b"\0",
    "relp": relp,
}


def stored(receivers: Receivers, framing: str) -> list[tuple[bytes, Kind]]:
    received = receivers.received()
    return [(one.message, one.kind) for one in received if framing.encode() in one.message[:20]]


@pytest.mark.parametrize("framing", FRAMINGS)
def test_no_piece_of_a_frame_is_stored_as_a_message(receivers: Receivers, framing: str) -> None:
    frame = FRAMINGS[framing]
    port = receivers.plain_port(Transport.TCP)
    whole: list[bytes] = []
    for size in SIZES:
        first, second = (
            MARK + b"%b %d " % (framing.encode(), size) + each for each in (b"a", b"b")
        )
        second = second.ljust(max(size, len(second)), b".")
        begin, end = frame(first, 2), frame(second, 3)
        for cut in range(len(end) + 1):
            with socket.create_connection((LOOPBACK, port), 20) as connection:
                connection.sendall(begin + end[:cut])
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    """Until the sensor has taken all and closes too."""
            whole += [first, second] if cut == len(end) else [first]

    def kept() -> list[bytes]:
        return [m for m, kind in stored(receivers, framing) if kind is not Kind.UNTERMINATED]

    eventually(lambda: len(kept()) >= len(whole), "all whole messages")
    assert sorted(kept()) == sorted(whole)
    # A line without its end may be all that its sender wrote: it is kept, and flagged as such.
    pieces = [m for m, kind in stored(receivers, framing) if kind is Kind.UNTERMINATED]
    assert framing in ("lines", "nul") or not pieces
