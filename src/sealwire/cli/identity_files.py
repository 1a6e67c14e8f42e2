"""What the appliance's and the sensor's certificate commands share."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sealwire.cli.files import read_input, write_output
from sealwire.cli.output import printable, show_fields, show_findings, show_json, show_table
from sealwire.errors import NotFoundError, UsageError

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
ChainFile = Annotated[
    Path | None, typer.Option("-o", "--out", help="Write the chain here instead.")
]
CheckOnly = Annotated[bool, typer.Option("--check", help="Only say what would be installed.")]

_SHOWN_ALREADY = frozenset({"stranger", "duplicate", "reordered", "root_left_out"})


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


def show_csr(
    answer: Mapping[str, Any],
    out: Path | None,
    request: Mapping[str, Any] | None = None,
    *,
    json: bool,
) -> None:
    """Print the CSR's PEM, whole, with its BEGIN and END lines; write it to ``out`` as well.

    ``request``: what it became at this node's own CA.
    """
    if out is not None:
        write_output(out, answer["csr"].encode("ascii"))
    if json:
        show_json(answer if request is None else {**answer, "request": request})
        return
    typer.echo(answer["csr"], nl=False)
    if request is not None:
        number, status = printable(str(request["id"])), printable(request["status"])
        typer.echo(f"request {number} at this node's CA: {status}")


def show_csr_check(report: Mapping[str, Any], *, json: bool) -> None:
    """What is worth saying about a CSR before it is made."""
    if json:
        show_json(report)
        return
    show_fields({"Subject": report["subject"], "Names": ", ".join(report["names"])})
    show_advised(report["findings"])
    typer.echo("The openssl commands for the same:")
    for line in report["openssl"].splitlines():
        typer.echo(f"  {printable(line)}")
    typer.echo("nothing is made: leave out --check to make it")


def show_advised(findings: Sequence[Mapping[str, Any]]) -> None:
    """One line a finding, and one for what to do about it."""
    for finding in findings:
        show_findings([finding])
        if finding["fix"] and finding["severity"] != "info":
            typer.echo(f"    fix: {printable(finding['fix'])}")


def show_pending(pending: Sequence[Mapping[str, Any]], *, json: bool) -> None:
    """The CSRs that wait for their certificate."""
    if json:
        show_json(pending)
    else:
        columns = [("key_id", "KEY ID"), ("subject", "SUBJECT"), ("created", "MADE")]
        show_table(columns, pending)


def chosen_key(pending: Sequence[Mapping[str, Any]], begins: str) -> str:
    """The key id that begins so. Raises NotFoundError ``csr.unknown``, UsageError ``csr.many``."""
    found = [csr["key_id"] for csr in pending if begins and csr["key_id"].startswith(begins)]
    if not found:
        raise NotFoundError("csr.unknown", "no CSR that waits has this key id", hint="see csr-list")
    if len(found) > 1:
        raise UsageError("csr.many", "several CSRs have a key id that begins so")
    return str(found[0])


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
    show_advised(answer["findings"])


def show_check(answer: Mapping[str, Any]) -> None:
    """The chain as a tree, its trusted end first, and what was noticed; nothing was installed."""
    left_out = len(answer["path"]) - answer["sent"]
    for depth, certificate in enumerate(reversed(answer["path"])):
        branch = f"{'   ' * (depth - 1)}`- " if depth else ""
        subject, until = printable(certificate["subject"]), certificate["not_after"]
        note = " (not sent: peers that trust it have it)" if depth < left_out else ""
        typer.echo(f"{branch}{subject}, until {until}{note}")
    for path in answer["alternates"]:
        ways = " < ".join(printable(each["subject"]) for each in path)
        typer.echo(f"would hold as well: {ways}")
    _show_order(answer["order"])
    for piece in answer["certificates"]:
        if piece["use"] in {"stranger", "duplicate"}:
            file, subject = printable(piece["file"]), printable(piece["subject"])
            typer.echo(f"{piece['use']}: {subject} (in {file})")
    show_advised([f for f in answer["findings"] if f["code"] not in _SHOWN_ALREADY])
    typer.echo("nothing is installed: leave out --check to install it")


def _show_order(order: Mapping[str, Any]) -> None:
    if not order["reordered"]:
        return
    for word in ("found", "needed"):
        names = " | ".join(printable(subject) for subject in order[word])
        typer.echo(f"order {word + ':':<8} {names}")
