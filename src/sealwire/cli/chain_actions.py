"""What ``sealwire chain`` and ``sealwire cert`` do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from sealwire.cli.files import SYSTEM_ROOTS, read_input, read_inputs, write_output
from sealwire.cli.output import printable, show_json
from sealwire.cli.report import (
    certificate_document,
    chain_entry,
    finding_document,
    show_remarks,
)
from sealwire.clock import SystemClock
from sealwire.errors import RefusedError, UnavailableError, UsageError
from sealwire.x509.bundle import read_bundle
from sealwire.x509.chain import Order, Purpose, build_chain, refusal
from sealwire.x509.keys import key_id, load_private_key
from sealwire.x509.served import check_chain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.x509 import Certificate

    from sealwire.errors import Finding
    from sealwire.x509.bundle import Bundle
    from sealwire.x509.keys import PublicKey

EnumT = TypeVar("EnumT", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Question:
    """The options that building and checking share, as they were typed."""

    key: Path | None
    host: str | None
    purpose: str | None
    at: str | None
    max_depth: int
    roots: str | None
    password_file: Path | None

    def password(self) -> bytes | None:
        """The first line of the password file."""
        return read_password(self.password_file)

    def wanted_purpose(self) -> Purpose | None:
        """Raises UsageError for an unknown word."""
        return None if self.purpose is None else _choice(Purpose, self.purpose, "--purpose")

    def time(self) -> datetime:
        """The time to judge at; without a zone it is UTC. Raises UsageError."""
        if self.at is None:
            return SystemClock().now()
        try:
            when = datetime.fromisoformat(self.at)
        except ValueError as fault:
            text = f"--at wants RFC 3339, such as 2026-11-21T12:00:00Z, not {printable(self.at)}."
            raise UsageError("chain.time", text) from fault
        return when.replace(tzinfo=UTC) if when.tzinfo is None else when

    def public_key(self) -> PublicKey | None:
        """Of the key named by --key."""
        if self.key is None:
            return None
        return load_private_key(read_input(self.key), self.password()).public_key()


def read_password(file: Path | None) -> bytes | None:
    """The first line, without its end."""
    return None if file is None else read_input(file).partition(b"\n")[0].rstrip(b"\r")


def build(
    files: list[Path],
    leaf: Path | None,
    asked: Question,
    order_word: str,
    output: Path,
    *,
    as_json: bool,
) -> None:
    """Build and write. Nothing is written when there is no valid chain."""
    order = _choice(Order, order_word, "--order")
    bundle = read_bundle(read_inputs(files), asked.password())
    try:
        chain = build_chain(
            bundle.certificates,
            at=asked.time(),
            purpose=asked.wanted_purpose(),
            host=asked.host,
            leaf=_one_certificate(leaf) if leaf is not None else None,
            key=asked.public_key() or _key_of_bundle(bundle),
            roots=read_roots(asked.roots),
            max_depth=asked.max_depth,
            order=order,
        )
    except RefusedError as fault:
        _refuse(fault, bundle, as_json=as_json)
        return
    write_output(output, chain.pem(order))
    _show(chain.ordered(order), [*chain.findings, *bundle.findings], as_json=as_json)
    if not as_json:
        typer.echo(f"Written: {output}")


def check(file: Path, asked: Question, *, as_json: bool) -> None:
    """Judge the file as it stands."""
    bundle = read_bundle(read_inputs([file]), asked.password())
    try:
        chain = check_chain(
            bundle.certificates,
            at=asked.time(),
            purpose=asked.wanted_purpose(),
            host=asked.host,
            key=asked.public_key(),
            roots=read_roots(asked.roots),
            max_depth=asked.max_depth,
        )
    except RefusedError as fault:
        _refuse(fault, bundle, as_json=as_json)
        return
    _show(chain.ordered(), [*chain.findings, *bundle.findings], as_json=as_json)
    if not as_json:
        typer.echo("The chain is in order.")


def show_certificates(files: list[Path], password_file: Path | None, *, as_json: bool) -> None:
    """Print what the files hold."""
    bundle = read_bundle(read_inputs(files), read_password(password_file))
    documents = [
        certificate_document(certificate, origin)
        for certificate, origin in zip(bundle.certificates, bundle.origins, strict=True)
    ]
    if as_json:
        findings = [finding_document(finding) for finding in bundle.findings]
        show_json({"certificates": documents, "findings": findings})
        if not documents:
            raise typer.Exit(2)
        return
    for document in documents:
        _show_certificate(document)
    show_remarks(bundle.findings)
    if not documents:
        raise RefusedError("cert.none", "There is no readable certificate in the files.")


def _show_certificate(document: dict[str, object]) -> None:
    typer.echo(printable(f"{document['subject']}"))
    for key, value in document.items():
        if key == "subject" or value is None or value == []:
            continue
        text = ", ".join(value) if isinstance(value, list) else str(value)
        typer.echo(f"  {key.replace('_', ' '):<19} {printable(text)}")


def read_roots(word: str | None) -> Sequence[Certificate]:
    """Trusted roots: none asked for, or the system's, Mozilla's, or those of a file."""
    if word is None:
        return ()
    path = _roots_path(word)
    roots = read_bundle([(path.name, read_input(path))]).certificates
    if not roots:
        raise UsageError("chain.roots", f"There is no certificate in {path}.")
    return roots


def _roots_path(word: str) -> Path:
    if word == "system":
        return SYSTEM_ROOTS
    if word != "mozilla":
        return Path(word)
    try:
        import certifi
    except ImportError as fault:
        raise UnavailableError(
            "chain.mozilla",
            "Mozilla's roots are not installed here.",
            hint="pip install certifi, or use --roots system.",
        ) from fault
    return Path(certifi.where())


def _one_certificate(path: Path) -> Certificate:
    found = read_bundle([(path.name, read_input(path))]).certificates
    if not found:
        raise UsageError("chain.leaf", f"There is no certificate in {path}.")
    return found[0]


def _key_of_bundle(bundle: Bundle) -> PublicKey | None:
    """A key that came along says which leaf is meant, if it belongs to one."""
    certified = {key_id(certificate.public_key()) for certificate in bundle.certificates}
    for key in bundle.keys:
        if key_id(key.public_key()) in certified:
            return key.public_key()
    return None


def _refuse(fault: RefusedError, bundle: Bundle, *, as_json: bool) -> None:
    findings = [*fault.findings, *bundle.findings]
    if as_json:
        documents = [finding_document(finding) for finding in findings]
        show_json({"ok": False, "chain": [], "findings": documents})
        raise typer.Exit(fault.exit_code)
    raise refusal(findings) from fault


def _show(
    certificates: Sequence[Certificate], findings: Sequence[Finding], *, as_json: bool
) -> None:
    entries = [chain_entry(certificate) for certificate in certificates]
    if as_json:
        documents = [finding_document(finding) for finding in findings]
        show_json({"ok": True, "chain": entries, "findings": documents})
        return
    for number, entry in enumerate(entries, start=1):
        typer.echo(printable(f"{number}. {entry['subject']}"))
        typer.echo(printable(f"   issued by {entry['issuer']}, until {entry['not_after']}"))
    show_remarks(findings)


def _choice(kind: type[EnumT], word: str, option: str) -> EnumT:
    try:
        return kind(word.lower())
    except ValueError as fault:
        known = ", ".join(kind)
        raise UsageError("chain.option", f"{option} is one of {known}.") from fault
