"""CRLs, byte for byte as RFC 5280 section 5 wants them."""

from __future__ import annotations

from datetime import timedelta, timezone

import pytest
from cryptography import x509

from sealwire.ca.crl import REASON_FLAGS, build_crl
from sealwire.ca.ports import RevocationReason, RevokedEntry
from sealwire.errors import UnavailableError
from sealwire.x509.keys import KeyType, PrivateKey, load_private_key
from tests.unit.ca.scene import START, Scene, founded, subscriber_key

DAY = timedelta(days=1)


def authority(scene: Scene) -> tuple[x509.Certificate, PrivateKey]:
    rows = scene.store.read(lambda tx: tx.ca_certificates())
    assert rows is not None
    certificate = x509.load_pem_x509_certificate(rows.issuing_pem.encode())
    return certificate, load_private_key(scene.keys.load_key(rows.issuing_key_id))


def crl_of(
    *entries: RevokedEntry, key_type: KeyType = KeyType.P256
) -> tuple[x509.CertificateRevocationList, x509.Certificate]:
    issuer, key = authority(founded(key_type))
    der = build_crl(
        issuer,
        key,
        entries,
        number=2**64,
        this_update=START + timedelta(microseconds=7),
        next_update=START + DAY,
    )
    return x509.load_der_x509_crl(der), issuer


@pytest.mark.parametrize("key_type", [KeyType.P256, KeyType.P384, KeyType.RSA2048])
def test_an_empty_one(key_type: KeyType) -> None:
    crl, issuer = crl_of(key_type=key_type)
    assert crl.is_signature_valid(issuer.public_key())  # type: ignore[arg-type] # RSA or EC
    assert crl.issuer == issuer.subject
    assert (crl.last_update_utc, crl.next_update_utc) == (START, START + DAY)
    assert list(crl) == []
    assert [(each.oid._name, each.critical) for each in crl.extensions] == [
        ("authorityKeyIdentifier", False),
        ("cRLNumber", False),
    ]
    own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    said = crl.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert said.key_identifier == own.digest
    assert crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 2**64


@pytest.mark.parametrize("reason", RevocationReason)
def test_every_reason(reason: RevocationReason) -> None:
    crl, _ = crl_of(RevokedEntry(2**159 - 1, START, reason, None))
    entry = crl.get_revoked_certificate_by_serial_number(2**159 - 1)
    assert entry is not None
    assert entry.revocation_date_utc == START
    said = [(each.value.reason, each.critical) for each in entry.extensions]  # type: ignore[attr-defined] # CRLReason
    unspecified = reason is RevocationReason.UNSPECIFIED
    assert said == ([] if unspecified else [(REASON_FLAGS[reason], False)])


def test_since_when_a_key_is_not_to_be_trusted() -> None:
    since = START - 5 * DAY + timedelta(microseconds=999_999)
    entry, _ = crl_of(RevokedEntry(7, START, RevocationReason.KEY_COMPROMISE, since))
    found = entry.get_revoked_certificate_by_serial_number(7)
    assert found is not None
    date = found.extensions.get_extension_for_class(x509.InvalidityDate).value
    assert date.invalidity_date_utc == START - 5 * DAY


def test_a_time_of_another_zone_is_the_same_moment() -> None:
    west = timezone(timedelta(hours=-8))
    time = (START + timedelta(microseconds=999_999)).astimezone(west)
    crl, _ = crl_of(RevokedEntry(7, time, RevocationReason.SUPERSEDED, time))
    found = crl.get_revoked_certificate_by_serial_number(7)
    assert found is not None
    assert found.revocation_date_utc == START
    date = found.extensions.get_extension_for_class(x509.InvalidityDate).value
    assert date.invalidity_date_utc == START


def test_after_2049_times_are_written_in_the_other_form() -> None:
    late = START.replace(year=2051)
    crl, _ = crl_of(RevokedEntry(7, late, RevocationReason.SUPERSEDED, None))
    assert b"20511122100000Z" in crl.tbs_certlist_bytes


def test_a_key_of_another_ca_gives_no_crl() -> None:
    issuer, _ = authority(founded())
    with pytest.raises(UnavailableError) as failed:
        build_crl(
            issuer,
            subscriber_key(KeyType.P256),
            (),
            number=1,
            this_update=START,
            next_update=START + DAY,
        )
    assert failed.value.code == "crl.failed"
