"""Reading requests: what is tolerated, and that nothing ever raises (S47, D48)."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_public_key
from hypothesis import given, settings
from hypothesis import strategies as st

from enlist.core.outcomes import Refusal
from enlist.pki.authority import Authority
from enlist.pki.csr import MOST_BYTES, check, parse
from enlist.pki.keys import spki_digest, to_pem
from tests.fuzzing import effort
from tests.pki.samples import NULL_PARAMETERS, OpenSsl, pem_of, read, request_der
from tests.work import work_of

KEY = ec.generate_private_key(ec.SECP256R1())
DER = request_der(KEY)
PEM = pem_of(DER)


def refused(data: bytes | str) -> str:
    """The sentence with which `data` is refused."""
    found = parse(data)
    assert isinstance(found, Refusal), "was accepted"
    assert found.code == "csr_invalid"
    assert found.detail
    assert found.detail.endswith(".")
    return found.detail


@pytest.mark.parametrize(
    "data",
    [
        DER,
        PEM,
        PEM.encode(),
        PEM.replace("\n", "\r\n"),
        PEM.replace("\n", " "),
        f"\n \t{PEM}\r\n\n",
        PEM.rstrip(),
        PEM.replace("CERT", "NEW CERT"),
    ],
    ids=["der", "text", "pem", "crlf", "one line", "white space", "no final newline", "new"],
)
def test_one_request_is_read_however_it_was_wrapped(data: bytes | str) -> None:
    found = read(data)

    assert found.spki_digest == spki_digest(KEY.public_key())
    assert found.request.public_bytes(Encoding.DER) == DER
    assert check(found) is None


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "empty"),
        (" \n", "empty"),
        ("hello", "no certificate request"),
        ("\ud800", "no certificate request"),
        (PEM + PEM, "one PEM block"),
        (PEM[:200] + "\0" + PEM[200:], "one PEM block"),
        (PEM[:200] + "!" + PEM[200:], "one PEM block"),
        (PEM.replace("\n", "\nProc-Type: 4,ENCRYPTED\n", 1), "one PEM block"),
        (f"Subject: CN=me\n{PEM}", "no certificate request"),
        (f"{PEM}trailing", "no certificate request"),
        (f"\0{PEM}", "no certificate request"),
        (f"{PEM}\0", "no certificate request"),
        (PEM[:-5], "no certificate request"),
        (base64.b64encode(DER), "no certificate request"),
        (PEM.replace("END CERT", "END NEW CERT"), "no certificate request"),
        (DER + b"\n", "damaged"),
        (DER[:-1], "damaged"),
        (b"0\x80" + DER[2:], "damaged"),
        (DER.replace(b"\x02\x01\x00", b"\x02\x01\x02", 1), "damaged"),  # version 3
        (b"0" * MOST_BYTES, "damaged"),
        (b"0" * (MOST_BYTES + 1), "16 KiB"),
        (" " * MOST_BYTES + PEM, "16 KiB"),
        (to_pem(KEY), "private key"),
        (to_pem(KEY).decode() + PEM, "private key"),
    ],
)
def test_anything_else_is_refused_with_a_reason(data: bytes | str, told: str) -> None:
    assert told in refused(data)


def test_a_certificate_is_no_request(authority: Authority) -> None:
    assert "is a certificate" in refused(authority.issuing_pem)


def test_a_point_off_the_curve_is_no_key() -> None:
    at = DER.index(b"\x00\x04") + 2
    broken = DER[:at] + bytes(64) + DER[at + 64 :]

    assert "key" in refused(broken)


def test_the_same_key_in_another_request_has_the_same_digest() -> None:
    other = read(request_der(KEY, "another name"))

    assert other.request.subject != read(DER).request.subject
    assert other.spki_digest == read(DER).spki_digest
    assert (
        other.spki_digest != read(request_der(ec.generate_private_key(ec.SECP256R1()))).spki_digest
    )


def test_a_compressed_point_is_the_same_key(openssl: OpenSsl, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(to_pem(KEY))
    openssl("ec", "-in", "key.pem", "-conv_form", "compressed", "-out", "compressed.pem")
    made = openssl("req", "-new", "-key", "compressed.pem", "-subj", "/CN=x", "-outform", "DER")
    found = read(made.stdout)

    assert len(made.stdout) < len(DER)
    assert found.spki_digest == read(DER).spki_digest


def test_null_parameters_of_an_older_client_are_forgiven(openssl: OpenSsl) -> None:
    found = read(NULL_PARAMETERS)
    theirs = openssl("req", "-pubkey", "-noout", "-verify", stdin=NULL_PARAMETERS.encode())

    assert check(found) is None
    assert load_pem_public_key(theirs.stdout) == found.public_key


def test_null_parameters_do_not_excuse_a_wrong_signature() -> None:
    broken = NULL_PARAMETERS.replace("x8GezQgn9A", "x8GezQgn8A")
    problem = check(read(broken))

    assert problem is not None
    assert "signature" in problem.detail


SLOWEST = 1.0
"""Seconds of processor time that nothing may take to refuse."""
RSA_DER = request_der(rsa.generate_private_key(65537, 2048))
SAMPLES = st.sampled_from(
    [
        DER,
        RSA_DER,
        PEM.encode(),
        base64.b64decode("".join(NULL_PARAMETERS.split("\n")[1:-2])),
    ]
)
EDITS = st.lists(
    st.tuples(st.integers(0, 1200), st.integers(0, 3), st.binary(max_size=6)),
    min_size=1,
    max_size=4,
)


def edit(data: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    for position, removed, added in edits:
        at = position % (len(data) + 1)
        data = data[:at] + added + data[at + removed :]
    return data


@settings(**effort(400))
@given(st.one_of(st.binary(max_size=600), st.text(max_size=300), st.binary().map(b"0\x82".__add__)))
def test_no_bytes_make_it_raise(data: bytes | str) -> None:
    found, seconds = work_of(lambda: parse(data))
    assert isinstance(found, Refusal) or check(found) is None or check(found)
    assert seconds < SLOWEST


@settings(**effort(400))
@given(SAMPLES, EDITS)
def test_no_damage_makes_it_raise_or_changes_the_key(
    sample: bytes, edits: list[tuple[int, int, bytes]]
) -> None:
    whole = read(sample)
    found, seconds = work_of(lambda: parse(edit(sample, edits)))
    assert seconds < SLOWEST

    if isinstance(found, Refusal):
        assert found.detail
    elif check(found) is None:
        assert found.spki_digest == whole.spki_digest, "proved a key that nobody holds"
