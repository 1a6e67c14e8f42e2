from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st

from sealwire.errors import Finding, RefusedError, Severity
from sealwire.x509.chain import BuiltChain, Order, Purpose, build_chain
from sealwire.x509.served import check_chain
from tests import pki
from tests.pki import Issued, family, issue, variant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography import x509

FAMILY = family()
LEAF, ISSUING, MIDDLE, ROOT = FAMILY.all


def certs(*issued: Issued) -> list[x509.Certificate]:
    return [one.certificate for one in issued]


def build(bag: Sequence[Issued], **options: object) -> BuiltChain:
    return build_chain(certs(*bag), at=pki.NOW, **options)  # type: ignore[arg-type]


def refused(bag: Sequence[Issued], **options: object) -> dict[str, Finding]:
    with pytest.raises(RefusedError) as error:
        build(bag, **options)
    assert error.value.code == "chain.invalid"
    return {f.code: f for f in error.value.findings if f.severity is Severity.ERROR}


def codes(chain: BuiltChain) -> set[str]:
    return {finding.code for finding in chain.findings}


@settings(max_examples=24, deadline=None)
@given(st.permutations(FAMILY.all))
def test_any_order_gives_the_same_chain(bag: list[Issued]) -> None:
    chain = build(bag)
    assert chain.path == tuple(FAMILY.certificates)
    assert chain.pem() == LEAF.pem + ISSUING.pem + MIDDLE.pem
    assert {"root_left_out", "anchor_from_bundle"} <= codes(chain)
    assert ("reordered" in codes(chain)) == ([b for b in bag if b is not ROOT] != FAMILY.all[:3])


def test_the_three_orders() -> None:
    chain = build(FAMILY.all)
    assert chain.ordered(Order.TLS) == tuple(certs(LEAF, ISSUING, MIDDLE))
    assert chain.ordered(Order.CISCO) == tuple(certs(ISSUING, MIDDLE, ROOT))
    assert chain.ordered(Order.USM) == tuple(certs(ROOT, MIDDLE, ISSUING))


def test_duplicates_and_strangers_are_dropped_and_said() -> None:
    stranger = issue(pki.Recipe("Stranger Root", ca=True))
    chain = build([*FAMILY.all, ISSUING, stranger, LEAF])
    assert chain.path == tuple(FAMILY.certificates)
    assert {"duplicate", "stranger"} <= codes(chain)


def test_trusted_roots_given_are_the_only_ones() -> None:
    chain = build([LEAF, MIDDLE, ISSUING], roots=certs(ROOT))
    assert chain.path == tuple(FAMILY.certificates)
    assert "anchor_from_bundle" not in codes(chain)
    other = issue(pki.Recipe("Other Root", ca=True))
    assert set(refused(FAMILY.all, roots=certs(other))) == {"root_untrusted"}


def test_a_missing_issuer_is_named_with_its_address() -> None:
    middle = issue(variant(pki.ISSUING, aia="http://ca.example.com/middle.crt"), MIDDLE)
    leaf = issue(pki.LEAF, middle)
    found = refused([leaf, middle, ROOT])
    assert set(found) == {"issuer_missing"}
    assert "CN=Test Middle CA" in found["issuer_missing"].message
    assert "http://ca.example.com/middle.crt" in found["issuer_missing"].message


def test_no_root_and_none_given_is_a_missing_issuer() -> None:
    found = refused([LEAF, ISSUING, MIDDLE])
    assert found["issuer_missing"].subject == "CN=Test Root"


def test_the_wrong_generation_of_an_intermediate_is_told() -> None:
    wrong = issue(variant(pki.ISSUING), MIDDLE, pki.key("issuing-g3"))
    assert set(refused([LEAF, wrong, MIDDLE, ROOT])) == {"issuer_missing", "issuer_other_key"}
    assert build([LEAF, wrong, ISSUING, MIDDLE, ROOT]).path == tuple(FAMILY.certificates)


def test_the_wrong_generation_without_key_identifiers_is_told_too() -> None:
    plain = variant(pki.LEAF, identifiers=False)
    leaf = issue(plain, ISSUING)
    wrong = issue(variant(pki.ISSUING, identifiers=False), MIDDLE, pki.key("issuing-g3"))
    assert set(refused([leaf, wrong, MIDDLE, ROOT])) == {"issuer_missing", "issuer_other_key"}


def test_an_expired_generation_is_passed_over_for_a_valid_one() -> None:
    expired = issue(
        variant(pki.ISSUING, starts=timedelta(-900), lasts=timedelta(800)), MIDDLE, ISSUING.key
    )
    assert build([LEAF, expired, ISSUING, MIDDLE, ROOT]).path == tuple(FAMILY.certificates)
    assert set(refused([LEAF, expired, MIDDLE, ROOT])) == {"expired"}


