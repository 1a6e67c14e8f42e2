"""Which certificate is meant, and whose key it is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509

from sealwire.errors import Finding, RefusedError
from sealwire.x509.chain import BuiltChain, build_chain
from sealwire.x509.graph import IssuerGraph
from sealwire.x509.verifier_words import plain_refusal
from tests import graphs, pki
from tests.pki import Issued, issue, variant

FAMILY = pki.family()
LEAF, ISSUING, MIDDLE, ROOT = FAMILY.all


def build(*bag: Issued, **options: object) -> BuiltChain:
    certificates = [one.certificate for one in bag]
    return build_chain(certificates, at=pki.NOW, **options)  # type: ignore[arg-type]


def fault(*bag: Issued, **options: object) -> Finding:
    with pytest.raises(RefusedError) as refused:
        build(*bag, **options)
    return next(one for one in refused.value.findings if one.severity == "error")


def test_of_a_certificate_and_its_renewals_the_newest_valid_one_is_taken() -> None:
    def renewed(starts: int, lasts: int) -> Issued:
        times = {"starts": timedelta(days=starts), "lasts": timedelta(days=lasts)}
        return issue(variant(pki.LEAF, **times), ISSUING, LEAF.key)

    over, now, newer, future = renewed(-400, 90), renewed(-80, 90), renewed(-5, 90), renewed(5, 90)
    for bag in ([over, now, newer, future], [future, newer, now, over]):
        for options in ({}, {"key": LEAF.key.public_key()}):
            assert build(*bag, ISSUING, MIDDLE, ROOT, **options).leaf == newer.certificate
    assert fault(over, ISSUING, MIDDLE, ROOT).code == "expired"


def test_two_certificates_of_one_name_with_two_keys_are_ambiguous() -> None:
    rekeyed = issue(pki.LEAF, ISSUING, pki.key("second leaf"))
    assert fault(LEAF, rekeyed, ISSUING, MIDDLE, ROOT).code == "leaf_ambiguous"
    chosen = build(LEAF, rekeyed, ISSUING, MIDDLE, ROOT, key=rekeyed.key.public_key())
    assert chosen.leaf == rekeyed.certificate


def test_a_key_of_another_certificate_says_whose_it_is() -> None:
    other = issue(variant(pki.LEAF, name="b.example.com", hosts=("b.example.com",)), ISSUING)
    bag = (LEAF, other, ISSUING, MIDDLE, ROOT)
    found = fault(*bag, leaf=LEAF.certificate, key=other.key.public_key())
    assert found.code == "key_mismatch"
    assert "belongs to CN=b.example.com" in found.message
    found = fault(LEAF, ISSUING, MIDDLE, ROOT, key=ISSUING.key.public_key())
    assert found.code == "key_mismatch"
    assert "CN=Test Issuing CA" in found.message
    assert "CN=gw.example.com" in found.message


def test_a_key_written_otherwise_is_the_same_key() -> None:
    graph = IssuerGraph([LEAF.certificate], [])
    (node,) = graph.bag
    assert graph.with_key(node.spki) == [node]
    assert graph.with_key(b"another") == []


def test_an_old_root_signed_with_sha1_still_ends_a_chain() -> None:
    root = graphs.sign(("ROOT", "ROOT"), "deprecated-hash", pki.NOW)
    assert root.signature_hash_algorithm is not None
    assert root.signature_hash_algorithm.name == "sha1"
    bag = [root, graphs.sign(("ROOT", "A"), "", pki.NOW), graphs.sign(("A", "EE"), "", pki.NOW)]
    assert build_chain(bag, at=pki.NOW).anchor == root


@pytest.mark.parametrize("edge", [("ROOT", "A"), ("A", "EE")])
def test_a_signature_by_sha1_is_named(edge: graphs.Edge) -> None:
    edges = [("ROOT", "ROOT"), ("ROOT", "A"), ("A", "EE")]
    bag = [graphs.sign(one, "deprecated-hash" if one == edge else "", pki.NOW) for one in edges]
    with pytest.raises(RefusedError) as refused:
        build_chain(bag, at=pki.NOW)
    faults = [one for one in refused.value.findings if one.severity == "error"]
    assert [(one.code, one.subject) for one in faults] == [("weak_signature", f"CN={edge[1]}")]


def test_too_few_intermediates_allowed_is_said() -> None:
    assert fault(LEAF, ISSUING, MIDDLE, ROOT, max_depth=1).code == "path_length"
    assert len(build(LEAF, ISSUING, MIDDLE, ROOT, max_depth=2).path) == 4


def test_a_common_name_alone_does_not_slip_past_name_constraints() -> None:
    limited = x509.NameConstraints([x509.DNSName("example.net")], None)
    middle = _constrained(limited)
    plain = variant(pki.LEAF, hosts=())
    assert fault(issue(plain, middle), middle, ROOT).code == "name_constraints"
    inside = variant(pki.LEAF, name="gw.example.net", hosts=())
    assert build(issue(inside, middle), middle, ROOT).anchor == ROOT.certificate


def _constrained(constraints: x509.NameConstraints) -> Issued:
    return issue(variant(pki.ISSUING, constraints=constraints), ROOT)


@pytest.mark.parametrize(
    ("words", "code", "plain"),
    [
        (
            "invalid extension: 2.5.29.15: Certificate is missing required extension.",
            "path_refused",
            "the extension keyUsage (2.5.29.15) is missing",
        ),
        (
            "Forbidden public key algorithm: AlgorithmIdentifier { oid: x }",
            "weak_key",
            "RSA and EC keys are taken",
        ),
        (
            "Forbidden signature algorithm: AlgorithmIdentifier { oid: x }",
            "signature_unsupported",
            "SHA-256 is taken",
        ),
        ("path length constraint violated", "path_length", "fewer CAs below itself"),
        ("something new", "path_refused", "something new"),
        ("the strict profile: a name constraint", "strict_profile", "a name constraint"),
    ],
)
def test_the_verifiers_words_become_plain(words: str, code: str, plain: str) -> None:
    found, text = plain_refusal(words)
    assert found == code
    assert plain in text
    assert "AlgorithmIdentifier" not in text


@pytest.mark.parametrize("ca", [False, True], ids=["by hand", "as openssl req -x509 makes it"])
def test_the_self_signed_certificate_of_before_does_not_stand_in_the_way(ca: bool) -> None:
    # Same name and key: one signed by itself at installation, later one signed by the CA.
    young = {"starts": timedelta(days=-1), "lasts": timedelta(days=3650)}
    itself = issue(variant(pki.LEAF, ca=ca, **young), None, LEAF.key)
    for options in ({}, {"key": LEAF.key.public_key()}):
        for bag in ([itself, *FAMILY.all], [*FAMILY.all, itself]):
            assert build(*bag, **options).leaf == LEAF.certificate


def test_cas_that_sign_each_other_in_a_circle_are_said_to() -> None:
    there = issue(pki.MIDDLE, ISSUING, MIDDLE.key)
    back = issue(pki.ISSUING, there, ISSUING.key)
    found = fault(LEAF, there, back)
    assert found.code == "issuer_missing"
    assert "in a circle" in found.message
    # Two generations of a root that nobody trusts are no circle.
    again = issue(variant(pki.ROOT, lasts=timedelta(days=3000)), None, ROOT.key)
    stranger = issue(variant(pki.ROOT, name="Another Root"))
    found = fault(*FAMILY.all, again, roots=[stranger.certificate])
    assert found.code == "root_untrusted"


def test_every_refusal_says_what_to_do() -> None:
    for bag, word in (((LEAF,), "ask the CA"), ((ROOT, MIDDLE), "add the certificate")):
        with pytest.raises(RefusedError) as refused:
            build(*bag)
        assert word in refused.value.hint


def test_a_name_that_only_the_common_name_has_is_told_apart() -> None:
    bare = issue(variant(pki.LEAF, hosts=()), ISSUING)
    found = fault(bare, ISSUING, MIDDLE, ROOT, host="gw.example.com")
    assert "no longer look at the common name" in found.message
    found = fault(bare, ISSUING, MIDDLE, ROOT, host="other.example.com")
    assert "common name" not in found.message
