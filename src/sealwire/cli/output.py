"""How commands show things: JSON for scripts, plain aligned text for people.

Everything shown may come from outside, so control characters never reach the terminal raw.
"""

from __future__ import annotations

import json
import unicodedata
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def printable(text: str) -> str:
    r"""``text`` with every control, format or separator character written as ``\uXXXX``."""
    return "".join(
        char
        if unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        else f"\\u{ord(char):04x}"
        for char in text
    )


def show_json(document: object) -> None:
    """One JSON document."""
    typer.echo(json.dumps(document, ensure_ascii=True, indent=2))


def show_json_lines(documents: Iterable[object]) -> None:
    """One JSON object a line."""
    for document in documents:
        typer.echo(json.dumps(document, ensure_ascii=True))


def show_fields(fields: Mapping[str, object]) -> None:
    """``Name: value`` lines, aligned; empty values are left out."""
    width = max((len(name) for name in fields), default=0) + 1
    for name, value in fields.items():
        if value not in (None, "", []):
            typer.echo(f"{name + ':':<{width}} {printable(str(value))}")


def show_table(columns: Sequence[tuple[str, str]], rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows below a heading; each column is (key, heading)."""
    cells = [[heading for _, heading in columns]]
    cells += [[_cell(row.get(key)) for key, _ in columns] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    for line in cells:
        typer.echo("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip())


def show_findings(findings: Iterable[Mapping[str, Any]]) -> None:
    """One line a finding."""
    for finding in findings:
        typer.echo(f"  {finding['severity']}: {printable(finding['message'])}")


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return printable(str(value))
