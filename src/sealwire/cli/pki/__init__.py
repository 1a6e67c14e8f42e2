"""``sealwire pki``: Dogtag's words, options, output and exit codes, over Dogtag's REST.

The same words work with a Sealwire node and with a Dogtag CA.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sealwire.cli.pki.group import PkiGroup
from sealwire.cli.session import HomeOption, home_path
from sealwire.errors import UsageError

FolderOption = Annotated[
    Path | None, typer.Option("-d", help="Folder with NICK.pem and ca-roots.pem.")
]
KeyPasswordOption = Annotated[
    str | None, typer.Option("-c", help="Password of the key in NICK.pem.")
]
KeyPasswordFileOption = Annotated[
    Path | None, typer.Option("-C", help="File whose first line it is.")
]
TokenFileOption = Annotated[
    Path | None, typer.Option("-f", help="File that has it as internal=PASSWORD.")
]
PasswordOption = Annotated[
    str | None, typer.Option("-w", help="Its password.", envvar="SEALWIRE_PKI_PASSWORD")
]
PasswordFileOption = Annotated[
    Path | None, typer.Option("-W", help="File whose first line is its password.")
]
RootsOption = Annotated[
    Path | None, typer.Option("--ca-cert", help="Trust these CAs (PEM), not the folder's.")
]
IgnoredOption = Annotated[
    str, typer.Option("--ignore-cert-status", help="UNTRUSTED_ISSUER, BAD_CERT_DOMAIN.")
]

pki_app = typer.Typer(
    cls=PkiGroup, no_args_is_help=True, help="Dogtag PKI's own command words.", add_completion=False
)


@pki_app.callback()
def connection(
    context: typer.Context,
    url: Annotated[str, typer.Option("-U", help="The server's URL (default: the home's).")] = "",
    host: Annotated[str, typer.Option("-h", help="The server's host, without -U.")] = "",
    port: Annotated[int, typer.Option("-p", help="Its port, with -h.")] = 8443,
    protocol: Annotated[str, typer.Option("-P", help="Its protocol, with -h.")] = "https",
    nickname: Annotated[str, typer.Option("-n", help="Log in with the certificate NICK.pem.")] = "",
    folder: FolderOption = None,
    key_password: KeyPasswordOption = None,
    key_password_file: KeyPasswordFileOption = None,
    token_file: TokenFileOption = None,
    user: Annotated[str, typer.Option("-u", help="Log in with this user name.")] = "",
    password: PasswordOption = None,
    password_file: PasswordFileOption = None,
    roots: RootsOption = None,
    ignored: IgnoredOption = "",
    api_version: Annotated[str, typer.Option("--api", help="v1 or v2 (default: as it has).")] = "",
    ignore_banner: Annotated[bool, typer.Option("--ignore-banner", help="Show none.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Say what is asked.")] = False,
    home: HomeOption = None,
) -> None:
    """Say where and as whom; the words follow."""
    from sealwire.cli.pki.connection import Connection

    if context.obj is not None:
        return
    _one_at_most("-n", bool(nickname), "-u", bool(user))
    _one_at_most("-c", key_password is not None, "-C", key_password_file is not None)
    if api_version not in {"", "v1", "v2"}:
        raise UsageError("pki.api", "Invalid API version: v1 or v2")
    root = home_path(home)
    context.obj = Connection(
        url=url or (f"{protocol}://{host}:{port}" if host else _own_url(root)),
        folder=folder or root / "credentials",
        nickname=nickname,
        user=(user, _password(password, password_file)) if user else None,
        key_password=_key_password(key_password, key_password_file, token_file),
        roots=roots,
        ignored=frozenset(filter(None, ignored.split(","))),
        api_version=api_version,
        ignore_banner=ignore_banner,
        verbose=verbose,
    )


def _own_url(root: Path) -> str:
    from sealwire.bootstrap.home import Home

    return str(Home(root).state().get("console_url") or "https://localhost:8443")


def _password(given: str | None, file: Path | None) -> str:
    from sealwire.cli.pki.connection import asked_password, password_in

    if file is not None:
        return password_in(file)
    return asked_password() if given is None else given


def _key_password(given: str | None, file: Path | None, tokens: Path | None) -> str | None:
    from sealwire.cli.pki.connection import password_in, token_password_in

    if given is not None:
        return given
    if file is not None:
        return password_in(file)
    return None if tokens is None else token_password_in(tokens)


def _one_at_most(one: str, has_one: bool, other: str, has_other: bool) -> None:
    if has_one and has_other:
        raise UsageError("pki.options", f"The {one} and {other} options are mutually exclusive.")
