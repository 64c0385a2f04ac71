"""API keys: shown once, on the answer that made them, and on no other page."""

from __future__ import annotations

import html
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from enlist.core.clock import DAY, MINUTE, from_datetime, to_datetime
from enlist.core.outcomes import Done
from enlist.core.secrets import Secret
from enlist.verbs.api_keys import CreateApiKey
from enlist.verbs.callers import ByApiKey
from enlist.verbs.organizations import ChangeOrganization
from enlist.verbs.sign_in import FRESH
from enlist.verbs.staff import GrantRole, WithdrawRole
from tests.installation import Enlist, code
from tests.web.console.conftest import Console, Desk, Page

KEY = re.compile(r"enk_[A-Za-z0-9]{12}_[A-Za-z0-9]{32}_[A-Za-z0-9]{6}")
NEW = "/console/main/api-keys/new"


def create(desk: Desk, **fields: object) -> Page:
    """Fill in the form as a browser does, its nonce and all, and send it."""
    form = desk.open(NEW)
    typed = {"name": "Inventory", "role": "reader", "organization": "main", "expires_at": ""}
    return desk.send(NEW, {"nonce": form.value("nonce"), **typed, **fields})


def test_a_key_is_shown_once_and_works(console: Console, enlist: Enlist) -> None:
    desk = console.sign_in()
    page = create(desk, role="operator", permissions=["enrollments:reveal"])
    assert page.status == 200
    [key] = set(KEY.findall(page.source))
    assert isinstance(enlist.perform(ByApiKey(Secret(key)), enlist.stranger()), Done)
    assert "This page is the only one that ever shows it" in page.main
    assert "Authorization: Bearer $ENLIST_API_KEY" in page.main
    listed = desk.open("/console/main/api-keys")
    public = key.split("_")[1]
    assert f"enk_{public}_…" in listed.main
    assert "enrollments:reveal" in listed.main
    assert key not in listed.source
    assert key.split("_")[2] not in listed.source


def test_the_same_form_sent_twice_makes_one_key_and_shows_it_once(
    console: Console, enlist: Enlist
) -> None:
    desk = console.sign_in()
    fields = {
        "nonce": desk.open(NEW).value("nonce"),
        "name": "Inventory",
        "role": "reader",
        "organization": "main",
    }
    first, second = desk.send(NEW, fields), desk.send(NEW, fields)
    assert KEY.search(first.source)
    assert second.status == 409
    assert "already shown once" in second.main
    assert not KEY.search(second.source)
    assert len(enlist.rows("api_key")) == 1


def test_a_key_in_use_shows_when_and_where(console: Console, enlist: Enlist) -> None:
    desk = console.sign_in()
    key = KEY.findall(create(desk).source)[0]
    assert "never" in desk.open("/console/main/api-keys").main
    stranger = enlist.stranger()
    enlist.do(ByApiKey(Secret(key)), stranger)
    assert stranger.address in desk.open("/console/main/api-keys").main


def test_the_expiry_is_meant_in_the_person_s_zone(console: Console, enlist: Enlist) -> None:
    enlist.do(ChangeOrganization("main", time_zone="America/New_York"))
    desk = console.sign_in()
    form = desk.open(NEW)
    assert "America/New_York" in form.main
    create(desk, expires_at="2026-07-01T08:00")
    [row] = enlist.rows("api_key")
    assert to_datetime(row["expires_at"]).isoformat() == "2026-07-01T12:00:00+00:00"


def test_the_usual_expiry_is_ninety_days_away(console: Console, enlist: Enlist) -> None:
    form = console.sign_in().open(NEW)
    suggested = to_datetime(enlist.clock.now + 90 * DAY).strftime("%Y-%m-%dT%H:%M")
    assert form.value("expires_at") == suggested
    assert from_datetime(to_datetime(enlist.clock.now)) == enlist.clock.now


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("name", ""),
        ("addresses", "192.0.2.0/99"),
        ("expires_at", "yesterday"),
        ("expires_at", "2020-01-01T00:00"),
        ("role", "emperor"),
    ],
)
def test_what_is_unfit_stands_at_its_field_and_input_stays(
    console: Console, enlist: Enlist, field: str, typed: str
) -> None:
    page = create(console.sign_in(), **{"addresses": "192.0.2.7", field: typed})
    assert page.status == 422
    assert "invalid-feedback" in page.source
    if field not in ("name", "role"):
        assert page.value("name") == "Inventory"
    if field != "role":
        assert f'id="{field}-error"' in page.source
    assert not enlist.rows("api_key")


def test_proof_is_asked_before_the_form_is_filled_in(console: Console, enlist: Enlist) -> None:
    desk = console.sign_in()
    enlist.clock.advance(microseconds=FRESH + MINUTE)
    answer = desk.open(NEW)
    assert answer.location == "/confirm?next=%2Fconsole%2Fmain%2Fapi-keys%2Fnew"


