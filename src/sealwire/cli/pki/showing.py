"""Giving out what the CA answered: as text or as JSON, to stdout or into a file."""

from __future__ import annotations

import json as json_text
from collections.abc import Callable
from pathlib import Path

import typer

from sealwire.cli.files import write_output
from sealwire.cli.output import show_json


def tell(text: str, *, box: str = "") -> None:
    """Print text that ends its own lines, below a box when there is one."""
    from sealwire.cli.pki_output import boxed

    typer.echo((boxed(box) if box else "") + text, nl=False)


def show(document: object, text: Callable[[], str], *, json: bool) -> None:
    """The document itself, or what is said about it."""
    if json:
        show_json(document)
    else:
        tell(text())


def save(document: object, file: Path) -> None:
    """Write the document as JSON, for its owner's eyes."""
    text = json_text.dumps(document, indent=2)
    write_output(file, f"{text}\n".encode(), mode=0o600)
