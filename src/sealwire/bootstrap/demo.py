"""The whole story, headless: every step is done with the product's own commands and checked.

The commands run in this process, one after the other: to start it anew for each of them would take
most of the time that the story takes.

Each step prints the command and what it answered, so that the output reads as a tour. A step that
does not hold ends the demo with exit code 2, and the message says which step it was.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import signal
import ssl
import subprocess
import tempfile
import time
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from sealwire.bootstrap.checking_sender import send_checked
from sealwire.bootstrap.home import Home
from sealwire.bootstrap.scratch_node import scratch_node
from sealwire.clock import SystemClock
from sealwire.errors import RefusedError, SealwireError, UnavailableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SENSOR_NAME = "sensor.example.test"
APPLIANCE_NAME = "fmc.example.test"
_WAIT_SECONDS = 20
_INDEX_SECONDS = 60
_END_SECONDS = 2
_SHOWN_LINES = 16
_SHOWN_COLUMNS = 160


def run_demo(home: Path | None, command: Callable[[list[str]], int], database: str = "") -> int:
    """Walk the story in ``home`` (default: a folder made for it and removed again).

    ``command`` carries out ``sealwire WORDS`` and gives its exit code. ``database`` is the URL of
    an empty database; without one, state is kept in the home. Raises UsageError
    ``demo.home_used``, RefusedError ``demo.failed`` with the step that does not hold.
    """
    home = home and home.expanduser().absolute()
    if home is not None and Home(home).config_file.exists():
        raise UsageError(
            "demo.home_used",
            f"there is a node in {home} already",
            hint="the story begins with a fresh home: name another folder",
        )
    folder = home or Path(tempfile.mkdtemp(prefix="sealwire-demo-"))
    # Told to end, it ends as by Ctrl-C: the node that it has started is stopped first.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with _node(folder, database, command) as story:
            for number, (text, walk) in enumerate(_STEPS, 1):
                typer.echo(f"\n== {number}. {text}")
                with _named(number, text):
                    walk(story)
        typer.echo("\nThe story holds: every step was checked.")
        if home is not None:
            same = ", and the same --database," if database else ""
            typer.echo(f"Everything is kept: `sealwire up --home {home}`{same} goes on with it.")
    finally:
        if home is None:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


@contextmanager
def _named(number: int, text: str) -> Iterator[None]:
    """Whatever goes wrong within, down to a node that is gone, is this step's failure."""
    try:
        yield
    except (SealwireError, OSError, ValueError, LookupError, subprocess.SubprocessError) as error:
        why = error.message if isinstance(error, SealwireError) else f"{error}"
        raise RefusedError(
            "demo.failed", f"step {number} of the story does not hold ({text}): {why}"
        ) from error


class Story:
    """One running node, its commands, and the checks between them."""

    def __init__(
        self,
        home: Home,
        work: Path,
        node: subprocess.Popen[str],
        command: Callable[[list[str]], int],
    ) -> None:
        self.home = home
        self.work = work
        self._node = node
        self._command = command
        self._clock = SystemClock()
        state = home.state()
        self.tls_port = int(state["tls_ports"][0])  # type: ignore[index]
        self.client_serial = ""

    def run(self, *words: str, expect: int = 0, show: bool = True) -> str:
        """Run ``sealwire WORDS`` against this home, as a user would; its output."""
        if show:
            typer.echo("$ sealwire " + " ".join(_quoted(word) for word in words))
        command = [*words[:1], "--home", str(self.home.root), *words[1:]]
        if words[0] != "pki":
            command = [*words, "--home", str(self.home.root)]
        out, complaints = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(complaints):
            code = self._command(command)
        output = out.getvalue() + complaints.getvalue()
        if show:
            _show(output)
        # Commands answer for a node that is gone, too: from its home.
        self.check(
            self._node_runs(_END_SECONDS if code == UnavailableError.exit_code else 0),
            "the node has ended by itself",
        )
        self.check(
            code == expect,
            f"`sealwire {' '.join(words)}` ended with exit code {code},"
            f" not {expect}: {' '.join(output.split())}",
        )
        return out.getvalue()

    def _node_runs(self, seconds: float) -> bool:
        """Whether it still does after so many: one that dies ends its connections first."""
        try:
            self._node.wait(seconds)
        except subprocess.TimeoutExpired:
            return True
        return False

    def json(self, *words: str) -> Any:  # noqa: ANN401 - JSON
        """The same with ``--json``, parsed and not shown."""
        return json.loads(self.run(*words, "--json", show=False))

    def check(self, holds: bool, otherwise: str) -> None:  # noqa: FBT001 - the thing checked
        """Raise RefusedError ``demo.check`` unless ``holds``."""
        if not holds:
            raise RefusedError("demo.check", otherwise)

    def wait(self, holds: Callable[[], bool], otherwise: str, limit: float = _WAIT_SECONDS) -> None:
        """Check again until it holds, for at most ``limit`` seconds."""
        deadline = self._clock.monotonic() + limit
        while not holds():
            self.check(self._clock.monotonic() < deadline, otherwise)
            time.sleep(0.2)

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


