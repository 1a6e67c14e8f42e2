"""Certificates read from their to-be-signed bytes."""

from __future__ import annotations

import pytest
from cryptography import x509

from sealwire.x509.unsigned import unsigned_certificate
from tests.unit.ca.scene import initialised


def test_it_says_what_the_signed_one_says() -> None:
    signed = x509.load_pem_x509_certificate(initialised().issuing_pem.encode())
    read = unsigned_certificate(signed.tbs_certificate_bytes)
    assert read.tbs_certificate_bytes == signed.tbs_certificate_bytes
    assert (read.subject, read.serial_number) == (signed.subject, signed.serial_number)
    assert list(read.extensions) == list(signed.extensions)
    assert read.signature == b""


@pytest.mark.parametrize(
    "octets", [b"", b"\x30", b"\x30\x00", b"\x30\x03\x02\x01\x01", b"\x02\x01\x01"]
)
def test_what_is_none(octets: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever the library says
        unsigned_certificate(octets)
