"""Signing in: a person proves himself by a password, and the server keeps a sign-in for him.

The cookie holds 256 random bits; the row holds their digest, so that sign-ins can be listed and
ended, on every process at once. A try is written down before the password is compared, and each
failure doubles the time until the next one counts (see `tries`); nobody is locked out for good.
Whoever has a second factor is asked for its code then (see `finish_sign_in`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from enlist.core.access import Login, SignIn
from enlist.core.caller import Caller
from enlist.core.clock import HOUR, MINUTE
from enlist.core.events import Happening
from enlist.core.ids import Id, new_id
from enlist.core.outcomes import Done, Refusal, Subjects
from enlist.core.secrets import Digest, Kind, Secret, random_secret
from enlist.store import events, limits, logins, second_factors, sign_ins, users
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs.driver import QuickVerb, Tools, Try, Verb
from enlist.verbs.tries import counted_by, sign_in_try

IDLE: Final = 30 * MINUTE
"""How long a sign-in lasts without a request."""

ABSOLUTE: Final = 12 * HOUR
"""How long it lasts at most, however much it is used."""

FRESH: Final = 10 * MINUTE
"""How long a password proof is good enough for what is dangerous."""


STEP: Final = 10 * MINUTE
"""How long after the password the code of a second factor may come."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A fresh sign-in; `cookie` is shown to the browser once.

    Attributes:
        code_to_come: it is none yet: `cookie` is good for `FinishSignIn` alone.
    """

    sign_in: SignIn
    cookie: Secret
    username: str
    code_to_come: bool = False


@dataclass(frozen=True, slots=True)
class Fresh:
    """A sign-in about to be stored."""

    sign_in: SignIn
    cookie: Secret
    digest: Digest


def fresh_sign_in(
    tools: Tools, caller: Caller, user_id: Id, *, second_factor: bool = False
) -> Fresh:
    """A sign-in for somebody who has just proved himself, and perhaps by a second factor too."""
    now, cookie = tools.clock(), random_secret()
    sign_in = SignIn(
        id=new_id(now),
        user_id=user_id,
        started_at=now,
        last_seen_at=now,
        proved_at=now,
        expires_at=now + ABSOLUTE,
        ended_at=None,
        address=caller.address,
        user_agent=caller.user_agent,
        factor_at=now if second_factor else None,
    )
    return Fresh(sign_in, cookie, tools.keys.digest(Kind.SIGN_IN, cookie))


@dataclass(frozen=True, slots=True)
class Trying:
    """Whom a user name names, if anybody, and what a try with it is counted by (see `tries`).

    Attributes:
        has_factor: a second factor is asked for after the password.
    """

    login: Login | None
    counted_by: str
    has_factor: bool = False


@dataclass(frozen=True, slots=True)
class Confirming:
    """Who proves himself again, and what his try is counted by."""

    login: Login
    sign_in_id: Id
    counted_by: str


@dataclass(frozen=True, slots=True)
class Ready:
    """A login that was right, and the sign-in made for it."""

    login: Login
    counted_by: str
    fresh: Fresh
    has_factor: bool = False
    new_hash: str = ""


@dataclass(frozen=True)
class StartSignIn(Verb[Trying, Ready, SignedIn]):
    """Sign in with user name and password.

    Refusals: `sign_in_failed` alike for unknown names, wrong passwords and disabled accounts,
    and `sign_in_delayed` alike.
    """

    username: str
    password: Secret

    name = "sign_in"
    refused_as = "sign_in.refused"
    throttled = True
    hashes = True

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Trying | Refusal:
        username = self.username.strip()
        login = logins.by_username(tx, username)
        factor = second_factors.find(tx, login.user_id) if login else None
        counted = counted_by(tools, tx, caller, username, login)
        return Trying(login, counted, factor is not None)

    def reserve(self, seen: Trying) -> Try:
        # Half of what is asked for forgives no wrong tries before: wrong codes are among them.
        return sign_in_try(seen.counted_by, forgiving=not seen.has_factor)

    def work(self, tools: Tools, caller: Caller, seen: Trying) -> Ready | Refusal:
        login = seen.login
        stored = login.password_hash if login is not None and login.active else None
        fits = tools.passwords.verify(stored, self.password)
        if login is None:
            return Refusal("sign_in_failed", reason="unknown user")
        if not fits:
            reason = "wrong password" if login.active else "disabled user"
            about = login.subjects
            return Refusal("sign_in_failed", reason=reason, about=about)
        fresh = fresh_sign_in(tools, caller, login.user_id)
        if seen.has_factor:
            digest = tools.keys.digest(Kind.SIGN_IN_STEP, fresh.cookie)
            fresh = replace(fresh, digest=digest)
        outdated = stored is not None and tools.passwords.outdated(stored)
        new_hash = tools.passwords.hash(self.password) if outdated else ""
        return Ready(login, seen.counted_by, fresh, seen.has_factor, new_hash)

    def apply(self, tx: Tx, caller: Caller, ready: Ready) -> Done[SignedIn] | Refusal:
        login, fresh, user_id = ready.login, ready.fresh, ready.login.user_id
        has_factor = second_factors.find(tx, user_id) is not None
        if not _still(tx, login) or has_factor is not ready.has_factor:
            raise ConcurrentChange
        if ready.new_hash and login.password_hash is not None:
            logins.rehash(tx, user_id, login.password_hash, ready.new_hash)
        about, personal = login.subjects, {"user": login.username}
        done = SignedIn(fresh.sign_in, fresh.cookie, login.username, has_factor)
        if has_factor:
            second_factors.begin_step(tx, user_id, fresh.digest, tx.now + STEP)
            events.record(tx, caller, Happening("sign_in.code_asked", about, {}, personal))
            return Done(done)
        limits.forget_tries(tx, ready.counted_by)
        sign_ins.start(tx, fresh.sign_in, fresh.digest)
        events.record(tx, caller, Happening("sign_in.started", about, {}, personal))
        return Done(done)


def _still(tx: Tx, login: Login) -> bool:
    """Whether the user may sign in yet, by the very hash that was compared.

    Whoever changes a password or disables a user ends all sign-ins; one that begins at the same
    moment must not outlive that. Another sign-in may only have replaced the hash by one of the
    same password: comparing once more decides.
    """
    if not users.hold(tx, login.user_id):
        return False
    now = logins.by_id(tx, login.user_id)
    return now is not None and now.active and now.password_hash == login.password_hash


@dataclass(frozen=True)
class ConfirmSignIn(Verb[Confirming, Confirming, None]):
    """Prove by password again, before something dangerous (ASVS 7.5).

    Refusals: `unauthenticated`, `sign_in_failed`, `sign_in_delayed`.
    """

    password: Secret

    name = "confirm_sign_in"
    refused_as = "sign_in.confirmation_refused"
    throttled = True
    hashes = True

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Confirming | Refusal:
        login = logins.by_id(tx, caller.id) if caller.id else None
        if login is None or caller.sign_in_id is None:
            return Refusal("unauthenticated")
        counted = counted_by(tools, tx, caller, login.username, login)
        return Confirming(login, caller.sign_in_id, counted)

    def reserve(self, seen: Confirming) -> Try:
        return sign_in_try(seen.counted_by)

    def work(self, tools: Tools, caller: Caller, seen: Confirming) -> Confirming | Refusal:
        if tools.passwords.verify(seen.login.password_hash, self.password):
            return seen
        about = seen.login.subjects
        return Refusal("sign_in_failed", reason="wrong password", about=about)

    def apply(self, tx: Tx, caller: Caller, ready: Confirming) -> Done[None] | Refusal:
        limits.forget_tries(tx, ready.counted_by)
        sign_ins.proved(tx, ready.sign_in_id)
        events.record(tx, caller, Happening("sign_in.confirmed", ready.login.subjects))
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
        if not sign_ins.end(tx, self.sign_in_id, ready):
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
        ended = sign_ins.end_all(tx, ready, caller.sign_in_id if self.keep_present else None)
        about = Subjects(caller.organization_id, ready)
        events.record(tx, caller, Happening("sign_in.all_ended", about, {"ended": ended}))
        return Done(ended)
