"""Hostile OCSP requests: whatever comes in, a response comes out, and never a wrong ``good``."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest
from cryptography.x509 import ocsp
from hypothesis import given, settings
from hypothesis import strategies as st

from sealwire.ca.ocsp import LARGEST_REQUEST, MOST_QUESTIONS, read_inquiry
from sealwire.errors import RefusedError
from tests.unit.ca import asking
from tests.unit.ca.publishing import issued, own, publisher
from tests.unit.ca.scene import Scene, founded

if TYPE_CHECKING:
    from sealwire.ca.publication import StatusPublisher

SUCCESSFUL = ocsp.OCSPResponseStatus.SUCCESSFUL
GOOD = ocsp.OCSPCertStatus.GOOD

OPTIONAL = {
    "version": st.sampled_from([b"", asking.tagged(0xA0, asking.integer(0)), b"\xa0\x00"]),
    "requestor": st.binary(max_size=40).map(lambda octets: asking.tagged(0xA1, octets)),
    "single": st.one_of(
        st.just(b""), st.binary(max_size=20).map(lambda octets: asking.tagged(0xA0, octets))
    ),
    "extensions": st.one_of(
        st.just(b""), st.binary(max_size=200).map(asking.nonce), st.binary(max_size=40)
    ),
    "signature": st.sampled_from([b"", asking.tagged(0xA0, asking.tagged(0x30)), b"\x00"]),
}


@cache
def scene() -> tuple[Scene, int, StatusPublisher]:
    """A CA with one certificate, and its responder, whose signer is there already."""
    made = founded()
    serial = issued(made)
    responder = publisher(made)
    responder.ocsp(asking.asked(serial, own(made)[0]))
    return made, serial, responder


def require_sound(request: bytes) -> ocsp.OCSPResponse:
    """A response that a client can read, with as many answers as there were questions."""
    made, _, responder = scene()
    response = ocsp.load_der_ocsp_response(responder.ocsp(request).der)
    if response.response_status is SUCCESSFUL:
        asked = read_inquiry(request).questions
        answered = list(response.responses)
        assert [each.serial_number for each in answered] == [each.serial for each in asked]
        for each in answered:
            assert each.certificate_status is not GOOD or each.serial_number in known(made)
    return response


def known(made: Scene) -> set[int]:
    return {row.serial for row in made.ca.certificates()}


@given(st.binary(max_size=300))
def test_anything(request: bytes) -> None:
    assert require_sound(request).response_status is not SUCCESSFUL


@given(st.data())
def test_a_sound_request_with_octets_changed(data: st.DataObject) -> None:
    made, serial, _ = scene()
    request = bytearray(asking.asked(serial, own(made)[0], octets=b"0123456789abcdef"))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(request) - 1))
        request[at] = data.draw(st.integers(0, 255))
    require_sound(bytes(request))


@given(st.fixed_dictionaries(OPTIONAL), st.lists(st.integers(-(2**170), 2**170), max_size=5))
def test_every_part_in_every_shape(parts: dict[str, bytes], serials: list[int]) -> None:
    issuing, _ = own(scene()[0])
    require_sound(asking.request([asking.cert_id(issuing, each) for each in serials], **parts))


@given(st.binary(max_size=64), st.binary(max_size=64), st.binary(max_size=24))
def test_names_of_other_cas_are_not_answered(name: bytes, key: bytes, number: bytes) -> None:
    cert_id = asking.tagged(
        0x30,
        asking.SHA1,
        asking.tagged(4, name),
        asking.tagged(4, key),
        asking.tagged(2, number),
    )
    assert require_sound(asking.request([cert_id])).response_status is not SUCCESSFUL


@settings(max_examples=20)
@given(st.integers(0, 3 * LARGEST_REQUEST))
def test_sizes(size: int) -> None:
    require_sound(b"\x30" * size)
    require_sound(b"\x30\x80" * (size // 2))
    require_sound(asking.tagged(0x30, b"\x00" * size))


@settings(max_examples=20)
@given(st.integers(1, 2 * MOST_QUESTIONS))
def test_how_many_at_once(count: int) -> None:
    made, serial, _ = scene()
    cert_id = asking.cert_id(own(made)[0], serial)
    response = require_sound(asking.request([cert_id] * count))
    assert (response.response_status is SUCCESSFUL) == (count <= MOST_QUESTIONS)


@given(st.binary(max_size=300))
def test_reading_refuses_in_one_way_only(request: bytes) -> None:
    with pytest.raises(RefusedError) as refused:
        read_inquiry(request)
    assert refused.value.code == "ocsp.malformed"
