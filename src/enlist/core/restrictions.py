"""Enrollment restrictions: who may enroll, which devices, and how many.

A restriction is kept with an organization's settings and counts there and below. One without a
user group is the organization's default; one with a group counts for its members. For one person
a single restriction is in force: that of a group of his before any default, the nearest
organization's before those above, and of two at one place the one with the lower rank (A55).

Caps are another matter: each holds for the whole subtree of the organization that sets it,
whoever enrolls, and whatever is set below.

Nothing here reads or writes. Without any restriction there is no `Restrictions` at all, and a
redemption looks at nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

from enlist.core.ids import Id

KEY: Final = "restriction:"
"""What begins the key of a restriction among an organization's settings; its id follows."""

DENIES: Final = "list:deny"
ALLOWS: Final = "list:allow"
"""Keys that say that an organization holds such a list at all."""

MOST_DEVICES: Final = 1_000_000
MOST_RANK: Final = 999


@dataclass(frozen=True, slots=True)
class Restriction:
    """What somebody may enroll. None and empty restrict nothing.

    Attributes:
        user_group_id: the group for whose members it counts; None for the organization's default.
        rank: of two that count for one person at one organization, the lower one is in force.
        may_enroll: False keeps everybody out for whom it counts.
        ownership, platforms: those allowed.
        models, manufacturers: those allowed, as patterns in any case; `*` is anything.
        least_os: the oldest version of the operating system allowed, by platform.
        most_devices: how many devices a user may have enrolled; the others, by ownership.
        most_at_organization: how many devices may be enrolled at the organization and below;
            with a default alone.
    """

    id: Id
    name: str
    user_group_id: Id | None = None
    rank: int = 100
    may_enroll: bool = True
    ownership: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    manufacturers: tuple[str, ...] = ()
    least_os: Mapping[str, str] = field(default_factory=dict)
    most_devices: int | None = None
    most_corporate_dedicated: int | None = None
    most_corporate_shared: int | None = None
    most_employee_owned: int | None = None
    most_at_organization: int | None = None

    def most_of(self, ownership: str) -> int | None:
        """How many devices of this ownership a user may have enrolled."""
        found: int | None = getattr(self, f"most_{ownership}", None)
        return found

    def stored(self) -> dict[str, object]:
        """As it is kept."""
        return asdict(self)


_LISTS: Final = ("ownership", "platforms", "models", "manufacturers")


def restored(value: Mapping[str, object]) -> Restriction:
    """A restriction as it was kept; what a newer version added is left out."""
    known: dict[str, Any] = {
        name: tuple(found) if name in _LISTS and isinstance(found, list) else found
        for name, found in value.items()
        if name in Restriction.__slots__
    }
    return Restriction(**known)


@dataclass(frozen=True, slots=True)
class Level:
    """What one organization sets; `depth` is how many organizations its path names."""

    group_id: str
    depth: int
    restrictions: tuple[Restriction, ...]

    @property
    def cap(self) -> int | None:
        """How many devices may be enrolled there and below."""
        caps = [
            each.most_at_organization
            for each in self.restrictions
            if each.most_at_organization is not None
        ]
        return min(caps, default=None)


@dataclass(frozen=True, slots=True)
class Restrictions:
    """All that restricts enrolling at an organization.

    Attributes:
        levels: nearest first; only those that restrict something.
        denies, allows: whether there is a list at all, there or above.
    """

    levels: tuple[Level, ...] = ()
    denies: bool = False
    allows: bool = False

    @property
    def by_group(self) -> bool:
        """Whether it matters to which groups a user belongs."""
        return any(each.user_group_id for level in self.levels for each in level.restrictions)

    def in_force(self, groups: Iterable[Id]) -> Restriction | None:
        """What counts for a member of these groups (A55)."""
        mine = set(groups)
        ordered = [
            each
            for level in self.levels
            for each in sorted(level.restrictions, key=lambda one: (one.rank, one.id))
        ]
        of_groups = [each for each in ordered if each.user_group_id in mine]
        defaults = [each for each in ordered if each.user_group_id is None]
        return next(iter(of_groups + defaults), None)

    def caps(self, path: str) -> tuple[tuple[str, int], ...]:
        """The organizations on this path that cap what is below them, as path and cap."""
        parts = path.rstrip("/").split("/")
        return tuple(
            ("/".join(parts[: level.depth]) + "/", level.cap)
            for level in self.levels
            if level.cap is not None
        )


