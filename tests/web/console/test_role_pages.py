"""Roles: what each may do, who holds which, giving them and taking them away."""

from __future__ import annotations

import html
from urllib.parse import parse_qs, urlsplit

import pytest

from enlist.core.clock import MINUTE
from enlist.core.permissions import Permission
from enlist.store import roles, users
from enlist.store.tx import Reader
from enlist.verbs.sign_in import FRESH
from enlist.web.console.permissions import GROUPS, PERMISSIONS
from tests.installation import ADMINISTRATOR, Enlist
from tests.web.console.conftest import Console


def held(enlist: Enlist, username: str) -> list[str]:
    """The roles of a user."""

    def read(tx: Reader) -> list[str]:
        user = users.by_username(tx, username)
        assert user is not None
        return [each.role for each in roles.of_user(tx, user.id)]

    return enlist.store.read(read)


def test_every_permission_has_words() -> None:
    assert set(PERMISSIONS) == {permission.value for permission in Permission}
    grouped = [name for group in GROUPS for name in group.permissions]
    assert sorted(grouped) == sorted(PERMISSIONS), "what stands in no group is in no role"


def test_the_page_says_what_each_role_may_do(console: Console) -> None:
    page = console.sign_in("reader").open("/console/main/roles")
    for word in PERMISSIONS.values():
        assert word.label in html.unescape(page.main)
    assert "No role reads tokens" in page.main


def test_holders_are_listed_with_where_they_hold(console: Console, enlist: Enlist) -> None:
    enlist.organization("alpha")
    enlist.staff("operator", "alpha", "olga")
    enlist.staff("reader", "", "rita")
    desk = console.sign_in()
    page = desk.open("/console/main/roles")
    assert "olga" in page.main
    assert "alpha" in page.main
    only = desk.open("/console/main/roles?role=reader").main
    assert "rita" in only
    assert "olga" not in only.partition("What each role may do")[0]
    below = desk.open("/console/alpha/roles").main
    assert "olga" in below
    assert "rita" not in below


def test_a_user_with_two_roles_stands_on_every_page_once(console: Console, enlist: Enlist) -> None:
    for number in range(26):
        enlist.staff("reader", "", f"user{number:02}")
    desk = console.sign_in()
    desk.send(
        "/console/main/roles/grant", {"user": "user24", "organization": "main", "role": "helpdesk"}
    )
    first = desk.open("/console/main/roles")
    [following] = {link for link in first.links if "page=2" in link}
    second = desk.open(following)
    links = [link for page in (first, second) for link in page.links if "/roles/withdraw" in link]
    assert len(links) == len(set(links)) == 28


def test_a_role_is_given_and_taken_away(console: Console, enlist: Enlist) -> None:
    enlist.organization("alpha")
    user = enlist.user("ada", organization="alpha")
    desk = console.sign_in()
    form = desk.open("/console/main/roles/grant?user=ada")
    assert form.value("user") == "ada"
    given = {"user": "ada", "organization": "alpha", "role": "operator"}
    page = desk.follow(desk.send("/console/main/roles/grant", given))
    assert "ada holds the role Operator on alpha now." in page.main
    assert held(enlist, "ada") == ["operator"]
    [withdraw] = {link for link in page.links if "/roles/withdraw" in link}
    asked = desk.open(withdraw)
    assert "gone with the next request" in asked.main
    carried = {name: asked.value(name) for name in ("user", "organization", "role")}
    assert carried["user"] == user.id
    done = desk.follow(desk.send("/console/main/roles/withdraw", carried))
    assert "does not hold that role any more" in done.main
    assert held(enlist, "ada") == []


@pytest.mark.parametrize("what", ["grant", "withdraw"])
def test_proof_is_asked_before_the_form(console: Console, enlist: Enlist, what: str) -> None:
    user = enlist.user("ada")
    desk = console.sign_in()
    enlist.clock.advance(microseconds=FRESH + MINUTE)
    query = f"user={user.id}&organization=main&role=reader"
    answer = desk.open(f"/console/main/roles/{what}?{query}")
    assert answer.status == 303
    back = parse_qs(urlsplit(answer.location).query)["next"][0]
    assert back == f"/console/main/roles/{what}?{query}"


def test_a_proof_that_ran_out_while_typing_loses_nothing(console: Console, enlist: Enlist) -> None:
    enlist.user("ada")
    desk = console.sign_in()
    enlist.clock.advance(microseconds=FRESH + MINUTE)
    typed = {"user": "ada", "organization": "main", "role": "reader"}
    answer = desk.send("/console/main/roles/grant", typed)
    back = parse_qs(urlsplit(answer.location).query)["next"][0]
    assert back.startswith("/console/main/roles/grant?")
    assert parse_qs(urlsplit(back).query) == {name: [value] for name, value in typed.items()}
    assert held(enlist, "ada") == []


def test_the_last_administrator_keeps_his_role(console: Console, enlist: Enlist) -> None:
    desk = console.sign_in()
    page = desk.open("/console/main/roles")
    [withdraw] = {link for link in page.links if "/roles/withdraw" in link}
    asked = desk.open(withdraw)
    assert "This is your own role" in asked.main
    carried = {name: asked.value(name) for name in ("user", "organization", "role")}
    answer = desk.send("/console/main/roles/withdraw", carried)
    assert answer.status == 409
    assert "Make somebody else an administrator of the top organization first." in answer.main
    assert held(enlist, ADMINISTRATOR) == ["administrator"]


def test_unknown_users_and_roles_are_told_at_their_fields(console: Console, enlist: Enlist) -> None:
    enlist.user("ada")
    desk = console.sign_in()
    given = {"user": "nobody", "organization": "main", "role": "reader"}
    page = desk.send("/console/main/roles/grant", given)
    assert 'id="user-error"' in page.source
    assert page.value("user") == "nobody"
    page = desk.send("/console/main/roles/grant", {**given, "user": "ada", "role": "emperor"})
    assert page.status == 422
    assert 'id="role-error"' in page.source


@pytest.mark.parametrize("role", ["operator", "helpdesk", "reader"])
def test_only_role_editors_may(console: Console, enlist: Enlist, role: str) -> None:
    enlist.user("ada")
    desk = console.sign_in(role)
    page = desk.open("/console/main/roles")
    assert not page.leads_to("/console/main/roles/grant")
    assert not page.leads_to("/console/main/roles/withdraw")
    assert (ADMINISTRATOR in page.main) is (role != "helpdesk")
    given = {"user": "ada", "organization": "main", "role": "reader"}
    assert desk.open("/console/main/roles/grant").status == 403
    assert desk.send("/console/main/roles/grant", given).status == 403
    root = {"user": ADMINISTRATOR, "organization": "main", "role": "administrator"}
    expected = 404 if role == "helpdesk" else 403
    assert desk.send("/console/main/roles/withdraw", root).status == expected
    assert held(enlist, "ada") == []
    assert held(enlist, ADMINISTRATOR) == ["administrator"]


def test_nobody_gives_a_role_at_a_sibling(console: Console, enlist: Enlist) -> None:
    enlist.organization("alpha")
    enlist.organization("beta")
    enlist.user("ann", organization="alpha")
    enlist.user("beatrice", organization="beta")
    desk = console.sign_in("administrator", "alpha")
    for given in (
        {"user": "ann", "organization": "beta", "role": "reader"},
        {"user": "beatrice", "organization": "alpha", "role": "reader"},
    ):
        page = desk.send("/console/alpha/roles/grant", given)
        assert page.status in (404, 422)
    assert held(enlist, "ann") == held(enlist, "beatrice") == []
