"""One target, fuzzed by which code its input reaches: ``python -m tests.fuzz.guided NAME ...``.

What follows the name goes to libFuzzer. ``make fuzz`` runs this for each target.
"""

from __future__ import annotations

import re
import sys
import warnings
from pathlib import Path

import atheris

SOURCES = Path(__file__).resolve().parents[2] / "src"
ARRAYS = re.compile(r"^\s*import numpy", re.MULTILINE)


def with_arrays() -> list[str]:
    """Modules that compare arrays: atheris keeps what each comparison gives, for ever."""
    return [
        ".".join(path.relative_to(SOURCES).with_suffix("").parts)
        for path in SOURCES.rglob("*.py")
        if ARRAYS.search(path.read_text(encoding="utf-8"))
    ]


# Before anything imports them: they are instrumented as they are loaded.
with atheris.instrument_imports(include=["sealwire"], exclude=with_arrays()):
    from tests.fuzz.targets import TARGETS, run


def main(name: str, words: list[str]) -> None:
    """Fuzz until libFuzzer's time is up or something is found."""
    warnings.simplefilter("error")
    target = TARGETS[name]

    def stands(data: bytes) -> None:
        run(target, data)

    atheris.Setup([sys.argv[0], f"-max_len={target.longest}", *words], stands)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
