"""Allow and deny lists: devices that are named before anybody has seen them. Values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from enlist.core.ids import Id
from enlist.core.model import Ownership


class DeviceList(StrEnum):
    """The lists that name devices before anybody has seen them."""

    ALLOW = "allow"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class ListedDevice:
    """A device on an organization's allow or deny list, by one of its identifiers.

    Attributes:
        attribute: `imei`, `serial` or `udid`.
        ownership, target_id: what it becomes, and where, when it enrolls; with the allow list.
    """

    id: Id
    organization_id: Id
    organization_path: str
    group_id: str
    list: DeviceList
    attribute: str
    value: str
    ownership: Ownership
    target_id: Id | None
    target: str
    added_at: int
    added_by: str
