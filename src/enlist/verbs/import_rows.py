"""One row of a CSV import: a user, perhaps with a device, added or brought up to date.

A row names its user by his user name, and its device by serial, IMEI or UDID, else by its name: so
the same file makes nothing new the second time. An empty cell says nothing: what is there stays.
Each row is done by the verbs that do it one by one, with the rights of whoever started the import.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from enlist.core.caller import Caller
from enlist.core.ids import Id
from enlist.core.model import Device, Organization, User
from enlist.core.outcomes import Done, FieldError, Refusal, invalid
from enlist.core.refusals import CATALOGUE
from enlist.store import devices, users
from enlist.store.tx import Reader, Tx
from enlist.verbs import fields, labels
from enlist.verbs.authorizing import Authorize, authorized_at
from enlist.verbs.csv_file import CUSTOM, is_formula
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.devices import ChangeDevice
from enlist.verbs.driver import Answered, Driver, Tools, Verb, View
from enlist.verbs.fields import Fields
from enlist.verbs.finding import organization_named, user_named
from enlist.verbs.issuing import LATER, Delivery
from enlist.verbs.register import Register
from enlist.verbs.users import AddUser, ChangeUser

SIMPLE: Final = (
    *("username", "email", "phone", "first_name", "last_name", "group_id"),
    *("friendly_name", "platform", "ownership", "message_type"),
)
ADVANCED: Final = (
    *SIMPLE,
    "authorized_group_ids",
    *("model", "os", "serial", "imei", "udid", "sim", "asset_number", "message_template"),
    *("language", "tags", f"{CUSTOM}<name>"),
)
REQUIRED: Final = ("username",)
MESSAGES: Final = ("email", "sms", "none")

_OF_USER: Final = ("email", "phone", "first_name", "last_name", "language")
_OF_DEVICE: Final = {
    "friendly_name": "name",
    "ownership": "ownership",
    "model": "model",
    "os": "os_version",
    "serial": "serial",
    "imei": "imei",
    "udid": "udid",
    "sim": "sim",
    "asset_number": "asset_number",
}
"""A cell by its column, and what it is of a device."""

_COLUMN_OF: Final = {name: column for column, name in _OF_DEVICE.items()} | {
    "user": "username", "organization": "group_id", "message.type": "message_type",
    "message.template": "message_template", "user.email": "email", "user.phone": "phone",
    "custom_attributes": CUSTOM, "organizations": "authorized_group_ids",
}  # fmt: skip


class Result(StrEnum):
    """What came of a row."""

    MADE = "made"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with a row: the column, if it is one, and why."""

    column: str
    message: str


Cells = Mapping[str, str]


def process(
    driver: Driver, caller: Caller, given: Cells, place: str, *, rehearsal: bool
) -> Result | Wrong:
    """Do a row, or with `rehearsal` only see what would come of it."""
    cells = {**given, "group_id": given.get("group_id") or place}
    wrong = _unfit(cells)
    if wrong is not None:
        return wrong
    seen = driver.view(_Known(cells), caller)
    if isinstance(seen, Refusal):
        return told(seen)
    steps = _steps(cells, seen)
    for verb in steps:
        refusal = perform(driver, caller, verb, rehearsal=rehearsal)
        if refusal is not None:
            return told(refusal)
    if any(isinstance(verb, AddUser | Register) for verb in steps):
        return Result.MADE
    return Result.CHANGED if steps else Result.UNCHANGED


def told(refusal: Refusal, columns: Mapping[str, str] = _COLUMN_OF) -> Wrong:
    """A refusal in the words of the file.

    Args:
        columns: the file's names of what a verb calls otherwise.
    """
    if refusal.fields:
        error = refusal.fields[0]
        return Wrong(columns.get(error.field, error.field), error.message)
    meaning = CATALOGUE[refusal.code]
    return Wrong("", f"{meaning.title}. {refusal.detail or meaning.remedy}")


@dataclass(frozen=True, slots=True)
class _Seen:
    """What there is already of what a row names.

    Attributes:
        authorized: the organizations at which its user shall enroll; None where it names none.
    """

    user: User | None
    device: Device | None
    authorized: tuple[Id, ...] | None = None


