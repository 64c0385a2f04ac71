"""What the enrollment page asks before and beside the verbs that enroll.

A handle in a link tells one thing to whoever opens it: whether the page unfolds its fields for
name and password (ruling 23). A handle that nobody issued looks like one of an organization that
asks for the token alone, and neither the life of the enrollment nor its organization shows.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from enlist.core.caller import Caller
from enlist.core.ids import Id, parse_id
from enlist.core.model import GrantKind, User
from enlist.core.policy import TokenType
from enlist.core.secrets import Secret
from enlist.store import email_domains, enrollments, organizations, users
from enlist.store.tx import Reader
from enlist.verbs.driver import View
from enlist.verbs.email_domains import domain_of
from enlist.verbs.workplace import zone_for


@dataclass(frozen=True)
class AsksForSignIn(View[bool]):
    """Whether the organization behind a link's handle asks for two factors; False if unknown."""

    handle: str

    def read(self, tx: Reader, caller: Caller) -> bool:
        enrollment_id = parse_id(self.handle)
        found = enrollments.find(tx, enrollment_id) if enrollment_id else None
        # Asked also where nothing was found: a question less would tell by its time.
        policy = organizations.policy(tx, found.organization_path if found else "")
        two_factor = policy.token_type is TokenType.TWO_FACTOR
        # One-time credentials are two factors already, whatever the organization asks.
        return found is not None and found.grant is not GrantKind.PASSCODE and two_factor


@dataclass(frozen=True)
class WhichGroupId(View[str]):
    """The Group ID that came together with a login; "" for what is none, and so a token.

    That is the Group ID itself, or the e-mail address of whoever signs in, which leads to his
    organization (A65), or any address of a domain that belongs to one (A66). Asked only for that
    shape of request, whose every failure gets one answer (ruling 8).
    """

    presented: Secret
    username: str

    def read(self, tx: Reader, caller: Caller) -> str:
        named = self.presented.reveal().strip()
        place = organizations.by_group_id(tx, named)
        # Asked also where a Group ID was found: a question less would tell by its time.
        person = users.by_username(tx, self.username)
        by_domain = email_domains.group_id(tx, domain_of(named))
        if place is not None:
            return place.group_id
        theirs = person is not None and "@" in named and person.email.casefold() == named.casefold()
        return person.group_id if person is not None and theirs else by_domain


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is shown around an enrollment to whoever proved to hold it.

    Attributes:
        organization: its name; "" where none is known.
        person: name of the user that it is for; "" where none is known.
        zone: IANA name of the time zone to show; see `workplace.zone_for`.
        organization_id: whose look the page has.
    """

    organization: str = ""
    person: str = ""
    zone: str = "UTC"
    organization_id: Id | None = field(default=None, compare=False)


@dataclass(frozen=True)
class LookAround(View[Surroundings]):
    """The surroundings of an enrollment that a verb has just told its holder of.

    The user is named by id or user name, whichever that verb answered with.
    """

    organization_id: Id | None
    user_id: Id | None = None
    username: str = ""

    def read(self, tx: Reader, caller: Caller) -> Surroundings:
        person = self._person(tx)
        found = organizations.find(tx, self.organization_id) if self.organization_id else None
        return Surroundings(
            organization=found.name if found else "",
            person=person.display_name if person else "",
            zone=zone_for(person, organizations.upwards(tx, found.path) if found else ()),
            organization_id=found.id if found else None,
        )

    def _person(self, tx: Reader) -> User | None:
        if self.user_id:
            return users.find(tx, self.user_id)
        return users.by_username(tx, self.username) if self.username else None
