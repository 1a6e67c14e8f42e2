"""The load: how many connections, how messages fill TLS records, and what sends them."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.flow.authority import TlsFiles

PROGRAM: Final = Path(__file__).resolve().parent / "out" / "tlsload"
MESSAGE_BYTES: Final = 256
LOADER_SECONDS: Final = 300
"""Longer than any row may take."""


class Packing(StrEnum):
    """How messages become TLS records; the values are the load generator's words."""

    BATCH = "batch"
    SINGLE = "single"
    COALESCE = "coalesce"
    SPLIT = "split"


@dataclass(frozen=True)
class Row:
    """One line of the table: ``name`` as it is asked for, e.g. ``b10``."""

    name: str
    packing: Packing
    connections: int

    @property
    def messages(self) -> int:
        """How many to send when nobody says: a few seconds' worth for the slowest receiver.

        More with more connections, so that handshakes do not outweigh messages.
        """
        return (400_000 if self.packing is Packing.BATCH else 150_000) + 1_000 * self.connections


LETTERS: Final = {
    "b": Packing.BATCH,
    "1/": Packing.SINGLE,
    "k": Packing.COALESCE,
    "s": Packing.SPLIT,
}
LEGEND: Final = (
    "b = 16 KiB records filled with messages; 1/ = one message a record, one record a write; "
    "k = one message a record, 32 records a write; s = two records a message (as syslog-ng sends); "
    "the number is that of connections."
)


def row(name: str) -> Row:
    """The row called ``name``; raises ValueError when there is none of that name."""
    for letter, packing in LETTERS.items():
        count = name.removeprefix(letter)
        if count != name and count.isdecimal() and int(count) > 0:
            return Row(name, packing, int(count))
    raise ValueError(f"no row is called {name!r}: one of {', '.join(LETTERS)} and a number")


STANDARD_ROWS: Final = tuple(
    row(f"{letter}{connections}") for letter in ("b", "1/", "k") for connections in (1, 10, 100)
)


@dataclass(frozen=True)
class Sent:
    """What the load generator says: ``started`` is the monotonic clock at the first byte."""

    messages: int
    started: float
    handshakes: float
    cpu: float


def send(row: Row, messages: int, port: int, files: TlsFiles) -> Sent:
    """Send and wait until the receiver has closed every connection; RuntimeError when cut short."""
    if not PROGRAM.exists():
        raise RuntimeError(f"{PROGRAM} is not built: run 'make bench/out/tlsload'")
    command = [
        *(str(PROGRAM), "-p", str(port), "-m", row.packing, "-c", str(row.connections)),
        *("-n", str(messages), "-s", str(MESSAGE_BYTES)),
        *("-A", str(files.ca), "-C", str(files.certificate), "-K", str(files.key)),
    ]
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=LOADER_SECONDS, check=False
    )
    if result.returncode != 0:
        raise RuntimeError(f"{PROGRAM.name} failed: {result.stderr.strip() or result.stdout}")
    told = json.loads(result.stdout)
    return Sent(told["sent"], told["started"], told["handshakes"], told["cpu"])
