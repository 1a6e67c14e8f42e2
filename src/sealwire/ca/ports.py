"""What the CA needs of a store, and the rows it keeps there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from sealwire.access.ports import UserTx
from sealwire.audit.ports import TrailTx

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


class RequestStatus(StrEnum):
    """States of a request, spelled as Dogtag spells them."""

    PENDING = "pending"
    COMPLETE = "complete"
    REJECTED = "rejected"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class Request:
    """A certificate request. ``tbs_der`` is fixed at submit; digests are SHA-256.

    ``reason`` is the agent's; ``error_message`` the profile's. ``serial`` is set once fixed in
    ``tbs_der``; a certificate exists only when ``status`` is complete.
    """

    request_id: int
    status: RequestStatus
    profile_id: str
    profile_digest: str
    csr_der: bytes
    csr_sha256: str
    subject: str
    requestor_name: str
    requestor_email: str
    requestor_phone: str
    submitted_by: str
    remote_address: str
    created: datetime
    modified: datetime
    tbs_der: bytes | None = None
    tbs_sha256: str | None = None
    tbs_created: datetime | None = None
    serial: int | None = None
    decided_by: str | None = None
    reason: str | None = None
    error_message: str | None = None


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A certificate this CA signed; ``serial`` is positive and at most 20 octets."""

    serial: int
    request_id: int
    profile_id: str
    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    der: bytes
    issued: datetime
    issued_by: str


@dataclass(frozen=True, slots=True)
class CaCertificates:
    """The CA's own: issuing certificate and root, PEM; key ids name the keys in the KeyStore."""

    issuing_pem: str
    root_pem: str
    issuing_key_id: str
    root_key_id: str | None


class RequestTx(Protocol):
    """Requests inside one transaction."""

    def next_request_id(self) -> int:
        """From 1, without repeats; a rolled-back transaction may leave a gap or give it again."""
        ...

    def insert_request(self, request: Request) -> None:
        """Add one. Raises ConflictError when the id is taken."""
        ...

    def lock_request(self, request_id: int) -> Request | None:
        """Read for change: other writers of this request wait until this transaction ends."""
        ...

    def update_request(self, request: Request, *, expected: RequestStatus) -> None:
        """Replace the row. Raises ConflictError unless its stored status is ``expected``."""
        ...

    def request(self, request_id: int) -> Request | None:
        """Read one."""
        ...

    def find_requests(
        self, *, status: RequestStatus | None, start: int, limit: int
    ) -> Sequence[Request]:
        """By id, ascending, ids >= ``start``."""
        ...

    def count_requests(self, *, status: RequestStatus | None) -> int:
        """How many match."""
        ...


class CertificateTx(Protocol):
    """Issued certificates inside one transaction."""

    def insert_certificate(self, certificate: IssuedCertificate) -> None:
        """Add one. Raises ConflictError when serial or request id has one already.

        The request must be there (ConflictError): no certificate without its request.
        """
        ...

    def certificate(self, serial: int) -> IssuedCertificate | None:
        """By serial number."""
        ...

    def find_certificates(self, *, start: int, limit: int) -> Sequence[IssuedCertificate]:
        """In order of issue, skipping ``start``."""
        ...

    def ca_certificates(self) -> CaCertificates | None:
        """The CA's own, or None before ``ca init``."""
        ...

    def put_ca_certificates(self, certificates: CaCertificates) -> None:
        """Set or replace the CA's own."""
        ...


class CaTx(TrailTx, UserTx, RequestTx, CertificateTx, Protocol):
    """All that one use case of the CA may touch, in one transaction."""
