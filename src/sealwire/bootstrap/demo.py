"""The whole story, headless: every step is done with the product's own commands and checked.

Each step prints the command and what it answered, so that the output reads as a tour. A step that
does not hold raises; the demo then ends with exit code 2 and says which step it was.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from sealwire.bootstrap.checking_sender import send_checked
from sealwire.bootstrap.home import Home
from sealwire.errors import RefusedError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SENSOR_NAME = "sensor.example.test"
APPLIANCE_NAME = "fmc.example.test"
_START_SECONDS = 60
_WAIT_SECONDS = 20
_SHOWN_LINES = 16


def run_demo(home: Path | None, database: str = "") -> int:
    """Walk the story in ``home`` (default: a folder made for it and removed again).

    ``database`` is the URL of an empty database; without one, state is kept in the home.
    """
    folder = home or Path(tempfile.mkdtemp(prefix="sealwire-demo-"))
    try:
        with _node(folder, database) as story:
            _first_contact(story)
            _sensor_certificate(story)
            client = _four_decisions(story)
            _destination(story, client)
            _received(story)
        typer.echo("\nThe story holds: every step was checked.")
    finally:
        if home is None:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


class Story:
    """One running node, its commands, and the checks between them."""

    def __init__(self, home: Home, work: Path) -> None:
        self.home = home
        self.work = work
        state = home.state()
        self.tls_port = int(state["tls_ports"][0])  # type: ignore[index]

    def step(self, number: int, text: str) -> None:
        """Announce a step."""
        typer.echo(f"\n== {number}. {text}")

    def run(self, *words: str, expect: int = 0, show: bool = True) -> str:
        """Run ``sealwire WORDS`` against this home, as a user would; its output."""
        if show:
            typer.echo("$ sealwire " + " ".join(_quoted(word) for word in words))
        command = [*words[:1], "--home", str(self.home.root), *words[1:]]
        if words[0] != "pki":
            command = [*words, "--home", str(self.home.root)]
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "sealwire", *command],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        output = done.stdout + done.stderr
        if show:
            _show(output)
        self.check(
            done.returncode == expect, f"exit code {done.returncode}, expected {expect}: {output}"
        )
        return done.stdout

    def json(self, *words: str) -> Any:  # noqa: ANN401 - JSON
        """The same with ``--json``, parsed and not shown."""
        return json.loads(self.run(*words, "--json", show=False))

    def check(self, holds: bool, otherwise: str) -> None:  # noqa: FBT001 - the thing checked
        """Raise RefusedError ``demo.failed`` unless ``holds``."""
        if not holds:
            raise RefusedError("demo.failed", f"the story does not hold: {otherwise}")

    def wait(self, holds: Callable[[], bool], otherwise: str) -> None:
        """Check again until it holds, for a limited time."""
        for _ in range(_WAIT_SECONDS * 5):
            if holds():
                return
            time.sleep(0.2)
        self.check(False, otherwise)  # noqa: FBT003 - it did not

    def request_id(self, output: str) -> str:
        """The request's number in the answer of a ``pki`` command."""
        return _field(output, "Request ID")

    def bag(self, serial: str) -> Path:
        """What a CA's shop hands out: root first, the leaf last; the wrong order for TLS."""
        chain = self.run("ca", "chain", show=False)
        leaf = self.run("ca", "certificate", serial, show=False)
        issuing, root = [c + "-----END CERTIFICATE-----\n" for c in _blocks(chain)]
        path = self.work / "bag.pem"
        path.write_text(root + issuing + leaf, encoding="ascii")
        return path


def _first_contact(story: Story) -> None:
    story.step(1, "The sensor is up with its self-signed certificate; a sender that checks refuses")
    story.run("sensor", "identity", "show")
    roots = story.home.credentials / "ca-roots.pem"
    try:
        send_checked(story.tls_port, SENSOR_NAME, roots, [b"<14>1 - - demo - - - too early"])
    except ssl.SSLCertVerificationError as error:
        typer.echo(f"the sender refuses: {error.verify_message}")
    else:
        story.check(False, "a sender that checks certificates was content")  # noqa: FBT003
    story.check(
        story.json("sensor", "stats")["packets_received"] == 0, "something was counted already"
    )


def _sensor_certificate(story: Story) -> None:
    story.step(2, "A certificate for the sensor: CSR, request, approval, import, in any order")
    csr = story.work / f"{SENSOR_NAME}.csr"
    story.run(
        "sensor", "identity", "csr", "--cn", SENSOR_NAME, "--san", "127.0.0.1", "-o", str(csr)
    )
    serial = _issued(story, "caAuditServerCert", csr)
    story.run("sensor", "identity", "import", str(story.bag(serial)))
    roots = story.home.credentials / "ca-roots.pem"
    story.wait(
        lambda: _sender_content(story.tls_port, roots), "the sender still refuses the sensor"
    )
    typer.echo("the same sender now connects and delivers")
    story.wait(
        lambda: story.json("sensor", "stats")["packets_received"] == 1, "the packet is not counted"
    )