def test_of_two_valid_generations_the_one_that_lasts_longer_is_taken() -> None:
    longer = issue(variant(pki.ISSUING, lasts=timedelta(days=1500)), MIDDLE, ISSUING.key)
    for bag in ([LEAF, longer, ISSUING, MIDDLE, ROOT], [LEAF, ISSUING, longer, MIDDLE, ROOT]):
        # Only the leaf's own end counts while it ends first; digests break the tie, always alike.
        assert build(bag).path[1] in certs(longer, ISSUING)
    first = build([LEAF, longer, ISSUING, MIDDLE, ROOT]).pem()
    assert build([ROOT, ISSUING, MIDDLE, longer, LEAF]).pem() == first


def test_a_cross_sign_loop_is_never_walked() -> None:
    root_a = issue(pki.Recipe("CA A", ca=True), None, pki.key("A"))
    b_by_a = issue(pki.Recipe("CA B", ca=True), root_a, pki.key("B"))
    a_by_b = issue(pki.Recipe("CA A", ca=True), b_by_a, pki.key("A"))
    c_by_b = issue(pki.Recipe("CA C", ca=True), b_by_a, pki.key("C"))
    a_by_c = issue(pki.Recipe("CA A", ca=True), c_by_b, pki.key("A"))
    leaf = issue(pki.LEAF, c_by_b)
    chain = build([a_by_c, leaf, a_by_b, c_by_b, root_a, b_by_a])
    assert chain.path == tuple(certs(leaf, c_by_b, b_by_a, root_a))


def test_the_shortest_of_two_cross_signed_paths_is_taken() -> None:
    short = issue(variant(pki.ISSUING), ROOT, ISSUING.key)
    chain = build([LEAF, ISSUING, MIDDLE, short, ROOT])
    assert chain.path == tuple(certs(LEAF, short, ROOT))


