"""A second factor: setting it up, its recovery codes, and taking it away.

It is set up by whoever has just given his password, with the first code as proof that the app and
the server agree; only then it counts. Ten recovery codes are shown that once. Whoever loses both
is helped by an administrator, and is told by mail, as of everything that changes here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from enlist.core.caller import Caller, CallerKind
from enlist.core.events import Happening
from enlist.core.ids import Id
from enlist.core.model import User
from enlist.core.outcomes import Done, Refusal, Subjects, invalid
from enlist.core.secrets import Digest, KeyRing, Kind, Secret, code_digest_input, new_code
from enlist.store import events, second_factors, sign_ins, users
from enlist.store import notices as stored_notices
from enlist.store.notices import Notice
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs import notices, totp
from enlist.verbs.driver import Tools, Verb
from enlist.verbs.rights import fresh, missing
from enlist.verbs.users import editable_user

RECOVERY_CODES: Final = 10

TOTP: Final = "totp"
RECOVERY_CODE: Final = "recovery_code"
"""By what a sign-in was finished, in its event."""


def recovery_digest_input(user_id: Id, code: str) -> Secret:
    """What is digested of a recovery code: it is good for one person alone."""
    return Secret(f"{user_id}.{code_digest_input(code).reveal()}")


def _fresh_codes(keys: KeyRing, user_id: Id) -> tuple[tuple[Secret, ...], tuple[Digest, ...]]:
    codes = tuple(new_code() for _ in range(RECOVERY_CODES))
    inputs = (recovery_digest_input(user_id, code.reveal()) for code in codes)
    return codes, tuple(keys.digest(Kind.RECOVERY_CODE, each) for each in inputs)


def notice(tools: Tools, purpose: str, about: Subjects) -> Notice | None:
    """What a person is told of his second factor, whatever is set: it may not have been he."""
    if "email" not in tools.channels:
        return None
    return notices.make(purpose, about, 0, tools.addresses.mail_domain, tools.clock())


@dataclass(frozen=True, slots=True)
class Own:
    """Somebody who changes his own second factor. `label` is what his app calls the server."""

    user: User
    sign_in_id: Id


def _himself(tx: Reader, caller: Caller) -> Own | Refusal:
    user = users.find(tx, caller.id) if caller.kind is CallerKind.USER and caller.id else None
    if user is None or caller.sign_in_id is None:
        return Refusal("unauthenticated")
    return fresh(caller, tx.now) or Own(user, caller.sign_in_id)


@dataclass(frozen=True, slots=True)
class SettingUp:
    """A second factor about to be stored."""

    own: Own
    sealed: totp.Sealed
    step: int
    codes: tuple[Secret, ...]
    digests: tuple[Digest, ...]
    told: Notice | None


@dataclass(frozen=True)
class SetUpSecondFactor(Verb[Own, SettingUp, tuple[Secret, ...]]):
    """Set up one's own second factor, in place of the one before; answers the recovery codes.

    Every other sign-in of the user ends.

    Attributes:
        secret: what the app was given, in base32.
        code: what the app shows now.

    Refusals: `unauthenticated`, `proof_too_old`, `validation_failed` for a wrong code.
    """

    secret: Secret
    code: str

    name = "set_up_second_factor"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Own | Refusal:
        return _himself(tx, caller)

    def work(self, tools: Tools, caller: Caller, seen: Own) -> SettingUp | Refusal:
        step = totp.step_of(self.secret, self.code, tools.clock())
        if step is None:
            return invalid("code", "is not what the app shows now; check the clock of your phone")
        sealed = totp.seal(tools.keys, seen.user.id, self.secret)
        codes, digests = _fresh_codes(tools.keys, seen.user.id)
        told = notice(tools, notices.SECOND_FACTOR_SET_UP, seen.user.subjects)
        return SettingUp(seen, sealed, step, codes, digests, told)

    def apply(self, tx: Tx, caller: Caller, ready: SettingUp) -> Done[tuple[Secret, ...]] | Refusal:
        user, sign_in_id = ready.own.user, ready.own.sign_in_id
        if not users.hold(tx, user.id):
            raise ConcurrentChange
        if not sign_ins.factor_proved(tx, sign_in_id):
            return Refusal("unauthenticated", about=user.subjects)
        second_factors.put(tx, user.id, ready.sealed.text, ready.sealed.key_id, ready.step)
        second_factors.set_codes(tx, user.id, ready.digests)
        ended = sign_ins.end_all(tx, user.id, sign_in_id)
        data, personal = {"sign_ins_ended": ended}, {"user": user.username}
        events.record(tx, caller, Happening("second_factor.set_up", user.subjects, data, personal))
        return Done(ready.codes, stored_notices.queue(tx, [ready.told]))


@dataclass(frozen=True, slots=True)
class Renewing:
    """Recovery codes about to be stored."""

    own: Own
    codes: tuple[Secret, ...]
    digests: tuple[Digest, ...]


@dataclass(frozen=True)
class NewRecoveryCodes(Verb[Own, Renewing, tuple[Secret, ...]]):
    """Ten new recovery codes of one's own; those from before end.

    Refusals: `unauthenticated`, `proof_too_old`, `conflict` without a second factor.
    """

    name = "new_recovery_codes"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Own | Refusal:
        own = _himself(tx, caller)
        if isinstance(own, Refusal) or second_factors.find(tx, own.user.id) is not None:
            return own
        return Refusal("conflict", detail="Set up a second factor first.", about=own.user.subjects)

    def work(self, tools: Tools, caller: Caller, seen: Own) -> Renewing | Refusal:
        return Renewing(seen, *_fresh_codes(tools.keys, seen.user.id))

    def apply(self, tx: Tx, caller: Caller, ready: Renewing) -> Done[tuple[Secret, ...]] | Refusal:
        user = ready.own.user
        if not users.hold(tx, user.id) or second_factors.find(tx, user.id) is None:
            raise ConcurrentChange
        second_factors.set_codes(tx, user.id, ready.digests)
        personal = {"user": user.username}
        happening = Happening("second_factor.codes_renewed", user.subjects, {}, personal)
        events.record(tx, caller, happening)
        return Done(ready.codes)


@dataclass(frozen=True, slots=True)
class Removing:
    """Whose second factor goes, and what he is told."""

    user: User
    own: bool
    told: Notice | None


@dataclass(frozen=True)
class RemoveSecondFactor(Verb[User, Removing, int]):
    """Take away a second factor: one's own, or a lost one as staff. Answers how many sign-ins end.

    His other sign-ins end. Where a role of his needs one, he sets up another at his next sign-in.

    Attributes:
        user: id or user name; "" for the caller himself.

    Refusals: `not_found`, `forbidden`, `proof_too_old`, `conflict` where there is none.
    """

    user: str = ""

    name = "remove_second_factor"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> User | Refusal:
        own = users.find(tx, caller.id) if caller.kind is CallerKind.USER and caller.id else None
        himself = own is not None and self.user in ("", own.id, own.username)
        found = own if himself and own is not None else editable_user(tx, caller, self.user)
        if isinstance(found, Refusal):
            return found
        stale = fresh(caller, tx.now)
        if stale is None and second_factors.find(tx, found.id) is None:
            return Refusal("conflict", detail="This user has none.", about=found.subjects)
        return stale or found

    def work(self, tools: Tools, caller: Caller, seen: User) -> Removing | Refusal:
        told = notice(tools, notices.SECOND_FACTOR_REMOVED, seen.subjects)
        return Removing(seen, seen.id == caller.id, told)

    def apply(self, tx: Tx, caller: Caller, ready: Removing) -> Done[int] | Refusal:
        user = ready.user
        if not users.hold(tx, user.id):
            return missing("user", user.subjects)
        if not second_factors.remove(tx, user.id):
            raise ConcurrentChange
        ended = sign_ins.end_all(tx, user.id, caller.sign_in_id if ready.own else None)
        data = {"own": ready.own, "sign_ins_ended": ended}
        personal = {"user": user.username}
        events.record(tx, caller, Happening("second_factor.removed", user.subjects, data, personal))
        return Done(ended, stored_notices.queue(tx, [ready.told]))
