"""The command's words. Each group lives in a module of its own."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False)


def run() -> None:
    """Run the command."""
    app()
