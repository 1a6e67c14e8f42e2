"""What the engine inside the process must not do to who asks it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Final

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
