"""What the documents tell people to type and to look at exists."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer

from sealwire.cli.app import app
from sealwire.config.node import NodeConfig
from sealwire.sensor.query import Field
from sealwire.sensor.query_rules import CODED
from sealwire.sensor.query_words import condition_of
from sealwire.sensor.time_words import moment_us

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
TREE = typer.main.get_command(app)
LEADING = ("README.md", "CONTRIBUTING.md")
DOCUMENTS = (*LEADING, *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")))
OF_THE_USER = {"node.toml"}
SEPARATORS = {"|", "||", "&&", ";", "&", ">", ">>", "<"}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PATH = re.compile(r"(?:src|tests|tools|bench)(?:/[\w.-]+)+|[\w.-]+\.(?:md|toml|lock)")


# --- reading documents ---------------------------------------------------------------------------


def code_blocks(text: str) -> list[tuple[str, str]]:
    """Language and content of fenced blocks, then of indented ones."""
    fenced = FENCE.findall(text)
    rest = FENCE.sub("", text)
    indented = [line[4:] for line in rest.splitlines() if line.startswith("    ")]
    return [*fenced, *([("", "\n".join(indented))] if indented else [])]


def typed_lines(block: str) -> list[str]:
    """What a reader types: the lines after a prompt where there are prompts, else all."""
    lines = block.replace("\\\n", " ").splitlines()
    prompted = [line.strip()[2:] for line in lines if line.strip().startswith("$ ")]
    return prompted or [line.strip() for line in lines]


def commands(line: str) -> Iterator[list[str]]:
    """The words of each command on a line that runs our program or make."""
    try:
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError:
        return
    command: list[str] = []
    for word in [*words, ";"]:
        if word not in SEPARATORS:
            command.append(word)
            continue
        while command and re.fullmatch(r"\w+=.*", command[0]):
            command.pop(0)
        if command and Path(command[0]).name in {"sealwire", "make"}:
            yield [Path(command[0]).name, *command[1:]]
        command = []


def spans(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", FENCE.sub("", text))


def found_in(text: str) -> list[tuple[list[str], bool]]:
    """Commands in blocks (to be complete) and in running text (may be the beginning of one)."""
    typed = [
        (command, True)
        for language, block in code_blocks(text)
        if language in {"", "sh", "console", "shell", "bash"}
        for line in typed_lines(block)
        for command in commands(line)
    ]
    return typed + [(command, False) for span in spans(text) for command in commands(span)]


# --- judging them against the real thing --------------------------------------------------------


class DocumentError(AssertionError):
    """A document names something that does not exist."""


def option_of(command: Any, word: str) -> Any:  # noqa: ANN401 - the command tree has no public type
    for parameter in command.params:
        if word in (*getattr(parameter, "opts", ()), *getattr(parameter, "secondary_opts", ())):
            return parameter
    if word == "--help":
        return None
    raise DocumentError(f"{command.name} has no option {word}")


def walk(words: list[str], *, complete: bool) -> None:
    """Follow the words through the command tree; DocumentError where they leave it."""
    command: Any = TREE
    waiting, given = list(words), set()
    positional = 0
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            positional += len(waiting)
            break
        if word.startswith("-") and word != "-":
            name, equals, _ = word.partition("=")
            option = option_of(command, name)
            if option is None or option.is_eager:
                return  # --help and --version need nothing else
            given.add(option.name)
            if not equals and not getattr(option, "is_flag", False) and waiting:
                waiting.pop(0)
        elif hasattr(command, "commands"):
            if word not in command.commands:
                raise DocumentError(f"{command.name} has no command {word}")
            command, given = command.commands[word], set()
        else:
            positional += 1
    check_arguments(command, positional, given, complete=complete)


def check_arguments(command: Any, positional: int, given: set[str], *, complete: bool) -> None:  # noqa: ANN401 - as above
    wanted = [one for one in command.params if one.param_type_name == "argument"]
    if positional > len(wanted) and all(one.nargs == 1 for one in wanted):
        raise DocumentError(f"{command.name} takes {len(wanted)} arguments, not {positional}")
    if not complete:
        return
    if hasattr(command, "commands"):
        raise DocumentError(f"{command.name} needs one of {', '.join(command.commands)}")
    needed = sum(1 for one in wanted if one.required)
    if positional < needed:
        raise DocumentError(f"{command.name} needs {needed} arguments, not {positional}")
    for one in command.params:
        if one.required and one.param_type_name == "option" and one.name not in given:
            raise DocumentError(f"{command.name} needs {one.opts[0]}")


def make_targets() -> set[str]:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z][\w/.-]*):(?!=)", text, re.MULTILINE))


def check(words: list[str], *, complete: bool) -> None:
    if words[0] == "sealwire":
        walk(words[1:], complete=complete)
        return
    targets = [word for word in words[1:] if "=" not in word and not word.startswith("-")]
    missing = set(targets) - make_targets()
    if missing:
        raise DocumentError(f"make has no target {', '.join(sorted(missing))}")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_command_exists(name: str) -> None:
    found = found_in((ROOT / name).read_text(encoding="utf-8"))
    assert found or name not in LEADING, f"{name} tells nobody what to type"
    for words, complete in found:
        check(words, complete=complete)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_setting_exists(name: str) -> None:
    for language, block in code_blocks((ROOT / name).read_text(encoding="utf-8")):
        if language == "toml":
            NodeConfig.model_validate(tomllib.loads(block))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_path_exists(name: str) -> None:
    named = [
        span for span in spans((ROOT / name).read_text(encoding="utf-8")) if PATH.fullmatch(span)
    ]
    missing = [one for one in named if one not in OF_THE_USER and not (ROOT / one).exists()]
    assert missing == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_leads_somewhere(name: str) -> None:
    targets = re.findall(r"\]\(([^)#]+)", FENCE.sub("", (ROOT / name).read_text(encoding="utf-8")))
    within = [target for target in targets if "://" not in target]
    assert [one for one in within if not ((ROOT / name).parent / one).exists()] == []


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if name not in LEADING])
def test_every_page_is_linked(name: str) -> None:
    assert f"({name})" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_example_of_a_question_is_one() -> None:
    text = (ROOT / "docs" / "search.md").read_text(encoding="utf-8")
    section = text.partition("## Questions")[2].partition("\n## ")[0]
    questions = re.findall(r"^\| `(.+?)` \|", section, re.MULTILINE)
    assert len(questions) > 10
    for question in questions:
        assert condition_of(question) is not None


def test_every_field_and_time_of_a_question_is_told() -> None:
    told = set(spans((ROOT / "docs" / "search.md").read_text(encoding="utf-8")))
    assert {field.value for field in Field}.union(*CODED.values()) <= told
    for words in ("15m", "2h", "7d", "now", "2026-11-22", "2026-11-22T10:20"):
        assert words in told
        moment_us(words, 0)


def table_after(heading: str) -> set[str]:
    """The words in the first column of the first table behind ``heading``."""
    text = (ROOT / "docs" / "receiving.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| (`.+?) \|", text.partition(heading)[2].partition("\n#")[0], re.MULTILINE
    )
    return {word for row in rows for word in re.findall(r"`(\w+)`", row)}


def named_in(pattern: str, *places: str) -> set[str]:
    files = [path for place in places for path in sorted((ROOT / "src/sealwire").glob(place))]
    return {
        name for path in files for name in re.findall(pattern, path.read_text(encoding="utf-8"))
    }


def test_every_reason_to_refuse_a_sender_is_explained() -> None:
    words = r"[a-z]+(?:_[a-z0-9]+)+"
    given = named_in(rf'(?:_fail|drop|refused|Overdue)\([\w.,\s\[\]]*?"({words})"', "net/[!d]*.py")
    given |= named_in(rf'"({words})", "', "net/tls.py", "net/deadlines.py")
    given |= named_in(rf'\(\s+"({words})",\s+"', "net/tls.py")
    assert len(given) > 15
    assert given - table_after("## When nothing arrives") == set()


def test_every_alarm_is_explained() -> None:
    raised = named_in(r'alarm\(\s*"([a-z_]+)"', "net/*.py", "bootstrap/*.py")
    assert len(raised) > 5
    assert raised - table_after("Alarms stand in") == set()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_environment_variable_is_read(name: str) -> None:
    sources = [*(ROOT / "src").rglob("*.py"), ROOT / "tests" / "conftest.py"]
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    text = (ROOT / name).read_text(encoding="utf-8")
    assert [one for one in re.findall(r"\bSEALWIRE_\w+", text) if one not in code] == []


@pytest.mark.parametrize("target", ["up", "demo", "test", "soak", "lint", "bench"])
def test_the_promised_targets_are_there(target: str) -> None:
    assert target in make_targets()


@pytest.mark.parametrize(
    "line",
    [
        "sealwire upp",
        "sealwire up --speed 3",
        "sealwire csr new --out-dir .",
        "sealwire csr show",
        "sealwire sensor",
        "sealwire sensor stats --jsn",
        "sealwire sensor stats now | head",
        "echo x && sealwire pki -q caadmin ca-cert-request-show 7",
        "make tset",
        "sealwire sensor record -- 1 2",
        "make bench/out/nothing",
    ],
)
def test_a_wrong_command_is_noticed(line: str) -> None:
    [words] = commands(line)
    with pytest.raises(DocumentError):
        check(words, complete=True)


@pytest.mark.parametrize(
    "line",
    [
        "sealwire --version",
        "sealwire sensor stats --json | head",
        "SEALWIRE_HOME=x .venv/bin/sealwire pki -n caadmin ca-cert-request-show 7",
        "make test ARGS='-k x'",
        "cd x && make up",
        "sealwire sensor search --json -- -root app=sshd",
    ],
)
def test_a_right_command_passes(line: str) -> None:
    [words] = commands(line)
    check(words, complete=True)


def test_only_prompted_lines_are_commands_where_there_are_prompts() -> None:
    block = "```console\n$ sealwire sensor \\\n  stats\nsealwire is what it prints\n```\n"
    assert found_in(block) == [(["sealwire", "sensor", "stats"], True)]
