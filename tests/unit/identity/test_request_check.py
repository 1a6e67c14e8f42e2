"""A request form before its key is made: only syntax refuses, everything else is said."""

from __future__ import annotations

import pytest

from sealwire.errors import RefusedError, Severity, UnavailableError
from sealwire.identity.remarks import Remark, fix_of
from sealwire.identity.request_check import CsrCheck, check_csr
from sealwire.x509.findings import Code
from sealwire.x509.keys import KeyType
from sealwire.x509.subject import SubjectFields
from sealwire.x509.wizard import CaKind


class Zone:
    """DNS in two tables; a name of ``silent`` gets no answer."""

    def __init__(
        self,
        forward: dict[str, tuple[str, ...]] | None = None,
        reverse: dict[str, tuple[str, ...]] | None = None,
        silent: tuple[str, ...] = (),
    ) -> None:
        self._forward, self._reverse, self._silent = forward or {}, reverse or {}, silent

    def addresses(self, name: str) -> tuple[str, ...]:
        if name in self._silent:
            raise UnavailableError("dns.timeout", "DNS did not answer within 2 s.")
        return self._forward.get(name, ())

    def names(self, address: str) -> tuple[str, ...]:
        if address in self._silent:
            raise UnavailableError("dns.timeout", "DNS did not answer within 2 s.")
        return self._reverse.get(address, ())


def checked(
    common_name: str = "gw.example.com",
    *,
    state: str = "Texas",
    country: str = "us",
    kind: CaKind = CaKind.PRIVATE,
    own_name: str | None = "gw.example.com",
    lookup: Zone | None = None,
) -> CsrCheck:
    fields = SubjectFields(country, state, "Austin", "Example", "Audit", common_name)
    names = ["192.0.2.7"]
    return check_csr(
        fields, names, KeyType.P256, kind=kind, own_name=own_name, lookup=lookup or Zone()
    )


def said(check: CsrCheck, code: str) -> list[tuple[str, str]]:
    return [(f.severity.value, f.message) for f in check.findings if f.code == code]


def test_own_name_forward_and_reverse_are_each_reported() -> None:
    zone = Zone({"gw.example.com": ("192.0.2.1",)}, {"192.0.2.1": ("GW.example.com",)})
    check = checked(lookup=zone)
    assert check.subject.startswith("CN=gw.example.com")
    assert check.names == ("gw.example.com", "192.0.2.7")
    assert said(check, Remark.OWN_NAME) == [
        ("info", "It is this machine's own name, gw.example.com.")
    ]
    assert said(check, Remark.FORWARD_DNS) == [("info", "gw.example.com resolves to 192.0.2.1.")]
    assert said(check, Remark.REVERSE_DNS) == [("info", "192.0.2.1 is called GW.example.com.")]
    assert "openssl req -new" in check.openssl


def test_other_names_and_silence_are_said_and_refuse_nothing() -> None:
    zone = Zone({"gw.example.com": ("192.0.2.1", "192.0.2.2")}, {"192.0.2.1": ("nat.example.net",)})
    check = checked(own_name="other.example.com", lookup=zone)
    (own,) = said(check, Remark.OWN_NAME)
    assert own[0] == "warning"
    assert "other.example.com" in own[1]
    named, nameless = said(check, Remark.REVERSE_DNS)
    assert "another name" in named[1]
    assert "has no name in DNS" in nameless[1]
    assert said(checked(), Remark.FORWARD_DNS)[0][0] == "warning"
    for silent in ("gw.example.com", "192.0.2.1"):
        quiet = Zone({"gw.example.com": ("192.0.2.1",)}, silent=(silent,))
        assert any("did not answer" in f.message for f in checked(lookup=quiet).findings)


def test_an_address_and_a_wildcard_are_not_resolved() -> None:
    assert said(checked("192.0.2.9"), Remark.FORWARD_DNS) == []
    assert said(checked("192.0.2.9"), Remark.REVERSE_DNS)[0][1].startswith("192.0.2.9 has no name")
    assert said(checked("*.example.com"), Remark.FORWARD_DNS) == []


def test_the_state_is_wanted_in_full_or_short() -> None:
    assert "TX" in said(checked(kind=CaKind.CISCO), Code.STATE_FORM)[0][1]
    assert "Texas" in said(checked(state="TX", kind=CaKind.PUBLIC_OV), Code.STATE_FORM)[0][1]
    assert said(checked(state="TX", kind=CaKind.SEALWIRE), Code.STATE_FORM) == []


def test_syntax_refuses_with_all_faults_at_once() -> None:
    fields = SubjectFields("USA", common_name="a b")
    with pytest.raises(RefusedError) as refused:
        check_csr(
            fields,
            ["not a name"],
            KeyType.P256,
            kind=CaKind.PRIVATE,
            own_name=None,
            lookup=Zone(),
        )
    codes = [finding.code for finding in refused.value.findings]
    assert Code.COUNTRY in codes
    assert codes.count(Code.NAME_SYNTAX) == 2


def test_what_can_refuse_has_a_way_out() -> None:
    unsaid = {code for code in Code if not fix_of(code, Severity.ERROR)}
    # Met in other places than an import, or said with the way out in the words themselves.
    assert unsaid == {
        Code.CSR_UNREADABLE,
        Code.SIGNATURE_BROKEN,
        Code.SIGNATURE_UNSUPPORTED,
        Code.DUPLICATE_EXTENSION,
        Code.EXTENSION_UNREADABLE,
        Code.NOTHING_FOUND,
        Code.PATH_REFUSED,
        Code.PATH_SKIPPED,
        Code.ORDER_WRONG,
        Code.REORDERED,
        Code.DUPLICATE,
        Code.STRANGER,
        Code.ROOT_LEFT_OUT,
        Code.ROOT_INCLUDED,
        Code.ISSUER_FETCHED,
        Code.FETCH_FAILED,
    }
