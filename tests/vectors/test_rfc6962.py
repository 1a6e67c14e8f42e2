"""Published hashes of RFC 6962 trees (the CT project's test tree), and proofs over them."""

import base64
import hashlib

import pytest

from sealwire.audit.ports import TrailHead
from sealwire.audit.trail import (
    EMPTY_HEAD,
    append_leaf,
    check_consistency,
    check_inclusion,
    consistency_proof,
    head_of,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root,
)
from sealwire.errors import RefusedError

ENTRIES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


def test_leaf_hashes() -> None:
    assert leaf_hash(b"").hex() == ROOTS[1]
    assert (
        leaf_hash(b"L123456").hex()
        == "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
    )
    hello = base64.b64encode(leaf_hash(b"hello world"))
    assert hello == b"TszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0="


def test_node_hash() -> None:
    assert (
        node_hash(b"N123", b"N456").hex()
        == "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb"
    )


@pytest.mark.parametrize(("size", "expected"), ROOTS.items())
def test_roots_of_the_test_tree(size: int, expected: str) -> None:
    assert root(head_of(LEAVES[:size])).hex() == expected


def test_root_of_three_letters() -> None:
    head = head_of(leaf_hash(entry) for entry in (b"a", b"b", b"c"))
    assert base64.b64encode(root(head)) == b"NmQuc8JUCrEh46a/lUWwokmCzYMOsT080Z3jzmwCHsE="
    proof = inclusion_proof([leaf_hash(entry) for entry in (b"a", b"b", b"c")], 1)
    assert [base64.b64encode(step) for step in proof] == [
        b"Aippeebat6pa5MPl5F9+l3ESp+Y1k4INvsHsc4ok+Tw=",
        b"WX/LMSgtNGVMIA00GPylcFxkjr8ybsc9jd7xGEH4dtg=",
    ]


def recursive_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962 section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(recursive_root(leaves[:split]), recursive_root(leaves[split:]))


def test_compact_range_agrees_with_the_recursive_definition() -> None:
    leaves = [leaf_hash(str(number).encode()) for number in range(300)]
    head = EMPTY_HEAD
    for size, leaf in enumerate(leaves):
        assert head.size == size
        assert len(head.frontier) == size.bit_count()
        assert root(head) == recursive_root(leaves[:size])
        head = append_leaf(head, leaf)


def test_every_inclusion_proof_holds_and_every_change_of_it_does_not() -> None:
    for size in range(1, 9):
        leaves = LEAVES[:size]
        top = root(head_of(leaves))
        for index in range(size):
            proof = inclusion_proof(leaves, index)
            check_inclusion(leaves[index], index=index, size=size, proof=proof, expected_root=top)
            for wrong in wrong_proofs(proof):
                with pytest.raises(RefusedError):
                    check_inclusion(
                        leaves[index], index=index, size=size, proof=wrong, expected_root=top
                    )
            for shift in (-1, 1):
                with pytest.raises(RefusedError):
                    check_inclusion(
                        leaves[index],
                        index=index + shift,
                        size=size,
                        proof=proof,
                        expected_root=top,
                    )


def test_every_consistency_proof_holds_and_every_change_of_it_does_not() -> None:
    for size in range(1, 9):
        top = root(head_of(LEAVES[:size]))
        for old_size in range(1, size + 1):
            old_top = root(head_of(LEAVES[:old_size]))
            proof = consistency_proof(LEAVES[:size], old_size)
            check_consistency(
                old_size=old_size, old_root=old_top, size=size, expected_root=top, proof=proof
            )
            for wrong in wrong_proofs(proof):
                with pytest.raises(RefusedError):
                    check_consistency(
                        old_size=old_size,
                        old_root=old_top,
                        size=size,
                        expected_root=top,
                        proof=wrong,
                    )


def wrong_proofs(proof: tuple[bytes, ...]) -> list[tuple[bytes, ...]]:
    flipped = [
        (*proof[:at], bytes([step[0] ^ 1]) + step[1:], *proof[at + 1 :])
        for at, step in enumerate(proof)
    ]
    swapped = [proof[::-1]] if proof != proof[::-1] else []
    short = [proof[:-1], proof[1:]] if proof else []
    return [*flipped, *swapped, *short, (*proof, bytes(32)), (bytes(32), *proof), (b"", *proof)]


def test_nothing_is_proved_from_an_empty_tree_or_by_short_hashes() -> None:
    with pytest.raises(RefusedError):
        check_consistency(
            old_size=0, old_root=root(EMPTY_HEAD), size=1, expected_root=LEAVES[0], proof=()
        )
    with pytest.raises(RefusedError):
        check_inclusion(b"", index=0, size=1, proof=(), expected_root=b"")
    with pytest.raises(RefusedError):
        inclusion_proof([], 0)
    with pytest.raises(RefusedError):
        consistency_proof(LEAVES, 0)
    with pytest.raises(RefusedError):
        check_inclusion(LEAVES[0], index=0, size=0, proof=(), expected_root=LEAVES[0])


def test_a_head_is_its_size_and_its_peaks() -> None:
    assert head_of(LEAVES[:3]) == TrailHead(3, (node_hash(LEAVES[0], LEAVES[1]), LEAVES[2]))
