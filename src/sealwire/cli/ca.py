"""``sealwire ca``: set-up and what the CA has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sealwire.cli.ca_certificates import (
    certificate,
    certificates,
    crl_app,
    hold,
    release,
    revoke,
)
from sealwire.cli.ca_init import init, renew, show
from sealwire.cli.ca_profiles import profile_app
from sealwire.cli.files import write_output
from sealwire.cli.output import JsonOption, show_fields, show_findings, show_json, show_table
from sealwire.cli.pki_output import parse_number
from sealwire.cli.session import HomeOption, api
from sealwire.errors import RefusedError

_PAGE = 1000

ca_app = typer.Typer(
    no_args_is_help=True, help="The certificate authority: profiles, certificates, CRLs."
)
ca_app.add_typer(profile_app, name="profile")
ca_app.add_typer(crl_app, name="crl")
ca_app.command("init")(init)
ca_app.command("renew")(renew)
ca_app.command("show")(show)
ca_app.command("certificate")(certificate)
ca_app.command("certificates")(certificates)
ca_app.command("revoke")(revoke)
ca_app.command("hold")(hold)
ca_app.command("release")(release)


@ca_app.command("approve")
def approve(
    numbers: Annotated[list[str], typer.Argument(metavar="ID...", help="Requests, by number.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Approve many requests; one that is refused holds up no other."""
    wanted = [{"id": parse_number(each, what="request ID")} for each in numbers]
    entries: list[dict[str, Any]] = []
    with api(home) as client:
        for start in range(0, len(wanted), _PAGE):
            body = {"requests": wanted[start : start + _PAGE]}
            entries += client.call("POST", "/api/v1/ca/requests/approve", json=body)["entries"]
    done = [entry["request"] for entry in entries if "request" in entry]
    if json:
        show_json({"entries": entries})
    elif done:
        show_table([("id", "REQUEST"), ("status", "STATUS"), ("serial", "SERIAL")], done)
    refused = [entry for entry in entries if "problem" in entry]
    if refused:
        told = (f"request {each['id']}: {each['problem']['detail']}" for each in refused)
        raise RefusedError("request.not_approved", "; ".join(told))


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
                "Status changes recorded": found["status_changes"],
            }
        )
        show_findings(found["findings"])
    if not found["ok"]:
        raise RefusedError(
            "ca.not_reconciled", "certificates, requests and audit records do not fit together"
        )
