"""``ca-profile-*``: profiles found, shown, added, changed, removed, enabled, disabled."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from sealwire.cli.files import read_input, write_output
from sealwire.cli.output import JsonOption
from sealwire.cli.pki import showing as out
from sealwire.cli.pki.connection import sessions_of
from sealwire.cli.pki.profile_output import profile_box, profile_shown, profiles_found
from sealwire.cli.pki.reading import json_object
from sealwire.cli.pki_output import boxed, visible, visible_lines
from sealwire.cli.session import segment
from sealwire.errors import UsageError

_PROFILE_ID: Final = re.compile(rb"^[ \t]*profileId[ \t]*[=:][ \t]*(\S+)[ \t\r]*$", re.MULTILINE)

ProfileId = Annotated[str, typer.Argument(metavar="PROFILE_ID")]
ProfileFile = Annotated[Path, typer.Argument(metavar="FILE", help="JSON, or raw with --raw.")]
RawOption = Annotated[bool, typer.Option("--raw", help="Dogtag's own configuration format.")]
OutputOption = Annotated[Path | None, typer.Option("--output", help="Write it here.")]


def find(
    context: typer.Context,
    start: Annotated[int | None, typer.Option("--start", help="Page start.")] = None,
    size: Annotated[int | None, typer.Option("--size", help="Page size.")] = None,
    shown: Annotated[str | None, typer.Option("--visible", help="true or false.")] = None,
    enabled: Annotated[str | None, typer.Option("--enable", help="true or false.")] = None,
    enabled_by: Annotated[str | None, typer.Option("--enableBy", help="By this user.")] = None,
    json: JsonOption = False,
) -> None:
    """Find profiles."""
    asked = {"visible": _truth(shown), "enable": _truth(enabled), "enableBy": enabled_by}
    with sessions_of(context).session() as ca:
        listed = ca.get("profiles", start=start, size=size, **asked)
    out.show(listed, lambda: profiles_found(listed), json=json)


def show(
    context: typer.Context,
    profile_id: ProfileId,
    raw: RawOption = False,
    output: OutputOption = None,
    json: JsonOption = False,
) -> None:
    """Show profiles."""
    path = f"profiles/{segment(profile_id)}"
    with sessions_of(context).session() as ca:
        content = ca.content(f"{path}/raw", accept="*/*") if raw else b""
        document = {} if raw else ca.get(path)
    if output is not None:
        if raw:
            write_output(output, content)
        else:
            out.save(document, output)
        out.tell("", box=f"Saved profile {visible(profile_id)} to {visible(str(output))}")
    elif raw:
        out.tell(visible_lines(content.decode("utf-8", "replace")))
    else:
        head = profile_box(profile_id)
        out.show(document, lambda: head + profile_shown(document), json=json)


def add(context: typer.Context, file: ProfileFile, raw: RawOption = False) -> None:
    """Add profile."""
    content = read_input(file)
    with sessions_of(context).session() as ca:
        if raw:
            name = _raw_id(content)
            answer = ca.send_content("POST", "profiles/raw", content)
            _show_raw(answer, f"Added profile {name}")
        else:
            made = ca.post("profiles", _profile(content, file))
            _show_profile(made, "Added profile")


def modify(context: typer.Context, file: ProfileFile, raw: RawOption = False) -> None:
    """Modify profile."""
    content = read_input(file)
    with sessions_of(context).session() as ca:
        if raw:
            name = _raw_id(content)
            answer = ca.send_content("PUT", f"profiles/{segment(name)}/raw", content)
            _show_raw(answer, f"Modified profile {name}")
        else:
            document = _profile(content, file)
            made = ca.put(f"profiles/{segment(str(document['id']))}", document)
            _show_profile(made, "Modified profile")


def remove(context: typer.Context, profile_id: ProfileId) -> None:
    """Remove profile."""
    with sessions_of(context).session() as ca:
        ca.delete(f"profiles/{segment(profile_id)}")
    out.tell("", box=f'Deleted profile "{visible(profile_id)}"')


def enable(context: typer.Context, profile_id: ProfileId) -> None:
    """Enable profile."""
    _switch(context, profile_id, "enable", "Enabled")


def disable(context: typer.Context, profile_id: ProfileId) -> None:
    """Disable profile."""
    _switch(context, profile_id, "disable", "Disabled")


WORDS: Final[dict[str, Callable[..., None]]] = {
    "ca-profile-find": find,
    "ca-profile-show": show,
    "ca-profile-add": add,
    "ca-profile-mod": modify,
    "ca-profile-del": remove,
    "ca-profile-enable": enable,
    "ca-profile-disable": disable,
}


def _truth(text: str | None) -> str | None:
    """As Java reads it: what is not ``true`` is false."""
    return None if text is None else str(text.lower() == "true").lower()


def _switch(context: typer.Context, profile_id: str, action: str, done: str) -> None:
    with sessions_of(context).session() as ca:
        ca.post(f"profiles/{segment(profile_id)}", action=action)
    out.tell("", box=f'{done} profile "{visible(profile_id)}"')


def _profile(content: bytes, file: Path) -> dict[str, Any]:
    document = json_object(content, file, "profile", hint="or say --raw")
    if "id" not in document:
        raise UsageError("pki.profile", f"{file} does not say the profile's id")
    return document


def _raw_id(content: bytes) -> str:
    found = _PROFILE_ID.search(content)
    if found is None:
        raise UsageError("pki.profile", "Missing profileId property in profile data.")
    return found[1].decode("utf-8", "replace")


def _show_raw(answer: bytes, done: str) -> None:
    out.tell(visible_lines(answer.decode("utf-8", "replace")) + boxed(visible(done)))


def _show_profile(document: dict[str, Any], done: str) -> None:
    shown = profile_shown(document)
    out.tell(shown, box=f"{done} {visible(str(document['id']))}")
