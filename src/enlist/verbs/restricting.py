"""What restricts one device that wants to enroll: read in `look`, told once its holder is proved.

An organization that restricts nothing is asked nothing further, save by sign-ins, which hash a
password anyway: signing in takes no device that is known as somebody else's or was withdrawn, and
makes no end of new ones (A34, A36, A52, X14). What is found here is what somebody is told; the
limits themselves are kept where they are used up (`store.allowances`).
"""

from __future__ import annotations

from dataclasses import dataclass

from enlist.core.device_lists import DeviceList, ListedDevice
from enlist.core.ids import Id
from enlist.core.lifecycle import DeviceState
from enlist.core.model import Device, Ownership, Platform
from enlist.core.policy import EnrollmentPolicy
from enlist.core.restrictions import Barred, Described, Restriction, identifiers, unfit
from enlist.store import allowances, device_lists, groups, known_devices
from enlist.store.allowances import Allowance
from enlist.store.known_devices import Identifiers
from enlist.store.redemptions import DeviceReport
from enlist.store.tx import Reader


@dataclass(frozen=True, slots=True)
class Standing:
    """How a device stands to what restricts it.

    Attributes:
        barred: why it may not enroll now; None where it may.
        allowed: its entry on an allow list, if it has one.
        allowance: the limits that it must fit into when it enrolls.
    """

    barred: Barred | None
    allowed: ListedDevice | None
    allowance: Allowance | None


@dataclass(frozen=True, slots=True)
class Coming:
    """A device that wants to enroll.

    Attributes:
        path: of the organization where it would be.
        user_id: whose it would be.
        record: its registration, if it has one.
        by_sign_in: no token of an administrator's names it.
        whole: the report is all that will be known of it.
    """

    path: str
    user_id: Id | None
    record: Device | None
    platform: Platform | None
    report: DeviceReport
    by_sign_in: bool
    whole: bool

    @property
    def identifiers(self) -> frozenset[tuple[str, str]]:
        """What it says and what its registration says: either may be denied."""
        said = identifiers(self.report.serial, self.report.imei, self.report.udid)
        if self.record is None:
            return said
        return said | identifiers(self.record.serial, self.record.imei, self.record.udid)

    def ownership(self, allowed: ListedDevice | None) -> Ownership:
        """Whose property it would be: its registration says, else its list, else itself."""
        said = (
            self.record.ownership if self.record else Ownership.NONE,
            allowed.ownership if allowed else Ownership.NONE,
            said_ownership(self.report),
        )
        return next((each for each in said if each is not Ownership.NONE), Ownership.NONE)


def said_ownership(report: DeviceReport) -> Ownership:
    """The ownership that a device reports; `none` for what is no ownership."""
    text = report.ownership.strip().lower()
    return Ownership(text) if text in set(Ownership) else Ownership.NONE


def stand(tx: Reader, policy: EnrollmentPolicy, coming: Coming) -> Standing | None:
    """How a device stands to what restricts it; None where there is nothing to look at."""
    limits = policy.restrictions
    guarded = coming.by_sign_in or policy.guard_known_devices
    if limits is None and not guarded:
        return None
    named: list[ListedDevice] = []
    rule: Restriction | None = None
    caps: tuple[tuple[str, int], ...] = ()
    if limits is not None:
        if limits.denies or limits.allows:
            named = device_lists.naming(tx, coming.path, coming.identifiers)
        mine: frozenset[Id] = frozenset()
        if limits.by_group and coming.user_id is not None:
            mine = groups.of_user(tx, coming.user_id)
        rule = limits.in_force(mine)
        caps = limits.caps(coming.path)
    allowed = next((each for each in named if each.list is DeviceList.ALLOW), None)
    ownership = coming.ownership(allowed)
    denied_by = coming.identifiers if limits is not None and limits.denies else frozenset()
    allowance = _allowance(policy, coming, rule, ownership, caps, denied_by)
    barred = (
        _denied(named)
        or (unfit(rule, _described(coming, ownership), whole=coming.whole) if rule else None)
        or (_known_otherwise(tx, coming) if guarded else None)
        or _used_up(tx, allowance)
    )
    return Standing(barred, allowed, allowance)


def _described(coming: Coming, ownership: Ownership) -> Described:
    record, report = coming.record, coming.report
    platform = coming.platform or (record.platform if record else None)
    return Described(
        platform=platform.value if platform else "",
        ownership="" if ownership is Ownership.NONE else ownership.value,
        model=report.model or (record.model if record else ""),
        os_version=report.os_version or (record.os_version if record else ""),
        manufacturer=report.manufacturer,
    )


def _denied(named: list[ListedDevice]) -> Barred | None:
    denied = next((each for each in named if each.list is DeviceList.DENY), None)
    if denied is None:
        return None
    return Barred("device_denied", f"{denied.attribute} is on the deny list of {denied.group_id}")


def _known_otherwise(tx: Reader, coming: Coming) -> Barred | None:
    """What is on record of the very same device, beside its own registration."""
    said: Identifiers = coming.identifiers
    if not said:
        return None
    own = coming.record.id if coming.record else None
    for known in known_devices.on_record(tx, coming.path, said):
        if known.id == own:
            continue
        if known.user_id != coming.user_id:
            if known.state is DeviceState.REGISTERED:
                return Barred("wrong_user", f"registered for another user: device {known.id}")
            return Barred("device_not_approved", f"another user's on record: device {known.id}")
        if known.state in (DeviceState.UNENROLLED, DeviceState.BLOCKED):
            return Barred("device_revoked", f"{known.state}: device {known.id}")
    return None


def _allowance(
    policy: EnrollmentPolicy,
    coming: Coming,
    rule: Restriction | None,
    ownership: Ownership,
    caps: tuple[tuple[str, int], ...],
    denied_by: frozenset[tuple[str, str]],
) -> Allowance | None:
    most = rule.most_devices if rule else None
    if most is None and coming.by_sign_in and coming.record is None:
        most = policy.sign_in_device_limit or None
    most_of = rule.most_of(ownership.value) if rule else None
    if most is None and most_of is None and not caps and not denied_by:
        return None
    return Allowance(coming.path, coming.user_id, ownership, most, most_of, caps, denied_by)


def _used_up(tx: Reader, allowance: Allowance | None) -> Barred | None:
    code = allowances.used_up(tx, allowance) if allowance else None
    return Barred(code, "as many as are allowed") if code else None
