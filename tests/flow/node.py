"""A node as a user runs it: ``sealwire up`` in a process of its own, asked by its own commands."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any, Self

from tests.flow.authority import LOOPBACK, TlsFiles
from tests.flow.commands import SEALWIRE, run
from tests.flow.peers import PeerError, Target, wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

COUNTER_LAG = 1.0
"""Seconds that the counter may be behind the journal."""


@dataclass
class Node:
    """``sealwire up`` on free loopback ports, its home in a folder of the caller's.

    It may be stopped or killed and started again on the same home. A context manager starts it and
    sees to its end. ``within`` are words before the command, of a program that becomes it.
    """

    home: Path
    host_name: str = "localhost"
    options: Sequence[str] = ()
    start_seconds: float = 30.0
    within: Sequence[str] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def log(self) -> Path:
        """What it prints, over all its starts."""
        return self.home.parent / f"{self.home.name}.log"

    @property
    def pid(self) -> int:
        """Process id of the main process."""
        if self.process is None:
            raise PeerError("the node was not started")
        return self.process.pid

    def start(self) -> None:
        """Start it and wait for its line ``READY``."""
        self.home.parent.mkdir(parents=True, exist_ok=True)
        command = [
            *self.within,
            *SEALWIRE,
            "up",
            "--home",
            str(self.home),
            "--host-name",
            self.host_name,
        ]
        command += ["--listen", LOOPBACK, "--console-port", "0", "--http-port", "0"]
        command += ["--tls-ports", "0", *self.options]
        with self.log.open("ab") as log:
            begins = log.tell()
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        try:
            wait_until(lambda: self._settled(begins), "READY", self.start_seconds)
        except PeerError as error:
            self.stop()
            raise PeerError(f"the node: {error}; it said:\n{self.said()}") from None
        if self.process.poll() is not None:
            raise PeerError(f"the node ended while it started; it said:\n{self.said()}")

    def _settled(self, begins: int) -> bool:
        ended = self.process is None or self.process.poll() is not None
        return ended or b"READY" in self.log.read_bytes()[begins:].splitlines()

    def said(self) -> str:
        """The last lines that it printed."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-30:])

    @property
    def one_time_password(self) -> str:
        """The first agent's, as it was printed at the first start."""
        told = re.search(r"one-time password (\S+)", self.log.read_text(encoding="utf-8"))
        if told is None:
            raise PeerError(f"the node told no one-time password; it said:\n{self.said()}")
        return told[1]

    @property
    def console_url(self) -> str:
        """The console's address by the name that its certificate has."""
        text = (self.home / "run" / "node.json").read_text(encoding="utf-8")
        return str(json.loads(text)["console_url"]).replace(LOOPBACK, "localhost")

    def stop(self, seconds: float = 30.0) -> None:
        """Stop it as systemd would; kill the whole process group when it does not end in time."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise PeerError(f"the node did not stop; it said:\n{self.said()}") from None

    def kill(self) -> None:
        """``kill -9`` of all its processes at once, as far as they live."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def run(self, *words: str, expect: int = 0) -> str:
        """``sealwire WORDS`` on this home; its output. `PeerError` for another exit code.

        The command runs in the test's process: one of its own spends half a second on imports.
        """
        home = ("--home", str(self.home))
        # `pki` takes its own options before the word that it carries out.
        command = [*words[:1], *home, *words[1:]] if words[0] == "pki" else [*words, *home]
        return _output(command, expect)

    def json(self, *words: str) -> Any:  # noqa: ANN401 - JSON
        """The same with ``--json``, parsed."""
        return json.loads(self.run(*words, "--json"))

    @property
    def target(self) -> Target:
        """Where senders find its first TLS listener."""
        state = json.loads((self.home / "run" / "node.json").read_text(encoding="utf-8"))
        return Target(int(state["tls_ports"][0]))

    def packets_received(self) -> int:
        """The sensor's counter."""
        return int(self.json("sensor", "stats")["packets_received"])

    def packets_counted(self) -> int:
        """The same from the running node's own socket, for those who ask again and again."""
        with closing(HTTPConnection("sealwire")) as connection:
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.connect(str(self.home / "run" / "owner.sock"))
            connection.request("GET", "/api/v1/sensor/stats")
            return int(json.loads(connection.getresponse().read())["packets_received"])

    def wait_for_packets(self, count: int, seconds: float = 60.0) -> None:
        """Return when the counter shows ``count``; raise when it shows more or never does."""
        wait_until(lambda: self.packets_counted() >= count, f"{count} packets", seconds)
        time.sleep(COUNTER_LAG)
        shown = self.packets_received()
        if shown != count:
            raise PeerError(f"{shown} packets received instead of {count}")

    def serve_with(self, server: TlsFiles) -> None:
        """Install a server identity, trust its CA for senders, and demand their certificates."""
        files = [str(server.certificate), str(server.ca)]
        self.run("sensor", "identity", "import", *files, "--key", str(server.key))
        self.run("sensor", "trust", "add", str(server.ca))
        self.run("sensor", "listener", "set", "--client-certificate", "required")

    def certify(self, csr: Path, profile: str) -> str:
        """Have this node's CA sign a CSR, approved by its agent; leaf, issuing CA and root, PEM."""
        submitted = self.run(
            "pki", "ca-cert-request-submit", "--profile", profile, "--csr-file", str(csr)
        )
        review = ("ca-cert-request-review", told(submitted, "Request ID"), "--action", "approve")
        approved = self.run("pki", "-n", "caadmin", *review)
        leaf = self.run("ca", "certificate", told(approved, "Certificate ID"))
        return leaf + self.run("ca", "chain")

    def client_files(self, name: str, folder: Path) -> TlsFiles:
        """A client certificate for ``name`` from this node's CA, and the key made for it."""
        run_alone("csr", "new", "--cn", name, "--key-type", "p256", "--out-dir", str(folder))
        certificate = folder / f"{name}.pem"
        certificate.write_text(self.certify(folder / f"{name}.csr", "caAuditClientCert"))
        return TlsFiles(
            self.home / "credentials" / "ca-roots.pem", certificate, folder / f"{name}.key"
        )

    def certify_sensor(self, folder: Path) -> None:
        """Give the sensor a certificate of this node's CA for its loopback names."""
        csr = folder / "sensor.csr"
        names = ("--san", "localhost", "--san", LOOPBACK)
        self.run("sensor", "identity", "csr", "--cn", "sensor.example.test", *names, "-o", str(csr))
        bag = folder / "bag.pem"
        bag.write_text(self.certify(csr, "caAuditServerCert"))
        self.run("sensor", "identity", "import", str(bag))


def told(output: str, name: str) -> str:
    """What a ``pki`` command's output says after ``NAME:``."""
    for line in output.splitlines():
        if line.strip().startswith(f"{name}:"):
            return line.partition(":")[2].strip()
    raise PeerError(f"no {name} in: {output}")


def run_alone(*words: str) -> str:
    """``sealwire WORDS`` without a node; its output. `PeerError` unless it exits 0."""
    return _output(words, 0)


def _output(words: Sequence[str], expect: int) -> str:
    done = run(None, *words)
    if done.returncode != expect:
        answer = f"{done.stdout}{done.stderr}"
        raise PeerError(f"sealwire {' '.join(words)}: exit {done.returncode}: {answer}")
    return done.stdout
