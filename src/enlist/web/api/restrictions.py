"""Enrollment restrictions of an organization, and its allow and deny lists."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Query
from pydantic import ConfigDict, Field, StrictBool, StrictInt

from enlist.core import device_lists
from enlist.core import restrictions as core
from enlist.core.device_lists import DeviceList
from enlist.core.model import Ownership, Platform
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.core.restrictions import MOST_DEVICES, MOST_RANK
from enlist.verbs import documents
from enlist.verbs import restrictions as verbs
from enlist.verbs.device_lists import (
    MOST_PER_FORM,
    Entry,
    Foreseen,
    ForeseePut,
    ListListed,
    Put,
    PutOnList,
    TakeOffList,
)
from enlist.verbs.restrictions import (
    AddRestriction,
    ChangeRestriction,
    DeleteRestriction,
    ListRestrictions,
    RestrictionAgain,
)
from enlist.web.api.bodies import Body, Page, Paging, Shown, filters
from enlist.web.api.foreseeing import Consequences, DryRunAsked, Preview
from enlist.web.api.operations import IDEMPOTENT, IdempotencyHeader, Operations, Staff, shown
from enlist.web.values import EXAMPLE_ID, EXAMPLE_MOMENT, Line, Moment

operations: Final = Operations("Restrictions")

Limit = Annotated[StrictInt, Field(ge=0, le=MOST_DEVICES)]
_EXAMPLE: Final[dict[str, Any]] = {
    "name": "Field staff",
    "rank": 10,
    "platforms": ["ios", "android"],
    "least_os": {"ios": "17.0"},
    "most_devices": 2,
}


class Restriction(Shown):
    """What somebody may enroll. Null and empty restrict nothing."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"id": EXAMPLE_ID, **_EXAMPLE}]})

    id: str
    name: str
    user_group_id: str | None = None
    """The group for whose members it counts; null for the organization's default."""
    rank: int = 100
    """Of two groups' restrictions at one organization, the lower one is in force."""
    may_enroll: bool = True
    ownership: list[Ownership] = Field(default_factory=list)
    platforms: list[Platform] = Field(default_factory=list)
    models: list[str] = Field(default_factory=list)
    manufacturers: list[str] = Field(default_factory=list)
    least_os: dict[str, str] = Field(default_factory=dict)
    most_devices: int | None = None
    most_corporate_dedicated: int | None = None
    most_corporate_shared: int | None = None
    most_employee_owned: int | None = None
    most_at_organization: int | None = None

    @classmethod
    def of(cls, found: core.Restriction) -> Restriction:
        """A restriction of the store."""
        return cls(**documents.restriction(found))


class RestrictionHere(Restriction):
    """A restriction that is set here or above, and what becomes of it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": EXAMPLE_ID,
                    **_EXAMPLE,
                    "organization": "main",
                    "organization_id": EXAMPLE_ID,
                    "user_group": "",
                    "standing": "in_force",
                }
            ]
        }
    )

    organization: str
    organization_id: str
    user_group: str
    """The group's name; empty for a default, and for a group that you may not see."""
    standing: verbs.Standing
    """`overridden`: another one is nearer or has the lower rank, for the same people; a cap of its
    own holds. `disregarded`: it is set where settings are only inherited."""

    @classmethod
    def of_shown(cls, found: verbs.Shown) -> RestrictionHere:
        """A restriction with its place."""
        return cls(**documents.restriction_here(found))


class Restrictions(Shown):
    """Restrictions, in the order in which they are looked through."""

    items: list[RestrictionHere]


