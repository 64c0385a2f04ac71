"""Signed notes, as C2SP has them: what others signed can be read, what was changed cannot."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enlist.pki.notes import NotSigned, Signer, open_note, read_verifier, split_notes

# The example of C2SP signed-note.
EXAMPLE_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
EXAMPLE_BODY = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
EXAMPLE = (
    EXAMPLE_BODY + "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdng"
    "otpRZb6KE6RyyBwJnAM=\n"
)
SIGNER = Signer.of_seed("enlist/one", "k1", bytes(range(32)))
OTHER = Signer.of_seed("enlist/one", "k2", bytes(range(1, 33)))
BODY = "enlist/one\n5\nroot\n"


def test_the_example_of_the_format_is_read() -> None:
    """S73: by anybody who knows the format and the public key."""
    key = read_verifier(EXAMPLE_KEY)
    assert (key.name, key.hash.hex(), str(key)) == ("PeterNeumann", "c74f20a3", EXAMPLE_KEY)
    assert open_note(EXAMPLE, [key]) == EXAMPLE_BODY


def test_what_is_signed_is_opened_by_the_public_key_alone() -> None:
    """S73."""
    note = SIGNER.sign(BODY)
    key = read_verifier(str(SIGNER.verifier))
    assert open_note(note, [key]) == BODY
    assert open_note(note, [OTHER.verifier, key]) == BODY


def test_one_of_several_signatures_is_enough() -> None:
    """A witness may add his own."""
    cosigned = SIGNER.sign(BODY) + OTHER.sign(BODY).partition("\n\n")[2]
    for signer in (SIGNER, OTHER):
        assert open_note(cosigned, [signer.verifier]) == BODY


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(NotSigned, match="none of this installation's"):
        open_note(OTHER.sign(BODY), [SIGNER.verifier])
    renamed = Signer.of_seed("enlist/two", "k1", bytes(range(32)))
    with pytest.raises(NotSigned, match="none of this installation's"):
        open_note(renamed.sign(BODY), [SIGNER.verifier])


@given(st.integers(0, len(SIGNER.sign(BODY)) - 1), st.characters(exclude_characters="\r"))
def test_a_changed_note_is_not_opened(at: int, letter: str) -> None:
    """S73: whichever letter it is, unless it is the same."""
    note = SIGNER.sign(BODY)
    changed = note[:at] + letter + note[at + 1 :]
    try:
        assert open_note(changed, [SIGNER.verifier]) == BODY
    except (NotSigned, UnicodeEncodeError):
        assert changed != note


@pytest.mark.parametrize(
    "text",
    ["", "\n\n", "text", "text\n\n", "text\n\n— name", "text\n\nname AAAA\n", "a\n\n— b !!!\n"],
)
def test_what_is_no_note_is_refused(text: str) -> None:
    with pytest.raises(NotSigned):
        open_note(text, [SIGNER.verifier])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+c74f20a3",
        "name+c74f20a3+!!",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+AhpcZQcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc",
    ],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="verifier key"):
        read_verifier(text)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("between", ["", "\n", "\n\n\n"])
def test_notes_that_stand_in_one_file_are_told_apart(end: str, between: str) -> None:
    """Added one by one with `>>`, or copied from the data folder."""
    notes = [SIGNER.sign(f"enlist/one\n{size}\nroot\n") for size in range(3)]
    text = between.join(notes).replace("\n", end)
    assert list(split_notes(text)) == notes
    assert list(split_notes(f"{end}{text}{end}")) == notes
    assert list(split_notes(notes[0])) == notes[:1]


def test_what_is_no_note_is_not_passed_over() -> None:
    """Else a damaged file would look like one that holds nothing against the log."""
    note = SIGNER.sign(BODY)
    assert list(split_notes("one\n\ntwo\n\n\n")) == ["one\n\ntwo\n"]
    assert list(split_notes(f"{note}half a no")) == [note, "half a no\n"]
    assert list(split_notes("\n")) == []
