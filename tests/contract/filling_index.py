"""Feeds an index: ``filling_index.py FOLDER SEALS``; says after each how far it is, and counts."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from sealwire.clock import SystemClock
from sealwire.sensor.query import HasWord, Search
from sealwire.stores.archive.engine import ChdbEngine
from sealwire.stores.archive.index import Index
from tests.contract.seals import seal
from tests.contract.stored_tables import DAY_US, START_US


def say(*numbers: int) -> None:
    sys.stdout.write(" ".join(map(str, numbers)) + "\n")
    sys.stdout.flush()


def main(folder: Path, seals: int) -> None:
    index = Index(ChdbEngine(folder), "sensor-1", SystemClock())
    say(index.indexed_upto())
    for number in range(seals):
        token, table = seal(number)
        if table["seq"][-1].as_py() > index.indexed_upto():
            index.insert(token, table)
            say(index.indexed_upto())
    search = Search(START_US, START_US + 3 * DAY_US)
    by_log = index.count(replace(search, condition=HasWord("logged")))
    in_log = replace(search, condition=HasWord("logged"), redelivered=True)
    say(by_log, index.count(search), index.count(in_log), index.indexed_upto())
    index.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
