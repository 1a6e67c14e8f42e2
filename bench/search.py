"""How fast the index takes records and finds them again: ``python -m bench.search [MILLIONS]``.

Feeds an index of its own with records of one day in seals of 100,000, waits until it has merged
them, then asks what there are targets for, each question several times with every cache of
answers off; medians. CPU is that of this process, in which the engine is.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from bench.machine import description
from bench.records import DAY_S, FIRST_DAY_NS, made_table
from bench.results import add_record_option, report
from sealwire.clock import SystemClock
from sealwire.sensor.query import Contains, Equals, Field, HasWord, Matches, Named, Search
from sealwire.stores.archive.engine import ChdbEngine
from sealwire.stores.archive.index import Index, seal_token

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pyarrow as pa

    from sealwire.sensor.query import Condition
    from sealwire.stores.archive.engine import Parameter, Setting

SEAL_ROWS: Final = 100_000
ROUNDS: Final = 7
QUIET_S: Final = 3
"""So long without a merge, there is nothing left to merge."""
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
    arguments = argparse.ArgumentParser(prog="bench.search", description=__doc__)
    arguments.add_argument("millions", nargs="?", type=float, default=10.0)
    arguments.add_argument("--json", type=Path)
    arguments.add_argument("--folder", type=Path, help="keep the index there; asked again if full")
    add_record_option(arguments)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="sealwire-bench-") as scratch:
        folder = given.folder or Path(scratch) / "chdb"
        engine = AskedAnew(folder)
        index = Index(engine, "bench", SystemClock())
        figures = fed(index, engine, int(given.millions * 1_000_000))
        answers = asked(index)
        index.close()
    if given.json:
        timed = {name: answer._asdict() for name, answer in answers.items()}
        given.json.write_text(json.dumps({**figures, **timed}, indent=2) + "\n")
    if given.record:
        text = [*description(), *summary(given.millions, figures), "", *table(answers)]
        report("Search", text, record=True)


class AskedAnew(ChdbEngine):
    """Does not remember which rows answered a question."""

    def execute(
        self,
        sql: str,
        parameters: Mapping[str, Parameter] | None = None,
        settings: Mapping[str, Setting] | None = None,
    ) -> pa.Table:
        """See Engine."""
        return super().execute(
            sql, parameters, {**(settings or {}), "use_query_condition_cache": 0}
        )


def summary(millions: float, figures: Mapping[str, float]) -> list[str]:
    """Lines of Markdown about what was asked."""
    told = "; ".join(f"{name} {value:,.1f}" for name, value in figures.items())
    what = f"{millions:g} million records of one day, 200 sources, in seals of {SEAL_ROWS:,}"
    return [f"- {what}; medians of {ROUNDS}", f"- feeding it: {told}"]


def table(answers: Mapping[str, Answer]) -> list[str]:
    """Lines of Markdown: each question, what it took, and whether that is what was wanted."""
    lines = ["| question | wall ms | CPU ms | target ms | met |", "|---|--:|--:|--:|---|"]
    for name, answer in answers.items():
        target = TARGETS_MS.get(name)
        verdict = "" if target is None else "yes" if answer.wall_ms < target else "no"
        wanted = "" if target is None else f"< {target}"
        lines.append(
            f"| {name} | {answer.wall_ms:.1f} | {answer.cpu_ms:.1f} | {wanted} | {verdict} |"
        )
    return lines


def fed(index: Index, engine: ChdbEngine, rows: int) -> dict[str, float]:
    """Insert until there are ``rows``; rows a second, CPU seconds, bytes for each row.

    The CPU is that of inserting and of all merging that it gives rise to.
    """
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
    spent += merged(engine)
    figures = {"bytes a row": index.size_bytes() / index.indexed_upto()}
    if taken:
        figures["rows/s"] = taken / wall
        figures["CPU-s a million rows"] = spent / taken * 1e6
    for name, value in figures.items():
        print(f"{name:45} {value:12,.1f}")
    return figures


def merged(engine: ChdbEngine) -> float:
    """Wait until the engine merges nothing; CPU seconds that this took."""
    before, quiet = processor_s(), 0
    while quiet < QUIET_S:
        time.sleep(1)
        running = engine.execute("SELECT count() AS merges FROM system.merges")["merges"][0]
        quiet = 0 if running.as_py() else quiet + 1
    return processor_s() - before


class Answer(NamedTuple):
    """What a question took: medians, milliseconds."""

    wall_ms: float
    cpu_ms: float


def asked(index: Index) -> dict[str, Answer]:
    """What each question took."""
    figures = {}
    for name, ask in questions(index).items():
        walls, costs = [], []
        for _ in range(ROUNDS):
            before, begun = processor_s(), time.perf_counter()
            ask()
            walls.append((time.perf_counter() - begun) * 1000)
            costs.append((processor_s() - before) * 1000)
        answer = Answer(statistics.median(walls), statistics.median(costs))
        figures[name] = answer
        target = f"target {TARGETS_MS[name]:4}" if name in TARGETS_MS else ""
        line = f"{name:45} {answer.wall_ms:9.1f} ms  CPU {answer.cpu_ms:7.1f} ms  {target}"
        print(line, flush=True)
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
