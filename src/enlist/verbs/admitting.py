"""Admitting: whether whoever presented something may go on, by his login and by the grant.

Each password that is compared is a try that was written down before (ruling 26): a flood of wrong
ones that arrive together is counted whole, and what was right is taken back.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

from enlist.core.access import Proof
from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.ids import NOTHING, Id
from enlist.core.lifecycle import EnrollmentState
from enlist.core.model import GrantKind
from enlist.core.outcomes import Refusal, Subjects
from enlist.core.policy import TokenType
from enlist.core.secrets import Secret
from enlist.grants import one_time_jwt, passcode, registration_token, sign_in
from enlist.store import events, limits, one_time_logins, wrong_logins
from enlist.store.tx import Tx
from enlist.verbs.driver import Tools, Try
from enlist.verbs.presenting import Found, Presented
from enlist.verbs.tries import AccountTry

_GRANTS: Final = {GrantKind.ONE_TIME_JWT: one_time_jwt, GrantKind.PASSCODE: passcode}


@dataclass(frozen=True, slots=True)
class Admitted:
    """Somebody who may go on: with an enrollment, or by his sign-in alone."""

    found: Found
    user_id: Id | None

    @property
    def subjects(self) -> Subjects:
        """What his enrolling is about, as far as there is such a thing yet."""
        found = self.found
        if found.sighting is not None:
            return found.sighting.subjects
        organization_id = found.organization.id if found.organization else None
        device_id = found.registered.id if found.registered else None
        return Subjects(organization_id, self.user_id, device_id)


def reserve(found: Found) -> Try | None:
    """The try to write down before a password is compared (ruling 26).

    A live token counts the logins given with it, and its owner's account nothing: who holds no
    token cannot lock him out. Every other account counts its own tries, too, or one token would
    be ten free guesses at each of them; and so it does beside a token that is used or revoked.
    """
    presented, sighting, login = found.presented, found.sighting, found.login
    if found.guess is not None:
        return Try(found.guess.take)
    if not presented.with_credentials:
        return None
    asked = _two_factor(found)
    if sighting is not None and not asked:
        # As much work as for somebody known: the time must not tell the difference.
        return Try(limits.decoy)

    def pretend(tools: Tools) -> object:
        return tools.passwords.verify(None, presented.password or Secret(""))

    account = AccountTry(found.counted_by)
    if sighting is None or sighting.state is not EnrollmentState.ACTIVE:
        return Try(partial(_take_account, account), account.right, account.undo, pretend)
    owner = login is not None and login.user_id == sighting.user_id
    guess = _TokenTry(sighting.enrollment_id, None if owner else account)
    return Try(guess.take, guess.right, guess.undo, pretend)


def _take_account(account: AccountTry, tx: Tx) -> Refusal | None:
    if account.take(tx) is None:
        return None
    return Refusal("credentials_invalid", reason="the account must wait")


@dataclass(frozen=True, slots=True)
class _TokenTry:
    """A login beside a live two-factor token; `account` where it is not its owner's."""

    enrollment_id: Id
    account: AccountTry | None

    def take(self, tx: Tx) -> Refusal | None:
        if not wrong_logins.take(tx, self.enrollment_id):
            return Refusal("credentials_invalid", reason="no login left on this token")
        refusal = _take_account(self.account, tx) if self.account else None
        if refusal is not None:
            wrong_logins.give_back(tx, self.enrollment_id)  # it will not be compared
        return refusal

    def right(self, tx: Tx) -> None:
        wrong_logins.give_back(tx, self.enrollment_id)
        if self.account is not None:
            self.account.right(tx)

    def undo(self, tx: Tx) -> None:
        wrong_logins.give_back(tx, self.enrollment_id)
        if self.account is not None:
            self.account.undo(tx)


def admit(tools: Tools, found: Found, now: int) -> Admitted | Refusal:
    """Check the login, and ask the grant. Runs in `work`: hashing is slow on purpose."""
    if found.guess is not None and found.sighting is None:
        return found.guess.refusal
    proof = _prove(tools, found)
    if found.sighting is not None and found.policy is not None:
        grant = _GRANTS.get(found.sighting.grant, registration_token)
        refusal = grant.admit(found.sighting, proof, found.policy, now)
        refusal = refusal or _restricted(found, found.sighting.subjects)
        return refusal or Admitted(found, proof.user_id or found.sighting.attempt_user_id)
    if found.presented.token is not None or found.policy is None:
        return Refusal("credentials_invalid", reason=f"unknown token or Group ID; {proof.failure}")
    login, place = found.login, found.organization
    user_path = login.organization_path if login else ""
    allowed = login is None or place is None or login.may_have_at(place.path)
    known = bool(found.registered or (found.standing and found.standing.allowed))
    refusal = sign_in.admit(place, user_path, proof, found.policy, known=known, authorized=allowed)
    organization_id = found.organization.id if found.organization else None
    device_id = found.registered.id if found.registered else None
    about = Subjects(organization_id, proof.user_id, device_id, attempt_id=found.attempt_id)
    return refusal or _restricted(found, about) or Admitted(found, proof.user_id)


def _restricted(found: Found, about: Subjects) -> Refusal | None:
    """Why the device of somebody who was admitted may not enroll after all."""
    barred = found.standing.barred if found.standing else None
    if barred is None:
        return None
    return Refusal(barred.code, reason=barred.reason, about=about, holder=True)


def unready(tools: Tools, admitted: Admitted) -> Refusal | None:
    """What whoever was admitted has yet to do: accept the terms of use, answer what is asked.

    Refusals: `terms_required`, `answers_required`, `validation_failed`.
    """
    agreement, about = admitted.found.agreement, admitted.subjects
    unagreed = agreement.refusal(tools.addresses.public_url, about) if agreement else None
    return unagreed or admitted.found.asked.refusal(about)


def outguessed(tx: Tx, caller: Caller, refusal: Refusal, presented: Presented) -> None:
    """After a refused login: a token on which every allowed login was wrong is revoked, and so are
    one-time credentials."""
    enrollment_id, by_login = refusal.about.enrollment_id, presented.locator is not None
    if refusal.code != "credentials_invalid" or (enrollment_id is None and not by_login):
        return
    revoke = (one_time_logins if by_login else wrong_logins).revoke_if_outguessed
    # Asked also where there is nothing: the time must not tell which user names there are (S07).
    if revoke(tx, enrollment_id or NOTHING):
        data = {"reason": "too_many_attempts"}
        events.record(tx, caller, Happening("enrollment.revoked", refusal.about, data))


def _two_factor(found: Found) -> bool:
    if found.policy is None or (found.sighting is not None and found.sighting.grant in _GRANTS):
        return False
    return found.policy.token_type is TokenType.TWO_FACTOR


def _prove(tools: Tools, found: Found) -> Proof:
    presented, login = found.presented, found.login
    if found.guess is not None or not presented.with_credentials:
        if found.by_sign_in and login is not None:
            return Proof(presented=True, user_id=login.user_id)  # proved when the attempt began
        return Proof(presented=False)
    stored = login.password_hash if login is not None and login.active else None
    right = tools.passwords.verify(stored, presented.password or Secret(""))
    if login is None:
        return Proof(presented=True, failure="unknown user")
    if right:
        return Proof(presented=True, user_id=login.user_id)
    return Proof(presented=True, failure="wrong password" if login.active else "disabled user")
