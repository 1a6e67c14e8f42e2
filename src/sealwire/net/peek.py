"""A look at a server's certificate without trusting it, to say what is wrong with it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final

from cryptography import x509

from sealwire.net.client_tls import unverified_context
from sealwire.x509.certificate import certificate_names

if TYPE_CHECKING:
    from collections.abc import Sequence

_TIMEOUT_S: Final = 3.0


def server_certificate(address: tuple[str, int], server_name: str) -> x509.Certificate | None:
    """The leaf that the server shows to a client that shows nothing, or None.

    A connection of its own; blocks for a few seconds at most and sends no record.
    """
    try:
        with (
            socket.create_connection(address[:2], _TIMEOUT_S) as connection,
            unverified_context().wrap_socket(connection, server_hostname=server_name) as tls,
        ):
            der = tls.getpeercert(binary_form=True)
            return x509.load_der_x509_certificate(der) if der else None
    except (OSError, ValueError):
        return None


def server_names(address: tuple[str, int], server_name: str) -> Sequence[str] | None:
    """The names in that certificate; None when it cannot be had or read."""
    certificate = server_certificate(address, server_name)
    try:
        return None if certificate is None else certificate_names(certificate)
    except ValueError:
        return None
