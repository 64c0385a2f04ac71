"""Secrets: their shapes, their chances, and vectors that no change may move."""

from __future__ import annotations

import hmac
import re
import time
from collections import Counter
from collections.abc import Callable

import pytest

from enlist.core import secrets
from enlist.core.secrets import (
    ALPHABETS,
    BASE20,
    BASE58,
    BASE62,
    Key,
    KeyRing,
    Kind,
    Secret,
    by_chance,
    code_digest_input,
    entropy_bits,
    fingerprint,
    new_code,
    new_key,
    new_machine_secret,
    parse_code,
    parse_locator,
    parse_machine_secret,
    random_letters,
    random_secret,
    support_code,
    wellformed_token,
)

ENROLLMENT = "0197a2c4-77aa-7c3e-8a51-0123456789ab"
LOOKUP = Key("l1", bytes(range(32)))
DERIVE = Key("d1", bytes(range(32, 64)))
RING = KeyRing((LOOKUP,), (DERIVE,))

MACHINE_VECTORS = {
    "enk": "enk_0123456789AB_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA_1Gabzo",
    "enl": "enl_0123456789AB_abcdefghijklmnopqrstuvwxyzABCDEF_1Od0WQ",
}
TOKEN_VECTORS = {
    (1, 10, "base58"): "qisJe2ft7m",
    (2, 10, "base58"): "Ji9KgLaz9M",
    (1, 6, "base58"): "qisJe2",
    (1, 20, "base58"): "qisJe2ft7mYXXUXnZo1K",
    (1, 20, "full62"): "ebo9oPpUhuaJIMFQXKgs",
    (1000, 20, "base58"): "kqswD94ba7GWQHpZV7Dw",
    (1, 36, "uuid4"): "9d090337-8e03-4632-bf46-26bd846726ca",
    (2, 36, "uuid4"): "ae0946c7-ec99-4d8d-a686-9e234b5aa973",
}
"""Every token that is out was made like this: a change that moves one of them kills them all."""
PASSWORD_VECTORS = {(1, 8): "RPJVGCGC", (2, 8): "PBWLWLTK", (1, 12): "RPJVGCGCBHLX"}
DIGEST_VECTORS = {
    Kind.REGISTRATION_TOKEN: "056791b5b9b76624d6cfe132c0860c87799e94857a1caf8c2659eaded3f150a6",
    Kind.ONE_TIME_JWT: "1e440ceea2792252bed55895443a9b6556f5350be87809819fc04954972a3208",
    Kind.ONE_TIME_PASSWORD: "7b78c02a364134152a6aa90bf857394f8588eea98710f6857385555dcf51faa0",
    Kind.ATTEMPT_CODE: "8ed13731fe23248ce1cc5f33d2db21782d08c332e6718366f22c220dccb273cf",
    Kind.API_KEY: "97fd989210606014b0da3fda11746415f6736ef746ec4a4a4ad103df190b4c4b",
    Kind.API_SESSION: "23fa0631652a1c6a637cba53514ba3495bc397dc34b8726d2e7e4322d2a8cc94",
    Kind.SIGN_IN: "10829c12bbc0f2a0b246745d523a1eac45f39b8ba62c5e4b39bb1209bd569dac",
    Kind.SIGN_IN_STEP: "f99581fd19cc6831cf7760a519e53d043e8fbac9bcd72ae36ca0b3f309f6d626",
    Kind.RECOVERY_CODE: "07de4fd66fadcc23e714912975386d4d1d3baacbd6efcba253276e946b35e7c6",
    Kind.SETUP_LINK: "56eab6309dbe3d560f3767f85993081b936f57da40393bed30c058e54bbeded9",
    Kind.RECOVERY_LINK: "4dc363e1d83c8004fe6cf1add52e7442475344f94843cfcc45ef2786a4e97368",
    Kind.PASSWORD_LINK: "3d5bd245a0e1f97d4c0bf5a1227bc3c089dcee7c32a613ef850c9b6bde366a6b",
    Kind.PASSCODE: "f1be9ffe4647550da6ed194bac366a7d3de019f6d7ff2719b69f47cdebf95988",
    Kind.PROOF_LINK: "70f81f5dc29c98845c6f95fa6f273661262393d7ff2b7c9d30fe72208198b192",
    Kind.FORM: "c33c16fab99835b1ba7447c6b28e5a2650cc3ce0fe86edfe235c4f8a0fb49e69",
    Kind.IDEMPOTENCY: "85b7adf3eb6e4388026ee2a3ae66ba30929b28c3fb9afec2d7fa1a7b31fc5ef4",
    Kind.USERNAME: "5eb5937fb65af18fdc83d3419f36e03b668121c021762ef930257c1ee88d479a",
    Kind.DELIVERY_REPORT: "3eac4f169582ebdf53080170de80ae1941786e9afbcd46a2c52d1c744ca49cdc",
}


