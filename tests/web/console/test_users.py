"""Users: the list, adding, editing, and each dangerous thing with what it says first."""

from __future__ import annotations

import re

import pytest

from enlist.core.clock import MINUTE
from enlist.core.secrets import Secret
from enlist.verbs.sign_in import FRESH, StartSignIn
from enlist.verbs.users import SetUserState
from tests.installation import ADMINISTRATOR, PASSWORD, Enlist, done
from tests.web.console.conftest import Console, Desk

FIELDS = {
    "organization": "main",
    "username": "grace",
    "email": "grace@example.com",
    "phone": "",
    "first_name": "Grace",
    "last_name": "Hopper",
    "password": "",
    "time_zone": "Europe/Berlin",
    "language": "de",
}


def test_users_are_listed_searched_sorted_and_filtered(console: Console, enlist: Enlist) -> None:
    for name in ("ada", "grace", "alan"):
        enlist.user(name)
    enlist.do(SetUserState("alan", "disabled"))
    desk = console.sign_in()
    everybody = desk.open("/console/main/users").main
    assert everybody.index("ada@") < everybody.index("alan@") < everybody.index("grace@")
    assert "grace@" not in desk.open("/console/main/users?q=ada").main
    disabled = desk.open("/console/main/users?state=disabled").main
    assert "alan@" in disabled
    assert "ada@" not in disabled
    backwards = desk.open("/console/main/users?sort=-username").main
    assert backwards.index("grace@") < backwards.index("ada@")
    assert "Nothing fits" in desk.open("/console/main/users?q=nobody").main


def test_pages_of_the_list_follow_each_other(console: Console, enlist: Enlist) -> None:
    for number in range(30):
        enlist.user(f"user{number:02}", password="")
    desk = console.sign_in()
    first = desk.open("/console/main/users")
    [following] = {link for link in first.links if "page=2" in link}
    second = desk.open(following)
    assert "user29@" in second.main
    assert "user29@" not in first.main


def test_a_user_is_added_with_everything(console: Console, enlist: Enlist) -> None:
    desk = console.sign_in("operator")
    answer = desk.send("/console/main/users/new", {**FIELDS, "password": PASSWORD})
    page = desk.follow(answer)
    assert "Grace Hopper was added." in page.main
    assert "Europe/Berlin" in page.main
    assert PASSWORD not in page.source
    assert console.as_user("grace").open("/console/main/").status == 403, "holds no role"


def test_a_new_user_is_sent_a_link_unless_a_password_is_set(
    console: Console, enlist: Enlist
) -> None:
    """A74: the box is ticked already; what was typed as a password goes before it."""
    desk = console.sign_in("operator")
    assert 'name="password_link" value="yes" checked' in desk.open("/console/main/users/new").source
    link = {"password_link": "yes"}
    desk.send("/console/main/users/new", {**FIELDS, **link, "password": PASSWORD})
    assert not enlist.rows("password_link")
    other = {**FIELDS, "username": "lin", "email": "lin@example.com", **link}
    assert "was added" in desk.follow(desk.send("/console/main/users/new", other)).main
    assert [row["recipient"] for row in enlist.rows("message")] == ["lin@example.com"]
    nowhere = desk.send("/console/main/users/new", {**other, "username": "bo", "email": ""})
    assert nowhere.status == 422
    assert 'id="email-error"' in nowhere.source


def test_a_link_is_sent_from_the_page_of_a_user(console: Console, enlist: Enlist) -> None:
    user = enlist.user("ada")
    desk = console.sign_in("operator")
    path = f"/console/main/users/{user.id}/password-link"
    assert desk.open(f"/console/main/users/{user.id}").leads_to(path)
    asked = desk.open(path)
    assert "goes to ada@example.com" in asked.main
    assert "for 24 hours" in asked.main
    assert not enlist.rows("message"), "asking sends nothing"
    page = desk.follow(desk.send(path))
    assert "A link to set a password is on its way to ada@example.com." in page.main
    (row,) = enlist.rows("password_link")
    keys = enlist.installation.tools.keys
    link = keys.derive_link_again(row["message_id"], row["derive_key_id"]).reveal()
    shown = [page, desk.open("/console/main/messages"), desk.open("/console/main/events")]
    shown.append(desk.open(f"/console/main/messages/{row['message_id']}"))
    assert "Link to set a password" in shown[-1].main
    assert not [each for each in shown if link in each.source]
    bare = enlist.user("bare", email="")
    assert not desk.open(f"/console/main/users/{bare.id}").leads_to(
        f"/console/main/users/{bare.id}/password-link"
    )


