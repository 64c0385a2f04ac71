"""Whom a caller is told by name: people whose organization he may see the users of, and himself.

A device may stand in an organization below its user's own (ruling 31). Whoever looks after the
device there sees that it has a user; who that is, is not his to know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final, TypedDict, TypeVar

from enlist.core.caller import Caller
from enlist.core.ids import Id
from enlist.core.model import Device, Enrollment, EventRow, Message
from enlist.core.permissions import Permission
from enlist.core.sessions import DeviceSession
from enlist.store import organizations
from enlist.store.tx import Reader

Item = TypeVar("Item", Device, DeviceSession, Enrollment, Message, EventRow)

_NOBODY: Final = "nobody/"
_TELLS_OTHERS: Final = frozenset(
    {"actor", "address", "user_agent", "device", "name"}
    | {f"first_{name}" for name in ("device", "address", "user_agent")}
)
"""Personal values of an event that do not name the user whom it is about."""


class Naming(TypedDict, total=False):
    """What a `PageRequest` takes to hide names."""

    people: str
    myself: Id | None


def naming(caller: Caller, path: str) -> Naming:
    """How a list of what is at `path` and below hides whom the caller may not know."""
    within = [
        right.path
        for right in caller.rights
        if Permission.USERS_READ in right.permissions and path.startswith(right.path)
    ]
    highest = min(within, key=len, default=f"{path}{_NOBODY}")
    return {} if _is_root(highest) else {"people": highest, "myself": caller.id}


def strangers(tx: Reader, caller: Caller, users: Iterable[Id | None]) -> set[Id]:
    """Those of these users whom the caller may not know."""
    asked = {user for user in users if user is not None and user != caller.id}
    if not asked or any(
        Permission.USERS_READ in right.permissions and _is_root(right.path)
        for right in caller.rights
    ):
        return set()
    homes = organizations.homes(tx, asked)
    return {user for user, path in homes.items() if not caller.may(Permission.USERS_READ, path)}


def discreetly(tx: Reader, caller: Caller, items: Iterable[Item]) -> tuple[Item, ...]:
    """The same things, without the names and addresses of whom the caller may not know."""
    found = tuple(items)
    unknown = strangers(tx, caller, (item.user_id for item in found))
    return tuple(_nameless(item) if item.user_id in unknown else item for item in found)


def _nameless(item: Item) -> Item:
    if isinstance(item, EventRow):
        return replace(item, personal=_without_user(item))
    if isinstance(item, Enrollment):
        return replace(item, username="", message_to="")
    if isinstance(item, Message):
        return replace(item, username="", recipient="")
    return replace(item, username="")


def _without_user(event: EventRow) -> Mapping[str, str]:
    kept = _TELLS_OTHERS - {"actor"} if event.actor_id == event.user_id else _TELLS_OTHERS
    changes = ("before.", "after.") if event.kind == "device.changed" else ()
    return {
        name: value
        for name, value in event.personal.items()
        if name in kept or name.startswith(changes)
    }


def _is_root(path: str) -> bool:
    return path.count("/") == 1
