"""``sealwire pki``: Dogtag's words, options and output, over the node's API."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sealwire.cli import pki_output as out
from sealwire.cli.files import make_folder, read_input, write_output
from sealwire.cli.session import HomeOption, home_path
from sealwire.errors import ConflictError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sealwire.bootstrap.client import ApiClient
    from sealwire.x509.keys import PrivateKey

pki_app = typer.Typer(no_args_is_help=True, help="Dogtag PKI's own command words.")
_API = "/api/v1/ca/requests"
_NICKNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_RSA = {1024: "rsa1024", 2048: "rsa2048", 3072: "rsa3072", 4096: "rsa4096"}
_CURVES = {"nistp256": "p256", "nistp384": "p384"}


@dataclass(frozen=True, slots=True)
class Connection:
    """Where the words are sent, and as whom."""

    url: str
    folder: Path
    nickname: str
    user: tuple[str, str] | None

    @contextmanager
    def api(self) -> Iterator[ApiClient]:
        """The API over TLS; anonymous without a nickname or user."""
        from sealwire.bootstrap.client import remote_client

        roots = self.folder / "ca-roots.pem"
        with remote_client(
            self.url,
            roots=roots if roots.exists() else None,
            certificate=self._certificate(),
            user=self.user,
        ) as client:
            yield client

    def _certificate(self) -> Path | None:
        if not self.nickname:
            return None
        if not _NICKNAME.fullmatch(self.nickname):
            raise UsageError("pki.nickname", f"not a nickname: {out.visible(self.nickname)}")
        path = self.folder / f"{self.nickname}.pem"
        if not path.exists():
            raise UsageError(
                "pki.nickname",
                f"no certificate {self.nickname} in {self.folder}",
                hint="-d names the folder that has NICK.pem",
            )
        return path


@pki_app.callback()
def connection(
    context: typer.Context,
    url: Annotated[str, typer.Option("-U", help="The server's URL (default: the home's).")] = "",
    nickname: Annotated[str, typer.Option("-n", help="Log in with the certificate NICK.pem.")] = "",
    folder: Annotated[Path | None, typer.Option("-d", help="Folder with NICK.pem.")] = None,
    user: Annotated[str, typer.Option("-u", help="Log in with this user name.")] = "",
    password: Annotated[
        str, typer.Option("-w", help="Its password.", envvar="SEALWIRE_PKI_PASSWORD")
    ] = "",
    home: HomeOption = None,
) -> None:
    """Say where and as whom; the words follow."""
    from sealwire.bootstrap.home import Home

    root = Home(home_path(home))
    context.obj = Connection(
        url=url or str(root.state().get("console_url") or "https://localhost:8443"),
        folder=folder or root.credentials,
        nickname=nickname,
        user=(user, password) if user else None,
    )


@pki_app.command("client-cert-request")
def client_cert_request(
    context: typer.Context,
    subject: Annotated[str, typer.Argument(help="Subject DN, e.g. UID=testuser.")],
    profile: Annotated[str, typer.Option()] = "caUserCert",
    request_type: Annotated[str, typer.Option("--type", help="pkcs10.")] = "pkcs10",
    algorithm: Annotated[str, typer.Option(help="rsa or ec.")] = "rsa",
    length: Annotated[int, typer.Option(help="RSA key length in bits.")] = 2048,
    curve: Annotated[str, typer.Option(help="nistp256 or nistp384.")] = "nistp256",
) -> None:
    """Make a key and request a certificate for it; the key is left in NICK's folder."""
    from sealwire.x509.csr import build_csr
    from sealwire.x509.keys import generate_key
    from sealwire.x509.subject import parse_dn

    _only_pkcs10(request_type)
    key = generate_key(_key_type(algorithm, length, curve))
    csr = build_csr(key, parse_dn(subject), ())
    connected: Connection = context.obj
    with connected.api() as client, _kept_key(connected.folder, key) as keep:
        made = client.call("POST", _API, json={"profile": profile, "csr": csr.decode("ascii")})
        keep(made["id"])
    typer.echo(out.submitted([_info(made)], made["audit_format"]), nl=False)