def uneven(letters: str, alphabet: str) -> float:
    """How far the letters are from equally likely, in standard deviations of chi squared."""
    expected = len(letters) / len(alphabet)
    found = Counter(letters)
    assert set(found) <= set(alphabet)
    chi = sum((found[letter] - expected) ** 2 / expected for letter in alphabet)
    freedom = len(alphabet) - 1
    return float((chi - freedom) / (2 * freedom) ** 0.5)


# --- machine secrets --------------------------------------------------------------------------


@pytest.mark.parametrize(("prefix", "text"), MACHINE_VECTORS.items())
def test_machine_secrets_follow_their_vectors(prefix: str, text: str) -> None:
    """S01."""
    parsed = parse_machine_secret(prefix, text)
    assert parsed is not None
    assert (parsed.prefix, parsed.id, parsed.text.reveal()) == (prefix, "0123456789AB", text)
    assert parse_machine_secret("enx", text) is None


def test_ten_thousand_machine_secrets_are_whole_and_distinct() -> None:
    """S01: shape, checksum, no two alike."""
    made = [new_machine_secret("enk") for _ in range(10_000)]
    shape = re.compile(r"enk_[0-9A-Za-z]{12}_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}")
    for each in made:
        assert shape.fullmatch(each.text.reveal())
        assert parse_machine_secret("enk", each.text.reveal()) == each
    assert len({each.id for each in made}) == 10_000
    assert len({each.text.reveal().split("_")[2] for each in made}) == 10_000


def test_a_mistyped_machine_secret_is_noticed_without_looking_it_up() -> None:
    """S03: every change of one character, and every swap of neighbours."""
    text = MACHINE_VECTORS["enk"].replace("A" * 32, BASE62[10:42])
    body = text.rpartition("_")[0]
    text = f"{body}_{secrets._checksum(body)}"
    assert parse_machine_secret("enk", text) is not None
    for place in range(4, len(text)):
        for letter in ("0", "z", "_", "-", "é"):
            mistyped = f"{text[:place]}{letter}{text[place + 1 :]}"
            assert (parse_machine_secret("enk", mistyped) is None) == (mistyped != text)
        swapped = f"{text[: place - 1]}{text[place]}{text[place - 1]}{text[place + 1 :]}"
        assert (parse_machine_secret("enk", swapped) is None) == (swapped != text)
    for other in (text[:-1], f"{text}a", f" {text}", "", "enk", "_" * len(text)):
        assert parse_machine_secret("enk", other) is None


# --- registration tokens ----------------------------------------------------------------------


@pytest.mark.parametrize(("what", "token"), TOKEN_VECTORS.items())
def test_derived_tokens_follow_their_vectors(what: tuple[int, int, str], token: str) -> None:
    """S29, A17: same enrollment and generation, same token, on every process and version."""
    generation, length, alphabet = what
    made = RING.derive_token(ENROLLMENT, generation, length, alphabet)
    assert made.secret.reveal() == token
    assert (made.key_id, made.kdf_version, made.length, made.alphabet) == (
        "d1",
        1,
        length,
        alphabet,
    )
    assert RING.derive_again(ENROLLMENT, generation, "d1", length, alphabet) == made.secret


@pytest.mark.parametrize(("what", "password"), PASSWORD_VECTORS.items())
def test_one_time_passwords_follow_their_vectors(what: tuple[int, int], password: str) -> None:
    """S29, B14: derived from what no token is derived from, though both are for one enrollment."""
    generation, length = what
    made = RING.derive_password(ENROLLMENT, generation, length)
    assert (made.secret.reveal(), made.key_id) == (password, "d1")
    assert RING.derive_password_again(ENROLLMENT, generation, "d1", length) == made.secret
    assert RING.derive_token(ENROLLMENT, generation, length, "base20").secret != made.secret


@pytest.mark.parametrize(
    ("typed", "letters"),
    [
        ("BCDFGHJK@acme", "BCDFGHJK"),
        (" bcdf-ghjk@acme ", "BCDFGHJK"),
        ("BCDFGHJK", None),
        ("BCDFGHJK@", None),
        ("BCDFGHJ@acme", None),
        ("ada@acme", None),
        ("BCDFGHJA@acme", None),
        ("", None),
    ],
)
def test_the_user_name_of_one_time_credentials_is_known_by_its_shape(
    typed: str, letters: str | None
) -> None:
    assert parse_locator(typed) == letters


