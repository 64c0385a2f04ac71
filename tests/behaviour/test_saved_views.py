"""Views of the list of enrollments: kept under a name, one's own or shared, and deleted."""

from __future__ import annotations

import pytest

from enlist.core.caller import Caller
from enlist.core.outcomes import Refusal
from enlist.store.saved_views import SavedView
from enlist.verbs.saved_views import ChangeView, DeleteView, ListSavedViews, SaveView
from enlist.verbs.users import DeleteUser
from enlist.verbs.views import ListEnrollments
from tests.installation import Enlist, code, refusal

EXPIRED = {"token_status": "expired", "platform": "ios"}


def names(enlist: Enlist, caller: Caller, place: str = "") -> list[str]:
    found = enlist.driver.view(ListSavedViews(place), caller)
    assert not isinstance(found, Refusal), found
    return [each.name for each in found]


def save(enlist: Enlist, caller: Caller, name: str, *, shared: bool = False) -> SavedView:
    verb = SaveView("", name, "laptop", EXPIRED, "-expires_at", shared=shared)
    return enlist.do(verb, caller)


@pytest.fixture
def two(enlist: Enlist) -> tuple[Caller, Caller]:
    """Two of the staff of one organization."""
    return enlist.staff("operator"), enlist.staff("reader")


def test_ones_own_view_is_seen_by_nobody_else(enlist: Enlist, two: tuple[Caller, Caller]) -> None:
    mine, other = two
    view = save(enlist, mine, "Expired phones")
    assert (view.search, dict(view.filters), view.sort) == ("laptop", EXPIRED, "-expires_at")
    assert names(enlist, mine) == ["Expired phones"]
    assert names(enlist, other) == []
    assert code(enlist.perform(DeleteView(view.id), other)) == "not_found"
    assert code(enlist.perform(DeleteView(view.id), enlist.staff("administrator"))) == "not_found"
    save(enlist, other, "Expired phones")  # each has names of his own
    enlist.do(DeleteView(view.id), mine)
    assert names(enlist, mine) == []
    assert code(enlist.perform(DeleteView(view.id), mine)) == "not_found"


def test_a_shared_view_is_for_all_who_see_the_organization(
    enlist: Enlist, two: tuple[Caller, Caller]
) -> None:
    enlist.organization("berlin")
    mine, other = two
    view = save(enlist, mine, "Expired phones", shared=True)
    inside = enlist.staff("administrator", "berlin")
    assert names(enlist, other) == ["Expired phones"]
    assert names(enlist, other, "berlin") == []
    assert names(enlist, inside) == []
    above = enlist.driver.view(ListSavedViews("main"), inside)
    assert code(above) == "not_found"
    assert code(enlist.perform(DeleteView(view.id), inside)) == "not_found"
    assert code(enlist.perform(DeleteView(view.id), other)) == "forbidden"
    again = refusal(enlist.perform(SaveView("", "expired PHONES", shared=True), other))
    assert [each.field for each in again.fields] == ["name"]
    enlist.do(DeleteView(view.id), enlist.staff("administrator"))
    assert names(enlist, mine) == []
    kinds = [each.kind for each in enlist.events() if each.kind.startswith("view.")]
    assert sorted(kinds) == ["view.deleted", "view.saved"]


def test_what_is_kept_shows_the_list_again(enlist: Enlist, two: tuple[Caller, Caller]) -> None:
    ticket = enlist.register("ada", name="Laptop one")
    enlist.register("ada", name="phone")
    view = enlist.do(SaveView("", "laptops", "LAPTOP", {"platform": "linux", "source": ""}), two[0])
    shown = enlist.driver.view(
        ListEnrollments(search=view.search, filters=view.filters, sort=view.sort), two[0]
    )
    assert not isinstance(shown, Refusal)
    assert [each.id for each in shown.items] == [ticket.enrollment_id]


