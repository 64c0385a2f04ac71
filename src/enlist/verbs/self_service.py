"""Self-service enrollment: a name and the company passcode lead to one-time credentials (seed 001).

The passcode alone enrolls nothing: what it leads to goes to the registered address of somebody who
is known, so it takes his mailbox, too. The answer is the same for everybody, in words, status and
time (B12, ruling 40): a right entry only queues a request, which `waiting` is answered beside it.

Wrong entries count against the passcode that governs where they were meant for: where the page's
address names an organization, that one's; else that of whoever is known by the name; else that of
whoever owns the domain of the e-mail address. One network adds ten at most in ten minutes, so that
a stranger alone cannot switch a company's self-service off (S44). Where the settings shield it, too
many of them do not either: what is typed is compared only beside the proof of a mailbox (X49).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from enlist.core.caller import Caller
from enlist.core.clock import HOUR, MINUTE, SECOND
from enlist.core.events import Happening
from enlist.core.ids import Id, new_id
from enlist.core.model import Organization, Platform
from enlist.core.outcomes import Done, Effect, Refusal, Subjects, invalid
from enlist.core.passcodes import Known, Passcode, SelfService, standing
from enlist.core.secrets import LONGEST_PRESENTED, Kind, Secret, strip_typing
from enlist.store import (
    credential_requests,
    email_domains,
    events,
    limits,
    organizations,
    passcodes,
)
from enlist.store import notices as stored_notices
from enlist.store.credential_requests import CredentialRequest, NewRequest
from enlist.store.notices import Notice
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs.driver import Tools, Try, Verb, View
from enlist.verbs.email_domains import domain_of
from enlist.verbs.fields import readable
from enlist.verbs.presenting import platform_of

PROOF: Final = "self_service_proof"
"""Purpose of the message by which somebody proves his mailbox."""

PROOF_LIFETIME: Final = HOUR
MOST_BY_SOURCE: Final = 10
"""Wrong entries that one network can add within `SOURCE_WINDOW`."""
SOURCE_WINDOW: Final = 10 * MINUTE
MOST_BY_PERSON: Final = 5
"""Times within an hour that somebody is sent credentials; not twice within `SOON`."""
SOON: Final = 30 * SECOND
MOST_TRIES: Final = 5
"""Passcodes that are compared beside one proof of a mailbox."""
WRONG: Final = "wrong passcode"

_REFUSED: Final = Refusal("passcode_invalid")


@dataclass(frozen=True, slots=True)
class Entered:
    """What somebody entered, and what that leads to.

    Attributes:
        governing: the passcode that a wrong entry is counted by, and that says how things stand.
        presented: the one that he typed, where it is good: `governing`, or what overlaps that.
        person: whom he named, where that one may enroll by it; `place` is where his device goes.
    """

    platform: Platform
    governing: Passcode | None
    presented: Passcode | None
    person: Known | None
    place: Id | None

    @property
    def about(self) -> Subjects:
        """What an event of it is about."""
        organization_id = self.governing.organization_id if self.governing else None
        return Subjects(organization_id, self.person.user_id if self.person else None)


@dataclass(frozen=True, slots=True)
class Asking:
    """A request about to be queued; with the notice that asks for a proof, where one is asked."""

    entered: Entered
    request: NewRequest
    notice: Notice | None = None


@dataclass(frozen=True)
class AskForCredentials(Verb[Entered, Asking, None]):
    """Ask for one-time credentials, by the name of somebody known and the company passcode.

    Attributes:
        named: e-mail address or user name.
        platform: of the device that is to be enrolled.
        organization: Group ID, where the page's address names one; else "".

    Refusals: `validation_failed`, `platform_not_supported`, `rate_limited`; and `passcode_invalid`,
    which nobody is shown: it is answered like what is right.
    """

    named: str
    passcode: Secret
    platform: str
    organization: str = ""

    name = "ask_for_credentials"
    refused_as = "passcode.refused"
    throttled = True

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Entered | Refusal:
        for field, given in (("email", self.named), ("passcode", self.passcode.reveal())):
            if not given.strip():
                return invalid(field, "must be filled in")
        platform = platform_of(self.platform)
        if platform is None:
            return invalid("platform", "must be chosen")
        if isinstance(platform, Refusal):
            return platform
        return _look(tools, tx, self, platform)

    def work(self, tools: Tools, caller: Caller, seen: Entered) -> Asking | Refusal:
        governing, person = seen.governing, seen.person
        refused = replace(_REFUSED, about=seen.about)
        state = standing(governing)
        if governing is None or state not in (SelfService.ACTIVE, SelfService.SHIELDED):
            return replace(refused, reason=f"self-service is {state.value}")
        if seen.presented is None and state is SelfService.ACTIVE:
            data: dict[str, str | int] = {"passcode": governing.id}
            return replace(refused, reason=WRONG, data=data)
        if person is None or seen.place is None:
            return replace(refused, reason="nobody who may enroll is known by this name")
        return _asking(tools, seen, governing, person, seen.place)

    def apply(self, tx: Tx, caller: Caller, ready: Asking) -> Done[None] | Refusal:
        entered, request = ready.entered, ready.request
        governing, presented = entered.governing, entered.presented
        assert governing is not None
        proving = ready.notice is not None
        if not proving and not _accepted(tx, governing, presented):
            raise ConcurrentChange  # locked, disabled or replaced at this very moment
        effects: tuple[Effect, ...] = ()
        sent = _within_limits(tx, request.user_id) and credential_requests.insert(tx, request)
        if sent and ready.notice is not None:
            effects = stored_notices.queue(tx, [ready.notice])
        data: dict[str, str | int] = {
            "passcode": governing.id,
            "platform": request.platform,
            "sent": int(sent),
        }
        kind = "passcode.proof_asked" if proving else "passcode.accepted"
        events.record(tx, caller, Happening(kind, entered.about, data))
        return Done(None, effects)

    def on_refusal(self, tx: Tx, caller: Caller, refusal: Refusal) -> None:
        count_wrong(tx, caller, refusal)


def _look(
    tools: Tools, tx: Reader, asked: AskForCredentials, platform: Platform
) -> Entered | Refusal:
    """As much is looked up whoever and whatever is named: the time must not tell (S07)."""
    named = asked.named.strip() if readable(asked.named.strip()) else ""
    here = organizations.by_group_id(tx, asked.organization) if asked.organization else None
    people = credential_requests.known(tx, named)
    owner = organizations.by_group_id(tx, email_domains.group_id(tx, domain_of(named)) or "-")
    typed = by_typing(tools, tx, asked.passcode)
    home = people[0].organization_path if people else ""
    path = here.path if here else home or (owner.path if owner else "")
    governing = passcodes.governing(tx, path)
    newest = passcodes.newest(tx, typed.organization_id) if typed else governing
    if governing is None and newest is not None and newest.shielded:
        governing = newest
    if typed is None or newest is None or not _counts(typed, newest, here, governing, tx.now):
        person, place = _among(tx, people, governing)
        return Entered(platform, governing, None, person, place)
    person, place = _among(tx, people, newest)
    return Entered(platform, newest, typed, person, place)


def by_typing(tools: Tools, tx: Reader, typed: Secret) -> Passcode | None:
    """The passcode that somebody typed, whatever became of it."""
    text = strip_typing(typed.reveal()[:LONGEST_PRESENTED])
    return passcodes.by_digest(tx, tools.keys.digests(Kind.PASSCODE, Secret(text)))


def _counts(
    typed: Passcode,
    newest: Passcode,
    here: Organization | None,
    governing: Passcode | None,
    now: int,
) -> bool:
    """Whether a passcode that exists is right here and now."""
    if standing(newest) is not SelfService.ACTIVE or not typed.good(now):
        return False
    if here is None:
        return True
    return governing is not None and governing.organization_id == typed.organization_id


def _among(
    tx: Reader, people: Sequence[Known], passcode: Passcode | None
) -> tuple[Known | None, Id | None]:
    """The first of those who are named who may enroll by this passcode, and where."""
    for person in people:
        place = place_for(tx, person, passcode) if passcode else None
        if place is not None:
            return person, place
    return None, None


def place_for(tx: Reader, person: Known, passcode: Passcode) -> Id | None:
    """Where a device goes that somebody enrolls by this passcode; None where he may not.

    To the passcode's organization (B04), where he may have devices there. It counts for whoever
    belongs to an organization below as well, unless that one has a passcode of its own: his device
    goes where his devices go.
    """
    if person.may_have_at(passcode.organization_path):
        return passcode.organization_id
    if not person.organization_path.startswith(passcode.organization_path):
        return None
    nearest = passcodes.governing(tx, person.organization_path)
    governed = nearest is not None and nearest.organization_id == passcode.organization_id
    return person.enrolls_at if governed else None


def _asking(tools: Tools, seen: Entered, governing: Passcode, person: Known, place: Id) -> Asking:
    now = tools.clock()
    request_id = new_id(now)
    passcode_id = seen.presented.id if seen.presented else governing.id
    request = NewRequest(
        request_id, passcode_id, place, person.user_id, seen.platform.value, now + PROOF_LIFETIME
    )
    if not governing.shielded:
        return Asking(seen, request)
    derived = tools.keys.derive_link(request_id)
    digest = tools.keys.digest(Kind.PROOF_LINK, derived.secret)
    notice = Notice(
        id=request_id,
        organization_id=place,
        user_id=person.user_id,
        purpose=PROOF,
        message_id=f"<{request_id}@{tools.addresses.mail_domain}>",
    )
    return Asking(seen, replace(request, digest=digest, derive_key_id=derived.key_id), notice)


def _accepted(tx: Tx, governing: Passcode, presented: Passcode | None) -> bool:
    return presented is not None and passcodes.accept(tx, presented.id, governing.id)


def _within_limits(tx: Tx, user_id: Id) -> bool:
    """Whether somebody may be written to now: a stranger must not fill his mailbox."""
    soon = limits.count(tx, f"{limits.CREDENTIALS_SOON}{user_id}", 1, SOON)
    return soon and limits.count(tx, f"{limits.CREDENTIALS}{user_id}", MOST_BY_PERSON, HOUR)


def count_wrong(tx: Tx, caller: Caller, refusal: Refusal) -> None:
    """A wrong entry is counted by the passcode that governs; the one too many has its event."""
    passcode_id = refusal.data.get("passcode")
    if refusal.reason != WRONG or not isinstance(passcode_id, str):
        return
    source = caller.source
    if not limits.count(tx, f"{limits.PASSCODE}{source}", MOST_BY_SOURCE, SOURCE_WINDOW):
        return
    found = passcodes.find(tx, passcode_id)
    if found is None:
        return
    policy = organizations.policy(tx, found.organization_path)
    shields = policy.passcode_lockout == "shield"
    counted = passcodes.wrong(tx, found.id, source, policy.passcode_attempts, shields=shields)
    if counted is None or counted.became is None:
        return
    if counted.became == "locked":
        passcodes.end_old(tx, found.organization_id)
    data: dict[str, str | int] = {
        "passcode": found.id,
        "failed": counted.failed_in_a_row,
        "sources": passcodes.source_count(tx, found.id),
    }
    kind = "passcode.locked" if counted.became == "locked" else "passcode.shielded"
    events.record(tx, caller, Happening(kind, found.subjects, data))


@dataclass(frozen=True, slots=True)
class Proving:
    """A request whose owner shows that he reads his mailbox, and the passcode that he typed."""

    request: CredentialRequest
    governing: Passcode | None
    typed: Passcode | None
    place: Id | None


@dataclass(frozen=True)
class ProveMailbox(Verb[Proving, Proving, None]):
    """Enter the passcode on the page that a message led to, where self-service is shielded.

    Attributes:
        link: the secret of the link in that message.

    Refusals: `proof_link_invalid`; `passcode_wrong`, told to whoever holds the link.
    """

    link: Secret
    passcode: Secret

    name = "prove_mailbox"
    refused_as = "passcode.refused"
    throttled = True

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Proving | Refusal:
        digests = tools.keys.digests(Kind.PROOF_LINK, self.link)
        found = credential_requests.by_digests(tx, digests)
        if found is None or found.state != "proof" or found.expires_at <= tx.now:
            return Refusal("proof_link_invalid", reason="an unknown, used, or old link")
        asked = passcodes.find(tx, found.passcode_id)
        governing = passcodes.newest(tx, asked.organization_id) if asked else None
        typed = by_typing(tools, tx, self.passcode)
        return Proving(found, governing, typed, found.organization_id)

    def reserve(self, seen: Proving) -> Try | None:
        def take(tx: Tx) -> Refusal | None:
            if credential_requests.take_try(tx, seen.request.id, MOST_TRIES):
                return None
            return Refusal("proof_link_invalid", reason="no try left", holder=True)

        return Try(take)

    def work(self, tools: Tools, caller: Caller, seen: Proving) -> Proving | Refusal:
        governing, typed, now = seen.governing, seen.typed, tools.clock()
        about = Subjects(governing.organization_id if governing else None, seen.request.user_id)
        if governing is None or standing(governing) not in (
            SelfService.ACTIVE,
            SelfService.SHIELDED,
        ):
            return Refusal("self_service_off", about=about, holder=True)
        same = typed is not None and typed.organization_id == governing.organization_id
        if typed is None or not same or not typed.good(now):
            return Refusal("passcode_wrong", about=about, holder=True, reason="beside a proof")
        return seen

    def apply(self, tx: Tx, caller: Caller, ready: Proving) -> Done[None] | Refusal:
        governing, typed, place = ready.governing, ready.typed, ready.place
        assert governing is not None
        assert typed is not None
        assert place is not None
        if not passcodes.accept(tx, typed.id, governing.id):
            raise ConcurrentChange
        if not credential_requests.proved(tx, ready.request.id, typed.id, place):
            return Refusal("proof_link_invalid", reason="used at this very moment", holder=True)
        about = Subjects(governing.organization_id, ready.request.user_id)
        data: dict[str, str | int] = {"passcode": typed.id, "platform": ready.request.platform}
        happening = Happening("passcode.accepted", about, {**data, "sent": 1, "proved": 1})
        events.record(tx, caller, happening)
        return Done(None)


@dataclass(frozen=True, slots=True)
class SelfServicePlace:
    """An organization that has a self-service page of its own."""

    organization_id: Id
    name: str
    state: SelfService


@dataclass(frozen=True)
class ShowSelfService(View[SelfServicePlace | None]):
    """How self-service stands where an address names an organization; None for an unknown one.

    That much anybody may know who has the address: the page says that it is not available (B11).

    Attributes:
        organization: Group ID.
    """

    organization: str

    def read(self, tx: Reader, caller: Caller) -> SelfServicePlace | None:
        found = organizations.by_group_id(tx, self.organization)
        if found is None:
            return None
        state = standing(passcodes.governing(tx, found.path))
        return SelfServicePlace(found.id, found.name, state)
