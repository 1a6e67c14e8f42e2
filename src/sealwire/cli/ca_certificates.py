"""``sealwire ca``: what was issued, whether it still holds, and the CRLs that say so."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sealwire.cli.files import write_output
from sealwire.cli.output import JsonOption, show_fields, show_json, show_table
from sealwire.cli.pki_output import parse_number
from sealwire.cli.session import HomeOption, api
from sealwire.errors import UsageError

_BASE = "/api/v1/ca/certificates"
_PAGE = 1000
# Spelled out here too: reading them from where they are defined would load the whole CA.
_REASONS = (
    "Unspecified, Key_Compromise, CA_Compromise, Affiliation_Changed, Superseded,"
    " Cessation_of_Operation, Certificate_Hold, Remove_from_CRL, Privilege_Withdrawn,"
    " AA_Compromise; or its number in RFC 5280."
)
_NAMES = ("ca", "root")

SerialArgument = Annotated[str, typer.Argument(help="Serial number, decimal or 0x hex.")]
CommentsOption = Annotated[
    str | None, typer.Option("--comments", help="Why, in words; kept with the request.")
]

crl_app = typer.Typer(no_args_is_help=True, help="The CA's own revocation lists.")


def certificate(
    serial: SerialArgument,
    home: HomeOption = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write to this file.")] = None,
) -> None:
    """Print one issued certificate, PEM."""
    number = parse_number(serial, what="serial number")
    with api(home) as client:
        text = client.text("GET", f"{_BASE}/{number}/pem")
    if out is None:
        typer.echo(text, nl=False)
    else:
        write_output(out, text.encode("ascii"))


def certificates(
    home: HomeOption = None,
    status: Annotated[
        str, typer.Option(help="VALID, INVALID, REVOKED, EXPIRED or REVOKED_EXPIRED.")
    ] = "",
    cn: Annotated[str, typer.Option("--cn", help="Part of the common name.")] = "",
    json: JsonOption = False,
) -> None:
    """List what was issued."""
    wanted = {name: text for name, text in {"status": status.upper(), "cn": cn}.items() if text}
    entries: list[dict[str, Any]] = []
    with api(home) as client:
        more = True
        while more:
            where = {"start": len(entries), "size": _PAGE, **wanted}
            page = client.call("GET", _BASE, params=where)["entries"]
            entries += page
            more = len(page) == _PAGE
    if json:
        show_json({"entries": entries})
        return
    show_table(
        [
            ("serial", "SERIAL"),
            ("status", "STATUS"),
            ("subject", "SUBJECT"),
            ("profile", "PROFILE"),
            ("not_after", "NOT AFTER"),
            ("request_id", "REQUEST"),
        ],
        entries,
    )


def revoke(
    serial: SerialArgument,
    home: HomeOption = None,
    reason: Annotated[str, typer.Option(help=f"One of {_REASONS}")] = "Unspecified",
    comments: CommentsOption = None,
    invalidity: Annotated[
        str | None,
        typer.Option(help="Since when its key is not to be trusted, RFC 3339.", metavar="TIME"),
    ] = None,
    authority: Annotated[bool, typer.Option("--ca", help="Yes, it is a CA's certificate.")] = False,
    json: JsonOption = False,
) -> None:
    """Revoke a certificate, for good."""
    body = {
        "reason": reason,
        "comments": comments,
        "invalidity": invalidity,
        "authority": authority,
    }
    _change(home, serial, "revoke", body, as_json=json)


def hold(
    serial: SerialArgument,
    home: HomeOption = None,
    comments: CommentsOption = None,
    json: JsonOption = False,
) -> None:
    """Revoke a certificate until it is released."""
    _change(home, serial, "hold", {"comments": comments}, as_json=json)


def release(
    serial: SerialArgument,
    home: HomeOption = None,
    comments: CommentsOption = None,
    json: JsonOption = False,
) -> None:
    """Take a certificate off hold."""
    _change(home, serial, "release", {"comments": comments}, as_json=json)


def _change(
    home: Path | None, serial: str, what: str, body: dict[str, Any], *, as_json: bool
) -> None:
    number = parse_number(serial, what="serial number")
    with api(home) as client:
        made = client.call("POST", f"{_BASE}/{number}/{what}", json=body)
    if as_json:
        show_json(made)
        return
    show_fields(
        {
            "Serial": made["serial_hex"],
            "Subject": made["subject"],
            "Status": "on hold" if made["on_hold"] else made["status"],
            "Revoked": made["revoked"],
            "Revoked by": made["revoked_by"],
            "Reason": made["revocation_reason"],
            "Request": made["change_request_id"],
        }
    )


@crl_app.command("show")
def crl_show(home: HomeOption = None, json: JsonOption = False) -> None:
    """Show the latest CRL of each of the CA's keys."""
    with api(home) as client:
        found = client.call("GET", "/api/v1/ca/crl")
    if json:
        show_json(found)
    else:
        _show_crls(found["entries"])


@crl_app.command("publish")
def crl_publish(
    home: HomeOption = None,
    name: Annotated[str, typer.Option(help="`ca`: the issuing CA's; `root`: the root's.")] = "ca",
    json: JsonOption = False,
) -> None:
    """Make the next CRL now, outside its turn."""
    if name not in _NAMES:
        raise UsageError("crl.unknown", f"no such CRL: {name}", hint=f"one of {', '.join(_NAMES)}")
    with api(home) as client:
        made = client.call("POST", "/api/v1/ca/crl", json={"name": name})
    if json:
        show_json(made)
    else:
        _show_crls([made])


def _show_crls(entries: list[dict[str, Any]]) -> None:
    show_table(
        [
            ("name", "CRL"),
            ("number", "NUMBER"),
            ("this_update", "THIS UPDATE"),
            ("next_update", "NEXT UPDATE"),
            ("entries", "ENTRIES"),
            ("url", "URL"),
        ],
        entries,
    )
