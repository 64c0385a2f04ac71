"""What a registration would do, without doing it: the step before Save (A78)."""

from __future__ import annotations

from dataclasses import dataclass

from enlist.core.caller import Caller
from enlist.core.model import Organization, User
from enlist.core.outcomes import FieldError, Refusal
from enlist.core.policy import Effective
from enlist.store.tx import Reader
from enlist.verbs.channels import CHANNELS
from enlist.verbs.driver import Tools, View
from enlist.verbs.finding import user_named
from enlist.verbs.issuing import check_delivery, expiry
from enlist.verbs.letters import Ahead, Letter, letter_ahead
from enlist.verbs.register import Register, Seen


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
