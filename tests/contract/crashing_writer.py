"""Runs in a process of its own that is killed: says each index after its commit was answered."""

from __future__ import annotations

import os
import sys
import threading

from sealwire.audit.events import auth_success
from sealwire.audit.formats import AuditFormat
from sealwire.audit.recorder import Recorder
from sealwire.clock import SystemClock
from sealwire.stores.sql import SqlStore

RECORDER = Recorder(SystemClock(), "ca1.example.com", AuditFormat.V10_4_5, "0.1.0")


def write(store: SqlStore) -> None:
    event = auth_success("caadmin", "m")
    while True:
        record = store.run(lambda tx: RECORDER.record(tx, "ca", event))
        # One system call for a line: lines of several threads do not mix.
        os.write(sys.stdout.fileno(), f"{record.idx}\n".encode())


def main() -> None:
    store = SqlStore(sys.argv[1])
    for _ in range(4):
        threading.Thread(target=write, args=(store,)).start()


if __name__ == "__main__":
    main()
