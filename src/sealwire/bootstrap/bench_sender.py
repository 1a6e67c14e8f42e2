"""One connection of ``sealwire bench ingest``: a process of its own, with little but the library.

Arguments: port, number of the connection, messages, bytes of each, messages in a TLS record.
Prints ``connected``, waits for a line, sends, and ends when the sensor has said goodbye.
"""

from __future__ import annotations

import socket
import ssl
import sys
from typing import Final

SAMPLE: Final = (
    "<134>1 2026-01-02T03:04:05.000006Z bench-{connection} sealwire-bench {connection} -"
    ' [meta sequenceId="{number}"]'
    " Accepted publickey for user{user} from 192.0.2.{host} port {port}"
)


def message(connection: int, number: int, size: int) -> bytes:
    """One of ``size`` bytes or a few more; no two of a connection are alike."""
    text = SAMPLE.format(
        connection=connection,
        number=number,
        user=number % 97,
        host=number % 251,
        port=1024 + number % 60_000,
    )
    return text.ljust(size, ".").encode("ascii")


def records(connection: int, count: int, size: int, batch: int) -> list[bytes]:
    """Octet-counted messages, so many in each piece that is written at once."""
    frames = [
        b"%d %s" % (len(made), made)
        for made in (message(connection, number, size) for number in range(1, count + 1))
    ]
    return [b"".join(frames[at : at + batch]) for at in range(0, count, batch)]


def main(arguments: list[str]) -> None:
    """Send."""
    port, connection, count, size, batch = map(int, arguments)
    pieces = records(connection, count, size, batch)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # The scratch sensor has the certificate that it made for itself a moment ago.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port), timeout=600) as plain,
        context.wrap_socket(plain) as tls,
    ):
        sys.stdout.write("connected\n")
        sys.stdout.flush()
        sys.stdin.readline()
        for piece in pieces:
            tls.sendall(piece)
        tls.unwrap()


if __name__ == "__main__":
    main(sys.argv[1:])
