"""The command's edge: words in, exit code and harmless lines out."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import typer.main

from sealwire.cli import app as edge
from sealwire.cli.app import app, outcome
from sealwire.cli.lazy import GROUPS
from sealwire.cli.output import printable, show_fields, show_json, show_json_lines, show_table
from sealwire.errors import (
    ConflictError,
    Finding,
    ForbiddenError,
    NotFoundError,
    RefusedError,
    SealwireError,
    Severity,
    UnauthorizedError,
    UnavailableError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = typer.main.get_command(app)


def commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:  # noqa: ANN401 - a vendored class
    """Every group and command with its words."""
    yield words, command
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, (*words, name))


ALL = dict(commands(ROOT))


def outcome_of(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> int:
    def failing(*_words: object, **_settings: object) -> None:
        raise error

    monkeypatch.setattr(edge, "app", failing)
    return outcome([])


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_help(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome([*words, "--help"]) == 0
    said = capsys.readouterr()
    assert " ".join(("Usage: sealwire", *words)) in said.out
    assert said.err == ""


def test_the_groups_are_as_the_help_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in GROUPS.items():
        assert (ROOT.commands[name].name, ROOT.commands[name].help) == (name, text)  # type: ignore[attr-defined]
    assert outcome(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(name in said and text in said for name, text in GROUPS.items())


def test_every_listing_has_json() -> None:
    listings = [words for words in ALL if words and words[-1] in {"list", "show", "certificates"}]
    assert len(listings) > 5
    for words in listings:
        options = {option for parameter in ALL[words].params for option in parameter.opts}
        assert "--json" in options, words


def test_every_command_that_needs_a_node_takes_its_home() -> None:
    alone = {"csr", "cert", "chain", "serve", "pki", "doctor", "bench"}
    on_files = {("ca", "profile", "check"), ("audit", "verify-log")}
    for words, command in ALL.items():
        if words and words[0] not in alone and not hasattr(command, "commands"):
            if words in on_files:
                continue
            options = {option for parameter in command.params for option in parameter.opts}
            assert "--home" in options, words


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(["--version"]) == 0
    assert re.fullmatch(r"sealwire \d+\.\d+\.\d+\S*\n", capsys.readouterr().out)


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["ca", "nonsense"],
        ["--nonsense"],
        ["up", "--console-port", "many"],
        ["up", "--tls-ports", "a,b"],
        ["audit", "list", "--start", "-1"],
        ["serve", "--config", "/nowhere/node.toml"],
    ],
    ids=" ".join,
)
def test_wrong_words(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(words) == 1
    said = capsys.readouterr()
    assert said.out == ""
    first, *rest = said.err.splitlines()
    assert first.startswith("error: ")
    assert all(line.startswith("hint: ") for line in rest)


def test_no_words_are_answered_with_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome([]) == 1
    said = capsys.readouterr()
    assert "Usage: sealwire" in said.out + said.err
    assert "error" not in said.err


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (UsageError, 1),
        (RefusedError, 2),
        (NotFoundError, 2),
        (ConflictError, 2),
        (UnauthorizedError, 2),
        (ForbiddenError, 2),
        (UnavailableError, 3),
    ],
)
def test_errors(
    kind: type[SealwireError],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    findings = [
        Finding("a", Severity.ERROR, "told already"),
        Finding("b", Severity.ERROR, "first"),
        Finding("c", Severity.WARNING, "second"),
        Finding("d", Severity.INFO, "third"),
    ]
    error = kind("x", "what: told already", hint="do this", findings=findings)
    assert outcome_of(error, monkeypatch) == code
    assert capsys.readouterr().err == (
        "error: what: told already\n  error: first\n  warning: second\nhint: do this\n"
    )


def test_nothing_that_is_quoted_reaches_the_terminal_raw(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nasty = "a\x1b[2J\r\n\u202e\x9b\u2028b"
    finding = Finding("x", Severity.ERROR, nasty + "!")
    error = RefusedError("x", nasty, hint=nasty, findings=[finding])
    assert outcome_of(error, monkeypatch) == 2
    shown = "a\\u001b[2J\\u000d\\u000a\\u202e\\u009b\\u2028b"
    expected = [f"error: {shown}", f"  error: {shown}!", f"hint: {shown}"]
    assert capsys.readouterr().err == "\n".join(expected) + "\n"


def test_what_the_system_refuses(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    full = OSError(28, "No space left on device", "/srv/node/lock")
    assert outcome_of(full, monkeypatch) == 3
    assert capsys.readouterr().err == "error: No space left on device: /srv/node/lock\n"
    assert outcome_of(KeyboardInterrupt(), monkeypatch) == 130
    assert outcome_of(UnicodeEncodeError("utf-8", "\udcff", 0, 1, "x"), monkeypatch) == 1


def test_a_fault_of_the_program_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LookupError):
        outcome_of(LookupError("x"), monkeypatch)


def test_printable_keeps_what_can_be_read() -> None:
    plain = "Bücher, 本, \U0001d54f, naïve 100 %"
    assert printable(plain) == plain
    assert printable("\t\x00\x7f\u200b\ud800") == "\\u0009\\u0000\\u007f\\u200b\\ud800"


def test_shapes(capsys: pytest.CaptureFixture[str]) -> None:
    show_json({"a": "\u00e4\x1b"})
    assert capsys.readouterr().out == '{\n  "a": "\\u00e4\\u001b"\n}\n'
    show_json_lines([{"a": 1}, {"a": "x\ny"}])
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"a": 1},
        {"a": "x\ny"},
    ]
    show_fields({"Name": "a", "Longer": 0, "Nothing": "", "None": None, "List": []})
    assert capsys.readouterr().out == "Name:    a\nLonger:  0\n"
    show_table([("a", "A"), ("b", "BEE")], [{"a": True, "b": None}, {"a": "x\x07", "b": 7}])
    assert capsys.readouterr().out == "A        BEE\nyes      -\nx\\u0007  7\n"
    show_table([("a", "A")], [])
    assert capsys.readouterr().out == "A\n"
