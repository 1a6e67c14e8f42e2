"""What the appliance's and the sensor's certificate commands share."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sealwire.cli.files import read_input, write_output
from sealwire.cli.output import printable, show_fields, show_findings, show_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CommonName = Annotated[
    str, typer.Option("--cn", help="Full name of the host, e.g. fmc.example.com.")
]
Names = Annotated[list[str] | None, typer.Option("--san", help="A further name or IP address.")]
Country = Annotated[str, typer.Option("--c", help="Country, two letters.")]
State = Annotated[str, typer.Option("--st", help="State or province.")]
Locality = Annotated[str, typer.Option("--l", help="Locality or city.")]
Organization = Annotated[str, typer.Option("--o", help="Organization.")]
Unit = Annotated[str, typer.Option("--ou", help="Organizational unit (department).")]
KeyTypeOption = Annotated[str, typer.Option(help="rsa2048, rsa3072, rsa4096, p256 or p384.")]
OutFile = Annotated[Path | None, typer.Option("-o", "--out", help="Write the CSR here as well.")]
Files = Annotated[
    list[Path], typer.Argument(help="Certificate and chain: any files, any order, any format.")
]
KeyFile = Annotated[
    Path | None, typer.Option("--key", help="Private key (not needed for a CSR made here).")
]
Password = Annotated[
    str,
    typer.Option(help="Password of an encrypted key or PKCS#12 file.", envvar="SEALWIRE_PASSWORD"),
]


CheckOnly = Annotated[bool, typer.Option("--check", help="Only say what would be installed.")]


def csr_body(
    common_name: str,
    names: Sequence[str] | None,
    country: str,
    state: str,
    locality: str,
    organization: str,
    unit: str,
    key_type: str,
) -> dict[str, Any]:
    """The API's body for a new CSR."""
    return {
        "country": country,
        "state": state,
        "locality": locality,
        "organization": organization,
        "unit": unit,
        "common_name": common_name,
        "names": list(names or ()),
        "key_type": key_type,
    }


def import_body(files: Sequence[Path], key: Path | None, password: str) -> dict[str, Any]:
    """The API's body for an import: every file's bytes, whatever they are."""
    return {
        "files": [
            {"name": path.name, "content": base64.b64encode(read_input(path)).decode("ascii")}
            for path in files
        ],
        "key": None if key is None else base64.b64encode(read_input(key)).decode("ascii"),
        "password": password,
    }


def show_csr(answer: Mapping[str, Any], out: Path | None, *, json: bool) -> None:
    """Print the CSR's PEM, whole, with its BEGIN and END lines; write it to ``out`` as well."""
    if out is not None:
        write_output(out, answer["csr"].encode("ascii"))
    if json:
        show_json(answer)
    else:
        typer.echo(answer["csr"], nl=False)


def show_identity(identity: Mapping[str, Any] | None, pending: Sequence[Mapping[str, Any]]) -> None:
    """What is installed, and which CSRs wait for their certificate."""
    if identity is None:
        typer.echo("no certificate is installed")
    else:
        leaf = identity["chain"][0]
        show_fields(
            {
                "Subject": leaf["subject"],
                "Names": ", ".join(leaf["names"]),
                "Issuer": leaf["issuer"],
                "Valid from": leaf["not_before"],
                "Valid until": leaf["not_after"],
                "SHA-256": leaf["sha256"],
                "Self-signed": "yes" if identity["self_signed"] else "",
                "Generation": identity["generation"],
            }
        )
        for certificate in identity["chain"][1:]:
            typer.echo(f"  below: {certificate['subject']}")
    for csr in pending:
        typer.echo(f"CSR waiting since {csr['created']}, key {csr['key_id'][:16]}")


def show_import(answer: Mapping[str, Any]) -> None:
    """The installed identity and what was noticed on the way."""
    show_identity(answer["identity"], ())
    show_findings(answer["findings"])


def show_check(answer: Mapping[str, Any]) -> None:
    """The chain as a tree, its trusted end first, and what was noticed; nothing was installed."""
    for depth, certificate in enumerate(reversed(answer["path"])):
        branch = f"{'   ' * (depth - 1)}`- " if depth else ""
        subject, until = printable(certificate["subject"]), certificate["not_after"]
        typer.echo(f"{branch}{subject}, until {until}")
    show_findings(answer["findings"])
    typer.echo("nothing is installed: leave out --check to install it")
