"""Named senders on live receivers: who is not named is refused by name, framing as was said."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from sealwire.sensor.admission import checked_sender
from sealwire.sensor.receiving import ClientCertificate, Transport
from tests.flow.reception import Receivers, Sender, material

if TYPE_CHECKING:
    from pathlib import Path

    from tests.flow.authority import PeerAuthority

FRAME = b"10 <14>hello!"


def test_only_named_certificates_come_in_and_each_is_read_as_was_said(
    peer_authority: PeerAuthority, tmp_path: Path
) -> None:
    server = peer_authority.issue("receiver")
    known, stranger = (
        peer_authority.issue(name, names=[name])
        for name in ("known.example.test", "stranger.example.test")
    )
    tls = material(server, ClientCertificate.REQUIRED, [peer_authority.ca])
    named = checked_sender(
        "known", san="known.example.test", fingerprint=None, network=None, framing="nul"
    )
    with Receivers(tmp_path / "journal", replace(tls, senders=(named,))) as receivers:
        with Sender(receivers.port, peer_authority, client=known) as sender:
            sender.send(b"<14>one\ntwo\0" + FRAME + b"\0").end()
        assert receivers.expect(2) == [b"<14>one\ntwo", FRAME]
        # Seen as an end in good order or as a reset: what was sent may be on its way still.
        with (
            Sender(receivers.port, peer_authority, client=stranger) as sender,
            suppress(OSError),
        ):
            assert sender.send(FRAME).socket.recv(1) == b""
        failure = receivers.expect_failure("not_admitted")
        assert "none of the senders that were admitted" in failure.detail
        assert receivers.count() == 2
        receivers.pool.reload(tls)
        with Sender(receivers.port, peer_authority, client=stranger) as sender:
            sender.send(FRAME).end()
        assert receivers.expect(3)[-1] == b"<14>hello!"
        last = receivers.received()[-1].connection
        assert last.certificate_names == ("stranger.example.test",)


def test_an_address_that_is_said_to_send_lines_never_counts_octets(
    peer_authority: PeerAuthority, tmp_path: Path
) -> None:
    tls = material(peer_authority.issue("receiver"))
    lines = checked_sender("l", san=None, fingerprint=None, network="127.0.0.1", framing="lines")
    folder = tmp_path / "journal"
    with Receivers(folder, replace(tls, senders=(lines,)), plain=True) as receivers:
        assert receivers.plain_port(Transport.TCP)
        with Sender(receivers.port, peer_authority) as sender:
            sender.send(FRAME + b"\n").end()
        assert receivers.expect(1) == [FRAME]
