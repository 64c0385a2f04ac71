"""Allow and deny lists: devices named by IMEI, serial number or UDID (A44-A46).

A device on the allow list counts as registered, for whoever signs in with it, and becomes what its
entry says. A device on the deny list enrolls by no means until its entry is removed; where it is
enrolled already, it loses what it holds in the same moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from enlist.core.caller import Caller
from enlist.core.device_lists import DeviceList, ListedDevice
from enlist.core.events import Happening
from enlist.core.ids import Id, new_id
from enlist.core.model import Device, Organization, Ownership
from enlist.core.outcomes import Done, Drop, FieldError, Refusal, Subjects, invalid
from enlist.core.permissions import Permission
from enlist.core.restrictions import ATTRIBUTES, identifying
from enlist.store import (
    credentials,
    device_lists,
    devices,
    endings,
    events,
    known_devices,
    organizations,
)
from enlist.store.listing import Page, PageRequest
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs import fields
from enlist.verbs.consequences import Consequences, bind, foresee, standing
from enlist.verbs.driver import QuickVerb, Tools, Verb, View
from enlist.verbs.fields import Fields, Unfit
from enlist.verbs.finding import beyond, hidden, organization_named, with_id
from enlist.verbs.naming import discreetly
from enlist.verbs.rights import lacks, missing
from enlist.verbs.views import Listed

MOST_PER_FORM: Final = 30
"""How many devices a form or a request may name (A44); an import asks for more."""

DENIED: Final = "denied"
"""Why credentials and enrollments of a device on the deny list were revoked."""

NEEDED: Final = {
    DeviceList.ALLOW: Permission.DEVICES_REGISTER,
    DeviceList.DENY: Permission.DEVICES_RESET,
}
"""Whoever may register a device may allow it; whoever may take one back may deny it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A device to be listed, as somebody wrote it.

    Attributes:
        ownership, group_id: what an allowed device becomes, and the organization that it goes to.
    """

    attribute: str
    value: str
    ownership: str = ""
    group_id: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """Entries about to be put on a list."""

    organization: Organization
    entries: tuple[ListedDevice, ...]
    ending: tuple[Device, ...] = ()
    known: tuple[ListedDevice, ...] = ()


@dataclass(frozen=True, slots=True)
class Put:
    """How many were put on a list, and how many enrolled devices ended by that."""

    added: int
    known: int
    unenrolled: int


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What would come of putting devices on a list.

    Attributes:
        known: how many are on it already, and stay as they are.
        differs: how many of them become something else than was asked.
        ends: the enrolled devices that would be un-enrolled, and what of theirs ends.
        unseen: how many more, which the caller may not see.
        preview: a digest of all that, to confirm it with.
    """

    added: int
    known: int
    differs: int
    ends: tuple[tuple[Device, Consequences], ...]
    unseen: int
    preview: str


