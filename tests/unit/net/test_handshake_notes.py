"""What a server's CertificateRequest names, whatever bytes it is made of."""

from __future__ import annotations

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire.net.handshake_notes import HandshakeNotes
from tests.pki import family

NAMES = [one.certificate.subject.public_bytes() for one in family().all[1:]]
V12, V13 = 0x0303, 0x0304


def number(value: int) -> bytes:
    return value.to_bytes(2, "big")


def block(content: bytes) -> bytes:
    return number(len(content)) + content


def request(version: int, names: list[bytes]) -> bytes:
    """A CertificateRequest with its header of four bytes."""
    listed = block(b"".join(block(name) for name in names))
    if version == V12:
        body = b"\x02\x01\x40" + block(b"\x04\x03\x08\x04") + listed
    else:
        algorithms = number(13) + block(block(b"\x04\x03"))
        authorities = number(47) + block(listed) if names else b""
        body = b"\x00" + block(algorithms + authorities)
    return b"\x0d" + len(body).to_bytes(3, "big") + body


def notes_of(version: int, message: int, data: bytes, direction: str = "read") -> HandshakeNotes:
    notes = HandshakeNotes(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    notes._note(None, direction, version, 22, message, data)
    return notes


@pytest.mark.parametrize("version", [V12, V13])
def test_the_named_cas_are_told(version: int) -> None:
    notes = notes_of(version, 13, request(version, NAMES))
    assert notes.asked
    assert notes.authorities == ("CN=Test Issuing CA", "CN=Test Middle CA", "CN=Test Root")
    assert notes_of(version, 13, request(version, [])).authorities == ()


def test_version_and_certificate_are_noted_and_our_own_messages_are_not() -> None:
    assert notes_of(V12, 2, b"").version == "TLSv1.2"
    assert notes_of(0x0301, 2, b"").version == "TLSv1"
    assert notes_of(V13, 11, b"").certificate
    ours = notes_of(V13, 13, request(V13, NAMES), direction="write")
    assert ours.asked is False


@given(st.sampled_from([V12, V13]), st.binary(max_size=200))
def test_a_message_of_any_bytes_is_no_fault(version: int, data: bytes) -> None:
    assert notes_of(version, 13, data).asked


@given(st.sampled_from([V12, V13]), st.integers(0, 200))
def test_a_cut_message_is_no_fault(version: int, size: int) -> None:
    assert notes_of(version, 13, request(version, NAMES)[:size]).asked
