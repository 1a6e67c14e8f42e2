"""Where Dogtag's words are sent, and as whom."""

from __future__ import annotations

import re
import sys
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import typer

from sealwire.cli.files import read_input
from sealwire.cli.pki_output import visible, visible_lines
from sealwire.errors import RefusedError, SealwireError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from sealwire.bootstrap.dogtag import DogtagClient
    from sealwire.bootstrap.remote import TlsEnd

_NICKNAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_ANY_ISSUER: Final = frozenset({"UNTRUSTED_ISSUER", "UNKNOWN_ISSUER", "UNTRUSTED_CERT"})
_ANY_NAME: Final = frozenset({"BAD_CERT_DOMAIN"})


class Sessions(Protocol):
    """What the words need of a connection."""

    @property
    def folder(self) -> Path:
        """Where keys are left."""
        ...

    def session(self) -> AbstractContextManager[DogtagClient]:
        """The CA, logged in as far as the options say."""
        ...


@dataclass(frozen=True, slots=True)
class Connection:
    """Anonymous without a nickname or user. ``ignored`` are names of certificate faults."""

    url: str
    folder: Path
    nickname: str = ""
    user: tuple[str, str] | None = None
    key_password: str | None = None
    roots: Path | None = None
    ignored: frozenset[str] = frozenset()
    api_version: str = ""
    ignore_banner: bool = False
    verbose: bool = False

    @contextmanager
    def session(self) -> Iterator[DogtagClient]:
        """The CA over TLS, logged in with nickname or user; logged out in the end."""
        from sealwire.bootstrap.dogtag import DogtagClient
        from sealwire.bootstrap.remote import remote_http

        with remote_http(self.url, self._tls(), self.user) as http:
            if self.verbose:
                http.event_hooks = {"response": [_trace]}
            client = DogtagClient(http, api=self.api_version)
            with opened(client, log_in=self._logs_in, ignore_banner=self.ignore_banner):
                yield client

    @property
    def _logs_in(self) -> bool:
        return bool(self.nickname) or self.user is not None

    def _tls(self) -> TlsEnd:
        from sealwire.bootstrap.remote import TlsEnd

        unknown = self.ignored - _ANY_ISSUER - _ANY_NAME
        if unknown:
            raise UsageError("pki.cert_status", f'Invalid cert status "{min(unknown)}".')
        for status in sorted(self.ignored):
            typer.echo(f"WARNING: {status} of the server's certificate is ignored", err=True)
        own = self.folder / "ca-roots.pem"
        return TlsEnd(
            roots=self.roots or (own if own.exists() else None),
            certificate=self._certificate(),
            key_password=self.key_password,
            any_issuer=bool(self.ignored & _ANY_ISSUER),
            any_name=bool(self.ignored & _ANY_NAME),
        )

    def _certificate(self) -> Path | None:
        if not self.nickname:
            return None
        if not _NICKNAME.fullmatch(self.nickname):
            raise UsageError("pki.nickname", f"not a nickname: {visible(self.nickname)}")
        path = self.folder / f"{self.nickname}.pem"
        if not path.exists():
            raise UsageError(
                "pki.nickname",
                f"no certificate {self.nickname} in {self.folder}",
                hint="-d names the folder that has NICK.pem",
            )
        return path


@contextmanager
def opened(client: DogtagClient, *, log_in: bool, ignore_banner: bool = False) -> Iterator[None]:
    """Ask the server who it is, show its banner, and log in for as long as this lasts."""
    banner = client.connect().banner
    if banner and not ignore_banner:
        _accept(banner)
    if log_in:
        client.log_in()
    try:
        yield
    except BaseException:
        with suppress(SealwireError):
            _log_out(client, log_in=log_in)
        raise
    _log_out(client, log_in=log_in)


def _log_out(client: DogtagClient, *, log_in: bool) -> None:
    if log_in:
        client.log_out()


def sessions_of(context: typer.Context) -> Sessions:
    """What the options before the word made."""
    sessions: Sessions = context.obj
    return sessions


def ask(prompt: str) -> str:
    """Ask on stdout and read one line. Raises UsageError ``pki.unanswered`` at the input's end."""
    typer.echo(prompt, nl=False)
    line = sys.stdin.readline()
    if not line:
        typer.echo()
        raise UsageError(
            "pki.unanswered", "nobody answered, so nothing was done", hint="say it with an option"
        )
    return line.strip()


def asked_password(prompt: str = "Enter Password: ") -> str:
    """A password that is typed in, unseen on a terminal."""
    if not sys.stdin.isatty():
        return ask(prompt)
    import getpass

    return getpass.getpass(prompt)


def password_in(file: Path) -> str:
    """The first line of a password file."""
    lines = read_input(file).decode("utf-8", "surrogateescape").splitlines()
    return lines[0] if lines else ""


def token_password_in(file: Path) -> str | None:
    """The password of the internal token in a file of ``NAME=PASSWORD`` lines."""
    for line in read_input(file).decode("utf-8", "surrogateescape").splitlines():
        name, equals, password = line.partition("=")
        if equals and name.strip() == "internal":
            return password.strip()
    return None


def _accept(banner: str) -> None:
    typer.echo(visible_lines(banner), err=True)
    typer.echo("Do you want to proceed (y/N)? ", err=True, nl=False)
    if sys.stdin.readline().strip().lower() != "y":
        raise RefusedError("pki.banner", "the server's banner was not accepted")


def _trace(response: httpx.Response) -> None:
    request = response.request
    line = f"INFO: {request.method} {request.url} {response.status_code}"
    typer.echo(visible(line), err=True)
