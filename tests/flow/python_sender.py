"""Senders as people write them with Python's standard library: ``logging`` over TLS."""

from __future__ import annotations

import logging
import socket
import ssl
from logging.handlers import SysLogHandler
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.flow.authority import TlsFiles
    from tests.flow.peers import Target


class TlsSysLogHandler(SysLogHandler):
    """``SysLogHandler`` whose TCP connection speaks TLS; ends its messages as it is told to."""

    def __init__(self, target: Target, files: TlsFiles, *, nul: bool) -> None:
        self.append_nul = nul
        self._tls = ssl.create_default_context(cafile=str(files.ca))
        self._tls.load_cert_chain(files.certificate, files.key)
        super().__init__((target.host, target.port), socktype=socket.SOCK_STREAM)

    def createSocket(self) -> None:  # noqa: N802 - the library's name
        """Connect, and prove who is there to each other."""
        super().createSocket()
        self.socket = self._tls.wrap_socket(self.socket, server_hostname="localhost")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """What cannot be sent is no secret."""
        raise AssertionError(record.getMessage())


def python_send(target: Target, files: TlsFiles, lines: Iterable[bytes], *, nul: bool) -> None:
    """Log each line; the handler puts ``<14>`` before it, and NUL or LF behind it."""
    handler = TlsSysLogHandler(target, files, nul=nul)
    handler.setFormatter(logging.Formatter("%(message)s" if nul else "%(message)s\n"))
    for line in lines:
        handler.emit(logging.makeLogRecord({"msg": line.decode(), "levelname": "INFO"}))
    handler.socket.unwrap().close()
