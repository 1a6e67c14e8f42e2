"""What the CA needs of a store and of its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from sealwire.access.ports import UserTx
from sealwire.audit.ports import SettingsTx, TrailTx
from sealwire.ca.rows import (
    Approval,
    CaCertificates,
    CertificateSearch,
    CertificateStatus,
    IssuedCertificate,
    IssuedCrl,
    ProfileState,
    Request,
    RequestStatus,
    RequestType,
    RevocationReason,
    RevokedEntry,
    StoredProfile,
    TimeRange,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sealwire.ca.signing import IssuerKey
    from sealwire.x509.keys import KeyType, PublicKey

    Blobs = Sequence[tuple[str, bytes]]

__all__ = [
    "Approval",
    "CaCertificates",
    "CaSetup",
    "CaTx",
    "CertificateSearch",
    "CertificateStatus",
    "CertificateTx",
    "IssuedCertificate",
    "IssuedCrl",
    "ProfileState",
    "ProfileTx",
    "Request",
    "RequestStatus",
    "RequestTx",
    "RequestType",
    "RevocationReason",
    "RevokedEntry",
    "SigningKeys",
    "StoredProfile",
    "TimeRange",
]


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
        self,
        *,
        status: RequestStatus | None,
        start: int,
        limit: int,
        request_type: RequestType | None = None,
        skip: int = 0,
    ) -> Sequence[Request]:
        """By id, ascending, ids >= ``start``, the first ``skip`` of them left out."""
        ...

    def count_requests(
        self, *, status: RequestStatus | None, request_type: RequestType | None = None
    ) -> int:
        """How many match."""
        ...

    def add_approval(self, approval: Approval) -> None:
        """Add evidence. Raises ConflictError when this approver approved these bytes before."""
        ...

    def approvals(self, request_id: int) -> Sequence[Approval]:
        """Of one request, the oldest first."""
        ...

    def approvals_between(self, first: int, last: int) -> Sequence[Approval]:
        """Of all requests from number ``first`` to ``last``, both included, by request."""
        ...


class ProfileTx(Protocol):
    """Profiles inside one transaction: versions, which are never changed, and states."""

    def add_profile_version(self, profile: StoredProfile) -> None:
        """Add. Raises ConflictError unless ``version`` is the last one plus one (from 1)."""
        ...

    def profile_version(self, profile_id: str, version: int) -> StoredProfile | None:
        """Read one."""
        ...

    def profile_versions(self, profile_id: str) -> Sequence[StoredProfile]:
        """Every version, the newest first."""
        ...

    def put_profile_state(self, state: ProfileState) -> None:
        """Set or replace. Raises NotFoundError ``profile.unknown`` without such a version."""
        ...

    def profile_state(self, profile_id: str) -> ProfileState | None:
        """Read one."""
        ...

    def profile_in_force(self, profile_id: str) -> tuple[ProfileState, StoredProfile] | None:
        """The state with the version that it names."""
        ...

    def profile_states(self) -> Sequence[ProfileState]:
        """All, by id."""
        ...

    def remove_profile_state(self, profile_id: str) -> None:
        """Take a profile out of use; its versions stay, for requests name them."""
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

    def search_certificates(
        self, search: CertificateSearch, *, now: datetime, start: int, limit: int
    ) -> Sequence[IssuedCertificate]:
        """Those that match, in order of issue, skipping ``start``."""
        ...

    def count_certificates(self, search: CertificateSearch, *, now: datetime) -> int:
        """How many match."""
        ...

    def certificates_of_subject(self, subject: str) -> Sequence[IssuedCertificate]:
        """Whose subject is exactly this text, in order of issue."""
        ...

    def certificates_of_key(self, key_id: str) -> Sequence[IssuedCertificate]:
        """That certify this public key, in order of issue."""
        ...

    def lock_certificate(self, serial: int) -> IssuedCertificate | None:
        """Read for change: other writers of this row wait until this transaction ends."""
        ...

    def update_revocation(self, certificate: IssuedCertificate) -> None:
        """Replace ``revoked`` and what belongs to it. NotFoundError ``certificate.unknown``."""
        ...

    def revoked_entries(self, issuer_key_id: str, *, now: datetime) -> Sequence[RevokedEntry]:
        """Revoked and not expired at ``now``, signed by that key, by serial number."""
        ...

    def put_crl(self, crl: IssuedCrl) -> None:
        """Add; keeps the last few of each key. Raises ConflictError unless the number grows."""
        ...

    def latest_crl(self, issuer_key_id: str) -> IssuedCrl | None:
        """The one with the highest number."""
        ...

    def ca_certificates(self) -> CaCertificates | None:
        """The CA's own, or None before ``ca init``."""
        ...

    def put_ca_certificates(self, certificates: CaCertificates) -> None:
        """Set or replace the CA's own."""
        ...


class CaTx(TrailTx, UserTx, RequestTx, ProfileTx, CertificateTx, SettingsTx, Protocol):
    """All that one use case of the CA may touch, in one transaction."""


class SigningKeys(Protocol):
    """The keys a CA signs with, wherever they live: files or a hardware module.

    A key made is durable when ``make_key`` returns; its private half need never leave its place.
    Safe from any thread.
    """

    def make_key(self, key_type: KeyType) -> PublicKey:
        """Make one and keep it. Raises UnavailableError ``key.store``."""
        ...

    def signer(self, key_id: str) -> IssuerKey:
        """What signs with it. Raises NotFoundError ``key.unknown``, UnavailableError."""
        ...


class CaSetup(Protocol):
    """Makes and renews the CA; leaves its first credentials where the home's owner finds them.

    Files are (name, content). Who asks is ``actor``. Safe to call from any thread.
    """

    def __call__(
        self, key_type: KeyType, organization: str, actor: str, *, subject: str = ""
    ) -> dict[str, Any]:
        """Names and the one-time password. Raises as ``Founding.initialise``."""
        ...

    def request(
        self, key_type: KeyType, organization: str, actor: str, *, subject: str = ""
    ) -> dict[str, Any]:
        """The request for an outside CA. Raises as ``Founding.request_certificate``."""
        ...

    def accept(self, files: Blobs, roots: Blobs, actor: str) -> dict[str, Any]:
        """As ``__call__``, with findings. Raises as ``Founding.accept_certificate``."""
        ...

    def show(self) -> dict[str, Any]:
        """The CA's own certificates, where their keys are, and what is awaited."""
        ...

    def renew(self, actor: str) -> dict[str, Any]:
        """The issuing CA's new certificate. Raises as ``Renewal.renew``."""
        ...

    def request_renewal(self, actor: str) -> dict[str, Any]:
        """The request for an outside CA. Raises as ``Renewal.request``."""
        ...

    def accept_renewal(self, files: Blobs, roots: Blobs, actor: str) -> dict[str, Any]:
        """The new certificate, with findings. Raises as ``Renewal.accept``."""
        ...