def test_a_proof_that_ran_out_while_typing_loses_nothing(console: Console, enlist: Enlist) -> None:
    desk = console.sign_in()
    nonce = desk.open(NEW).value("nonce")
    enlist.clock.advance(microseconds=FRESH + MINUTE)
    typed = {"name": "Über-script", "role": "operator", "organization": "main"}
    more = {"permissions": ["enrollments:reveal"], "addresses": "192.0.2.0/24"}
    answer = desk.send(NEW, {"nonce": nonce, **typed, **more})
    back = parse_qs(urlsplit(answer.location).query)["next"][0]
    fresh = console.sign_in().open(back)
    assert fresh.value("name") == "Über-script"
    assert "192.0.2.0/24" in fresh.source
    assert re.search(r'value="enrollments:reveal" checked', fresh.source)
    assert not enlist.rows("api_key")


def test_revoking_says_what_stops_and_stops_it(console: Console, enlist: Enlist) -> None:
    desk = console.sign_in()
    key = KEY.findall(create(desk).source)[0]
    enlist.do(ByApiKey(Secret(key)), enlist.stranger())
    listed = desk.open("/console/main/api-keys")
    [revoke] = {link for link in listed.links if link.endswith("/revoke")}
    asked = desk.open(revoke)
    assert "The next request with this key is refused" in asked.main
    assert "It was last used" in asked.main
    assert code(enlist.perform(ByApiKey(Secret(key)), enlist.stranger())) == "done"
    done = desk.follow(desk.send(revoke))
    assert "The API key Inventory was revoked." in done.main
    assert "Revoked" in done.main
    assert not [link for link in done.links if link.endswith("/revoke")]
    assert code(enlist.perform(ByApiKey(Secret(key)), enlist.stranger())) == "unauthenticated"


def test_states_are_filtered(console: Console, enlist: Enlist) -> None:
    soon = enlist.clock.now + DAY
    enlist.do(CreateApiKey("short", "reader", "main", expires_at=soon))
    enlist.do(CreateApiKey("long", "reader", "main"))
    enlist.clock.advance(hours=48)
    desk = console.sign_in()
    assert "short" in desk.open("/console/main/api-keys?state=expired").main
    assert "long" not in desk.open("/console/main/api-keys?state=expired").main
    assert "short" not in desk.open("/console/main/api-keys?state=active").main


@pytest.mark.parametrize("role", ["operator", "reader"])
def test_who_may_only_look_gets_no_buttons(console: Console, enlist: Enlist, role: str) -> None:
    made = enlist.do(CreateApiKey("Inventory", "reader", "main"))
    desk = console.sign_in(role)
    page = desk.open("/console/main/api-keys")
    assert "Inventory" in page.main
    assert not page.leads_to(NEW)
    revoke = f"/console/main/api-keys/{made.key.id}/revoke"
    assert not page.leads_to(revoke)
    assert desk.open(NEW).status == 403
    assert desk.open(revoke).status == 403
    typed = {"nonce": "x", "name": "Mine", "role": role, "organization": "main"}
    assert desk.send(NEW, typed).status == 403
    assert desk.send(revoke).status == 403
    [row] = enlist.rows("api_key")
    assert row["revoked_at"] is None


def test_the_help_desk_sees_no_keys(console: Console, enlist: Enlist) -> None:
    enlist.do(CreateApiKey("Inventory", "reader", "main"))
    desk = console.sign_in("helpdesk")
    assert desk.open("/console/main/api-keys").status == 403
    assert not desk.open("/console/main/").leads_to("/console/main/api-keys")


def test_a_sibling_s_key_does_not_exist(console: Console, enlist: Enlist) -> None:
    enlist.organization("alpha")
    enlist.organization("beta")
    made = enlist.do(CreateApiKey("secret project", "reader", "beta"))
    desk = console.sign_in("administrator", "alpha")
    assert "secret project" not in desk.open("/console/alpha/api-keys").main
    for place in ("alpha", "beta"):
        address = f"/console/{place}/api-keys/{made.key.id}/revoke"
        assert desk.open(address).status == 404
        assert desk.send(address).status == 404
    [row] = enlist.rows("api_key")
    assert row["revoked_at"] is None


def test_a_key_whose_maker_lost_his_rights_is_not_shown_as_active(
    console: Console, enlist: Enlist
) -> None:
    """S54: the list says what such a key can still do, or that it can do nothing."""
    maker = enlist.staff("administrator", "", "maker")
    made = enlist.do(CreateApiKey("Inventory", "operator"), maker)
    desk = console.sign_in()
    assert "Active" in state_of(desk)
    enlist.do(GrantRole("maker", "main", "reader"))
    enlist.do(WithdrawRole("maker", "main", "administrator"))
    shown = state_of(desk)
    assert "Active in part" in shown
    assert "maker, who made it, lost some of its rights" in shown
    assert "See devices" in shown
    assert "Register devices" not in shown
    enlist.do(WithdrawRole("maker", "main", "reader"))
    shown = state_of(desk)
    assert "Can do nothing" in shown
    assert "Active" not in shown
    assert "holds no role for it any more" in shown
    assert code(enlist.perform(ByApiKey(made.secret), enlist.stranger())) == "unauthenticated"


def state_of(desk: Desk) -> str:
    """What the list says in the state of its one key."""
    source = desk.open("/console/main/api-keys").source
    found = re.search(r'<td data-label="State">(.*?)</td>', source, re.DOTALL)
    assert found is not None
    return html.unescape(re.sub(r"<[^>]*>", "", found[1]))
