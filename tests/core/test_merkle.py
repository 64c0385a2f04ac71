"""RFC 9162 section 2.1: known trees, and what holds of every tree."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from enlist.core import merkle
from enlist.core.merkle import Frontier, Hash, leaf_hash, node_hash

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
"""The leaves with which implementations of Certificate Transparency are tested."""

ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""Their roots, by how many of them the tree has."""

LEAVES = [leaf_hash(entry) for entry in ENTRIES]


def mth(leaves: Sequence[Hash]) -> Hash:
    """The definition of section 2.1.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(mth(leaves[:split]), mth(leaves[split:]))


def subtrees(leaves: Sequence[Hash]) -> merkle.Subtrees:
    """The perfect subtrees of these leaves; none beyond their end."""

    def subtree(level: int, position: int) -> Hash:
        begin, end = position << level, (position + 1) << level
        if end > len(leaves):
            raise KeyError((level, position))
        return mth(leaves[begin:end])

    return subtree


def many(count: int) -> list[Hash]:
    return [leaf_hash(str(number).encode()) for number in range(count)]


def shorts(hashes: Sequence[Hash]) -> list[str]:
    return [found.hex()[:16] for found in hashes]


# --- known answers (S70) ----------------------------------------------------------------------


@pytest.mark.parametrize("size", range(9))
def test_the_roots_of_known_trees(size: int) -> None:
    """S70."""
    frontier = Frontier()
    for leaf in LEAVES[:size]:
        frontier.push(leaf)
    assert frontier.root().hex() == ROOTS[size]
    assert merkle.root(size, subtrees(LEAVES)).hex() == ROOTS[size]


def test_known_proofs() -> None:
    """S70."""
    reader = subtrees(LEAVES)
    assert shorts(merkle.inclusion_proof(2, 7, reader)) == [
        "07506a85fd9dd2f1",
        "fac54203e7cc696c",
        "837dbb152e9b0790",
    ]
    assert shorts(merkle.consistency_proof(3, 7, reader)) == [
        "0298d122906dcfc1",
        "07506a85fd9dd2f1",
        "fac54203e7cc696c",
        "837dbb152e9b0790",
    ]
    assert shorts(merkle.consistency_proof(6, 8, reader)) == [
        "0ebc5d3437fbe2db",
        "ca854ea128ed050b",
        "d37ee418976dd957",
    ]


def test_the_example_of_the_rfc() -> None:
    """RFC 9162 section 2.1.5: seven leaves, its inclusion and consistency proofs by name."""
    d = LEAVES[:7]
    a, b, c, e, f, j = d[0], d[1], d[2], d[4], d[5], d[6]
    g, h, i = node_hash(a, b), node_hash(c, d[3]), node_hash(e, f)
    k, ell = node_hash(g, h), node_hash(i, j)
    reader = subtrees(d)
    assert merkle.inclusion_proof(0, 7, reader) == [b, h, ell]
    assert merkle.inclusion_proof(3, 7, reader) == [c, g, ell]
    assert merkle.inclusion_proof(4, 7, reader) == [f, j, k]
    assert merkle.inclusion_proof(6, 7, reader) == [i, k]
    assert merkle.consistency_proof(3, 7, reader) == [c, d[3], g, ell]
    assert merkle.consistency_proof(4, 7, reader) == [ell]
    assert merkle.consistency_proof(6, 7, reader) == [i, j, k]


def test_a_leaf_cannot_pass_for_a_subtree() -> None:
    """Section 2.1.1: else two leaves could be exchanged for one."""
    left, right = LEAVES[0], LEAVES[1]
    assert leaf_hash(left + right) != node_hash(left, right)


# --- what holds of every tree -----------------------------------------------------------------

SIZES = st.integers(1, 300)


@given(SIZES)
def test_a_frontier_and_the_subtrees_agree_with_the_definition(size: int) -> None:
    leaves = many(size)
    frontier = Frontier()
    for leaf in leaves:
        frontier.push(leaf)
    assert frontier.size == size
    assert frontier.root() == mth(leaves) == merkle.root(size, subtrees(leaves))


@given(SIZES, st.data())
def test_every_leaf_can_be_proved(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaves = many(size)
    proof = merkle.inclusion_proof(index, size, subtrees(leaves))
    assert merkle.verify_inclusion(leaves[index], index, size, proof, mth(leaves))


@given(SIZES, st.data())
def test_no_other_leaf_size_or_proof_passes(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaves = many(size)
    whole = mth(leaves)
    proof = merkle.inclusion_proof(index, size, subtrees(leaves))
    assert not merkle.verify_inclusion(leaf_hash(b"other"), index, size, proof, whole)
    other = data.draw(st.integers(-2, size + 2))
    assume(other != index)
    assert not merkle.verify_inclusion(leaves[index], other, size, proof, whole)
    assert not merkle.verify_inclusion(leaves[index], index, size, [*proof, whole], whole)
    if proof:
        assert not merkle.verify_inclusion(leaves[index], index, size, proof[1:], whole)
        bad = list(proof)
        at = data.draw(st.integers(0, len(bad) - 1))
        bad[at] = leaf_hash(b"bad")
        assert not merkle.verify_inclusion(leaves[index], index, size, bad, whole)


@given(SIZES, st.data())
def test_every_older_tree_can_be_proved(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, size))
    leaves = many(size)
    proof = merkle.consistency_proof(old, size, subtrees(leaves))
    assert merkle.verify_consistency(old, size, proof, mth(leaves[:old]), mth(leaves))


@given(SIZES, st.data())
def test_no_other_past_can_be_proved(size: int, data: st.DataObject) -> None:
    """K8: a log whose past was rewritten does not follow from the older tree."""
    old = data.draw(st.integers(1, size))
    changed = data.draw(st.integers(0, old - 1))
    leaves = many(size)
    rewritten = list(leaves)
    rewritten[changed] = leaf_hash(b"rewritten")
    before, after = mth(leaves[:old]), mth(rewritten)
    proof = merkle.consistency_proof(old, size, subtrees(rewritten))
    assert not merkle.verify_consistency(old, size, proof, before, after)
    honest = merkle.consistency_proof(old, size, subtrees(leaves))
    assert not merkle.verify_consistency(old, size, honest, before, after)
    assert not merkle.verify_consistency(old, size, [*honest, before], before, mth(leaves))
    if honest:
        assert not merkle.verify_consistency(old, size, honest[:-1], before, mth(leaves))


@pytest.mark.parametrize(("old", "new"), [(0, 3), (4, 3), (-1, 3)])
def test_what_cannot_be_proved_is_said(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="cannot be proved"):
        merkle.consistency_proof(old, new, subtrees(LEAVES))
    assert not merkle.verify_consistency(old, new, [], mth(LEAVES[:3]), mth(LEAVES[:3]))


@pytest.mark.parametrize("index", [-1, 3, 4])
def test_a_leaf_that_is_not_there_is_said(index: int) -> None:
    with pytest.raises(ValueError, match="no leaf"):
        merkle.inclusion_proof(index, 3, subtrees(LEAVES))
    assert not merkle.verify_inclusion(LEAVES[0], index, 3, [], mth(LEAVES[:3]))


@given(SIZES, st.integers(1, 300), st.data())
def test_a_frontier_goes_on_where_it_was_left(size: int, more: int, data: st.DataObject) -> None:
    """As the sealer does after a restart: from the peaks of what is there, by many or by one."""
    leaves = many(size + more)
    reader = subtrees(leaves)
    full: dict[tuple[int, int], Hash] = {}

    def keep(level: int, position: int, found: Sequence[Hash]) -> None:
        for at, node in enumerate(found, position):
            assert (level, at) not in full
            full[level, at] = node

    frontier = Frontier(size, merkle.peaks(size, reader), keep)
    first = data.draw(st.integers(0, more))
    frontier.extend(leaves[size : size + first])
    for leaf in leaves[size + first :]:
        frontier.push(leaf)
    assert frontier.root() == mth(leaves)
    assert full == {
        (level, position): reader(level, position)
        for level in range(1, 10)
        for position in range(size >> level, (size + more) >> level)
    }


def test_a_frontier_without_its_peaks_is_refused() -> None:
    with pytest.raises(ValueError, match="peaks"):
        Frontier(3, [LEAVES[0]])


def test_only_a_power_of_two_is_perfect() -> None:
    assert merkle.perfect_root(LEAVES) == mth(LEAVES)
    with pytest.raises(ValueError, match="perfect"):
        merkle.perfect_root(LEAVES[:3])