@dataclass(frozen=True)
class PutOnList(Verb[Listing, Listing, Put]):
    """Put devices on an organization's allow or deny list; one that is on it already stays as is.

    All or none: an entry that is wrong is named by its place (`entries.3.value`).

    Attributes:
        most: how many may be named at once.
        preview: what was shown by `ForeseePut`; another situation is refused.

    Refusals: `not_found`, `forbidden`, `validation_failed`, `preview_outdated`.
    """

    organization: str
    list: DeviceList
    entries: Sequence[Entry]
    most: int = MOST_PER_FORM
    preview: str = ""

    name = "put_on_list"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Listing | Refusal:
        found = self.listing(tx, caller)
        if isinstance(found, Refusal) or not self.preview:
            return found
        if self.preview == foreseen(tx, caller, found).preview:
            return found
        return Refusal("preview_outdated", about=Subjects(found.organization.id))

    def listing(self, tx: Reader, caller: Caller) -> Listing | Refusal:
        """What would be put on the list, and what that would end."""
        place = organization_named(tx, caller, self.organization, NEEDED[self.list])
        if isinstance(place, Refusal):
            return place
        about = Subjects(place.id)
        if not 0 < len(self.entries) <= self.most:
            problem = f"must be 1 to {self.most}; import a CSV file for more"
            return replace(invalid("entries", problem), about=about)
        read = Fields()
        made = tuple(
            self._entry(tx, caller, place, read, number, entry)
            for number, entry in enumerate(self.entries)
        )
        if read.refusal is not None:
            return replace(read.refusal, about=about)
        ending = self._ending(tx, caller, place, made)
        if isinstance(ending, Refusal):
            return ending
        named = {_named(each) for each in made}
        held = device_lists.naming(tx, place.path, named)
        known = [
            each for each in held if (each.organization_id, each.list) == (place.id, self.list)
        ]
        return Listing(place, made, ending, tuple(known))

    def work(self, tools: Tools, caller: Caller, seen: Listing) -> Listing:
        now = tools.clock()
        return replace(seen, entries=tuple(replace(each, id=new_id(now)) for each in seen.entries))

    def apply(self, tx: Tx, caller: Caller, ready: Listing) -> Done[Put] | Refusal:
        place = ready.organization
        organizations.lock(tx, place.id)
        if organizations.find(tx, place.id) is None:
            raise ConcurrentChange
        added = device_lists.insert(
            tx, place.id, [replace(each, added_at=tx.now) for each in ready.entries]
        )
        found = self._ending(tx, caller, place, ready.entries)
        if isinstance(found, Refusal) or {each.id for each in found} != {
            each.id for each in ready.ending
        }:
            raise ConcurrentChange  # another one was enrolled meanwhile: look whose it is
        ended = [each for each in found if _end(tx, caller, each)]
        data = {"list": self.list.value, "added": added, "devices_unenrolled": len(ended)}
        values = ", ".join(f"{each.attribute} {each.value}" for each in ready.entries[:100])
        personal = {"devices": values}
        events.record(
            tx, caller, Happening("device_list.added", Subjects(place.id), data, personal)
        )
        put = Put(added, len(ready.entries) - added, len(ended))
        return Done(put, tuple(Drop(each.id) for each in ended))

    def _entry(
        self,
        tx: Reader,
        caller: Caller,
        place: Organization,
        read: Fields,
        number: int,
        entry: Entry,
    ) -> ListedDevice:
        def field(name: str) -> str:
            return f"entries.{number}.{name}"

        def wrong(name: str, problem: str) -> None:
            read.errors.append(FieldError(field(name), problem))

        if entry.attribute not in ATTRIBUTES:
            wrong("attribute", f"must be one of {', '.join(ATTRIBUTES)}")
        value = read.read(
            field("value"), entry.value, _imei if entry.attribute == "imei" else _value
        )
        if self.list is DeviceList.DENY and (entry.ownership or entry.group_id):
            wrong("ownership" if entry.ownership else "group_id", "is for the allow list alone")
        ownership = entry.ownership or Ownership.NONE.value
        if ownership not in set(Ownership):
            wrong("ownership", f"must be one of {', '.join(Ownership)}")
            ownership = Ownership.NONE.value
        target = None
        if entry.group_id:
            found = organization_named(tx, caller, entry.group_id, NEEDED[self.list])
            if isinstance(found, Refusal) or not found.path.startswith(place.path):
                wrong("group_id", f"must be {place.group_id} or an organization below it")
            else:
                target = found
        return ListedDevice(
            id="",
            organization_id=place.id,
            organization_path=place.path,
            group_id=place.group_id,
            list=self.list,
            attribute=entry.attribute,
            value=value,
            ownership=Ownership(ownership),
            target_id=target.id if target else None,
            target=target.group_id if target else "",
            added_at=0,
            added_by=caller.name,
        )

    def _ending(
        self, tx: Reader, caller: Caller, place: Organization, entries: Sequence[ListedDevice]
    ) -> tuple[Device, ...] | Refusal:
        """The enrolled devices that a deny list ends; nobody ends those of somebody above him."""
        if self.list is DeviceList.ALLOW:
            return ()
        named = {_named(each) for each in entries}
        ids = known_devices.enrolled_as(tx, place.path, named)
        found = [device for each in ids if (device := devices.find(tx, each)) is not None]
        for device in found:
            refusal = beyond(tx, caller, device.user_id, device.subjects)
            if refusal is not None:
                return refusal
        return tuple(found)


@dataclass(frozen=True)
class ForeseePut(View[Foreseen]):
    """What would come of putting devices on a list. Refusals: those of `PutOnList`."""

    verb: PutOnList

    def read(self, tx: Reader, caller: Caller) -> Foreseen | Refusal:
        found = self.verb.listing(tx, caller)
        return found if isinstance(found, Refusal) else foreseen(tx, caller, found)


