"""``sealwire audit config``, ``files`` and ``verify-log``: the signed audit log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from sealwire.cli.files import read_input, write_output
from sealwire.cli.output import JsonOption, printable, show_fields, show_json, show_table
from sealwire.cli.session import HomeOption, api, must_be_new, segment
from sealwire.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.audit.signed_log import LogKey, LogVerification

config_app = typer.Typer(no_args_is_help=True, help="What is recorded, and the signed file.")
files_app = typer.Typer(no_args_is_help=True, help="The signed audit log's files.")

_CONFIGURATION: Final = "/api/v1/audit/configuration"
_FILES: Final = "/api/v1/audit/files"
_NOT_VERIFIED: Final = 2


@config_app.callback()
def _config_group() -> None:
    """What is recorded, and the signed file."""


@files_app.callback()
def _files_group() -> None:
    """The signed audit log's files."""


@config_app.command("show")
def show_config(home: HomeOption = None, json: JsonOption = False) -> None:
    """Show which events are recorded, and how the signed file is kept."""
    with api(home) as client:
        _show(client.call("GET", _CONFIGURATION), json=json)


@config_app.command("set")
def set_config(
    file: Annotated[
        bool | None, typer.Option("--file/--no-file", help="Keep a signed file besides the trail.")
    ] = None,
    buffer_size: Annotated[
        int | None, typer.Option(min=0, help="Bytes that are signed together.")
    ] = None,
    flush_interval: Annotated[
        int | None, typer.Option(min=0, help="Seconds after which less is signed too.")
    ] = None,
    max_size_kb: Annotated[
        int | None, typer.Option(min=0, help="Kilobytes of a file; 0: no limit.")
    ] = None,
    rollover: Annotated[
        int | None, typer.Option(min=0, help="Seconds that a file is used; 0: for ever.")
    ] = None,
    expiration: Annotated[
        int | None, typer.Option(min=0, help="Seconds that a closed file is kept; 0: for ever.")
    ] = None,
    event: Annotated[
        list[str] | None, typer.Option(help="NAME=enabled or NAME=disabled. May be repeated.")
    ] = None,
    event_filter: Annotated[
        list[str] | None,
        typer.Option("--filter", help="NAME=(Outcome=Failure); NAME= for none. May be repeated."),
    ] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Change what is recorded, and how the signed file is kept. Decisions are always recorded."""
    given: dict[str, Any] = {
        "enabled": file,
        "buffer_size": buffer_size,
        "flush_interval": flush_interval,
        "max_size_kb": max_size_kb,
        "rollover": rollover,
        "expiration": expiration,
        "events": _pairs(event or [], "--event"),
        "filters": _pairs(event_filter or [], "--filter"),
    }
    change = {name: value for name, value in given.items() if value not in (None, {})}
    if not change:
        raise UsageError("usage.nothing", "nothing to change was named", hint="see --help")
    with api(home) as client:
        _show(client.call("PATCH", _CONFIGURATION, json=change), json=json)


@files_app.command("list")
def list_files(home: HomeOption = None, json: JsonOption = False) -> None:
    """List the signed audit log's files, the oldest first."""
    with api(home) as client:
        found = client.call("GET", _FILES)
    if json:
        show_json(found)
    else:
        show_table([("name", "File"), ("size", "Bytes")], found)


@files_app.command("get")
def get_file(
    name: Annotated[str, typer.Argument(help="As `audit files list` shows it.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Write it here, a new file.")],
    home: HomeOption = None,
) -> None:
    """Copy one of the signed audit log's files."""
    must_be_new(output)
    with api(home) as client:
        content = client.content("GET", f"{_FILES}/{segment(name)}")
    write_output(output, content, mode=0o600)
    typer.echo(f"{output}: {len(content)} bytes")


def verify_log(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="The oldest first.")],
    certificate: Annotated[
        list[Path],
        typer.Option("--cert", help="The signer's certificate, PEM or DER. May be repeated."),
    ],
    require_size: Annotated[
        int, typer.Option(min=0, help="The log must reach at least so many records.")
    ] = 0,
) -> None:
    """Verify signed audit log files, as Dogtag's AuditVerify does; exit code 0 good, 2 bad."""
    from sealwire.audit.signed_log import LogFile, LogVerification, verify_log

    keys = [_key(path) for path in certificate]
    for path in files:
        _require_readable(path)
    verdict = LogVerification()
    for path in files:
        typer.echo(f"======\nFile: {printable(str(path))}\n======")
    for fault in verify_log([LogFile(str(path), _lines(path)) for path in files], keys, verdict):
        typer.echo(printable(fault.message))
    reached = 0 if verdict.last is None else verdict.last[1] + 1
    _tell(verdict, reached, require_size)
    if not verdict.verified or reached < require_size:
        raise typer.Exit(_NOT_VERIFIED)


def _tell(verdict: LogVerification, reached: int, require_size: int) -> None:
    if reached < require_size:
        typer.echo(f"ERROR: the log reaches {reached} records, not {require_size}")
    typer.echo("\nVerification process complete.")
    typer.echo(f"Valid signatures: {verdict.good}")
    typer.echo(f"Invalid signatures: {verdict.bad}")
    typer.echo(f"Signed lines: {verdict.covered}")
    if verdict.first is not None and verdict.last is not None:
        trail, last = verdict.last
        typer.echo(f"Signed records: {trail} {verdict.first[1]} to {last}")


def _key(path: Path) -> LogKey:
    from sealwire.audit.signed_log import log_key
    from sealwire.x509.bundle import read_bundle

    bundle = read_bundle([(path.name, read_input(path))])
    if not bundle.certificates:
        raise UsageError("cert.none", f"There is no certificate in {path}.")
    return log_key(bundle.certificates[0].public_key())


def _require_readable(path: Path) -> None:
    try:
        path.open("rb").close()
    except OSError as fault:
        raise UsageError("file.unreadable", f"Cannot read {path}: {fault.strerror}.") from fault


def _lines(path: Path) -> Iterator[bytes]:
    """Without LF, and without the CR before it that some copies have."""
    with path.open("rb") as file:
        for line in file:
            yield line.removesuffix(b"\n").removesuffix(b"\r")


def _pairs(given: list[str], option: str) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    if not all(name and sign for name, sign, _ in pairs):
        raise UsageError("usage.pair", f"{option} takes NAME=VALUE")
    return {name: value for name, _, value in pairs}


def _show(document: dict[str, Any], *, json: bool) -> None:
    if json:
        show_json(document)
        return
    show_fields(
        {
            "Signed file": "kept" if document["enabled"] else "not kept",
            "Failure": document["failure"],
            "Buffer": f"{document['buffer_size']} bytes",
            "Flush interval": f"{document['flush_interval']} seconds",
            "File size": f"{document['max_size_kb']} KB" if document["max_size_kb"] else "any",
            "Rollover": _seconds(document["rollover"]),
            "Kept for": _seconds(document["expiration"]),
        }
    )
    rows = [
        {"name": name, "status": status, "filter": document["filters"].get(name)}
        for name, status in document["events"].items()
    ]
    show_table([("name", "Event"), ("status", "Recorded"), ("filter", "Filter")], rows)
    typer.echo(document["certificate"].rstrip())


def _seconds(value: int) -> str:
    return f"{value} seconds" if value else "for ever"
