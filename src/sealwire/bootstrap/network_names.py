"""The machine's own names and addresses, for certificates made on first run."""

from __future__ import annotations

import socket
from contextlib import suppress

from sealwire.x509.hostnames import is_host

_EVERY_ADDRESS = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared with, not bound to


def url_host(name: str) -> str:
    """A host name or address as it stands in a URL (RFC 3986, 3.2.2)."""
    return f"[{name}]" if ":" in name else name


def local_host(listen: str) -> str:
    """What a command on this machine calls a node that listens on ``listen``."""
    return "localhost" if listen in _EVERY_ADDRESS else listen


def own_names(host_name: str, listen: str = "") -> tuple[str, ...]:
    """``host_name``, the short name, localhost and the addresses they have; without repeats.

    ``listen`` is where commands on this machine find the node.

    What no certificate can carry is left out: some machines call themselves ``my_machine``.
    """
    names = [host_name, socket.gethostname().lower(), "localhost", "127.0.0.1", "::1"]
    names.append(local_host(listen).lower())
    with suppress(OSError, UnicodeError):
        names += sorted({str(info[4][0]) for info in socket.getaddrinfo(host_name, None)})
    plain = (name.partition("%")[0] for name in names)
    return tuple(dict.fromkeys(name for name in plain if is_host(name)))
