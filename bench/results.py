"""What a measurement says, and where it is kept when asked: ``bench/RESULTS.md``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

RESULTS: Final = Path(__file__).resolve().parent / "RESULTS.md"


def add_record_option(parser: argparse.ArgumentParser) -> None:
    """``--record``, whose value ``report`` wants."""
    parser.add_argument("--record", action="store_true", help=f"append to {RESULTS.name}")


def report(title: str, text: Sequence[str], *, record: bool) -> None:
    """Print lines of Markdown; with ``record`` append them under ``title`` as well."""
    print("\n".join(["", *text]))
    if record:
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write("\n".join(["", f"## {title}", "", *text]) + "\n")
