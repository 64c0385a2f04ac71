"""The second step of signing in: a code beside the password that was right.

Between the two the browser holds a secret that is good for this step alone. A wrong code counts
like a wrong password, by the same count, and the right password before did not set that back: who
knows the password guesses codes no faster than others guess passwords.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from enlist.core.access import Login
from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.outcomes import Done, Refusal
from enlist.core.secrets import Kind, Secret, parse_code
from enlist.store import events, limits, logins, second_factors, sign_ins, users
from enlist.store import notices as stored_notices
from enlist.store.notices import Notice
from enlist.store.second_factors import SecondFactor
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs import notices, totp
from enlist.verbs.driver import Tools, Try, Verb
from enlist.verbs.second_factor import RECOVERY_CODE, TOTP, notice, recovery_digest_input
from enlist.verbs.sign_in import Fresh, SignedIn, fresh_sign_in
from enlist.verbs.totp import Sealed
from enlist.verbs.tries import counted_by, sign_in_try

_WRONG: Final = Refusal("second_factor_wrong")


@dataclass(frozen=True, slots=True)
class Halfway:
    """Whose code is to come, and what his tries are counted by."""

    login: Login
    factor: SecondFactor
    step_digest: bytes
    counted_by: str


@dataclass(frozen=True, slots=True)
class Coded:
    """A code that may be right, and what is stored if it is.

    Attributes:
        step: of an app's code; None for a recovery code, whose digests are in `recovery`.
        anew: the factor's secret under the newest key, where it is under an older one.
    """

    halfway: Halfway
    fresh: Fresh
    step: int | None
    recovery: tuple[bytes, ...]
    anew: Sealed | None
    told: Notice | None


@dataclass(frozen=True)
class FinishSignIn(Verb[Halfway, Coded, SignedIn]):
    """Sign in, now that the password was right, with a code of the app or a recovery code.

    Attributes:
        step: the secret that the browser was given after the password.

    Refusals: `sign_in_step_over` where the password is too long ago or counts no more,
    `second_factor_wrong` alike for wrong codes and for those that were used, `sign_in_delayed`.
    """

    step: Secret
    code: str

    name = "finish_sign_in"
    refused_as = "sign_in.refused"
    throttled = True

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Halfway | Refusal:
        found = second_factors.whose_step(tx, tools.keys.digests(Kind.SIGN_IN_STEP, self.step))
        if found is None:
            return Refusal("sign_in_step_over", counted_only=True)
        user_id, digest = found
        login, factor = logins.by_id(tx, user_id), second_factors.find(tx, user_id)
        if login is None or not login.active or factor is None:
            return Refusal("sign_in_step_over", counted_only=True)
        counted = counted_by(tools, tx, caller, login.username, login)
        return Halfway(login, factor, digest, counted)

    def reserve(self, seen: Halfway) -> Try:
        return sign_in_try(seen.counted_by)

    def work(self, tools: Tools, caller: Caller, seen: Halfway) -> Coded | Refusal:
        keys, factor, user_id = tools.keys, seen.factor, seen.login.user_id
        secret = totp.unseal(keys, user_id, Sealed(factor.sealed, factor.key_id))
        step = totp.step_of(secret, self.code, tools.clock())
        typed = parse_code(self.code)
        if step is None and typed is None:
            return _WRONG.because("wrong code", seen.login.subjects)
        recovery: tuple[bytes, ...] = ()
        told = None
        if step is None and typed is not None:
            text = recovery_digest_input(user_id, typed)
            recovery = keys.digests(Kind.RECOVERY_CODE, text)
            told = notice(tools, notices.RECOVERY_CODE_USED, seen.login.subjects)
        outdated = factor.key_id != keys.derive[0].id
        anew = totp.seal(keys, user_id, secret) if outdated else None
        fresh = fresh_sign_in(tools, caller, user_id, second_factor=True)
        return Coded(seen, fresh, step, recovery, anew, told)

    def apply(self, tx: Tx, caller: Caller, ready: Coded) -> Done[SignedIn] | Refusal:
        halfway, login = ready.halfway, ready.halfway.login
        user_id, factor = login.user_id, halfway.factor
        if not users.hold(tx, user_id) or second_factors.find(tx, user_id) is None:
            raise ConcurrentChange
        if ready.step is not None:
            right = second_factors.accept(tx, user_id, ready.step)
        else:
            right = second_factors.use_code(tx, user_id, ready.recovery)
        if not right:
            return _WRONG.because("wrong code, or one that was used", login.subjects)
        if not second_factors.end_step(tx, halfway.step_digest):
            raise ConcurrentChange
        if ready.anew is not None:
            anew = ready.anew
            second_factors.seal_anew(tx, user_id, factor.sealed, anew.text, anew.key_id)
        limits.forget_tries(tx, halfway.counted_by)
        sign_in, digest = ready.fresh.sign_in, ready.fresh.digest
        sign_ins.start(tx, sign_in, digest)
        by = TOTP if ready.step is not None else RECOVERY_CODE
        data, personal = {"second_factor": by}, {"user": login.username}
        events.record(tx, caller, Happening("sign_in.started", login.subjects, data, personal))
        effects = stored_notices.queue(tx, [ready.told])
        return Done(SignedIn(sign_in, ready.fresh.cookie, login.username), effects)
