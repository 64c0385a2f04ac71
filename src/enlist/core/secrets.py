"""The whole life of every secret, in one file.

Eleven shapes exist:

* **machine secrets** (API keys, `enk_…`): random, 190 bits, with a public id to tell them apart
  by and a checksum that catches typing errors and helps leak scanners (S01). Shown once; only a
  keyed digest is kept. Ends when revoked, or at its expiry.
* **registration tokens**: 6-20 Base58 letters, short and found by value. Not stored at all but
  *derived*: `letters(HMAC(derivation key, enrollment id, generation))`, so that a resend sends
  the same token and a database dump holds nothing to read (A17, S29). A keyed digest finds them.
  Ends when used, revoked, reissued (the next generation) or at its expiry (`lifecycle`).
* **one-time JWTs** (their `jti`): a UUIDv4, derived like a registration token (122 bits), since the
  JWT that carries it may be downloaded again while it is valid (D31). A keyed digest finds it.
  Ends like a registration token.
* **one-time passwords**, the typed half of one-time credentials: eight letters of the alphabet of
  typed codes, twelve where they are valid for more than a day. They go with a user name of eight
  such letters, the *locator*, which is random, stands readable in its row and is what finds it. The
  password is derived like a registration token, from another message: whoever has the one has
  nothing of the other. A keyed digest over locator and password is kept. Ends with the registration
  token that the same message brings as a link, or after five wrong ones.
* **typed codes** (attempt codes): eight letters of the RFC 8628 section 6.1 alphabet and a
  check letter; a keyed digest finds them. Ends with its attempt, after ten minutes at most.
* **sign-in, set-up and recovery secrets**: 256 random bits in a cookie or a link; a keyed digest is
  kept. Ends at sign-out, when idle, or after twelve hours; a link when used, or after a day, the
  recovery link after an hour.
* **API session tokens** of OpenZiti clients: 256 random bits; a keyed digest is kept. Ends when
  idle, when the device has begun too many, or with the credential that it was got by.
* **recovery codes** of a second factor: shaped like typed codes, ten at a time; a keyed digest over
  the person and the code is kept. Each ends when used, all of them with the second factor. Its TOTP
  secret must be read again and is shared with an app, so it is random and *sealed*: encrypted under
  a key made of the derivation key (see `enlist.verbs.totp`). Ends when taken away.
* **password links**: 256 bits, derived from the id of the message that brings the link, so that it
  is nowhere readable until that is sent. A keyed digest finds it. Ends when used, when a newer one
  is sent or the password or address changes, or after a day; that of staff after two.
* **webhook secrets**, which sign what is posted: 256 bits, derived from the webhook's id and a
  generation, since every post needs it. Shown once. Ends when renewed, or with the webhook.
* **company passcodes**: twelve Base58 letters with digit, capital and small letter among them (70
  bits), one for an organization. Random, and shown once; *derived* from the passcode's id instead
  where it is to be shown or sent again: where the organization's settings let administrators see
  it, or a notice with it goes out. A keyed digest finds it. Ends when the next one is generated (at
  once or some hours later), when disabled, or after too many wrong entries.
* **passwords**: chosen by people, so kept as Argon2id; see `enlist.verbs.passwords`. Ends when
  the next one is set.

What is no credential but must not be read either is kept or compared as a keyed digest, too: what
an Idempotency-Key was sent with, the user name that a wrong password was typed for. `FORM` makes
the key that pages seal their state with (`enlist.web.visits`); a digest of a message's id is the
key that a gateway reports about it with (`enlist.verbs.delivery_reports`).

Secrets in flight: the token, link or JWT that a letter brings is derived when the letter is put
together, and readable until it was handed over. Where many letters wait, that is done in a process
beside the server (`enlist.delivery.post_beside`): it is told them, and the passwords for mail
server and SMS gateway, over a socket that no other process has, and holds no key. None of it stands
in its command line, its environment or a log, and it ends with the server.

Digests are `HMAC-SHA256(lookup key, kind, 0x00, secret)`. The kind separates domains: a secret
of one kind presented as another is simply unknown (S11). Both keys live outside the database as
lists, newest first, and each row names the key that made it, so keys rotate without a flag day: a
new key is accepted by every process some seconds before the first of them makes anything with it.
Rows shorter than 112 bits deviate from ASVS 6.5.2 (a salted hash cannot be an index); the key
outside the database, expiry and the throttle make up for it.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import re
import secrets
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import count, pairwise
from typing import Final, Protocol, TypeVar

from enlist.core.clock import SECOND
from enlist.core.ids import parse_id, random_uuid

BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
BASE20: Final = "BCDFGHJKLMNPQRSTVWXZ"
ALPHABETS: Final = {"base58": BASE58, "full62": BASE62, "base20": BASE20}
UUID4: Final = "uuid4"
"""Stands as alphabet on the row of a secret that is a UUID instead (RFC 9562 section 5.4)."""
UUID_LENGTH: Final = 36
LINK_LETTERS: Final = 43
"""Of Base62: 256 bits."""
LOCATOR_LETTERS: Final = 8
_LOGIN: Final = "login\x00"
"""Stands before the enrollment's id in what a one-time password is derived from."""

