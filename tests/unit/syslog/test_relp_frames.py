"""What a journalled RELP run holds."""

from __future__ import annotations

from sealwire.syslog.framing import messages_of
from sealwire.syslog.kinds import Kind
from sealwire.syslog.relp_frames import encode_relp_frame, relp_run


def test_a_run_gives_messages_and_their_numbers() -> None:
    messages = [b"<14>one", b"<14>two\nlines 3 syslog 1 x\n", b"", b"\0\xff"]
    data = b"".join(
        encode_relp_frame(txnr, b"syslog", message) for txnr, message in enumerate(messages, 2)
    )
    assert relp_run(data) == (messages, [2, 3, 4, 5], False)
    assert list(messages_of(Kind.RELP, data)) == messages


def test_a_close_is_a_run_without_messages() -> None:
    assert relp_run(encode_relp_frame(7, b"close")) == ([], [], True)
    assert list(messages_of(Kind.RELP, encode_relp_frame(7, b"close"))) == []