@pki_app.command("ca-cert-request-submit")
def ca_cert_request_submit(
    context: typer.Context,
    profile: Annotated[str, typer.Option()],
    csr_file: Annotated[Path, typer.Option("--csr-file")],
    requestor: Annotated[str, typer.Option()] = "",
    request_type: Annotated[str, typer.Option("--request-type", help="pkcs10.")] = "pkcs10",
) -> None:
    """Submit a CSR under a profile."""
    _only_pkcs10(request_type)
    body = {
        "profile": profile,
        "csr": read_input(csr_file).decode("latin-1"),
        "requestor_name": requestor,
    }
    with context.obj.api() as client:
        made = client.call("POST", _API, json=body)
    typer.echo(out.submitted([_info(made)], made["audit_format"]), nl=False)


@pki_app.command("ca-cert-request-find")
def ca_cert_request_find(
    context: typer.Context,
    status: Annotated[str, typer.Option(help="pending, canceled, rejected, complete, all.")] = "",
    start: Annotated[str, typer.Option(help="From this request ID on.")] = "0",
    size: Annotated[int, typer.Option(min=1, max=1000)] = 20,
) -> None:
    """List requests."""
    parameters = {
        "status": "" if status == "all" else status,
        "start": out.parse_number(start),
        "size": size,
    }
    with context.obj.api() as client:
        listing = client.call("GET", _API, params=parameters)
    infos = [_info(entry) for entry in listing["entries"]]
    typer.echo(out.found(infos, listing["total"], listing["audit_format"]), nl=False)


@pki_app.command("ca-cert-request-show")
def ca_cert_request_show(context: typer.Context, request_id: str) -> None:
    """Show one request."""
    with context.obj.api() as client:
        request = client.call("GET", f"{_API}/{out.parse_number(request_id)}")
    typer.echo(out.shown(_info(request), request["audit_format"]), nl=False)


@pki_app.command("ca-cert-request-review")
def ca_cert_request_review(
    context: typer.Context,
    request_id: str,
    action: Annotated[str, typer.Option(help="approve, reject or cancel.")] = "",
    reason: Annotated[str, typer.Option(help="Why (reject and cancel).")] = "",
) -> None:
    """Review a request, and decide it."""
    number = out.parse_number(request_id)
    seen = None
    with context.obj.api() as client:
        if not action:
            review = client.call("GET", f"{_API}/{number}/review")
            typer.echo(out.retrieved(_review(review), review["audit_format"]), nl=False)
            seen = review["tbs_sha256"]
            action = typer.prompt(out.REVIEW_PROMPT, prompt_suffix="").strip()
        if action not in out.REVIEW_ACTIONS:
            raise UsageError("pki.action", f"Invalid action: {out.visible(action)}")
        body = {"reason": reason or None, "tbs_sha256": seen}
        decided = client.call("POST", f"{_API}/{number}/{action}", json=body)
    typer.echo(out.reviewed(_info(decided), action, decided["audit_format"]), nl=False)


def _info(request: Mapping[str, Any]) -> out.RequestInfo:
    return out.RequestInfo(
        request_id=request["id"],
        status=request["status"],
        reason=request["error_message"],
        certificate_id=None if request["serial"] is None else int(request["serial"]),
    )


def _review(review: Mapping[str, Any]) -> out.ReviewInfo:
    return out.ReviewInfo(
        request_id=review["id"],
        profile_name=review["profile_name"],
        status=review["status"],
        inputs=[
            out.InputBlock(block["name"], [(a["name"], a["value"]) for a in block["attributes"]])
            for block in review["inputs"]
        ],
    )


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
            f"request type {out.visible(request_type)} is not supported",
            hint="use pkcs10",
        )


def _key_type(algorithm: str, length: int, curve: str) -> Any:  # noqa: ANN401 - KeyType, a heavy import
    from sealwire.x509.keys import KeyType

    named = _RSA.get(length) if algorithm == "rsa" else _CURVES.get(curve)
    if algorithm not in {"rsa", "ec"} or named is None or named not in set(KeyType):
        raise UsageError(
            "pki.key_type",
            f"no such key: {out.visible(algorithm)} {length if algorithm == 'rsa' else curve}",
            hint="rsa of 2048, 3072 or 4096 bits, or ec on nistp256 or nistp384",
        )
    return KeyType(named)
