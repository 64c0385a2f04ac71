"""Keys change, passwords are slow: neither stops a device that brings its token."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice

import pytest

from enlist.core.secrets import Secret, new_key
from enlist.datafolder import write_secret
from enlist.store.wrong_logins import MOST as MOST_WRONG_LOGINS
from enlist.verbs.passwords import Busy, Passwords
from enlist.verbs.sign_in import StartSignIn
from tests.installation import PASSWORD, Enlist, code, done
from tests.peers.base import DEADLINE

ADA = ("ada", PASSWORD)


def test_tokens_outlive_a_rotation_of_keys(enlist: Enlist) -> None:
    """S06, S29: new rows name the new keys; old tokens are found, and sent again, by the old."""
    old = enlist.register("ada", name="old")
    begun = done(enlist.begin(old.token))
    for purpose in ("lookup", "derive"):
        key = new_key(enlist.clock.now)
        path = enlist.settings.data / "keys" / f"{purpose}.{key.id}.key"
        write_secret(path, key.material.hex().encode())
    rotated = enlist.again()
    new = rotated.register("ada", name="new")
    rows = {row["enrollment_id"]: row for row in rotated.rows("enrollment_secret")}
    before, after = rows[old.enrollment_id], rows[new.enrollment_id]
    assert before["lookup_key_id"] < after["lookup_key_id"]
    assert before["derive_key_id"] < after["derive_key_id"]
    keys = rotated.installation.tools.keys
    derive = (old.enrollment_id, 1, before["derive_key_id"], 10, "base58")
    assert keys.derive_again(*derive) == old.token
    assert code(rotated.redeem(begun.code)) == "done"
    assert code(rotated.redeem(new.token, key=1)) == "done"


class Hashing:
    """Keeps every place for hashing taken, until it is left."""

    def __init__(self, passwords: Passwords) -> None:
        self._passwords = passwords
        self._held: list[threading.BoundedSemaphore] = []

    def __enter__(self) -> None:
        while self._passwords._waiting.acquire(blocking=False):
            self._held.append(self._passwords._waiting)

    def __exit__(self, *_: object) -> None:
        for semaphore in self._held:
            semaphore.release()


def test_a_flood_of_logins_does_not_keep_tokens_waiting(enlist: Enlist) -> None:
    """S45: who brings a password is asked to come later; who brings a token is served."""
    ticket = enlist.register("ada")
    with Hashing(enlist.installation.tools.passwords):
        with pytest.raises(Busy):
            enlist.perform(StartSignIn("ada", Secret(PASSWORD)), enlist.stranger())
        with pytest.raises(Busy):
            enlist.redeem("abcdefghij", login=("nobody", "wrong"))
        assert code(enlist.redeem(ticket.token)) == "done"


def test_a_login_that_was_never_compared_is_no_guess(enlist: Enlist) -> None:
    """S17, S45: a flood elsewhere must not use up the token's guesses."""
    enlist.set(token_type="two_factor")
    ticket = enlist.register("ada")
    with Hashing(enlist.installation.tools.passwords):
        for _ in range(MOST_WRONG_LOGINS + 2):
            with pytest.raises(Busy):
                enlist.redeem(ticket.token, login=ADA)
    assert enlist.sighting(ticket).wrong_logins == 0
    assert code(enlist.redeem(ticket.token, login=ADA)) == "done"


class SlowHasher:
    """Stands in for Argon2id: each hash takes until it is told to end."""

    def __init__(self) -> None:
        self.begun, self.running, self.most = threading.Semaphore(0), 0, 0
        self.end = threading.Event()
        self._lock = threading.Lock()

    def hash(self, _password: str) -> str:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.begun.release()
        assert self.end.wait(DEADLINE)
        with self._lock:
            self.running -= 1
        return "hash"


def test_no_more_hashes_run_at_once_than_there_are_places() -> None:
    """S45: memory is bounded by places times 19 MiB; as many again wait, the rest is told."""
    passwords, slow = Passwords(memory_kib=64, passes=1, slots=2), SlowHasher()
    passwords._hasher = slow  # type: ignore[assignment]
    with ThreadPoolExecutor(40) as pool:
        hashing = [pool.submit(passwords.hash, Secret("x" * 12)) for _ in range(40)]
        assert slow.begun.acquire(timeout=DEADLINE)
        assert slow.begun.acquire(timeout=DEADLINE)
        # 32 have a place to run or to wait in; the others are turned away while these still run.
        refused = list(islice(as_completed(hashing, DEADLINE), 8))
        slow.end.set()
        answers = [type(each.exception(DEADLINE)) for each in hashing]
    assert {type(each.exception()) for each in refused} == {Busy}
    assert (answers.count(Busy), answers.count(type(None)), slow.most) == (8, 32, 2)
