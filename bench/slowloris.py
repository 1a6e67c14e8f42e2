"""What hostile connections cost a good sender: ``python -m bench.slowloris``.

A good sender delivers over plain syslog and over RELP, and it is told how late each message was
received and answered. Rounds alternate: alone, then beside connections of four kinds: silent
before their handshake, stopped within it, established and trickling a message by a byte every ten
seconds, established and idle; a half of a round is longer than a handshake may take, so that those
without one are ended within it. At the end beside four clients that do nothing but new handshakes,
as fast as they can; these share the sensor's processors.
"""

from __future__ import annotations

import argparse
import re
import ssl
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Final, Self

from bench.crowd import Crowd, allow_descriptors, client_context, source_address
from bench.good_sender import Delays, GoodSender
from bench.machine import description
from bench.receivers import memory_kb
from bench.results import add_record_option, report
from bench.sensor import Sensor
from sealwire.bootstrap.process_figures import ROLES, by_role
from sealwire.clock import SystemClock
from tests.flow.authority import PeerAuthority

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator, Sequence

    from tests.flow.authority import TlsFiles

STORMERS: Final = 4
TRICKLE_SECONDS: Final = 10.0
MOST_TIMES: Final = 2.0
MOST_P99_MS: Final = 1000.0
MOST_MEGABYTES: Final = 300
CLOCK: Final = SystemClock()


