"""What a destination and an input may be: judged once, all faults at a time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from cryptography import x509

from sealwire.appliance.ports import Destination, Input
from sealwire.errors import Finding, RefusedError, Severity
from sealwire.x509.hostnames import a_label, general_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_DESTINATIONS: Final = 25
TRANSPORT_TLS: Final = "tls"
_LARGEST_PORT: Final = 65535
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}\Z")
_NAME_RULE: Final = "1 to 64 letters, digits and . _ : - , the first a letter or digit"


def new_destination(
    name: str,
    host: str,
    port: int,
    *,
    trust_pem: str,
    server_name: str = "",
    mutual: bool = True,
    transport: str = TRANSPORT_TLS,
) -> Destination:
    """A destination that is not streamed to yet.

    ``host`` and ``server_name`` are host names (turned into A-labels) or IP addresses;
    ``server_name`` defaults to ``host``. Raises RefusedError ``destination.invalid`` with all
    findings.
    """
    server_name = server_name or host
    findings = [
        *_name_faults(name, "destination"),
        *_host_faults("host", host),
        *(_host_faults("server_name", server_name) if server_name != host else ()),
        *_port_faults(port),
        *_transport_faults(transport),
        *_trust_faults(trust_pem),
    ]
    if findings:
        raise RefusedError(
            "destination.invalid",
            "the destination was not added: " + "; ".join(f.message for f in findings),
            findings=findings,
        )
    return Destination(
        name=name,
        host=a_label(host),
        port=port,
        transport=transport,
        server_name=a_label(server_name),
        trust_pem=trust_pem,
        mutual=mutual,
        enabled=False,
    )


def new_input(name: str, path: str) -> Input:
    """A file to follow from its beginning. Raises RefusedError ``input.invalid``."""
    findings = list(_name_faults(name, "input"))
    if not path.startswith("/") or "\0" in path:
        findings.append(_error("input.path", "the file's path must be absolute", path))
    if findings:
        raise RefusedError(
            "input.invalid",
            "the input was not added: " + "; ".join(f.message for f in findings),
            findings=findings,
        )
    return Input(name=name, path=path, inode=0, offset=0)


def trust_subjects(trust_pem: str) -> Sequence[str]:
    """The subjects of the anchors, RFC 4514."""
    certificates = x509.load_pem_x509_certificates(trust_pem.encode())
    return [certificate.subject.rfc4514_string() for certificate in certificates]


def _error(code: str, message: str, subject: str | None = None) -> Finding:
    return Finding(code, Severity.ERROR, message, subject)


def _name_faults(name: str, kind: str) -> Iterator[Finding]:
    if not _NAME.match(name):
        yield _error(f"{kind}.name", f"a name has {_NAME_RULE}", name)


def _host_faults(field: str, host: str) -> Iterator[Finding]:
    label = field.replace("_", " ")
    try:
        general_name(host)
    except ValueError as fault:
        yield _error(f"destination.{field}", f"the {label} {host!r} cannot be used: {fault}", host)
        return
    if "*" in host:
        yield _error(f"destination.{field}", f"the {label} cannot be a pattern", host)


def _port_faults(port: int) -> Iterator[Finding]:
    if not 1 <= port <= _LARGEST_PORT:
        yield _error("destination.port", f"a port is 1 to {_LARGEST_PORT}, not {port}", str(port))


def _transport_faults(transport: str) -> Iterator[Finding]:
    if transport != TRANSPORT_TLS:
        yield _error("destination.transport", f"unknown transport {transport!r}: use tls")


def _trust_faults(trust_pem: str) -> Iterator[Finding]:
    if not trust_pem.strip():
        yield _error(
            "destination.trust", "no certificate is given that may have signed the server's"
        )
        return
    try:
        x509.load_pem_x509_certificates(trust_pem.encode())
    except ValueError:
        yield _error(
            "destination.trust", "the certificates that may have signed the server's are no PEM"
        )
