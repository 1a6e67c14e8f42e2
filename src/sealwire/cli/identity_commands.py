"""The certificate commands that appliance and sensor share; what differs is data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from sealwire.cli import identity_files as files
from sealwire.cli.files import write_output
from sealwire.cli.output import JsonOption, printable, show_json
from sealwire.cli.session import HomeOption, api, must_be_new, segment

if TYPE_CHECKING:
    from typing import Any

    from sealwire.bootstrap.client import ApiClient

_Order = Annotated[
    str, typer.Option(help="tls (leaf first), cisco (issuing CA to root) or usm (root first).")
]
_Ca = Annotated[
    str,
    typer.Option(help="With --check: sealwire, private, public-dv, public-ov or cisco."),
]
_CheckCsr = Annotated[
    bool, typer.Option("--check", help="Make nothing; say what is worth saying about it.")
]
_Submit = Annotated[
    bool, typer.Option("--submit", help="Send it to this node's own CA; an agent decides.")
]
_KeyId = Annotated[str, typer.Argument(help="The CSR's key id, or its beginning.")]


@dataclass(frozen=True, slots=True)
class End:
    """One end: its paths in the API, what it asks for unless told, and its words."""

    certificate: str
    csr: str
    key_type: str
    profile: str
    csr_help: str
    import_help: str


def add_identity_commands(app: typer.Typer, end: End) -> None:
    """``csr``, ``csr-list``, ``csr-remove``, ``import``, ``rollback``, ``chain``."""
    _add_csr(app, end)
    _add_waiting(app, end)
    _add_import(app, end)
    _add_chain(app, end)


def _add_csr(app: typer.Typer, end: End) -> None:
    @app.command("csr", help=end.csr_help)
    def csr(
        common_name: files.CommonName,
        names: files.Names = None,
        country: files.Country = "",
        state: files.State = "",
        locality: files.Locality = "",
        organization: files.Organization = "",
        unit: files.Unit = "",
        key_type: files.KeyTypeOption = end.key_type,
        check: _CheckCsr = False,
        ca: _Ca = "sealwire",
        submit: _Submit = False,
        out: files.OutFile = None,
        home: HomeOption = None,
        json: JsonOption = False,
    ) -> None:
        body = files.csr_body(
            common_name, names, country, state, locality, organization, unit, key_type
        )
        must_be_new(out)
        with api(home) as client:
            if check:
                report = client.call("POST", f"{end.csr}/check", json={**body, "ca": ca})
                files.show_csr_check(report, json=json)
                return
            answer = client.call("POST", end.csr, json=body)
            request = _submitted(client, end, answer) if submit else None
        files.show_csr(answer, out, request, json=json)


def _submitted(client: ApiClient, end: End, answer: dict[str, Any]) -> dict[str, Any]:
    body = {"profile": end.profile, "csr": answer["csr"]}
    request: dict[str, Any] = client.call("POST", "/api/v1/ca/requests", json=body)
    return request


def _add_waiting(app: typer.Typer, end: End) -> None:
    @app.command("csr-list")
    def csr_list(home: HomeOption = None, json: JsonOption = False) -> None:
        """List the CSRs whose certificate has not come back."""
        with api(home) as client:
            pending = client.call("GET", end.certificate)["pending"]
        files.show_pending(pending, json=json)

    @app.command("csr-remove")
    def csr_remove(key_id: _KeyId, home: HomeOption = None) -> None:
        """Give up a CSR that waits, and its key: its certificate will be of no use."""
        with api(home) as client:
            pending = client.call("GET", end.certificate)["pending"]
            chosen = files.chosen_key(pending, key_id)
            client.call("DELETE", f"{end.csr}/{segment(chosen)}")
        typer.echo(f"removed the CSR and its key {printable(chosen)}")


def _add_import(app: typer.Typer, end: End) -> None:
    @app.command("import", help=end.import_help)
    def import_certificate(
        paths: files.Files,
        key: files.KeyFile = None,
        password: files.Password = "",
        check: files.CheckOnly = False,
        home: HomeOption = None,
        json: JsonOption = False,
    ) -> None:
        address = f"{end.certificate}/check" if check else end.certificate
        with api(home) as client:
            answer = client.call("POST", address, json=files.import_body(paths, key, password))
        if json:
            show_json(answer)
        elif check:
            files.show_check(answer)
        else:
            files.show_import(answer)

    @app.command("rollback")
    def rollback(home: HomeOption = None, json: JsonOption = False) -> None:
        """Go back to the certificate that was in use before."""
        with api(home) as client:
            answer = client.call("POST", f"{end.certificate}/rollback")
        if json:
            show_json(answer)
        else:
            files.show_import(answer)


def _add_chain(app: typer.Typer, end: End) -> None:
    @app.command("chain")
    def chain(order: _Order = "tls", out: files.ChainFile = None, home: HomeOption = None) -> None:
        """Print the installed chain in the order that a product wants."""
        must_be_new(out)
        with api(home) as client:
            pem = client.text("GET", f"{end.certificate}/chain", params={"order": order})
        if out is None:
            typer.echo(pem, nl=False)
        else:
            write_output(out, pem.encode("ascii"))
