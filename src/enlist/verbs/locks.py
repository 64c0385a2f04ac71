"""Locks: which counts are in force, of whom, and ending them (X17, A71).

Nobody is locked out for good: each count ends by itself, or with its token. But who has to wait an
hour calls the help desk now. Clearing ends all that is counted of one user, enrollment, device or
network by one statement, and the event says how much that was.

The company passcode is no part of this, nor are limits of what may be sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address

from enlist.core.caller import Caller, throttle_source
from enlist.core.events import Happening
from enlist.core.locks import Lock, LockCause, LockKind
from enlist.core.model import Device, Enrollment, Organization, User
from enlist.core.outcomes import Done, Refusal, Subjects, invalid
from enlist.core.permissions import Permission
from enlist.store import events, limits, locks, organizations, roles, wrong_logins
from enlist.store.limits import ACCOUNT, ACCOUNT_LINK, BEGUN
from enlist.store.locks import Counted, Guessed, Most
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs import api_sessions, begin, password_links, renewal
from enlist.verbs.driver import Answered, QuickVerb, Tools
from enlist.verbs.finding import (
    beyond,
    device_named,
    enrollment_named,
    user_named,
)
from enlist.verbs.rights import lacks, missing
from enlist.verbs.tries import all_counts
from enlist.verbs.users import editable_user


@dataclass(frozen=True, slots=True)
class Rule:
    """What a count is about, and from how many on it makes wait; None for each of them."""

    cause: LockCause
    most: int | None

    def reached(self, found: Counted) -> bool:
        """Whether as many were counted."""
        return found.times >= (self.most or 1)


_PASSWORDS = Rule(LockCause.WRONG_PASSWORDS, None)
_LINKS = Rule(LockCause.PASSWORD_LINKS, password_links.MOST_BY_NAME)
_LOGINS = Rule(LockCause.WRONG_LOGINS, wrong_logins.MOST)
_ATTEMPTS = Rule(LockCause.ATTEMPTS, begin.MOST_BEGUN)
_OF_DEVICES = {
    limits.RENEWAL: Rule(LockCause.RENEWALS, renewal.MOST_ASKED),
    limits.API_SESSION: Rule(LockCause.API_SESSIONS, api_sessions.MOST_BEGUN),
}
OF_NETWORKS = {
    "": Rule(LockCause.REFUSALS, limits.THROTTLE_REFUSALS),
    limits.UNCERTIFIED: Rule(LockCause.WITHOUT_CERTIFICATE, limits.THROTTLE_REFUSALS),
    limits.PASSWORD_LINK: Rule(LockCause.PASSWORD_LINKS, password_links.MOST_BY_SOURCE),
}
_TOLD = {
    LockKind.USER: "user.lock_cleared",
    LockKind.ENROLLMENT: "enrollment.lock_cleared",
    LockKind.DEVICE: "device.lock_cleared",
    LockKind.NETWORK: "network.lock_cleared",
}
RULES = {ACCOUNT: _PASSWORDS, ACCOUNT_LINK: _LINKS, BEGUN: _ATTEMPTS, **_OF_DEVICES}
"""By what begins the throttle's name of a count that an id follows."""
MOST = Most(
    links=password_links.MOST_BY_NAME,
    attempts=begin.MOST_BEGUN,
    renewals=renewal.MOST_ASKED,
    api_sessions=api_sessions.MOST_BEGUN,
)


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose counts they are. `rules` tells each of the throttle's names for them."""

    kind: LockKind
    id: str
    name: str
    path: str = ""
    group_id: str = ""
    about: Subjects = Subjects()  # noqa: RUF009
    rules: Mapping[str, Rule] = field(default_factory=dict)
    guessed: Guessed | None = None

    @property
    def personal(self) -> dict[str, str]:
        """What an event says of it that can be erased."""
        what = "device" if self.kind is LockKind.ENROLLMENT else self.kind.value
        return {what: self.name} if self.name else {}

    def lock(self, rule: Rule, found: Counted, now: int) -> Lock:
        """One of them, as it is shown."""
        free_at = found.ends_at
        if rule.cause is LockCause.WRONG_PASSWORDS:
            free_at -= limits.QUIET
        until = free_at if free_at > now else None
        network = found.source.partition("@")[2]
        return self._lock(rule, found.times, until, found.ends_at, network)

    def locks(self, counted: Mapping[str, Counted], now: int) -> Iterator[Lock]:
        """Those in force: what may be tried some more times is none, wrong guesses always are."""
        if self.guessed is not None:
            yield self._lock(_LOGINS, self.guessed.times, None, None)
        for source, rule in self.rules.items():
            found = counted.get(source)
            if found is not None and rule.reached(found):
                yield self.lock(rule, found, now)

    def _lock(
        self, rule: Rule, times: int, until: int | None, forgotten_at: int | None, network: str = ""
    ) -> Lock:
        return Lock(
            self.kind,
            self.id,
            self.name,
            self.about.organization_id if self.path else None,
            self.path,
            self.group_id,
            rule.cause,
            times,
            rule.most,
            until,
            forgotten_at,
            network,
        )