class Hostile:
    """Connections in quarters: before the handshake, within it, trickling a message, idle."""

    def __init__(self, port: int, context: ssl.SSLContext, count: int) -> None:
        self._crowd = Crowd(port)
        self._context = context
        self._count = count
        self._pokes: list[Callable[[bytes], int]] = []
        self._stack = ExitStack()
        self._since = 0.0
        self._poked = 0

    def __enter__(self) -> Self:
        self._stack.enter_context(self._crowd)
        kinds = (self._crowd.add_silent, self._begin, self._trickle, self._idle)
        # Those with a handshake first: the others have ten seconds and no more.
        for kind in reversed(kinds):
            for number in range(self._count // len(kinds)):
                kind(source_address(number))
        self._since = CLOCK.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def act(self) -> None:
        """One byte more on each that is due; all have their turn in ``TRICKLE_SECONDS``."""
        passed = (CLOCK.monotonic() - self._since) / TRICKLE_SECONDS
        while self._poked < passed * len(self._pokes):
            # Those that were refused meanwhile say so here.
            with suppress(OSError):
                self._pokes[self._poked % len(self._pokes)](b"x")
            self._poked += 1

    def _begin(self, source: str) -> None:
        """Half a ClientHello."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        with suppress(ssl.SSLWantReadError):
            self._context.wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
        hello = outgoing.read()
        raw: socket.socket = self._crowd.add_silent(source)
        raw.send(hello[: len(hello) // 2])
        self._pokes.append(raw.send)

    def _trickle(self, source: str) -> None:
        tls = self._context.wrap_socket(self._crowd.connect(source), server_hostname="localhost")
        self._stack.enter_context(tls)
        tls.sendall(b"60000 <14>1 ")
        tls.settimeout(0)
        self._pokes.append(tls.send)

    def _idle(self, source: str) -> None:
        self._crowd.add_established(self._context, source)


@contextmanager
def storm(port: int, client: TlsFiles, seconds: float) -> Iterator[list[int]]:
    """New handshakes by ``openssl s_time``; at the end how many each of its processes made."""
    command = ["openssl", "s_time", "-connect", f"127.0.0.1:{port}", "-new", "-tls1_3"]
    command += ["-time", str(int(seconds)), "-cert", str(client.certificate)]
    command += ["-key", str(client.key), "-CAfile", str(client.ca)]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for _ in range(STORMERS)
    ]
    made: list[int] = []
    yield made
    for one in running:
        said, _ = one.communicate(timeout=60)
        found = re.search(r"(\d+) connections in \d+ real seconds", said)
        if found is None:
            raise RuntimeError(f"openssl s_time said: {said}")
        made.append(int(found[1]))


def megabytes_of(sensor: Sensor) -> dict[str, float]:
    """MB PSS of the node's processes."""
    return by_role(sensor.pid, lambda pid: memory_kb(pid) / 1024)


def shown(megabytes: dict[str, float]) -> str:
    """Roles with their figures."""
    return ", ".join(f"{role} {mb:.0f}" for role, mb in megabytes.items())


def p99(found: Sequence[float]) -> float:
    """The latency that one in a hundred is above."""
    return quantiles(found, n=100)[98]


def rows(name: str, delays: Sequence[Delays]) -> list[str]:
    """Table lines: how late everything of some rounds was."""
    return [
        f"| {name} | {what} | {len(found):,} | {median(found):.2f} | {p99(found):.2f} "
        f"| {max(found):.2f} |"
        for what, found in (
            ("received", [one for each in delays for one in each.received]),
            ("answered", [one for each in delays for one in each.answered]),
        )
    ]


def times(alone: Sequence[Delays], beside: Sequence[Delays]) -> list[tuple[str, float]]:
    """What was looked at, and how many times as late it was: the median of the rounds."""
    return [
        (
            f"{of.__name__} until {what}",
            median(
                of(getattr(b, what)) / of(getattr(a, what))
                for a, b in zip(alone, beside, strict=True)
            ),
        )
        for what in Delays._fields
        for of in (median, p99)
    ]


def verdicts(
    alone: Sequence[Delays], beside: Sequence[Delays], megabytes: float
) -> list[tuple[str, str, bool]]:
    """What is wanted, what was measured, whether that is met."""
    worst = max(p99(getattr(one, what)) for one in beside for what in Delays._fields)
    return [
        *(
            (f"{what}, times that alone: < {MOST_TIMES:.0f}", f"{found:.2f}", found < MOST_TIMES)
            for what, found in times(alone, beside)
        ),
        (f"p99 of any round, ms: < {MOST_P99_MS:.0f}", f"{worst:.1f}", worst < MOST_P99_MS),
        (
            f"receivers, MB PSS: < {MOST_MEGABYTES}",
            f"{megabytes:.0f}",
            megabytes < MOST_MEGABYTES,
        ),
    ]


def measure(count: int, rounds: int, seconds: float, folder: Path) -> list[str]:
    """Markdown lines of one run."""
    authority = PeerAuthority(folder)
    server, client = authority.issue("server.example.test"), authority.issue("client.example.test")
    context = client_context(client)
    alone: list[Delays] = []
    beside: list[Delays] = []
    megabytes: dict[str, float] = dict.fromkeys(ROLES, 0.0)
    with Sensor(folder, server) as sensor, GoodSender(sensor, context) as good:
        good.deliver("warm", 1, lambda: None)
        before = megabytes_of(sensor)
        for number in range(rounds):
            alone.append(good.deliver(f"alone{number}", seconds, lambda: None))
            with Hostile(sensor.port, context, count) as hostile:
                beside.append(good.deliver(f"beside{number}", seconds, hostile.act))
                megabytes = {
                    role: max(megabytes[role], mb) for role, mb in megabytes_of(sensor).items()
                }
        ended = Counter[str]()
        for one in sensor.node.json("sensor", "stats")["tls_failures"]:
            ended[one["reason"]] += one["count"]
        with storm(sensor.port, client, seconds) as shaken:
            stormed = good.deliver("stormed", seconds, lambda: None)
    wanted = verdicts(alone, beside, megabytes["receivers"])
    return [
        f"- {rounds} rounds of {seconds:.0f} s alone and {seconds:.0f} s beside {count} hostile",
        "",
        "| the good sender | until | messages | median ms | p99 ms | most ms |",
        "|---|---|--:|--:|--:|--:|",
        *rows("alone", alone),
        *rows(f"beside {count} hostile", beside),
        *rows("beside a storm of handshakes", [stormed]),
        "",
        "| target | measured | |",
        "|---|--:|---|",
        *(f"| {what} | {found} | {'met' if met else 'missed'} |" for what, found, met in wanted),
        "",
        f"- most MB PSS: {shown(megabytes)}; before: {shown(before)}",
        f"- ended, by reason: {dict(ended)}",
        f"- the storm: {sum(shaken) / seconds:.0f} handshakes/s",
    ]


def main(words: Sequence[str]) -> None:
    """Measure, print, and record when asked."""
    parser = argparse.ArgumentParser(prog="bench.slowloris", description=__doc__)
    parser.add_argument("--connections", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=12.0, help="of each half of a round")
    add_record_option(parser)
    asked = parser.parse_args(words)
    allow_descriptors(asked.connections + 100)
    with tempfile.TemporaryDirectory(prefix="sealwire-bench-") as folder:
        measured = measure(asked.connections, asked.rounds, asked.seconds, Path(folder))
        text = [*description(), *measured]
    report(f"Slowloris, {asked.connections} connections", text, record=asked.record)


if __name__ == "__main__":
    main(sys.argv[1:])
