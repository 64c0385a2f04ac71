"""Begin: somebody starts to enroll, and gets a short code for the device that will finish.

Beginning changes nothing about the enrollment: it holds no lease, any number of attempts may be
open, and the token stays usable on another device (A27). `Check` is the same without the
attempt: it tells the holder of a token what it is for, before anything happens.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Generic

from enlist.core.caller import Caller
from enlist.core.clock import HOUR, MINUTE
from enlist.core.events import Happening
from enlist.core.ids import Id, new_id
from enlist.core.model import Attempt, Organization, Platform
from enlist.core.outcomes import Done, Refusal, Subjects
from enlist.core.prompts import Question
from enlist.core.secrets import Digest, Kind, Secret, code_digest_input, new_code
from enlist.store import attempts, events, limits, organizations, sightings
from enlist.store.attempts import NewAttempt
from enlist.store.redemptions import DeviceReport
from enlist.store.tx import Reader, Tx
from enlist.verbs import admitting, presenting
from enlist.verbs.admitting import Admitted
from enlist.verbs.driver import QuickVerb, Ready, Tools, Try, Value, Verb
from enlist.verbs.presenting import Found, Presented, Reported
from enlist.verbs.prompting import answers_of

ATTEMPT_LIFETIME: Final = 10 * MINUTE
MOST_BEGUN: Final = 30
"""How many attempts may be begun with one token, or by one user's sign-in, within a lifetime."""

MOST_CHECKED: Final = 60
"""How many checks of one token are written down within an hour; further ones are answered."""


