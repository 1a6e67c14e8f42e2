"""What the store process needs for a journal full of messages: parse, seal, index.

``python -m bench.store [--messages N] [--folder DIR]`` writes a journal as a receiver worker does,
and then has it sealed and indexed in this process, nothing else running: messages/s and CPU
seconds per million messages, of sealing alone and of both together.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sealwire.bootstrap.sealing import Feed
from sealwire.bootstrap.store_room import StoreRoom
from sealwire.clock import SystemClock
from sealwire.net.store_link import StorePlaces
from sealwire.sensor.journal import Connection
from sealwire.stores.journal.recovery import JournalRecovery
from sealwire.stores.journal.writer import JournalWriter
from sealwire.syslog.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

SENDERS = 20
RUN = 100
BLOCK = 2_000


def lines(count: int) -> Iterator[bytes]:
    """Lines as audited machines send them: a CA's events, a firewall's audit, sshd, sudo."""
    chances = np.random.default_rng(7)
    kinds = chances.choice(4, count, p=(0.35, 0.25, 0.25, 0.15))
    numbers = chances.integers(0, 1 << 30, count)
    for at, (kind, number) in enumerate(zip(kinds.tolist(), numbers.tolist(), strict=True)):
        host, user = number % 200, number % 997
        when = f"2026-11-22T10:{at // 60_000 % 60:02d}:{at // 1000 % 60:02d}.{at % 1000:03d}Z"
        yield TEMPLATES[kind].format(when=when, host=host, user=user, number=number).encode()


DOGTAG = (
    "<110>1 {when} ca{host:03d}.example.com pki-ca 4711 CERT_REQUEST_PROCESSED"
    ' [meta sequenceId="{number}"] [AuditEvent=CERT_REQUEST_PROCESSED][SubjectID=agent{user}]'
    "[Outcome=Success][ReqID={number}][CertSerialNum={number}] certificate request succeeded"
)
FIREWALL = (
    "<46>Nov 22 10:11:12 fmc{host:03d} sfdccsm: fmc{host:03d}.example.com: admin{user}@192.0.2."
    "{host}, System > Configuration > Audit Log, Page View {number}"
)
SSHD = (
    "<38>Nov 22 10:11:12 web{host:03d} sshd[{number}]: Accepted publickey for user{user} from"
    " 198.51.100.{host} port 51514 ssh2: ED25519 SHA256:{number:040x}"
)
SUDO = (
    "<85>1 {when} db{host:03d}.example.com sudo - - - user{user} : TTY=pts/1 ; PWD=/home/user{user}"
    " ; USER=root ; COMMAND=/usr/bin/systemctl restart app{number}"
)
TEMPLATES = (DOGTAG, FIREWALL, SSHD, SUDO)


def cpu_seconds() -> float:
    """Of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def write_journal(folder: Path, count: int) -> int:
    """A journal of one slot with ``count`` messages; their bytes."""
    clock = SystemClock()
    writer = JournalWriter(folder, 0, sensor="bench", clock=clock)
    senders = [
        Connection(n, f"192.0.2.{n}", 40_000 + n, 6514, "TLSv1.3", "TLS_AES_128_GCM_SHA256")
        for n in range(1, SENDERS + 1)
    ]
    run: list[bytes] = []
    total = 0
    for at, line in enumerate(lines(count), 1):
        run.append(b"%d %b" % (len(line), line))
        if len(run) == RUN or at == count:
            data = b"".join(run)
            total += len(data)
            sender = senders[at // RUN % SENDERS]
            writer.append(sender, Kind.OCTETS, len(run), clock.now_ns(), data)
            run = []
        if at % BLOCK == 0:
            writer.seal()
    writer.close()
    return total


def measure(folder: Path, *, index: bool) -> tuple[float, float]:
    """Seconds and CPU seconds to seal what the journal holds, and to index it besides."""
    clock = SystemClock()
    work = folder / ("both" if index else "sealing")
    places = StorePlaces(folder / "journal", work / "s", work / "i", work / "n", "bench")
    room = StoreRoom(places, clock, lambda code, text: print("alarm", code, text))
    ends = {0: JournalRecovery(places.journal).durable_end(0)}
    room.sealing.feed(Feed(ends))
    if not index:
        room.indexing.stop()  # Nobody waits for it then.
    else:
        room.index()
    start, used = clock.monotonic(), cpu_seconds()
    indexer = threading.Thread(target=lambda: _index_until_all(room, sealer))
    sealer = threading.Thread(target=room.sealing.drain)
    sealer.start()
    if index:
        indexer.start()
        indexer.join()
    sealer.join()
    taken = clock.monotonic() - start, cpu_seconds() - used
    print(room.status())
    room.close()
    return taken


def _index_until_all(room: StoreRoom, sealer: threading.Thread) -> None:
    while sealer.is_alive() or room.lacks_index:
        if room.indexing.advance():
            room.indexing.wait(0.05)


def main() -> None:
    """Measure and tell."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--messages", type=int, default=500_000)
    arguments.add_argument("--folder", type=Path)
    asked = arguments.parse_args()
    folder = Path(tempfile.mkdtemp(dir=asked.folder, prefix="bench-store-"))
    try:
        length = write_journal(folder / "journal", asked.messages)
        print(f"{asked.messages} messages, {length / asked.messages:.0f} bytes each")
        for index in (False, True):
            seconds, cpu = measure(folder, index=index)
            what = "parse, seal and index" if index else "parse and seal"
            million = cpu / asked.messages * 1e6
            print(f"{what}: {asked.messages / seconds:.0f}/s, {million:.2f} CPU-s per million")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
