"""kill -9 of a whole sensor under load: what was counted is there, and counting goes on."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sealwire.sensor.journal import Position
from sealwire.sensor.statistics import Statistics
from sealwire.stores.journal.reader import JournalReadings
from sealwire.stores.journal.recovery import recover_slot
from tests.flow.sensor_process import HOST

if TYPE_CHECKING:
    from sealwire.sensor.journal import Recovery

SOAK = int(os.environ.get("SEALWIRE_SOAK", "5"))
MESSAGE = b"<14>1 - h a - - - %d %d"


class SensorProcess:
    """The process, in a process group with its workers."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.flow.sensor_process", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            start_new_session=True,
        )
        self.port = self.next_number()
        self._last = 0

    def next_number(self) -> int:
        assert self._process.stdout is not None
        self._last = int(self._process.stdout.readline())
        return self._last

    def kill(self) -> int:
        """Kill all of it; returns the last count that it gave out."""
        os.killpg(self._process.pid, signal.SIGKILL)
        return self._last_number()

    def kill_main(self) -> None:
        """Kill only the main process; its workers are left to notice."""
        self._process.kill()
        self._last_number()

    def end(self) -> int:
        """Let it stop in good order; returns the last count."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._last_number()

    def _last_number(self) -> int:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            numbers = output.read().split(b"\n")
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        # The last line may have been cut by the kill.
        return int(numbers[-2]) if len(numbers) > 1 else self._last


class Flood:
    """Connections that send numbered messages as fast as they can until the sensor is gone."""

    def __init__(self, port: int, connections: int = 2) -> None:
        self._port = port
        self._threads = [
            threading.Thread(target=self._send, args=(each,)) for each in range(connections)
        ]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _send(self, connection: int) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        try:
            with (
                socket.create_connection((HOST, self._port), 10) as raw,
                context.wrap_socket(raw) as tls,
            ):
                number = 0
                while True:
                    messages = [MESSAGE % (connection, number + more) for more in range(20)]
                    tls.sendall(b"".join(b"%d %b" % (len(one), one) for one in messages))
                    number += 20
                    time.sleep(0.0005)
        except OSError:
            return


def recount(journal: Path) -> tuple[int, list[Recovery]]:
    """Recover every slot and count from the beginning; each connection's messages are in order."""
    reader = JournalReadings(journal)
    statistics = Statistics()
    recoveries = [recover_slot(journal, slot) for slot in reader.slots()]
    for recovery in recoveries:
        for block in reader.summaries(recovery.slot, Position(), recovery.end):
            statistics.apply(recovery.slot, block)
        next_numbers: dict[tuple[int, int], int] = {}
        for one in reader.messages(recovery.slot, Position(), recovery.end):
            number = int(one.message.rsplit(b" ", 1)[1])
            sender = (one.connection.port, one.connection.number)
            assert number == next_numbers.get(sender, 0)
            next_numbers[sender] = number + 1
    return int(statistics.document()["packets_received"]), recoveries


@pytest.mark.soak
@pytest.mark.parametrize("attempt", range(SOAK))
def test_killed_under_load_nothing_counted_is_missing(tmp_path: Path, attempt: int) -> None:
    sensor = SensorProcess(tmp_path)
    flood = Flood(sensor.port)
    while not sensor.next_number():
        """Wait for the first count."""
    for _ in range(attempt % 7):
        sensor.next_number()
    counted = sensor.kill()
    flood.join()
    journalled, recoveries = recount(tmp_path / "journal")
    assert 0 < counted <= journalled
    assert all(damage.torn for one in recoveries for damage in one.damages)
    again = SensorProcess(tmp_path)
    assert again.next_number() == journalled
    assert again.end() == journalled


def test_workers_whose_main_is_gone_make_all_durable_and_end(tmp_path: Path) -> None:
    sensor = SensorProcess(tmp_path)
    flood = Flood(sensor.port)
    sensor.next_number()
    sensor.kill_main()
    again = SensorProcess(tmp_path)
    flood.join()
    counted = again.end()
    journalled, recoveries = recount(tmp_path / "journal")
    assert counted == journalled
    assert not any(one.damages for one in recoveries)
