"""How a command ends: its exit code, and what it says of an error.

Errors are one line on stderr and a hint. Exit codes: 1 usage, 2 refused or not verified,
3 unavailable.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import typer
from typer._click.exceptions import ClickException

from sealwire.cli.output import printable
from sealwire.errors import SealwireError, Severity, UnavailableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

STOPPED = 130
"""As a shell reports SIGINT."""


def outcome_of(command: Callable[..., object], words: list[str]) -> int:
    """Run the command given as words; its exit code."""
    try:
        result = command(words, prog_name="sealwire", standalone_mode=False)
    except (SealwireError, ClickException, OSError, UnicodeEncodeError) as error:
        return _exit_code(error)
    except (typer.Abort, KeyboardInterrupt):
        _line("stopped")
        return STOPPED
    except SystemExit as left:
        # The library leaves by itself, with 1, when the reader of its pipe went away.
        if isinstance(left.__context__, BrokenPipeError):
            return _exit_code(left.__context__)
        raise
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
