"""``sealwire ca profile``: what may be asked for, written by one person and enabled by another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sealwire.cli.files import read_input
from sealwire.cli.output import JsonOption, show_fields, show_json, show_table
from sealwire.cli.session import HomeOption, api, segment

_PROFILES = "/api/v1/ca/profiles"

profile_app = typer.Typer(no_args_is_help=True, help="What may be asked for and is issued.")

FileArgument = Annotated[Path, typer.Argument(help="A profile's TOML document.")]


@profile_app.command("list")
def profile_list(home: HomeOption = None, json: JsonOption = False) -> None:
    """List the profiles."""
    with api(home) as client:
        listing = client.call("GET", _PROFILES)
    if json:
        show_json(listing)
        return
    columns = [("id", "PROFILE"), ("version", "VERSION"), ("enabled", "ENABLED"), ("name", "NAME")]
    show_table(columns, listing["entries"])


@profile_app.command("show")
def profile_show(
    profile: str,
    home: HomeOption = None,
    document: Annotated[
        bool, typer.Option("--document", help="Print its TOML document, to be edited and put.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Show one profile: what it accepts and what it issues."""
    path = f"{_PROFILES}/{segment(profile)}"
    with api(home) as client:
        if document:
            typer.echo(client.text("GET", f"{path}/document"), nl=False)
            return
        shown = client.call("GET", path)
    if json:
        show_json(shown)
        return
    show_fields(_fields(shown))


def _fields(shown: dict[str, Any]) -> dict[str, object]:
    accepted, issued, approval = shown["constraints"], shown["defaults"], shown["approval"]
    purposes = issued["extended_key_usage"]
    return {
        "Profile": shown["id"],
        "Name": shown["name"],
        "Description": shown["description"],
        "Enabled": "yes" if shown["enabled"] else "no",
        "Version": shown["version"],
        "Changed by": shown["changed_by"],
        "Accepts subject": accepted["subject"]["pattern"],
        "Accepts RSA bits": ", ".join(map(str, accepted["key"]["rsa"])),
        "Accepts EC curves": ", ".join(accepted["key"]["ec"]),
        "Issues for days": issued["validity"]["days"],
        "Issues a CA": "yes" if issued["basic_constraints"] else "",
        "Issues purposes": ", ".join(purposes["purposes"]) if purposes else "",
        "Approvers": approval["approvers"],
        "Not the submitter": "yes" if approval["separate_submitter"] else "",
        "Waived by lint": ", ".join(shown["lint"]["waivers"]),
        "Digest": shown["digest"],
    }


@profile_app.command("check")
def profile_check(file: FileArgument, json: JsonOption = False) -> None:
    """Read a profile and print every fault; nothing is stored."""
    from sealwire.ca.profile_register import check_profile

    profile = check_profile(read_input(file), source=file.name)
    found = {"id": profile.profile_id, "name": profile.name, "digest": profile.digest}
    if json:
        show_json(found)
    else:
        show_fields({"Profile": found["id"], "Name": found["name"], "Digest": found["digest"]})


@profile_app.command("put")
def profile_put(file: FileArgument, home: HomeOption = None, json: JsonOption = False) -> None:
    """Store a profile or its next version, disabled; an agent enables it."""
    from sealwire.ca.profile_register import check_profile

    content = read_input(file)
    check_profile(content, source=file.name)
    with api(home) as client:
        _show(client.call("POST", _PROFILES, json={"document": content.decode()}), json=json)


@profile_app.command("enable")
def profile_enable(profile: str, home: HomeOption = None, json: JsonOption = False) -> None:
    """Let a profile be asked for."""
    _switch(profile, "enable", home, json=json)


@profile_app.command("disable")
def profile_disable(profile: str, home: HomeOption = None, json: JsonOption = False) -> None:
    """Take a profile out of use; what waits under it cannot be approved."""
    _switch(profile, "disable", home, json=json)


@profile_app.command("remove")
def profile_remove(profile: str, home: HomeOption = None) -> None:
    """Take a disabled profile away."""
    with api(home) as client:
        client.text("DELETE", f"{_PROFILES}/{segment(profile)}")


def _switch(profile: str, action: str, home: HomeOption, *, json: bool) -> None:
    with api(home) as client:
        _show(client.call("POST", f"{_PROFILES}/{segment(profile)}/{action}"), json=json)


def _show(shown: dict[str, Any], *, json: bool) -> None:
    if json:
        show_json(shown)
        return
    enabled = "yes" if shown["enabled"] else "no"
    show_fields({"Profile": shown["id"], "Version": shown["version"], "Enabled": enabled})
