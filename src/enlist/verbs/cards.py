"""Cards on paper, for people who are handed what they enroll with: one for each device.

Paper lies about and is copied, so a card holds no more than may be shown. A one-time JWT is handed
over as a QR code anyway; on a card it is shown once more, and that is the same event. A
registration token is only ever sent: its card has the QR code of the link without the token, which
opens the right page and cannot redeem, and its reader types the token that he was sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from enlist.core.branding import Branding
from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.model import Enrollment, GrantKind, Organization, User
from enlist.core.outcomes import Done, Refusal
from enlist.core.permissions import Permission
from enlist.core.secrets import Secret
from enlist.store import branding, enrollment_secrets, enrollments, events, organizations, users
from enlist.store.enrollment_secrets import Derivation
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs.driver import Tools, Verb
from enlist.verbs.finding import beyond, enrollment_named
from enlist.verbs.one_time_jwt import Seen, over, signed
from enlist.verbs.readers import languages_of, zones_of
from enlist.verbs.rights import missing

PRINTABLE: Final = frozenset({GrantKind.ONE_TIME_JWT, GrantKind.REGISTRATION_TOKEN})
"""The grants whose enrollments are for one device of one person."""


@dataclass(frozen=True, slots=True)
class Card:
    """What stands on a card.

    Attributes:
        code: what its QR code says.
        bearer: whoever reads the code can enroll with it.
        address: what can be typed instead; "" where nothing can.
        language, time_zone: of whoever gets it.
    """

    enrollment: Enrollment
    organization: Organization
    person: str
    look: Branding
    code: Secret
    bearer: bool
    address: str
    language: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class Known:
    """The enrollment, whose it is, and how the token of its generation was derived."""

    enrollment: Enrollment
    derivation: Derivation | None
    organization: Organization
    user: User | None
    look: Branding
    above: tuple[Organization, ...]


@dataclass(frozen=True)
class PrintCard(Verb[Known, Card, Card]):
    """Make the card of an enrollment that nobody used yet.

    Refusals: `not_found`, `forbidden`, `conflict` for what has no card, and `token_used`,
    `token_revoked`, `token_expired`, `token_on_hold` for what is over, `try_later` where this
    server lacks the key of a JWT.
    """

    enrollment_id: str

    name = "print_card"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Known | Refusal:
        found = enrollment_named(tx, caller, self.enrollment_id, Permission.ENROLLMENTS_DOWNLOAD)
        if isinstance(found, Refusal):
            return found
        refusal = beyond(tx, caller, found.user_id, found.subjects)
        if refusal is None and (found.grant not in PRINTABLE or found.device_id is None):
            detail = "It is for no device of its own, so there is no card."
            refusal = Refusal("conflict", detail=detail, about=found.subjects)
        refusal = refusal or over(found, tx.now)
        if refusal is not None:
            return refusal
        place = organizations.find(tx, found.organization_id)
        return Known(
            enrollment=found,
            derivation=enrollment_secrets.derivation(tx, found.id, found.generation),
            organization=place,
            user=users.find(tx, found.user_id) if found.user_id else None,
            look=branding.at(tx, found.organization_path),
            above=tuple(organizations.upwards(tx, found.organization_path)),
        ) if place else missing("enrollment")  # fmt: skip

    def work(self, tools: Tools, caller: Caller, seen: Known) -> Card | Refusal:
        found, address = seen.enrollment, f"{tools.addresses.public_url}/enroll/"
        code, bearer = Secret(address + found.id), found.grant is GrantKind.ONE_TIME_JWT
        if bearer:
            if seen.derivation is None:
                return missing("enrollment")
            shown = signed(tools, Seen(found, seen.derivation))
            if isinstance(shown, Refusal):
                return shown
            code = shown.jwt
        return Card(
            enrollment=found,
            organization=seen.organization,
            # Empty where whoever asks may not be told whose it is.
            person=seen.user.display_name if seen.user and found.username else "",
            look=seen.look,
            code=code,
            bearer=bearer,
            address="" if bearer else address.removesuffix("/"),
            language=languages_of(seen.user, seen.above)[0],
            time_zone=next(iter(zones_of(seen.user, seen.above)), "UTC"),
        )

    def apply(self, tx: Tx, caller: Caller, ready: Card) -> Done[Card] | Refusal:
        before = ready.enrollment
        found = enrollments.find(tx, before.id)
        if found is None or (found.state, found.generation) != (before.state, before.generation):
            raise ConcurrentChange  # it was reissued or used meanwhile: its card is of no use
        data: dict[str, str | int] = {"form": "card", "generation": found.generation}
        personal = {"device": found.device_name, "user": found.username}
        kind = "enrollment.revealed" if ready.bearer else "enrollment.printed"
        events.record(tx, caller, Happening(kind, found.subjects, data, personal))
        return Done(ready)
