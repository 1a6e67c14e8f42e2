"""One candidate path, judged by the library's verifier under a policy of our own.

The policy is that of ordinary private CAs: BasicConstraints is required on issuers; key usage and
key identifiers may be absent; extended key usage must fit the purpose wherever it is present;
names are judged elsewhere. Name constraints, path lengths and unknown critical extensions hold
here as everywhere. What the public web's stricter rules say in addition stands in ``webpki``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import Criticality, ExtensionPolicy

from sealwire.x509.certificate import certificate_names, extension_value
from sealwire.x509.hostnames import is_host
from sealwire.x509.subject import common_names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sealwire.x509.certificate import Purpose

    Verify = Callable[[Sequence[x509.Certificate]], None]

PathRefusedError = verification.VerificationError


def path_verifier(purpose: Purpose, at: datetime, max_depth: int) -> Verify:
    """A function that takes a path, leaf first and trusted end last, and raises PathRefusedError.

    ``max_depth`` is the largest number of certificates between leaf and trusted end.
    """
    issuers, leaves = _policies(purpose)

    def verify(path: Sequence[x509.Certificate]) -> None:
        builder = verification.PolicyBuilder().time(at).max_chain_depth(max_depth)
        builder = builder.store(verification.Store([path[-1]]))
        builder = builder.extension_policies(ca_policy=issuers, ee_policy=leaves)
        builder.build_client_verifier().verify(path[0], list(path[1:-1]))
        _hold_common_name(path)

    return verify


def _hold_common_name(path: Sequence[x509.Certificate]) -> None:
    """Constrain the common name as a host name where it stands in for one.

    The library looks at alternative names alone. Peers that fall back to the common name would
    take from a constrained CA a name that it may not give.
    """
    leaf = path[0]
    if certificate_names(leaf):
        return
    hosts = [name for name in common_names(leaf.subject) if is_host(name)]
    for issuer in path[1:]:
        limits = extension_value(issuer, x509.NameConstraints)
        if limits is None:
            continue
        permitted, excluded = (
            [entry.value for entry in entries or () if isinstance(entry, x509.DNSName)]
            for entries in (limits.permitted_subtrees, limits.excluded_subtrees)
        )
        for host in hosts:
            if permitted and not any(_below(host, base) for base in permitted):
                raise PathRefusedError("no permitted name constraints matched the common name")
            if any(_below(host, base) for base in excluded):
                raise PathRefusedError("excluded name constraint matched the common name")


def _below(host: str, base: str) -> bool:
    # RFC 5280 4.2.1.10: any name that is made by adding labels on the left.
    wanted = base.lower().strip(".")
    return not wanted or f".{host.lower()}".endswith(f".{wanted}")


def _policies(purpose: Purpose) -> tuple[ExtensionPolicy, ExtensionPolicy]:
    wanted = purpose.usage

    def leaf_usage(
        _policy: verification.Policy, _cert: x509.Certificate, usage: x509.ExtendedKeyUsage | None
    ) -> None:
        # anyExtendedKeyUsage is not enough: OpenSSL's peers do not take it either.
        if usage is not None and wanted not in usage:
            raise ValueError("extended key usage does not fit the purpose")

    def issuer_usage(
        _policy: verification.Policy, _cert: x509.Certificate, usage: x509.ExtendedKeyUsage | None
    ) -> None:
        fits = {wanted, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
        if usage is not None and fits.isdisjoint(usage):
            raise ValueError("the issuer's extended key usage does not fit the purpose")

    everything = ExtensionPolicy.permit_all()
    issuers = (
        everything.require_present(x509.BasicConstraints, Criticality.AGNOSTIC, _require_ca)
        .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _require_cert_sign)
        .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, issuer_usage)
    )
    leaves = everything.may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, leaf_usage)
    return issuers, leaves


def _require_ca(
    _policy: verification.Policy, _cert: x509.Certificate, constraints: x509.BasicConstraints
) -> None:
    if not constraints.ca:
        raise ValueError("the issuer is not a CA")


def _require_cert_sign(
    _policy: verification.Policy, _cert: x509.Certificate, usage: x509.KeyUsage | None
) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("the issuer may not sign certificates")


def reason(fault: Exception) -> str:
    """The verifier's own words without its prefixes."""
    text = str(fault).removeprefix("validation failed: ").removeprefix("candidates exhausted: ")
    return text.partition(" (encountered processing")[0]
