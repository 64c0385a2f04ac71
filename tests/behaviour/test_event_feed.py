"""The event feed: the whole log in the sealed order, to each as far as he may see it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from enlist.core.caller import SYSTEM, Caller
from enlist.core.events import FORM, Happening, make_events
from enlist.core.outcomes import Refusal
from enlist.store import events
from enlist.verbs import documents
from enlist.verbs.feed import ReadEvents, ReadOn
from enlist.verbs.sealing import Sealer
from tests.installation import Enlist


@dataclass
class Reader:
    """Somebody who reads the feed to its end whenever he looks."""

    enlist: Enlist
    caller: Caller | None = None
    organization: str = ""
    cursor: str = ""

    def look(self, limit: int = 100, *, seal: bool = True) -> list[str]:
        """The ids of the events that are new to him."""
        sealer = Sealer(self.enlist.store)
        while seal and sealer.look().more:
            pass
        found: list[str] = []
        more = True
        while more:
            view = ReadEvents(self.cursor, self.organization, limit=limit)
            read = self.enlist.driver.view(view, self.caller or self.enlist.host)
            assert isinstance(read, ReadOn), read
            assert [each.seq for each in read.items] == sorted(each.seq for each in read.items)
            found += [each.event.id for each in read.items]
            self.cursor, more = read.cursor, read.more
        return found


def logged(enlist: Enlist) -> set[str]:
    return {each.id for each in enlist.events()}


def test_a_reader_hears_every_event_once_in_pages_and_goes_on_where_he_was(enlist: Enlist) -> None:
    enlist.register("ada")
    reader = Reader(enlist)
    first = reader.look(limit=2)
    assert len(first) == len(set(first))
    assert set(first) == logged(enlist)
    assert reader.look() == []
    enlist.register("grace")
    second = reader.look()
    assert set(first) | set(second) == logged(enlist)
    assert not set(first) & set(second)


def test_what_was_committed_late_under_an_earlier_id_is_not_left_out(enlist: Enlist) -> None:
    """By ids it would be: it is older than what the reader has read."""
    (late,) = make_events([(SYSTEM, Happening("device.changed"))], enlist.clock.now)
    enlist.clock.advance(seconds=2)
    reader = Reader(enlist)
    enlist.register("ada")
    assert late.id < max(reader.look())
    enlist.store.write(lambda tx: tx.each(events.INSERT_EACH, [events.row_of(late)]))
    assert reader.look() == [late.id]


def test_an_event_of_the_list_that_is_not_sealed_yet_is_a_cursor(enlist: Enlist) -> None:
    Reader(enlist).look()
    enlist.register("ada")
    newest = max(logged(enlist))
    reader = Reader(enlist, cursor=newest)
    assert reader.look(seal=False) == []
    assert reader.cursor == newest
    assert newest not in reader.look()
    enlist.clock.advance(seconds=1)
    enlist.register("ada", name="tablet")
    assert reader.look()


def test_each_hears_of_his_organization_and_below(enlist: Enlist) -> None:
    enlist.organization("north")
    enlist.organization("south")
    hers, his = (
        Reader(enlist, enlist.staff("reader", "north")),
        Reader(enlist, organization="south"),
    )
    hers.look()
    his.look()
    enlist.user("ada", organization="north")
    ticket = enlist.register("ada")
    of_north = hers.look()
    named = {each.id: each for each in enlist.events()}
    assert ticket.device_id in {named[each].device_id for each in of_north}
    before = his.cursor
    assert his.look() == []
    assert his.cursor != before, "what was looked through is not looked through again"
    view = ReadEvents(organization="south")
    refused = enlist.driver.view(view, enlist.staff("reader", "north", username="grace"))
    assert isinstance(refused, Refusal)
    assert refused.code == "not_found"


def test_the_help_desk_hears_nothing_about_staff(enlist: Enlist) -> None:
    reader = Reader(enlist, enlist.staff("helpdesk"))
    reader.look()
    enlist.user("ada")
    enlist.staff("operator", username="grace")
    heard = set(reader.look())
    kinds = {each.kind for each in enlist.events() if each.id in heard}
    assert "user.created" in kinds
    assert not any(kind.startswith("role.") for kind in kinds)


def test_after_a_restore_the_feed_begins_anew(enlist: Enlist) -> None:
    """The database has forgotten the cursor's event, and gives its place to another."""
    reader = Reader(enlist)
    enlist.register("ada")
    assert reader.look()
    for cursor in (f"2-{'0' * 16}", f"99999-{'a' * 16}", "01983f5e-8a0b-7c3d-9e4f-a1b2c3d4e5f6"):
        reader.cursor = cursor
        assert set(reader.look()) == logged(enlist)


def test_an_event_of_another_organization_is_as_unknown_as_none(enlist: Enlist) -> None:
    enlist.organization("north")
    enlist.register("ada")
    newest = max(logged(enlist))
    reader = Reader(enlist, enlist.staff("reader", "north"), cursor=newest)
    heard = reader.look()
    assert heard == Reader(enlist, reader.caller).look()


@pytest.mark.parametrize(
    ("view", "field"),
    [(ReadEvents("17"), "after"), (ReadEvents(kind="enrollment.gone"), "kind")],
)
def test_what_is_no_cursor_or_kind_is_told_at_its_field(
    enlist: Enlist, view: ReadEvents, field: str
) -> None:
    refused = enlist.driver.view(view, enlist.host)
    assert isinstance(refused, Refusal)
    assert [each.field for each in refused.fields] == [field]


def test_one_kind_can_be_asked_for(enlist: Enlist) -> None:
    enlist.register("ada")
    Reader(enlist).look()
    read = enlist.driver.view(ReadEvents(kind="device.registered"), enlist.host)
    assert isinstance(read, ReadOn)
    assert {each.event.kind for each in read.items} == {"device.registered"}
    assert read.items[0].group_id == enlist.root.group_id
    assert set(documents.sealed_event(read.items[0])) == set(FORM)
