"""A real rsyslog that keeps every byte: ``imtcp`` over TLS, demanding the forwarder's name."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.flow.authority import LOOPBACK, TlsFiles
from tests.flow.node import run_alone
from tests.flow.peers import PeerProcess, RsyslogReceiver, wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.flow.node import Node

_TLOG = re.compile(rb'\[tlog@32473 log="([^"]*)" idx="(\d+)"\]')


@dataclass
class RsyslogListener(RsyslogReceiver):
    """Stores messages as they were received; ``clients`` may name another CA for senders.

    rsyslog would otherwise write control characters as ``#nnn`` and drop a final LF. Each start
    writes a file of its own: a killed one may leave half a line behind. The sender's chain is
    demanded and its name is not: rsyslog 8.2302 looks at names only when the handshake is over at
    its first try.
    """

    clients: Path | None = None
    starts: int = field(default=0, init=False)

    @property
    def out(self) -> Path:
        """The file of the present start."""
        return self.folder / f"out-{self.starts}.log"

    def start(self) -> None:
        """Start on a free port."""
        self.starts += 1
        super().start()

    def restart(self) -> None:
        """Start again on the same port, as its supervisor would."""
        self.starts += 1
        PeerProcess.start(self)
        wait_until(self._listening, "rsyslog listens again")

    def kill(self) -> None:
        """``kill -9``."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def configuration(self) -> str:
        """The parent's, without any rewriting of messages."""
        text = (
            super()
            .configuration()
            .replace(
                "global(",
                'global(parser.escapeControlCharactersOnReceive="off"\n'
                '  parser.dropTrailingLFOnReception="off" ',
            )
        )
        return text.replace(str(self.files.ca), str(self.clients or self.files.ca))

    def has(self, message: bytes) -> bool:
        """Whether any start stored this message."""
        line = message + b"\n"
        return any(line in path.read_bytes() for path in self.folder.glob("out-*.log"))

    def runs(self) -> list[list[bytes]]:
        """What each start stored; a line that it did not finish is left out."""
        files = [self.folder / f"out-{number + 1}.log" for number in range(self.starts)]
        return [path.read_bytes().split(b"\n")[:-1] if path.exists() else [] for path in files]


def tlog(message: bytes) -> tuple[str, int]:
    """The log that a record says it is of, and its index there."""
    found = _TLOG.search(message)
    assert found is not None, message
    return found[1].decode(), int(found[2])


def trail_of(home: Path, trail: str) -> list[bytes]:
    """The messages of a trail as the node's database has them."""
    with closing(sqlite3.connect(f"file:{home / 'sealwire.db'}?mode=ro", uri=True)) as database:
        rows = database.execute(
            "SELECT message FROM trail_records WHERE trail = ? ORDER BY idx", (trail,)
        )
        return [bytes(message) for (message,) in rows]


def trail_size(home: Path, trail: str) -> int:
    """How many records a trail has."""
    with closing(sqlite3.connect(f"file:{home / 'sealwire.db'}?mode=ro", uri=True)) as database:
        (size,) = database.execute(
            "SELECT count(*) FROM trail_records WHERE trail = ?", (trail,)
        ).fetchone()
        return int(size)


def server_files(node: Node, name: str, folder: Path) -> TlsFiles:
    """A server certificate for ``name`` and the loopback from the node's CA, and its key."""
    words = ("--cn", name, "--san", LOOPBACK, "--san", "localhost", "--key-type", "rsa2048")
    run_alone("csr", "new", *words, "--out-dir", str(folder))
    certificate = folder / f"{name}.pem"
    certificate.write_text(node.certify(folder / f"{name}.csr", "caAuditServerCert"))
    roots = node.home / "credentials" / "ca-roots.pem"
    return TlsFiles(roots, certificate, folder / f"{name}.key")


def certify_appliance(node: Node, name: str, folder: Path) -> None:
    """Generate New CSR, approval, Import Audit Client Certificate, as the pages say."""
    csr, bag = folder / "appliance.csr", folder / "appliance-bag.pem"
    node.run("appliance", "host-name", name)
    subject = ("--c", "US", "--st", "TX", "--l", "Austin", "--o", "Example", "--ou", "Security")
    node.run("appliance", "csr", *subject, "--cn", name, "-o", str(csr))
    bag.write_text(node.certify(csr, "caAuditClientCert"))
    node.run("appliance", "import", str(bag))


def without_repeats(messages: Sequence[bytes]) -> list[bytes]:
    """The first copy of each record, in the order in which they came."""
    first: dict[tuple[str, int], bytes] = {}
    for message in messages:
        first.setdefault(tlog(message), message)
    return list(first.values())
