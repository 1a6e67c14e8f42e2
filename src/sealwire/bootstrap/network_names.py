"""The machine's own names and addresses, for certificates made on first run."""

from __future__ import annotations

import socket
from contextlib import suppress


def own_names(host_name: str) -> tuple[str, ...]:
    """``host_name``, the short name, localhost and the addresses they have; without repeats."""
    names = [host_name, socket.gethostname().lower(), "localhost", "127.0.0.1", "::1"]
    with suppress(OSError):
        names += sorted({str(info[4][0]) for info in socket.getaddrinfo(host_name, None)})
    return tuple(dict.fromkeys(name.partition("%")[0] for name in names if name))