def crowded(layers: int, wide: int, *, rooted: bool) -> list[Issued]:
    """Every certificate of a layer is issued by every key of the next one; the leaf comes first."""
    top = issue(pki.Recipe("CA top", ca=True))
    keys = [[pki.key(f"crowd {n} {i}") for i in range(wide)] for n in range(layers)]
    bag = []
    above = [top]
    for n in reversed(range(layers)):
        layer = []
        for i in range(wide):
            recipe = pki.Recipe(f"CA {n}", ca=True, identifiers=False)
            layer += [issue(recipe, signer, keys[n][i]) for signer in above]
        bag += layer
        above = layer[:: max(1, len(layer) // wide)]
    leaf = issue(variant(pki.LEAF, identifiers=False), bag[-1])
    return [leaf, *bag, *([top] if rooted else [])]


@pytest.mark.parametrize("rooted", [True, False])
def test_a_crowd_of_namesakes_ends_soon(rooted: bool) -> None:
    bag = crowded(5, 4, rooted=rooted)
    started = time.perf_counter()
    if rooted:
        assert len(build(bag).path) == 7
    else:
        assert set(refused(bag)) >= {"issuer_missing"}
    assert time.perf_counter() - started < 5


def test_a_crowd_of_refused_paths_ends_too() -> None:
    bag = crowded(5, 4, rooted=True)
    started = time.perf_counter()
    assert "eku_mismatch" in refused(bag, purpose=Purpose.CLIENT)
    assert time.perf_counter() - started < 10


def test_two_leaves_are_ambiguous_until_something_tells_them_apart() -> None:
    other = issue(variant(pki.LEAF, name="mail.example.com", hosts=("mail.example.com",)), ISSUING)
    bag = [*FAMILY.all, other]
    assert set(refused(bag)) == {"leaf_ambiguous"}
    assert build(bag, host="mail.example.com").leaf == other.certificate
    assert build(bag, leaf=LEAF.certificate).leaf == LEAF.certificate
    assert build(bag, key=other.key.public_key()).leaf == other.certificate


def test_a_key_that_belongs_to_none() -> None:
    found = refused(FAMILY.all, key=pki.key("somebody").public_key())
    assert set(found) == {"key_mismatch"}
    assert "gw.example.com" in found["key_mismatch"].message
    found = refused(FAMILY.all, leaf=LEAF.certificate, key=pki.key("somebody").public_key())
    assert set(found) == {"key_mismatch"}


def test_of_two_certificates_for_one_key_the_newer_is_meant() -> None:
    renewed = issue(variant(pki.LEAF, starts=timedelta(days=-1)), ISSUING, LEAF.key)
    assert build([*FAMILY.all, renewed], key=LEAF.key.public_key()).leaf == renewed.certificate


def test_only_cas_or_nothing_at_all() -> None:
    assert set(refused([ISSUING, MIDDLE, ROOT])) == {"leaf_missing"}
    assert set(refused([])) == {"leaf_missing"}


def test_expired_and_not_yet_valid() -> None:
    late = issue(variant(pki.LEAF, lasts=timedelta(days=1)), ISSUING)
    early = issue(variant(pki.LEAF, starts=timedelta(days=1)), ISSUING)
    assert set(refused([late, *FAMILY.all[1:]])) == {"expired"}
    assert set(refused([early, *FAMILY.all[1:]])) == {"not_yet_valid"}
    assert (
        build_chain(certs(late, *FAMILY.all[1:]), at=pki.NOW - timedelta(days=9, hours=1)).leaf
        == late.certificate
    )


def test_all_faults_of_a_leaf_at_once() -> None:
    leaf = issue(
        variant(pki.LEAF, lasts=timedelta(days=1), usages=(pki.CLIENT,)),
        ISSUING,
        pki.key("weak", "rsa1024"),
    )
    found = refused([leaf, *FAMILY.all[1:]], purpose=Purpose.SERVER, host="other.example.com")
    assert set(found) == {"expired", "eku_mismatch", "name_mismatch", "weak_key"}
    assert "gw.example.com" in found["name_mismatch"].message


def test_a_server_certificate_is_never_taken_for_a_client() -> None:
    assert set(refused(FAMILY.all, purpose=Purpose.CLIENT)) == {"eku_mismatch"}
    client = issue(variant(pki.LEAF, usages=(pki.CLIENT,)), ISSUING)
    bag = [client, *FAMILY.all[1:]]
    assert build(bag).purpose is Purpose.CLIENT
    assert set(refused(bag, purpose=Purpose.SERVER)) == {"eku_mismatch"}
    both = issue(variant(pki.LEAF, usages=(pki.CLIENT, pki.SERVER)), ISSUING)
    assert build([both, *FAMILY.all[1:]]).purpose is Purpose.SERVER
    anything = issue(
        variant(pki.LEAF, usages=(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,)), ISSUING
    )
    assert set(refused([anything, *FAMILY.all[1:]])) == {"eku_mismatch"}


def test_an_issuer_for_servers_only_issues_no_clients() -> None:
    narrow = issue(variant(pki.ISSUING, usages=(pki.SERVER,)), MIDDLE)
    client = issue(variant(pki.LEAF, usages=(pki.CLIENT,)), narrow)
    assert set(refused([client, narrow, MIDDLE, ROOT])) == {"eku_mismatch"}
    server = issue(pki.LEAF, narrow)
    build([server, narrow, MIDDLE, ROOT])


@pytest.mark.parametrize("flag", [False, None])
def test_an_issuer_must_be_a_ca(flag: bool | None) -> None:
    fake = issue(variant(pki.ISSUING, ca=flag), MIDDLE)
    leaf = issue(pki.LEAF, fake)
    assert "not_a_ca" in refused([leaf, fake, MIDDLE, ROOT])


def test_an_issuer_must_be_allowed_to_sign() -> None:
    barred = issue(variant(pki.ISSUING, cert_sign=False), MIDDLE)
    assert "key_usage" in refused([issue(pki.LEAF, barred), barred, MIDDLE, ROOT])


def test_path_length_is_kept() -> None:
    short = issue(variant(pki.MIDDLE, path_length=0), ROOT)
    issuing = issue(pki.ISSUING, short)
    found = refused([issue(pki.LEAF, issuing), issuing, short, ROOT])
    assert set(found) == {"path_length"}


def test_a_weak_issuer_is_refused() -> None:
    weak = issue(pki.ISSUING, MIDDLE, pki.key("weak", "rsa1024"))
    assert "weak_key" in refused([issue(pki.LEAF, weak), weak, MIDDLE, ROOT])


def test_a_plain_private_ca_without_key_usage_works_and_is_remarked() -> None:
    root = issue(pki.Recipe("Plain Root", ca=True, identifiers=False))
    leaf = issue(pki.Recipe("gw.example.com", ca=None, hosts=("gw.example.com",)), root)
    chain = build([root, leaf])
    assert chain.ordered() == tuple(certs(leaf))
    assert "strict_profile" in codes(chain)


def test_max_depth_counts_intermediates() -> None:
    assert build(FAMILY.all, max_depth=2).path
    assert refused(FAMILY.all, max_depth=1)


def test_a_self_signed_leaf_stays() -> None:
    alone = issue(variant(pki.LEAF, usages=(pki.SERVER,)))
    chain = build([alone])
    assert chain.ordered(Order.TLS) == tuple(certs(alone))
    assert chain.ordered(Order.CISCO) == tuple(certs(alone))
    assert "self_signed" in codes(chain)
    assert set(refused([alone], roots=certs(ROOT))) == {"self_signed"}
    assert build([alone], roots=certs(alone)).path == tuple(certs(alone))
    as_openssl_makes_them = issue(variant(pki.LEAF, ca=True, cert_sign=None))
    assert build([as_openssl_makes_them]).path


def test_an_issuer_that_ends_before_the_leaf_is_a_warning() -> None:
    brief = issue(variant(pki.ISSUING, lasts=timedelta(days=100)), MIDDLE)
    chain = build([issue(pki.LEAF, brief), brief, MIDDLE, ROOT])
    assert "outlives_issuer" in codes(chain)


def test_a_server_without_san_is_a_warning() -> None:
    leaf = issue(variant(pki.LEAF, hosts=()), ISSUING)
    assert "san_missing" in codes(build([leaf, *FAMILY.all[1:]]))


def test_a_forged_link_is_no_link() -> None:
    # Names fit, the signature is somebody else's.
    forger = issue(pki.ISSUING, None, pki.key("forger"))
    leaf = issue(pki.LEAF, forger)
    assert refused([leaf, ISSUING, MIDDLE, ROOT])


def test_a_thousand_strangers_change_nothing_and_cost_little() -> None:
    strangers = [
        issue(pki.Recipe(f"Stranger {i % 50}", ca=True), None, pki.key("strangers"))
        for i in range(1000)
    ]
    bag = certs(*strangers, *reversed(FAMILY.all))
    quickest = 9.0
    for _ in range(3):
        started = time.perf_counter()
        build_chain(bag, at=pki.NOW)
        quickest = min(quickest, time.perf_counter() - started)
    assert build_chain(bag, at=pki.NOW).pem() == LEAF.pem + ISSUING.pem + MIDDLE.pem
    # The aim is 50 ms; the bound leaves room for a machine that does other things meanwhile.
    assert quickest < 1.0


def check(bag: Sequence[Issued], **options: object) -> BuiltChain:
    return check_chain(certs(*bag), at=pki.NOW, **options)  # type: ignore[arg-type]


def check_refused(bag: Sequence[Issued], **options: object) -> set[str]:
    with pytest.raises(RefusedError) as error:
        check(bag, **options)
    return {f.code for f in error.value.findings if f.severity is Severity.ERROR}


def test_a_file_as_built_is_in_order() -> None:
    chain = check([LEAF, ISSUING, MIDDLE])
    assert chain.path == tuple(certs(LEAF, ISSUING, MIDDLE))
    assert "issuer_missing" in codes(chain)
    assert "root_included" in codes(check(FAMILY.all))
    check([LEAF, ISSUING, MIDDLE], host="gw.example.com", key=LEAF.key.public_key())


def test_a_wrong_order_is_an_error_when_checking() -> None:
    assert check_refused([ISSUING, LEAF, MIDDLE]) == {"order_wrong"}
    assert check_refused([LEAF, MIDDLE, ISSUING]) == {"order_wrong"}
    assert check_refused([LEAF, LEAF, ISSUING, MIDDLE]) == {"order_wrong"}


def test_a_gap_is_an_error_when_checking() -> None:
    assert "issuer_missing" in check_refused([LEAF, MIDDLE])


def test_wrong_name_and_key_are_errors_when_checking() -> None:
    assert check_refused([LEAF, ISSUING, MIDDLE], host="x.example.com") == {"name_mismatch"}
    other = pki.key("somebody").public_key()
    assert check_refused([LEAF, ISSUING, MIDDLE], key=other) == {"key_mismatch"}


def test_a_served_chain_without_its_root_passes_the_strict_profile() -> None:
    usages = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
    issuing = issue(variant(pki.ISSUING, usages=usages), ROOT)
    leaf = issue(pki.LEAF, issuing)
    chain = check_chain(certs(leaf, issuing), at=pki.NOW, strict=True)
    assert chain.path == tuple(certs(leaf, issuing))


def test_every_alternate_is_a_path_that_holds_by_itself() -> None:
    others = [issue(variant(pki.ROOT, name=f"Root {number}")) for number in range(4)]
    crossed = [issue(pki.MIDDLE, other, MIDDLE.key) for other in others]
    chain = build([*FAMILY.all, *crossed, *others])
    assert len(chain.alternates) == 4
    for path in (chain.path, *chain.alternates):
        again = build_chain(path, at=pki.NOW, roots=[path[-1]])
        assert again.path == path
    assert len({path[-1] for path in (chain.path, *chain.alternates)}) == 5
