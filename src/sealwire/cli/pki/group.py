"""How the group of Dogtag's words behaves as a whole: errors, exit codes, unknown words.

Every error leaves with exit code 255, as Dogtag's command line does: ``ERROR: ...`` for what the
command found, the exception's name for what the server refused. Where Dogtag says no more, a hint
follows on a line of its own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import typer.main
from typer._click.exceptions import (
    BadOptionUsage,
    ClickException,
    MissingParameter,
    NoSuchOption,
)
from typer.core import TyperGroup

from sealwire.cli.pki_output import visible
from sealwire.errors import SealwireError, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

FAILED: Final = 255
_PADDING: Final = 35
_MISSING: Final = {
    "client-cert-request": "Missing subject DN or request username.",
    "ca-cert-request-show": "Missing Certificate Request ID.",
    "ca-cert-request-profile-show": "Missing Profile ID.",
    "ca-cert-show": "Missing Serial Number.",
    "ca-cert-export": "Missing serial number",
    "ca-cert-revoke": "Missing serial numbers",
    "ca-cert-hold": "Missing serial numbers",
    "ca-cert-release-hold": "Missing serial numbers",
    "ca-audit-file-retrieve": "Missing audit file name.",
    "ca-profile-add": "No filename specified.",
    "ca-profile-mod": "No filename specified.",
}
"""What Dogtag says to a word without its argument; requests and profiles have one text each."""


WORDS: Final[Mapping[str, str]] = {
    "client-cert-request": "enrollment",
    "ca-cert-request-submit": "enrollment",
    "ca-cert-request-find": "request",
    "ca-cert-request-show": "request",
    "ca-cert-request-review": "request",
    "ca-cert-request-approve": "request",
    "ca-cert-request-reject": "request",
    "ca-cert-request-cancel": "request",
    "ca-cert-request-update": "request",
    "ca-cert-request-validate": "request",
    "ca-cert-request-assign": "request",
    "ca-cert-request-unassign": "request",
    "ca-cert-request-profile-find": "request",
    "ca-cert-request-profile-show": "request",
    "ca-cert-find": "certificate",
    "ca-cert-show": "certificate",
    "ca-cert-export": "certificate",
    "ca-cert-issue": "enrollment",
    "ca-cert-revoke": "certificate",
    "ca-cert-hold": "certificate",
    "ca-cert-release-hold": "certificate",
    "ca-profile-find": "profile",
    "ca-profile-show": "profile",
    "ca-profile-add": "profile",
    "ca-profile-mod": "profile",
    "ca-profile-del": "profile",
    "ca-profile-enable": "profile",
    "ca-profile-disable": "profile",
    "ca-audit-show": "audit",
    "ca-audit-mod": "audit",
    "ca-audit-file-find": "audit",
    "ca-audit-file-retrieve": "audit",
}
"""Every word, in the order of the help, and the module (``..._words``) that has it."""


class Commands(Mapping[str, Any]):
    """The words' commands, each made when it is asked for: there are many, and one is run."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - a vendored class
        """The command for one word. Raises KeyError."""
        if name not in self._made:
            words = import_module(f"sealwire.cli.pki.{WORDS[name]}_words").WORDS
            alone = typer.Typer(add_completion=False)
            alone.command(name)(words[name])
            self._made[name] = typer.main.get_command(alone)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        """The words."""
        return iter(WORDS)

    def __len__(self) -> int:
        """How many there are."""
        return len(WORDS)


class PkiGroup(TyperGroup):
    """The words after ``sealwire pki``. ``cert-...`` and ``profile-...`` mean those of the CA."""

    def __init__(self, *arguments: Any, **extra: Any) -> None:  # noqa: ANN401 - passed on
        super().__init__(*arguments, **extra)
        self.commands = Commands()  # type: ignore[assignment]  # nothing is added later

    def make_context(self, *arguments: Any, **extra: Any) -> Any:  # noqa: ANN401 - passed on
        """Read the options before the word."""
        with _dogtags_way():
            return super().make_context(*arguments, **extra)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - passed on
        """Carry out the word."""
        with _dogtags_way():
            return super().invoke(ctx)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 - passed on
        """The word, also as it was named before there were subsystems."""
        return super().get_command(ctx, cmd_name) or super().get_command(ctx, f"ca-{cmd_name}")

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - passed on
        """Find the word; part of one lists the words that begin so."""
        word = args[0]
        if self.get_command(ctx, word) is not None:
            return super().resolve_command(ctx, args)
        below = [name for name in self.commands if name.startswith(f"{word}-")]
        if below:
            typer.echo(self._listed(below), nl=False)
            raise typer.Exit
        _line(f'ERROR: Invalid module "{word}".')
        typer.echo(self._listed(list(self.commands)), err=True, nl=False)
        raise typer.Exit(FAILED)

    def _listed(self, names: list[str]) -> str:
        width = _PADDING - 1
        lines = [
            f" {name:<{width}} {self.commands[name].get_short_help_str(200)}" for name in names
        ]
        return "\n".join(["Commands:", *lines]) + "\n"


@contextmanager
def _dogtags_way() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except (SealwireError, ClickException, OSError) as error:
        report(error)
        raise typer.Exit(FAILED) from None


def report(error: SealwireError | ClickException | OSError) -> None:
    """Say on stderr what went wrong, as Dogtag's command line would."""
    match error:
        case SealwireError():
            _line(f"{getattr(error, 'class_name', 'ERROR')}: {error.message}")
            for finding in error.findings:
                if finding.severity is not Severity.INFO and finding.message not in error.message:
                    _line(f"  {finding.severity}: {finding.message}")
            if error.hint:
                _line(f"hint: {error.hint}")
        case ClickException():
            _misused(error)
        case _:
            _line(f"ERROR: {error.strerror or error}: {error.filename or 'the system refused'}")


def _misused(error: ClickException) -> None:
    """What is wrong with the words. The message is empty when the help was printed."""
    context = getattr(error, "ctx", None)
    word = "" if context is None else str(context.info_name)
    match error:
        case NoSuchOption():
            _line(f"Unrecognized option: {error.option_name}")
        case BadOptionUsage() if "requires an argument" in error.format_message():
            _line(f"Missing argument for option: {error.option_name.lstrip('-')}")
        case MissingParameter():
            _line(f"ERROR: {_missing(word) or error.format_message()}")
        case _ if error.format_message():
            _line(f"ERROR: {error.format_message()}")
        case _:
            return
    if context is not None:
        _line(f"hint: {context.command_path} --help")


def _missing(word: str) -> str:
    if word in _MISSING:
        return _MISSING[word]
    if word.startswith("ca-cert-request-"):
        return "Missing certificate request ID"
    return "No Profile ID specified." if word.startswith("ca-profile-") else ""


def _line(text: str) -> None:
    text = visible(text)
    try:
        typer.echo(text, err=True)
    except UnicodeEncodeError:
        sys.stderr.buffer.write(text.encode("ascii", "backslashreplace") + os.linesep.encode())
