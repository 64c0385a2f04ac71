"""What stands in the store of an installation, as tests read it back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from enlist.core.lifecycle import DeviceState
from enlist.core.model import (
    Credential,
    Device,
    Enrollment,
    EventRow,
    Organization,
    Sighting,
)
from enlist.store import (
    credentials,
    devices,
    enrollment_status,
    enrollments,
    events,
    organizations,
    sightings,
)
from enlist.store.lanes import Store
from enlist.store.listing import Page, PageRequest
from enlist.store.tx import QUERIES, Query, Reader, Row
from enlist.wiring.installation import Installation

if TYPE_CHECKING:
    from tests.installation import Enlist, Ticket


_PUT_SOURCE = Query(
    "test.records.put_source", "UPDATE app_user SET source = :source WHERE id = :id"
)
_PUT_DEVICE = Query("test.records.put_device", "UPDATE device SET state = :state WHERE id = :id")


@dataclass
class Records:
    """An installation whose store is looked into."""

    installation: Installation

    @property
    def store(self) -> Store:
        return self.installation.store

    @property
    def root(self) -> Organization:
        found = self.store.read(organizations.root)
        assert found is not None
        return found

    def enrollment(self, enrollment_id: str) -> Enrollment:
        found = self.store.read(lambda tx: enrollments.find(tx, enrollment_id))
        assert found is not None
        return found

    def enrollments_of(self, device_id: str) -> list[Enrollment]:
        return self.store.read(lambda tx: enrollment_status.of_device(tx, device_id))

    def device(self, device_id: str) -> Device:
        found = self.store.read(lambda tx: devices.find(tx, device_id))
        assert found is not None
        return found

    def devices(self) -> tuple[Device, ...]:
        request = PageRequest(self.root.path, limit=500)
        page = self.store.read(lambda tx: devices.page(tx, request))
        assert isinstance(page, Page)
        return page.items

    def put_device(self, device_id: str, state: DeviceState) -> None:
        """Bring a device into a state, whatever would have led there."""
        self.store.write(lambda tx: tx.run(_PUT_DEVICE, id=device_id, state=state))

    def put_source(self, user_id: str, source: str) -> None:
        """Let a user be from elsewhere, as `directory`."""
        self.store.write(lambda tx: tx.run(_PUT_SOURCE, id=user_id, source=source))

    def credentials_of(self, device_id: str) -> list[Credential]:
        return self.store.read(lambda tx: credentials.of_device(tx, device_id))

    def sighting(self, ticket: Ticket) -> Sighting:
        """What the newest secret of an enrollment leads to."""
        found = self.store.read(
            lambda tx: sightings.by_id(tx, ticket.enrollment_id, ticket.generation)
        )
        assert found is not None
        return found

    def events(self, kind: str = "", **filters: str) -> list[EventRow]:
        """Events of the installation, oldest first."""
        path = self.root.path
        wanted = {**filters, **({"kind": kind} if kind else {})}
        found: list[EventRow] = []
        request: PageRequest | None = PageRequest(path, filters=wanted, sort="at", limit=500)
        while request is not None:
            page = self.store.read(partial(_events, request=request))
            found += page.items
            request = replace(request, cursor=page.next_cursor) if page.next_cursor else None
        return found

    def rows(self, table: str, **equal: object) -> list[Row]:
        """Rows of a table as they are stored."""
        name = f"test.rows.{table}.{'.'.join(sorted(equal))}"
        where = " AND ".join(["1 = 1", *(f"{column} = :{column}" for column in sorted(equal))])
        query = QUERIES.get(name) or Query(name, f"SELECT * FROM {table} WHERE {where}")
        return self.store.read(lambda tx: tx.all(query, **equal))


def _events(tx: Reader, request: PageRequest) -> Page[EventRow]:
    page = events.page(tx, request)
    assert isinstance(page, Page), page
    return page


def exactly_one_of_everything(enlist: Enlist, ticket: Ticket) -> None:
    """One device, one credential, one use, one event: in agreement with each other."""
    assert enlist.device(ticket.device_id).state == "enrolled"
    (credential,) = enlist.credentials_of(ticket.device_id)
    found = enlist.enrollment(ticket.enrollment_id)
    assert (found.state, found.uses) == ("used", 1)
    (event,) = enlist.events("enrollment.redeemed", enrollment=ticket.enrollment_id)
    assert event.data["serial"] == credential.serial