class Next(StrEnum):
    """What the person who began should do now."""

    CERTIFICATE = "certificate"
    OTHER_DEVICE = "other_device"


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a token, code or sign-in would do: shown before anything happens.

    Attributes:
        expires_at: until when it can be used; None for a sign-in.
        device_name, platform: of the registered device; "" where none is registered.
        terms_id: terms of use that have yet to be accepted; "" for none.
        questions: what the organization asks and nobody has answered yet.
    """

    organization: Organization
    username: str
    device_name: str
    platform: str
    expires_at: int | None
    next: Next
    terms_id: Id = ""
    questions: tuple[Question, ...] = ()


@dataclass(frozen=True, slots=True)
class Begun:
    """An open attempt. `code` is for the device that finishes it."""

    attempt_id: Id
    code: Secret
    expires_at: int
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class Seen:
    """What `look` found, and the organization that it belongs to."""

    found: Found
    organization: Organization | None


@dataclass(frozen=True, slots=True)
class Welcome:
    """Somebody who may go on, and what his token, code or sign-in is for."""

    admitted: Admitted
    about: Subjects
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class Opening:
    """An attempt about to be opened, for somebody who may go on."""

    welcome: Welcome
    attempt: NewAttempt
    code: Secret


class _Presenting(Verb[Seen, Ready, Value], Generic[Ready, Value]):
    """What Check and Begin share: find, reserve, admit."""

    refused_as = "enrollment.refused"
    throttled = True

    presented: Presented
    report: DeviceReport

    @property
    def hashes(self) -> bool:
        return self.presented.with_credentials

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Seen | Refusal:
        platform = presenting.platform_of(self.report.platform)
        if isinstance(platform, Refusal):
            return platform
        found = presenting.find(tools, tx, caller, self.presented, Reported(self.report, platform))
        if isinstance(found, Refusal):
            return found
        if found.sighting is None:
            return Seen(found, found.organization)
        return Seen(found, organizations.find(tx, found.sighting.organization_id))

    def reserve(self, seen: Seen) -> Try | None:
        return admitting.reserve(seen.found)

    def on_refusal(self, tx: Tx, caller: Caller, refusal: Refusal) -> None:
        admitting.outguessed(tx, caller, refusal, self.presented)

    def welcome(self, tools: Tools, seen: Seen) -> Welcome | Refusal:
        """The common part of `work`: who is it, and what is it for?"""
        admitted = admitting.admit(tools, seen.found, tools.clock())
        if isinstance(admitted, Refusal):
            return admitted
        if seen.organization is None:
            code = "credentials_invalid" if self.presented.with_credentials else "token_invalid"
            return Refusal(code, reason="its organization is gone")
        purpose = _purpose(seen.found, seen.organization)
        return Welcome(admitted, admitted.subjects, purpose)


@dataclass(frozen=True)
class Check(_Presenting[Welcome, Purpose]):
    """Tell the holder of a secret what it is for. Changes nothing, and may always be repeated."""

    presented: Presented
    report: DeviceReport = DeviceReport()  # noqa: RUF009

    name = "check"

    def work(self, tools: Tools, caller: Caller, seen: Seen) -> Welcome | Refusal:
        return self.welcome(tools, seen)

    def apply(self, tx: Tx, caller: Caller, ready: Welcome) -> Done[Purpose] | Refusal:
        if limits.count(tx, f"{limits.CHECKED}{_whose(ready.about)}", MOST_CHECKED, HOUR):
            events.record(tx, caller, Happening("enrollment.checked", ready.about))
        return Done(ready.purpose)


@dataclass(frozen=True)
class Begin(_Presenting[Opening, Begun]):
    """Open an attempt. It consumes nothing and may be repeated; redeeming never needs one.

    Only holders are counted, so nobody without the secret can use up what may be begun with it.

    Refusals: those of redeeming, `terms_required` and `answers_required` among them, and
    `rate_limited` after `MOST_BEGUN`.
    """

    presented: Presented
    report: DeviceReport = DeviceReport()  # noqa: RUF009

    name = "begin"

    def work(self, tools: Tools, caller: Caller, seen: Seen) -> Opening | Refusal:
        welcome = self.welcome(tools, seen)
        if isinstance(welcome, Refusal):
            return welcome
        unready = admitting.unready(tools, welcome.admitted)
        if unready is not None:
            return unready
        code = new_code()
        digest = tools.keys.digest(Kind.ATTEMPT_CODE, code_digest_input(code.reveal()))
        return Opening(welcome, self._attempt(welcome, digest, tools.clock(), caller), code)

    def apply(self, tx: Tx, caller: Caller, ready: Opening) -> Done[Begun] | Refusal:
        attempt, purpose = ready.attempt, ready.welcome.purpose
        counted = f"{limits.BEGUN}{_whose(ready.welcome.about)}"
        if not limits.count(tx, counted, MOST_BEGUN, ATTEMPT_LIFETIME):
            wait = limits.used_up(tx, counted, MOST_BEGUN)
            about = ready.welcome.about
            return Refusal("rate_limited", retry_after=wait, about=about, holder=True)
        attempts.insert(tx, attempt)
        about = replace(ready.welcome.about, attempt_id=attempt.id)
        personal = {"user": purpose.username, "device": purpose.device_name}
        data = {"platform": self.report.platform}
        events.record(tx, caller, Happening("attempt.started", about, data, personal))
        return Done(Begun(attempt.id, ready.code, attempt.expires_at, purpose))

    def _attempt(self, welcome: Welcome, digest: Digest, now: int, caller: Caller) -> NewAttempt:
        """An attempt lives ten minutes, and never past its enrollment (ruling 24)."""
        found, purpose = welcome.admitted.found, welcome.purpose
        sighting, agreement = found.sighting, found.agreement
        until = now + ATTEMPT_LIFETIME
        if purpose.expires_at is not None:
            until = min(until, purpose.expires_at)
        return NewAttempt(
            id=new_id(now),
            enrollment_id=sighting.enrollment_id if sighting else None,
            generation=sighting.generation if sighting else 0,
            organization_id=purpose.organization.id,
            user_id=welcome.admitted.user_id,
            digest=digest,
            platform=self.report.platform,
            device_name=self.report.name,
            address=caller.address,
            expires_at=until,
            accepted_terms_id=agreement.terms.id if agreement and agreement.accepted_at else None,
            answers=answers_of(found.report).packed(),
        )


@dataclass(frozen=True)
class Cancel(QuickVerb[Attempt, None]):
    """End an open attempt early; its code stops working, its enrollment is untouched."""

    attempt_id: Id
    code: Secret

    name = "cancel"
    refused_as = "enrollment.refused"
    throttled = True

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Attempt | Refusal:
        digests = tools.keys.digests(Kind.ATTEMPT_CODE, code_digest_input(self.code.reveal()))
        attempt = attempts.by_digest(tx, digests)
        if attempt is None or attempt.id != self.attempt_id:
            return Refusal("token_invalid", reason="no such attempt code")
        return attempt

    def apply(self, tx: Tx, caller: Caller, ready: Attempt) -> Done[None] | Refusal:
        sighting = sightings.by_id(tx, ready.enrollment_id, 0) if ready.enrollment_id else None
        about = sighting.subjects if sighting else Subjects(ready.organization_id, ready.user_id)
        about = replace(about, attempt_id=ready.id)
        if not attempts.cancel(tx, ready.id):
            return Refusal("attempt_over", about=about, holder=True)
        events.record(tx, caller, Happening("attempt.cancelled", about))
        return Done(None)


def _whose(about: Subjects) -> Id | None:
    """What its holder's requests are counted by: his enrollment, or himself where there is none."""
    return about.enrollment_id or about.user_id


def _purpose(found: Found, organization: Organization) -> Purpose:
    sighting = found.sighting or found.live
    asked = found.agreement.asked if found.agreement else None
    terms_id = asked.id if asked else ""
    if sighting is None:
        username = found.login.username if found.login else ""
        name = found.registered.name if found.registered else ""
        platform = found.registered.platform.value if found.registered else ""
        purpose = Purpose(organization, username, name, platform, None, Next.CERTIFICATE, terms_id)
        return replace(purpose, questions=found.asked.open)
    return Purpose(
        organization,
        sighting.username,
        sighting.device_name,
        sighting.device_platform.value if sighting.device_platform else "",
        sighting.expires_at,
        _next(found.platform, sighting.device_platform),
        terms_id,
        found.asked.open,
    )


def _next(here: Platform | None, registered: Platform | None) -> Next:
    if here is None or registered is None or here is registered:
        return Next.CERTIFICATE
    return Next.OTHER_DEVICE