@dataclass(frozen=True)
class _Known(View[_Seen]):
    """What a row names, as far as it is there; refused where it is and may not be seen."""

    cells: Cells

    def read(self, tx: Reader, caller: Caller) -> _Seen | Refusal:
        place, home = self.cells.get("group_id", ""), ""
        if place:
            found = organization_named(tx, caller, place)
            if isinstance(found, Refusal):
                return invalid(
                    "organization", f"there is no organization with the Group ID {place}"
                )
            home = found.path
        user = users.by_username(tx, self.cells["username"])
        if user is not None and isinstance(user_named(tx, caller, user.id), Refusal):
            return Refusal("username_taken")
        wanted = self._authorized(tx, caller, user.organization_path if user else home)
        if isinstance(wanted, Refusal):
            return wanted
        device = device_of(devices.of_user(tx, user.id), self.cells) if user else None
        return _Seen(user, device, wanted)

    def _authorized(self, tx: Reader, caller: Caller, home: str) -> tuple[Id, ...] | Refusal | None:
        """`A&B&C`: three organizations, A the default (A49)."""
        text = self.cells.get("authorized_group_ids", "")
        if not text:
            return None
        named = [each.strip() for each in text.split("&")]
        if not all(named):
            return invalid("organizations", "must be Group IDs with & between them")
        places = authorized_at(tx, caller, home, named)
        return places if isinstance(places, Refusal) else tuple(each.id for each in places)


def device_of(of_user: Sequence[Device], cells: Cells) -> Device | None:
    """The device that a row means: by the first number that it gives, else by its name."""
    number = next((name for name in ("serial", "imei", "udid") if cells.get(name)), "")
    attribute, column = (number, number) if number else ("name", "friendly_name")
    wanted = cells.get(column, "").casefold()
    return next((d for d in of_user if wanted and getattr(d, attribute).casefold() == wanted), None)


def key_of(cells: Cells) -> tuple[str, str]:
    """What tells a row from others: two rows with the same key mean the same."""
    device = next((cells[name] for name in ("serial", "imei", "udid") if cells.get(name)), "")
    device = device or cells.get("friendly_name", "")
    return cells.get("username", "").casefold(), device.casefold()


def whom_and_where(
    tx: Reader, caller: Caller, cells: Cells, place: str
) -> tuple[User, Organization] | Refusal:
    """Whom a row names by `username`, and the organization that he or his devices shall go to."""
    to = organization_named(tx, caller, place)
    if isinstance(to, Refusal):
        return invalid("organization", f"there is no organization with the Group ID {place}")
    user = user_named(tx, caller, cells.get("username", ""))
    if isinstance(user, Refusal):
        return invalid("username", "no user has this name")
    return user, to


def formula(cells: Cells) -> Wrong | None:
    """A cell that a spreadsheet would run, when the rows that are wrong are opened in one."""
    for column, text in cells.items():
        if column != "phone" and is_formula(text):
            return Wrong(column, "begins like a formula of a spreadsheet; take away its first sign")
    return None


def _unfit(cells: Cells) -> Wrong | None:
    """What is wrong with the cells themselves."""
    wrong = formula(cells)
    if wrong is not None:
        return wrong
    read = Fields()
    read.read("username", cells.get("username", ""), fields.username)
    read.read("imei", cells.get("imei", ""), _imei)
    given = [name for name in cells if cells[name] and (name in _OF_DEVICE or name == "platform")]
    if given and not cells.get("friendly_name"):
        read.errors.append(FieldError("friendly_name", "give the device a name"))
    if cells.get("message_type", "none").lower() not in MESSAGES:
        read.errors.append(FieldError("message_type", f"must be one of {', '.join(MESSAGES)}"))
    error = read.errors[0] if read.errors else None
    return None if error is None else Wrong(error.field, error.message)


