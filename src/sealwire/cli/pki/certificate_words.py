"""``ca-cert-*``: certificates found, shown, exported, revoked, held and released."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from sealwire.cli.files import read_input, write_output
from sealwire.cli.output import JsonOption
from sealwire.cli.pki.certificate_output import (
    CONFIRM_PROMPT,
    certificate_block,
    certificates_found,
    encoded_certificate,
)
from sealwire.cli.pki.connection import ask, sessions_of
from sealwire.cli.pki.reading import json_object
from sealwire.cli.pki.request_output import request_info
from sealwire.cli.pki.search import (
    REASONS,
    revocation_reason,
    search_of,
    with_filters,
)
from sealwire.cli.pki.showing import show as tell_or_json
from sealwire.cli.pki.showing import tell
from sealwire.cli.pki_output import boxed, format_number, parse_number, visible
from sealwire.errors import RefusedError, SealwireError, UsageError

if TYPE_CHECKING:
    from sealwire.bootstrap.dogtag import DogtagClient

_HOLD: Final = "Certificate_Hold"
_RELEASE: Final = "Remove_from_CRL"

Serial = Annotated[str, typer.Argument(metavar="SERIAL", help="Decimal or 0x hex.")]
Serials = Annotated[list[str], typer.Argument(metavar="SERIAL...", help="Decimal or 0x hex.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Do not ask.")]
CommentsOption = Annotated[str | None, typer.Option("--comments", help="Comments.")]
FormatOption = Annotated[str, typer.Option("--output-format", help="PEM (default) or DER.")]
OutputFileOption = Annotated[Path | None, typer.Option("--output-file", help="Write it here.")]


@with_filters
def find(
    context: typer.Context,
    start: Annotated[int | None, typer.Option("--start", help="Page start.")] = None,
    size: Annotated[int | None, typer.Option("--size", help="Page size.")] = None,
    file: Annotated[Path | None, typer.Option("--input", help="The search, as JSON.")] = None,
    exactly: Annotated[
        bool, typer.Option("--matchExactly", help="The subject's parts as they are given.")
    ] = False,
    json: JsonOption = False,
    **filters: Any,  # noqa: ANN401 - options of a table
) -> None:
    """Find certificates."""
    base = {} if file is None else json_object(read_input(file), file, "search")
    search = search_of(filters, base | ({"matchExactly": True} if exactly else {}))
    with sessions_of(context).session() as ca:
        listed = ca.post("certs/search", search, start=start, size=size)
        form = ca.info.audit_format
    tell_or_json(listed, lambda: certificates_found(listed, form), json=json)


def show(
    context: typer.Context,
    serial: Serial,
    pretty: Annotated[bool, typer.Option("--pretty", help="All that is in it.")] = False,
    encoded: Annotated[bool, typer.Option("--encoded", help="Its PEM too.")] = False,
    output: Annotated[Path | None, typer.Option("--output", help="Write its PEM here.")] = None,
    json: JsonOption = False,
) -> None:
    """Show certificate."""
    number = _serial(serial)
    with sessions_of(context).session() as ca:
        document = ca.get(f"certs/{hex(number)}")
        form = ca.info.audit_format
    if output is not None:
        write_output(output, encoded_certificate(document).encode())
    tell_or_json(
        document,
        lambda: certificate_block(document, form, pretty=pretty, encoded=encoded),
        json=json,
    )


def export(
    context: typer.Context,
    serial: Serial,
    output_format: FormatOption = "pem",
    output_file: OutputFileOption = None,
) -> None:
    """Export certificate."""
    number = _serial(serial)
    must_be_format(output_format)
    with sessions_of(context).session() as ca:
        document = ca.get(f"certs/{hex(number)}")
    hand_over(encoded_certificate(document), output_format, output_file)


def revoke(
    context: typer.Context,
    serials: Serials,
    reason: Annotated[str, typer.Option(help=f"{', '.join(REASONS)}.")] = "Unspecified",
    comments: CommentsOption = None,
    ca_certificate: Annotated[bool, typer.Option("--ca", help="It is the CA's own.")] = False,
    force: ForceOption = False,
) -> None:
    """Revoke certificate."""
    wanted = revocation_reason(reason)
    change = _Change("revoke", wanted, comments, of_ca=ca_certificate, force=force)
    _each(context, serials, change)


def hold(
    context: typer.Context,
    serials: Serials,
    comments: CommentsOption = None,
    force: ForceOption = False,
) -> None:
    """Place certificate on-hold."""
    _each(context, serials, _Change("hold", _HOLD, comments, force=force))


def release_hold(context: typer.Context, serials: Serials, force: ForceOption = False) -> None:
    """Place certificate off-hold."""
    _each(context, serials, _Change("release", _RELEASE, None, force=force))


WORDS: Final[dict[str, Callable[..., None]]] = {
    "ca-cert-find": find,
    "ca-cert-show": show,
    "ca-cert-export": export,
    "ca-cert-revoke": revoke,
    "ca-cert-hold": hold,
    "ca-cert-release-hold": release_hold,
}


def must_be_format(text: str) -> None:
    """Raises UsageError ``pki.format`` for what is neither PEM nor DER."""
    if text.upper() not in {"PEM", "DER"}:
        raise UsageError("pki.format", f"Unsupported format: {visible(text)}")


def hand_over(pem: str, output_format: str, file: Path | None) -> None:
    """Give a certificate to stdout or a file, in that format."""
    der = _der(pem) if output_format.upper() == "DER" else None
    if file is not None:
        write_output(file, pem.encode() if der is None else der)
    else:
        typer.echo(pem if der is None else der, nl=False)


def _der(pem: str) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import load_pem_x509_certificate

    try:
        return load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)
    except ValueError as error:
        raise RefusedError("pki.certificate", "the server sent no certificate") from error


class _Change:
    """One way to change a certificate's status, and what Dogtag says about it."""

    def __init__(
        self, word: str, reason: str, comments: str | None, *, of_ca: bool = False, force: bool
    ) -> None:
        self.word = word
        self.force = force
        self._reason = reason
        self._comments = comments
        self._of_ca = of_ca

    @property
    def doing(self) -> str:
        """Above the certificate that it asks about."""
        return {
            _HOLD: "Placing certificate on-hold:",
            _RELEASE: "Placing certificate off-hold:",
        }.get(self._reason, "Revoking certificate:")

    def done(self, serial: str) -> str:
        """Of success."""
        return {
            _HOLD: f'Placed certificate "{serial}" on-hold',
            _RELEASE: f'Placed certificate "{serial}" off-hold',
        }.get(self._reason, f'Revoked certificate "{serial}"')

    def failed(self, serial: str) -> str:
        """Of failure."""
        return {
            "hold": f'Could not place certificate "{serial}" on-hold',
            "release": f'Could not place certificate "{serial}" off-hold',
        }.get(self.word, f'Could not revoke certificate "{serial}"')

    def look(self, ca: DogtagClient, number: int) -> dict[str, Any]:
        """The certificate as an agent sees it, with the nonce where one is needed."""
        folder = "certs" if self.word == "release" else "agent/certs"
        document: dict[str, Any] = ca.get(f"{folder}/{hex(number)}")
        return document

    def post(self, ca: DogtagClient, number: int, seen: dict[str, Any]) -> dict[str, Any]:
        """Ask the server for it; the request that it made of it."""
        path = f"agent/certs/{hex(number)}"
        if self.word == "release":
            answer: dict[str, Any] = ca.post(f"{path}/unrevoke")
            return answer
        body = {"Reason": self._reason, "Comments": self._comments, "Nonce": seen.get("Nonce")}
        given = {name: value for name, value in body.items() if value is not None}
        made: dict[str, Any] = ca.post(f"{path}/{'revoke-ca' if self._of_ca else 'revoke'}", given)
        return made


