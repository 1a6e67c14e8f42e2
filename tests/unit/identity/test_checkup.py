"""What the doctor makes of what it saw: judgements as data, without a socket."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import hashes

from sealwire.errors import Severity
from sealwire.identity import contact
from sealwire.identity.checkup import (
    Ailment,
    CheckStep,
    Checkup,
    Judgement,
    Outcome,
    StepName,
    caution,
    checkup_document,
    failed,
    fault,
    note,
    skipped,
    worst,
)
from sealwire.identity.served_chain import judge_served_chain
from sealwire.identity.served_leaf import (
    judge_name,
    judge_revocation,
    judge_strength,
    judge_validity,
)
from tests.pki import CLIENT, LEAF, NOW, Recipe, family, issue, key, variant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.pki import Issued

FAMILY = family()
ANCHORS = (FAMILY.root.certificate,)
DAY = timedelta(days=1)


def codes(judgement: Judgement) -> list[Ailment]:
    return [remark.code for remark in judgement.remarks]


# -- outcomes --------------------------------------------------------------------------------------


def test_the_worst_remark_decides_how_a_step_ends() -> None:
    info, warning = note(Ailment.ROOT_INCLUDED, "i"), caution(Ailment.DUPLICATE, "w")
    error = fault(Ailment.EXPIRED, "e", "renew")
    assert Judgement("seen").outcome is Outcome.OK
    assert Judgement("", (info,)).outcome is Outcome.OK
    assert Judgement("", (info, warning)).outcome is Outcome.WARNING
    assert Judgement("", (warning, error, info)).outcome is Outcome.FAILED
    assert skipped("why").outcome is Outcome.SKIPPED
    assert worst((info, warning, error)) is error
    assert worst(()) is None


def test_a_checkup_says_whether_it_went_well_and_whether_anybody_is_there() -> None:
    bad = CheckStep(StepName.CHAIN, failed(fault(Ailment.EXPIRED, "e", "renew")), 1.26)
    gone = CheckStep(StepName.TCP, failed(fault(Ailment.TCP_REFUSED, "r")))
    fine = CheckStep(StepName.DNS, Judgement("192.0.2.1"))
    assert Checkup("h", 1, (fine,)).ok
    assert not Checkup("h", 1, (fine, bad)).unreachable
    assert Checkup("h", 1, (fine, gone)).unreachable
    document = checkup_document(Checkup("h", 1, (fine, bad)))
    assert document["ok"] is False
    assert document["reachable"] is True
    finding = {"code": "validity.expired", "severity": "error", "message": "e", "fix": "renew"}
    assert document["findings"] == [finding]
    assert document["steps"][1] == {  # type: ignore[index]
        "name": "server certificate",
        "outcome": "failed",
        "milliseconds": 1.3,
        "detail": "",
        "code": "validity.expired",
        "fix": "renew",
        "findings": [finding],
    }


def test_every_code_is_its_own_and_has_a_step_of_its_family() -> None:
    assert len({code.value for code in Ailment}) == len(Ailment)
    families = {code.value.partition(".")[0] for code in Ailment}
    assert families == {
        "dns", "tcp", "tls", "chain", "name", "validity", "strength", "revocation", "client",
        "message", "close",
    }  # fmt: skip


# -- the way there ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "address", "private"),
    [
        ("sensor.example.com", "10.1.2.3", True),
        ("sensor.example.com", "192.168.0.9", True),
        ("sensor.example.com", "100.64.0.1", True),
        ("sensor.example.com", "127.0.1.1", True),
        ("sensor.example.com", "fd00::1", True),
        ("sensor.example.com", "fe80::1%eth0", True),
        ("sensor.example.com", "8.8.8.8", False),
        ("sensor.example.com", "2606:4700::1", False),
        ("sensor.lan", "10.1.2.3", False),
        ("sensor.corp.internal.", "10.1.2.3", False),
        ("localhost", "127.0.0.1", False),
        ("sensor", "10.1.2.3", False),
        ("10.1.2.3", "10.1.2.3", False),
    ],
)
def test_a_private_address_behind_a_public_name(host: str, address: str, private: bool) -> None:
    judgement = contact.judge_addresses(host, [address, address])
    assert judgement.detail == address
    assert codes(judgement) == ([Ailment.DNS_PRIVATE] if private else [])


def test_some_addresses_and_none() -> None:
    gone = fault(Ailment.TCP_TIMEOUT, "no answer", "look")
    some = contact.judge_connections(["192.0.2.1"], {"192.0.2.2": gone}, "192.0.2.1 port 6514")
    assert (some.outcome, codes(some)) == (Outcome.WARNING, [Ailment.TCP_SOME])
    assert some.detail == "192.0.2.1 port 6514"
    none = contact.judge_connections([], {"192.0.2.1": gone, "192.0.2.2": gone}, "")
    assert (none.outcome, codes(none)) == (Outcome.FAILED, [Ailment.TCP_TIMEOUT])


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"HTTP/1.0 400 Bad Request\r\n", Ailment.HTTP),
        (b"220 mail ESMTP\r\n", Ailment.STARTTLS),
        (b"220-ftp\r\n", Ailment.STARTTLS),
        (b"+OK ready\r\n", Ailment.STARTTLS),
        (b"* OK ready", Ailment.STARTTLS),
        (b"<14>Nov 21 host: hi", Ailment.PLAIN_TEXT),
        (b"\n", Ailment.PLAIN_TEXT),
        (b"\x00\x80\xff\x10", Ailment.NOT_TLS),
    ],
)
def test_what_a_server_speaks_instead(answer: bytes, code: Ailment) -> None:
    remark = contact.no_tls(answer)
    assert (remark.code, remark.severity) == (code, Severity.ERROR)
    assert remark.fix


def test_nothing_that_a_server_says_reaches_a_terminal_raw() -> None:
    assert "\x1b" not in contact.no_tls(b"hello \x1b[31mred and plenty more text here").message


# -- the chain -------------------------------------------------------------------------------------


def served(*sent: Issued, anchors: Sequence[object] = ANCHORS) -> Judgement:
    return judge_served_chain([one.der for one in sent], anchors, NOW).judgement  # type: ignore[arg-type]


LEAF_ALONE, WHOLE = (FAMILY.leaf,), (FAMILY.leaf, FAMILY.issuing, FAMILY.middle)


def test_a_whole_chain_is_fine_and_its_path_reaches_trust() -> None:
    chain = judge_served_chain([one.der for one in WHOLE], ANCHORS, NOW)
    assert chain.judgement.outcome is Outcome.OK
    assert chain.path == tuple(FAMILY.certificates)
    assert chain.used == chain.path


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (LEAF_ALONE, [Ailment.NO_INTERMEDIATE]),
        ((FAMILY.leaf, FAMILY.issuing), [Ailment.UNKNOWN_CA]),
        ((FAMILY.leaf, FAMILY.middle, FAMILY.issuing), [Ailment.ORDER_WRONG]),
        ((*WHOLE, FAMILY.root), [Ailment.ROOT_INCLUDED]),
        ((*WHOLE, FAMILY.middle), [Ailment.DUPLICATE]),
        ((FAMILY.root, *WHOLE[1:], FAMILY.leaf), [Ailment.STRANGER] * 3),
        ((), [Ailment.NO_CERTIFICATE]),
    ],
)
def test_what_is_wrong_with_a_chain(sent: Sequence[Issued], expected: list[Ailment]) -> None:
    if expected == [Ailment.STRANGER] * 3:
        # A root as the first: whatever follows does not belong to it.
        assert set(codes(served(*sent))) == {Ailment.STRANGER}
        return
    assert codes(served(*sent)) == expected


def test_an_order_tells_how_to_put_it_right() -> None:
    (remark,) = served(FAMILY.leaf, FAMILY.middle, FAMILY.issuing).remarks
    needed = "CN=gw.example.com | CN=Test Issuing CA | CN=Test Middle CA"
    assert remark.fix == f"have the server send, in this order: {needed}"


def test_an_intermediate_that_only_we_know_is_a_warning() -> None:
    known = (FAMILY.root.certificate, FAMILY.issuing.certificate)
    judgement = served(*LEAF_ALONE, anchors=known)
    assert judgement.outcome is Outcome.WARNING
    assert codes(judgement) == [Ailment.NO_INTERMEDIATE]


def test_a_missing_issuer_is_named_with_where_to_get_it() -> None:
    recipe = variant(LEAF, aia="http://ca.example.com/issuing.crt")
    (remark,) = served(issue(recipe, FAMILY.issuing)).remarks
    assert "CN=Test Issuing CA" in remark.message
    assert "http://ca.example.com/issuing.crt" in remark.fix


def test_without_any_trust_the_end_of_the_chain_is_named() -> None:
    assert codes(served(*WHOLE, anchors=())) == [Ailment.UNKNOWN_CA]
    assert codes(served(*WHOLE, FAMILY.root, anchors=()))[0] is Ailment.UNKNOWN_CA
    assert codes(served(*LEAF_ALONE, anchors=())) == [Ailment.NO_INTERMEDIATE]


def test_purpose_and_no_ca() -> None:
    client = issue(variant(LEAF, usages=(CLIENT,)), FAMILY.issuing)
    assert codes(served(client, *WHOLE[1:])) == [Ailment.WRONG_PURPOSE]
    false = issue(Recipe("false CA", hosts=("x.example.com",)), FAMILY.issuing)
    below = issue(LEAF, false)
    assert codes(served(below, false, *WHOLE[1:])) == [Ailment.NOT_A_CA]


def test_an_expired_leaf_does_not_break_its_chain_and_an_expired_root_does() -> None:
    old = issue(variant(LEAF, lasts=5 * DAY), FAMILY.issuing)
    assert served(old, *WHOLE[1:]).outcome is Outcome.OK
    root = issue(Recipe("Old Root", ca=True, cert_sign=True, lasts=5 * DAY), None, key("old"))
    leaf = issue(LEAF, root)
    assert served(leaf, anchors=(root.certificate,)).outcome is Outcome.FAILED


@pytest.mark.parametrize("broken", [b"", b"\x30\x03\x02\x01\x01", FAMILY.leaf.der[:-1]])
def test_an_unreadable_certificate_is_said_to_be(broken: bytes) -> None:
    chain = judge_served_chain([broken, FAMILY.issuing.der], ANCHORS, NOW)
    assert codes(chain.judgement) == [Ailment.UNREADABLE]
    assert chain.used == ()


# -- leaf ------------------------------------------------------------------------------------------


def test_names() -> None:
    leaf = FAMILY.leaf.certificate
    assert judge_name(leaf, "GW.example.com.").outcome is Outcome.OK
    other = judge_name(leaf, "other.example.com")
    assert codes(other) == [Ailment.NAME_MISMATCH]
    assert "(has: gw.example.com)" in other.remarks[0].message
    old = issue(Recipe("gw.example.com"), FAMILY.issuing).certificate
    assert codes(judge_name(old, "gw.example.com")) == [Ailment.COMMON_NAME_ONLY]
    assert "(has: no name)" in judge_name(old, "x.example.com").remarks[0].message


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (NOW, []),
        (NOW - 11 * DAY, [Ailment.NOT_YET_VALID]),
        (NOW + 270 * DAY, [Ailment.EXPIRES_SOON]),
        (NOW + 291 * DAY, [Ailment.EXPIRED]),
    ],
)
def test_validity_of_a_leaf(at: object, expected: list[Ailment]) -> None:
    assert codes(judge_validity([FAMILY.leaf.certificate], at)) == expected  # type: ignore[arg-type]


def test_issuers_that_expired_or_expire_first() -> None:
    short = issue(Recipe("Short CA", ca=True, lasts=100 * DAY), FAMILY.middle)
    leaf = issue(LEAF, short)
    used = [leaf.certificate, short.certificate]
    assert codes(judge_validity(used, NOW)) == [Ailment.OUTLIVES_ISSUER]
    assert codes(judge_validity(used, NOW + 95 * DAY)) == [Ailment.ISSUER_EXPIRED]


def test_strength() -> None:
    weak = issue(LEAF, FAMILY.issuing, key("weak", "rsa1024"))
    assert codes(judge_strength([weak.certificate])) == [Ailment.WEAK_KEY]
    fine = judge_strength(FAMILY.certificates)
    assert (fine.outcome, fine.detail) == (Outcome.OK, "EC P-256, signed with SHA256")
    assert isinstance(FAMILY.leaf.certificate.signature_hash_algorithm, hashes.SHA256)


def test_revocation_without_lists_or_trust_is_skipped() -> None:
    assert judge_revocation(FAMILY.certificates, (), NOW).outcome is Outcome.SKIPPED
    assert judge_revocation((), (object(),), NOW).outcome is Outcome.SKIPPED  # type: ignore[arg-type]


# -- the client certificate ------------------------------------------------------------------------


def test_our_own_certificate_is_judged_before_the_server_does() -> None:
    client = issue(variant(LEAF, usages=(CLIENT,)), FAMILY.issuing).certificate
    server = FAMILY.leaf.certificate
    assert contact.judge_own([client], NOW, ()) == []
    assert contact.judge_own([client], NOW, ["CN=Test Issuing CA"]) == []
    found = contact.judge_own([server], NOW + 400 * DAY, ["CN=Other CA"])
    assert [each.code for each in found] == [
        Ailment.CLIENT_EXPIRED,
        Ailment.CLIENT_PURPOSE,
        Ailment.CLIENT_UNKNOWN_CA,
    ]


def test_shown_asked_demanded() -> None:
    assert contact.not_shown(asked=False, authorities=()).outcome is Outcome.OK
    assert codes(contact.not_shown(asked=True, authorities=())) == [Ailment.CLIENT_WANTED]
    assert codes(contact.demanded(["CN=A"])) == [Ailment.CLIENT_REQUIRED]
    assert codes(contact.shown("us", asked=False, own=())) == [Ailment.CLIENT_NOT_ASKED]
    assert contact.shown("us", asked=True, own=()).outcome is Outcome.OK
    assert contact.shown("us", asked=None, own=()).outcome is Outcome.OK
    unknown = fault(Ailment.CLIENT_UNKNOWN_CA, "refused", "fix")
    (said,) = contact.refused(unknown, (), ["CN=A", "CN=B"]).remarks
    assert said.message == "refused (it takes those issued by CN=A, CN=B)"
