"""The words that ask for certificates: for a new key, for a CSR, and at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from sealwire.cli.files import make_folder, read_input, write_output
from sealwire.cli.pki import request_output as out
from sealwire.cli.pki.certificate_output import encoded_certificate
from sealwire.cli.pki.certificate_words import (
    FormatOption,
    OutputFileOption,
    hand_over,
    must_be_format,
)
from sealwire.cli.pki.connection import asked_password, password_in, sessions_of
from sealwire.cli.pki.reading import json_object
from sealwire.cli.pki.showing import tell
from sealwire.cli.pki.template import Answers, filled
from sealwire.cli.pki_output import parse_number, visible
from sealwire.cli.session import segment
from sealwire.errors import ConflictError, RefusedError, UsageError

if TYPE_CHECKING:
    from cryptography.x509 import Name

    from sealwire.bootstrap.dogtag import DogtagClient
    from sealwire.x509.keys import PrivateKey

_RSA: Final = {1024: "rsa1024", 2048: "rsa2048", 3072: "rsa3072", 4096: "rsa4096"}
_EMAIL: Final = "1.2.840.113549.1.9.1"
_DER: Final = b"\x30"
_CURVES: Final = {"nistp256": "p256", "nistp384": "p384"}

ProfileOption = Annotated[str, typer.Option("--profile", help="Certificate profile.")]
CsrOption = Annotated[Path | None, typer.Option("--csr-file", help="The CSR.")]
CsrFormatOption = Annotated[str, typer.Option("--request-format", help="PEM (default) or DER.")]
CsrTypeOption = Annotated[str, typer.Option("--request-type", help="pkcs10.")]
SubjectOption = Annotated[str, typer.Option("--subject", help="Subject DN (default: the CSR's).")]
RequestorOption = Annotated[str | None, typer.Option("--requestor", help="Who asks.")]
DnsOption = Annotated[str, typer.Option("--dns-names", help="DNS names, comma-separated.")]
RenewalOption = Annotated[bool, typer.Option("--renewal", help="It renews a certificate.")]
SerialOption = Annotated[str, typer.Option("--serial", help="Serial number of that one.")]
IssuerIdOption = Annotated[str | None, typer.Option("--issuer-id", help="Authority's ID.")]
IssuerDnOption = Annotated[str | None, typer.Option("--issuer-dn", help="Authority's DN.")]
UserOption = Annotated[str, typer.Option("--username", help="Who the profile checks.")]
PasswordOption = Annotated[bool, typer.Option("--password", help="Ask for the password.")]
PasswordFileOption = Annotated[Path | None, typer.Option("--password-file", help="Its file.")]


def client_cert_request(
    context: typer.Context,
    subject: Annotated[str, typer.Argument(help="Subject DN, e.g. UID=testuser.")],
    profile: ProfileOption = "caUserCert",
    request_type: Annotated[str, typer.Option("--type", help="pkcs10.")] = "pkcs10",
    algorithm: Annotated[str, typer.Option(help="rsa or ec.")] = "rsa",
    length: Annotated[int, typer.Option(help="RSA key length in bits.")] = 2048,
    curve: Annotated[str, typer.Option(help="nistp256 or nistp384.")] = "nistp256",
    issuer_id: IssuerIdOption = None,
    issuer_dn: IssuerDnOption = None,
    user: UserOption = "",
    password: PasswordOption = False,
) -> None:
    """Request a certificate for a new key, which is left in the folder that -d names."""
    from sealwire.x509.csr import build_csr
    from sealwire.x509.keys import generate_key
    from sealwire.x509.subject import parse_dn

    _only_pkcs10(request_type)
    key = generate_key(_key_type(algorithm, length, curve))
    csr = build_csr(key, parse_dn(subject), ())
    answers = Answers(
        csr=csr.decode("ascii"),
        dn=subject,
        subject=_parts(subject),
        credentials=_credentials(user, ask=password),
    )
    sessions = sessions_of(context)
    with sessions.session() as ca, _kept_key(sessions.folder, key) as keep:
        made = _submit(ca, _template(ca, profile), answers, _issuer(issuer_id, issuer_dn))
        keep(made[0].request_id)
        form = ca.info.audit_format
    tell(out.submitted(made, form))


def ca_cert_request_submit(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A filled-in template, as JSON.")
    ] = None,
    profile: ProfileOption = "",
    csr_file: CsrOption = None,
    csr_format: CsrFormatOption = "PEM",
    request_type: CsrTypeOption = "",
    subject: SubjectOption = "",
    requestor: RequestorOption = None,
    dns_names: DnsOption = "",
    renewal: RenewalOption = False,
    serial: SerialOption = "",
    issuer_id: IssuerIdOption = None,
    issuer_dn: IssuerDnOption = None,
    user: UserOption = "",
    password: PasswordOption = False,
    password_file: PasswordFileOption = None,
) -> None:
    """Submit certificate request."""
    answers = _answers(csr_file, csr_format, request_type, subject)
    answers = replace(
        answers,
        requestor=requestor,
        dns_names=_names(dns_names),
        renewal=renewal,
        serial=_serial(serial),
        credentials=_credentials(user, ask=password, file=password_file),
    )
    source = _source(file, profile)
    issuer = _issuer(issuer_id, issuer_dn)
    with sessions_of(context).session() as ca:
        made = _submit(ca, _template(ca, profile) if source is None else source, answers, issuer)
        form = ca.info.audit_format
    tell(out.submitted(made, form))


def ca_cert_issue(
    context: typer.Context,
    profile: ProfileOption = "",
    csr_file: CsrOption = None,
    csr_format: CsrFormatOption = "PEM",
    request_type: CsrTypeOption = "",
    subject: SubjectOption = "",
    requestor: RequestorOption = None,
    dns_names: DnsOption = "",
    renewal: RenewalOption = False,
    serial: SerialOption = "",
    issuer_id: IssuerIdOption = None,
    issuer_dn: IssuerDnOption = None,
    user: UserOption = "",
    password: PasswordOption = False,
    password_file: PasswordFileOption = None,
    input_file: Annotated[
        Path | None, typer.Option("--input-file", help="A filled-in template, as JSON.")
    ] = None,
    output_format: FormatOption = "PEM",
    output_file: OutputFileOption = None,
) -> None:
    """Issue certificate: submit, approve and fetch it."""
    must_be_format(output_format)
    answers = _answers(csr_file, csr_format, request_type, subject)
    answers = replace(
        answers,
        requestor=requestor,
        dns_names=_names(dns_names),
        renewal=renewal,
        serial=_serial(serial),
        credentials=_credentials(user, ask=password, file=password_file),
    )
    source = _source(input_file, profile)
    issuer = _issuer(issuer_id, issuer_dn)
    with sessions_of(context).session() as ca:
        made = _submit(ca, _template(ca, profile) if source is None else source, answers, issuer)
        pem = _issued(ca, made[0])
    hand_over(pem, output_format, output_file)


WORDS: Final[dict[str, Callable[..., None]]] = {
    "client-cert-request": client_cert_request,
    "ca-cert-request-submit": ca_cert_request_submit,
    "ca-cert-issue": ca_cert_issue,
}


def _template(ca: DogtagClient, profile: str) -> dict[str, Any]:
    template: dict[str, Any] = ca.get(f"certrequests/profiles/{segment(profile)}")
    return template


def _submit(
    ca: DogtagClient,
    template: Mapping[str, Any],
    answers: Answers,
    issuer: Mapping[str, str | None],
) -> list[out.RequestInfo]:
    made = out.request_infos(ca.post("certrequests", filled(template, answers), **issuer))
    if not made:
        raise RefusedError("pki.submit", "Unable to submit certificate request")
    return made


def _issued(ca: DogtagClient, request: out.RequestInfo) -> str:
    """The certificate for a request just made, approving it as the one who is logged in."""
    if request.status == "pending":
        number = hex(request.request_id)
        review = ca.get(f"agent/certrequests/{number}")
        ca.post(f"agent/certrequests/{number}/approve", review)
        request = out.request_info(ca.get(f"certrequests/{number}"))
    if request.status != "complete" or request.certificate_id is None:
        reason = "" if request.reason is None else f": {request.reason}"
        raise RefusedError("pki.not_issued", f"Request {request.status}{reason}")
    return encoded_certificate(ca.get(f"certs/{hex(request.certificate_id)}"))


def _answers(csr_file: Path | None, csr_format: str, request_type: str, subject: str) -> Answers:
    """What the CSR says, and what stands in for it or beside it."""
    _only_pkcs10(request_type or "pkcs10")
    dn = subject or None
    parts = _parts(dn) if dn else []
    csr = None
    if csr_file is not None:
        csr = _csr(read_input(csr_file), csr_file, csr_format)
        if dn is None:
            dn, parts = _subject_of(csr)
    return Answers(
        csr=csr,
        request_type=request_type or (None if csr is None else "pkcs10"),
        dn=dn,
        subject=parts,
    )


def _csr(content: bytes, file: Path, csr_format: str) -> str:
    """The CSR as PEM. Its faults are the server's to find; here it only has to be one."""
    if csr_format.upper() not in {"PEM", "DER"}:
        raise UsageError("pki.format", f"Unsupported request format: {visible(csr_format)}")
    if csr_format.upper() == "DER":
        import base64

        lines = base64.encodebytes(content).decode("ascii")
        marks = ("-----BEGIN CERTIFICATE REQUEST-----", "-----END CERTIFICATE REQUEST-----")
        return f"{marks[0]}\n{lines}{marks[1]}\n"
    if content.startswith(_DER):
        return _csr(content, file, "DER")
    if b"-----BEGIN " not in content:
        raise UsageError(
            "pki.csr", f"There is no certificate request (PKCS#10, PEM or DER) in {file}."
        )
    return content.decode("latin-1")


