"""The load: how many connections, how messages fill TLS records, and what sends them."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.flow.authority import TlsFiles

PROGRAM: Final = Path(__file__).resolve().parent / "out" / "tlsload"
MESSAGE_BYTES: Final = 256
MESSAGES: Final = 600_000
BATCHED_MESSAGES: Final = 1_500_000
READY: Final = "connected\n"
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
        """How many to send when nobody says: seconds' worth for the fastest receiver too.

        What a receiver does once, when it starts and when its counter is asked, weighs little then.
        """
        return BATCHED_MESSAGES if self.packing is Packing.BATCH else MESSAGES

    @property
    def thriftier(self) -> float:
        """How many times the sensor's CPU seconds the better peer is to take."""
        return {Packing.BATCH: 3.0, Packing.SPLIT: 1.5}.get(self.packing, 2.0)


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
    row(name)
    for name in ("b1", "b10", "b100", "1/1", "1/10", "1/100", "1/1000", "k1", "k10", "s10")
)


@dataclass(frozen=True)
class Sent:
    """What the load generator says: ``started`` is the monotonic clock at the first byte.

    ``behind``: by how many seconds it was late at most, when a rate was asked for.
    """

    messages: int
    started: float
    handshakes: float
    cpu: float
    behind: float


@dataclass(frozen=True)
class Real:
    """Lines of ``file`` instead of made ones, no more than ``rate`` a second."""

    file: Path
    rate: int
    longest: int = 2048

    @property
    def options(self) -> tuple[str, ...]:
        """The load generator's."""
        return ("-f", str(self.file), "-r", str(self.rate), "-s", str(self.longest))


def send(
    row: Row,
    messages: int,
    port: int,
    files: TlsFiles,
    *,
    threads: int = 1,
    real: Real | None = None,
    connected: Callable[[], None] = lambda: None,
) -> Sent:
    """Send and wait until the receiver has closed every connection; RuntimeError when cut short.

    ``threads``: how many connections are opened at the same time. ``connected``: called between
    the last handshake and the first message.
    """
    if not PROGRAM.exists():
        raise RuntimeError(f"{PROGRAM} is not built: run 'make bench/out/tlsload'")
    command = [
        *(str(PROGRAM), "-w", "-p", str(port), "-m", row.packing, "-c", str(row.connections)),
        *("-n", str(messages), "-t", str(threads)),
        *("-A", str(files.ca), "-C", str(files.certificate), "-K", str(files.key)),
        *(real.options if real else ("-s", str(MESSAGE_BYTES))),
    ]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as program:
        try:
            if program.stdout is not None and program.stdout.readline() == READY:
                connected()
            said, errors = program.communicate("\n", timeout=LOADER_SECONDS)
        finally:
            program.kill()
    if program.returncode != 0:
        raise RuntimeError(f"{PROGRAM.name} failed: {errors.strip() or said}")
    told = json.loads(said)
    return Sent(told["sent"], told["started"], told["handshakes"], told["cpu"], told["behind"])
