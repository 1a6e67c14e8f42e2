"""The command's words; each group lives in a module of its own.

Errors are one line on stderr and a hint. Exit codes: 1 usage, 2 refused or not verified,
3 unavailable.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer
from typer._click.exceptions import ClickException

from sealwire.cli import node
from sealwire.cli.doctor import doctor
from sealwire.cli.lazy import FILES, RUN, LazyGroup
from sealwire.cli.output import printable
from sealwire.errors import SealwireError, Severity, UnavailableError, UsageError

_STOPPED = 130  # as a shell reports SIGINT

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
    try:
        result = app(words, prog_name="sealwire", standalone_mode=False)
    except (SealwireError, ClickException, OSError, UnicodeEncodeError) as error:
        return _exit_code(error)
    except (typer.Abort, KeyboardInterrupt):
        _line("stopped")
        return _STOPPED
    return result if isinstance(result, int) else 0


def _exit_code(error: SealwireError | ClickException | OSError | UnicodeEncodeError) -> int:
    """Say what went wrong; the code to leave with."""
    match error:
        case SealwireError():
            _say(error)
            code = error.exit_code
        case ClickException():
            _misused(error)
            code = UsageError.exit_code
        case BrokenPipeError():
            # The reader went away (`| head`): what it wanted, it has.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 0
        case OSError():
            _line(f"error: {error.strerror or error}: {error.filename or 'the system refused'}")
            code = UnavailableError.exit_code
        case _:
            _line("error: the words or the answer hold characters that have no encoding here")
            code = UsageError.exit_code
    return code


def _misused(error: ClickException) -> None:
    """Say what is wrong with the words. The message is empty when the help was printed."""
    message = error.format_message()
    context = getattr(error, "ctx", None)
    if message:
        _line(f"error: {message}")
    if message and context is not None:
        _line(f"hint: {context.command_path} --help")


def _say(error: SealwireError) -> None:
    _line(f"error: {error.message}")
    for finding in error.findings:
        if finding.severity is not Severity.INFO and finding.message not in error.message:
            _line(f"  {finding.severity.value}: {finding.message}")
    if error.hint:
        _line(f"hint: {error.hint}")


def _line(text: str) -> None:
    """One line on stderr; it may quote anything, so nothing of it reaches the terminal raw."""
    typer.echo(printable(text), err=True)
