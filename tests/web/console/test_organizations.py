"""Organizations: the tree, adding below, changing, deleting what is empty."""

from __future__ import annotations

import pytest

from enlist.verbs.organizations import ChangeSettings
from tests.installation import Enlist
from tests.web.console.conftest import Console

NEW = "/console/main/organizations/new"
FIELDS = {"parent": "main", "name": "Sales", "group_id": "sales", "time_zone": "", "language": ""}


def test_the_tree_stands_in_order_with_children_below(console: Console, enlist: Enlist) -> None:
    enlist.organization("alpha")
    enlist.organization("beta")
    enlist.organization("deep", "alpha")
    page = console.sign_in().open("/console/main/organizations")
    found = [page.source.index(f">{name}</a>") for name in ("Alpha", "Deep", "Beta")]
    assert found == sorted(found)
    assert page.source.index("indent-2") < page.source.index(">Deep</a>")
    below = console.sign_in().open("/console/alpha/organizations")
    assert "Deep" in below.main
    assert "Beta" not in below.main


def test_one_is_found_by_name_or_group_id(console: Console, enlist: Enlist) -> None:
    enlist.organization("alpha")
    enlist.organization("beta")
    desk = console.sign_in()
    assert "Beta" not in desk.open("/console/main/organizations?q=alp").main
    assert "Nothing fits" in desk.open("/console/main/organizations?q=zzz").main


def test_one_is_added_below_another(console: Console, enlist: Enlist) -> None:
    enlist.organization("alpha")
    desk = console.sign_in()
    assert desk.open(f"{NEW}?parent=alpha").value("parent") == "alpha"
    page = desk.follow(desk.send(NEW, {**FIELDS, "parent": "alpha", "time_zone": "Asia/Tokyo"}))
    assert "Sales was added." in page.main
    assert "Asia/Tokyo" in page.main
    [row] = enlist.rows("organization", group_id="sales")
    [parent] = enlist.rows("organization", group_id="alpha")
    assert row["parent_id"] == parent["id"]


def test_an_unfit_form_keeps_its_input(console: Console, enlist: Enlist) -> None:
    enlist.organization("alpha")
    desk = console.sign_in()
    page = desk.send(NEW, {**FIELDS, "group_id": "no spaces!", "time_zone": "Mars"})
    assert page.status == 422
    assert 'id="group_id-error"' in page.source
    assert 'id="time_zone-error"' in page.source
    assert page.value("group_id") == "no spaces!"
    taken = desk.send(NEW, {**FIELDS, "group_id": "ALPHA"})
    assert taken.status == 409
    assert 'id="group_id-error"' in taken.source
    assert taken.value("name") == "Sales"


def test_details_are_edited(console: Console, enlist: Enlist) -> None:
    enlist.organization("alpha")
    desk = console.sign_in()
    edit = "/console/main/organizations/alpha/edit"
    assert desk.open(edit).value("name") == "Alpha"
    typed = {"name": "Alpha & Sons", "time_zone": "Europe/Vienna", "language": "de"}
    page = desk.follow(desk.send(edit, typed))
    assert "Alpha & Sons" in page.main
    assert "Europe/Vienna" in page.main
    empty = desk.send(edit, {**typed, "name": ""})
    assert 'id="name-error"' in empty.source


def test_only_what_is_empty_is_deleted(console: Console, enlist: Enlist) -> None:
    enlist.organization("alpha")
    enlist.organization("deep", "alpha")
    desk = console.sign_in()
    delete = "/console/main/organizations/alpha/delete"
    assert "There is 1 organization below it." in desk.open(delete).main
    refused = desk.send(delete)
    assert refused.status == 409
    assert "This organization still holds something" in refused.main
    desk.send("/console/main/organizations/deep/delete")
    page = desk.follow(desk.send(delete))
    assert "Alpha was deleted." in page.main
    assert desk.open("/console/alpha/devices").status == 404


def test_whoever_deletes_where_he_works_goes_on_above(console: Console, enlist: Enlist) -> None:
    enlist.organization("alpha")
    answer = console.sign_in().send("/console/alpha/organizations/alpha/delete")
    assert answer.location == "/console/main/organizations"


@pytest.mark.parametrize("role", ["operator", "helpdesk", "reader"])
def test_who_may_only_look_gets_no_buttons(console: Console, enlist: Enlist, role: str) -> None:
    enlist.organization("alpha")
    desk = console.sign_in(role)
    page = desk.open("/console/main/organizations")
    assert "Alpha" in page.main
    addresses = [NEW, *(f"/console/main/organizations/alpha/{do}" for do in ("edit", "delete"))]
    for address in addresses:
        assert not page.leads_to(address)
        assert desk.open(address).status == 403
        assert desk.send(address, {**FIELDS}).status == 403
    assert len(enlist.rows("organization")) == 2


def test_a_sibling_does_not_exist(console: Console, enlist: Enlist) -> None:
    enlist.organization("alpha")
    enlist.organization("beta")
    enlist.do(ChangeSettings("beta", {"token_length": 17}))
    desk = console.sign_in("administrator", "alpha")
    assert "Beta" not in desk.open("/console/alpha/organizations").text
    for address in (
        "/console/beta/organizations",
        "/console/beta/settings",
        "/console/alpha/organizations/beta/edit",
        "/console/alpha/organizations/beta/delete",
        "/console/alpha/organizations/main/edit",
    ):
        page = desk.open(address)
        assert page.status == 404, address
        assert "17" not in page.main
        assert desk.send(address, FIELDS).status in (404, 405), address
    assert desk.send("/console/alpha/organizations/new", {**FIELDS, "parent": "beta"}).status == 404
    assert desk.send("/console/alpha/organizations/new", {**FIELDS, "parent": "main"}).status == 404
    assert len(enlist.rows("organization")) == 3
