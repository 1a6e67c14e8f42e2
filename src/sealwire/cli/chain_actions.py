"""What ``sealwire chain`` and ``sealwire cert`` do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from sealwire.cli.chain_report import (
    chain_document,
    contents_document,
    other_contents,
    refused_document,
    summed_up,
    without_certificate,
)
from sealwire.cli.files import SYSTEM_ROOTS, read_input, write_output
from sealwire.cli.output import printable, show_json
from sealwire.cli.passwords import read_files, read_key, read_password
from sealwire.cli.report import certificate_document, chain_entry, show_remarks
from sealwire.clock import SystemClock
from sealwire.errors import RefusedError, UnavailableError, UsageError
from sealwire.x509.bundle import read_bundle
from sealwire.x509.chain import Order, Purpose, build_chain, refusal
from sealwire.x509.fetching import build_with_fetching
from sealwire.x509.keys import key_id
from sealwire.x509.remarks import certificate_remarks
from sealwire.x509.served import check_chain
from sealwire.x509.subject import dn_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.x509 import Certificate

    from sealwire.x509.bundle import Bundle
    from sealwire.x509.chain import BuiltChain
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
    strict: bool = False

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
        return read_key(self.key, self.password()).public_key()


def build(
    files: list[Path],
    leaf: Path | None,
    asked: Question,
    order_word: str,
    output: Path,
    *,
    fetch: bool,
    as_json: bool,
) -> None:
    """Build and write. Nothing is written when there is no valid chain."""
    order = _choice(Order, order_word, "--order")
    bundle = read_files(files, asked.password())
    wanted = partial(
        build_chain,
        at=asked.time(),
        purpose=asked.wanted_purpose(),
        host=asked.host,
        leaf=_one_certificate(leaf) if leaf is not None else None,
        key=asked.public_key() or _key_of_bundle(bundle),
        roots=read_roots(asked.roots),
        max_depth=asked.max_depth,
        order=order,
        strict=asked.strict,
    )
    try:
        if fetch:
            from sealwire.net.issuers import HttpIssuers

            source = HttpIssuers(SystemClock())
            chain = build_with_fetching(wanted, bundle.certificates, source)
        else:
            chain = wanted(bundle.certificates)
    except RefusedError as fault:
        _refuse(fault, bundle, as_json=as_json)
        return
    write_output(output, chain.pem(order))
    _show(chain, order, bundle, as_json=as_json)
    if not as_json:
        typer.echo(f"Written: {output}")


def check(file: Path, asked: Question, *, as_json: bool) -> None:
    """Judge the file as it stands."""
    bundle = read_files([file], asked.password())
    try:
        chain = check_chain(
            bundle.certificates,
            at=asked.time(),
            purpose=asked.wanted_purpose(),
            host=asked.host,
            key=asked.public_key(),
            roots=read_roots(asked.roots),
            max_depth=asked.max_depth,
            strict=asked.strict,
        )
    except RefusedError as fault:
        _refuse(fault, bundle, as_json=as_json)
        return
    _show(chain, Order.TLS, bundle, as_json=as_json)
    if not as_json:
        typer.echo("The chain is in order.")


def show_certificates(files: list[Path], password_file: Path | None, *, as_json: bool) -> None:
    """Print what the files hold, and what speaks against each certificate."""
    bundle = read_files(files, read_password(password_file))
    now = SystemClock().now()
    documents = [
        certificate_document(certificate, origin)
        for certificate, origin in zip(bundle.certificates, bundle.origins, strict=True)
    ]
    remarks = [certificate_remarks(certificate, now) for certificate in bundle.certificates]
    if as_json:
        show_json(contents_document(bundle, documents, remarks))
        if not documents:
            raise typer.Exit(2)
        return
    for document, found in zip(documents, remarks, strict=True):
        _show_certificate(document)
        show_remarks(found)
    for line in other_contents(bundle):
        typer.echo(line)
    show_remarks(summed_up(bundle.findings))
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
    findings = [*fault.findings, *without_certificate(bundle), *bundle.findings]
    if as_json:
        show_json(refused_document(bundle, findings))
        raise typer.Exit(fault.exit_code)
    raise refusal(summed_up(findings)) from fault


def _show(chain: BuiltChain, order: Order, bundle: Bundle, *, as_json: bool) -> None:
    if as_json:
        show_json(chain_document(chain, order, bundle))
        return
    for number, entry in enumerate(map(chain_entry, chain.ordered(order)), start=1):
        typer.echo(printable(f"{number}. {entry['subject']}"))
        typer.echo(printable(f"   issued by {entry['issuer']}, until {entry['not_after']}"))
    for path in chain.alternates:
        subjects = [dn_text(certificate.subject) for certificate in path[1:]]
        typer.echo(printable(f"  also valid by way of {', then '.join(subjects)}"))
    show_remarks(summed_up([*chain.findings, *bundle.findings]))


def _choice(kind: type[EnumT], word: str, option: str) -> EnumT:
    try:
        return kind(word.lower())
    except ValueError as fault:
        known = ", ".join(kind)
        raise UsageError("chain.option", f"{option} is one of {known}.") from fault
