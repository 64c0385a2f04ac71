"""What belongs to each of many devices, read in one statement."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from enlist.core.ids import Id
from enlist.store.tx import Reader, Row, SetQuery


class Belonging(Protocol):
    """Something of a device's."""

    @property
    def id(self) -> Id: ...
    @property
    def device_id(self) -> Id: ...


Thing = TypeVar("Thing", bound=Belonging)


def newest_of_each(
    tx: Reader, query: SetQuery, device_ids: Iterable[Id], make: Callable[[Row], Thing]
) -> dict[Id, Thing]:
    """The newest thing of each device; those that have none are left out.

    Args:
        query: takes each `device_id`.
    """
    rows = tx.each(query, [{"device_id": each} for each in device_ids])
    found = sorted((make(row) for row in rows), key=lambda each: each.id)
    return {each.device_id: each for each in found}