class RestrictionBody(Body):
    """What to set; in a change, what is left out stays, and null restricts nothing."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: Line = ""
    user_group_id: Line | None = None
    """Id of the group for whose members it counts; null for everybody."""
    rank: Annotated[StrictInt, Field(ge=0, le=MOST_RANK)] | None = None
    may_enroll: StrictBool | None = None
    """False keeps everybody out for whom it counts."""
    ownership: list[Ownership] | None = None
    platforms: list[Platform] | None = None
    models: list[Line] | None = None
    """Patterns, in any case of letters; `*` is anything."""
    manufacturers: list[Line] | None = None
    """Patterns likewise. A device that does not tell its manufacturer fits none."""
    least_os: dict[Platform, Line] | None = None
    """By platform, the oldest version allowed, such as `17.4`."""
    most_devices: Limit | None = None
    """How many devices a user may have enrolled."""
    most_corporate_dedicated: Limit | None = None
    most_corporate_shared: Limit | None = None
    most_employee_owned: Limit | None = None
    most_at_organization: Limit | None = None
    """How many devices may be enrolled at the organization and below; with a default alone."""

    def named(self) -> dict[str, object]:
        """What was named, as the verb takes it."""
        return self.model_dump(mode="json", exclude_unset=True)


_PLACE: Final = "/organizations/{organization}/restrictions"


@operations.staff("GET", _PLACE, Permission.ORGANIZATIONS_READ, answers=Restrictions)
async def list_restrictions(asking: Staff, organization: str) -> Restrictions | Refusal:
    """List what restricts enrolling at an organization, its own and from above."""
    found = await asking.see(ListRestrictions(organization))
    return shown(
        found, lambda each: Restrictions(items=[RestrictionHere.of_shown(one) for one in each])
    )


@operations.staff(
    "POST",
    _PLACE,
    Permission.SETTINGS_EDIT,
    answers=Restriction,
    status=201,
    refuses=(*IDEMPOTENT, "setting_inherited", "conflict"),
)
async def add_restriction(
    asking: Staff, organization: str, body: RestrictionBody, _key: IdempotencyHeader = None
) -> Restriction | Refusal:
    """Restrict who may enroll what at an organization and below."""
    verb = AddRestriction(organization, body.named())
    added = await asking.do_once(verb, lambda made: RestrictionAgain(organization, made))
    return shown(added, Restriction.of)


@operations.staff(
    "PATCH",
    f"{_PLACE}/{{restriction}}",
    Permission.SETTINGS_EDIT,
    answers=Restriction,
    refuses=("setting_inherited",),
)
async def change_restriction(
    asking: Staff, organization: str, restriction: str, body: RestrictionBody
) -> Restriction | Refusal:
    """Change a restriction of an organization's own."""
    changed = await asking.do(ChangeRestriction(organization, restriction, body.named()))
    return shown(changed, Restriction.of)


@operations.staff("DELETE", f"{_PLACE}/{{restriction}}", Permission.SETTINGS_EDIT, status=204)
async def delete_restriction(asking: Staff, organization: str, restriction: str) -> Refusal | None:
    """Take a restriction of an organization's own away."""
    return await asking.do(DeleteRestriction(organization, restriction))


# --- allow and deny lists ----------------------------------------------------------------------


class ListedDevice(Shown):
    """A device on an allow or deny list."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": EXAMPLE_ID,
                    "organization": "main",
                    "organization_id": EXAMPLE_ID,
                    "list": "deny",
                    "attribute": "serial",
                    "value": "PF-1234",
                    "ownership": "none",
                    "group_id": "",
                    "added_at": EXAMPLE_MOMENT,
                    "added_by": "ada",
                }
            ]
        }
    )

    id: str
    organization: str
    organization_id: str
    list: DeviceList
    attribute: str
    value: str
    ownership: Ownership
    group_id: str
    """The organization that an allowed device goes to; empty for where its user enrolls it."""
    added_at: Moment
    added_by: str

    @classmethod
    def of(cls, found: device_lists.ListedDevice) -> ListedDevice:
        """An entry of the store."""
        return cls(**documents.listed_device(found))


class EntryBody(Body):
    """A device to be listed."""

    attribute: Line
    """`imei`, `serial` or `udid`."""
    value: Line
    ownership: Ownership | None = None
    """With the allow list: what the device becomes."""
    group_id: Line = ""
    """With the allow list: the organization that the device goes to."""

    def entry(self) -> Entry:
        """The same, as the verb takes it."""
        ownership = self.ownership.value if self.ownership else ""
        return Entry(self.attribute, self.value, ownership, self.group_id)


class EntriesBody(Body):
    """Devices to be listed."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"entries": [{"attribute": "serial", "value": "PF-1234"}]}]}
    )

    entries: Annotated[list[EntryBody], Field(min_length=1, max_length=MOST_PER_FORM)]