def test_ten_thousand_tokens_are_alphanumeric_and_distinct() -> None:
    """A05, A72: of the length asked for, from 6 to 20."""
    made = [
        RING.derive_token(f"{ENROLLMENT}{number}", 1, 6 + number % 15).secret.reveal()
        for number in range(10_000)
    ]
    for number, token in enumerate(made):
        assert re.fullmatch(rf"[A-Za-z0-9]{{{6 + number % 15}}}", token)
    assert len(set(made)) > 9_990


def test_nothing_but_key_enrollment_and_generation_makes_a_token() -> None:
    """S29: another of any of the three is another token."""
    other = KeyRing((LOOKUP,), (Key("d1", bytes(32)),))
    first = RING.derive_token(ENROLLMENT, 1, 20).secret
    assert first != RING.derive_token(ENROLLMENT, 2, 20).secret
    assert first != RING.derive_token(ENROLLMENT[::-1], 1, 20).secret
    assert first != other.derive_token(ENROLLMENT, 1, 20).secret
    # "1" after the id and "1" at its end must not read alike.
    assert RING.derive_token("a1", 1, 20).secret != RING.derive_token("a", 11, 20).secret


def test_a_token_whose_key_is_gone_is_not_guessed() -> None:
    """S29: a missing key is a fault that says what to do."""
    with pytest.raises(KeyError, match="d0 is missing; restore"):
        RING.derive_again(ENROLLMENT, 1, "d0", 10, "base58")


def test_keys_rotate() -> None:
    """S06: new rows under the newest key; older rows are found and derived under theirs."""
    newer = KeyRing((Key("l2", bytes(32)), LOOKUP), (Key("d2", bytes(32)), DERIVE))
    secret = Secret("abc")
    assert newer.digest(Kind.API_KEY, secret).key_id == "l2"
    assert RING.digest(Kind.API_KEY, secret).value in newer.digests(Kind.API_KEY, secret)
    assert newer.derive_token(ENROLLMENT, 1, 10).key_id == "d2"
    again = newer.derive_again(ENROLLMENT, 1, "d1", 10, "base58")
    assert again.reveal() == TOKEN_VECTORS[1, 10, "base58"]


@pytest.mark.parametrize("kind", Kind)
def test_digests_follow_their_vectors(kind: Kind) -> None:
    """S11: the kind is part of the digest; a changed word would lose every row."""
    assert RING.digest(kind, Secret("abc")).value.hex() == DIGEST_VECTORS[kind]
    assert RING.digests(kind, Secret("abc")) == (RING.digest(kind, Secret("abc")).value,)


def test_sealing_keys_follow_their_vector() -> None:
    """S29: another one could open nothing that was sealed; it tells no key and no token."""
    key = RING.sealing_key("totp")
    assert (key.id, key.material.hex()) == (
        "d1",
        "6ba8f97e792396c3ec7bc3dc58d19bd3600ee508dc6d602144743e600aaec85f",
    )
    assert RING.sealing_key("other").material != key.material
    with pytest.raises(KeyError, match="d0 is missing; restore"):
        RING.sealing_key("totp", "d0")


@pytest.mark.parametrize("alphabet", sorted(ALPHABETS))
def test_derived_letters_are_equally_likely(alphabet: str) -> None:
    """S02: a million letters; a remainder without rejection would stand out by far."""
    letters = secrets._letters(DERIVE, ENROLLMENT, 1, 1_000_000, ALPHABETS[alphabet])
    assert uneven(letters, ALPHABETS[alphabet]) < 6
    biased = "".join(ALPHABETS[alphabet][n % len(ALPHABETS[alphabet])] for n in range(256)) * 4000
    assert uneven(biased, ALPHABETS[alphabet]) > 100


@pytest.mark.parametrize("alphabet", [BASE58, BASE62, BASE20])
def test_random_letters_are_equally_likely(alphabet: str) -> None:
    """S02: a million letters."""
    drawn = "".join(random_letters(20, alphabet) for _ in range(50_000))
    assert uneven(drawn, alphabet) < 8


def test_how_hard_a_token_is_to_guess() -> None:
    """X20, S08: shown beside the setting."""
    assert [round(entropy_bits(length), 1) for length in (6, 10, 20)] == [35.1, 58.6, 117.2]
    assert round(entropy_bits(6, "full62"), 1) == 35.7


# --- typed codes ------------------------------------------------------------------------------


def test_codes_are_grouped_and_have_a_check_letter() -> None:
    """S09: eight letters that cannot be misread, and one that checks them."""
    for _ in range(1_000):
        text = new_code().reveal()
        assert re.fullmatch(f"[{BASE20}]{{4}}-[{BASE20}]{{4}}-[{BASE20}]", text)
        assert parse_code(text) == text.replace("-", "")
        assert parse_code(support_code()) is not None


