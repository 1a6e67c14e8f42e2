"""``sealwire ca init``, ``renew`` and ``show``: the CA's own certificates and who signs them."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sealwire.cli.files import read_input, write_output
from sealwire.cli.output import JsonOption, show_fields, show_findings, show_json
from sealwire.cli.session import HomeOption, api, home_path, must_be_new
from sealwire.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.bootstrap.client import ApiClient

KeyTypeOption = Annotated[
    str, typer.Option(help="Key of root and issuing CA: p256, p384, rsa2048, rsa3072, rsa4096.")
]
Organization = Annotated[str, typer.Option("--o", help="Organization in the CA's name.")]
Subject = Annotated[
    str, typer.Option(help="The issuing CA's whole name, e.g. 'CN=Issuing CA,O=Example,C=US'.")
]
CsrOut = Annotated[
    Path | None,
    typer.Option(help="Have an outside CA sign: write the request for it to this file."),
]
Imports = Annotated[
    list[Path] | None,
    typer.Option("--import", help="What the outside CA gave back: any files, in any order."),
]
MoreFiles = Annotated[
    list[Path] | None, typer.Argument(metavar="[FILE]...", help="More files of --import.")
]
Roots = Annotated[
    list[Path] | None, typer.Option("--root", help="Trust this root and none that came along.")
]
RootOut = Annotated[
    Path | None, typer.Option(help="Keep the root's key and certificate in this folder only.")
]
RootIn = Annotated[
    Path | None, typer.Option(help="Have the root in this folder sign (see init --root-out).")
]
RootPassword = Annotated[
    Path | None, typer.Option(help="File with the password of the root's key.")
]


def init(
    files: MoreFiles = None,
    home: HomeOption = None,
    key_type: KeyTypeOption = "p256",
    organization: Organization = "",
    subject: Subject = "",
    csr_out: CsrOut = None,
    imports: Imports = None,
    root: Roots = None,
    root_out: RootOut = None,
    root_password_file: RootPassword = None,
    json: JsonOption = False,
) -> None:
    """Make the root, the issuing CA and the agent `caadmin`.

    Under a corporate root: --csr-out, have it signed, --import. With a root of your own that is
    kept away from this machine: --root-out.
    """
    _one_of({"--csr-out": csr_out, "--import": imports, "--root-out": root_out}, files)
    _only_with("--root", root, "--import", imports)
    _only_with("--root-password-file", root_password_file, "--root-out", root_out)
    body = {"key_type": key_type, "organization": organization, "subject": subject}
    with api(home) as client:
        if csr_out is not None:
            _request(client, "/api/v1/ca/init/request", body, csr_out, json=json, word="init")
            return
        if imports is not None:
            made = _bring(client, "/api/v1/ca/init/certificate", [*imports, *(files or ())], root)
        elif root_out is not None:
            made = _under_offline_root(client, body, root_out, root_password_file)
        else:
            made = client.call("POST", "/api/v1/ca/init", json=body)
    made["credentials"] = str(home_path(home) / "credentials")
    if json:
        show_json(made)
        return
    show_fields(
        {
            "Issuing CA": made["issuing_subject"],
            "Root": made["root_subject"],
            "Root's key": None if root_out is None else f"{root_out}, not in the home",
            "Agent": made["agent"],
            "One-time password": made["password"],
            "Credentials": made["credentials"],
        }
    )
    show_findings(made["findings"])


def renew(
    files: MoreFiles = None,
    home: HomeOption = None,
    csr_out: CsrOut = None,
    imports: Imports = None,
    root: Roots = None,
    root_in: RootIn = None,
    root_password_file: RootPassword = None,
    json: JsonOption = False,
) -> None:
    """Give the issuing CA a new certificate for the same key and name.

    Signed by the root that is kept here, or by the one in a folder (--root-in), or by an outside
    CA (--csr-out, then --import). What was issued stays valid.
    """
    _one_of({"--csr-out": csr_out, "--import": imports, "--root-in": root_in}, files)
    _only_with("--root", root, "--import", imports)
    _only_with("--root-password-file", root_password_file, "--root-in", root_in)
    with api(home) as client:
        if csr_out is not None:
            _request(client, "/api/v1/ca/renewal/request", None, csr_out, json=json, word="renew")
            return
        if imports is not None:
            every = [*imports, *(files or ())]
            made = _bring(client, "/api/v1/ca/renewal/certificate", every, root)
        elif root_in is not None:
            made = _renewed_by(client, root_in, root_password_file)
        else:
            made = client.call("POST", "/api/v1/ca/renewal")
    if json:
        show_json(made)
        return
    issuing = made["issuing"]
    show_fields({"Issuing CA": issuing["subject"], "Valid until": issuing["not_after"]})
    show_findings(made["findings"])


def show(home: HomeOption = None, json: JsonOption = False) -> None:
    """Show the CA's certificates, where their keys are, and what is awaited."""
    with api(home) as client:
        found = client.call("GET", "/api/v1/ca/authority")
    if json:
        show_json(found)
        return
    if found["state"] == "ready":
        issuing, root = found["issuing"], found["root"]
        between = [each["subject"] for each in found["intermediates"]]
        show_fields(
            {
                "Issuing CA": issuing["subject"],
                "Serial": issuing["serial"],
                "Valid from": issuing["not_before"],
                "Valid until": issuing["not_after"],
                "SHA-256": issuing["sha256"],
                "Key": f"{issuing['key_type']}, {issuing['key_place']}",
                "Between": ", ".join(between),
                "Root": root["subject"],
                "Root valid until": root["not_after"],
                "Root's key": f"{root['key_type']}, {root['key_place'] or 'not kept here'}",
                **{name: found.get(key) for key, name in _ADDRESSES.items()},
            }
        )
    elif found["state"] == "new":
        typer.echo("There is no CA yet: sealwire ca init")
    for each in found["waiting"]:
        typer.echo(f"Waits for its certificate, since {each['created']}: {each['subject']}")
        typer.echo(f"  key {each['key_type']} {each['key_id']}")


