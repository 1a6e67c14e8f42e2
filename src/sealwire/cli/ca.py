"""``sealwire ca``: set-up and what the CA has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sealwire.cli.ca_init import init, renew, show
from sealwire.cli.ca_profiles import profile_app
from sealwire.cli.files import write_output
from sealwire.cli.output import JsonOption, show_fields, show_findings, show_json, show_table
from sealwire.cli.pki_output import parse_number
from sealwire.cli.session import HomeOption, api
from sealwire.errors import RefusedError

_PAGE = 1000

ca_app = typer.Typer(no_args_is_help=True, help="The certificate authority.")
ca_app.add_typer(profile_app, name="profile")
ca_app.command("init")(init)
ca_app.command("renew")(renew)
ca_app.command("show")(show)


@ca_app.command("chain")
def chain(
    home: HomeOption = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write to this file.")] = None,
) -> None:
    """Print the CA's certificates, issuing CA first."""
    with api(home) as client:
        text = client.text("GET", "/api/v1/ca/chain")
    if out is None:
        typer.echo(text, nl=False)
    else:
        write_output(out, text.encode("ascii"))


@ca_app.command("certificate")
def certificate(
    serial: Annotated[str, typer.Argument(help="Serial number, decimal or 0x hex.")],
    home: HomeOption = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write to this file.")] = None,
) -> None:
    """Print one issued certificate, PEM."""
    number = parse_number(serial, what="serial number")
    with api(home) as client:
        text = client.text("GET", f"/api/v1/ca/certificates/{number}/pem")
    if out is None:
        typer.echo(text, nl=False)
    else:
        write_output(out, text.encode("ascii"))


@ca_app.command("certificates")
def certificates(home: HomeOption = None, json: JsonOption = False) -> None:
    """List what was issued."""
    entries: list[dict[str, Any]] = []
    with api(home) as client:
        more = True
        while more:
            where = {"start": len(entries), "size": _PAGE}
            page = client.call("GET", "/api/v1/ca/certificates", params=where)["entries"]
            entries += page
            more = len(page) == _PAGE
    if json:
        show_json({"entries": entries})
        return
    show_table(
        [
            ("serial", "SERIAL"),
            ("subject", "SUBJECT"),
            ("profile", "PROFILE"),
            ("not_after", "NOT AFTER"),
            ("request_id", "REQUEST"),
        ],
        entries,
    )


@ca_app.command("reconcile")
def reconcile(home: HomeOption = None, json: JsonOption = False) -> None:
    """Check that certificates, requests and audit records tell the same story."""
    with api(home) as client:
        found = client.call("GET", "/api/v1/ca/reconciliation")
    if json:
        show_json(found)
    else:
        show_fields(
            {
                "Certificates": found["certificates"],
                "Complete requests": found["complete_requests"],
                "Approvals recorded": found["approvals"],
            }
        )
        show_findings(found["findings"])
    if not found["ok"]:
        raise RefusedError(
            "ca.not_reconciled", "certificates, requests and audit records do not fit together"
        )
