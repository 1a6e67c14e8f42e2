"""A new certificate for the issuing CA: the same key and name, so that what it issued holds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cryptography import x509

from sealwire.audit.events import SYSTEM
from sealwire.audit.node_events import csr_generated
from sealwire.ca.authority_certificates import authority_csr, issuing_certificate_by
from sealwire.ca.birth import random_serial
from sealwire.ca.founding import IDENTITY
from sealwire.ca.outside import judge_outside, require_successor
from sealwire.ca.register import issuing_certificate, own_certificates
from sealwire.ca.setup import authority_events
from sealwire.errors import ConflictError
from sealwire.x509.certificate import certificate_pem, is_ca
from sealwire.x509.findings import Code, warning
from sealwire.x509.subject import dn_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.audit.ports import Store
    from sealwire.ca.enrollment import Enrollment
    from sealwire.ca.outside import OutsideChain
    from sealwire.ca.ports import CaCertificates, CaTx, SigningKeys
    from sealwire.clock import Clock, RandomSource
    from sealwire.x509.bundle import Bundle


class Renewal:
    """Renews the issuing CA's certificate. A new key (rekey) would be another CA.

    What waits for approval was fixed under the old certificate and may end with it: it needs a new
    look afterwards.
    """

    def __init__(
        self,
        store: Store[CaTx],
        keys: SigningKeys,
        enrollment: Enrollment,
        *,
        clock: Clock,
        random: RandomSource,
    ) -> None:
        self._store = store
        self._keys = keys
        self._enrollment = enrollment
        self._clock = clock
        self._random = random

    def renew(self, *, actor: str = SYSTEM) -> x509.Certificate:
        """Have the root that is kept here sign a new certificate.

        Raises ConflictError ``ca.not_initialised``, ``ca.root_elsewhere`` when the root's key is
        not here, ``ca.root_expired``, ``ca.root_ends`` when the root ends as soon as the present
        certificate, so that renewal would win nothing.
        """

        def use_case(tx: CaTx) -> x509.Certificate:
            rows = own_certificates(tx)
            renewed = self._signed_here(rows)
            new = replace(rows, issuing_pem=certificate_pem(renewed).decode())
            self._replace(tx, new, [renewed], actor)
            return renewed

        return self._store.run(use_case)

    def request(self, *, actor: str = SYSTEM) -> str:
        """The request, PEM, that an outside CA is to sign. Raises ConflictError."""
        rows = self._store.read(own_certificates)
        issuing = issuing_certificate(rows)
        csr = authority_csr(issuing.subject, self._keys.signer(rows.issuing_key_id))
        event = csr_generated(
            actor,
            identity=IDENTITY,
            key_id=rows.issuing_key_id,
            subject=dn_text(issuing.subject),
        )
        self._store.run(lambda tx: self._enrollment.record(tx, event))
        return csr

    def accept(
        self,
        bundle: Bundle,
        roots: Sequence[x509.Certificate] = (),
        *,
        actor: str = SYSTEM,
    ) -> OutsideChain:
        """Take a new certificate that was signed elsewhere, with the CAs above it.

        The CAs above the present one need not come along. Without ``roots`` the present root is
        trusted and those that came with the files. Raises
        ConflictError ``ca.not_initialised``, RefusedError ``ca.certificate`` with all findings.
        """

        def use_case(tx: CaTx) -> OutsideChain:
            rows = own_certificates(tx)
            current = issuing_certificate(rows)
            root = x509.load_pem_x509_certificate(rows.root_pem.encode())
            asked = {rows.issuing_key_id: dn_text(current.subject)}
            trusted = roots or [root, *_self_signed(bundle)]
            known = _with_known(bundle, rows)
            chain = judge_outside(known, trusted, asked=asked, at=self._clock.now())
            require_successor(chain, current)
            if chain.root == root:
                new = replace(chain.rows(), root_key_id=rows.root_key_id)
                self._replace(tx, new, [*chain.intermediates, chain.issuing], actor)
                return chain
            name = dn_text(chain.root.subject)
            text = f"The root is another now, {name}: whoever trusts this CA has to be told."
            self._replace(tx, chain.rows(), chain.certificates, actor)
            remark = warning(Code.ROOT_UNTRUSTED, text, name)
            return replace(chain, findings=(*chain.findings, remark))

        return self._store.run(use_case)

    def _signed_here(self, rows: CaCertificates) -> x509.Certificate:
        if rows.root_key_id is None:
            raise ConflictError(
                "ca.root_elsewhere",
                "The root's key is not kept here.",
                hint="Say where it is: --root-in FOLDER; or have an outside CA sign:"
                " --csr-out FILE, then --import FILE...",
            )
        current = issuing_certificate(rows)
        root = x509.load_pem_x509_certificate(rows.root_pem.encode())
        renewed = issuing_certificate_by(
            root,
            self._keys.signer(rows.root_key_id),
            subject=current.subject,
            public_key=current.public_key(),
            now=self._clock.now(),
            serial=lambda: random_serial(self._random),
        )
        require_longer(renewed, current, root)
        return renewed

    def _replace(
        self,
        tx: CaTx,
        rows: CaCertificates,
        certificates: Sequence[x509.Certificate],
        actor: str,
    ) -> None:
        tx.put_ca_certificates(rows)
        for event in authority_events(actor, certificates, operation="OP_MODIFY"):
            self._enrollment.record(tx, event)


def require_longer(
    renewed: x509.Certificate, current: x509.Certificate, root: x509.Certificate
) -> None:
    """Raises ConflictError ``ca.root_ends`` when the root's end keeps it from lasting longer."""
    end = renewed.not_valid_after_utc
    if end <= current.not_valid_after_utc and end == root.not_valid_after_utc:
        raise ConflictError(
            "ca.root_ends",
            "The root ends before a new certificate could outlast the present one.",
            hint="Renewal wins nothing any more: make a new CA in time, or have another root sign.",
        )


def _with_known(bundle: Bundle, rows: CaCertificates) -> Bundle:
    if not rows.intermediates_pem:
        return bundle
    known = x509.load_pem_x509_certificates(rows.intermediates_pem.encode())
    return replace(bundle, certificates=(*bundle.certificates, *known))


def _self_signed(bundle: Bundle) -> list[x509.Certificate]:
    return [c for c in bundle.certificates if c.subject == c.issuer and is_ca(c)]
