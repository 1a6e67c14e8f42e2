"""Requests, profiles and certificates of a CA in one transaction of the store in memory."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from sealwire.ca.ports import CertificateStatus, RevokedEntry
from sealwire.stores import promises

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sealwire.ca.ports import (
        Approval,
        CaCertificates,
        CertificateSearch,
        IssuedCertificate,
        IssuedCrl,
        ProfileState,
        Request,
        RequestStatus,
        RequestType,
        StoredProfile,
        TimeRange,
    )


class AuthorityTables(Protocol):
    """The tables that this part of a transaction uses."""

    requests: dict[int, Request]
    last_request_id: int
    certificates: dict[int, IssuedCertificate]
    ca_certificates: CaCertificates | None
    approvals: tuple[Approval, ...]
    profile_versions: dict[tuple[str, int], StoredProfile]
    profile_states: dict[str, ProfileState]
    crls: tuple[IssuedCrl, ...]


class MemoryAuthority:
    """The part of a transaction that satisfies RequestTx, ProfileTx and CertificateTx."""

    def _read(self) -> AuthorityTables:
        raise NotImplementedError

    def _write(self) -> AuthorityTables:
        raise NotImplementedError

    def next_request_id(self) -> int:
        """See RequestTx."""
        tables = self._write()
        tables.last_request_id += 1
        return tables.last_request_id

    def insert_request(self, request: Request) -> None:
        """See RequestTx."""
        tables = self._write()
        _check_request(request)
        if request.request_id in tables.requests:
            raise promises.request_taken(request.request_id)
        tables.requests[request.request_id] = request

    def lock_request(self, request_id: int) -> Request | None:
        """See RequestTx."""
        return self._write().requests.get(request_id)

    def update_request(self, request: Request, *, expected: RequestStatus) -> None:
        """See RequestTx."""
        tables = self._write()
        _check_request(request)
        stored = tables.requests.get(request.request_id)
        if stored is None or stored.status != expected:
            raise promises.request_changed(request.request_id)
        tables.requests[request.request_id] = request

    def request(self, request_id: int) -> Request | None:
        """See RequestTx."""
        return self._read().requests.get(request_id)

    def find_requests(
        self,
        *,
        status: RequestStatus | None,
        start: int,
        limit: int,
        request_type: RequestType | None = None,
        skip: int = 0,
    ) -> Sequence[Request]:
        """See RequestTx."""
        found = (each for each in self._requests(status, request_type) if each.request_id >= start)
        return list(islice(found, skip, skip + limit))

    def count_requests(
        self, *, status: RequestStatus | None, request_type: RequestType | None = None
    ) -> int:
        """See RequestTx."""
        return len(self._requests(status, request_type))

    def _requests(
        self, status: RequestStatus | None, request_type: RequestType | None
    ) -> list[Request]:
        return [
            request
            for _, request in sorted(self._read().requests.items())
            if status in {None, request.status} and request_type in {None, request.request_type}
        ]

    def add_approval(self, approval: Approval) -> None:
        """See RequestTx."""
        tables = self._write()
        promises.check_texts(approval)
        key = _approval_key(approval)
        if any(_approval_key(each) == key for each in tables.approvals):
            raise promises.approved_before(approval.approver)
        if approval.request_id not in tables.requests:
            raise promises.certificate_without_request(approval.request_id)
        tables.approvals = (*tables.approvals, approval)

    def approvals(self, request_id: int) -> Sequence[Approval]:
        """See RequestTx."""
        found = [each for each in self._read().approvals if each.request_id == request_id]
        return sorted(found, key=lambda each: (each.time, each.approver))

    def approvals_between(self, first: int, last: int) -> Sequence[Approval]:
        """See RequestTx."""
        found = [each for each in self._read().approvals if first <= each.request_id <= last]
        return sorted(found, key=lambda each: (each.request_id, each.time, each.approver))

    # Profiles

    def add_profile_version(self, profile: StoredProfile) -> None:
        """See ProfileTx."""
        tables = self._write()
        promises.check_texts(profile)
        if profile.version != len(self.profile_versions(profile.profile_id)) + 1:
            raise promises.profile_version(profile.profile_id)
        tables.profile_versions[profile.profile_id, profile.version] = profile

    def profile_version(self, profile_id: str, version: int) -> StoredProfile | None:
        """See ProfileTx."""
        return self._read().profile_versions.get((profile_id, version))

    def profile_versions(self, profile_id: str) -> Sequence[StoredProfile]:
        """See ProfileTx."""
        stored = self._read().profile_versions.values()
        found = [each for each in stored if each.profile_id == profile_id]
        return sorted(found, key=lambda each: each.version, reverse=True)

    def put_profile_state(self, state: ProfileState) -> None:
        """See ProfileTx."""
        tables = self._write()
        promises.check_texts(state)
        if (state.profile_id, state.version) not in tables.profile_versions:
            raise promises.profile_unknown(state.profile_id)
        tables.profile_states[state.profile_id] = state

    def profile_state(self, profile_id: str) -> ProfileState | None:
        """See ProfileTx."""
        return self._read().profile_states.get(profile_id)

    def profile_in_force(self, profile_id: str) -> tuple[ProfileState, StoredProfile] | None:
        """See ProfileTx."""
        tables = self._read()
        state = tables.profile_states.get(profile_id)
        if state is None:
            return None
        return state, tables.profile_versions[profile_id, state.version]

    def profile_states(self) -> Sequence[ProfileState]:
        """See ProfileTx."""
        return [state for _, state in sorted(self._read().profile_states.items())]

    def remove_profile_state(self, profile_id: str) -> None:
        """See ProfileTx."""
        self._write().profile_states.pop(profile_id, None)

    # Certificates

    def insert_certificate(self, certificate: IssuedCertificate) -> None:
        """See CertificateTx."""
        tables = self._write()
        promises.check_texts(certificate)
        promises.check_serial(certificate.serial)
        if certificate.request_id not in tables.requests:
            raise promises.certificate_without_request(certificate.request_id)
        taken = {stored.request_id for stored in tables.certificates.values()}
        if certificate.serial in tables.certificates or certificate.request_id in taken:
            raise promises.certificate_taken()
        tables.certificates[certificate.serial] = certificate

    def certificate(self, serial: int) -> IssuedCertificate | None:
        """See CertificateTx."""
        return self._read().certificates.get(serial)

    def find_certificates(self, *, start: int, limit: int) -> Sequence[IssuedCertificate]:
        """See CertificateTx."""
        return list(islice(self._read().certificates.values(), start, start + limit))

    def search_certificates(
        self, search: CertificateSearch, *, now: datetime, start: int, limit: int
    ) -> Sequence[IssuedCertificate]:
        """See CertificateTx."""
        promises.check_search(search)
        found = (each for each in self._read().certificates.values() if matches(each, search, now))
        return list(islice(found, start, start + limit))

    def count_certificates(self, search: CertificateSearch, *, now: datetime) -> int:
        """See CertificateTx."""
        promises.check_search(search)
        stored = self._read().certificates.values()
        return sum(1 for each in stored if matches(each, search, now))

    def certificates_of_subject(self, subject: str) -> Sequence[IssuedCertificate]:
        """See CertificateTx."""
        return [each for each in self._read().certificates.values() if each.subject == subject]

    def certificates_of_key(self, key_id: str) -> Sequence[IssuedCertificate]:
        """See CertificateTx."""
        return [each for each in self._read().certificates.values() if each.key_id == key_id]

    def lock_certificate(self, serial: int) -> IssuedCertificate | None:
        """See CertificateTx."""
        return self._write().certificates.get(serial)

    def update_revocation(self, certificate: IssuedCertificate) -> None:
        """See CertificateTx."""
        tables = self._write()
        promises.check_texts(certificate)
        promises.check_revocation(certificate)
        stored = tables.certificates.get(certificate.serial)
        if stored is None:
            raise promises.certificate_unknown(certificate.serial)
        changed = {name: getattr(certificate, name) for name in promises.REVOCATION_COLUMNS}
        tables.certificates[certificate.serial] = replace(stored, **changed)

    def revoked_entries(self, issuer_key_id: str, *, now: datetime) -> Sequence[RevokedEntry]:
        """See CertificateTx."""
        return [
            RevokedEntry(serial, each.revoked, each.revocation_reason, each.invalidity)
            for serial, each in sorted(self._read().certificates.items())
            if each.revoked is not None
            and each.revocation_reason is not None
            and each.issuer_key_id == issuer_key_id
            and each.not_after >= now
        ]

    def certificate_revoked(self, sha256: str) -> bool:
        """See CertificateStandingTx."""
        return any(
            hashlib.sha256(each.der).hexdigest() == sha256
            for each in self._read().certificates.values()
            if each.revoked is not None
        )

    def put_crl(self, crl: IssuedCrl) -> None:
        """See CertificateTx."""
        tables = self._write()
        promises.check_texts(crl)
        latest = self.latest_crl(crl.issuer_key_id)
        if crl.number <= (latest.number if latest else 0):
            raise promises.crl_number()
        kept = (
            each
            for each in tables.crls
            if each.issuer_key_id != crl.issuer_key_id
            or each.number > crl.number - promises.KEPT_CRLS
        )
        tables.crls = (*kept, crl)

    def latest_crl(self, issuer_key_id: str) -> IssuedCrl | None:
        """See CertificateTx."""
        found = [each for each in self._read().crls if each.issuer_key_id == issuer_key_id]
        return max(found, key=lambda each: each.number, default=None)

    def ca_certificates(self) -> CaCertificates | None:
        """See CertificateTx."""
        return self._read().ca_certificates

    def put_ca_certificates(self, certificates: CaCertificates) -> None:
        """See CertificateTx."""
        promises.check_texts(certificates)
        self._write().ca_certificates = certificates


def matches(row: IssuedCertificate, search: CertificateSearch, now: datetime) -> bool:
    """Whether a search finds ``row``."""
    return (
        (search.serial_from is None or row.serial >= search.serial_from)
        and (search.serial_to is None or row.serial <= search.serial_to)
        and all(_named(row, kind, text, search) for kind, text in search.subject.items())
        and search.status in {None, _status(row, now)}
        and search.revoked_by in {None, row.revoked_by}
        and (not search.revocation_reasons or row.revocation_reason in search.revocation_reasons)
        and search.issued_by in {None, row.issued_by}
        and _within(row.revoked, search.revoked)
        and _within(row.issued, search.issued)
        and _within(row.not_before, search.not_before)
        and _within(row.not_after, search.not_after)
    )


def _named(row: IssuedCertificate, kind: str, text: str, search: CertificateSearch) -> bool:
    wanted = text.casefold()
    values = [value for name, value in promises.searched_attributes(row) if name == kind.upper()]
    return any(wanted == each if search.match_exactly else wanted in each for each in values)


def _status(row: IssuedCertificate, now: datetime) -> CertificateStatus:
    expired = row.not_after < now
    if row.revoked is not None:
        return CertificateStatus.REVOKED_EXPIRED if expired else CertificateStatus.REVOKED
    if row.not_before > now:
        return CertificateStatus.INVALID
    return CertificateStatus.EXPIRED if expired else CertificateStatus.VALID


def _within(time: datetime | None, span: TimeRange) -> bool:
    if span.begin is None and span.end is None:
        return True
    return (
        time is not None
        and (span.begin is None or time >= span.begin)
        and (span.end is None or time <= span.end)
    )


def _approval_key(approval: Approval) -> tuple[int, str, str]:
    return approval.request_id, approval.approver, approval.tbs_sha256


def _check_request(request: Request) -> None:
    promises.check_texts(request)
    if request.serial is not None:
        promises.check_serial(request.serial)
