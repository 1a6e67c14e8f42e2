"""Names in DER are read back as they were written, and nothing else is read."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from sealwire.x509.distinguished import name_from_der

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
KINDS = [NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME, NameOID.USER_ID]


@given(st.lists(st.tuples(st.sampled_from(KINDS), TEXT), max_size=5))
def test_round_trip(pairs: list[tuple[x509.ObjectIdentifier, str]]) -> None:
    name = x509.Name([x509.NameAttribute(kind, text) for kind, text in pairs])
    assert name_from_der(name.public_bytes()).rfc4514_string() == name.rfc4514_string()


def test_several_attributes_of_one_part_and_wide_text() -> None:
    part = x509.RelativeDistinguishedName(
        [x509.NameAttribute(kind, "a") for kind in (NameOID.COMMON_NAME, NameOID.SERIAL_NUMBER)]
    )
    name = x509.Name([part])
    assert name_from_der(name.public_bytes()) == name
    wide = bytes.fromhex("300f310d300b0603550403") + b"\x1e\x04" + "Äß".encode("utf-16-be")
    assert name_from_der(wide).rfc4514_string() == "CN=Äß"


@given(st.binary(max_size=60))
def test_anything_else_is_a_value_error(data: bytes) -> None:
    try:
        name_from_der(data)
    except ValueError:
        return


@pytest.mark.parametrize(
    "data", [b"", b"\x31\x00", b"\x30\x02\x05\x00", b"\x30\x00\x00", b"\x30\x04\x31\x02\x30\x00"]
)
def test_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        name_from_der(data)