def test_an_unfit_form_keeps_what_was_typed_and_marks_the_fields(console: Console) -> None:
    wrong = {
        "email": "no address",
        "phone": "123",
        "time_zone": "Mars/Olympus",
        "password": "short",
    }
    page = console.sign_in().send("/console/main/users/new", {**FIELDS, **wrong})
    assert page.status == 422
    for name in ("email", "phone", "time_zone"):
        assert page.value(name) == wrong[name]
        assert f'id="{name}-error"' in page.source
    assert page.value("first_name") == "Grace"
    assert page.source.count('aria-invalid="true"') == 3
    assert 'value="short"' not in page.source, "a password never comes back in a page"


def test_a_taken_name_stands_at_its_field(console: Console, enlist: Enlist) -> None:
    enlist.user("grace")
    page = console.sign_in().send("/console/main/users/new", {**FIELDS, "username": "GRACE"})
    assert page.status == 409
    assert 'id="username-error"' in page.source
    assert page.value("username") == "GRACE"


def test_a_short_password_is_refused_at_its_field(console: Console) -> None:
    page = console.sign_in().send("/console/main/users/new", {**FIELDS, "password": "too short"})
    assert page.status == 422
    assert 'id="password-error"' in page.source


def test_spaces_around_a_password_belong_to_it(console: Console, enlist: Enlist) -> None:
    padded = f"  {PASSWORD}  "
    console.sign_in().send("/console/main/users/new", {**FIELDS, "password": padded})
    stranger = enlist.stranger()
    assert enlist.do(StartSignIn("grace", Secret(padded)), stranger).username == "grace"


def test_details_are_edited_and_a_second_editor_is_told(console: Console, enlist: Enlist) -> None:
    user = enlist.user("grace")
    desk = console.sign_in()
    form = desk.open(f"/console/main/users/{user.id}/edit")
    typed = {name: form.value(name) for name in form.fields if name in {*FIELDS, "version"}}
    answer = desk.send(f"/console/main/users/{user.id}/edit", {**typed, "first_name": "Grace"})
    assert "Changes saved." in desk.follow(answer).main
    late = desk.send(f"/console/main/users/{user.id}/edit", {**typed, "first_name": "Gracie"})
    assert late.status == 412
    assert "Somebody changed this in the meantime" in late.main
    assert late.value("first_name") == "Gracie"


def test_deleting_says_first_what_dies(console: Console, enlist: Enlist) -> None:
    enrolled = enlist.register("ada", name="laptop")
    enlist.redeem(enrolled.token)
    enlist.register("ada", name="phone", platform="ios")
    console.as_user("ada")
    console.as_user("ada")
    desk = console.sign_in()
    user = enlist.device(enrolled.device_id).user_id
    asked = desk.open(f"/console/main/users/{user}/delete")
    assert "2 sign-ins end at once" in asked.main
    assert "1 live enrollment dies" in asked.main
    assert "1 enrolled device loses its certificate" in asked.main
    assert "It cannot be undone" in asked.main
    assert desk.open(f"/console/main/users/{user}").status == 200, "asking changes nothing"
    done = desk.follow(desk.send(f"/console/main/users/{user}/delete"))
    assert "ada was deleted." in done.main
    assert desk.open(f"/console/main/users/{user}").status == 404


