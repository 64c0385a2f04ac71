"""Presenting a token, a code, or a Group ID with a login: what begin, check and redeem share.

Strangers must learn nothing, not even from the time an answer takes (S07). So what is done
depends on the *shape* of the request alone: with a user name and password a hash is always
computed and a try is always written, whether anything was found or not (ruling 8).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import chain
from typing import Final

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.ids import Id
from enlist.core.lifecycle import AttemptState, EnrollmentState
from enlist.core.matching import match
from enlist.core.model import Device, GrantKind, Login, Organization, Platform, Proof, Sighting
from enlist.core.outcomes import Refusal, Subjects
from enlist.core.policy import EnrollmentPolicy, TokenType
from enlist.core.secrets import (
    BASE20,
    KeyRing,
    Kind,
    Secret,
    code_digest_input,
    parse_code,
    wellformed_token,
    wellformed_uuid,
)
from enlist.grants import one_time_jwt, registration_token, sign_in
from enlist.store import (
    attempts,
    devices,
    events,
    known_devices,
    limits,
    organizations,
    sightings,
    users,
    wrong_logins,
)
from enlist.store.ahead import ReadAhead
from enlist.store.redemptions import DeviceReport
from enlist.store.tx import Reader, Row, Tx
from enlist.verbs import agreeing, restricting, tries
from enlist.verbs.agreeing import Agreement, Comer
from enlist.verbs.driver import Tools, Try
from enlist.verbs.restricting import Coming, Standing
from enlist.verbs.tries import AccountTry

_NOBODY: Final = "00000000-0000-7000-8000-000000000000"
_GROUPED_CODE = re.compile(rf"[{BASE20}]{{4}}-[{BASE20}]{{4}}-[{BASE20}]", re.IGNORECASE)


@dataclass(frozen=True)
class Presented:
    """What somebody enrolls with.

    Either `token` (a registration token or an attempt code; ruling 24) or `group_id`; user name
    and password beside it where two factors are asked or a Group ID was given. `kind` says
    whether `token` is a one-time JWT's `jti` instead: one is never taken for the other. What is
    made of the token is made once, however often it is asked for. `accepts` is the id of the terms
    of use that he accepts.
    """

    token: Secret | None = None
    group_id: str = ""
    username: str = ""
    password: Secret | None = None
    kind: Kind = Kind.REGISTRATION_TOKEN
    accepts: str = ""

    @property
    def with_credentials(self) -> bool:
        return bool(self.username or self.password)

    @cached_property
    def readable(self) -> Secret | None:
        """The letters of the token or code, as far as it can be one."""
        text = self.token.reveal() if self.token else ""
        if self.kind is Kind.ONE_TIME_JWT:
            identifier = wellformed_uuid(text)
            return Secret(identifier) if identifier else None
        mistyped = _GROUPED_CODE.fullmatch(text.strip()) and self.code is None
        letters = None if mistyped else wellformed_token(text)
        return Secret(letters) if letters else None

    @cached_property
    def code(self) -> str | None:
        """The letters, where they are those of an attempt's code."""
        if self.token is None or self.kind is not Kind.REGISTRATION_TOKEN:
            return None
        return parse_code(self.token.reveal())

    def token_digests(self, keys: KeyRing) -> tuple[bytes, ...]:
        """The digests by which it may be found; () for what can be no token."""
        known: tuple[bytes, ...] | None = self.__dict__.get("_digests")
        if known is None:
            text = self.readable
            known = keys.digests(self.kind, text) if text else ()
            self.__dict__["_digests"] = known
        return known


@dataclass(frozen=True, slots=True)
class Found:
    """What the store knows about what was presented. All may be None: a stranger's guess.

    `registered` is the device that a sign-in would enroll, `live` its live enrollment. `standing`
    is how the device stands to what restricts it; None where nothing does. `agreement` is how its
    owner stands to the terms of use; None where there are none.
    `sign_in_attempt_id` is the attempt that began with a sign-in, whose code was presented.
    `counted_by` is what a try at the account is counted by (see `tries`), "" without credentials.
    """

    presented: Presented
    sighting: Sighting | None = None
    policy: EnrollmentPolicy | None = None
    login: Login | None = None
    organization: Organization | None = None
    registered: Device | None = None
    live: Sighting | None = None
    platform: Platform | None = None
    sign_in_attempt_id: Id | None = None
    counted_by: str = ""
    standing: Standing | None = None
    agreement: Agreement | None = None

    @property
    def attempt_id(self) -> Id | None:
        """The attempt whose code was presented, if one was."""
        return self.sighting.attempt_id if self.sighting else self.sign_in_attempt_id

    @property
    def by_sign_in(self) -> bool:
        """There is no token: a Group ID and a login, or an attempt that began so."""
        return self.sighting is None and self.organization is not None


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


