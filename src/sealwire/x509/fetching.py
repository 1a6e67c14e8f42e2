"""Missing issuers, fetched from the address that the certificate itself names, when asked to."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from sealwire.errors import RefusedError, SealwireError
from sealwire.x509.bundle import read_bundle
from sealwire.x509.certificate import certificate_sha256
from sealwire.x509.findings import Code, info, warning
from sealwire.x509.leaf import refusal
from sealwire.x509.subject import dn_text, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cryptography import x509

    from sealwire.errors import Finding
    from sealwire.x509.chain import BuiltChain

    Build = Callable[[Sequence[x509.Certificate]], BuiltChain]

# More issuers than any chain in use has.
MAX_ROUNDS: Final = 8
# A certificate may name any number of addresses; the first ones are tried.
MAX_ADDRESSES: Final = 3


class IssuerSource(Protocol):
    """Where an issuer's certificate is had from. Blocks; promises nothing about the content."""

    def fetch(self, url: str) -> bytes:
        """What is found at exactly this address, within limits of size and time.

        Raises RefusedError or UnavailableError that says why there is nothing.
        """
        ...


def build_with_fetching(
    build: Build, certificates: Sequence[x509.Certificate], source: IssuerSource
) -> BuiltChain:
    """Build; while an issuer is missing and its address is known, fetch it and build again.

    Fetched certificates are candidates like all others: what the chain rests on is judged by
    ``build``. Raises as ``build`` does, with what came of the fetching among the findings.
    """
    bag = list(certificates)
    said: list[Finding] = []
    for _ in range(MAX_ROUNDS):
        try:
            chain = build(bag)
        except RefusedError as fault:
            urls = fault.members.get("issuer_urls", "").split("\n")
            if not _fetch(urls, bag, source, said):
                raise refusal([*fault.findings, *said], fault.members) from fault
        else:
            return replace(chain, findings=(*chain.findings, *said))
    return build(bag)


def _fetch(
    urls: Sequence[str], bag: list[x509.Certificate], source: IssuerSource, said: list[Finding]
) -> bool:
    """Add what the addresses give to the bag; false when that is nothing new."""
    known = {certificate_sha256(one) for one in bag}
    for url in [url for url in urls if url][:MAX_ADDRESSES]:
        try:
            found = read_bundle([(printable(url), source.fetch(url))]).certificates
        except SealwireError as fault:
            text = f"{printable(url)} gave no issuer: {fault.message}"
            said.append(warning(Code.FETCH_FAILED, text, printable(url)))
            continue
        new = [one for one in found if certificate_sha256(one) not in known]
        if new:
            bag.extend(new)
            names = "; ".join(dn_text(one.subject) for one in new)
            text = f"Fetched from {printable(url)}: {names}."
            said.append(info(Code.ISSUER_FETCHED, text, printable(url)))
            return True
        text = f"{printable(url)} gave no issuer: no certificate that was not here already."
        said.append(warning(Code.FETCH_FAILED, text, printable(url)))
    return False
