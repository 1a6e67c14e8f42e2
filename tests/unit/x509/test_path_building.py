"""Puzzles of cross-signed certificates: a way out is always found, and never where none is."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealwire.errors import RefusedError
from sealwire.x509.chain import build_chain
from sealwire.x509.keys import key_id
from tests import graphs, pki

if TYPE_CHECKING:
    from cryptography import x509

PUZZLES = {puzzle.name: puzzle for puzzle in graphs.puzzles(pki.NOW)}


def solve(puzzle: graphs.Puzzle, *, strict: bool = False) -> tuple[x509.Certificate, ...]:
    chain = build_chain(
        puzzle.bag, at=pki.NOW, roots=[puzzle.root], host=graphs.HOST, strict=strict
    )
    return chain.path


def test_there_are_puzzles_of_both_kinds() -> None:
    solvable = [puzzle for puzzle in PUZZLES.values() if puzzle.solvable]
    assert len(solvable) > 45
    assert len(PUZZLES) - len(solvable) > 36


@pytest.mark.parametrize("name", PUZZLES)
def test_a_way_out_is_found_if_and_only_if_there_is_one(name: str) -> None:
    check(PUZZLES[name])


def check(puzzle: graphs.Puzzle) -> None:
    if not puzzle.solvable:
        for strict in (False, True):
            with pytest.raises(RefusedError) as refused:
                solve(puzzle, strict=strict)
            assert any(finding.severity == "error" for finding in refused.value.findings)
        return
    path = solve(puzzle)
    assert path[0] == puzzle.leaf
    assert path[-1] == puzzle.root
    assert len({(one.subject, key_id(one.public_key())) for one in path}) == len(path)
    for below, above in pairwise(path):
        below.verify_directly_issued_by(above)
    assert solve(puzzle, strict=True) == path


ENTITIES = ["ROOT", "A", "A'", "B", "C", "D"]
EDGES = st.tuples(st.sampled_from(ENTITIES), st.sampled_from(ENTITIES[1:]))


@settings(max_examples=200)
@given(st.dictionaries(EDGES, st.sampled_from(["", "", *graphs.FAULTS]), max_size=14), st.data())
def test_random_bags_are_solved_the_same_in_any_order(
    edges: dict[graphs.Edge, str], data: st.DataObject
) -> None:
    puzzle = graphs.random_puzzle(edges, pki.NOW)
    check(puzzle)
    if puzzle.solvable:
        shuffled = tuple(data.draw(st.permutations(puzzle.bag)))
        other = graphs.Puzzle("shuffled", puzzle.root, puzzle.leaf, shuffled, solvable=True)
        assert solve(other) == solve(puzzle)
