"""Revocation lists: read in every form, believed only when signed, looked up by issuer, serial."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from hypothesis import given
from hypothesis import strategies as st

from sealwire.errors import RefusedError
from sealwire.x509.revocation import (
    RevocationGuard,
    StalePolicy,
    Standing,
    guard_of,
    issuer_among,
    look_up,
    look_up_path,
    read_revocation_lists,
)
from tests.pki import ISSUING, NOW, Family, Issued, Recipe, family, issue, key, variant

if TYPE_CHECKING:
    from collections.abc import Sequence

FAMILY = family()
DAY = timedelta(days=1)


def crl(
    signer: Issued,
    revoked: Sequence[Issued] = (),
    *,
    lasts: timedelta | None = DAY,
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
    reason: x509.ReasonFlags | None = None,
) -> x509.CertificateRevocationList:
    builder = x509.CertificateRevocationListBuilder(
        signer.certificate.subject, NOW - DAY, NOW + (lasts or DAY)
    )
    for one in revoked:
        entry = x509.RevokedCertificateBuilder(one.certificate.serial_number, NOW - 2 * DAY)
        if reason is not None:
            entry = entry.add_extension(x509.CRLReason(reason), critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    for value, critical in extensions:
        builder = builder.add_extension(value, critical=critical)
    return builder.sign(signer.key, hashes.SHA256())


def der(one: x509.CertificateRevocationList) -> bytes:
    return one.public_bytes(serialization.Encoding.DER)


def pem(one: x509.CertificateRevocationList) -> bytes:
    return one.public_bytes(serialization.Encoding.PEM)


# -- reading ---------------------------------------------------------------------------------------


def test_der_and_pem_with_text_around_are_read() -> None:
    first, second = crl(FAMILY.issuing, [FAMILY.leaf]), crl(FAMILY.root)
    (one,) = read_revocation_lists(der(first))
    assert (one.issuer, one.entries, one.number) == ("CN=Test Issuing CA", 1, None)
    assert (one.this_update, one.next_update) == (NOW - DAY, NOW + DAY)
    text = b"\xef\xbb\xbfBag\r\n" + pem(first).replace(b"\n", b"\r\n") + b"more\n" + pem(second)
    assert [each.issuer for each in read_revocation_lists(text)] == [
        "CN=Test Issuing CA",
        "CN=Test Root",
    ]


def test_a_number_is_told() -> None:
    numbered = crl(FAMILY.root, extensions=[(x509.CRLNumber(7), False)])
    assert read_revocation_lists(der(numbered))[0].number == 7


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", FAMILY.leaf.der, FAMILY.leaf.pem, der(crl(FAMILY.root))[:-10], b"\x30\x80"],
)
def test_what_is_no_list_is_refused(content: bytes) -> None:
    with pytest.raises(RefusedError) as refused:
        read_revocation_lists(content)
    assert refused.value.code == "crl.unreadable"
    assert refused.value.hint


def test_a_broken_block_among_good_ones_is_refused() -> None:
    good = pem(crl(FAMILY.root))
    with pytest.raises(RefusedError):
        read_revocation_lists(good + good[:80])


def point(**changes: object) -> x509.IssuingDistributionPoint:
    fields: dict[str, object] = {
        "full_name": None,
        "relative_name": None,
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
    }
    return x509.IssuingDistributionPoint(**(fields | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("extension", "critical"),
    [
        (x509.DeltaCRLIndicator(3), True),
        (point(indirect_crl=True), True),
        (point(only_contains_attribute_certs=True), True),
        (point(only_some_reasons=frozenset({x509.ReasonFlags.key_compromise})), True),
        (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True),
    ],
)
def test_half_an_answer_is_refused(extension: x509.ExtensionType, critical: bool) -> None:
    with pytest.raises(RefusedError) as refused:
        read_revocation_lists(der(crl(FAMILY.root, extensions=[(extension, critical)])))
    assert refused.value.code == "crl.kind"


@given(st.binary(max_size=300))
def test_no_bytes_do_more_than_be_refused(content: bytes) -> None:
    with pytest.raises(RefusedError):
        read_revocation_lists(content)


@given(st.integers(0, 400), st.integers(0, 255))
def test_no_changed_byte_does_more_than_be_refused_or_unsigned(at: int, value: int) -> None:
    content = bytearray(der(crl(FAMILY.issuing, [FAMILY.leaf])))
    before = content[at % len(content)]
    content[at % len(content)] = value
    try:
        lists = read_revocation_lists(bytes(content))
    except RefusedError:
        return
    for one in lists:
        if value != before:
            one.is_signed_by(FAMILY.issuing.certificate)
        look_up(FAMILY.leaf.certificate, FAMILY.issuing.certificate, lists, NOW)


# -- looking up ------------------------------------------------------------------------------------


def standing(one: x509.CertificateRevocationList, family: Family = FAMILY) -> Standing:
    lists = read_revocation_lists(der(one))
    leaf, issuer = family.leaf.certificate, family.issuing.certificate
    return look_up(leaf, issuer, lists, NOW).standing


def test_a_named_certificate_is_revoked_with_date_and_reason() -> None:
    one = crl(FAMILY.issuing, [FAMILY.leaf], reason=x509.ReasonFlags.key_compromise)
    lists = read_revocation_lists(der(one))
    verdict = look_up(FAMILY.leaf.certificate, FAMILY.issuing.certificate, lists, NOW)
    assert verdict.standing is Standing.REVOKED
    assert (verdict.since, verdict.reason) == (NOW - 2 * DAY, "keyCompromise")
    held = crl(FAMILY.issuing, [FAMILY.leaf], reason=x509.ReasonFlags.certificate_hold)
    assert standing(held) is Standing.REVOKED


def test_good_stale_unknown_unverified() -> None:
    assert standing(crl(FAMILY.issuing)) is Standing.GOOD
    assert standing(crl(FAMILY.issuing, lasts=-DAY / 2)) is Standing.STALE
    assert standing(crl(FAMILY.root, [FAMILY.leaf])) is Standing.UNKNOWN
    forger = issue(ISSUING, None, key("forger"))
    assert standing(crl(forger, [FAMILY.leaf])) is Standing.UNVERIFIED


def test_a_stale_list_still_revokes_whom_it_names() -> None:
    assert standing(crl(FAMILY.issuing, [FAMILY.leaf], lasts=-DAY / 2)) is Standing.REVOKED


def test_an_issuer_that_may_not_sign_lists_signs_none() -> None:
    mute = issue(variant(ISSUING, cert_sign=False), FAMILY.middle, key("issuing"))
    (one,) = read_revocation_lists(der(crl(FAMILY.issuing)))
    assert not one.is_signed_by(mute.certificate)
    assert one.is_signed_by(FAMILY.issuing.certificate)
    assert issuer_among(one, FAMILY.certificates) == FAMILY.issuing.certificate
    assert issuer_among(one, [FAMILY.root.certificate]) is None


def test_lists_for_leaves_or_for_authorities_cover_only_those() -> None:
    users = [(point(only_contains_user_certs=True), True)]
    authorities = [(point(only_contains_ca_certs=True), True)]
    assert standing(crl(FAMILY.issuing, [FAMILY.leaf], extensions=users)) is Standing.REVOKED
    assert standing(crl(FAMILY.issuing, [FAMILY.leaf], extensions=authorities)) is Standing.UNKNOWN


def test_the_newest_of_several_lists_counts_and_any_that_names_revokes() -> None:
    stale, fresh = crl(FAMILY.issuing, lasts=-DAY / 2), crl(FAMILY.issuing)
    lists = read_revocation_lists(pem(stale) + pem(fresh))
    leaf, issuer = FAMILY.leaf.certificate, FAMILY.issuing.certificate
    assert look_up(leaf, issuer, lists, NOW).standing is Standing.GOOD
    naming = read_revocation_lists(pem(fresh) + pem(crl(FAMILY.issuing, [FAMILY.leaf])))
    assert look_up(leaf, issuer, naming, NOW).standing is Standing.REVOKED


def test_a_path_is_looked_up_but_for_its_trusted_end() -> None:
    lists = read_revocation_lists(pem(crl(FAMILY.issuing)) + pem(crl(FAMILY.root, [FAMILY.middle])))
    path = FAMILY.certificates
    standings = [verdict.standing for verdict in look_up_path(path, lists, NOW)]
    assert standings == [Standing.GOOD, Standing.UNKNOWN, Standing.REVOKED]
    assert look_up_path(path[-1:], lists, NOW) == []


# -- the guard -------------------------------------------------------------------------------------


def objection(one: x509.CertificateRevocationList, policy: StalePolicy) -> str | None:
    path = [each.der for each in FAMILY.all]
    return guard_of([(der(one), policy.value)]).objection_to(path, NOW)


def test_a_guard_objects_by_policy() -> None:
    soft, hard = StalePolicy.SOFT, StalePolicy.HARD
    revoked, stale = crl(FAMILY.issuing, [FAMILY.leaf]), crl(FAMILY.issuing, lasts=-DAY / 2)
    forged = crl(issue(ISSUING, None, key("forger")))
    foreign = crl(issue(Recipe("Other CA", ca=True, cert_sign=True)), lasts=-DAY / 2)
    for policy in (soft, hard):
        assert "CN=gw.example.com is revoked since 2026-11-19" in str(objection(revoked, policy))
        assert objection(crl(FAMILY.issuing), policy) is None
        assert objection(foreign, policy) is None
    assert objection(stale, soft) is None
    assert "stale" in str(objection(stale, hard))
    assert objection(forged, soft) is None
    assert "not signed by its key" in str(objection(forged, hard))


def test_without_lists_a_guard_objects_to_nobody() -> None:
    guard = RevocationGuard()
    assert not guard
    assert guard.objection_to([b"no certificate"], NOW) is None


def test_a_policy_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="lenient"):
        guard_of([(der(crl(FAMILY.root)), "lenient")])
