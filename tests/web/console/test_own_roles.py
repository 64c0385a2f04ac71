"""Roles of one's own in the console: making, giving, changing, deleting, and who may what."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from enlist.core.clock import MINUTE
from enlist.verbs.own_roles import AddOwnRole
from enlist.verbs.sign_in import FRESH
from enlist.verbs.staff import GrantRole
from tests.installation import Enlist, refusal
from tests.web.console.conftest import Console

ROLES = "/console/main/roles"
NAME = "50% <b>staff</b>"
"""What would break a page that took it for markup, or for a text to be translated."""


def added(enlist: Enlist, *permissions: str, place: str = "main", name: str = NAME) -> str:
    return enlist.do(AddOwnRole(place, name, ("organizations:read", *permissions))).id


def test_a_role_is_made_given_changed_and_deleted(console: Console, enlist: Enlist) -> None:
    enlist.user("ada")
    desk = console.sign_in()
    assert desk.open(ROLES).leads_to(f"{ROLES}/new")
    begun = desk.open(f"{ROLES}/new?like=helpdesk")
    assert "enrollments:reissue" in begun.fields["permissions"]
    assert "enrollments:reveal" not in begun.source
    ticked = ["organizations:read", "users:read"]
    wrong = desk.send(f"{ROLES}/new", {"name": "", "permissions": ticked})
    assert (wrong.status, wrong.fields["permissions"]) == (422, ticked)
    made = desk.send(f"{ROLES}/new", {"name": NAME, "permissions": ticked})
    page = desk.follow(made)
    assert "See users" in page.main
    assert "Nobody holds it yet" in page.main
    role = made.location
    key = role.rpartition("/")[2]
    for address in (ROLES, role, f"{role}/edit", f"{role}/delete", f"{ROLES}/grant?role={key}"):
        shown = desk.open(address)
        assert NAME in shown.main, address
        assert "<b>staff" not in shown.source, address
    given = desk.send(f"{ROLES}/grant", {"user": "ada", "organization": "main", "role": key})
    assert NAME in desk.follow(given).main
    assert "ada" in desk.open(role).main
    assert "ada" in desk.open(f"/console/main/users?role={key}").main
    assert NAME in console.as_user("ada").open("/account").text
    fields = {"name": "Field staff", "permissions": ["organizations:read"], "version": "1"}
    assert "Changes saved." in desk.follow(desk.send(f"{role}/edit", fields)).text
    assert desk.send(f"{role}/edit", fields).status == 412  # somebody changed it since
    unsaid = desk.send(f"{role}/delete", {"version": "2"})
    assert (unsaid.status, "Somebody holds this role" in unsaid.main) == (409, True)
    said = {"version": "2", "held": "instead", "instead": ""}
    assert desk.send(f"{role}/delete", said).status == 422
    said["instead"] = "reader"
    assert "was deleted" in desk.follow(desk.send(f"{role}/delete", said)).text
    assert "Reader" in desk.open(f"{ROLES}?q=ada").main.partition("Roles put together")[0]


def test_a_change_counts_at_the_next_click(console: Console, enlist: Enlist) -> None:
    role = added(enlist, "users:read")
    enlist.user("ada")
    enlist.do(GrantRole("ada", "main", role))
    desk, boss = console.as_user("ada"), console.sign_in()
    assert desk.open("/console/main/users").status == 200
    fields = {"name": NAME, "permissions": ["organizations:read"], "version": "1"}
    assert boss.send(f"{ROLES}/{role}/edit", fields).status == 303
    assert desk.open("/console/main/users").status == 403
    assert boss.send(f"{ROLES}/{role}/delete", {"version": "2", "held": "withdraw"}).status == 303
    assert desk.open("/console/main/organizations").status == 403


def test_what_one_has_not_cannot_be_ticked_nor_sent(console: Console, enlist: Enlist) -> None:
    editing = added(enlist, "roles:edit", "staff:read", "users:read", name="editors")
    enlist.user("ed")
    enlist.do(GrantRole("ed", "main", editing))
    desk = console.as_user("ed")
    form = desk.open(f"{ROLES}/new?like=operator")
    assert "You do not hold this yourself." in form.main
    assert "devices:delete" not in form.fields["permissions"]
    fields = {"name": "more", "permissions": ["devices:delete"]}
    assert desk.send(f"{ROLES}/new", fields).status == 403
    assert console.sign_in("operator").open(f"{ROLES}/new").status == 403


def test_what_was_typed_comes_back_after_the_confirmation(console: Console, enlist: Enlist) -> None:
    desk = console.sign_in()
    enlist.clock.now += FRESH + MINUTE
    fields = {"name": "Field staff", "description": "d", "permissions": ["users:read"]}
    sent = desk.send(f"{ROLES}/new", fields)
    assert sent.location.startswith("/confirm?")
    back = parse_qs(urlsplit(sent.location).query)["next"][0]
    asked = parse_qs(urlsplit(back).query)
    assert (asked["name"], asked["permissions"]) == (["Field staff"], ["users:read"])
    assert urlsplit(back).path == f"{ROLES}/new"


def test_a_role_from_above_is_seen_but_not_changed(console: Console, enlist: Enlist) -> None:
    enlist.organization("alpha")
    enlist.organization("beta")
    role, beside = added(enlist, "users:read"), added(enlist, place="beta", name="beside")
    desk = console.sign_in("administrator", "alpha")
    page = desk.open(f"/console/alpha/roles/{role}")
    assert "made in main" in page.main
    assert not page.leads_to(f"/console/alpha/roles/{role}/edit")
    assert desk.open(f"/console/alpha/roles/{role}/edit").status == 403
    assert desk.open(f"/console/alpha/roles/{beside}").status == 404
    assert "beside" not in desk.open("/console/alpha/roles").main
    assert "beside" in console.sign_in().open(ROLES).main


def test_a_help_desk_of_ones_own_finds_the_reason_and_does_the_one_thing(
    console: Console, enlist: Enlist
) -> None:
    """X38: with the permissions that docs/how-to/help-desk.md names, and no others."""
    names = ("events:read", "users:read", "devices:read", "enrollments:read", "messages:read")
    role = added(enlist, *names, "enrollments:resend", "enrollments:reissue", name="desk")
    enlist.user("hal")
    enlist.do(GrantRole("hal", "main", role))
    ticket = enlist.register("ada")
    enlist.clock.now = ticket.expires_at + MINUTE
    code = refusal(enlist.redeem(ticket.token)).support_code
    desk = console.as_user("hal")
    found = desk.open(f"/console/main/search?q={code.lower()}")
    assert "expired" in found.main
    enrollment = f"/console/main/enrollments/{ticket.enrollment_id}"
    event = desk.open(next(link for link in found.links if "/events/" in link))
    assert event.leads_to(enrollment)
    page = desk.open(enrollment)
    assert page.leads_to(f"{enrollment}/reissue")
    for act in ("revoke", "delete"):
        assert not page.leads_to(f"{enrollment}/{act}")
        assert desk.open(f"{enrollment}/{act}").status == 403
    asked = desk.open(f"{enrollment}/reissue")
    values = {name: each[-1] for name, each in asked.fields.items() if name}
    sent = desk.follow(desk.send(f"{enrollment}/reissue", values | {"send": "yes"}))
    assert sent.status == 200
    assert enlist.events("enrollment.reissued")[-1].personal["actor"] == "hal"
    assert desk.open("/console/main/devices/new").status == 403
