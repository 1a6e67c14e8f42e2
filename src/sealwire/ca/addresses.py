"""Where the world finds this CA's certificate, CRL and OCSP responder, and how certificates say so.

Without a public URL certificates carry no addresses: a wrong one stands in them until they end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses below ``public_url``; all of them empty when that is."""

    public_url: str = ""

    @property
    def ca_certificate(self) -> str:
        """The issuing CA's certificate, DER."""
        return self._below("/ca.crt")

    @property
    def ocsp(self) -> str:
        """The OCSP responder."""
        return self._below("/ocsp")

    def crl(self, name: str = "ca") -> str:
        """A CRL: ``ca`` is the issuing CA's, ``root`` the root's."""
        return self._below(f"/crl/{name}.crl")

    def _below(self, path: str) -> str:
        return self.public_url.rstrip("/") + path if self.public_url else ""

    def extensions(self) -> Sequence[x509.ExtensionType]:
        """What a new certificate says of them (RFC 5280, 4.2.1.13 and 4.2.2.1); none is critical.

        First the OCSP responder, then the issuer's certificate, as most CAs have it.
        """
        if not self.public_url:
            return ()
        access = [
            (AuthorityInformationAccessOID.OCSP, self.ocsp),
            (AuthorityInformationAccessOID.CA_ISSUERS, self.ca_certificate),
        ]
        place = x509.DistributionPoint(
            [x509.UniformResourceIdentifier(self.crl())], None, None, None
        )
        return (
            x509.AuthorityInformationAccess(
                x509.AccessDescription(method, x509.UniformResourceIdentifier(url))
                for method, url in access
            ),
            x509.CRLDistributionPoints([place]),
        )
