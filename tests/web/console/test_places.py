"""Where somebody works: the organization is in the address, and nothing outside of it exists."""

from __future__ import annotations

import pytest

from enlist.verbs.organizations import ChangeOrganization
from enlist.verbs.staff import GrantRole
from enlist.verbs.users import ChangeUser
from tests.installation import ADMINISTRATOR, Enlist
from tests.web.console.conftest import Console

PAGES = ("", "devices", "devices/new", "enrollments", "search", "switch", "choices/users")


def test_the_console_opens_where_one_belongs(console: Console, enlist: Enlist) -> None:
    enlist.organization("alpha")
    assert console.sign_in().open("/console").location == "/console/main/"
    assert console.sign_in("operator", "alpha").open("/console").location == "/console/alpha/"


def test_a_role_elsewhere_counts_where_none_is_held_at_home(
    console: Console, enlist: Enlist
) -> None:
    enlist.organization("alpha")
    user = enlist.user("ada")
    enlist.do(GrantRole(user.id, "alpha", "reader"))
    desk = console.as_user("ada")
    assert desk.open("/console").location == "/console/alpha/"
    assert desk.open("/console/main/devices").status == 404


@pytest.mark.parametrize("page", PAGES)
def test_who_is_not_signed_in_is_sent_to_do_so_and_comes_back(console: Console, page: str) -> None:
    answer = console.stranger().open(f"/console/main/{page}?q=x")
    assert answer.status == 303
    wanted = f"/console/main/{page}?q=x".replace("/", "%2F").replace("?", "%3F")
    assert answer.location == f"/sign-in?next={wanted.replace('=', '%3D')}"


def test_a_part_of_a_page_cannot_become_the_sign_in_page(console: Console) -> None:
    answer = console.stranger().open(
        "/console/main/devices?q=x",
        hx_request="true",
        hx_current_url="http://localhost:8000/console/main/devices",
    )
    assert answer.status == 200
    assert answer.headers["hx-redirect"] == "/sign-in?next=%2Fconsole%2Fmain%2Fdevices"


def test_a_foreign_address_is_never_come_back_to(console: Console) -> None:
    answer = console.stranger().open(
        "/console/main/devices", hx_request="true", hx_current_url="https://evil.example/x"
    )
    assert answer.headers["hx-redirect"] == "/sign-in?next=%2Fconsole"


@pytest.mark.parametrize("page", PAGES)
def test_a_sibling_organization_does_not_exist(console: Console, enlist: Enlist, page: str) -> None:
    enlist.organization("alpha")
    enlist.organization("beta")
    desk = console.sign_in("administrator", "alpha")
    foreign, missing = desk.open(f"/console/beta/{page}"), desk.open(f"/console/gamma/{page}")
    assert foreign.status == missing.status == 404
    assert foreign.main == missing.main
    assert "Beta" not in foreign.source
    assert desk.open(f"/console/main/{page}").status == 404, "nor does the one above"


def test_what_a_sibling_has_does_not_exist_either(console: Console, enlist: Enlist) -> None:
    enlist.organization("alpha")
    enlist.organization("beta")
    hidden = enlist.register("bob", organization="beta", name="hidden laptop")
    desk = console.sign_in("administrator", "alpha")
    pages = (
        f"devices/{hidden.device_id}",
        f"devices/{hidden.device_id}/edit",
        f"devices/{hidden.device_id}/delete",
        f"devices/{hidden.device_id}/issue",
        f"enrollments/{hidden.enrollment_id}",
        f"enrollments/{hidden.enrollment_id}/resend",
        f"enrollments/{hidden.enrollment_id}/reissue",
        f"enrollments/{hidden.enrollment_id}/revoke",
    )
    for page in pages:
        answer = desk.open(f"/console/alpha/{page}")
        assert answer.status == 404, page
        assert "hidden laptop" not in answer.source
    assert "hidden laptop" not in desk.open("/console/alpha/search?q=hidden").main
    assert "hidden laptop" not in desk.open("/console/alpha/devices").source


def test_a_thing_is_shown_in_its_own_organization(console: Console, enlist: Enlist) -> None:
    enlist.organization("alpha")
    enlist.organization("beta")
    ticket = enlist.register("bob", organization="beta")
    desk = console.sign_in()
    assert desk.open(f"/console/main/devices/{ticket.device_id}").status == 200
    moved = desk.open(f"/console/alpha/devices/{ticket.device_id}")
    assert moved.location == f"/console/beta/devices/{ticket.device_id}"


def test_who_holds_no_role_is_told_so(console: Console, enlist: Enlist) -> None:
    enlist.user("ada")
    desk = console.as_user("ada")
    answer = desk.open("/console")
    assert answer.status == 403
    assert "The console is for people who hold a role" in answer.text
    assert desk.open("/console/main/devices").status == 403


@pytest.mark.parametrize("address", ["/console/main/nonsense", "/console/main/devices/nonsense"])
def test_a_page_that_does_not_exist_is_no_dead_end(console: Console, address: str) -> None:
    answer = console.sign_in().open(address)
    assert answer.status == 404
    assert answer.leads_to("/console/main/")


@pytest.mark.parametrize("name", ["%00", "%0A", "..%2F..", "%F0%9F%92%A9", "a" * 5000])
def test_a_strange_organization_is_just_unknown(console: Console, name: str) -> None:
    assert console.sign_in().open(f"/console/{name}/devices").status in (404, 303)


def test_the_switcher_keeps_the_page(console: Console, enlist: Enlist) -> None:
    enlist.organization("alpha")
    desk = console.sign_in()
    page = desk.open("/console/main/switch?page=enrollments")
    assert "/console/alpha/enrollments" in page.links
    assert "/console/main/enrollments" in page.links
    found = desk.open("/console/main/switch?page=enrollments&q=alp")
    assert "/console/alpha/enrollments" in found.links
    assert "/console/main/enrollments" not in found.main


def test_the_switcher_leads_to_lists_only(console: Console, enlist: Enlist) -> None:
    page = console.sign_in().open("/console/main/switch?page=https://evil.example")
    assert not any("evil" in link for link in page.links)


def test_a_form_with_control_characters_is_refused(console: Console) -> None:
    answer = console.sign_in("operator").send("/console/main/devices/new", {"user": "a\x00b"})
    assert answer.status == 400


def test_moments_are_shown_in_ones_own_zone_else_the_organizations(
    console: Console, enlist: Enlist
) -> None:
    """X07: noon in UTC, in India, in Tokyo."""
    enlist.organization("alpha")
    ticket = enlist.register("ada", organization="alpha")
    desk = console.sign_in()

    def issued() -> str:
        page = desk.open(f"/console/alpha/devices/{ticket.device_id}")
        return page.main.replace("\u202f", " ").partition("Issued ")[2][:40]

    assert "12:00:00 PM UTC" in issued()
    enlist.do(ChangeOrganization("main", time_zone="Asia/Kolkata"))
    assert "5:30:00 PM" in issued()
    enlist.do(ChangeOrganization("alpha", time_zone="Asia/Tokyo"))
    assert "9:00:00 PM" in issued(), "the nearest organization counts"
    enlist.do(ChangeUser(ADMINISTRATOR, {"time_zone": "America/New_York"}))
    assert "7:00:00 AM" in issued(), "but the person's own zone first"
