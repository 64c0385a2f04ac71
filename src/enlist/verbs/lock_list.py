"""The locks of an organization: who has to wait there and below, and why.

Strangers can make any number of people and networks wait. So of each kind no more is read than can
be shown, and it is said where there is more. Who is called by his name, address or id is found all
the same (`ShowLocks`, `ClearLock`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_network

from enlist.core.caller import Caller
from enlist.core.ids import Id
from enlist.core.locks import LockKind, Locks
from enlist.core.model import Device, Enrollment, Organization, User
from enlist.core.outcomes import Done, Refusal, Subjects
from enlist.core.permissions import Permission
from enlist.store import devices, enrollments, limits, locks, users
from enlist.store.locks import MOST_SHOWN, Counted
from enlist.store.tx import Reader, Tx
from enlist.verbs.driver import Answered, QuickVerb, Tools
from enlist.verbs.finding import hidden, organization_named
from enlist.verbs.locks import MOST, OF_NETWORKS, RULES, Holder, Rule, of_network


@dataclass(frozen=True, slots=True)
class Some:
    """Whose counts there are of one kind, the counts, and whether there are more."""

    holders: Sequence[Holder]
    counted: Sequence[Counted]
    cut: bool


@dataclass(frozen=True)
class ListLocks(QuickVerb[Locks, Locks]):
    """What is counted in an organization and below: users, then enrollments, devices, networks.

    Each is shown to whoever may read the like; networks, which belong to no organization, to who
    may change the settings of the top one, and there. Of each kind those that wait longest.

    Refusals: `not_found`, `forbidden`.
    """

    organization: str = ""

    name = "list_locks"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Locks | Refusal:
        where = self.organization or caller.organization_id or ""
        place = organization_named(tx, caller, where, Permission.USERS_READ)
        if isinstance(place, Refusal):
            return place
        kinds = {
            LockKind.USER: _users(tx, caller, place),
            LockKind.ENROLLMENT: _enrollments(tx, caller, place),
            LockKind.DEVICE: _devices(tx, caller, place),
            LockKind.NETWORK: _networks(tx, caller, place),
        }
        by_source = {each.source: each for some in kinds.values() for each in some.counted}
        found = tuple(
            lock
            for some in kinds.values()
            for holder in some.holders
            for lock in holder.locks(by_source, tx.now)
        )
        return Locks(found, tuple(kind for kind, some in kinds.items() if some.cut))

    def work(self, tools: Tools, caller: Caller, seen: Locks) -> Locks | Answered[Locks] | Refusal:
        return Answered(Done(seen))

    def apply(self, tx: Tx, caller: Caller, ready: Locks) -> Done[Locks] | Refusal:
        return Done(ready)


_NONE = Some((), (), cut=False)


def _by_id(rows: Sequence[tuple[Id, Counted]]) -> dict[Id, dict[str, Rule]]:
    """What is counted of each, by the throttle's names for it."""
    found: dict[Id, dict[str, Rule]] = {}
    for by_id, counted in rows[:MOST_SHOWN]:
        prefix = counted.source.partition(":")[0]
        found.setdefault(by_id, {})[counted.source] = RULES[f"{prefix}:"]
    return found


def _users(tx: Reader, caller: Caller, place: Organization) -> Some:
    rows = locks.of_users(tx, place.path, MOST)
    holders = []
    for user_id, rules in _by_id(rows).items():
        user = users.find(tx, user_id)
        if user is not None and not hidden(tx, caller, user.id, user.organization_path):
            holders.append(_holder(LockKind.USER, user, user.username, rules))
    return Some(holders, [counted for _, counted in rows], len(rows) > MOST_SHOWN)


def _enrollments(tx: Reader, caller: Caller, place: Organization) -> Some:
    if not caller.may(Permission.ENROLLMENTS_READ, place.path):
        return _NONE
    guessed, holders = locks.with_wrong_logins(tx, place.path), []
    for each in guessed[:MOST_SHOWN]:
        path = each.organization_path
        if not hidden(tx, caller, each.user_id, path):
            about = Subjects(each.organization_id, each.user_id, enrollment_id=each.id)
            kind, group_id = LockKind.ENROLLMENT, each.group_id
            holders.append(Holder(kind, each.id, each.name, path, group_id, about, {}, each))
    rows = locks.of_enrollments(tx, place.path, MOST)
    for enrollment_id, rules in _by_id(rows).items():
        found = enrollments.find(tx, enrollment_id)
        if found is not None and not _hidden(tx, caller, found):
            name = found.device_name or found.username
            holders.append(_holder(LockKind.ENROLLMENT, found, name, rules))
    cut = max(len(guessed), len(rows)) > MOST_SHOWN
    return Some(holders, [counted for _, counted in rows], cut)


def _devices(tx: Reader, caller: Caller, place: Organization) -> Some:
    if not caller.may(Permission.DEVICES_READ, place.path):
        return _NONE
    rows = locks.of_devices(tx, place.path, MOST)
    holders = []
    for device_id, rules in _by_id(rows).items():
        device = devices.find(tx, device_id)
        if device is not None and not _hidden(tx, caller, device):
            holders.append(_holder(LockKind.DEVICE, device, device.name, rules))
    return Some(holders, [counted for _, counted in rows], len(rows) > MOST_SHOWN)


def _networks(tx: Reader, caller: Caller, place: Organization) -> Some:
    if place.parent_id is not None or not caller.may(Permission.SETTINGS_EDIT, place.path):
        return _NONE
    rows = locks.of_networks(tx, limits.THROTTLE_REFUSALS)
    named = {_network_of(each.source): None for each in rows[:MOST_SHOWN]}
    holders = [of_network(place, network) for network in named if network]
    return Some(holders, rows, len(rows) > MOST_SHOWN)


def _network_of(source: str) -> str:
    """The network that the throttle counts by; "" for all else."""
    for prefix in sorted(OF_NETWORKS, key=len, reverse=True):
        network = source.removeprefix(prefix)
        if source.startswith(prefix) and _is_network(network):
            return network
    return ""


def _holder(
    kind: LockKind, found: User | Enrollment | Device, name: str, rules: dict[str, Rule]
) -> Holder:
    path, group_id = found.organization_path, found.group_id
    return Holder(kind, found.id, name, path, group_id, found.subjects, rules)


def _hidden(tx: Reader, caller: Caller, found: Enrollment | Device) -> bool:
    return hidden(tx, caller, found.subjects.user_id, found.organization_path)


def _is_network(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return False
    return True