@dataclass(frozen=True, slots=True)
class Reported:
    """What is known of the device that comes; `whole`: nothing further will be."""

    report: DeviceReport
    platform: Platform | None
    whole: bool = False


def find(
    tools: Tools, tx: Reader, caller: Caller, presented: Presented, reported: Reported
) -> Found | Refusal:
    """Look for what was presented. A stranger without credentials stops here."""
    found = _find(tools, tx, presented, reported)
    if isinstance(found, Refusal):
        return found
    if found.sighting is not None:
        found = _standing(tx, found, found.sighting, reported)
    if found.policy is not None and found.policy.terms:
        found = replace(found, agreement=_agreement(tx, found, found.policy))
    if not presented.with_credentials:
        return found
    counted = tries.counted_by(tools, tx, caller, presented.username, found.login)
    return replace(found, counted_by=counted)


def unread(presented: Presented) -> Refusal | None:
    """The refusal of what can be no token and no code, which nobody needs to look for (S03).

    Beside a login nothing is refused yet: the login is looked for, and its password compared, for
    the shape of the request alone must decide how much is done (ruling 8).
    """
    if presented.token is None or presented.with_credentials or presented.readable:
        return None
    return Refusal("token_invalid", reason="mistyped or malformed", counted_only=True)


def read_ahead(tools: Tools, ahead: ReadAhead, presented: Iterable[Presented]) -> None:
    """Ask at once for every token that `find` will look for, and how those used were used."""

    def follow(rows: list[Row]) -> None:
        organizations.read_ahead(ahead, {row["organization_path"] for row in rows})
        used = [row["enrollment_id"] for row in rows if row["used_at"] is not None]
        events.read_ahead(ahead, used)

    digests = (one.token_digests(tools.keys) for one in presented)
    sightings.read_ahead(ahead, chain.from_iterable(digests), follow)


def _find(tools: Tools, tx: Reader, presented: Presented, reported: Reported) -> Found | Refusal:
    platform = reported.platform
    login = users.login(tx, presented.username) if presented.username else None
    nothing = Found(presented, login=login, platform=platform)
    if presented.token is None:
        return _find_by_group_id(tx, nothing, reported)
    if presented.readable is None:
        return unread(presented) or nothing
    code = presented.code
    codes = tools.keys.digests(Kind.ATTEMPT_CODE, code_digest_input(code)) if code else ()
    sighting = sightings.find(tx, presented.token_digests(tools.keys), codes)
    if sighting is not None:
        policy = organizations.policy(tx, sighting.organization_path)
        return Found(presented, sighting, policy, login, platform=platform)
    if codes and (found := _find_by_attempt(tx, presented, codes, reported)) is not None:
        return found
    if presented.with_credentials:
        return nothing
    return Refusal("token_invalid", reason="unknown")


def _find_by_group_id(tx: Reader, nothing: Found, reported: Reported) -> Found | Refusal:
    if not nothing.presented.with_credentials:
        return Refusal("token_invalid", reason="Group ID without a login")
    organization = organizations.by_group_id(tx, nothing.presented.group_id)
    return _at(tx, nothing, organization, reported) if organization else nothing


def _at(
    tx: Reader, found: Found, organization: Organization, reported: Reported, *, moved: bool = False
) -> Found:
    """What a sign-in there leads to; a device elsewhere does not count, nor do the rules there.

    Whoever is unknown has as much looked up: the time must not tell him (S07).

    Args:
        moved: an allow list has named this organization as the device's.
    """
    policy = organizations.policy(tx, organization.path)
    found = replace(found, organization=organization, policy=policy)
    user_id = found.login.user_id if found.login else _NOBODY
    report, device = reported.report, None
    if found.platform is not None:
        device = match(
            known_devices.registered(tx, organization.id, user_id, found.platform),
            serial=report.serial,
            imei=report.imei,
            udid=report.udid,
            model=report.model,
            ownership=restricting.said_ownership(report),
        )
    coming = Coming(
        organization.path, user_id, device, found.platform, report, True, reported.whole
    )
    standing = restricting.stand(tx, policy, coming)
    target = None if moved or device else _target(tx, found, standing)
    if target is not None:
        return _at(tx, found, target, reported, moved=True)
    live = sightings.live_of_device(tx, device.id) if device else None
    return replace(found, registered=device, live=live, standing=standing)


def _target(tx: Reader, found: Found, standing: Standing | None) -> Organization | None:
    """Where an allow list wants the device; never outside of what its user belongs to (A45)."""
    allowed = standing.allowed if standing else None
    if allowed is None or allowed.target_id is None or found.login is None:
        return None
    target = organizations.find(tx, allowed.target_id)
    if target is None or not target.path.startswith(found.login.organization_path):
        return None
    return target


