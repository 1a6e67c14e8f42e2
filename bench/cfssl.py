"""cfssl as it signs over HTTP: nothing stored, nothing logged, every request by a profile."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Self

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sealwire.clock import SystemClock
from sealwire.x509.certificate import certificate_pem
from sealwire.x509.keys import generate_key, signature_hash
from tests.flow.peers import PeerError, unpacked, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from sealwire.x509.keys import KeyType, PrivateKey

_CONFIG = {
    "signing": {
        "default": {
            "expiry": "9552h",
            "usages": ["digital signature", "key encipherment", "server auth"],
        }
    }
}


@dataclass
class Cfssl:
    """``cfssl serve`` on one processor, in a folder of its own. A context manager."""

    folder: Path
    kind: KeyType
    processor: str
    port: int = field(default=0, init=False)
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True)
        key = generate_key(self.kind)
        files = {
            "ca.pem": certificate_pem(_root(key)),
            "ca-key.pem": _traditional(key),
            "config.json": json.dumps(_CONFIG).encode(),
        }
        for name, content in files.items():
            (self.folder / name).write_bytes(content)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        command = ["taskset", "-c", self.processor, str(unpacked("cfssl", "usr/bin/cfssl"))]
        command += ["serve", "-address", "127.0.0.1", "-port", str(self.port), "-ca", "ca.pem"]
        command += ["-ca-key", "ca-key.pem", "-config", "config.json", "-loglevel", "5"]
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "GOMAXPROCS": "1"},
            )
        wait_until(self._answers, "cfssl", 20)
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)

    @property
    def pid(self) -> int:
        """Its process."""
        if self.process is None:
            raise PeerError("cfssl was not started")
        return self.process.pid

    def _answers(self) -> bool:
        if self.process is not None and self.process.poll() is not None:
            raise PeerError(f"cfssl ended: {(self.folder / 'log').read_text(errors='replace')}")
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True


def _root(key: PrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "cfssl")])
    now = SystemClock().now()
    return (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, signature_hash(key))
    )


def _traditional(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