def test_disabling_says_first_what_ends_and_enabling_undoes_it(
    console: Console, enlist: Enlist
) -> None:
    ticket = enlist.register("ada")
    hers = console.as_user("ada")
    user = enlist.device(ticket.device_id).user_id
    desk = console.sign_in("operator")
    asked = desk.open(f"/console/main/users/{user}/disable")
    assert "1 sign-in ends at once" in asked.main
    assert "1 waiting enrollment is refused as long as" in asked.main
    desk.send(f"/console/main/users/{user}/disable")
    page = desk.open(f"/console/main/users/{user}")
    assert "Disabled" in page.main
    assert page.leads_to(f"/console/main/users/{user}/enable")
    assert not page.leads_to(f"/console/main/users/{user}/disable")
    assert "/sign-in" in hers.open("/console/main/").location
    desk.send(f"/console/main/users/{user}/enable")
    assert desk.open(f"/console/main/users/{user}").leads_to(f"/console/main/users/{user}/disable")


def test_ending_sign_ins_ends_them(console: Console, enlist: Enlist) -> None:
    user = enlist.user("ada")
    hers = console.as_user("ada")
    desk = console.sign_in("operator")
    page = desk.open(f"/console/main/users/{user.id}")
    assert "in 1 browser" in page.main
    done = desk.follow(desk.send(f"/console/main/users/{user.id}/sign-ins"))
    assert "Sign-ins ended: 1." in done.main
    assert "Nowhere" in done.main
    assert "/sign-in" in hers.open("/console/main/").location


def test_a_password_is_set_and_never_shown(console: Console, enlist: Enlist) -> None:
    user = enlist.user("ada", password="")
    desk = console.sign_in("operator")
    form = f"/console/main/users/{user.id}/password"
    short = desk.send(form, {"password": "short"})
    assert short.status == 422
    assert 'id="password-error"' in short.source
    empty = desk.send(form, {"password": ""})
    assert "Enter a password." in empty.main
    done = desk.follow(desk.send(form, {"password": PASSWORD}))
    assert "The password of ada was set." in done.main
    console.as_user("ada")


def test_the_password_of_staff_asks_for_proof_before_it_is_typed(
    console: Console, enlist: Enlist
) -> None:
    enlist.staff("reader", "", "rita")
    desk = console.sign_in()
    address = f"/console/main/users/{_id(desk, 'rita')}/password"
    assert desk.open(address).status == 200
    enlist.clock.advance(microseconds=FRESH + MINUTE)
    asked = desk.open(address)
    assert asked.status == 303
    assert asked.location.startswith("/confirm?next=%2Fconsole%2Fmain%2Fusers%2F")


def test_ones_own_password_is_changed_in_the_account(console: Console) -> None:
    desk = console.sign_in()
    own = _id(desk, ADMINISTRATOR)
    assert desk.open(f"/console/main/users/{own}/password").location == "/account"
    page = desk.open(f"/console/main/users/{own}")
    assert page.leads_to("/account")
    assert not page.leads_to(f"/console/main/users/{own}/password")


def test_half_finished_attempts_stand_on_their_users_page(console: Console, enlist: Enlist) -> None:
    """X55: begun by signing in, so that no device and no enrollment could show them."""
    user = enlist.user("ada")
    desk = console.sign_in("helpdesk")
    address = f"/console/main/users/{user.id}"
    assert "Attempts" not in desk.open(address).main
    enlist.begin(group_id="main", login=("ada", PASSWORD))
    page = desk.open(address).main
    assert "Attempts" in page
    assert "waits for the device's certificate request until" in page
    enlist.clock.advance(minutes=11)
    page = desk.open(address).main
    assert "11 minutes ago" in page
    assert "no certificate request came until" in page


DEVICE = {"first_device": "yes", "device_name": "Grace's laptop", "platform": "linux"}


def test_a_first_device_is_registered_along(console: Console, enlist: Enlist) -> None:
    """X42: the invitation at user creation is a checkbox."""
    desk = console.sign_in("operator")
    assert 'name="first_device"' in desk.open("/console/main/users/new").source
    page = desk.follow(desk.send("/console/main/users/new", {**FIELDS, **DEVICE}))
    assert "Grace Hopper was added. The message with the token is on its way to " in page.main
    assert "Grace's laptop" in page.main
    [device] = enlist.devices()
    assert page.leads_to(f"/console/main/users/{device.user_id}")
    assert [row["recipient"] for row in enlist.rows("message")] == ["grace@example.com"]


