"""Which registration an enrolling device is meant by, where no token says so (A33).

Its user and platform are given. What contradicts the device is never it: a record with another
serial number, IMEI, UDID, model or ownership. Of the rest the one that fits best: an identifier
that agrees, then the model, then the ownership; among equals the one registered first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from enlist.core.model import Device, Ownership
from enlist.core.restrictions import identifiers

UNSAID: Final = ("", Ownership.NONE)


def match(
    records: Sequence[Device], *, serial: str, imei: str, udid: str, model: str, ownership: str
) -> Device | None:
    """The record that a device is meant by, among the registered ones of its user and platform."""
    given = dict(identifiers(serial, imei, udid))
    found: tuple[tuple[int, int, int], Device] | None = None
    for record in sorted(records, key=lambda each: (each.registered_at, each.id)):
        known = dict(identifiers(record.serial, record.imei, record.udid))
        fits = (
            _fits([(known.get(name, ""), text) for name, text in given.items()]),
            _fits([(record.model.strip().casefold(), model.strip().casefold())]),
            _fits([(record.ownership, ownership)]),
        )
        if -1 not in fits and (found is None or fits > found[0]):
            found = fits, record
    return found[1] if found else None


def _fits(pairs: Sequence[tuple[str, str]]) -> int:
    """-1 where one side says other than the other, 1 where both say the same, else 0."""
    said = [(one, two) for one, two in pairs if one not in UNSAID and two not in UNSAID]
    if any(one != two for one, two in said):
        return -1
    return int(bool(said))
