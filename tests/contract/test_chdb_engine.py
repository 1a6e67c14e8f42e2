"""The engine inside the process comes back, and where it does not, somebody is told."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Final

import pytest

from sealwire.stores.archive.engine import ChdbEngine, EngineError

if TYPE_CHECKING:
    from pathlib import Path

LONGEST_S: Final = 60
ASKING: Final = """
import os, sys
from pathlib import Path
from sealwire.stores.archive.engine import ChdbEngine

columns = ", ".join(f"toString(number) AS column_{place}" for place in range(20))
engine = ChdbEngine(Path(sys.argv[1]))
for _ in range(40):
    answer = engine.execute(
        f"SELECT number, {columns} FROM numbers_mt(3000)",
        settings={"max_block_size": 10, "max_threads": 2},
    )
    assert answer.num_rows == 3000, answer.num_rows
print("answered", flush=True)
os._exit(0)
"""


def test_answers_of_many_blocks_come_to_an_end(tmp_path: Path) -> None:
    """As the engine is set by itself it waits for ever at one of the first of these."""
    asking = [sys.executable, "-c", ASKING, str(tmp_path / "chdb")]
    asked = subprocess.run(asking, capture_output=True, text=True, timeout=LONGEST_S, check=False)
    assert asked.stdout == "answered\n", asked.stderr


def test_who_waits_too_long_says_so_and_is_not_stuck_as_well(tmp_path: Path) -> None:
    told = threading.Event()
    engine = ChdbEngine(tmp_path / "chdb", told.set, patience_s=0.2)
    begun = threading.Event()

    def ask_for_long() -> None:
        begun.set()
        engine.execute("SELECT sleepEachRow(1) AS slept FROM numbers(2)")

    def ask_until_told() -> None:
        while not told.is_set():
            engine.execute("SELECT 1 AS one")

    asking = threading.Thread(target=ask_for_long)
    asking.start()
    begun.wait()
    with pytest.raises(EngineError):
        ask_until_told()
    asking.join()
    assert engine.execute("SELECT 1 AS one")["one"].to_pylist() == [1]
    engine.close()
