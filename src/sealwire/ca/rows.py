"""The rows a CA keeps, and the words for their states."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class RequestStatus(StrEnum):
    """States of a request, spelled as Dogtag spells them."""

    PENDING = "pending"
    COMPLETE = "complete"
    REJECTED = "rejected"
    CANCELED = "canceled"


class RequestType(StrEnum):
    """What is asked for. Changes of a certificate's status share the requests' numbers."""

    ENROLLMENT = "enrollment"
    REVOCATION = "revocation"
    UNREVOCATION = "unrevocation"


class RevocationReason(IntEnum):
    """RFC 5280, 5.3.1; 7 is not used."""

    UNSPECIFIED = 0
    KEY_COMPROMISE = 1
    CA_COMPROMISE = 2
    AFFILIATION_CHANGED = 3
    SUPERSEDED = 4
    CESSATION_OF_OPERATION = 5
    CERTIFICATE_HOLD = 6
    REMOVE_FROM_CRL = 8
    PRIVILEGE_WITHDRAWN = 9
    AA_COMPROMISE = 10


@dataclass(frozen=True, slots=True)
class Request:
    """A request. ``tbs_der`` is fixed at submit; digests are SHA-256.

    ``reason`` is the agent's; ``error_message`` the profile's. ``serial`` is set once fixed in
    ``tbs_der``; a certificate exists only when ``status`` is complete. ``profile_version`` and
    ``profile_digest`` name the rules that ``tbs_der`` follows, ``issuer_digest`` what the CA put
    in (its certificate, its addresses). ``profile_version`` 0 is from before there were versions
    and evidence. ``lint`` is what linting them said, a JSON array of findings. ``owner`` is the
    agent it is assigned to.

    A revocation or unrevocation has no CSR and no profile (empty values); ``serial`` is the
    certificate whose status changed.
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
    request_type: RequestType = RequestType.ENROLLMENT
    profile_version: int = 1
    issuer_digest: str = ""
    lint: str = "[]"
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """One agent's yes to exactly these bytes. Evidence: it is added, never changed.

    ``credential`` tells how the agent was known: ``password`` or ``certificate SHA-256``.
    """

    request_id: int
    approver: str
    time: datetime
    credential: str
    csr_sha256: str
    profile_version: int
    profile_digest: str
    tbs_sha256: str


@dataclass(frozen=True, slots=True)
class StoredProfile:
    """One version of a profile: its TOML document. Versions count from 1 and are never changed."""

    profile_id: str
    version: int
    document: str
    digest: str
    created: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class ProfileState:
    """Which version of a profile is in force, and whether it may be asked for."""

    profile_id: str
    version: int
    enabled: bool
    changed: datetime
    changed_by: str


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A certificate this CA signed; ``serial`` is positive and at most 20 octets.

    ``key_id`` is the SHA-256 hex of its public key's SubjectPublicKeyInfo, ``issuer_key_id`` that
    of the key that signed it. ``revoked`` None: it is not revoked; the other three say how.
    """

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
    key_id: str = ""
    issuer_key_id: str = ""
    revoked: datetime | None = None
    revoked_by: str | None = None
    revocation_reason: RevocationReason | None = None
    invalidity: datetime | None = None


class CertificateStatus(StrEnum):
    """Dogtag's words for what a certificate is at a given time."""

    VALID = "VALID"
    INVALID = "INVALID"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"
    REVOKED_EXPIRED = "REVOKED_EXPIRED"


@dataclass(frozen=True, slots=True)
class TimeRange:
    """From ``begin`` to ``end``, both included; None is open."""

    begin: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class CertificateSearch:
    """What certificates to find; what is None or empty does not narrow it down.

    ``subject`` maps attribute types (``CN``, ``O``, ``UID``, ...) to text that the subject's value
    must equal when ``match_exactly``, else contain; letter case does not count. ``status`` is
    judged at the time given with the search.
    """

    serial_from: int | None = None
    serial_to: int | None = None
    subject: Mapping[str, str] = field(default_factory=dict)
    match_exactly: bool = False
    status: CertificateStatus | None = None
    revoked_by: str | None = None
    revocation_reasons: frozenset[RevocationReason] = frozenset()
    issued_by: str | None = None
    revoked: TimeRange = TimeRange()
    issued: TimeRange = TimeRange()
    not_before: TimeRange = TimeRange()
    not_after: TimeRange = TimeRange()


@dataclass(frozen=True, slots=True)
class RevokedEntry:
    """What a CRL says of one certificate."""

    serial: int
    revoked: datetime
    reason: RevocationReason
    invalidity: datetime | None


@dataclass(frozen=True, slots=True)
class IssuedCrl:
    """A CRL as published. ``issuer_key_id`` names the key that signed it."""

    number: int
    issuer_key_id: str
    this_update: datetime
    next_update: datetime
    entries: int
    der: bytes


@dataclass(frozen=True, slots=True)
class CaCertificates:
    """The CA's own: issuing certificate and root, PEM; key ids name the keys in the KeyStore.

    ``intermediates_pem``: those between the two, the issuing certificate's own signer first;
    empty when the root signed it. ``root_key_id`` is None when the root's key is not kept here.
    """

    issuing_pem: str
    root_pem: str
    issuing_key_id: str
    root_key_id: str | None
    intermediates_pem: str = ""