LONGEST_PRESENTED: Final = 256
"""Characters; anything longer is refused before it is looked at."""

CODE_LETTERS: Final = 8
PASSCODE_LETTERS: Final = 12
_TYPED_BETWEEN: Final = re.compile("[\\s.\u2010\u2011\u2013-]+")
_KDF_VERSION: Final = 1


class Secret:
    """A readable secret in flight. `repr`, `str`, logs and tracebacks show dots instead."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret itself. Every call is a place that a reviewer must be able to find."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(•••)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(
            self._text.encode(), other._text.encode()
        )

    def __hash__(self) -> int:
        return hash(Secret)


class Kind(StrEnum):
    """What a secret is for; part of its digest."""

    REGISTRATION_TOKEN = "registration_token"
    ONE_TIME_JWT = "one_time_jwt"
    ONE_TIME_PASSWORD = "one_time_password"
    ATTEMPT_CODE = "attempt_code"
    API_KEY = "api_key"
    API_SESSION = "api_session"
    SIGN_IN = "sign_in"
    SIGN_IN_STEP = "sign_in_step"
    RECOVERY_CODE = "recovery_code"
    SETUP_LINK = "setup_link"
    RECOVERY_LINK = "recovery_link"
    PASSWORD_LINK = "password_link"
    PASSCODE = "passcode"
    PROOF_LINK = "proof_link"
    FORM = "form"
    IDEMPOTENCY = "idempotency"
    USERNAME = "username"
    DELIVERY_REPORT = "delivery_report"


@dataclass(frozen=True, slots=True)
class Key:
    """One symmetric key of at least 256 bits; `id` is public and stands on the rows it made."""

    id: str
    material: bytes

    def __repr__(self) -> str:
        return f"Key({self.id!r}, •••)"

    def __post_init__(self) -> None:
        if len(self.material) < 32:
            raise ValueError(f"key {self.id} is shorter than 256 bits")


class KeyRing:
    """The keys that guard secrets: for look-up and for derivation.

    The first of each makes what is new; all are accepted. One ring is shared by everything in a
    process, and takes up new keys while it is in use.
    """

    __slots__ = ("_keys",)

    def __init__(self, lookup: tuple[Key, ...], derive: tuple[Key, ...]) -> None:
        self._keys = (lookup, derive)

    @property
    def lookup(self) -> tuple[Key, ...]:
        return self._keys[0]

    @property
    def derive(self) -> tuple[Key, ...]:
        return self._keys[1]

    def take_up(self, newer: KeyRing) -> None:
        """Become like another ring, for all threads at once.

        A key that is in use is never dropped: a file that somebody deleted must not end what it
        guards before the next start has counted it.
        """
        self._keys = (
            _with_those_missing(newer.lookup, self.lookup),
            _with_those_missing(newer.derive, self.derive),
        )

    def digest(self, kind: Kind, secret: Secret) -> Digest:
        """The digest for a new row: under the first key.

        What is only ever compared with itself, minutes later, is under the oldest: a rotation in
        between must not make a repeated request look like another one.
        """
        lookup = self.lookup
        key = min(lookup, key=lambda each: each.id) if kind in _LASTING else lookup[0]
        return _digest(key, kind, secret)

    def digests(self, kind: Kind, secret: Secret) -> tuple[bytes, ...]:
        """The digests under every key that may have made the row being looked for."""
        return tuple(_digest(key, kind, secret).value for key in self.lookup)

    def derive_token(
        self, enrollment_id: str, generation: int, length: int, alphabet: str = "base58"
    ) -> DerivedToken:
        """The registration token of one generation of one enrollment, for a new row."""
        key = self.derive[0]
        text = _derive(key, enrollment_id, generation, length, alphabet)
        return DerivedToken(Secret(text), key.id, _KDF_VERSION, length, alphabet)

    def derive_uuid(self, enrollment_id: str, generation: int) -> DerivedToken:
        """The same as a UUIDv4: the `jti` of a one-time JWT."""
        return self.derive_token(enrollment_id, generation, UUID_LENGTH, UUID4)

    def derive_password(self, enrollment_id: str, generation: int, length: int) -> DerivedToken:
        """The password of a one-time login that goes with one generation of one enrollment."""
        return self.derive_token(f"{_LOGIN}{enrollment_id}", generation, length, "base20")

    def derive_password_again(
        self, enrollment_id: str, generation: int, key_id: str, length: int
    ) -> Secret:
        """The same once more, when its message is sent; `key_id` and `length` are the row's.

        Raises:
            KeyError: that key is not in the ring any more.
        """
        return self.derive_again(f"{_LOGIN}{enrollment_id}", generation, key_id, length, "base20")

    def derive_link(self, message_id: str) -> DerivedToken:
        """The secret of a link that a message brings, as hard to guess as a random one."""
        return self.derive_token(message_id, 0, LINK_LETTERS, "full62")

    def derive_link_again(self, message_id: str, key_id: str) -> Secret:
        """The same once more, when the message is sent; `key_id` is the row's.

        Raises:
            KeyError: that key is not in the ring any more.
        """
        return self.derive_again(message_id, 0, key_id, LINK_LETTERS, "full62")

    def derive_again(
        self, enrollment_id: str, generation: int, key_id: str, length: int, alphabet: str
    ) -> Secret:
        """The same token once more, for a resend; `key_id`, `length`, `alphabet` are the row's.

        Raises:
            KeyError: that key is not in the ring any more.
        """
        key = next((key for key in self.derive if key.id == key_id), None)
        if key is None:
            raise KeyError(f"derivation key {key_id} is missing; restore the key folder")
        return Secret(_derive(key, enrollment_id, generation, length, alphabet))

    def derive_passcode(self, passcode_id: str) -> tuple[DerivedToken, int]:
        """A company passcode that can be shown again, and its number among those of this id."""
        key = self.derive[0]
        numbered = ((n, _derive(key, passcode_id, n, PASSCODE_LETTERS, "base58")) for n in count())
        number, text = next(each for each in numbered if _of_all_classes(each[1]))
        made = DerivedToken(Secret(text), key.id, _KDF_VERSION, PASSCODE_LETTERS, "base58")
        return made, number

    def sealing_key(self, what: str, key_id: str = "") -> Key:
        """What encrypts `what`, which must be read again; `key_id` is the row's, "" for a new one.

        Raises:
            KeyError: that key is not in the ring any more.
        """
        made_of = next((key for key in self.derive if key_id in ("", key.id)), None)
        if made_of is None:
            raise KeyError(f"derivation key {key_id} is missing; restore the key folder")
        return Key(made_of.id, _keyed_digest(made_of, f"seal\x00{what}".encode()))


_LASTING: Final = frozenset({Kind.IDEMPOTENCY, Kind.USERNAME})


def _with_those_missing(keys: tuple[Key, ...], before: tuple[Key, ...]) -> tuple[Key, ...]:
    known = {key.id for key in keys}
    return (*keys, *(key for key in before if key.id not in known))


@dataclass(frozen=True, slots=True)
class Digest:
    """A keyed digest, and the id of the key that made it."""

    value: bytes
    key_id: str


@dataclass(frozen=True, slots=True)
class DerivedToken:
    """A registration token, with what its row must keep so that it can be derived again."""

    secret: Secret
    key_id: str
    kdf_version: int
    length: int
    alphabet: str


def _digest(key: Key, kind: Kind, secret: Secret) -> Digest:
    message = kind.value.encode() + b"\x00" + secret.reveal().encode()
    return Digest(_keyed_digest(key, message), key.id)


def _keyed_digest(key: Key, message: bytes) -> bytes:
    """HMAC-SHA256 (RFC 2104). A key is put in once: that takes longer than a short message."""
    state = _with_key(key).copy()
    state.update(message)
    return state.digest()


@lru_cache(maxsize=64)
def _with_key(key: Key) -> hmac.HMAC:
    return hmac.new(key.material, digestmod="sha256")


def _derive(key: Key, enrollment_id: str, generation: int, length: int, alphabet: str) -> str:
    if alphabet == UUID4:
        return _uuid(key, enrollment_id, generation)
    return _letters(key, enrollment_id, generation, length, ALPHABETS[alphabet])


def _uuid(key: Key, enrollment_id: str, generation: int) -> str:
    message = f"{_KDF_VERSION}\x00{UUID4}\x00{enrollment_id}\x00{generation}".encode()
    return random_uuid(_keyed_digest(key, message)[:16])


def _letters(key: Key, enrollment_id: str, generation: int, length: int, alphabet: str) -> str:
    """`length` letters from a keyed stream, by rejection sampling: every letter equally likely."""
    limit = 256 - 256 % len(alphabet)
    found: list[str] = []
    block = 0
    while len(found) < length:
        message = f"{_KDF_VERSION}\x00{enrollment_id}\x00{generation}\x00{block}".encode()
        stream = _keyed_digest(key, message)
        found += [alphabet[byte % len(alphabet)] for byte in stream if byte < limit]
        block += 1
    return "".join(found[:length])


def new_key(begins: int) -> Key:
    """A fresh key; its id says from when on it makes what is new, so that ids sort by age."""
    return Key(f"{begins // SECOND:x}-{secrets.token_hex(3)}", secrets.token_bytes(32))


_FEWEST: Final = 16
"""Different values, and different steps from one to the next, in 32 bytes."""


def by_chance(material: bytes) -> bool:
    """Whether 32 bytes or more can have come from a generator of random ones (S64).

    What stands in for a key where nobody made one is a text, one byte again and again, a pattern
    or counting up. Random bytes look like that less than once in 10**13 keys.
    """
    steps = {(after - before) % 256 for before, after in pairwise(material)}
    text = all(0x20 <= byte < 0x7F for byte in material)
    return min(len(set(material)), len(steps)) >= _FEWEST and not text


def begins(key_id: str) -> int:
    """From when on a key makes what is new, in microseconds UTC; 0 for an id of another form."""
    try:
        return int(key_id.partition("-")[0], 16) * SECOND
    except ValueError:
        return 0


class Identified(Protocol):
    """A key, or what has one: an issuing CA."""

    @property
    def id(self) -> str: ...


Each = TypeVar("Each", bound=Identified)


def in_order(keys: Iterable[Each], now: int) -> tuple[Each, ...]:
    """Keys as a ring wants them: newest first, but behind all others those yet to begin."""
    newest = sorted(keys, key=lambda key: key.id, reverse=True)
    return tuple(sorted(newest, key=lambda key: begins(key.id) > now))


def random_letters(count: int, alphabet: str) -> str:
    """`count` letters of `alphabet`, each equally likely, from the operating system (S02).

    It is asked once for all of them: every refusal has a support code of eight.
    """
    drawn = secrets.randbelow(len(alphabet) ** count)
    letters = []
    for _ in range(count):
        drawn, place = divmod(drawn, len(alphabet))
        letters.append(alphabet[place])
    return "".join(letters)


def random_secret() -> Secret:
    """256 random bits as text: sign-ins, set-up links."""
    return Secret(secrets.token_urlsafe(32))


def random_passcode() -> Secret:
    """A fresh company passcode, with letters of all three classes.

    Drawn anew where a class is missing, as in every seventh: letters put into place would make
    some passcodes likelier than others.
    """
    drawn = (random_letters(PASSCODE_LETTERS, BASE58) for _ in count())
    return Secret(next(filter(_of_all_classes, drawn)))


def _of_all_classes(text: str) -> bool:
    return all(any(map(of, text)) for of in (str.isdigit, str.islower, str.isupper))


def entropy_bits(length: int, alphabet: str = "base58") -> float:
    """How hard a token of this length is to guess, in bits; shown beside the setting."""
    return length * math.log2(len(ALPHABETS[alphabet]))


# --- machine secrets ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MachineSecret:
    """`<prefix>_<id>_<secret>_<check>`: `id` is public, `text` is the whole thing."""

    prefix: str
    id: str
    text: Secret


def new_machine_secret(prefix: str) -> MachineSecret:
    """A fresh machine secret: 71 bits of public id, 190 bits of secret, CRC-32 (S01)."""
    public = random_letters(12, BASE62)
    body = f"{prefix}_{public}_{random_letters(32, BASE62)}"
    return MachineSecret(prefix, public, Secret(f"{body}_{_checksum(body)}"))


def parse_machine_secret(prefix: str, text: str) -> MachineSecret | None:
    """The parts of a presented machine secret, or None when it was mistyped (S03).

    The checksum is an aid for people and scanners, never authentication.
    """
    parts = text.split("_")
    if len(text) != len(prefix) + 53 or len(parts) != 4 or parts[0] != prefix:
        return None
    if [len(part) for part in parts[1:]] != [12, 32, 6] or not text.isascii():
        return None
    body, _, check = text.rpartition("_")
    if _checksum(body) != check:
        return None
    return MachineSecret(prefix, parts[1], Secret(text))


def _checksum(body: str) -> str:
    value = zlib.crc32(body.encode())
    letters = ""
    for _ in range(6):
        value, place = divmod(value, 62)
        letters = BASE62[place] + letters
    return letters


# --- typed codes -------------------------------------------------------------------------------


def new_code() -> Secret:
    """A fresh typed code, grouped for reading: `BCDF-GHJK-L`."""
    letters = random_letters(CODE_LETTERS, BASE20)
    return Secret(group_code(letters + _check_letter(letters)))


def group_code(code: str) -> str:
    """A typed code in groups of four."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def support_code() -> str:
    """A code for a person to read out to the help desk; it reveals nothing by itself (S78)."""
    letters = random_letters(CODE_LETTERS, BASE20)
    return group_code(letters + _check_letter(letters))


