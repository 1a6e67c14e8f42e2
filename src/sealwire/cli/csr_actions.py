"""What ``sealwire csr`` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from sealwire.cli.files import make_folder, read_input, refuse_existing, write_output
from sealwire.cli.output import show_fields, show_json
from sealwire.errors import RefusedError, Severity, UsageError
from sealwire.x509.csr import build_csr, describe_csr, file_stem
from sealwire.x509.keys import KeyType, generate_key, private_key_pem
from sealwire.x509.subject import subject_name

if TYPE_CHECKING:
    from pathlib import Path

    from sealwire.x509.csr import CsrDescription
    from sealwire.x509.subject import SubjectFields


def new(
    fields: SubjectFields, san: list[str], key_type: str, folder: Path, *, force: bool
) -> tuple[Path, Path]:
    """Write key and request; the paths of both. Nothing is written unless both can be."""
    kind = _key_type(key_type)
    name = subject_name(fields, host=True)
    stem = file_stem(fields.common_name)
    key_path, csr_path = folder / f"{stem}.key", folder / f"{stem}.csr"
    if not force:
        refuse_existing([key_path, csr_path], way_out="Choose another folder, or say --force.")
    key = generate_key(kind)
    request = build_csr(key, name, san)
    make_folder(folder)
    write_output(key_path, private_key_pem(key), mode=0o600)
    write_output(csr_path, request)
    return key_path, csr_path


def openssl(fields: SubjectFields, san: list[str], key_type: str) -> str:
    """The commands that would do the same."""
    from sealwire.x509.wizard import openssl_commands  # `csr new` does without

    return openssl_commands(fields, san, _key_type(key_type))


def _key_type(text: str) -> KeyType:
    try:
        return KeyType(text.lower())
    except ValueError as fault:
        kinds = ", ".join(KeyType)
        raise UsageError("csr.key_type", f"Unknown key type; known are {kinds}.") from fault


def show(file: Path, *, as_json: bool) -> None:
    """Print what is in the request. Raises RefusedError ``csr.invalid``, with --json Exit(2)."""
    from sealwire.cli.report import show_remarks  # `csr new` does without

    description = describe_csr(read_input(file))
    if as_json:
        show_json(_document(description))
        if not description.ok:
            raise typer.Exit(2)
        return
    show_fields(
        {
            "Subject": description.subject,
            "Names": ", ".join(description.names),
            "Key": description.key_label,
            "Key id": description.key_id,
            "Signature": description.signature_algorithm,
            "Extensions": ", ".join(description.extensions),
        }
    )
    faults = [fault for fault in description.findings if fault.severity is Severity.ERROR]
    if faults:
        raise RefusedError(
            "csr.invalid",
            f"The request has {len(faults)} fault(s).",
            findings=description.findings,
        )
    show_remarks(description.findings)
    typer.echo("The request is valid; its signature fits its key.")


def _document(description: CsrDescription) -> dict[str, object]:
    from sealwire.cli.report import finding_document

    return {
        "ok": description.ok,
        "subject": description.subject,
        "names": list(description.names),
        "key": description.key_label,
        "key_id": description.key_id,
        "signature_algorithm": description.signature_algorithm,
        "extensions": list(description.extensions),
        "findings": [finding_document(finding) for finding in description.findings],
    }
