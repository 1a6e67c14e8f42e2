"""How fast the index takes records and finds them again: ``python -m bench.search [MILLIONS]``.

Feeds an index of its own with records of one day in seals of 100,000, then asks what design
section 6 has targets for, each question several times with every cache of answers off; medians.
Processor seconds are those of this process, in which the engine is.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from bench.records import DAY_S, FIRST_DAY_NS, made_table
from sealwire.clock import SystemClock
from sealwire.sensor.query import Contains, Equals, Field, HasWord, Matches, Named, Search
from sealwire.stores.archive.engine import ChdbEngine
from sealwire.stores.archive.index import Index, seal_token

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sealwire.sensor.query import Condition

SEAL_ROWS: Final = 100_000
ROUNDS: Final = 7
BUSY: Final = "10.1.0.1"
RARE: Final = "10.1.1.100"
START_US: Final = FIRST_DAY_NS // 1000
END_US: Final = START_US + DAY_S * 1_000_000
HOUR_US: Final = 3_600_000_000
TARGETS_MS: Final = {
    "last 100 of a busy source": 50,
    "last 100 of a rare source": 50,
    "word, rare": 100,
    "word, common": 100,
    "word, nowhere": 100,
    "chart of the day by minute": 100,
    "chart of the day by minute, one source": 100,
}


def main() -> None:
    """Feed, ask, print a table; with --json FILE leave the figures there."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("millions", nargs="?", type=float, default=10.0)
    arguments.add_argument("--json", type=Path)
    arguments.add_argument("--folder", type=Path, help="keep the index there; asked again if full")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="sealwire-bench-") as scratch:
        folder = given.folder or Path(scratch) / "chdb"
        index = Index(ChdbEngine(folder), "bench", SystemClock())
        figures = fed(index, int(given.millions * 1_000_000))
        figures |= asked(index)
        index.close()
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2) + "\n")


def fed(index: Index, rows: int) -> dict[str, float]:
    """Insert until there are ``rows``; rows a second, processor seconds, bytes for each row."""
    rng = np.random.default_rng(20_261_120)
    seals = rows // SEAL_ROWS
    span = DAY_S * 1_000_000_000 // seals
    wall = spent = taken = 0.0
    for number in range(seals):
        start = FIRST_DAY_NS + number * span
        table = made_table(rng, 1 + number * SEAL_ROWS, SEAL_ROWS, start, start + span)
        if number * SEAL_ROWS < index.indexed_upto():
            continue
        before, begun = processor_s(), time.perf_counter()
        index.insert(seal_token("bench", number + 1, "0" * 64), table)
        wall += time.perf_counter() - begun
        spent += processor_s() - before
        taken += SEAL_ROWS
    figures = {"bytes per row": index.size_bytes() / index.indexed_upto()}
    if taken:
        figures["rows/s"] = taken / wall
        figures["processor-s per million rows"] = spent / taken * 1e6
    for name, value in figures.items():
        print(f"{name:45} {value:12,.1f}")
    return figures


def asked(index: Index) -> dict[str, float]:
    """Median milliseconds of each question."""
    figures = {}
    for name, ask in questions(index).items():
        walls, spent = [], processor_s()
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            ask()
            walls.append((time.perf_counter() - begun) * 1000)
        spent = (processor_s() - spent) / ROUNDS * 1000
        figures[name] = statistics.median(walls)
        target = f"target {TARGETS_MS[name]:4}" if name in TARGETS_MS else ""
        line = f"{name:45} {figures[name]:9.1f} ms  processor {spent:7.1f} ms  {target}"
        print(line)
        sys.stdout.flush()
    return figures


def questions(index: Index) -> Mapping[str, Callable[[], object]]:
    """What is asked, by name."""

    def day(condition: Condition | None = None) -> Search:
        return Search(START_US, END_US, condition)

    def hour(condition: Condition) -> Search:
        return Search(END_US - HOUR_US, END_US, condition)

    busy, rare = Equals(Field.SOURCE, BUSY), Equals(Field.SOURCE, RARE)
    rare_word, common = HasWord("user0568"), HasWord("Success")
    return {
        "last 100 of all": lambda: index.search(day()),
        "last 100 of a busy source": lambda: index.search(day(busy)),
        "last 100 of a rare source": lambda: index.search(day(rare)),
        "last 100 of a rare host": lambda: index.search(
            day(Equals(Field.HOST, "host199.example.com"))
        ),
        "word, rare": lambda: index.search(day(rare_word)),
        "word, common": lambda: index.search(day(common)),
        "word, nowhere": lambda: index.search(day(HasWord("nosuchword"))),
        "word, rare, counted": lambda: index.count(day(rare_word)),
        "substring in the last hour": lambda: index.search(
            hour(Contains(Field.MESSAGE, "ser0568@"))
        ),
        "expression in the last hour": lambda: index.search(
            hour(Matches(Field.MESSAGE, "user05[0-9]8 .*unit-1"))
        ),
        "field of the parser": lambda: index.search(day(Equals(Named("audit.user"), "user0568"))),
        "chart of the day by minute": lambda: index.chart(day(), 60),
        "chart of the day by minute, one source": lambda: index.chart(day(busy), 60),
        "count of the day": lambda: index.count(day()),
        "one record by number": lambda: index.record(SEAL_ROWS // 2),
    }


def processor_s() -> float:
    """User and system time of this process, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
