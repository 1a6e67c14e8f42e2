"""Issued certificates, their revocation, CRLs and the CA's own in one SQL transaction."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from sqlalchemy import BigInteger, Text, bindparam, delete, func, select, type_coerce, update

from sealwire.ca.ports import RevocationReason, RevokedEntry
from sealwire.stores import promises
from sealwire.stores import sql_rows as rows
from sealwire.stores import sql_schema as schema
from sealwire.stores.certificate_search import matching
from sealwire.stores.sql_prepared import Prepared

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Select

    from sealwire.ca.ports import (
        CaCertificates,
        CertificateSearch,
        IssuedCertificate,
        IssuedCrl,
    )
    from sealwire.stores.sql_connection import TransactionConnection

_TABLE: Final = schema.certificates.c
_REQUEST: Final = Prepared(
    select(schema.requests.c.request_id).where(schema.requests.c.request_id == bindparam("wanted"))
)
_CERTIFICATE: Final = Prepared(
    rows.CERTIFICATES.select().where(_TABLE.serial == bindparam("wanted"))
)
_CA_CERTIFICATES: Final = Prepared(rows.CA_CERTIFICATES.select())
_INSERT_ATTRIBUTE: Final = Prepared(
    schema.subject_attributes.insert(), schema.subject_attributes.columns.keys()
)
# Of a hundred thousand rows; each value is brought back below, without the library's detours.
_REVOKED: Final = Prepared(
    select(
        type_coerce(_TABLE.serial, Text),
        type_coerce(_TABLE.revoked, BigInteger),
        type_coerce(_TABLE.revocation_reason, BigInteger),
        type_coerce(_TABLE.invalidity, BigInteger),
    )
    .where(_TABLE.issuer_key_id == bindparam("issuer"))
    .where(_TABLE.revoked.is_not(None), _TABLE.not_after >= bindparam("now"))
    .order_by(_TABLE.serial)
)
_REASONS: Final = {int(reason): reason for reason in RevocationReason}
_REVOKED_DIGEST: Final = Prepared(
    select(_TABLE.serial).where(_TABLE.sha256 == bindparam("wanted"), _TABLE.revoked.is_not(None))
)


class SqlCertificates:
    """The part of a transaction that satisfies CertificateTx."""

    _sql: TransactionConnection

    def insert_certificate(self, certificate: IssuedCertificate) -> None:
        """See CertificateTx."""
        self._sql.must_write()
        promises.check_texts(certificate)
        promises.check_serial(certificate.serial)
        if not self._sql.run(_REQUEST, {"wanted": certificate.request_id})[0]:
            raise promises.certificate_without_request(certificate.request_id)
        position = self._sql.next_count(schema.counters, "certificate")
        digest = hashlib.sha256(certificate.der).hexdigest()
        values = rows.CERTIFICATES.values(certificate) | {"position": position, "sha256": digest}
        if not self._sql.insert_new(schema.certificates, values):
            raise promises.certificate_taken()
        for place, (attribute, value) in enumerate(promises.searched_attributes(certificate)):
            named = {"serial": certificate.serial, "position": place}
            self._sql.change(_INSERT_ATTRIBUTE, named | {"attribute": attribute, "value": value})

    def certificate(self, serial: int) -> IssuedCertificate | None:
        """See CertificateTx."""
        return self._sql.first(rows.CERTIFICATES, _CERTIFICATE, {"wanted": serial})

    def find_certificates(self, *, start: int, limit: int) -> Sequence[IssuedCertificate]:
        """See CertificateTx."""
        statement = rows.CERTIFICATES.select().order_by(schema.certificates.c.position)
        return self._sql.all(rows.CERTIFICATES, statement.offset(start).limit(limit))

    def search_certificates(
        self, search: CertificateSearch, *, now: datetime, start: int, limit: int
    ) -> Sequence[IssuedCertificate]:
        """See CertificateTx."""
        statement = _in_order().where(*matching(search, now))
        return self._sql.all(rows.CERTIFICATES, statement.offset(start).limit(limit))

    def count_certificates(self, search: CertificateSearch, *, now: datetime) -> int:
        """See CertificateTx."""
        counted = select(func.count()).select_from(schema.certificates)
        return int(self._sql.execute(counted.where(*matching(search, now))).scalar_one())

    def certificates_of_subject(self, subject: str) -> Sequence[IssuedCertificate]:
        """See CertificateTx."""
        found = _in_order().where(schema.certificates.c.subject == subject)
        return self._sql.all(rows.CERTIFICATES, found)

    def certificates_of_key(self, key_id: str) -> Sequence[IssuedCertificate]:
        """See CertificateTx."""
        found = _in_order().where(schema.certificates.c.key_id == key_id)
        return self._sql.all(rows.CERTIFICATES, found)

    def lock_certificate(self, serial: int) -> IssuedCertificate | None:
        """See CertificateTx."""
        self._sql.must_write()
        return self._sql.first(rows.CERTIFICATES, _certificate(serial).with_for_update())

    def update_revocation(self, certificate: IssuedCertificate) -> None:
        """See CertificateTx."""
        promises.check_texts(certificate)
        promises.check_revocation(certificate)
        values = {name: getattr(certificate, name) for name in promises.REVOCATION_COLUMNS}
        changed = update(schema.certificates).where(
            schema.certificates.c.serial == certificate.serial
        )
        if self._sql.change(changed.values(values)) != 1:
            raise promises.certificate_unknown(certificate.serial)

    def revoked_entries(self, issuer_key_id: str, *, now: datetime) -> Sequence[RevokedEntry]:
        """See CertificateTx."""
        found, _ = self._sql.run(_REVOKED, {"issuer": issuer_key_id, "now": now})
        serial, time, reasons = schema.SerialNumber.read, schema.UtcTime.read, _REASONS
        return [
            RevokedEntry(
                serial(number),
                time(revoked),
                reasons[reason],
                None if since is None else time(since),
            )
            for number, revoked, reason, since in found
        ]

    def certificate_revoked(self, sha256: str) -> bool:
        """See CertificateStandingTx."""
        return bool(self._sql.run(_REVOKED_DIGEST, {"wanted": sha256})[0])

    def put_crl(self, crl: IssuedCrl) -> None:
        """See CertificateTx."""
        self._sql.must_write()
        promises.check_texts(crl)
        table = schema.crls
        latest = select(func.max(table.c.number)).where(table.c.issuer_key_id == crl.issuer_key_id)
        if crl.number <= (self._sql.execute(latest).scalar_one() or 0):
            raise promises.crl_number()
        self._sql.execute(table.insert(), rows.CRLS.values(crl))
        self._sql.change(
            delete(table).where(
                table.c.issuer_key_id == crl.issuer_key_id,
                table.c.number <= crl.number - promises.KEPT_CRLS,
            )
        )

    def latest_crl(self, issuer_key_id: str) -> IssuedCrl | None:
        """See CertificateTx."""
        table = schema.crls
        statement = rows.CRLS.select().where(table.c.issuer_key_id == issuer_key_id)
        return self._sql.first(rows.CRLS, statement.order_by(table.c.number.desc()).limit(1))

    def ca_certificates(self) -> CaCertificates | None:
        """See CertificateTx."""
        return self._sql.first(rows.CA_CERTIFICATES, _CA_CERTIFICATES)

    def put_ca_certificates(self, certificates: CaCertificates) -> None:
        """See CertificateTx."""
        promises.check_texts(certificates)
        values = rows.CA_CERTIFICATES.values(certificates) | {"row": 1}
        self._sql.put(schema.ca_certificates, values)


def _certificate(serial: int) -> Select[tuple[object, ...]]:
    return rows.CERTIFICATES.select().where(schema.certificates.c.serial == serial)


def _in_order() -> Select[tuple[object, ...]]:
    return rows.CERTIFICATES.select().order_by(schema.certificates.c.position)