def _imei(text: str) -> str:
    """14 to 16 digits; the last of 15 is a check digit (3GPP TS 23.003 annex B)."""
    digits = text.replace("-", "").replace(" ", "")
    if not digits:
        return ""
    if not (digits.isascii() and digits.isdecimal() and 14 <= len(digits) <= 16):
        raise fields.Unfit("must be 14 to 16 digits")
    doubled = [int(d) * (1 + (n + len(digits)) % 2) for n, d in enumerate(digits, 1)]
    if len(digits) == 15 and sum(n // 10 + n % 10 for n in doubled) % 10:
        raise fields.Unfit("has a check digit that does not fit: look for a typing error")
    return digits


def _steps(cells: Cells, seen: _Seen) -> list[Verb[Any, Any, Any]]:
    """What there is to do for a row, in order; nothing where all is as it says."""
    username, steps = cells["username"], list[Verb[Any, Any, Any]]()
    place = cells.get("group_id", "")
    person: dict[str, Any] = {name: cells[name] for name in _OF_USER if cells.get(name)}
    if seen.user is None:
        steps.append(AddUser(place, username, **person))
    else:
        changed = {n: text for n, text in person.items() if _differs(n, text, seen.user)}
        if changed:
            steps.append(ChangeUser(seen.user.id, changed))
    if seen.authorized and (seen.user is None or seen.user.authorized != seen.authorized):
        steps.append(Authorize(username, seen.authorized))
    if seen.authorized or (seen.user and seen.user.authorized):
        place = ""  # where his devices go
    details = _details(cells)
    if not cells.get("friendly_name"):
        return steps
    if seen.device is None:
        kind = cells.get("message_type", "").lower()
        sent = LATER if kind in ("", "none") else Delivery(kind, cells.get("message_template", ""))
        platform = cells.get("platform", "").lower()
        device = DeviceDetails(platform=platform, **{"name": "", **details})
        steps.append(Register(place, username, device, sent))
    else:
        held = seen.device
        changed = {n: value for n, value in details.items() if _differs(n, value, held)}
        if changed:
            steps.append(ChangeDevice(held.id, changed))
    return steps


def _details(cells: Cells) -> dict[str, Any]:
    """What a row says of a device."""
    found: dict[str, Any] = {
        name: cells[column] for column, name in _OF_DEVICE.items() if cells.get(column)
    }
    if "ownership" in found:
        found["ownership"] = found["ownership"].lower()
    if cells.get("tags"):
        found["tags"] = tuple(tag.strip() for tag in cells["tags"].split(";") if tag.strip())
    custom = {
        column.removeprefix(CUSTOM): text
        for column, text in cells.items()
        if column.startswith(CUSTOM) and text
    }
    return found | ({"custom_attributes": custom} if custom else {})


_CHECKS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "email": fields.email,
    "phone": fields.phone,
    "language": fields.language,
    "tags": labels.tags,
    "custom_attributes": labels.attributes,
}


def _differs(name: str, given: Any, held: User | Device) -> bool:
    """Whether what a row says is not what is kept; a mistake differs, and is told by the verb."""
    try:
        return bool(_CHECKS.get(name, fields.line)(given) != getattr(held, name))
    except fields.Unfit:
        return True


def perform(
    driver: Driver, caller: Caller, verb: Verb[Any, Any, Any], *, rehearsal: bool
) -> Refusal | None:
    """Do a step, or see whether it would be refused."""
    return _rehearse(driver, caller, verb) if rehearsal else _run(driver, caller, verb)


def _run(driver: Driver, caller: Caller, verb: Verb[Any, Any, Any]) -> Refusal | None:
    outcome = driver.perform(verb, caller)
    return outcome if isinstance(outcome, Refusal) else None


class _Rehearsed(Verb[Any, Any, None]):
    """A verb that is looked at and worked out, and not applied."""

    def __init__(self, verb: Verb[Any, Any, Any]) -> None:
        self._verb = verb

    @property
    def name(self) -> str:  # type: ignore[override]  # it is known as what it wraps
        return self._verb.name

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Any:
        return self._verb.look(tools, tx, caller)

    def work(self, tools: Tools, caller: Caller, seen: Any) -> Answered[None] | Refusal:
        ready = self._verb.work(tools, caller, seen)
        return ready if isinstance(ready, Refusal) else Answered(Done(None))

    def apply(self, tx: Tx, caller: Caller, ready: object) -> Done[None] | Refusal:
        raise AssertionError("a rehearsal has nothing to apply")


def _rehearse(driver: Driver, caller: Caller, verb: Verb[Any, Any, Any]) -> Refusal | None:
    if isinstance(verb, Register):
        problems = verb.details.problems()
        if problems:
            return Refusal("validation_failed", fields=problems)
    user = verb.user if isinstance(verb, Register | Authorize) else ""
    if user and driver.view(_Known({"username": user}), caller) == _Seen(None, None):
        return None  # he is added by a step before
    return _run(driver, caller, _Rehearsed(verb))
