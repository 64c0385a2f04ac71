"""Presenting a token, a code, or a Group ID with a login: what begin, check and redeem share.

Strangers must learn nothing, not even from the time an answer takes (S07). So what is done
depends on the *shape* of the request alone: with a user name and password a hash is always
computed and a try is always written, whether anything was found or not (ruling 8).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Final

from enlist.core.access import Login
from enlist.core.caller import Caller
from enlist.core.ids import NOTHING, Id
from enlist.core.lifecycle import AttemptState
from enlist.core.matching import match
from enlist.core.model import Attempt, Device, GrantKind, Organization, Platform, Sighting
from enlist.core.outcomes import Refusal, Subjects
from enlist.core.policy import EnrollmentPolicy
from enlist.core.secrets import (
    BASE20,
    KeyRing,
    Kind,
    Secret,
    code_digest_input,
    parse_code,
    parse_locator,
    wellformed_token,
    wellformed_uuid,
)
from enlist.store import (
    attempts,
    devices,
    events,
    known_devices,
    logins,
    organizations,
    sightings,
)
from enlist.store.ahead import ReadAhead
from enlist.store.redemptions import DeviceReport
from enlist.store.tx import Reader, Row
from enlist.verbs import agreeing, one_time_logins, prompting, restricting, tries
from enlist.verbs.agreeing import Agreement, Comer
from enlist.verbs.driver import Tools
from enlist.verbs.one_time_logins import Guess
from enlist.verbs.prompting import Asked
from enlist.verbs.restricting import Coming, Standing

_GROUPED_CODE = re.compile(rf"[{BASE20}]{{4}}-[{BASE20}]{{4}}-[{BASE20}]", re.IGNORECASE)


@dataclass(frozen=True)
class Presented:
    """What somebody enrolls with.

    Either `token` (a registration token or an attempt code; ruling 24) or `group_id`; user name
    and password beside it where two factors are asked or a Group ID was given; or these two alone,
    where they are one-time credentials. `kind` says
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
    def locator(self) -> str | None:
        """The letters of the user name, where it is that of one-time credentials."""
        alone = self.token is None and not self.group_id
        return parse_locator(self.username) if alone and self.username else None

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
        # Kept as `cached_property` keeps what needs no keys: one request is under one ring.
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
    owner stands to the terms of use; None where there are none. `asked` is what he has to say about
    the device, `report` what is said of it, by its user when he began as well.
    `attempt` is the attempt whose code was presented.
    `counted_by` is what a try at the account is counted by (see `tries`), "" without credentials.
    `guess` is what came of one-time credentials that were typed.
    """

    presented: Presented
    sighting: Sighting | None = None
    policy: EnrollmentPolicy | None = None
    login: Login | None = None
    organization: Organization | None = None
    registered: Device | None = None
    live: Sighting | None = None
    platform: Platform | None = None
    attempt: Attempt | None = None
    counted_by: str = ""
    guess: Guess | None = None
    standing: Standing | None = None
    agreement: Agreement | None = None
    asked: Asked = Asked()  # noqa: RUF009
    report: DeviceReport = DeviceReport()  # noqa: RUF009

    @property
    def attempt_id(self) -> Id | None:
        """The attempt whose code was presented, if one was."""
        return self.attempt.id if self.attempt else None

    @property
    def by_sign_in(self) -> bool:
        """There is no token: a Group ID and a login, or an attempt that began so."""
        return self.sighting is None and self.organization is not None


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
    if found.policy is not None and found.policy.questions:
        found = replace(found, asked=_asked(tx, found, found.policy))
    if found.guess is not None or not presented.with_credentials:
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
    if presented.locator is not None:
        return _find_by_login(tools, tx, presented, presented.locator, reported)
    platform = reported.platform
    login = logins.by_username(tx, presented.username) if presented.username else None
    nothing = Found(presented, login=login, platform=platform, report=reported.report)
    if presented.token is None:
        return _find_by_group_id(tx, nothing, reported)
    if presented.readable is None:
        return unread(presented) or nothing
    code = presented.code
    codes = tools.keys.digests(Kind.ATTEMPT_CODE, code_digest_input(code)) if code else ()
    sighting = sightings.find(tx, presented.token_digests(tools.keys), codes)
    if sighting is not None:
        policy = organizations.policy(tx, sighting.organization_path)
        attempt = attempts.find(tx, sighting.attempt_id) if sighting.attempt_id else None
        report = prompting.with_answers(reported.report, attempt)
        return Found(
            presented,
            sighting,
            policy,
            login,
            platform=platform,
            attempt=attempt,
            report=report,
        )
    if codes and (found := _find_by_attempt(tx, presented, codes, reported)) is not None:
        return found
    if presented.with_credentials:
        return nothing
    return Refusal("token_invalid", reason="unknown")


def _find_by_login(
    tools: Tools, tx: Reader, presented: Presented, locator: str, reported: Reported
) -> Found:
    guess = one_time_logins.guess(tools.keys, tx, locator, presented.password)
    found = Found(presented, platform=reported.platform, report=reported.report, guess=guess)
    # Asked also where it is wrong: the time must not tell which user names there are (S07).
    sighting = sightings.by_id(tx, *guess.leads_to)
    policy = organizations.policy(tx, sighting.organization_path if sighting else "")
    return found if sighting is None else replace(found, sighting=sighting, policy=policy)


def _find_by_group_id(tx: Reader, nothing: Found, reported: Reported) -> Found | Refusal:
    if not nothing.presented.with_credentials:
        return Refusal("token_invalid", reason="Group ID without a login")
    organization = organizations.by_group_id(tx, nothing.presented.group_id)
    if organization is None:
        return nothing
    return _at(tx, nothing, _default(tx, nothing.login, organization), reported)


def _default(tx: Reader, login: Login | None, named: Organization) -> Organization:
    """Where a sign-in leads that names the user's own organization (A49); else what it names.

    Whoever is unknown has as much looked up: the time must not tell him (S07).
    """
    his = login is not None and login.organization_id == named.id
    default = login.authorized[0] if login is not None and his and login.authorized else named.id
    return organizations.find(tx, default) or named


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
    user_id = found.login.user_id if found.login else NOTHING
    report, device = found.report, None
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
    if target is None or not found.login.may_have_at(target.path):
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
        found.report,
        False,
        reported.whole,
    )
    return replace(found, standing=restricting.stand(tx, policy, coming))


def _agreement(tx: Reader, found: Found, policy: EnrollmentPolicy) -> Agreement | None:
    """How the owner of the device stands to the terms of use that are in force there.

    Whoever is unknown has as much looked up: the time must not tell him (S07).
    """
    platform: str | None = found.platform
    owner: Id | None = found.login.user_id if found.login else NOTHING
    if found.sighting is not None:
        owner, platform = found.sighting.user_id, found.sighting.device_platform or platform
    comer = Comer(platform, found.presented.accepts, owner, found.attempt)
    return agreeing.stand(tx, policy, comer)


def _asked(tx: Reader, found: Found, policy: EnrollmentPolicy) -> Asked:
    """What the organization asks about the device that comes."""
    sighting, record, grant = found.sighting, found.registered, GrantKind.SIGN_IN
    if sighting is not None:
        grant = sighting.grant
        record = devices.find(tx, sighting.device_id) if sighting.device_id else None
    allowed = found.standing.allowed if found.standing else None
    return prompting.stand(policy, grant, found.report, record, allowed)


def _find_by_attempt(
    tx: Reader, presented: Presented, codes: tuple[bytes, ...], reported: Reported
) -> Found | Refusal | None:
    """The code of an attempt that began with a sign-in: it has no enrollment yet."""
    attempt = attempts.by_digest(tx, codes)
    if attempt is None or attempt.user_id is None:
        return None
    about = Subjects(attempt.organization_id, attempt.user_id, attempt_id=attempt.id)
    organization = organizations.find(tx, attempt.organization_id)
    login = logins.by_id(tx, attempt.user_id)
    if organization is None or login is None:
        if presented.with_credentials:
            return None
        return Refusal("token_invalid", reason="its user or organization is gone", about=about)
    if attempt.state is not AttemptState.OPEN or attempt.expires_at <= tx.now:
        return Refusal("attempt_over", at=attempt.expires_at, about=about, holder=True)
    if not login.active:
        return Refusal("user_not_allowed", about=about, holder=True)
    found = Found(replace(presented, token=None), login=login, platform=reported.platform)
    report = prompting.with_answers(reported.report, attempt)
    found = replace(found, attempt=attempt, report=report)
    return _at(tx, found, organization, reported)


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
