"""Keys: naming a new one in the database, and what follows where old ones leaked.

The material is none of a verb's business: whoever writes it into the key folder does so first, and
then has it named here. The other way round, a start in between would find a key missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.ids import NOTHING, Id
from enlist.core.lifecycle import EnrollmentState
from enlist.core.model import GrantKind, Organization
from enlist.core.outcomes import Done, Refusal, Subjects
from enlist.store import (
    enrollments,
    events,
    holds,
    installation,
    key_use,
    leaked_keys,
    organizations,
    passcodes,
    password_links,
    second_factors,
    users,
    webhooks,
)
from enlist.store.key_use import KnownKey
from enlist.store.second_factors import SetUp
from enlist.store.tx import Reader, Tx
from enlist.store.webhooks import Hook
from enlist.verbs.channels import CHANNELS, EMAIL, reaching
from enlist.verbs.driver import QuickVerb, Tools, View
from enlist.verbs.rights import host_alone, missing


@dataclass(frozen=True, slots=True)
class Keys:
    """Every key that was ever made for a database, and the ids of those that leaked."""

    known: tuple[KnownKey, ...]
    leaked: frozenset[str]


@dataclass(frozen=True)
class ListKeys(View[Keys]):
    """Every key that was ever made for this database; for the host alone."""

    def read(self, tx: Reader, caller: Caller) -> Keys | Refusal:
        return host_alone(caller) or Keys(tuple(key_use.known(tx)), leaked_keys.ids(tx))


@dataclass(frozen=True)
class NameKey(QuickVerb[Organization, None]):
    """From now on the database needs this key too: a server without it does not start.

    Attributes:
        begins: from when on it makes what is new, microseconds UTC.
    """

    key_id: str
    purpose: str
    begins: int

    name = "name_key"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Organization | Refusal:
        return host_alone(caller) or organizations.root(tx) or missing("organization")

    def apply(self, tx: Tx, caller: Caller, ready: Organization) -> Done[None] | Refusal:
        installation.add_key(tx, self.key_id, self.purpose)
        data: Mapping[str, str | int] = {
            "key": self.key_id,
            "purpose": self.purpose,
            "begins": self.begins,
        }
        events.record(tx, caller, Happening("key.added", Subjects(ready.id), data))
        return Done(None)


@dataclass(frozen=True)
class DropLeakedKeys(QuickVerb[Organization, int]):
    """Stop, at once, every token that a leaked key could make; answers how many are on hold.

    Half-finished attempts end as well, and recovery codes: both are short, and found by a leaked
    key in a stolen database. So do password links, which are derived. The keys are marked: whatever
    becomes of the rest of the work, nobody frees or sends what they make. Done again with the same
    keys it stops what servers made that did not know them yet; where there is none, that is no
    event.

    Attributes:
        lookup, derive: ids of the new keys, which stand in the key folder already.
    """

    lookup: str
    derive: str

    name = "drop_leaked_keys"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Organization | Refusal:
        return host_alone(caller) or organizations.root(tx) or missing("organization")

    def apply(self, tx: Tx, caller: Caller, ready: Organization) -> Done[int] | Refusal:
        again = self.derive in installation.known_keys(tx)
        for key_id, purpose in ((self.lookup, "lookup"), (self.derive, "derive")):
            installation.add_key(tx, key_id, purpose)
            installation.forget_keys_after(tx, key_id, purpose)
            leaked_keys.mark(tx, purpose, key_id)
        held = holds.hold_derived_otherwise(tx, self.derive)
        holds.end_attempts(tx)
        second_factors.drop_codes_under_other_keys(tx, self.lookup)
        password_links.end_under_other_keys(tx, self.lookup, self.derive)
        for passcode_id, place in passcodes.end_under_other_keys(tx, self.derive):
            data: dict[str, str | int] = {"passcode": passcode_id, "reason": "key_leaked"}
            events.record(tx, caller, Happening("passcode.disabled", Subjects(place), data))
        if held or not again:
            keys = {"lookup": self.lookup, "derive": self.derive}
            happening = Happening("key.compromised", Subjects(ready.id), {**keys, "held": held})
            events.record(tx, caller, happening)
        return Done(held)


@dataclass(frozen=True, slots=True)
class Leaked:
    """An enrollment on hold whose token a leaked key can make.

    Attributes:
        ways: the channels by which its user has an address and can be sent another one.
    """

    enrollment_id: Id
    device_id: Id | None
    device_name: str
    username: str
    expires_at: int
    ways: tuple[str, ...]


@dataclass(frozen=True)
class ListLeaked(View[tuple[Leaked, ...]]):
    """What is on hold under any other derivation key, a page at a time; for the host alone."""

    derive: str
    after: Id = NOTHING
    limit: int = 200

    def read(self, tx: Reader, caller: Caller) -> tuple[Leaked, ...] | Refusal:
        refusal = host_alone(caller)
        if refusal is not None:
            return refusal
        found = []
        for enrollment_id in holds.held_derived_otherwise(tx, self.derive, self.after, self.limit):
            each = enrollments.find(tx, enrollment_id)
            if each is None or each.state is not EnrollmentState.ON_HOLD:
                continue
            user = users.find(tx, each.user_id) if each.user_id else None
            possible = (EMAIL,) if each.grant is GrantKind.ONE_TIME_JWT else CHANNELS
            ways = reaching(user, possible)
            leaked = Leaked(
                each.id, each.device_id, each.device_name, each.username, each.expires_at, ways
            )
            found.append(leaked)
        return tuple(found)


@dataclass(frozen=True)
class ListLeakedFactors(View[tuple[SetUp, ...]]):
    """Second factors whose secrets leaked keys open, a page at a time; for the host alone.

    Attributes:
        derive: id of the new key.
        before: when it came: what was set up earlier lay under a leaked one.
    """

    derive: str
    before: int
    after: Id = NOTHING
    limit: int = 200

    def read(self, tx: Reader, caller: Caller) -> tuple[SetUp, ...] | Refusal:
        refusal = host_alone(caller)
        if refusal is not None:
            return refusal
        found = second_factors.sealed_before(tx, self.derive, self.before, self.after, self.limit)
        return tuple(found)


@dataclass(frozen=True)
class ListLeakedWebhooks(View[tuple[Hook, ...]]):
    """Webhooks whose secrets a leaked key makes, until each has a new one; for the host alone."""

    def read(self, tx: Reader, caller: Caller) -> tuple[Hook, ...] | Refusal:
        return host_alone(caller) or tuple(webhooks.of_leaked_keys(tx))