def test_a_view_that_could_show_nothing_is_refused_at_its_field(
    enlist: Enlist, two: tuple[Caller, Caller]
) -> None:
    for verb, wrong in (
        (SaveView("", " "), "name"),
        (SaveView("", "x", filters={"colour": "red"}), "colour"),
        (SaveView("", "x", filters={"without_staff": "yes"}), "without_staff"),
        (SaveView("", "x", sort="colour"), "sort"),
        (SaveView("", "x", search="a\nb"), "search"),
    ):
        told = refusal(enlist.perform(verb, two[0]))
        assert [each.field for each in told.fields] == [wrong]
    # Whoever sits at the machine is no person of Enlist's: what he keeps is for all.
    assert [e.field for e in refusal(enlist.perform(SaveView("main", "x"))).fields] == ["shared"]
    assert enlist.rows("saved_view") == []


def test_a_deleted_users_own_views_go_and_what_he_shared_stays(enlist: Enlist) -> None:
    leaving = enlist.staff("operator")
    save(enlist, leaving, "mine")
    save(enlist, leaving, "ours", shared=True)
    assert leaving.id is not None
    enlist.do(DeleteUser(leaving.id))
    assert [each["name"] for each in enlist.rows("saved_view")] == ["ours"]


def test_a_view_is_changed_by_whose_it_is_or_who_changes_settings(
    enlist: Enlist, two: tuple[Caller, Caller]
) -> None:
    mine, other = two
    head = enlist.staff("administrator")
    view = save(enlist, mine, "Expired phones")
    taken = save(enlist, mine, "Late")
    assert code(enlist.perform(ChangeView(view.id, {"name": "x"}), head)) == "not_found"
    clash = refusal(enlist.perform(ChangeView(view.id, {"name": "LATE"}), mine))
    assert [each.field for each in clash.fields] == ["name"]
    shared = enlist.do(ChangeView(view.id, {"shared": True, "name": " Phones "}), mine)
    assert (shared.name, shared.shared, shared.search) == ("Phones", True, "laptop")
    assert names(enlist, other) == ["Phones"]
    assert code(enlist.perform(ChangeView(view.id, {"name": "x"}), other)) == "forbidden"
    new = {"filters": {"platform": "ios", "source": ""}, "search": "", "sort": ""}
    changed = enlist.do(ChangeView(view.id, new), head)
    assert (changed.search, dict(changed.filters)) == ("", {"platform": "ios"})
    back = refusal(enlist.perform(ChangeView(view.id, {"shared": False}), head))
    assert [each.field for each in back.fields] == ["shared"]
    odd = {"filters": {"colour": "red"}, "owner": "ada"}
    wrong = refusal(enlist.perform(ChangeView(view.id, odd), mine))
    assert {each.field for each in wrong.fields} == {"colour", "owner"}
    before = len(enlist.events("view.changed"))
    enlist.do(ChangeView(view.id, {"name": "Phones"}), mine)
    assert len(enlist.events("view.changed")) == before == 2, "what changes nothing is no event"
    enlist.do(ChangeView(view.id, {"shared": False}), mine)
    assert names(enlist, other) == []
    assert names(enlist, mine) == [taken.name, "Phones"]


def test_two_who_change_a_view_at_once_both_count(
    enlist: Enlist, two: tuple[Caller, Caller]
) -> None:
    """Neither writes over what the other has just said."""
    view = save(enlist, two[0], "Phones")
    changing = [
        lambda change=change: enlist.perform(ChangeView(view.id, change), two[0])
        for change in ({"name": "Old phones"}, {"search": "pixel"}, {"shared": True})
    ]
    assert [code(each) for each in enlist.together(changing)] == ["done"] * 3
    found = enlist.driver.view(ListSavedViews(), two[1])
    assert not isinstance(found, Refusal)
    assert [(each.name, each.search, each.shared) for each in found] == [
        ("Old phones", "pixel", True)
    ]