class DenyBody(EntriesBody):
    """Devices to be kept out."""

    preview: Preview = ""
    """What a dry run answered; if anything has changed since, nothing is done."""


class EndingDevice(Shown):
    """An enrolled device that is un-enrolled, and what of its ends."""

    device_id: str
    device: str
    user: str | None
    consequences: Consequences


class PutDevices(Shown):
    """How many devices were put on the list, or would be, and which enrolled ones end by that."""

    added: int
    known: int
    """On the list already, and left as they were."""
    unenrolled: int
    """How many enrolled devices end, also those that you may not see."""
    ends: list[EndingDevice] = Field(default_factory=list)
    """Which those would be; in a dry run alone."""
    preview: str = ""
    """A digest of what a dry run found. Sent along, it refuses any other situation."""

    @classmethod
    def foreseen(cls, found: Foreseen, now: int) -> PutDevices:
        """What a dry run answers."""
        return cls(**documents.put_foreseen(found, now))


class ListedQuery(Paging):
    """Sorts: `added_at`, `value`."""

    list: DeviceList | None = None
    attribute: Line | None = None


@operations.staff("GET", "/listed-devices", Permission.DEVICES_READ, answers=Page[ListedDevice])
async def list_listed(
    asking: Staff, query: Annotated[ListedQuery, Query()]
) -> Page[ListedDevice] | Refusal:
    """List devices on allow and deny lists, the newest first."""
    found = await asking.see(ListListed(**filters(query)))
    return shown(found, lambda page: Page.of(page, ListedDevice.of))


@operations.staff(
    "POST",
    "/organizations/{organization}/allow-list",
    Permission.DEVICES_REGISTER,
    answers=PutDevices,
)
async def allow_devices(
    asking: Staff, organization: str, body: EntriesBody
) -> PutDevices | Refusal:
    """Let devices enroll as if they were registered, for whoever signs in with them."""
    entries = tuple(each.entry() for each in body.entries)
    done = await asking.do(PutOnList(organization, DeviceList.ALLOW, entries))
    return _put(done)


@operations.staff(
    "POST",
    "/organizations/{organization}/deny-list",
    Permission.DEVICES_RESET,
    answers=PutDevices,
    refuses=("preview_outdated",),
)
async def deny_devices(
    asking: Staff, organization: str, body: DenyBody, dry_run: DryRunAsked = False
) -> PutDevices | Refusal:
    """Keep devices out. Those that are enrolled lose their credentials and sessions at once."""
    entries = tuple(each.entry() for each in body.entries)
    verb = PutOnList(organization, DeviceList.DENY, entries, preview=body.preview)
    if dry_run:
        foreseen = await asking.see(ForeseePut(verb))
        return shown(
            foreseen, lambda found: PutDevices.foreseen(found, asking.services.tools.clock())
        )
    done = await asking.do(verb)
    return _put(done)


@operations.staff("DELETE", "/allow-list/{entry}", Permission.DEVICES_REGISTER, status=204)
async def allow_no_more(asking: Staff, entry: str) -> Refusal | None:
    """Take a device off the allow list. What it has enrolled stays."""
    return await asking.do(TakeOffList(entry, DeviceList.ALLOW))


@operations.staff("DELETE", "/deny-list/{entry}", Permission.DEVICES_RESET, status=204)
async def deny_no_more(asking: Staff, entry: str) -> Refusal | None:
    """Take a device off the deny list. It may enroll again; nothing that it held comes back."""
    return await asking.do(TakeOffList(entry, DeviceList.DENY))


def _put(done: Put | Refusal) -> PutDevices | Refusal:
    return shown(
        done,
        lambda put: PutDevices(added=put.added, known=put.known, unenrolled=put.unenrolled),
    )
