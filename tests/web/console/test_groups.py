"""Groups in the console: added, filled one by one, and deleted; who may not, sees and cannot."""

from __future__ import annotations

from enlist.verbs.restrictions import AddRestriction
from tests.installation import Enlist
from tests.web.console.conftest import Console

LIST = "/console/main/groups"


def test_a_group_is_added_filled_renamed_and_deleted(console: Console, enlist: Enlist) -> None:
    enlist.user("ada")
    desk = console.sign_in("operator")
    assert desk.open(LIST).leads_to(f"{LIST}/new")
    group = desk.send(f"{LIST}/new", {"name": "Field staff", "description": "vans"}).location
    assert "Nobody is in this group yet" in desk.open(group).main
    page = desk.follow(desk.send(f"{group}/members", {"user": "ada"}))
    assert "ada is a member now" in page.main
    assert "1 member" in page.main
    person = enlist.rows("group_member")[0]["user_id"]
    assert group in desk.open(f"/console/main/users/{person}").links
    unknown = desk.send(f"{group}/members", {"user": "nobody"})
    assert "No user has this name" in unknown.main
    assert 'value="nobody"' in unknown.source  # nothing typed is lost
    desk.send(f"{group}/edit", {"name": "Drivers", "description": "", "version": "1"})
    assert "Drivers" in desk.open(LIST).main
    stale = desk.send(f"{group}/edit", {"name": "Late", "version": "1"})
    assert stale.status == 412
    member = enlist.rows("group_member")[0]["user_id"]
    assert "0 members" in desk.follow(desk.send(f"{group}/members/remove", {"user": member})).main
    assert "Drivers" in desk.follow(desk.send(f"{group}/delete")).main
    assert desk.open(group).status == 404


def test_a_name_that_is_taken_and_a_group_that_is_needed_are_said(
    console: Console, enlist: Enlist
) -> None:
    desk = console.sign_in()
    group = desk.send(f"{LIST}/new", {"name": "Field staff"}).location
    again = desk.send(f"{LIST}/new", {"name": "field STAFF"})
    assert "another group of this organization has this name" in again.main
    assert again.value("name") == "field STAFF"
    named = group.rpartition("/")[2]
    enlist.do(AddRestriction("main", {"name": "rule", "user_group_id": named}))
    assert "Delete or change that first" in desk.send(f"{group}/delete").main


def test_readers_see_groups_and_change_none(console: Console, enlist: Enlist) -> None:
    group = console.sign_in().send(f"{LIST}/new", {"name": "Field staff"}).location
    desk = console.sign_in("reader")
    assert "Field staff" in desk.open(LIST).main
    assert not desk.open(group).leads_to(f"{group}/edit")
    for address in (f"{LIST}/new", f"{group}/edit", f"{group}/delete"):
        assert desk.open(address).status == 403, address
        assert desk.send(address, {"name": "x"}).status == 403, address
    enlist.organization("alpha")
    assert console.sign_in("operator", "alpha").open(group).status == 404
