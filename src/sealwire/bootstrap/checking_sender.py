"""A small syslog sender that checks the server's certificate as careful senders do."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

from sealwire.syslog.framing import encode_octet_frame

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def send_checked(port: int, server_name: str, roots: Path, messages: Sequence[bytes]) -> None:
    """Send over TLS (RFC 5425) to 127.0.0.1; raises ssl.SSLCertVerificationError like any sender.

    Closes in good order: close_notify, then reads until the peer has closed as well.
    """
    context = ssl.create_default_context(cafile=str(roots))
    context.hostname_checks_common_name = False
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=server_name) as tls,
    ):
        tls.sendall(b"".join(encode_octet_frame(message) for message in messages))
        tls.unwrap()
