"""What is known of a device when it is registered, and what is wrong with it."""

from __future__ import annotations

import operator
from dataclasses import dataclass, field, replace
from typing import Final

from enlist.core.model import Ownership, Platform
from enlist.core.outcomes import FieldError
from enlist.verbs import fields, labels
from enlist.verbs.devices import TEXTS, ownership
from enlist.verbs.fields import Fields
from enlist.verbs.labels import AttributesGiven, TagsGiven

_PLATFORMS: Final = frozenset(each.value for each in Platform)
_OWNERSHIPS: Final = frozenset(each.value for each in Ownership)
_TEXTS_OF: Final = operator.attrgetter(*TEXTS)


@dataclass(frozen=True, slots=True)
class DeviceDetails:
    """What is known of a device when it is registered (A31)."""

    name: str
    platform: str
    ownership: str = Ownership.NONE.value
    model: str = ""
    os_version: str = ""
    serial: str = ""
    imei: str = ""
    udid: str = ""
    sim: str = ""
    asset_number: str = ""
    external_id: str = ""
    tags: TagsGiven = ()
    custom_attributes: AttributesGiven = field(default_factory=dict)

    def problems(self) -> tuple[FieldError, ...]:
        """What is wrong with it, field by field."""
        return self._read()[1]

    def stored(self) -> DeviceDetails:
        """The same as it is stored, once nothing is wrong with it: trimmed, each tag once."""
        return self._read()[0]

    def _read(self) -> tuple[DeviceDetails, tuple[FieldError, ...]]:
        if self._stands():
            return self, ()
        read = Fields()
        texts = {name: read.read(name, getattr(self, name), fields.line) for name in TEXTS}
        if not self.name.strip():
            read.errors.append(FieldError("name", "give the device a name"))
        if self.platform not in set(Platform):
            problem = f"must be one of {', '.join(Platform)}"
            read.errors.append(FieldError("platform", problem))
        owned = read.read("ownership", self.ownership, ownership)
        tags = read.take("tags", self.tags, labels.tags, None)
        attributes = read.take("custom_attributes", self.custom_attributes, labels.attributes, None)
        found = replace(
            self, ownership=owned, tags=tags or (), custom_attributes=attributes or {}, **texts
        )
        return found, tuple(read.errors)

    def _stands(self) -> bool:
        """Whether there is nothing to find wrong, or to change: in short, as most rows are.

        An empty text, as of a form, is not how it is stored.
        """
        return (
            self.name != ""
            and self.platform in _PLATFORMS
            and self.ownership in _OWNERSHIPS
            and self.tags == ()
            and self.custom_attributes == {}
            and all(map(fields.stands, _TEXTS_OF(self)))
        )