def _subject_of(csr: str) -> tuple[str | None, list[tuple[str, str]]]:
    """The DN in a CSR, and its parts; none when it cannot be read: the server will say why."""
    from sealwire.x509.csr import describe_csr
    from sealwire.x509.subject import dn_text

    request = describe_csr(csr.encode("latin-1")).request
    if request is None:
        return None, []
    return dn_text(request.name), _named(request.name)


def _parts(dn: str) -> list[tuple[str, str]]:
    """Attribute types and values. Raises RefusedError ``subject.unreadable``."""
    from sealwire.x509.subject import parse_dn

    return _named(parse_dn(dn))


def _named(name: Name) -> list[tuple[str, str]]:
    """Most specific first; where a type comes twice, a form takes the last."""
    named = [(part.rfc4514_attribute_name, str(part.value)) for part in reversed(list(name))]
    return [("E" if word == _EMAIL else word, value) for word, value in named]


def _source(file: Path | None, profile: str) -> dict[str, Any] | None:
    """The template in ``file``; None when it comes from the profile."""
    if file is None:
        if not profile:
            raise UsageError("pki.options", "Missing request file or profile ID.")
        return None
    if profile:
        raise UsageError("pki.options", "Request file and profile ID are mutually exclusive.")
    return json_object(read_input(file), file, "request")


