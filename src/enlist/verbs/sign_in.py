"""Signing in: a person proves himself by a password, and the server keeps a sign-in for him.

The cookie holds 256 random bits; the row holds their digest, so that sign-ins can be listed and
ended, on every process at once. A try is written down before the password is compared, and each
failure doubles the time until the next one counts; nobody is ever locked out for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from enlist.core.caller import Caller
from enlist.core.clock import HOUR, MINUTE, SECOND
from enlist.core.events import Happening
from enlist.core.ids import Id, new_id
from enlist.core.model import Login, SignIn
from enlist.core.outcomes import Done, Refusal, Subjects
from enlist.core.secrets import Digest, Kind, Secret, random_secret
from enlist.store import access, events, limits, users
from enlist.store.tx import Reader, Tx
from enlist.verbs.driver import QuickVerb, Tools, Try, Verb

IDLE: Final = 30 * MINUTE
ABSOLUTE: Final = 12 * HOUR
FRESH: Final = 10 * MINUTE
"""How long a password proof is good enough for what is dangerous."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A fresh sign-in; `cookie` is shown to the browser once."""

    sign_in: SignIn
    cookie: Secret
    username: str


@dataclass(frozen=True, slots=True)
class Ready:
    """A login that was right, and the sign-in made for it."""

    login: Login
    sign_in: SignIn
    cookie: Secret
    digest: Digest
    new_hash: str = ""


def reserve_try(login: Login | None) -> Try:
    """A try is written down first; for unknown names just as much is written (S07)."""

    def take(tx: Tx) -> Refusal | None:
        if login is None:
            limits.decoy(tx)
            return None
        if users.take_try(tx, login.user_id):
            return None
        # Told alike whether the name exists or not would hide a lock from its owner; the delay
        # itself reveals no more than the sign-in form's public behaviour.
        wait = max(1, -(-(login.next_login_at - tx.now) // SECOND))
        about = login.subjects
        return Refusal("sign_in_delayed", retry_after=wait, about=about, holder=True)

    return Try(take)


@dataclass(frozen=True)
class StartSignIn(Verb[Login | None, Ready, SignedIn]):
    """Sign in with user name and password.

    Refusals: `sign_in_failed` alike for unknown names, wrong passwords and disabled accounts;
    `sign_in_delayed`.
    """

    username: str
    password: Secret

    name = "sign_in"
    refused_as = "sign_in.refused"
    throttled = True
    hashes = True

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Login | Refusal | None:
        return users.login(tx, self.username.strip())

    def reserve(self, seen: Login | None) -> Try:
        return reserve_try(seen)

    def work(self, tools: Tools, caller: Caller, seen: Login | None) -> Ready | Refusal:
        stored = seen.password_hash if seen is not None and seen.active else None
        fits = tools.passwords.verify(stored, self.password)
        if seen is None:
            return Refusal("sign_in_failed", reason="unknown user")
        if not fits:
            reason = "wrong password" if seen.active else "disabled user"
            about = seen.subjects
            return Refusal("sign_in_failed", reason=reason, about=about)
        now, cookie = tools.clock(), random_secret()
        sign_in = SignIn(
            id=new_id(now),
            user_id=seen.user_id,
            started_at=now,
            last_seen_at=now,
            proved_at=now,
            expires_at=now + ABSOLUTE,
            ended_at=None,
            address=caller.address,
            user_agent=caller.user_agent,
        )
        outdated = stored is not None and tools.passwords.outdated(stored)
        new_hash = tools.passwords.hash(self.password) if outdated else ""
        return Ready(seen, sign_in, cookie, tools.keys.digest(Kind.SIGN_IN, cookie), new_hash)

    def apply(self, tx: Tx, caller: Caller, ready: Ready) -> Done[SignedIn] | Refusal:
        login = ready.login
        users.give_back_tries(tx, login.user_id)
        if ready.new_hash and login.password_hash is not None:
            users.rehash(tx, login.user_id, login.password_hash, ready.new_hash)
        access.start_sign_in(tx, ready.sign_in, ready.digest)
        about = login.subjects
        events.record(tx, caller, Happening("sign_in.started", about, {}, {"user": login.username}))
        return Done(SignedIn(ready.sign_in, ready.cookie, login.username))


@dataclass(frozen=True)
class ConfirmSignIn(Verb[Login, Login, None]):
    """Prove by password again, before something dangerous (ASVS 7.5).

    Refusals: `unauthenticated`, `sign_in_failed`, `sign_in_delayed`.
    """

    password: Secret

    name = "confirm_sign_in"
    refused_as = "sign_in.confirmation_refused"
    throttled = True
    hashes = True

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Login | Refusal:
        login = users.login_by_id(tx, caller.id) if caller.id and caller.sign_in_id else None
        return login or Refusal("unauthenticated")

    def reserve(self, seen: Login) -> Try:
        return reserve_try(seen)

    def work(self, tools: Tools, caller: Caller, seen: Login) -> Login | Refusal:
        if tools.passwords.verify(seen.password_hash, self.password):
            return seen
        about = seen.subjects
        return Refusal("sign_in_failed", reason="wrong password", about=about)

    def apply(self, tx: Tx, caller: Caller, ready: Login) -> Done[None] | Refusal:
        users.give_back_tries(tx, ready.user_id)
        assert caller.sign_in_id is not None
        access.proved(tx, caller.sign_in_id)
        about = ready.subjects
        events.record(tx, caller, Happening("sign_in.confirmed", about))
        return Done(None)


@dataclass(frozen=True)
class EndSignIn(QuickVerb[Id, None]):
    """Sign out: this sign-in, or another one of the caller's own."""

    sign_in_id: Id

    name = "sign_out"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Id | Refusal:
        return caller.id or Refusal("unauthenticated")

    def apply(self, tx: Tx, caller: Caller, ready: Id) -> Done[None] | Refusal:
        about = Subjects(caller.organization_id, ready)
        if not access.end_sign_in(tx, self.sign_in_id, ready):
            return Refusal("not_found", about=about, reason="no such sign-in, or over")
        events.record(tx, caller, Happening("sign_in.ended", about))
        return Done(None)


@dataclass(frozen=True)
class EndAllSignIns(QuickVerb[Id, int]):
    """Sign out everywhere: every sign-in of the caller, perhaps but the present one."""

    keep_present: bool = False

    name = "sign_out_everywhere"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Id | Refusal:
        return caller.id or Refusal("unauthenticated")

    def apply(self, tx: Tx, caller: Caller, ready: Id) -> Done[int] | Refusal:
        ended = access.end_sign_ins(tx, ready, caller.sign_in_id if self.keep_present else None)
        about = Subjects(caller.organization_id, ready)
        events.record(tx, caller, Happening("sign_in.all_ended", about, {"ended": ended}))
        return Done(ended)
