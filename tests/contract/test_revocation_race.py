"""Revocations on every store: many at once, and each with its request and records, or nothing."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sealwire.audit.formats import AuditFormat
from sealwire.audit.recorder import Recorder
from sealwire.ca.ports import RequestStatus, RequestType, RevocationReason
from sealwire.ca.revocation import Revocations, Standing, standing
from sealwire.clock import SystemClock
from sealwire.errors import ConflictError
from sealwire.x509.keys import KeyType, generate_key, signature_hash
from tests.contract import rows
from tests.contract.rows import NOW

if TYPE_CHECKING:
    from sealwire.ca.ports import CaTx
    from tests.contract.conftest import AnyStore

SERIAL = 4711
MANY = 12


def certificate_der() -> bytes:
    key = generate_key(KeyType.P256)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "www.example.com")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), SERIAL)
    builder = builder.not_valid_before(NOW).not_valid_after(NOW + timedelta(days=90))
    return builder.sign(key, signature_hash(key)).public_bytes(Encoding.DER)


@pytest.fixture
def revocations(store: AnyStore) -> Revocations:
    def fill(tx: CaTx) -> None:
        tx.put_ca_certificates(rows.CA_CERTIFICATES)
        tx.insert_request(rows.request(tx.next_request_id(), RequestStatus.COMPLETE))
        tx.insert_certificate(replace(rows.certificate(SERIAL, 1), der=certificate_der()))

    store.run(fill)
    clock = SystemClock()
    recorder = Recorder(clock, "ca.example.com", AuditFormat.V10_4_5, "0.1.0")
    return Revocations(store, recorder, clock=clock)


def counts(store: AnyStore) -> tuple[int, int, int]:
    """Complete changes, refused ones, and audit records of either."""

    def query(tx: CaTx) -> tuple[int, int, int]:
        complete, rejected = (
            sum(
                tx.count_requests(status=status, request_type=kind)
                for kind in (RequestType.REVOCATION, RequestType.UNREVOCATION)
            )
            for status in (RequestStatus.COMPLETE, RequestStatus.REJECTED)
        )
        records = tx.trail_records("ca", start=0, limit=1000)
        processed = [each for each in records if "REQUEST_PROCESSED" in each.event]
        return complete, rejected, len(processed)

    return store.read(query)


def test_of_many_at_once_one_revokes(store: AnyStore, revocations: Revocations) -> None:
    barrier = threading.Barrier(MANY)

    def revoke(agent: int) -> bool:
        barrier.wait(10)
        try:
            revocations.revoke(SERIAL, RevocationReason.SUPERSEDED, actor=f"agent{agent}")
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(MANY) as pool:
        assert sum(pool.map(revoke, range(MANY))) == 1
    assert counts(store) == (1, MANY - 1, MANY)
    row = store.read(lambda tx: tx.certificate(SERIAL))
    assert row is not None
    assert standing(row) is Standing.REVOKED


def test_hold_and_release_at_once_end_where_the_requests_say(
    store: AnyStore, revocations: Revocations
) -> None:
    def change(number: int) -> None:
        use_case = revocations.hold if number % 2 else revocations.release
        try:
            use_case(SERIAL, actor="caadmin")
        except ConflictError:
            return

    with ThreadPoolExecutor(MANY) as pool:
        list(pool.map(change, range(2 * MANY)))
    complete, rejected, records = counts(store)
    assert complete + rejected == records == 2 * MANY
    row = store.read(lambda tx: tx.certificate(SERIAL))
    assert row is not None
    # Holds and releases take turns, so an even number of them ends where it began.
    assert (standing(row) is Standing.VALID) == (complete % 2 == 0)
