"""Setting up a second factor, and signing in with it, as a browser does."""

from __future__ import annotations

import base64
import re

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from enlist.core.clock import SECOND
from enlist.core.permissions import Role
from enlist.core.secrets import Secret
from enlist.verbs.recovery import Recover
from enlist.verbs.second_factor_rules import SetSecondFactorRules
from enlist.verbs.staff import GrantRole
from tests.installation import ADMINISTRATOR, PASSWORD, Enlist
from tests.web.enroll.conftest import NewVisitor, Page, Visitor

PATH = "/account/second-factor"


def sign_in(visitor: Visitor, username: str = "ada", **more: str) -> Page:
    fields = {"username": username, "password": PASSWORD, **more}
    return visitor.post(fields, path="/sign-in")


def key_on(page: Page) -> Secret:
    found = re.search(r'class="typed-key">([A-Z2-7 ]+)<', page.source)
    assert found is not None, page.text
    return Secret(found[1].replace(" ", ""))


def shown(enlist: Enlist, key: Secret) -> str:
    generator = TOTP(base64.b32decode(key.reveal()), 6, SHA1(), 30)  # noqa: S303
    return generator.generate(enlist.clock.now // SECOND).decode()


def turn_on(enlist: Enlist, visitor: Visitor) -> tuple[Secret, list[str]]:
    """Set one up; the key, and the recovery codes."""
    page = visitor.open(PATH)
    key = key_on(page)
    fields = {"nonce": page.hidden("nonce"), "code": shown(enlist, key)}
    done = visitor.post(fields, path=PATH)
    assert done.status == 200, done.text
    enlist.clock.advance(seconds=60)
    return key, re.findall(r"<code>([^<]+)</code>", done.source)


@pytest.fixture
def ada(enlist: Enlist, visitor: Visitor) -> Visitor:
    enlist.user("ada")
    sign_in(visitor)
    return visitor


def test_the_key_and_the_codes_are_shown_once_and_the_code_finishes_a_sign_in(
    enlist: Enlist, ada: Visitor, new_visitor: NewVisitor
) -> None:
    key, codes = turn_on(enlist, ada)
    assert len(codes) == 10
    account = ada.open("/account")
    assert "10 recovery codes are left" in account.text
    assert not any(secret in account.source for secret in (key.reveal(), *codes))
    other = new_visitor()
    asked = sign_in(other, next="/account")
    assert asked.location == "/sign-in/code?next=%2Faccount"
    assert other.open("/account").location.startswith("/sign-in?")
    assert "six digits" in other.open(asked.location).text
    wrong = other.post({"code": "000000", "next": "/account"}, path="/sign-in/code")
    assert (wrong.status, wrong.hidden("next")) == (401, "/account")
    assert "not right, or was used already" in wrong.text
    enlist.clock.advance(seconds=2)
    right = other.post({"code": shown(enlist, key), "next": "/account"}, path="/sign-in/code")
    assert right.location == "/account"
    assert other.open("/account").status == 200


def test_neither_cookie_stands_in_for_the_other(
    enlist: Enlist, ada: Visitor, new_visitor: NewVisitor
) -> None:
    turn_on(enlist, ada)
    other = new_visitor()
    (cookie,) = sign_in(other).cookies
    name, _, rest = cookie.partition("=")
    assert name == "enlist-step"
    assert {"httponly", "samesite=lax", "max-age=600"} <= {
        part.strip().lower() for part in rest.split(";")
    }
    other.client.cookies.set("enlist", rest.partition(";")[0])
    assert other.open("/my-devices").location.startswith("/sign-in")


def test_a_step_that_is_over_begins_anew(enlist: Enlist, ada: Visitor, visitor: Visitor) -> None:
    key, _ = turn_on(enlist, ada)
    visitor.client.cookies.clear()
    sign_in(visitor)
    enlist.clock.advance(minutes=11)
    over = visitor.post({"code": shown(enlist, key)}, path="/sign-in/code")
    assert over.status == 401
    assert "Enter it again, then the code" in over.text
    assert 'name="password"' in over.source
    visitor.client.cookies.clear()
    assert visitor.open("/sign-in/code").location == "/sign-in"


def test_a_wrong_first_code_is_told_at_the_field_and_keeps_the_key(
    enlist: Enlist, ada: Visitor
) -> None:
    page = ada.open(PATH)
    key = key_on(page)
    assert key.reveal() not in page.hidden("nonce")
    wrong = ada.post({"nonce": page.hidden("nonce"), "code": "000000"}, path=PATH)
    assert wrong.status == 422
    assert 'id="code-error"' in wrong.source
    assert key_on(wrong) == key
    assert not enlist.rows("second_factor")
    assert key_on(ada.open(PATH)) != key


def test_the_form_of_somebody_else_is_refused(
    enlist: Enlist, ada: Visitor, new_visitor: NewVisitor
) -> None:
    enlist.user("ben")
    ben = new_visitor()
    sign_in(ben, "ben")
    page = ben.open(PATH)
    key = key_on(page)
    foreign = {"nonce": page.hidden("nonce"), "code": shown(enlist, key)}
    refused = ada.post(foreign, path=PATH)
    assert refused.status == 403
    assert key_on(refused) != key
    assert not enlist.rows("second_factor")


def test_it_takes_a_fresh_password(enlist: Enlist, ada: Visitor) -> None:
    enlist.clock.advance(minutes=11)
    assert ada.open(PATH).location == "/confirm?next=%2Faccount%2Fsecond-factor"
    ada.post({"password": PASSWORD}, path="/confirm")
    _, first = turn_on(enlist, ada)
    renewed = ada.post({}, path=f"{PATH}/codes")
    assert len(set(re.findall(r"<code>([^<]+)</code>", renewed.source)) - set(first)) == 10
    enlist.clock.advance(minutes=11)
    for path in (f"{PATH}/codes", f"{PATH}/remove"):
        assert ada.post({}, path=path).location.startswith("/confirm?next=")
    assert len(enlist.rows("second_factor")) == 1


def test_who_needs_one_can_do_nothing_before_it_is_set_up(
    enlist: Enlist, new_visitor: NewVisitor
) -> None:
    enlist.user("ada")
    enlist.do(GrantRole("ada", "main", Role.OPERATOR.value))
    enlist.do(SetSecondFactorRules("main", ("operator",)))
    ada = new_visitor()
    led = sign_in(ada, next="/console/main/users")
    assert led.location == f"{PATH}?next=%2Fconsole%2Fmain%2Fusers"
    for path in ("/console", "/my-devices", "/account", "/confirm?next=/account"):
        page = ada.open(path)
        assert page.location.startswith("/sign-in"), path
    assert ada.client.get("/api/v1/me").status_code == 401
    assert ada.open("/sign-in?next=/console").location == f"{PATH}?next=%2Fconsole"
    assert "Your role needs one" in ada.open(led.location).text
    key, _ = turn_on(enlist, ada)
    assert ada.open("/console").status in (200, 303)
    assert ada.client.get("/api/v1/me").status_code == 200
    left = new_visitor()
    sign_in(left)
    left.post({"code": shown(enlist, key)}, path="/sign-in/code")
    assert "at your next sign-in" in left.open(f"{PATH}/remove").text
    assert left.post({}, path=f"{PATH}/remove").location == "/account?done=second_factor"
    assert sign_in(new_visitor()).location == PATH


def test_who_waited_too_long_to_set_it_up_signs_in_again(enlist: Enlist, visitor: Visitor) -> None:
    enlist.user("ada")
    enlist.do(GrantRole("ada", "main", Role.OPERATOR.value))
    enlist.do(SetSecondFactorRules("main", ("operator",)))
    sign_in(visitor)
    enlist.clock.advance(minutes=11)
    back = visitor.open(PATH).location
    assert visitor.open(back).status == 200
    assert sign_in(visitor).location == PATH
    assert "Sign out?" in visitor.open("/sign-out").text
    visitor.post({}, path="/sign-out")
    assert visitor.open(PATH).location.startswith("/sign-in")


def test_a_recovery_link_leads_to_the_code(
    enlist: Enlist, visitor: Visitor, new_visitor: NewVisitor
) -> None:
    sign_in(visitor, ADMINISTRATOR)
    _, codes = turn_on(enlist, visitor)
    link = enlist.do(Recover(ADMINISTRATOR)).link.reveal()
    other = new_visitor()
    fields = {"nonce": other.open("/recover").hidden("nonce"), "link": link}
    set_ = other.post({**fields, "password": PASSWORD, "repeat": PASSWORD}, path="/recover")
    assert set_.location == "/sign-in/code"
    assert other.post({"code": codes[0]}, path="/sign-in/code").location == "/console"


def test_the_pages_speak_german(enlist: Enlist, new_visitor: NewVisitor) -> None:
    enlist.user("ada")
    ada = new_visitor(accept_language="de")
    sign_in(ada)
    assert "Zweiten Faktor einrichten" in ada.open(PATH).text
