"""A Merkle tree over the audit log: RFC 9162 section 2.1, with SHA-256.

The root of a tree of n leaves says what every one of them is and in which order they stand. Two
short lists of hashes make that useful: an *inclusion proof* shows that a leaf is in the tree, a
*consistency proof* that a tree is an older one with leaves added at its end.

A tree is thought of as *perfect subtrees*, each of 2^level leaves beginning at a multiple of that
number. They never change once they are full, so they can be kept; every root and every proof is
put together from a few of them. Whoever has them is a `Subtrees`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import Final

Hash = bytes
"""32 bytes: SHA-256 of a leaf or of two subtrees."""

Subtrees = Callable[[int, int], Hash]
"""Answers the hash of the perfect subtree number `position` of `2 ** level` leaves: (level,
position). Raises KeyError where there is none."""

EMPTY_ROOT: Final[Hash] = hashlib.sha256(b"").digest()
"""The root of the tree without leaves."""

_sha256 = hashlib.sha256


def leaf_hash(entry: bytes) -> Hash:
    """The hash of one entry; the first byte keeps a leaf from passing for a subtree."""
    return _sha256(b"\x00" + entry).digest()


def node_hash(left: Hash, right: Hash) -> Hash:
    """The hash of two subtrees that stand side by side."""
    return _sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: what is needed to add leaves and to tell the root.

    It holds one hash for each bit that is set in the size, so a log of any length can be walked
    through in constant memory.

    Args:
        size: how many leaves there are already.
        peaks: the roots of their perfect subtrees, largest first.
        on_full: is told of the perfect subtrees of two leaves or more that new leaves complete:
            level, position of the first, and the hashes of it and its neighbours in order.
    """

    def __init__(
        self,
        size: int = 0,
        peaks: Sequence[Hash] = (),
        on_full: Callable[[int, int, Sequence[Hash]], None] | None = None,
    ) -> None:
        if size.bit_count() != len(peaks):
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} peaks")
        self.size = size
        self._peaks = list(peaks)
        self._on_full = on_full

    def push(self, leaf: Hash) -> None:
        """Add a leaf at the end."""
        self.extend((leaf,))

    def extend(self, leaves: Sequence[Hash]) -> None:
        """Add leaves at the end, a level of the tree at a time: millions go through here."""
        row, position, level = list(leaves), self.size, 0
        self.size += len(row)
        single: list[Hash] = []
        while row:
            if position & 1:  # the first one's left neighbour waits among the peaks
                row.insert(0, self._peaks.pop())
            if len(row) & 1:
                single.append(row.pop())
            row = _above(row)
            position, level = position >> 1, level + 1
            if row and self._on_full is not None:
                self._on_full(level, position, row)
        self._peaks += reversed(single)

    def root(self) -> Hash:
        """The root of the tree as it is now."""
        if not self._peaks:
            return EMPTY_ROOT
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root


def peaks(size: int, subtrees: Subtrees) -> list[Hash]:
    """The perfect subtrees that `size` leaves fall into, largest first: what a `Frontier` needs."""
    found: list[Hash] = []
    begin = 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            found.append(subtrees(level, begin >> level))
            begin += 1 << level
    return found


def perfect_root(hashes: Sequence[Hash]) -> Hash:
    """The root of a perfect subtree from what stands one or more levels below it.

    Raises:
        ValueError: their number is no power of two.
    """
    if len(hashes).bit_count() != 1:
        raise ValueError(f"{len(hashes)} hashes make no perfect subtree")
    row = list(hashes)
    while len(row) > 1:
        row = _above(row)
    return row[0]


def _above(row: Sequence[Hash]) -> list[Hash]:
    """The hashes of neighbours two by two: the next level of the tree."""
    pairs = zip(row[::2], row[1::2], strict=True)
    return [_sha256(b"\x01" + left + right).digest() for left, right in pairs]


def root(size: int, subtrees: Subtrees) -> Hash:
    """The root of the first `size` leaves."""
    return _range_root(0, size, subtrees) if size else EMPTY_ROOT


def _range_root(begin: int, end: int, subtrees: Subtrees) -> Hash:
    """MTH(D[begin:end]), where `begin` is as the splitting of RFC 9162 leaves it."""
    count = end - begin
    if count.bit_count() == 1:
        return subtrees(count.bit_length() - 1, begin // count)
    middle = begin + _split(count)
    return node_hash(_range_root(begin, middle, subtrees), _range_root(middle, end, subtrees))


def _split(count: int) -> int:
    """The largest power of two smaller than `count`, for a count above one."""
    return 1 << ((count - 1).bit_length() - 1)


# --- proofs -----------------------------------------------------------------------------------


def inclusion_proof(index: int, size: int, subtrees: Subtrees) -> list[Hash]:
    """What with leaf `index` makes the root of `size` leaves (RFC 9162 section 2.1.3.1).

    Raises:
        ValueError: there is no such leaf in a tree of that size.
    """
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} in a tree of {size}")
    proof: list[Hash] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            proof.append(_range_root(middle, end, subtrees))
            end = middle
        else:
            proof.append(_range_root(begin, middle, subtrees))
            begin = middle
    proof.reverse()
    return proof


def consistency_proof(old: int, new: int, subtrees: Subtrees) -> list[Hash]:
    """What shows that the first `old` of `new` leaves are the old tree (section 2.1.4.1).

    Raises:
        ValueError: the old tree is empty or larger than the new one.
    """
    if not 0 < old <= new:
        raise ValueError(f"a tree of {new} cannot be proved to begin with one of {old}")
    proof: list[Hash] = []
    begin, end, whole = 0, new, True
    while old != end:
        middle = begin + _split(end - begin)
        if old <= middle:
            proof.append(_range_root(middle, end, subtrees))
            end = middle
        else:
            proof.append(_range_root(begin, middle, subtrees))
            begin, whole = middle, False
    if not whole:
        proof.append(_range_root(begin, end, subtrees))
    proof.reverse()
    return proof


def verify_inclusion(
    leaf: Hash, index: int, size: int, proof: Sequence[Hash], expected_root: Hash
) -> bool:
    """Whether the proof shows that `leaf` is number `index` of `size` (section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = node_hash(sibling, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and hmac.compare_digest(found, expected_root)


def verify_consistency(
    old: int, new: int, proof: Sequence[Hash], old_root: Hash, new_root: Hash
) -> bool:
    """Whether the proof shows that the new tree begins with the old one (section 2.1.4.2)."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not proof and hmac.compare_digest(old_root, new_root)
    path = list(proof)
    if old.bit_count() == 1:
        path.insert(0, old_root)
    if not path:
        return False
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    found_old = found_new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            found_old = node_hash(sibling, found_old)
            found_new = node_hash(sibling, found_new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found_new = node_hash(found_new, sibling)
        at, last = at >> 1, last >> 1
    return (
        last == 0
        and hmac.compare_digest(found_old, old_root)
        and hmac.compare_digest(found_new, new_root)
    )