_ADDRESSES = {"crl_url": "CRL", "ocsp_url": "OCSP"}


def _one_of(ways: dict[str, object], files: Sequence[Path] | None) -> None:
    chosen = [name for name, value in ways.items() if value is not None]
    if len(chosen) > 1:
        raise UsageError("usage.ways", f"{' and '.join(chosen)} do not go together")
    if files and chosen != ["--import"]:
        raise UsageError("usage.files", "files go with --import only")


def _only_with(name: str, value: object, other: str, present: object) -> None:
    if value is not None and present is None:
        raise UsageError("usage.option", f"{name} goes with {other} only")


def _request(
    client: ApiClient,
    path: str,
    body: dict[str, str] | None,
    out: Path,
    *,
    json: bool,
    word: str,
) -> None:
    must_be_new(out)
    answer = client.call("POST", path, json=body)
    write_output(out, answer["csr"].encode("ascii"))
    if json:
        show_json(answer)
        return
    typer.echo(f"Request written to {out}. Have it signed, then bring what comes back:")
    typer.echo(f"  sealwire ca {word} --import FILE...")


def _bring(
    client: ApiClient, path: str, files: Sequence[Path], roots: Sequence[Path] | None
) -> dict[str, Any]:
    answer: dict[str, Any] = client.call(
        "POST", path, json={"files": _uploaded(files), "roots": _uploaded(roots or ())}
    )
    return answer


def _uploaded(paths: Sequence[Path]) -> list[dict[str, str]]:
    return [_upload(path.name, read_input(path)) for path in paths]


def _upload(name: str, content: bytes) -> dict[str, str]:
    return {"name": name, "content": base64.b64encode(content).decode("ascii")}


def _under_offline_root(
    client: ApiClient, body: dict[str, str], folder: Path, password_file: Path | None
) -> dict[str, Any]:
    from sealwire.ca.setup import SetupPlan
    from sealwire.cli.offline_root import new_root, prepare_folder, sign_request
    from sealwire.cli.passwords import new_password
    from sealwire.x509.certificate import certificate_pem
    from sealwire.x509.keys import KeyType
    from sealwire.x509.subject import parse_dn

    prepare_folder(folder)
    password = new_password(password_file, "Password for the root's key (empty for none)")
    csr = client.call("POST", "/api/v1/ca/init/request", json=body)["csr"]
    named = parse_dn(body["subject"]) if body["subject"] else None
    name, _ = SetupPlan(organization=body["organization"], issuing_name=named).names()
    root, key = new_root(folder, name, KeyType(body["key_type"]), password)
    issuing = certificate_pem(sign_request(csr, root, key))
    # Should the next step fail, what it needs is there: ca init --import FOLDER/*.pem
    write_output(folder / "issuing.pem", issuing)
    return _bring(
        client,
        "/api/v1/ca/init/certificate",
        [folder / "issuing.pem", folder / "root.pem"],
        [folder / "root.pem"],
    )


def _renewed_by(client: ApiClient, folder: Path, password_file: Path | None) -> dict[str, Any]:
    from cryptography import x509

    from sealwire.ca.renewal import require_longer
    from sealwire.cli.offline_root import read_root, sign_request
    from sealwire.cli.passwords import read_password
    from sealwire.x509.certificate import certificate_pem

    root, key = read_root(folder, read_password(password_file))
    chain = client.text("GET", "/api/v1/ca/chain").encode("ascii")
    csr = client.call("POST", "/api/v1/ca/renewal/request")["csr"]
    renewed = sign_request(csr, root, key)
    require_longer(renewed, x509.load_pem_x509_certificate(chain), root)
    upload = _upload("issuing.pem", certificate_pem(renewed))
    body = {"files": [upload], "roots": _uploaded([folder / "root.pem"])}
    answer: dict[str, Any] = client.call("POST", "/api/v1/ca/renewal/certificate", json=body)
    return answer
