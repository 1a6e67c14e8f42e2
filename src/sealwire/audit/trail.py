"""RFC 6962 Merkle trees over trails: leaf and node hashes, the compact range, proofs.

Everything here is pure. Hashes are 32 bytes of SHA-256; indexes count from 0.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from sealwire.audit.ports import TrailHead
from sealwire.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
EMPTY_HEAD: Final = TrailHead(0, ())


def leaf_hash(data: bytes) -> bytes:
    """Hash of an entry (RFC 6962 section 2.1)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node (RFC 6962 section 2.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def append_leaf(head: TrailHead, leaf: bytes) -> TrailHead:
    """The head after one more leaf; ``leaf`` is a leaf hash."""
    peaks = list(head.frontier)
    node = leaf
    size = head.size
    # Each trailing 1-bit of the size is a complete subtree as large as the one in hand.
    while size & 1:
        node = node_hash(peaks.pop(), node)
        size >>= 1
    return TrailHead(head.size + 1, (*peaks, node), head.log)


def root(head: TrailHead) -> bytes:
    """Root hash of the tree that ``head`` describes."""
    if not head.frontier:
        return EMPTY_ROOT
    *peaks, node = head.frontier
    for peak in reversed(peaks):
        node = node_hash(peak, node)
    return node


def head_of(leaves: Iterable[bytes]) -> TrailHead:
    """The head over these leaf hashes, computed from nothing."""
    head = EMPTY_HEAD
    for leaf in leaves:
        head = append_leaf(head, leaf)
    return head


def inclusion_proof(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """PATH(index, leaves) of RFC 6962 section 2.1.1, from the leaf up.

    Raises RefusedError ``proof.range`` when there is no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise RefusedError("proof.range", "The tree has no leaf of that index.")
    path: list[bytes] = []
    low, high = 0, len(leaves)
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(root(head_of(leaves[middle:high])))
            high = middle
        else:
            path.append(root(head_of(leaves[low:middle])))
            low = middle
    return tuple(reversed(path))


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> tuple[bytes, ...]:
    """PROOF(old_size, leaves) of RFC 6962 section 2.1.2.

    Raises RefusedError ``proof.range`` unless 0 < old_size <= number of leaves.
    """
    if not 0 < old_size <= len(leaves):
        raise RefusedError("proof.range", "The older size must be 1 to the newer size.")
    path: list[bytes] = []
    low, high, whole = 0, len(leaves), True
    while old_size < high:
        middle = low + _split(high - low)
        if old_size <= middle:
            path.append(root(head_of(leaves[middle:high])))
            high = middle
        else:
            path.append(root(head_of(leaves[low:middle])))
            low, whole = middle, False
    if not whole:
        path.append(root(head_of(leaves[low:high])))
    return tuple(reversed(path))


def _split(size: int) -> int:
    """The largest power of two below ``size``, which is at least 2."""
    return 1 << ((size - 1).bit_length() - 1)


def check_inclusion(
    leaf: bytes, *, index: int, size: int, proof: Sequence[bytes], expected_root: bytes
) -> None:
    """Check that ``leaf`` is leaf ``index`` of the tree (RFC 9162 section 2.1.3.2).

    Raises RefusedError ``proof.invalid``.
    """
    if not 0 <= index < size:
        raise _invalid("the index lies outside the tree")
    _check_hashes(leaf, expected_root, *proof)
    node, position, last = leaf, index, size - 1
    for step in proof:
        if last == 0:
            raise _invalid("it is too long")
        if position & 1 or position == last:
            node = node_hash(step, node)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            node = node_hash(node, step)
        position, last = position >> 1, last >> 1
    if last != 0 or node != expected_root:
        raise _invalid("it does not lead to the root")


def check_consistency(
    *, old_size: int, old_root: bytes, size: int, expected_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the older tree is the beginning of the newer one (RFC 9162 section 2.1.4.2).

    Raises RefusedError ``proof.invalid``; an older size of 0 proves nothing and is refused.
    """
    if not 0 < old_size <= size:
        raise _invalid("the older size must be 1 to the newer size")
    _check_hashes(old_root, expected_root, *proof)
    if old_size == size:
        if proof or old_root != expected_root:
            raise _invalid("one size must have one root and needs no proof")
        return
    steps = list(proof)
    # A complete older tree is itself the first node of the way up.
    if old_size & (old_size - 1) == 0:
        steps.insert(0, old_root)
    if not steps:
        raise _invalid("it is empty")
    if _climb(steps, old_size - 1, size - 1) != (old_root, expected_root):
        raise _invalid("it does not lead to both roots")


def _climb(steps: list[bytes], position: int, last: int) -> tuple[bytes, bytes]:
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = steps[0]
    for step in steps[1:]:
        if last == 0:
            raise _invalid("it is too long")
        if position & 1 or position == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new = node_hash(new, step)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise _invalid("it is too short")
    return old, new


def _check_hashes(*hashes: bytes) -> None:
    if any(len(value) != HASH_BYTES for value in hashes):
        raise _invalid(f"every hash has {HASH_BYTES} bytes")


def _invalid(reason: str) -> RefusedError:
    return RefusedError("proof.invalid", f"The proof does not hold: {reason}.")