@dataclass(frozen=True)
class ShowLocks(QuickVerb[tuple[Lock, ...], tuple[Lock, ...]]):
    """What is counted of one user, enrollment or device.

    Refusals: `not_found`, `forbidden`.
    """

    kind: str = LockKind.USER
    named: str = ""

    name = "show_locks"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> tuple[Lock, ...] | Refusal:
        found: User | Enrollment | Device | Refusal
        if self.kind == LockKind.USER:
            found = user_named(tx, caller, self.named)
        elif self.kind == LockKind.ENROLLMENT:
            found = enrollment_named(tx, caller, self.named, Permission.ENROLLMENTS_READ)
        else:
            found = device_named(tx, caller, self.named, Permission.DEVICES_READ)
        if isinstance(found, Refusal):
            return found
        holder = _holder(tx, found)
        counted = {each.source: each for each in locks.live_among(tx, holder.rules)}
        return tuple(holder.locks(counted, tx.now))

    def work(
        self, tools: Tools, caller: Caller, seen: tuple[Lock, ...]
    ) -> tuple[Lock, ...] | Answered[tuple[Lock, ...]] | Refusal:
        return Answered(Done(seen))

    def apply(
        self, tx: Tx, caller: Caller, ready: tuple[Lock, ...]
    ) -> Done[tuple[Lock, ...]] | Refusal:
        return Done(ready)


@dataclass(frozen=True)
class ClearLock(QuickVerb[Holder, int]):
    """Forget all that is counted of a user, an enrollment, a device or a network.

    Answers how many had been counted; 0 where there was nothing to forget, which is no event.
    It takes `users:edit`, of staff `roles:edit` besides, also for an enrollment: wrong logins with
    its token are guesses at its owner's password. Else `devices:edit`, or `settings:edit` at the
    top organization.

    Attributes:
        kind: `user`, `enrollment`, `device` or `network`.
        named: its id; the name of a user, or an address in the network, will do.

    Refusals: `not_found`, `forbidden`, `validation_failed`.
    """

    kind: str
    named: str

    name = "clear_lock"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Holder | Refusal:
        if self.kind not in set(LockKind):
            return invalid("kind", "must be user, enrollment, device or network")
        if self.kind == LockKind.NETWORK:
            return _network_named(tx, caller, self.named)
        found: User | Enrollment | Device | Refusal
        if self.kind == LockKind.USER:
            found = editable_user(tx, caller, self.named)
        elif self.kind == LockKind.ENROLLMENT:
            found = _guessable(tx, caller, self.named)
        else:
            found = device_named(tx, caller, self.named, Permission.DEVICES_EDIT)
        if isinstance(found, Refusal):
            return found
        refusal = beyond(tx, caller, found.subjects.user_id, found.subjects)
        return refusal or _holder(tx, found)

    def apply(self, tx: Tx, caller: Caller, ready: Holder) -> Done[int] | Refusal:
        by_cause: dict[str, int] = {}
        guessed = ready.guessed
        if guessed is not None:
            if not wrong_logins.clear(tx, guessed.id, guessed.times):
                raise ConcurrentChange
            by_cause[_LOGINS.cause] = guessed.times
        for found in locks.clear(tx, ready.rules):
            cause = ready.rules[found.source].cause
            by_cause[cause] = by_cause.get(cause, 0) + found.times
        counted = sum(by_cause.values())
        if counted:
            causes = ", ".join(f"{cause}: {times}" for cause, times in sorted(by_cause.items()))
            data: dict[str, str | int] = {"counted": counted, "causes": causes}
            told = Happening(_TOLD[ready.kind], ready.about, data, ready.personal)
            events.record(tx, caller, told)
        return Done(counted)


def _guessable(tx: Reader, caller: Caller, named: str) -> Enrollment | Refusal:
    """An enrollment by whose token its owner's password may be guessed at; of staff, likewise."""
    found = enrollment_named(tx, caller, named, Permission.USERS_EDIT)
    if isinstance(found, Refusal) or found.user_id is None or not roles.of_user(tx, found.user_id):
        return found
    return lacks(caller, Permission.ROLES_EDIT, found.organization_path, found.subjects) or found


# --- whose counts they are ---------------------------------------------------------------------


def _holder(tx: Reader, found: User | Enrollment | Device) -> Holder:
    """Everything that is counted of one of them."""
    path, group_id, about = found.organization_path, found.group_id, found.subjects
    if isinstance(found, User):
        rules = dict.fromkeys(all_counts(tx, found.id), _PASSWORDS)
        rules |= {f"{ACCOUNT_LINK}{found.id}": _LINKS, f"{BEGUN}{found.id}": _ATTEMPTS}
        return Holder(LockKind.USER, found.id, found.username, path, group_id, about, rules)
    if isinstance(found, Device):
        return of_device(found)
    guessed = locks.wrong_logins_on(tx, found.id)
    rules = {f"{BEGUN}{found.id}": _ATTEMPTS}
    name = found.device_name or found.username
    return Holder(LockKind.ENROLLMENT, found.id, name, path, group_id, about, rules, guessed)


def of_device(found: Device) -> Holder:
    """What is counted of a device."""
    rules = {f"{prefix}{found.id}": rule for prefix, rule in _OF_DEVICES.items()}
    path, group_id = found.organization_path, found.group_id
    return Holder(LockKind.DEVICE, found.id, found.name, path, group_id, found.subjects, rules)


def of_network(place: Organization, network: str) -> Holder:
    """What is counted of a network, at the top organization."""
    rules = {f"{prefix}{network}": rule for prefix, rule in OF_NETWORKS.items()}
    address, about = network.partition("/")[0], Subjects(organization_id=place.id)
    return Holder(LockKind.NETWORK, address, network, about=about, rules=rules)


def _network_named(tx: Reader, caller: Caller, named: str) -> Holder | Refusal:
    """A network, by an address in it or as it is listed."""
    top = organizations.root(tx)
    if top is None:
        return missing("organization")
    refusal = lacks(caller, Permission.SETTINGS_EDIT, top.path, Subjects(top.id))
    if refusal is not None:
        return refusal
    try:
        address = ip_address(named.strip().partition("/")[0])
    except ValueError:
        return invalid("address", "must be an IP address")
    return of_network(top, throttle_source(str(address)))
