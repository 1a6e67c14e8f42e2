"""JSON lines between the main process and a receiver worker, over a socket pair.

Main says (key ``do``):

- ``serve``, first: ``slot``, ``journal`` (folder), ``sensor`` (name), ``rotate_at``, ``listeners``
  [[transport, port, inherited descriptor]...], ``tls``, ``limits``;
- ``reload``: ``tls`` and a ``generation``;
- ``stop``: ``seconds`` until what is not finished is cut off.

A worker says (key ``event``): ``ready``; ``reloaded`` with the ``generation``; ``report``, see
``sealwire.net.reporting``. When main's end closes, a worker stops by itself.
"""

from __future__ import annotations

import json
import select
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any, Final

from sealwire.sensor.admission import sender_from
from sealwire.sensor.receiving import ClientCertificate, TlsMaterial

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

_CHUNK: Final = 65536


def material_document(material: TlsMaterial) -> dict[str, Any]:
    """``tls`` of a message."""
    return {
        "identities": [list(identity) for identity in material.identities],
        "client_certificate": material.client_certificate.value,
        "trust_anchors": material.trust_anchors,
        "revocation": [
            [b64encode(der).decode("ascii"), policy] for der, policy in material.revocation
        ],
        "legacy_cbc": material.legacy_cbc,
        "senders": [sender.document() for sender in material.senders],
    }


def material_from(document: Mapping[str, Any]) -> TlsMaterial:
    """The material that ``material_document`` wrote."""
    return TlsMaterial(
        tuple((chain, key) for chain, key in document["identities"]),
        ClientCertificate(document["client_certificate"]),
        document["trust_anchors"],
        tuple((b64decode(der), policy) for der, policy in document["revocation"]),
        document["legacy_cbc"],
        tuple(map(sender_from, document["senders"])),
    )


class LineChannel:
    """One end. Never blocks: what cannot be sent yet waits for ``flush``."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._unsent = bytearray()
        self._unread = bytearray()
        sock.settimeout(0)

    def fileno(self) -> int:
        """For polling."""
        return self._socket.fileno()

    @property
    def waiting(self) -> bool:
        """Whether something is still to be sent."""
        return bool(self._unsent)

    def send(self, document: dict[str, Any]) -> None:
        """Send one document, or as much of it as the socket takes now."""
        self._unsent += json.dumps(document, separators=(",", ":")).encode() + b"\n"
        self.flush()

    def flush(self) -> None:
        """Send what waits. A peer that is gone is noticed when receiving."""
        while self._unsent:
            try:
                sent = self._socket.send(self._unsent)
            except BlockingIOError:
                return
            except OSError:
                self._unsent.clear()
                return
            del self._unsent[:sent]

    def receive(self) -> list[dict[str, Any]]:
        """The documents that have come. Raises EOFError when the other end is gone."""
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return []
        except OSError as error:
            raise EOFError from error
        if not data:
            raise EOFError
        self._unread += data
        if b"\n" not in data:
            return []
        *lines, rest = self._unread.split(b"\n")
        self._unread = rest
        return [json.loads(line) for line in lines]

    def wait(self) -> list[dict[str, Any]]:
        """Block until a whole document is there. Raises EOFError when the other end is gone."""
        while not (documents := self.receive()):
            poller = select.poll()
            poller.register(self._socket, select.POLLIN)
            poller.poll()
        return documents

    def drain(self, seconds: float) -> None:
        """Block until everything is sent, at most ``seconds``."""
        self.flush()
        if self._unsent:
            poller = select.poll()
            poller.register(self._socket, select.POLLOUT)
            poller.poll(seconds * 1000)
            self.flush()

    def close(self) -> None:
        """Close this end."""
        self._socket.close()