def parse_code(text: str) -> str | None:
    """The nine letters of a typed code, or None when it is none or was mistyped (S09)."""
    code = strip_typing(text).upper()
    if len(code) != CODE_LETTERS + 1 or any(letter not in BASE20 for letter in code):
        return None
    return code if _check_letter(code[:-1]) == code[-1] else None


def code_digest_input(code: str) -> Secret:
    """What is digested for a typed code: its letters alone, whatever it was typed like."""
    return Secret(strip_typing(code).upper())


def parse_locator(username: str) -> str | None:
    """The letters of the user name of one-time credentials, `BCDFGHJK@acme`; None for others."""
    name, at, group_id = username.strip().partition("@")
    letters = strip_typing(name).upper()
    shaped = len(letters) == LOCATOR_LETTERS and all(each in BASE20 for each in letters)
    return letters if shaped and at and group_id else None


def password_digest_input(locator: str, password: Secret) -> Secret:
    """What is digested for a one-time password: its letters alone, however they were typed."""
    return Secret(f"{locator}\x00{strip_typing(password.reveal()).upper()}")


def _check_letter(letters: str) -> str:
    """Luhn mod 20 (ISO/IEC 7812-1 annex B, other base): catches every slip, nearly every swap."""
    total, factor = 0, 2
    for letter in reversed(letters):
        addend = factor * BASE20.index(letter)
        total += addend // 20 + addend % 20
        factor = 3 - factor
    return BASE20[-total % 20]


def strip_typing(text: str) -> str:
    """`text` without the white space, hyphens and dots that people and mail clients add (A24)."""
    return _TYPED_BETWEEN.sub("", text)


def wellformed_token(text: str) -> str | None:
    """A presented registration token or attempt code, cleaned, or None when it cannot be one."""
    if len(text) > LONGEST_PRESENTED:
        return None
    cleaned = strip_typing(text)
    if not 6 <= len(cleaned) <= 20 or not cleaned.isascii() or not cleaned.isalnum():
        return None
    return cleaned


def wellformed_uuid(text: str) -> str | None:
    """A presented `jti` as it was handed out, or None when it cannot be one."""
    return parse_id(text) if len(text) == UUID_LENGTH else None


def fingerprint(parts: Iterable[bytes]) -> bytes:
    """SHA-256 over length-prefixed parts: the digest of a request, for Idempotency-Key."""
    state = hashlib.sha256()
    for part in parts:
        state.update(len(part).to_bytes(8, "big"))
        state.update(part)
    return state.digest()
