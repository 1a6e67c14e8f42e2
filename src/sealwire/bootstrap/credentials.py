"""Makes the CA and renews it, and leaves the credentials that people need in the home."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from cryptography import x509

from sealwire.api.findings import finding_json
from sealwire.api.identities import certificate_json
from sealwire.api.shapes import rfc3339
from sealwire.ca.setup import SetupPlan
from sealwire.errors import RefusedError, SealwireError
from sealwire.x509.bundle import read_bundle
from sealwire.x509.findings import Code, error
from sealwire.x509.keys import key_label
from sealwire.x509.subject import parse_dn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealwire.bootstrap.home import Home
    from sealwire.ca.addresses import Addresses
    from sealwire.ca.key_places import KeyPlaces
    from sealwire.ca.service import CertificateAuthority
    from sealwire.ca.setup import Initialised
    from sealwire.ca.waiting import WaitingKey
    from sealwire.errors import Finding
    from sealwire.x509.bundle import Bundle
    from sealwire.x509.keys import KeyType

    Blobs = Sequence[tuple[str, bytes]]

log = structlog.get_logger(__name__)


class CaSetup:
    """``ca init`` and ``ca renew``: the CA in the store, what people need of it as files.

    ``changed`` is called when the CA's own certificates are others than before.
    """

    def __init__(
        self,
        home: Home,
        authority: CertificateAuthority,
        keys: KeyPlaces,
        addresses: Addresses,
    ) -> None:
        self._home = home
        self._authority = authority
        self._keys = keys
        self._addresses = addresses
        self.changed: Callable[[], None] = _nothing

    def __call__(
        self, key_type: KeyType, organization: str, actor: str, *, subject: str = ""
    ) -> dict[str, Any]:
        """See ``api.services.CaSetup``."""
        plan = _plan(key_type, organization, subject)
        return self._hand_over(self._authority.initialise(plan, actor=actor))

    def request(
        self, key_type: KeyType, organization: str, actor: str, *, subject: str = ""
    ) -> dict[str, Any]:
        """See ``api.services.CaSetup``."""
        plan = _plan(key_type, organization, subject)
        return _waiting(self._authority.founding.request_certificate(plan, actor=actor))

    def accept(self, files: Blobs, roots: Blobs, actor: str) -> dict[str, Any]:
        """See ``api.services.CaSetup``."""
        made = self._authority.founding.accept_certificate(
            read_bundle(files), _roots(roots), actor=actor
        )
        return self._hand_over(made)

    def renew(self, actor: str) -> dict[str, Any]:
        """See ``api.services.CaSetup``."""
        return self._renewed(self._authority.renewal.renew(actor=actor), ())

    def request_renewal(self, actor: str) -> dict[str, Any]:
        """See ``api.services.CaSetup``."""
        return {"csr": self._authority.renewal.request(actor=actor)}

    def accept_renewal(self, files: Blobs, roots: Blobs, actor: str) -> dict[str, Any]:
        """See ``api.services.CaSetup``."""
        chain = self._authority.renewal.accept(read_bundle(files), _roots(roots), actor=actor)
        return self._renewed(chain.issuing, chain.findings)

    def show(self) -> dict[str, Any]:
        """See ``api.services.CaSetup``."""
        waiting = [_waiting(key) for key in self._authority.founding.waiting()]
        if not self._authority.is_initialised():
            return {"state": "waiting" if waiting else "new", "waiting": waiting}
        rows = self._authority.founding.certificates()
        between = rows.intermediates_pem.encode()
        return {
            "state": "ready",
            "issuing": {
                **_described(rows.issuing_pem),
                "key_id": rows.issuing_key_id,
                "key_place": self._place(rows.issuing_key_id),
            },
            "intermediates": [
                certificate_json(certificate)
                for certificate in (x509.load_pem_x509_certificates(between) if between else ())
            ],
            "root": {
                **_described(rows.root_pem),
                "key_place": self._place(rows.root_key_id) if rows.root_key_id else None,
            },
            "crl_url": self._addresses.crl() or None,
            "ocsp_url": self._addresses.ocsp or None,
            "waiting": waiting,
        }

    def _place(self, key_id: str) -> str:
        """Where a key is; a place that cannot be asked now does not hide the rest."""
        try:
            return self._keys.place(key_id)
        except SealwireError as fault:
            return f"not to be had: {fault.message}"

    def _hand_over(self, made: Initialised) -> dict[str, Any]:
        agent = self._home.credentials / f"{made.agent}.pem"
        self._home.write_private(agent, made.agent_pem.encode("ascii"))
        self._tell(made.root_pem)
        return {
            "issuing_subject": made.issuing_subject,
            "root_subject": made.root_subject,
            "agent": made.agent,
            "password": made.one_time_password,
            "findings": [finding_json(finding) for finding in made.findings],
        }

    def _renewed(self, issuing: x509.Certificate, findings: Sequence[Finding]) -> dict[str, Any]:
        self._tell(self._authority.roots_pem())
        return {
            "issuing": certificate_json(issuing),
            "findings": [finding_json(finding) for finding in findings],
        }

    def _tell(self, root_pem: str) -> None:
        roots = self._home.credentials / "ca-roots.pem"
        self._home.write_private(roots, root_pem.encode("ascii"))
        try:
            self.changed()
        except SealwireError as fault:
            # The CA stands; what shows the old certificates is put right by the next start.
            log.warning("the console keeps its certificate until restart", error=fault.message)


def _plan(key_type: KeyType, organization: str, subject: str) -> SetupPlan:
    name = parse_dn(subject) if subject else None
    return SetupPlan(key_type=key_type, organization=organization, issuing_name=name)


def _waiting(key: WaitingKey) -> dict[str, Any]:
    return {
        "subject": key.subject,
        "key_id": key.key_id,
        "key_type": key.key_type,
        "created": rfc3339(key.created),
        "csr": key.csr_pem,
    }


def _described(pem: str) -> dict[str, Any]:
    certificate = x509.load_pem_x509_certificate(pem.encode())
    return {**certificate_json(certificate), "key_type": key_label(certificate.public_key())}


def _roots(files: Blobs) -> Sequence[x509.Certificate]:
    """The certificates in files that were named as roots. Raises RefusedError when there is none.

    Nobody named any: none.
    """
    if not files:
        return ()
    found: Bundle = read_bundle(files)
    if not found.certificates:
        fault = error(Code.NOTHING_FOUND, "The files named as roots hold no certificate.")
        raise RefusedError("ca.roots", fault.message, findings=[fault, *found.findings])
    return found.certificates


def _nothing() -> None:
    """Nobody wants to know."""
