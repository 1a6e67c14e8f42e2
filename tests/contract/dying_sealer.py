"""Runs in a process of its own that is killed: after each seal says how many records are sealed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from sealwire.sensor.journal import Position
from sealwire.stores.segments.store import SegmentStore
from tests.contract.records import HOUR, MIDNIGHT, SetClock, records

BATCH = 100


def main() -> None:
    store = SegmentStore(Path(sys.argv[1]), "sensor-1", SetClock(MIDNIGHT + 100 * HOUR))
    done = store.recover().positions.get(0, Position()).offset
    while True:
        messages = [b"%d" % number for number in range(done, done + BATCH)]
        times = [MIDNIGHT + number % 3 * HOUR for number in range(BATCH)]
        store.seal(records(messages, times), {0: Position(0, done + BATCH)})
        done += BATCH
        os.write(sys.stdout.fileno(), f"{done}\n".encode())
        store.compact(done)


if __name__ == "__main__":
    main()