def restrictions_in(
    rows: Iterable[tuple[str, str | None, str | None]], inherit_only: Iterable[str] = ()
) -> Restrictions | None:
    """What the settings of an organization and those above restrict; None for nothing.

    Args:
        rows: `(group_id, key, value)`, nearest organization first.
        inherit_only: organizations whose own values count for nothing.
    """
    order: dict[str, list[Restriction]] = {}
    denies = allows = False
    for group_id, key, value in rows:
        own = order.setdefault(group_id, [])
        denies |= key == DENIES
        allows |= key == ALLOWS
        if key is not None and key.startswith(KEY) and value and group_id not in inherit_only:
            own.append(restored(json.loads(value)))
    deepest = len(order)
    levels = tuple(
        Level(group_id, deepest - place, tuple(own))
        for place, (group_id, own) in enumerate(order.items())
        if own
    )
    return Restrictions(levels, denies, allows) if levels or denies or allows else None


# --- what a device is --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Described:
    """What is known of a device that wants to enroll; "" for what is not."""

    platform: str = ""
    ownership: str = ""
    model: str = ""
    os_version: str = ""
    manufacturer: str = ""


@dataclass(frozen=True, slots=True)
class Barred:
    """Why a device may not enroll: the refusal's code, and the exact reason for the log."""

    code: str
    reason: str


def unfit(rule: Restriction, device: Described, *, whole: bool) -> Barred | None:
    """Why a device may not be enrolled; None where it may.

    Args:
        whole: this is all that will be known: what has to be known and is not, refuses.
    """
    if not rule.may_enroll:
        return Barred("user_not_allowed", f"restriction {rule.name}")
    for what, allowed, given in (
        ("platform", rule.platforms, device.platform),
        ("ownership", rule.ownership, device.ownership),
        ("model", rule.models, device.model),
        ("manufacturer", rule.manufacturers, device.manufacturer),
    ):
        if allowed and (given or whole) and not _among(given, allowed):
            shown = given or "not told"
            return Barred("device_not_approved", f"{what} {shown}: restriction {rule.name}")
    least = rule.least_os.get(device.platform, "")
    if least and (device.os_version or whole) and _version(device.os_version) < _version(least):
        shown = device.os_version or "not told"
        return Barred("os_version_too_old", f"version {shown}: restriction {rule.name}")
    return None


def _among(given: str, allowed: Iterable[str]) -> bool:
    text = given.strip().casefold()
    return bool(text) and any(fnmatchcase(text, each.strip().casefold()) for each in allowed)


_NUMBERS = re.compile(r"\d+")


def _version(text: str) -> tuple[int, ...]:
    """A version as it compares: `14.4.1`, `10.0.19045`, `Debian 12`."""
    numbers = [int(found[:9]) for found in _NUMBERS.findall(text)[:8]]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


# --- identifiers -------------------------------------------------------------------------------

ATTRIBUTES: Final = ("imei", "serial", "udid")
"""By what a device is told from every other."""

_SAYS_NOTHING: Final = frozenset(
    {
        "none",
        "unknown",
        "default string",
        "not specified",
        "not applicable",
        "system serial number",
        "to be filled by o.e.m.",
        "0123456789",
        "123456789",
    }
)
"""What makers of boards leave in: thousands of devices have it in common."""


def identifying(text: str) -> str:
    """An identifier as it compares, or "" for what identifies nothing."""
    folded = text.strip().casefold()
    if len(folded) < 4 or len(set(folded)) == 1 or folded in _SAYS_NOTHING:
        return ""
    return folded


def identifiers(serial: str, imei: str, udid: str) -> frozenset[tuple[str, str]]:
    """What tells a device from others: attributes and values."""
    given = (("imei", imei), ("serial", serial), ("udid", udid))
    return frozenset((name, found) for name, text in given if (found := identifying(text)))
