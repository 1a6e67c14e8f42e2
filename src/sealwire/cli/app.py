"""The command's words; each group lives in a module of its own."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sealwire.cli import node
from sealwire.cli.doctor import doctor
from sealwire.cli.lazy import FILES, RUN, LazyGroup
from sealwire.cli.outcome import outcome_of

app = typer.Typer(
    name="sealwire",
    cls=LazyGroup,
    help="Audit records from where they arise to where they are kept, with proof.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("up", rich_help_panel=RUN)(node.up)
app.command("serve", rich_help_panel=RUN)(node.serve)
app.command("demo", rich_help_panel=RUN)(node.demo)
app.command("doctor", rich_help_panel=FILES)(doctor)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"sealwire {version('sealwire')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Certificate authority, appliance and sensor in one."""


def run() -> None:
    """Run the command and leave with its exit code."""
    sys.exit(outcome(sys.argv[1:]))


def outcome(words: list[str]) -> int:
    """Run the command given as words; its exit code."""
    return outcome_of(app, words)
