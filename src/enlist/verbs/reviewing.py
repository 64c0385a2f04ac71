"""What a registration, or sending its token again, would do, without doing it (A78)."""

from __future__ import annotations

from dataclasses import dataclass

from enlist.core.caller import Caller
from enlist.core.clock import HOUR
from enlist.core.ids import Id
from enlist.core.model import Device, Enrollment, GrantKind, Organization, User
from enlist.core.outcomes import FieldError, Refusal
from enlist.core.permissions import Permission
from enlist.core.policy import Effective
from enlist.store import devices, enrollment_secrets, organizations
from enlist.store.tx import Reader
from enlist.verbs.channels import CHANNELS
from enlist.verbs.driver import Tools, View
from enlist.verbs.finding import device_named, enrollment_named, user_named
from enlist.verbs.issuing import Delivery, check_delivery, expiry
from enlist.verbs.letters import Ahead, Letter, letter_ahead
from enlist.verbs.register import Register, Seen
from enlist.verbs.rights import missing


@dataclass(frozen=True, slots=True)
class Reviewed:
    """Where, for whom and until when.

    Attributes:
        hours: how long a token lives there where nobody says otherwise, and who says so.
        letter: what would be sent, without its token; None where nothing is.
        token_length: how long the token will be.
    """

    organization: Organization
    user: User
    expires_at: int
    hours: Effective
    letter: Letter | None = None
    token_length: int = 0


@dataclass(frozen=True)
class ReviewRegistration(View[Reviewed]):
    """Checks a registration with the rules of `Register` itself; nothing is written or minted.

    Refusals: those of `Register`, with everything wrong with the fields at once.
    """

    registration: Register
    tools: Tools

    def read(self, tx: Reader, caller: Caller) -> Reviewed | Refusal:
        refusal = self._fields(tx, caller)
        if refusal is not None:
            return refusal
        seen = self.registration.look(self.tools, tx, caller)
        if isinstance(seen, Refusal):
            return seen
        assert seen.user is not None
        path = seen.organization.path
        refusal = check_delivery(
            self.registration.message, seen.user, self.tools.channels, caller, path
        )
        if refusal is not None:
            return refusal
        expires_at = expiry(seen.policy, self.registration.expires_at, tx.now)
        if isinstance(expires_at, Refusal):
            return expires_at
        hours = seen.policy.settings["token_expiration_hours"]
        return Reviewed(
            seen.organization,
            seen.user,
            expires_at,
            hours,
            self._letter(tx, caller, seen, expires_at),
            seen.policy.token_length,
        )

    def _letter(self, tx: Reader, caller: Caller, seen: Seen, expires_at: int) -> Letter | None:
        asked = self.registration
        if asked.message.type not in CHANNELS or seen.user is None:
            return None
        device = asked.new_device(seen, tx.now)
        ahead = Ahead(seen.organization, seen.user, device, asked.message, asked.grant, expires_at)
        return letter_ahead(tx, caller, ahead)

    def _fields(self, tx: Reader, caller: Caller) -> Refusal | None:
        errors = list(self.registration.details.problems())
        if not self.registration.user:
            errors.append(FieldError("user", "choose whom the device is for"))
        else:
            user = user_named(tx, caller, self.registration.user)
            if isinstance(user, Refusal):
                errors.append(FieldError("user", "nobody here has this user name"))
        return Refusal("validation_failed", fields=tuple(errors)) if errors else None


@dataclass(frozen=True, slots=True)
class Upcoming:
    """A message that would be sent, without its token, and how long that is."""

    letter: Letter
    token_length: int


@dataclass(frozen=True)
class ReviewMessage(View[Upcoming]):
    """The message that would bring a token for a device that is there already.

    Refusals: `not_found`, `forbidden`.

    Attributes:
        device_id: what gets a new enrollment; "" where an enrollment is named.
        enrollment_id: what is sent again, or is given its next token.
        again: it is the same token, with its length and its expiry.
        expires_at: until when a new one works; None for the organization's hours.
    """

    delivery: Delivery
    device_id: str = ""
    enrollment_id: str = ""
    again: bool = False
    expires_at: int | None = None
    grant: GrantKind = GrantKind.REGISTRATION_TOKEN

    def read(self, tx: Reader, caller: Caller) -> Upcoming | Refusal:
        found: Enrollment | None = None
        if self.enrollment_id:
            named = enrollment_named(tx, caller, self.enrollment_id, Permission.ENROLLMENTS_READ)
            if isinstance(named, Refusal):
                return named
            found = named
        device = self._device(tx, caller, found.device_id if found else None)
        if isinstance(device, Refusal):
            return device
        user = user_named(tx, caller, device.user_id or "")
        place = organizations.find(tx, device.organization_id)
        if isinstance(user, Refusal) or place is None:
            return missing("user")
        policy = organizations.policy(tx, place.path)
        expires_at = self.expires_at or tx.now + policy.token_expiration_hours * HOUR
        length = policy.token_length
        if found is not None and self.again:
            expires_at = found.expires_at
            row = enrollment_secrets.derivation(tx, found.id, found.generation)
            length = row.length if row else length
        grant = found.grant if found else self.grant
        ahead = Ahead(place, user, device, self.delivery, grant, expires_at)
        return Upcoming(letter_ahead(tx, caller, ahead), length)

    def _device(self, tx: Reader, caller: Caller, of_enrollment: Id | None) -> Device | Refusal:
        if not self.enrollment_id:
            return device_named(tx, caller, self.device_id, Permission.DEVICES_READ)
        found = devices.find(tx, of_enrollment) if of_enrollment else None
        return found or missing("device")
