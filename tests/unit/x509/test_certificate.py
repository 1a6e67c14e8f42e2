from __future__ import annotations

import ipaddress
from datetime import timedelta

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from sealwire.errors import RefusedError
from sealwire.x509.certificate import (
    aia_issuer_urls,
    certificate_names,
    certificate_sha256,
    fingerprint_text,
    is_ca,
    key_usages,
    names_match,
    self_signed_certificate,
)
from sealwire.x509.hostnames import pattern_matches
from tests import pki

CERTIFICATE = self_signed_certificate(
    pki.key("self"),
    ["gw.example.com", "*.lab.example.com", "10.0.0.1", "2001:db8::1", "bücher.example"],
    not_before=pki.NOW,
    not_after=pki.NOW + timedelta(days=397),
    serial=7,
)


@pytest.mark.parametrize(
    ("host", "covered"),
    [
        ("gw.example.com", True),
        ("GW.Example.COM", True),
        ("gw.example.com.", True),
        ("other.example.com", False),
        ("a.lab.example.com", True),
        ("a.b.lab.example.com", False),
        ("lab.example.com", False),
        (".lab.example.com", False),
        ("10.0.0.1", True),
        ("10.0.0.2", False),
        ("2001:db8:0::1", True),
        ("[2001:db8::1]", True),
        ("bücher.example", True),
        ("xn--bcher-kva.example", True),
        ("", False),
        ("a b", False),
    ],
)
def test_names_match_by_the_rules_of_rfc_9525(host: str, covered: bool) -> None:
    assert names_match(CERTIFICATE, host) is covered


def test_an_address_never_matches_a_name_that_looks_like_it() -> None:
    dressed = pki.issue(pki.Recipe("10.0.0.9", hosts=("10.0.0.9",))).certificate
    assert not names_match(dressed, "10.0.0.9")


def test_the_common_name_counts_only_when_asked_and_without_san() -> None:
    old = pki.issue(pki.Recipe("gw.example.com")).certificate
    assert not names_match(old, "gw.example.com")
    assert names_match(old, "gw.example.com", common_name=True)
    both = pki.issue(pki.Recipe("gw.example.com", hosts=("other.example.com",))).certificate
    assert not names_match(both, "gw.example.com", common_name=True)


@given(st.from_regex(r"[a-z]{1,5}(\.[a-z]{1,5}){0,3}", fullmatch=True))
def test_a_wildcard_covers_exactly_one_label(host: str) -> None:
    first, _, rest = host.partition(".")
    assert pattern_matches(f"*.{host}", f"x.{host}")
    assert not pattern_matches(f"*.{host}", host)
    assert not pattern_matches(f"*.{host}", f"a.b.{host}")
    assert pattern_matches(f"*.{rest}", host) == bool(rest)
    assert first


def test_facts_of_a_self_signed_one() -> None:
    assert certificate_names(CERTIFICATE) == (
        "gw.example.com",
        "*.lab.example.com",
        "10.0.0.1",
        "2001:db8::1",
        "xn--bcher-kva.example",
    )
    assert key_usages(CERTIFICATE) == (pki.SERVER,)
    assert not is_ca(CERTIFICATE)
    CERTIFICATE.verify_directly_issued_by(CERTIFICATE)
    usage = CERTIFICATE.extensions.get_extension_for_class(x509.KeyUsage).value
    assert not usage.key_encipherment  # an EC key enciphers no keys
    san = CERTIFICATE.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert ipaddress.ip_address("10.0.0.1") in san.get_values_for_type(x509.IPAddress)


def test_bad_names_for_a_self_signed_one_are_refused() -> None:
    with pytest.raises(RefusedError) as refused:
        self_signed_certificate(
            pki.key("self"), ["a b"], not_before=pki.NOW, not_after=pki.NOW, serial=1
        )
    assert refused.value.code == "csr.names"


def test_fingerprints_in_the_form_of_rfc_5425() -> None:
    digest = certificate_sha256(CERTIFICATE)
    text = fingerprint_text(CERTIFICATE)
    assert text.startswith("sha-256:")
    assert text.removeprefix("sha-256:").replace(":", "").lower() == digest
    assert fingerprint_text(CERTIFICATE, "sha-1").count(":") == 20


def test_the_issuer_address_is_text() -> None:
    one = pki.issue(pki.Recipe("x", aia="http://ca.example.com/ca.crt")).certificate
    assert aia_issuer_urls(one) == ("http://ca.example.com/ca.crt",)
    assert aia_issuer_urls(CERTIFICATE) == ()