def test_without_the_tick_nothing_is_registered(console: Console, enlist: Enlist) -> None:
    sent = {**FIELDS, **DEVICE, "first_device": ""}
    desk = console.sign_in()
    page = desk.follow(desk.send("/console/main/users/new", sent))
    assert "Grace Hopper was added." in page.main
    assert not enlist.devices()


def test_what_is_wrong_with_the_first_device_stands_at_its_fields(
    console: Console, enlist: Enlist
) -> None:
    desk = console.sign_in()
    wrong = {**FIELDS, **DEVICE, "device_name": "", "platform": "", "phone": "1"}
    page = desk.send("/console/main/users/new", wrong)
    assert page.status == 422
    for name in ("device_name", "platform", "phone"):
        assert f'id="{name}-error"' in page.source
    assert page.value("username") == "grace"
    assert re.search(r'name="first_device" value="yes" checked', page.source)
    page = desk.send("/console/main/users/new", {**FIELDS, **DEVICE, "email": ""})
    assert 'id="email-error"' in page.source
    assert not enlist.rows("app_user", username="grace")


@pytest.mark.parametrize("what", ["disable", "delete"])
def test_the_last_administrator_stays(console: Console, what: str) -> None:
    desk = console.sign_in()
    own = _id(desk, ADMINISTRATOR)
    asked = desk.open(f"/console/main/users/{own}/{what}")
    assert "This is your own account" in asked.main
    answer = desk.send(f"/console/main/users/{own}/{what}")
    assert answer.status == 409
    assert "Nobody could administer the installation afterwards" in answer.main
    assert "Make somebody else an administrator" in answer.main
    assert desk.open("/console/main/").status == 200


CHANGES = ("edit", "password", "sign-ins", "delete", "disable", "enable")


@pytest.mark.parametrize("role", ["helpdesk", "reader"])
def test_who_may_only_look_sees_no_buttons_and_is_refused(
    console: Console, enlist: Enlist, role: str
) -> None:
    user = enlist.user("ada")
    desk = console.sign_in(role)
    page = desk.open(f"/console/main/users/{user.id}")
    assert page.status == 200
    for what in CHANGES:
        address = f"/console/main/users/{user.id}/{what}"
        assert not page.leads_to(address)
        assert desk.open(address).status == 403
        answer = desk.send(address, {"password": PASSWORD, "first_name": "x"})
        assert answer.status == 403, what
        assert "Support code" in answer.text
    assert not desk.open("/console/main/users").leads_to("/console/main/users/new")
    assert desk.send("/console/main/users/new", FIELDS).status == 403
    assert enlist.rows("app_user", username="ada")[0]["state"] == "active"
    assert not enlist.rows("app_user", username="grace")


def test_the_help_desk_sees_nothing_about_staff(console: Console, enlist: Enlist) -> None:
    enlist.staff("operator", "", "olga")
    enlist.user("ada")
    admin, helpdesk = console.sign_in(), console.sign_in("helpdesk")
    olga = _id(admin, "olga")
    assert "olga" in admin.open("/console/main/users").main
    people = helpdesk.open("/console/main/users")
    assert "ada@example.com" in people.main
    assert "olga" not in people.main
    assert ADMINISTRATOR not in people.main
    assert 'name="role"' not in people.source
    assert helpdesk.open(f"/console/main/users/{olga}").status == 404


def test_operators_leave_staff_alone(console: Console, enlist: Enlist) -> None:
    enlist.staff("reader", "", "rita")
    desk = console.sign_in("operator")
    rita = _id(desk, "rita")
    page = desk.open(f"/console/main/users/{rita}")
    for what in CHANGES:
        assert not page.leads_to(f"/console/main/users/{rita}/{what}"), what
        if what != "edit":
            assert desk.send(f"/console/main/users/{rita}/{what}").status in (403, 422), what
    assert enlist.rows("app_user", username="rita")[0]["state"] == "active"


