"""``sealwire sensor export``: the evidence of a time range, and its check without a node."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Final

import typer

from sealwire.cli.output import JsonOption, printable, show_json
from sealwire.cli.sensor_records import KEPT
from sealwire.cli.session import HomeOption, api, home_path, must_be_new
from sealwire.errors import UnavailableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.stores.segments.export import Listing
    from sealwire.stores.segments.verification import Verification

_EXPORT: Final = "/api/v1/sensor/export"
_NOT_VERIFIED: Final = 2


def add_export_command(app: typer.Typer) -> None:
    """The command of this module."""
    app.command("export", rich_help_panel=KEPT)(export)


def export(
    since: Annotated[
        str | None, typer.Option(help="Received since: 15m, 2h, 7d (ago), a date, or RFC 3339.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Received before; as --since.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write it here, a new file: FILE.tar.")
    ] = None,
    retention: Annotated[
        str | None, typer.Option("--class", help="Of this retention class only.")
    ] = None,
    records: Annotated[
        bool, typer.Option("--records", help="Also FILE.tar.jsonl: the records themselves.")
    ] = False,
    verify: Annotated[
        Path | None, typer.Option(help="Check this export instead; needs no node.")
    ] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Take the evidence of a time range out: segments as they are, the chain, a listing."""
    if verify is not None and output is None:
        _, records_in_it = _verify(verify, json=json)
        if not records_in_it:
            raise typer.Exit(_NOT_VERIFIED)
        return
    if verify is not None or output is None:
        raise UsageError("usage.export", "give either -o FILE or --verify FILE")
    lines = output.with_name(f"{output.name}.jsonl")
    must_be_new(output)
    if records:
        must_be_new(lines)
    asked = {"since": since, "until": until, "retention": retention}
    parameters = {name: value for name, value in asked.items() if value is not None}
    with (
        api(home) as client,
        _new_file(output) as file,
        client.pieces(_EXPORT, params=parameters) as got,
    ):
        file.writelines(got)
    listing, _ = _verify(output, json=json)
    if records:
        _write_records(lines, home_path(home), listing)
        if not json:
            typer.echo(f"{printable(str(lines))}: the records, one JSON object a line")


def _verify(path: Path, *, json: bool) -> tuple[Listing, int]:
    """Say what was checked; exit code 2 unless all of it is as it was sealed. How many records."""
    from sealwire.stores.segments.export_check import verify_export
    from sealwire.stores.segments.tar_check import verify_tar

    try:
        listing, found = verify_export(path) if path.is_dir() else verify_tar(path)
    except OSError as fault:
        raise UsageError(
            "file.unreadable", f"Cannot read {path}: {fault.strerror or fault}."
        ) from fault
    if json:
        show_json(_document(listing, found))
    else:
        _show(path, listing, found)
    if found.damages:
        raise typer.Exit(_NOT_VERIFIED)
    return listing, found.rows


def _document(listing: Listing, found: Verification) -> dict[str, Any]:
    return {
        "verified": not found.damages and found.rows > 0,
        "sensor": listing.sensor,
        "created": listing.created,
        "segments": found.segments,
        "records": found.rows,
        "bytes": found.bytes,
        "manifests": found.manifests,
        "head": found.head,
        "damages": [
            {"kind": one.kind.value, "path": one.path, "detail": one.detail}
            for one in found.damages
        ],
    }


def _show(path: Path, listing: Listing, found: Verification) -> None:
    for one in found.damages:
        typer.echo(f"{one.kind.value}: {printable(one.path)}: {printable(one.detail)}")
    verdict = "VERIFIED" if found.rows else "EMPTY"
    if found.damages:
        verdict = "NOT VERIFIED"
    what = f"{found.segments} segments, {found.rows} records of {printable(listing.sensor)}"
    typer.echo(f"{verdict}: {printable(str(path))}: {what}")
    typer.echo(f"chain: {found.manifests} manifests, head {found.head}")


def _write_records(path: Path, home: Path, listing: Listing) -> None:
    from sealwire.bootstrap.exported_records import exported_records

    with _new_file(path) as file:
        file.writelines(exported_records(home, listing))


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """A file for its owner alone, durable at the end; what was not finished is removed.

    Raises UnavailableError ``file.unwritable``.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as fault:
        raise _unwritable(path, fault) from fault
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _unwritable(path, error) from error
        raise


def _unwritable(path: Path, fault: OSError) -> UnavailableError:
    return UnavailableError("file.unwritable", f"Cannot write {path}: {fault.strerror or fault}.")
