"""Whether a server that does not answer TLS takes syslog without it.

A TLS server refuses such bytes at once, with an alert or by closing; a plain syslog receiver takes
them without a word. The message names nobody: it goes over the network as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.syslog.framing import encode_octet_frame

if TYPE_CHECKING:
    import socket

TLS_RECORDS: Final = frozenset(range(0x14, 0x19))
_WAIT_S: Final = 0.5
_MESSAGE: Final = encode_octet_frame(b"<110>1 - - sealwire-doctor - - - is this port plain text?")


def takes_plain_text(connection: socket.socket) -> bool:
    """Send one message as it is, and see whether the connection stands."""
    try:
        connection.settimeout(_WAIT_S)
        connection.sendall(_MESSAGE)
        answer = connection.recv(16)
    except TimeoutError:
        return True
    except OSError:
        return False
    return bool(answer) and answer[0] not in TLS_RECORDS
