"""HOST:PORT as people type it."""

from __future__ import annotations

from sealwire.errors import UsageError

_LAST_PORT = 65535


def host_and_port(address: str) -> tuple[str, int]:
    """Host (without the brackets of IPv6) and port. Raises UsageError ``usage.address``."""
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or not 1 <= int(port) <= _LAST_PORT:
        raise UsageError(
            "usage.address",
            f"not HOST:PORT: {address}",
            hint="for example sensor.example.com:6514; a port is a number from 1 to 65535",
        )
    return host, int(port)
