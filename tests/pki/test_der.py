"""The one repair, and that it leaves everything else alone (D47)."""

from __future__ import annotations

import base64

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from enlist.pki.der import without_null_parameters
from tests.fuzzing import effort
from tests.pki.samples import NULL_PARAMETERS, new_key, request_der

SPOILED = base64.b64decode("".join(NULL_PARAMETERS.split("\n")[1:-2]))
ECDSA_WITH_SHA256 = bytes.fromhex("06082a8648ce3d040302")


def test_the_null_is_gone_and_nothing_else() -> None:
    repaired = without_null_parameters(SPOILED)
    before = SPOILED[4:].replace(b"\x30\x0c" + ECDSA_WITH_SHA256 + b"\x05\x00", b"")
    after = repaired[4:].replace(b"\x30\x0a" + ECDSA_WITH_SHA256, b"")

    assert len(repaired) == len(SPOILED) - 2
    assert before == after
    assert x509.load_der_x509_csr(repaired).is_signature_valid


def test_the_same_bytes_elsewhere_stay() -> None:
    """A subject may spell the very algorithm that is repaired."""
    spelled = b"\x30\x0c" + ECDSA_WITH_SHA256 + b"\x05\x00"
    whole = request_der(new_key("p256"), "x" * len(spelled))
    at = whole.index(b"x" * len(spelled))
    tricky = whole[:at] + spelled + whole[at + len(spelled) :]

    assert without_null_parameters(tricky) == tricky


@pytest.mark.parametrize("size", [40, 110, 124, 125, 126, 127, 128, 129, 250, 255, 256, 400, 9000])
def test_lengths_are_encoded_anew(size: int) -> None:
    """Around 128 and 256 the length itself becomes shorter."""
    spoiled = sequence(
        sequence(b"\x04" * size) + sequence(ECDSA_WITH_SHA256 + b"\x05\x00") + b"\x03\x01\x00"
    )
    expected = sequence(sequence(b"\x04" * size) + sequence(ECDSA_WITH_SHA256) + b"\x03\x01\x00")

    assert without_null_parameters(spoiled) == expected


@pytest.mark.parametrize(
    "other",
    [
        request_der(new_key("p256")),
        request_der(new_key("rsa")),  # RSA's NULL belongs there
        request_der(new_key("ed25519")),
        SPOILED + b"\x00",
        SPOILED[:-1],
        b"",
        b"\x30",
        b"\x30\x80\x00\x00",
        b"\x30\xff",
    ],
)
def test_anything_else_comes_back_as_it_was(other: bytes) -> None:
    assert without_null_parameters(other) == other


@settings(**effort(100), deadline=None)
@given(st.integers(0, len(SPOILED)), st.integers(0, 4), st.binary(max_size=4))
def test_damage_does_no_harm(position: int, removed: int, added: bytes) -> None:
    damaged = SPOILED[:position] + added + SPOILED[position + removed :]
    assert len(without_null_parameters(damaged)) <= len(damaged)


def sequence(content: bytes) -> bytes:
    """DER by the book: short form below 128, else as few length bytes as will do."""
    if len(content) < 128:
        return b"\x30" + len(content).to_bytes(1, "big") + content
    octets = 1 if len(content) < 256 else 2
    return b"\x30" + bytes([0x80 + octets]) + len(content).to_bytes(octets, "big") + content
