"""A request form looked at before a key is made: only syntax refuses, all else is said.

The common name is compared with the host's own name, with what it resolves to, and with the names
that these addresses have. Asking the network is for the port that is handed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from cryptography import x509

from sealwire.errors import Finding, RefusedError, Severity, UnavailableError
from sealwire.identity.remarks import Remark
from sealwire.x509.csr import san_entries
from sealwire.x509.hostnames import a_label, ip_address, is_host
from sealwire.x509.subject import dn_text, printable, subject_name
from sealwire.x509.wizard import openssl_commands, subject_advice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.x509.keys import KeyType
    from sealwire.x509.subject import SubjectFields
    from sealwire.x509.wizard import CaKind

MOST_ADDRESSES = 3


class NameLookup(Protocol):
    """DNS, as this machine sees it. Each answers within a bounded time; safe from any thread."""

    def addresses(self, name: str) -> tuple[str, ...]:
        """Addresses of a name, none when it has none. Raises UnavailableError."""
        ...

    def names(self, address: str) -> tuple[str, ...]:
        """Names of an address (PTR), none when it has none. Raises UnavailableError."""
        ...


class NoLookup:
    """Where nobody may be asked: every name is unknown."""

    def addresses(self, name: str) -> tuple[str, ...]:  # noqa: ARG002 - the port's
        """None."""
        return ()

    def names(self, address: str) -> tuple[str, ...]:  # noqa: ARG002 - the port's
        """None."""
        return ()


@dataclass(frozen=True, slots=True)
class CsrCheck:
    """What a CSR would ask for, what is worth saying, and the openssl commands for the same."""

    subject: str
    names: tuple[str, ...]
    findings: tuple[Finding, ...]
    openssl: str


def check_csr(
    fields: SubjectFields,
    names: Sequence[str],
    key_type: KeyType,
    *,
    kind: CaKind,
    own_name: str | None,
    lookup: NameLookup,
) -> CsrCheck:
    """Dry run of a request. ``own_name``: what this host is called, None when that is open.

    Raises RefusedError ``subject.invalid`` or ``csr.names``, with all faults of subject and names.
    """
    try:
        subject = subject_name(fields, host=True)
    except RefusedError as refusal:
        raise _with_faults_of(names, refusal) from refusal
    entries = tuple(str(entry.value) for entry in san_entries(subject, names))
    common_name = a_label(fields.common_name.strip()).lower()
    found = subject_advice(fields, kind)
    found += own_name_remarks(common_name, own_name)
    found += dns_remarks(common_name, lookup)
    return CsrCheck(
        dn_text(subject), entries, tuple(found), openssl_commands(fields, names, key_type)
    )


def _with_faults_of(names: Sequence[str], refusal: RefusedError) -> RefusedError:
    """The subject's refusal with the faults of the further names: all are said at once."""
    try:
        san_entries(x509.Name([]), names)
    except RefusedError as further:
        return RefusedError(
            refusal.code,
            f"{refusal.message} {further.message}",
            hint=refusal.hint,
            findings=[*refusal.findings, *further.findings],
        )
    return refusal


def own_name_remarks(common_name: str, own_name: str | None) -> list[Finding]:
    """The common name beside the name of this host."""
    if own_name is None:
        return []
    own = own_name.lower().rstrip(".")
    if common_name.rstrip(".") == own:
        return [_info(Remark.OWN_NAME, f"It is this machine's own name, {printable(own)}.")]
    text = (
        f"This machine calls itself {printable(own)}, not {printable(common_name)}."
        " The name must be the one that the other side knows."
    )
    return [_warning(Remark.OWN_NAME, text)]


def dns_remarks(common_name: str, lookup: NameLookup) -> list[Finding]:
    """Forward and reverse DNS of the common name; an address has only the latter."""
    if not is_host(common_name) or common_name.startswith("*"):
        return []
    if ip_address(common_name) is not None:
        return _reverse(common_name, (common_name,), lookup)

    try:
        addresses = lookup.addresses(common_name)
    except UnavailableError as fault:
        return [_warning(Remark.FORWARD_DNS, f"DNS gave no answer: {fault.message}")]
    if not addresses:
        text = f"{common_name} does not resolve on this machine: others may see it, or none may."
        return [_warning(Remark.FORWARD_DNS, text)]
    listed = ", ".join(addresses[:MOST_ADDRESSES])
    found = [_info(Remark.FORWARD_DNS, f"{common_name} resolves to {listed}.")]
    return found + _reverse(common_name, addresses[:MOST_ADDRESSES], lookup)


def _reverse(common_name: str, addresses: Sequence[str], lookup: NameLookup) -> list[Finding]:
    return [_reverse_of(common_name, address, lookup) for address in addresses]


def _reverse_of(common_name: str, address: str, lookup: NameLookup) -> Finding:

    try:
        names = lookup.names(address)
    except UnavailableError as fault:
        return _warning(Remark.REVERSE_DNS, f"DNS gave no name for {address}: {fault.message}")
    if not names:
        return _info(Remark.REVERSE_DNS, f"{address} has no name in DNS; few peers ask for one.")
    listed = ", ".join(printable(name) for name in names[:MOST_ADDRESSES])
    text = f"{address} is called {listed}."
    if ip_address(common_name) is None and common_name not in {
        n.lower().rstrip(".") for n in names
    }:
        return _info(Remark.REVERSE_DNS, f"{text} That is another name, which few peers mind.")
    return _info(Remark.REVERSE_DNS, text)


def _info(code: Remark, text: str) -> Finding:
    return Finding(code.value, Severity.INFO, text, "common_name")


def _warning(code: Remark, text: str) -> Finding:
    return Finding(code.value, Severity.WARNING, text, "common_name")
