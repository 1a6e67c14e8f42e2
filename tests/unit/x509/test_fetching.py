"""A missing issuer is fetched from the addresses that the certificate names, from nowhere else."""

from __future__ import annotations

from functools import partial

import pytest

from sealwire.errors import RefusedError, UnavailableError
from sealwire.x509.chain import BuiltChain, build_chain
from sealwire.x509.fetching import MAX_ADDRESSES, MAX_ROUNDS, build_with_fetching
from tests import pki
from tests.pki import Issued, issue, variant

ROOT_AT, MIDDLE_AT, ISSUING_AT = (f"http://ca.example.com/{name}" for name in ("r", "m", "i"))
ROOT = issue(pki.ROOT)
MIDDLE = issue(variant(pki.MIDDLE, aia=ROOT_AT), ROOT)
ISSUING = issue(variant(pki.ISSUING, aia=MIDDLE_AT), MIDDLE)
LEAF = issue(variant(pki.LEAF, aia=ISSUING_AT), ISSUING)
SHELF = {ROOT_AT: ROOT.der, MIDDLE_AT: MIDDLE.pem, ISSUING_AT: ISSUING.der}


class Shelf:
    """Answers as a CA's web server would; remembers who asked for what."""

    def __init__(self, answers: dict[str, bytes]) -> None:
        self.answers, self.asked = answers, list[str]()

    def fetch(self, url: str) -> bytes:
        self.asked.append(url)
        if url not in self.answers:
            raise UnavailableError("issuer.unreachable", "No answer that can be used.")
        return self.answers[url]


def build(shelf: Shelf, *bag: Issued, trusted: Issued | None = ROOT) -> BuiltChain:
    roots = [trusted.certificate] if trusted else []
    wanted = partial(build_chain, at=pki.NOW, roots=roots)
    return build_with_fetching(wanted, [one.certificate for one in bag], shelf)


def test_one_after_the_other_is_fetched_up_to_the_trusted_root() -> None:
    shelf = Shelf(SHELF)
    chain = build(shelf, LEAF)
    assert shelf.asked == [ISSUING_AT, MIDDLE_AT]
    assert chain.pem() == LEAF.pem + ISSUING.pem + MIDDLE.pem
    fetched = [finding for finding in chain.findings if finding.code == "issuer_fetched"]
    assert [finding.subject for finding in fetched] == [ISSUING_AT, MIDDLE_AT]


def test_without_roots_the_root_is_fetched_too_and_said_to_be_the_bundles() -> None:
    shelf = Shelf(SHELF)
    chain = build(shelf, LEAF, trusted=None)
    assert shelf.asked == [ISSUING_AT, MIDDLE_AT, ROOT_AT]
    assert "anchor_from_bundle" in {finding.code for finding in chain.findings}


def test_nothing_is_fetched_when_nothing_is_missing() -> None:
    shelf = Shelf(SHELF)
    build(shelf, LEAF, ISSUING, MIDDLE)
    assert shelf.asked == []


@pytest.mark.parametrize(
    "answer", [None, b"<html>gone</html>", LEAF.der, ROOT.der[:90]], ids=range(4)
)
def test_an_address_that_gives_nothing_is_said(answer: bytes | None) -> None:
    shelf = Shelf({} if answer is None else {ISSUING_AT: answer})
    with pytest.raises(RefusedError) as refused:
        build(shelf, LEAF)
    assert shelf.asked == [ISSUING_AT]
    assert {"issuer_missing", "fetch_failed"} <= {f.code for f in refused.value.findings}


def test_a_fetched_stranger_gives_no_chain_and_no_end_of_fetching() -> None:
    other = issue(variant(pki.ISSUING), MIDDLE, pki.key("another generation"))
    with pytest.raises(RefusedError) as refused:
        build(Shelf({ISSUING_AT: other.der}), LEAF)
    assert "issuer_other_key" in {finding.code for finding in refused.value.findings}


def test_an_endless_line_of_issuers_ends() -> None:
    line = [issue(variant(pki.ROOT, name="CA 30"), None)]
    for number in range(29, -1, -1):
        address = f"http://ca.example.com/{number + 1}"
        recipe = variant(pki.ISSUING, name=f"CA {number}", aia=address)
        line.append(issue(recipe, line[-1]))
    leaf = issue(variant(pki.LEAF, aia="http://ca.example.com/0"), line[-1])
    answers = {f"http://ca.example.com/{30 - at}": one.der for at, one in enumerate(line)}
    shelf = Shelf(answers)
    with pytest.raises(RefusedError):
        build(shelf, leaf, trusted=None)
    assert len(shelf.asked) <= MAX_ROUNDS * MAX_ADDRESSES
