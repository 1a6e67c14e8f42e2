"""The short way to a subject's attributes gives what parsing it gives."""

from __future__ import annotations

from dataclasses import replace

from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from sealwire.stores.promises import searched_attributes
from sealwire.x509.subject import dn_text, parse_dn
from tests.contract import rows

_VALUES = st.text('aZ09._@*:/- \\+,;"#<>=ü\t', min_size=1, max_size=8)
_KINDS = st.sampled_from(["CN", "OU", "O", "L", "ST", "DC", "UID", "E"])


@given(st.lists(st.tuples(_KINDS, _VALUES), min_size=1, max_size=4))
def test_both_ways_agree(parts: list[tuple[str, str]]) -> None:
    oids = {kind: next(iter(parse_dn(f"{kind}=x"))).oid for kind, _ in parts}
    name = x509.Name([x509.NameAttribute(oids[kind], value) for kind, value in parts])
    subject = dn_text(name)
    expected = [
        (dn_text(x509.Name([attribute])).partition("=")[0].upper(), str(attribute.value).casefold())
        for attribute in parse_dn(subject)
    ]
    assert list(searched_attributes(replace(rows.certificate(), subject=subject))) == expected