def _four_decisions(story: Story) -> str:
    story.step(3, "The appliance's CSR, and four decisions of the CA")
    story.run("appliance", "host-name", APPLIANCE_NAME)
    csr = story.work / f"{APPLIANCE_NAME}.csr"
    story.run(
        *("appliance", "csr", "--c", "US", "--st", "TX", "--l", "Austin"),
        *("--o", "Example Org", "--ou", "Security", "--cn", APPLIANCE_NAME, "-o", str(csr)),
    )
    story.run("pki", "client-cert-request", "UID=testuser", "--profile", "caServerCert")
    for action in ("reject", "cancel"):
        submitted = story.run(
            *("pki", "ca-cert-request-submit", "--profile", "caAuditClientCert"),
            *("--csr-file", str(csr)),
        )
        story.run(
            *("pki", "-n", "caadmin", "ca-cert-request-review", story.request_id(submitted)),
            *("--action", action, "--reason", f"{action} for the demo"),
        )
    serial = _issued(story, "caAuditClientCert", csr)
    listed = story.run("audit", "list", "--trail", "ca", show=False)
    events = [line for line in listed.splitlines() if "CERT_REQUEST_PROCESSED" in line]
    typer.echo("the audit log says:")
    for line in events:
        typer.echo(f"  {line.partition(' [')[1].strip()}{line.partition(' [')[2]}")
    for sign in ("Subject Name Not Matched", "rejectReason", "cancelReason", "CertSerialNum"):
        story.check(any(sign in line for line in events), f"no event with {sign}")
    return serial


def _destination(story: Story, serial: str) -> None:
    story.step(4, "Import the certificate, add the sensor as destination, test, stream")
    story.run("appliance", "import", str(story.bag(serial)))
    story.run("sensor", "listener", "set", "--client-certificate", "required")
    story.run(
        *("appliance", "destination", "add", f"127.0.0.1:{story.tls_port}"),
        *("--name", "sensor", "--server-name", SENSOR_NAME),
    )
    story.run("appliance", "destination", "test", "sensor")
    story.run("appliance", "stream", "start", "sensor")


def _received(story: Story) -> None:
    story.step(5, "Packets Received goes up; the sender and the events are there")
    story.wait(
        lambda: all(d["backlog"] == 0 for d in story.json("appliance", "destination", "list")),
        "the appliance still has something to deliver",
    )
    before = story.json("sensor", "stats")["packets_received"]
    story.run("appliance", "csr", "--cn", APPLIANCE_NAME, show=False)
    story.wait(
        lambda: story.json("sensor", "stats")["packets_received"] > before,
        "Packets Received does not go up",
    )
    story.run("sensor", "stats")
    sources = story.json("sensor", "stats")["sources"]
    subjects = [source["certificate_subject"] for source in sources]
    story.check(
        any(APPLIANCE_NAME in (subject or "") for subject in subjects),
        f"the appliance's certificate is not among the sources: {subjects}",
    )
    tail = story.run("sensor", "tail", "-n", "1000", show=False)
    for sign in ("CERT_REQUEST_PROCESSED", "IDENTITY_INSTALLED", "STREAM_CHANGE"):
        story.check(sign in tail, f"no {sign} in what the sensor received")
    typer.echo("$ sealwire sensor tail -n 1000 | grep CERT_REQUEST_PROCESSED")
    _show("\n".join(line for line in tail.splitlines() if "CERT_REQUEST_PROCESSED" in line))


def _issued(story: Story, profile: str, csr: Path) -> str:
    """Submit and approve; the serial number as printed."""
    submitted = story.run(
        "pki", "ca-cert-request-submit", "--profile", profile, "--csr-file", str(csr)
    )
    approved = story.run(
        *("pki", "-n", "caadmin", "ca-cert-request-review", story.request_id(submitted)),
        *("--action", "approve"),
    )
    return _field(approved, "Certificate ID")


def _sender_content(port: int, roots: Path) -> bool:
    try:
        send_checked(port, SENSOR_NAME, roots, [b"<14>1 - - demo - - - from a sender that checks"])
    except ssl.SSLCertVerificationError:
        return False
    return True


@contextmanager
def _node(folder: Path, database: str) -> Iterator[Story]:
    home = Home(folder / "home")
    work = folder / "work"
    for each in (home.root, work):
        each.mkdir(parents=True, exist_ok=True)
    node = subprocess.Popen(  # noqa: S603 - our own command
        [
            *(sys.executable, "-m", "sealwire", "up", "--home", str(home.root)),
            *("--console-port", "0", "--http-port", "0", "--tls-ports", "0,0"),
        ],
        stdout=subprocess.PIPE,
        text=True,
        # Not among the words: those are shown to every user of the machine.
        env={**os.environ, "SEALWIRE_DATABASE": database},
    )
    try:
        _until_ready(node)
        yield Story(home, work)
    finally:
        node.send_signal(signal.SIGTERM)
        node.wait(30)
        if node.stdout is not None:
            node.stdout.close()


def _until_ready(node: subprocess.Popen[str]) -> None:
    deadline = time.perf_counter() + _START_SECONDS
    for line in node.stdout or ():
        typer.echo(line.rstrip())
        if line.strip() == "READY":
            return
        if time.perf_counter() > deadline:
            break
    raise UnavailableError("demo.not_ready", "the node did not get ready")


def _field(output: str, name: str) -> str:
    for line in output.splitlines():
        if line.strip().startswith(f"{name}:"):
            return line.partition(":")[2].strip()
    raise RefusedError("demo.failed", f"no {name} in: {output}")


def _blocks(pem: str) -> list[str]:
    return [block.lstrip() for block in pem.split("-----END CERTIFICATE-----\n") if block.strip()]


def _quoted(word: str) -> str:
    return f'"{word}"' if " " in word else word


def _show(output: str) -> None:
    lines = output.rstrip("\n").splitlines()
    for line in lines[:_SHOWN_LINES]:
        typer.echo(f"  {line[:160]}")
    if len(lines) > _SHOWN_LINES:
        typer.echo(f"  ... {len(lines) - _SHOWN_LINES} more lines")
