"""However a shop packs them, and in whatever order: the same chain, byte for byte."""

from __future__ import annotations

import certifi
import pytest

from sealwire.errors import RefusedError
from sealwire.x509.bundle import read_bundle
from sealwire.x509.chain import build_chain
from tests import pki, shapes

KINDS = ("p256", "rsa2048")
SHAPES = {kind: shapes.shapes(kind) for kind in KINDS}
NAMES = list(SHAPES["p256"])
QUICK = 5


def outcome(shape: shapes.Shape, turn: int) -> tuple[bytes, set[str]]:
    """The bytes that would be written, and the codes of everything said."""
    bundle = read_bundle(shape.packed(turn), shapes.PASSWORD)
    roots = [root.certificate for root in shape.roots]
    try:
        chain = build_chain(bundle.certificates, at=pki.NOW, roots=roots, host="gw.example.com")
    except RefusedError as refused:
        return b"", {finding.code for finding in refused.findings}
    return chain.pem(), {finding.code for finding in (*chain.findings, *bundle.findings)}


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_a_shape_gives_the_same_bytes_in_any_order(name: str, kind: str, soak_rounds: int) -> None:
    shape = SHAPES[kind][name]
    wanted = b"".join(piece.pem for piece in shape.wanted)
    steady = None
    # Orders are cheap beside killed processes: twenty for each round of a soak.
    turns = soak_rounds if soak_rounds <= QUICK else soak_rounds * 20
    for turn in range(turns + 1):
        written, said = outcome(shape, turn)
        assert written == wanted
        # What is said of the order depends on the order, and nothing else does.
        missing = shape.said - said - ({"reordered"} if turn else set())
        assert not missing
        steady = steady or said - {"reordered"}
        assert said - {"reordered"} == steady


def test_alternates_of_a_cross_signed_ca_are_kept() -> None:
    shape = SHAPES["p256"]["two cross-signs"]
    certificates = read_bundle(shape.packed(0)).certificates
    chain = build_chain(certificates, at=pki.NOW)
    ends = {path[-1].subject.rfc4514_string() for path in (chain.path, *chain.alternates)}
    assert ends == {"CN=Test Root", "CN=Old Root", "CN=Older Root"}
    other_way = build_chain(certificates[::-1], at=pki.NOW)
    assert (other_way.path, other_way.alternates) == (chain.path, chain.alternates)


def certifi_blob() -> tuple[str, bytes]:
    with open(certifi.where(), "rb") as file:  # noqa: PTH123 - a path of another package
        return "cacert.pem", file.read()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_a_root_store_in_the_bag_changes_nothing(name: str, kind: str) -> None:
    shape = SHAPES[kind][name]
    plain, said = outcome(shape, 0)
    packed = shape.packed(0)
    crowd = shapes.Shape(
        shape.pieces, lambda _: [certifi_blob(), *packed], shape.wanted, roots=shape.roots
    )
    crowded, said_now = outcome(crowd, 0)
    assert crowded == plain
    assert said_now - {"stranger", "reordered"} == said - {"stranger", "reordered"}