def test_people_may_type_a_code_as_they_like() -> None:
    """S09: and its digest is the same."""
    text = new_code().reveal()
    plain = text.replace("-", "")
    for typed in (plain, text.lower(), f" {text} ", text.replace("-", " . "), "\n".join(plain)):
        assert parse_code(typed) == plain
        assert code_digest_input(typed) == Secret(plain)


def test_a_slip_in_a_code_is_noticed() -> None:
    """S09: every wrong letter, and all but one swap of neighbours in every forty."""
    missed = swaps = 0
    for _ in range(50):
        code = new_code().reveal().replace("-", "")
        for place in range(9):
            for letter in set(BASE20) - {code[place]}:
                assert parse_code(f"{code[:place]}{letter}{code[place + 1 :]}") is None
        for place in range(8):
            swapped = f"{code[:place]}{code[place + 1]}{code[place]}{code[place + 2 :]}"
            if swapped != code:
                swaps += 1
                missed += parse_code(swapped) is not None
    assert missed <= swaps / 20


@pytest.mark.parametrize("text", ["", "BCDF", "BCDF-GHJK", "A" * 9, "BCDF-GHJK-LL", "é" * 9])
def test_what_is_no_code(text: str) -> None:
    """S09."""
    assert parse_code(text) is None


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("abcdef", "abcdef"),
        (" ab-cd ef\t", "abcdef"),
        ("ab\u2011cd\u00a0ef", "abcdef"),
        ("a" * 20, "a" * 20),
        ("abcde", None),
        ("a" * 21, None),
        ("abcde\u0301f", None),
        ("абвгде", None),
        ("\u0661\u0662\u0663\u0664\u0665\u0666", None),
        ("abc_def", None),
        ("abcdef\x00", None),
        (" " * 257, None),
        (f"abcdef{' ' * 251}", None),
    ],
)
def test_what_may_be_a_token(text: str, token: str | None) -> None:
    """A05, A24, X08: cleaned of what people add; longer than 256 is not even cleaned."""
    assert wellformed_token(text) == token


def test_a_thousand_guesses_a_second_cost_little() -> None:
    """X61: all that a wrong token or code makes us compute, within 5 % of one core.

    Of a slow core, as much more as a plain digest takes there.
    """

    def guess(text: str) -> None:
        code, token = parse_code(text), wellformed_token(text)
        assert token is not None
        RING.digests(Kind.REGISTRATION_TOKEN, Secret(token))
        if code is not None:
            RING.digests(Kind.ATTEMPT_CODE, code_digest_input(code))

    tokens = [random_letters(20, BASE58) for _ in range(500)]
    guesses = tokens + [new_code().reveal() for _ in range(500)]

    def least(do: Callable[[str], object]) -> float:
        spent = []
        for _ in range(5):
            before = time.thread_time()
            for text in guesses:
                do(text)
            spent.append(time.thread_time() - before)
        return min(spent)

    plain = least(lambda text: hmac.digest(LOOKUP.material, text.encode(), "sha256"))
    assert least(guess) < max(0.05, 15 * plain)


# --- in flight --------------------------------------------------------------------------------


def test_a_secret_never_prints_itself() -> None:
    """S04, X36: nor does a key."""
    secret = Secret("hunter2")
    for printed in (repr(secret), str(secret), f"{secret}", f"{[secret]}", repr({1: secret})):
        assert "hunter2" not in printed
    assert LOOKUP.material.hex() not in repr(LOOKUP)
    assert repr(bytes(LOOKUP.material)) not in repr(RING)
    assert not hasattr(secret, "__dict__")


def test_secrets_are_compared_by_value() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


def test_a_key_has_256_bits() -> None:
    """S02: ids sort by age."""
    with pytest.raises(ValueError, match="shorter than 256 bits"):
        Key("k", bytes(31))
    older, newer = new_key(1_700_000_000_000_000), new_key(1_800_000_000_000_000)
    assert older.id < newer.id
    assert len(older.material) == 32
    assert older.material != newer.material


def test_what_a_generator_makes_passes_for_random() -> None:
    """S64: else a fresh installation might refuse its own keys."""
    assert all(by_chance(new_key(number).material) for number in range(20_000))
    for material in (bytes(32), bytes(range(32)), b"a text of thirty-two letters 123"):
        assert not by_chance(material)


def test_random_secrets_have_256_bits() -> None:
    """X20: sign-ins and set-up links."""
    made = {random_secret().reveal() for _ in range(1_000)}
    assert len(made) == 1_000
    assert {len(text) for text in made} == {43}


def test_fingerprints_tell_where_a_part_ends() -> None:
    """S20: ("ab", "c") is not ("a", "bc")."""
    assert fingerprint([b"ab", b"c"]) != fingerprint([b"a", b"bc"])
    assert fingerprint([b"ab", b"c"]) == fingerprint(iter([b"ab", b"c"]))
