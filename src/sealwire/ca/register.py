"""What can be asked of a CA without changing anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509

from sealwire.ca.ports import IssuedCertificate
from sealwire.ca.waiting import waiting_keys
from sealwire.errors import ConflictError, NotFoundError
from sealwire.x509.certificate import certificate_der
from sealwire.x509.keys import key_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sealwire.audit.ports import Store
    from sealwire.ca.blueprint import Issuer
    from sealwire.ca.ports import (
        Approval,
        CaCertificates,
        CaTx,
        CertificateSearch,
        Request,
        RequestStatus,
        RequestType,
    )
    from sealwire.ca.profile_register import ProfileRegister
    from sealwire.ca.profiles import Profile
    from sealwire.clock import Clock


@dataclass(frozen=True, slots=True)
class RequestPage:
    """Some of ``total`` requests that match."""

    entries: Sequence[Request]
    total: int


@dataclass(frozen=True, slots=True)
class CertificatePage:
    """Some of ``total`` certificates that a search finds."""

    entries: Sequence[IssuedCertificate]
    total: int


class Register:
    """Requests, certificates and profiles of one CA, for reading."""

    def __init__(self, store: Store[CaTx], profiles: ProfileRegister, clock: Clock) -> None:
        self._store = store
        self._profiles = profiles
        self._clock = clock

    @property
    def profile_register(self) -> ProfileRegister:
        """The profiles, to be read and to be changed."""
        return self._profiles

    def is_initialised(self) -> bool:
        """Whether there is a CA yet."""
        return self._store.read(lambda tx: tx.ca_certificates()) is not None

    def request(self, request_id: int) -> Request:
        """By number. Raises NotFoundError ``request.unknown``."""
        return self._store.read(lambda tx: known_request(request_id, tx.request(request_id)))

    def find(
        self,
        *,
        status: RequestStatus | None = None,
        request_type: RequestType | None = None,
        start: int = 0,
        skip: int = 0,
        limit: int = 20,
    ) -> RequestPage:
        """At most ``limit`` requests, and how many match in all.

        Those with numbers from ``start`` on, the first ``skip`` of them left out.
        """

        def query(tx: CaTx) -> RequestPage:
            entries = tx.find_requests(
                status=status, request_type=request_type, start=start, skip=skip, limit=limit
            )
            return RequestPage(entries, tx.count_requests(status=status, request_type=request_type))

        return self._store.read(query)

    def approvals(self, request_id: int) -> Sequence[Approval]:
        """Every approval of a request, the oldest first. Raises NotFoundError as ``request``."""

        def query(tx: CaTx) -> Sequence[Approval]:
            known_request(request_id, tx.request(request_id))
            return tx.approvals(request_id)

        return self._store.read(query)

    def certificate(self, serial: int) -> IssuedCertificate:
        """By serial number. Raises NotFoundError ``certificate.unknown``."""
        issued = self._store.read(lambda tx: tx.certificate(serial))
        if issued is None:
            raise NotFoundError("certificate.unknown", f"Certificate ID {serial:#x} not found")
        return issued

    def certificates(self, *, start: int = 0, limit: int = 100) -> Sequence[IssuedCertificate]:
        """In order of issue, skipping ``start``."""
        return self._store.read(lambda tx: tx.find_certificates(start=start, limit=limit))

    def search_certificates(
        self, search: CertificateSearch, *, start: int = 0, limit: int = 100
    ) -> CertificatePage:
        """What ``search`` finds, in order of issue, skipping ``start``, and how many in all."""
        now = self._clock.now()

        def query(tx: CaTx) -> CertificatePage:
            entries = tx.search_certificates(search, now=now, start=start, limit=limit)
            return CertificatePage(entries, tx.count_certificates(search, now=now))

        return self._store.read(query)

    def chain_pem(self) -> str:
        """The CA's certificates, issuing CA first, root last."""
        rows = self._store.read(own_certificates)
        return rows.issuing_pem + rows.intermediates_pem + rows.root_pem

    def roots_pem(self) -> str:
        """What has to be trusted to trust this CA."""
        return self._store.read(own_certificates).root_pem

    def profile(self, profile_id: str) -> Profile:
        """The version in force, enabled or not. Raises NotFoundError ``profile.unknown``."""
        return self._profiles.get(profile_id).profile

    def profiles(self) -> tuple[Profile, ...]:
        """Every profile that is enabled, by id."""
        return tuple(each.profile for each in self._profiles.profiles() if each.enabled)


def known_request(request_id: int, request: Request | None) -> Request:
    """``request``, or NotFoundError ``request.unknown`` in Dogtag's words."""
    if request is None:
        raise NotFoundError("request.unknown", f"Request ID {request_id:#x} not found")
    return request


def own_certificates(tx: CaTx) -> CaCertificates:
    """The CA's own.

    Raises ConflictError ``ca.not_initialised`` before there is a CA, ``ca.waiting`` while its
    certificate is awaited from outside.
    """
    rows = tx.ca_certificates()
    if rows is None and waiting_keys(tx):
        raise ConflictError(
            "ca.waiting",
            "The CA waits for its certificate from outside: nothing can be asked of it yet.",
            hint="Bring the certificate: sealwire ca init --import FILE...",
        )
    if rows is None:
        raise ConflictError(
            "ca.not_initialised", "There is no CA yet.", hint="Make one: sealwire ca init"
        )
    return rows


def certificate_row(
    certificate: x509.Certificate,
    request: Request,
    issuer: Issuer,
    *,
    issued: datetime,
    issued_by: str,
) -> IssuedCertificate:
    """What SQL keeps of a certificate, beside its bytes what listings show.

    It was issued to the subject of ``request``, by ``issuer``.
    """
    return IssuedCertificate(
        serial=certificate.serial_number,
        request_id=request.request_id,
        profile_id=request.profile_id,
        subject=request.subject,
        issuer=issuer.name,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        der=certificate_der(certificate),
        issued=issued,
        issued_by=issued_by,
        key_id=key_id(certificate.public_key()),
        issuer_key_id=issuer.key_id,
    )


def issuing_certificate(rows: CaCertificates) -> x509.Certificate:
    """The issuing CA's certificate, parsed."""
    return x509.load_pem_x509_certificate(rows.issuing_pem.encode())