def _four_decisions(story: Story) -> None:
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
    story.client_serial = _issued(story, "caAuditClientCert", csr)
    listed = story.run("audit", "list", "--trail", "ca", show=False)
    events = [line for line in listed.splitlines() if "CERT_REQUEST_PROCESSED" in line]
    typer.echo("the audit log says:")
    for line in events:
        typer.echo(f"  {line.partition(' [')[1].strip()}{line.partition(' [')[2]}")
    for sign in ("Subject Name Not Matched", "rejectReason", "cancelReason", "CertSerialNum"):
        story.check(any(sign in line for line in events), f"no event with {sign}")


def _destination(story: Story) -> None:
    story.run("appliance", "import", str(story.bag(story.client_serial)))
    story.run("sensor", "listener", "set", "--client-certificate", "required")
    story.run(
        *("appliance", "destination", "add", f"127.0.0.1:{story.tls_port}"),
        *("--name", "sensor", "--server-name", SENSOR_NAME),
    )
    story.run("appliance", "destination", "test", "sensor")
    story.run("appliance", "stream", "start", "sensor")


def _received(story: Story) -> None:
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
    stats = story.json("sensor", "stats")
    subjects = [source["certificate_subject"] for source in stats["sources"]]
    story.check(
        any(APPLIANCE_NAME in (subject or "") for subject in subjects),
        f"the appliance's certificate is not among the sources: {subjects}",
    )
    story.wait(
        lambda: _indexed(story) >= stats["packets_received"],
        "what was received is not indexed",
        _INDEX_SECONDS,
    )
    _found_again(story)


def _found_again(story: Story) -> None:
    """By the CA's fields and by the appliance's name; one with its place in a sealed segment."""
    decided = story.run("sensor", "search", "dogtag.AuditEvent=CERT_REQUEST_PROCESSED")
    for sign in ("Subject Name Not Matched", "rejectReason", "cancelReason", "CertSerialNum"):
        story.check(sign in decided, f"search finds no CERT_REQUEST_PROCESSED with {sign}")
    done = story.run("sensor", "search", "app=sealwire-appliance", "--since", "1h")
    for event in ("CSR_GENERATED", "IDENTITY_INSTALLED", "STREAM_CHANGE"):
        story.check(event in done, f"search finds no {event} of the appliance")
    _check_evidence(
        story, story.run("sensor", "search", "dogtag.InfoName=cancelReason", "--evidence")
    )


def _indexed(story: Story) -> int:
    indexed: int = story.json("sensor", "stats")["archive"].get("indexed_records", 0)
    return indexed


def _check_evidence(story: Story, found: str) -> None:
    """The one record, and the segment that it names with this SHA-256."""
    story.check("[InfoValue=cancel for the demo]" in found, f"not the canceled request: {found}")
    named = re.findall(r"^ +(\S+\.parquet) row \d+ SHA-256 ([0-9a-f]{64})$", found, re.MULTILINE)
    story.check(len(named) == 1, f"not one record with its evidence: {found}")
    ((segment, sha256),) = named
    sealed = (story.home.segments / segment).read_bytes()
    story.check(hashlib.sha256(sealed).hexdigest() == sha256, f"{segment} is not as it was sealed")
    typer.echo(f"that segment is there, {len(sealed)} bytes with this SHA-256")


_STEPS: Final[Sequence[tuple[str, Callable[[Story], None]]]] = (
    (
        "The sensor is up with its self-signed certificate; a sender that checks refuses",
        _first_contact,
    ),
    (
        "A certificate for the sensor: CSR, request, approval, import, in any order",
        _sensor_certificate,
    ),
    (
        "The appliance's CSR, and four decisions of the CA",
        _four_decisions,
    ),
    (
        "Import the certificate, add the sensor as destination, test, stream",
        _destination,
    ),
    (
        "Packets Received goes up; the sender is listed, and the events are found by search",
        _received,
    ),
)


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
def _node(folder: Path, database: str, command: Callable[[list[str]], int]) -> Iterator[Story]:
    home = Home(folder)
    work = folder / "demo"
    for each in (home.root, work):
        each.mkdir(parents=True, exist_ok=True)
    with scratch_node(home.root, ("--tls-ports", "0,0"), typer.echo, database=database) as node:
        yield Story(home, work, node, command)


def _field(output: str, name: str) -> str:
    for line in output.splitlines():
        if line.strip().startswith(f"{name}:"):
            return line.partition(":")[2].strip()
    raise RefusedError("demo.check", f"no {name} in: {output}")


def _blocks(pem: str) -> list[str]:
    return [block.lstrip() for block in pem.split("-----END CERTIFICATE-----\n") if block.strip()]


def _quoted(word: str) -> str:
    return f'"{word}"' if " " in word else word


def _show(output: str) -> None:
    lines = output.rstrip("\n").splitlines()
    for line in lines[:_SHOWN_LINES]:
        typer.echo(f"  {_shortened(line)}")
    if len(lines) > _SHOWN_LINES:
        typer.echo(f"  ... {len(lines) - _SHOWN_LINES} more lines")


def _shortened(line: str) -> str:
    """Its beginning and its end: in an audit record one says when, the other what."""
    if len(line) <= _SHOWN_COLUMNS:
        return line
    return f"{line[:70]} ... {line[-(_SHOWN_COLUMNS - 75) :]}"
