"""TLS servers that are broken in one way each, on loopback ports, in threads of this process."""

from __future__ import annotations

import socket
import ssl
import struct
import subprocess
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from sealwire.clock import SystemClock
from tests import pki
from tests.flow.peers import LOOPBACK, free_port, wait_until
from tests.pki import CLIENT, SERVER, Issued, Recipe, issue, key, variant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from sealwire.x509.keys import PrivateKey

    Behaviour = Callable[[socket.socket], None]

# The recipes count from a fixed day; live servers are judged by the clock on the wall.
SHIFT = SystemClock().now() - pki.NOW


def current(recipe: Recipe, **changes: object) -> Recipe:
    """``recipe`` with its dates counted from today."""
    changed = variant(recipe, **changes)
    return variant(changed, starts=SHIFT + changed.starts)


LEAF = Recipe("server", usages=(SERVER,), hosts=("localhost",), cert_sign=False)
CUSTOMER = Recipe("client", usages=(CLIENT,), hosts=("unit.example.com",), cert_sign=False)


class Hierarchy:
    """Root, middle, issuing CA, and whatever leaf is asked for; files in one folder."""

    def __init__(self, folder: Path, name: str = "hierarchy") -> None:
        self.folder = folder
        self.name = name
        self.root = issue(current(pki.ROOT), None, key(f"{name} root"))
        self.middle = issue(current(pki.MIDDLE), self.root, key(f"{name} middle"))
        self.issuing = issue(current(pki.ISSUING), self.middle, key(f"{name} issuing"))
        self.roots = folder / f"{name}-root.pem"
        self.roots.write_bytes(self.root.pem)

    def leaf(self, own: PrivateKey | None = None, **changes: object) -> Issued:
        """A server's certificate, with some fields changed."""
        return issue(current(LEAF, **changes), self.issuing, own)

    def client(self, **changes: object) -> Issued:
        """A client's certificate, with some fields changed."""
        return issue(current(CUSTOMER, **changes), self.issuing)

    def file(self, leaf: Issued, *chain: Issued) -> Path:
        """Key, leaf and chain as a server's file has them."""
        serial = leaf.certificate.serial_number
        path = self.folder / f"{self.name}-{serial:x}-{len(chain)}.pem"
        path.write_bytes(leaf.key_pem + leaf.pem + b"".join(one.pem for one in chain))
        return path

    def whole(self, leaf: Issued) -> Path:
        """The same with the chain that belongs there."""
        return self.file(leaf, self.issuing, self.middle)

    def revoking(self, *revoked: Issued, signer: Issued | None = None) -> bytes:
        """The issuing CA's list in DER."""
        now = SystemClock().now()
        signer = signer or self.issuing
        builder = x509.CertificateRevocationListBuilder(
            signer.certificate.subject, now - timedelta(hours=1), now + timedelta(days=7)
        )
        for one in revoked:
            entry = x509.RevokedCertificateBuilder()
            entry = entry.serial_number(one.certificate.serial_number)
            entry = entry.revocation_date(now - timedelta(days=2))
            reason = x509.CRLReason(x509.ReasonFlags.key_compromise)
            builder = builder.add_revoked_certificate(
                entry.add_extension(reason, critical=False).build()
            )
        crl = builder.sign(signer.key, hashes.SHA256())
        return crl.public_bytes(pki.serialization.Encoding.DER)


@dataclass(frozen=True)
class TlsServer:
    """How a TLS server of the standard library is set up."""

    file: Path
    trust: Path | None = None
    client_certificate: ssl.VerifyMode = ssl.CERT_NONE
    version: ssl.TLSVersion | None = None
    ciphers: str = ""

    def context(self) -> ssl.SSLContext:
        """The context, which takes weak keys too."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers(self.ciphers or "DEFAULT:@SECLEVEL=0")
        context.load_cert_chain(self.file)
        context.verify_mode = self.client_certificate
        if self.trust is not None:
            context.load_verify_locations(self.trust)
        if self.version is not None:
            context.maximum_version = context.minimum_version = self.version
        return context


@contextmanager
def listening(behave: Behaviour) -> Iterator[int]:
    """A port on which every connection is given to ``behave`` in a thread."""
    threads: list[threading.Thread] = []
    with socket.create_server((LOOPBACK, 0)) as listener:

        def serve(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                connection.settimeout(10)
                behave(connection)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    thread = threading.Thread(target=serve, args=(listener.accept()[0],))
                    threads.append(thread)
                    thread.start()

        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            acceptor.join()
            for thread in threads:
                thread.join()


def tls(server: TlsServer, talk: Callable[[ssl.SSLSocket], None] | None = None) -> Behaviour:
    """Shake hands, then ``talk``; by default take everything and part in good order."""
    context = server.context()

    def behave(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            (talk or take_everything)(wrapped)

    return behave


def take_everything(wrapped: ssl.SSLSocket) -> None:
    """Read to the goodbye, answer it."""
    while wrapped.recv(4096):
        pass
    wrapped.unwrap()


def says(answer: bytes, *, at_once: bool = False) -> Behaviour:
    """Plain bytes, as an answer or as a greeting; then wait for the other end to go."""

    def behave(connection: socket.socket) -> None:
        if not at_once:
            connection.recv(4096)
        connection.sendall(answer)
        while connection.recv(4096):
            pass

    return behave


def keeps_quiet(connection: socket.socket) -> None:
    """Takes everything, says nothing."""
    while connection.recv(4096):
        pass


def hangs_up(connection: socket.socket) -> None:
    """Closes once the greeting has come."""
    connection.recv(4096)


def cuts(connection: socket.socket) -> None:
    """Resets as soon as it is spoken to."""
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@contextmanager
def full_backlog() -> Iterator[int]:
    """A port whose queue is full: the kernel drops whoever comes next."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        waiting = []
        try:
            for _ in range(4):
                one = socket.socket()
                one.settimeout(0)
                one.connect_ex((LOOPBACK, port))
                waiting.append(one)
            yield port
        finally:
            for one in waiting:
                one.close()


@contextmanager
def openssl_server(folder: Path, *options: str | Path) -> Iterator[int]:
    """``openssl s_server`` with these options."""
    port = free_port()
    words = ["openssl", "s_server", "-accept", f"{LOOPBACK}:{port}", "-quiet", *map(str, options)]
    with (folder / f"s_server-{port}.log").open("wb") as log:
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=log, stderr=log)
        try:
            wait_until(lambda: _listens(port), "openssl s_server")
            yield port
        finally:
            process.kill()
            process.communicate()


@contextmanager
def stunnel(folder: Path, lines: Sequence[str], back: int) -> Iterator[int]:
    """stunnel in front of the plain port ``back``."""
    port = free_port()
    settings = ["foreground = yes", "pid =", "[syslog]", f"accept = {LOOPBACK}:{port}"]
    settings += [f"connect = {LOOPBACK}:{back}", *lines]
    file = folder / f"stunnel-{port}.conf"
    file.write_text("\n".join(settings) + "\n")
    with (folder / f"stunnel-{port}.log").open("wb") as log:
        process = subprocess.Popen(["stunnel4", file], stdin=subprocess.DEVNULL, stderr=log)
        try:
            wait_until(lambda: _listens(port), "stunnel")
            yield port
        finally:
            process.terminate()
            process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0
