"""``sealwire user``: who there is and what they may do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from sealwire.cli.files import read_input
from sealwire.cli.output import JsonOption, show_fields, show_json, show_table
from sealwire.cli.session import HomeOption, api

user_app = typer.Typer(no_args_is_help=True, help="Users and their roles.")

_API = "/api/v1/users"
Name = Annotated[str, typer.Argument(help="The user's name.")]
Roles = Annotated[
    list[str], typer.Argument(help="One or more of administrator, agent, auditor, operator.")
]


@user_app.command("list")
def user_list(home: HomeOption = None, json: JsonOption = False) -> None:
    """List everybody."""
    with api(home) as client:
        listing = client.call("GET", _API)
    if json:
        show_json(listing)
        return
    rows = [{**user, "roles": ", ".join(user["roles"])} for user in listing]
    columns = [("name", "NAME"), ("full_name", "FULL NAME"), ("roles", "ROLES")]
    show_table([*columns, ("must_change_password", "MUST CHANGE PASSWORD")], rows)


@user_app.command("add")
def user_add(
    name: Name,
    roles: Roles,
    full_name: Annotated[str, typer.Option(help="The name that people know.")] = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Add somebody and print a one-time password, to be changed at the first log-in."""
    with api(home) as client:
        body = {"name": name, "full_name": full_name, "roles": roles}
        _show_password(client.call("POST", _API, json=body), json=json)


@user_app.command("role")
def user_role(name: Name, roles: Roles, home: HomeOption = None) -> None:
    """Give somebody these roles and take away all others, from now on."""
    with api(home) as client:
        client.call("PUT", f"{_address(name)}/roles", json={"roles": roles})


@user_app.command("reset-password")
def user_reset_password(name: Name, home: HomeOption = None, json: JsonOption = False) -> None:
    """Print a new one-time password; every session of the user ends."""
    with api(home) as client:
        _show_password(client.call("POST", f"{_address(name)}/reset-password"), json=json)


@user_app.command("password")
def user_password(
    name: Name,
    stdin: Annotated[
        bool, typer.Option("--stdin", help="Read it from standard input, one line.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Set somebody's password, to be kept; every session of the user ends. Asks for it."""
    if stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = typer.prompt("New password", hide_input=True, confirmation_prompt=True)
    with api(home) as client:
        client.call("PUT", f"{_address(name)}/password", json={"new": password})


@user_app.command("certificate")
def user_certificate(
    name: Name,
    file: Annotated[Path, typer.Argument(help="The client certificate (PEM).")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Let somebody log in with a client certificate as well."""
    body = {"pem": read_input(file).decode("utf-8", "replace")}
    with api(home) as client:
        answer = client.call("POST", f"{_address(name)}/certificates", json=body)
    if json:
        show_json(answer)
    else:
        show_fields({"User": answer["name"], "SHA-256": answer["sha256"]})


@user_app.command("remove-certificate")
def user_remove_certificate(
    name: Name,
    sha256: Annotated[str, typer.Argument(help="As `user list --json` shows it.")],
    home: HomeOption = None,
) -> None:
    """No longer let somebody log in with a client certificate."""
    with api(home) as client:
        client.call("DELETE", f"{_address(name)}/certificates/{quote(sha256, safe='')}")


@user_app.command("unlock")
def user_unlock(name: Name, home: HomeOption = None) -> None:
    """End the wait after failed log-ins."""
    with api(home) as client:
        client.call("POST", f"{_address(name)}/unlock")


@user_app.command("remove")
def user_remove(name: Name, home: HomeOption = None) -> None:
    """Remove somebody, with sessions and log-in certificates."""
    with api(home) as client:
        client.call("DELETE", _address(name))


def _address(name: str) -> str:
    return f"{_API}/{quote(name, safe='')}"


def _show_password(answer: Any, *, json: bool) -> None:  # noqa: ANN401 - JSON
    if json:
        show_json(answer)
    else:
        show_fields({"User": answer["name"], "One-time password": answer["password"]})