def foreseen(tx: Reader, caller: Caller, listing: Listing) -> Foreseen:
    """What would end now, with the digest that binds a confirmation to it."""
    ends = [(device, foresee(tx, device)) for device in listing.ending]
    seen = [(device, found) for device, found in ends if _sees(tx, caller, device)]
    named_to_him = discreetly(tx, caller, [device for device, _ in seen])
    named = {_named(each) for each in listing.entries}
    about = [listing.organization.id, *sorted(f"{name} {value}" for name, value in named)]
    bound = [bind("deny", standing(device), found, tx.now).preview for device, found in ends]
    digest = bind("put_on_list", [*about, *bound], Consequences(), tx.now).preview
    shown = tuple(zip(named_to_him, (found for _, found in seen), strict=True))
    becomes = {_named(each): (each.ownership, each.target_id) for each in listing.entries}
    known = len(listing.known)
    differs = sum(
        becomes[_named(each)] != (each.ownership, each.target_id) for each in listing.known
    )
    unseen = len(ends) - len(seen)
    return Foreseen(len(becomes) - known, known, differs, shown, unseen, digest)


def _named(entry: ListedDevice) -> tuple[str, str]:
    """How an entry names its device, as it compares."""
    return entry.attribute, identifying(entry.value)


def _sees(tx: Reader, caller: Caller, device: Device) -> bool:
    path = device.organization_path
    may = caller.may(Permission.DEVICES_READ, path)
    return may and not hidden(tx, caller, device.user_id, path)


@dataclass(frozen=True)
class TakeOffList(QuickVerb[ListedDevice, None]):
    """Take a device off a list. One that was denied may enroll again; nothing of it comes back.

    Attributes:
        list: on which it must be; None for either.

    Refusals: `not_found`, `forbidden`.
    """

    entry_id: Id
    list: DeviceList | None = None

    name = "take_off_list"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> ListedDevice | Refusal:
        found = with_id(tx, self.entry_id, device_lists.find, "entry")
        if isinstance(found, Refusal):
            return found
        if self.list not in (None, found.list):
            return missing("entry")
        needed, about = NEEDED[found.list], Subjects(found.organization_id)
        return lacks(caller, needed, found.organization_path, about) or found

    def apply(self, tx: Tx, caller: Caller, ready: ListedDevice) -> Done[None] | Refusal:
        about = Subjects(ready.organization_id)
        if not device_lists.remove(tx, ready):
            return missing("entry", about)
        personal = {"devices": f"{ready.attribute} {ready.value}"}
        data = {"list": ready.list.value}
        events.record(tx, caller, Happening("device_list.removed", about, data, personal))
        return Done(None)


@dataclass(frozen=True)
class ListListed(Listed[ListedDevice]):
    """Devices on allow and deny lists. Filters: list, attribute, id."""

    permission = Permission.DEVICES_READ
    of_people = False

    def show(
        self, tx: Reader, caller: Caller, request: PageRequest
    ) -> Page[ListedDevice] | Refusal:
        return device_lists.page(tx, request)


def _end(tx: Tx, caller: Caller, device: Device) -> bool:
    """An enrolled device loses what it holds; False where it is enrolled no more."""
    if not known_devices.unenroll(tx, device.id):
        return False
    data = {
        "credentials_revoked": credentials.revoke_of_device(tx, device.id, DENIED),
        "enrollments_revoked": endings.of_device(tx, caller, device.id, DENIED),
    }
    personal = {"device": device.name, "user": device.username}
    events.record(tx, caller, Happening("device.denied", device.subjects, data, personal))
    return True


def _value(text: str) -> str:
    cleaned = fields.label(text)
    if not identifying(cleaned):
        raise Unfit("must be an identifier of a single device, with 4 characters or more")
    return cleaned


def _imei(text: str) -> str:
    """14 to 16 digits, however grouped; of 15 the last one checks the others."""
    digits = "".join(letter for letter in fields.label(text) if letter not in " -/")
    if not (digits.isascii() and digits.isdigit() and 14 <= len(digits) <= 16):
        raise Unfit("must be an IMEI of 14 to 16 digits")
    if len(digits) == 15 and not _luhn(digits):
        raise Unfit("is no IMEI: its last digit does not fit the others")
    return _value(digits)


def _luhn(digits: str) -> bool:
    doubled = (int(each) * (1 + place % 2) for place, each in enumerate(reversed(digits)))
    return sum(each // 10 + each % 10 for each in doubled) % 10 == 0