def _issuer(issuer_id: str | None, issuer_dn: str | None) -> dict[str, str | None]:
    if issuer_id is not None and issuer_dn is not None:
        raise UsageError(
            "pki.options", "--issuer-id and --issuer-dn options are mutually exclusive"
        )
    return {"issuer-id": issuer_id, "issuer-dn": issuer_dn}


def _credentials(user: str, *, ask: bool, file: Path | None = None) -> dict[str, str]:
    """What a profile with a log-in of its own is given."""
    found = {"uid": user} if user else {}
    if file is not None:
        found["pwd"] = password_in(file).strip()
    elif ask:
        found["pwd"] = asked_password("Password: ")
    return found


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _serial(text: str) -> int | None:
    return parse_number(text, what="serial number") if text else None


@contextmanager
def _kept_key(folder: Path, key: PrivateKey) -> Iterator[Callable[[int], None]]:
    """Write the key before the request is made, and name it after the request once it is.

    Without a request there is no key file either. Raises ConflictError ``file.exists`` when
    another request's key has that name; then this one stays under the name that is told.
    """
    from sealwire.x509.keys import key_id, private_key_pem

    make_folder(folder, mode=0o700)
    draft = folder / f"request-{key_id(key.public_key())[:16]}.key"
    write_output(draft, private_key_pem(key), mode=0o600)
    submitted = False

    def keep(number: int) -> None:
        nonlocal submitted
        submitted = True
        final = folder / f"request-{number}.key"
        try:
            final.hardlink_to(draft)
        except FileExistsError:
            raise ConflictError(
                "file.exists",
                f"request {number} was submitted, but {final} exists already",
                hint=f"the key of this request is {draft}",
            ) from None
        draft.unlink()

    try:
        yield keep
    finally:
        if not submitted:
            draft.unlink()


def _only_pkcs10(request_type: str) -> None:
    if request_type != "pkcs10":
        raise UsageError(
            "pki.request_type",
            f"request type {visible(request_type)} is not supported",
            hint="use pkcs10",
        )


def _key_type(algorithm: str, length: int, curve: str) -> Any:  # noqa: ANN401 - KeyType, a heavy import
    from sealwire.x509.keys import KeyType

    named = _RSA.get(length) if algorithm == "rsa" else _CURVES.get(curve)
    if algorithm not in {"rsa", "ec"} or named is None or named not in set(KeyType):
        raise UsageError(
            "pki.key_type",
            f"no such key: {visible(algorithm)} {length if algorithm == 'rsa' else visible(curve)}",
            hint="rsa of 2048, 3072 or 4096 bits, or ec on nistp256 or nistp384",
        )
    return KeyType(named)