def test_a_sibling_s_user_does_not_exist(console: Console, enlist: Enlist) -> None:
    enlist.organization("alpha")
    enlist.organization("beta")
    user = enlist.user("beatrice", organization="beta")
    desk = console.sign_in("administrator", "alpha")
    for what in ("", *(f"/{each}" for each in CHANGES)):
        assert desk.open(f"/console/alpha/users/{user.id}{what}").status == 404, what
        assert desk.open(f"/console/beta/users/{user.id}{what}").status == 404, what
        if what:
            assert desk.send(f"/console/alpha/users/{user.id}{what}").status == 404, what
    assert "beatrice" not in desk.open("/console/alpha/users").main
    answer = desk.send("/console/alpha/users/new", {**FIELDS, "organization": "beta"})
    assert answer.status == 404
    assert not enlist.rows("app_user", username="grace")


def test_a_user_of_another_organization_is_shown_in_his_own(
    console: Console, enlist: Enlist
) -> None:
    enlist.organization("alpha")
    enlist.organization("beta")
    user = enlist.user("beatrice", organization="beta")
    answer = console.sign_in().open(f"/console/alpha/users/{user.id}")
    assert answer.location == f"/console/beta/users/{user.id}"


def _id(desk: Desk, username: str) -> str:
    """The id of a user, from the list."""
    source = desk.open(f"/console/main/users?q={username}").source
    found = re.search(r'href="/console/main/users/([0-9a-f-]{36})"', source)
    assert found is not None
    return found[1]


def test_moving_says_first_what_goes_along(console: Console, enlist: Enlist) -> None:
    alone = f"/console/main/users/{enlist.user('bob').id}/move"
    nowhere = console.sign_in("operator")
    assert "no other organization" in nowhere.follow(nowhere.open(alone)).main
    for name in ("north", "south"):
        enlist.organization(name)
    ada = enlist.user("ada", organization="north")
    waits = enlist.register("ada", name="phone")
    desk = console.sign_in("operator")
    shown = desk.open(f"/console/north/users/{ada.id}")
    path = f"/console/north/users/{ada.id}/move"
    assert shown.leads_to(path)
    asked = desk.open(path)
    assert "Devices that are not enrolled go along" in asked.main
    assert ('value="south"' in asked.source, 'value="north"' in asked.source) == (True, False)
    assert desk.send(path, {"organization": ""}).status == 422
    moved = desk.follow(desk.send(path, {"organization": "south"}))
    assert "is in south now." in moved.main
    assert enlist.device(waits.device_id).group_id == "south"
    done(enlist.redeem(waits.token))
    back = f"/console/south/users/{ada.id}/move"
    held = desk.send(back, {"organization": "north"})
    assert held.status == 409
    assert "phone is enrolled where he is now" in held.main
    assert console.sign_in("reader").open(back).status == 403


def test_where_a_user_may_enroll_is_said_in_lines(console: Console, enlist: Enlist) -> None:
    """A49: the default first; what is wrong stands at the field, and what was typed stays."""
    for name in ("berlin", "paris"):
        enlist.organization(name)
    ada = enlist.user("ada")
    desk, here = console.sign_in("operator"), f"/console/main/users/{ada.id}"
    assert f'href="{here}/organizations"' in desk.open(here).source
    wrong = desk.send(f"{here}/organizations", {"organizations": "paris\nrome"})
    assert wrong.status == 422
    assert "Group ID rome" in wrong.source.partition('id="organizations-error"')[2]
    assert "Group IDs paris rome" in wrong.main
    shown = desk.follow(desk.send(f"{here}/organizations", {"organizations": "paris\nberlin"}))
    assert "May enroll at paris, berlin" in shown.main
    assert "Group IDs paris berlin" in desk.open(f"{here}/organizations").main
    desk.send(f"{here}/organizations", {"organizations": ""})
    assert "May enroll at paris, berlin" not in desk.open(here).main
    assert console.sign_in("helpdesk").open(f"{here}/organizations").status == 403