def _each(context: typer.Context, serials: list[str], change: _Change) -> None:
    """One after the other, also when one fails. Raises Exit 255 when any did."""
    from sealwire.cli.pki.group import FAILED, report

    failed = False
    with sessions_of(context).session() as ca:
        for serial in serials:
            try:
                failed |= not _change(ca, _serial(serial), change)
            except SealwireError as error:
                failed = True
                what = f"Unable to {change.word} certificate {visible(serial)}: {error.message}"
                report(UsageError("pki.status_change", what, hint=error.hint))
    if failed:
        raise typer.Exit(FAILED)


def _change(ca: DogtagClient, number: int, change: _Change) -> bool:
    """Carry it out, asking first. Whether the server did as it was told, or nobody wanted it to."""
    form = ca.info.audit_format
    seen = change.look(ca, number) if change.word != "release" or not change.force else {}
    if not change.force:
        tell(f"{change.doing}\n{certificate_block(seen, form)}{CONFIRM_PROMPT}")
        if ask("").lower() != "y":
            return True
    made = request_info(change.post(ca, number, seen))
    serial = format_number(number, form)
    if made.status != "complete":
        what = f'Request "{format_number(made.request_id, form)}": {visible(made.status)}'
        tell(boxed(what))
        return True
    if made.failed:
        if made.reason is not None:
            typer.echo(visible(made.reason))
        tell(boxed(change.failed(serial)))
        return False
    block = certificate_block(ca.get(f"certs/{hex(number)}"), form)
    tell(boxed(change.done(serial)) + block)
    return True


def _serial(text: str) -> int:
    return parse_number(text, what="serial number")
