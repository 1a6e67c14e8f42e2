"""What ``sealwire doctor`` does."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sealwire.cli.addresses import host_and_port
from sealwire.cli.chain_actions import read_roots
from sealwire.cli.files import SYSTEM_ROOTS, read_input
from sealwire.cli.output import printable, show_json
from sealwire.cli.session import home_path
from sealwire.clock import SystemClock
from sealwire.errors import RefusedError, UnavailableError, UsageError
from sealwire.identity.checkup import Outcome, checkup_document
from sealwire.net.client_tls import ClientIdentity
from sealwire.net.doctor import Patient, trial_frame
from sealwire.net.doctor import examine as look_at
from sealwire.x509.bundle import read_bundle
from sealwire.x509.certificate import certificate_pem
from sealwire.x509.hostnames import a_label
from sealwire.x509.keys import load_private_key, private_key_pem, public_key_der
from sealwire.x509.revocation import read_revocation_lists

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from sealwire.clock import Clock
    from sealwire.identity.checkup import CheckStep, Checkup
    from sealwire.x509.revocation import RevocationList

_MARKS = {Outcome.FAILED: "FAILED"}


@dataclass(frozen=True, slots=True)
class Question:
    """The options as they were typed."""

    address: str
    client_cert: Path | None
    client_key: Path | None
    ca: Path | None
    crls: tuple[Path, ...]
    server_name: str
    timeout: float
    message: bool
    home: Path | None


def examine(asked: Question, *, as_json: bool) -> None:
    """Look, show, and leave with the exit code that fits."""
    clock = SystemClock()
    checkup = look_at(patient(asked, clock), clock)
    if as_json:
        show_json(checkup_document(checkup))
    else:
        for step in checkup.steps:
            _show(step)
    if checkup.unreachable:
        text = f"there is no connection to {asked.address}"
        raise UnavailableError("doctor.unreachable", text)
    if not checkup.ok:
        raise RefusedError("doctor.failed", _summary(checkup))


def patient(asked: Question, clock: Clock) -> Patient:
    """The options, checked and read. Raises UsageError, RefusedError."""
    host, port = host_and_port(asked.address)
    try:
        host, server_name = a_label(host), a_label(asked.server_name or host)
    except ValueError as fault:
        raise UsageError("usage.address", f"that is no host name: {fault}") from fault
    return Patient(
        host=host,
        port=port,
        server_name=server_name,
        anchors=tuple(_anchors(asked)),
        identity=_identity(asked),
        lists=tuple(_lists(asked)),
        message=trial_frame(clock, socket.gethostname()) if asked.message else None,
        why_no_message="--no-message",
        timeout=asked.timeout,
    )


def _anchors(asked: Question) -> list[Certificate]:
    if asked.ca is not None:
        return list(read_roots(str(asked.ca)))
    own = home_path(asked.home) / "credentials" / "ca-roots.pem"
    roots = list(read_roots("system")) if SYSTEM_ROOTS.exists() else []
    return [*(read_roots(str(own)) if own.exists() else ()), *roots]


def _lists(asked: Question) -> list[RevocationList]:
    return [one for path in asked.crls for one in read_revocation_lists(read_input(path))]


def _identity(asked: Question) -> ClientIdentity | None:
    if asked.client_cert is None:
        if asked.client_key is not None:
            raise UsageError("doctor.client", "--client-key needs --client-cert.")
        return None
    bundle = read_bundle([(asked.client_cert.name, read_input(asked.client_cert))])
    key = bundle.keys[0] if bundle.keys else None
    if asked.client_key is not None:
        key = load_private_key(read_input(asked.client_key))
    if key is None:
        raise UsageError("doctor.client", "There is no private key: give it with --client-key.")
    own = public_key_der(key.public_key())
    leaves = [each for each in bundle.certificates if public_key_der(each.public_key()) == own]
    if not leaves:
        text = f"The private key belongs to no certificate in {asked.client_cert}."
        raise UsageError("doctor.client", text)
    rest = [each for each in bundle.certificates if each != leaves[0]]
    chain = b"".join(map(certificate_pem, [leaves[0], *rest])).decode("ascii")
    return ClientIdentity(chain, private_key_pem(key))


def _show(step: CheckStep) -> None:
    mark = _MARKS.get(step.outcome, step.outcome.value)
    detail = printable(step.judgement.detail or step.judgement.skipped)
    typer.echo(f"{step.name:<20} {mark:<8}{step.milliseconds:>9.1f} ms  {detail}".rstrip())
    for remark in step.judgement.remarks:
        typer.echo(f"  {remark.severity.value}: {printable(remark.message)} [{remark.code.value}]")
        if remark.fix:
            typer.echo(f"  fix: {printable(remark.fix)}")


def _summary(checkup: Checkup) -> str:
    names = [step.name.value for step in checkup.steps if step.outcome is Outcome.FAILED]
    return f"{len(names)} of {len(checkup.steps)} steps failed: {', '.join(names)}"