def _standing(tx: Reader, found: Found, sighting: Sighting, reported: Reported) -> Found:
    """How the device that a token names stands, where anything is to be looked at."""
    policy = found.policy
    if policy is None or (policy.restrictions is None and not policy.guard_known_devices):
        return found
    coming = Coming(
        sighting.organization_path,
        sighting.user_id,
        devices.find(tx, sighting.device_id) if sighting.device_id else None,
        found.platform,
        reported.report,
        False,
        reported.whole,
    )
    return replace(found, standing=restricting.stand(tx, policy, coming))


def _agreement(tx: Reader, found: Found, policy: EnrollmentPolicy) -> Agreement | None:
    """How the owner of the device stands to the terms of use that are in force there.

    Whoever is unknown has as much looked up: the time must not tell him (S07).
    """
    platform: str | None = found.platform
    owner: Id | None = found.login.user_id if found.login else _NOBODY
    if found.sighting is not None:
        owner, platform = found.sighting.user_id, found.sighting.device_platform or platform
    attempt = attempts.find(tx, found.attempt_id) if found.attempt_id else None
    comer = Comer(platform, found.presented.accepts, owner, attempt)
    return agreeing.stand(tx, policy, comer)


def _find_by_attempt(
    tx: Reader, presented: Presented, codes: tuple[bytes, ...], reported: Reported
) -> Found | Refusal | None:
    """The code of an attempt that began with a sign-in: it has no enrollment yet."""
    attempt = attempts.by_digest(tx, codes)
    if attempt is None or attempt.user_id is None:
        return None
    about = Subjects(attempt.organization_id, attempt.user_id, attempt_id=attempt.id)
    organization = organizations.find(tx, attempt.organization_id)
    login = users.login_by_id(tx, attempt.user_id)
    if organization is None or login is None:
        if presented.with_credentials:
            return None
        return Refusal("token_invalid", reason="its user or organization is gone", about=about)
    if attempt.state is not AttemptState.OPEN or attempt.expires_at <= tx.now:
        return Refusal("attempt_over", at=attempt.expires_at, about=about, holder=True)
    if not login.active:
        return Refusal("user_not_allowed", about=about, holder=True)
    found = Found(replace(presented, token=None), login=login, platform=reported.platform)
    found = replace(found, sign_in_attempt_id=attempt.id)
    return _at(tx, found, organization, reported)


def reserve(found: Found) -> Try | None:
    """The try to write down before a password is compared (ruling 26).

    A live token counts the logins given with it, and its owner's account nothing: who holds no
    token cannot lock him out. Every other account counts its own tries, too, or one token would
    be ten free guesses at each of them; and so it does beside a token that is used or revoked.
    """
    presented, sighting, login = found.presented, found.sighting, found.login
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
    proof = _prove(tools, found)
    if found.sighting is not None and found.policy is not None:
        grant = _GRANTS.get(found.sighting.grant, registration_token)
        refusal = grant.admit(found.sighting, proof, found.policy, now)
        refusal = refusal or _restricted(found, found.sighting.subjects)
        return refusal or Admitted(found, proof.user_id or found.sighting.attempt_user_id)
    if found.presented.token is not None or found.policy is None:
        return Refusal("credentials_invalid", reason=f"unknown token or Group ID; {proof.failure}")
    user_path = found.login.organization_path if found.login else ""
    known = bool(found.registered or (found.standing and found.standing.allowed))
    refusal = sign_in.admit(found.organization, user_path, proof, found.policy, known=known)
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


def unagreed(tools: Tools, admitted: Admitted) -> Refusal | None:
    """`terms_required` for whoever was admitted and has not accepted the terms of use."""
    agreement = admitted.found.agreement
    if agreement is None:
        return None
    return agreement.refusal(tools.addresses.public_url, admitted.subjects)


def outguessed(tx: Tx, caller: Caller, refusal: Refusal) -> None:
    """After a refused login: a token on which every allowed login was wrong is revoked."""
    enrollment_id = refusal.about.enrollment_id
    if refusal.code != "credentials_invalid" or enrollment_id is None:
        return
    if wrong_logins.revoke_if_outguessed(tx, enrollment_id):
        data = {"reason": "too_many_attempts"}
        events.record(tx, caller, Happening("enrollment.revoked", refusal.about, data))


def _two_factor(found: Found) -> bool:
    return found.policy is not None and found.policy.token_type is TokenType.TWO_FACTOR


def _prove(tools: Tools, found: Found) -> Proof:
    presented, login = found.presented, found.login
    if not presented.with_credentials:
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


_GRANTS: Final = {GrantKind.ONE_TIME_JWT: one_time_jwt}
_PLATFORMS: Final = {"ipados": Platform.IOS, **{known.value: known for known in Platform}}


def platform_of(text: str) -> Platform | Refusal | None:
    """The platform that a request names; None where it names none.

    Refusals: `platform_not_supported` (ruling 12), told before anything presented is looked at,
    and so to anybody alike.
    """
    if not text:
        return None
    found = _PLATFORMS.get(text.strip().lower())
    if found is None:
        return Refusal("platform_not_supported")
    return found
