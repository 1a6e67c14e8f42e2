"""A sensor of its own in a process of its own, to be killed: prints its port, then its count.

``python -m tests.flow.sensor_process FOLDER``. Runs until it is killed or its input ends.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from sealwire.audit.formats import AuditFormat
from sealwire.audit.recorder import Recorder
from sealwire.clock import SystemClock, SystemRandom
from sealwire.net.pool_settings import PoolSettings
from sealwire.net.workers import ReceiverPool
from sealwire.sensor.service import Installation, Reception, Sensor
from sealwire.stores.journal.reader import JournalReadings
from sealwire.stores.journal.recovery import JournalRecovery
from sealwire.stores.keyfiles import KeyFiles
from sealwire.stores.sql import SqlStore

HOST = "127.0.0.1"


def main(folder: Path) -> None:
    """Serve on one free port."""
    clock = SystemClock()
    journal = folder / "journal"
    store = SqlStore(f"sqlite:///{folder / 'sensor.db'}")
    pool = ReceiverPool(
        PoolSettings(journal, "sensor-1", ports=(0,), host=HOST, workers=2),
        JournalRecovery(journal),
        clock,
    )
    sensor = Sensor(
        store,
        KeyFiles(folder / "keys"),
        Recorder(clock, "sensor.example.test", AuditFormat.V10_4_5, "0"),
        clock,
        SystemRandom(),
        installation=Installation("sensor-1", ("localhost", HOST)),
        reception=Reception(pool, JournalReadings(journal), threading.RLock()),
    )
    sensor.ensure_identity()
    pool.bind()
    pool.start(sensor.tls_material(), sensor)
    print(pool.ports[0], flush=True)  # noqa: T201 - the test reads it
    ended = threading.Event()
    threading.Thread(target=_until_input_ends, args=(ended,), daemon=True).start()
    while not ended.wait(0.05):
        sensor.save_statistics()
        print(sensor.stats()["packets_received"], flush=True)  # noqa: T201 - same
    pool.stop(0.5)
    sensor.save_statistics()
    print(sensor.stats()["packets_received"], flush=True)  # noqa: T201 - same
    store.close()


def _until_input_ends(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
