"""Optional prompts: what an organization asks about a device before it enrolls (A58)."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode

import pytest

from enlist.core.model import GrantKind
from enlist.core.outcomes import Refusal
from enlist.core.policy import SETTINGS
from enlist.core.prompts import ASKING, TELLING, WINDOWS_MUTUAL_TLS
from enlist.core.secrets import Kind, Secret
from enlist.store.redemptions import DeviceReport
from enlist.verbs.begin import Begin, Check
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.one_time_jwt import ShowJwt
from enlist.verbs.organizations import ChangeSettings
from enlist.verbs.presenting import Presented
from enlist.verbs.redeem import Redeem
from enlist.verbs.register import Register
from enlist.verbs.together import Together
from enlist.verbs.views_details import ShowOrganization
from tests.installation import PASSWORD, SHOWN, Enlist, code, done, refusal
from tests.requests import csr

ADA = ("ada", PASSWORD)
ALL = (*ASKING.values(), *TELLING.values(), WINDOWS_MUTUAL_TLS)
SAID = {"ownership": "corporate_shared", "asset_number": "IT-0815", "email": "ada@home.example"}


def ask(enlist: Enlist, *names: str, organization: str = "main") -> None:
    """Switch prompts on."""
    enlist.do(ChangeSettings(organization, dict.fromkeys(names, True)))


def report(**said: str) -> DeviceReport:
    return DeviceReport(**{"platform": "linux", **said})


def questions(outcome: object) -> list[str]:
    told = refusal(outcome)
    assert (told.code, told.holder) == ("answers_required", True)
    return str(told.data["questions"]).split()


def device(enlist: Enlist, device_id: str) -> tuple[object, object]:
    (row,) = (each for each in enlist.rows("device") if each["id"] == device_id)
    return row["ownership"], row["asset_number"]


def test_each_of_the_seven_is_off_turned_on_by_itself_and_inherited(enlist: Enlist) -> None:
    assert len(ALL) == 7
    enlist.organization("berlin")
    for name in ALL:
        assert SETTINGS[name].default is False
        ask(enlist, name)
        found = enlist.driver.view(ShowOrganization("berlin"), enlist.host)
        assert not isinstance(found, Refusal)
        on = {key for key in ALL if found.policy.settings[key].value}
        assert on == {name}
        assert found.policy.settings[name].source == "main"
        enlist.do(ChangeSettings("berlin", {name: False}))
        found = enlist.driver.view(ShowOrganization("berlin"), enlist.host)
        assert not isinstance(found, Refusal)
        assert found.policy.settings[name].value is False
        enlist.do(ChangeSettings("main", {name: None}))


def test_nobody_enrolls_without_having_answered_and_nothing_is_used_up(enlist: Enlist) -> None:
    """By token and by sign-in alike; the answers are stored with the device."""
    ask(enlist, *ASKING.values())
    ticket = enlist.register("ada")
    assert questions(enlist.redeem(ticket.token)) == ["ownership", "asset_number", "email"]
    signing_in = enlist.redeem(login=ADA, group_id="main", report=report(ownership="x"), key=9)
    assert [each.field for each in refusal(signing_in).fields] == ["device.ownership"]
    part = enlist.redeem(ticket.token, report=report(ownership="corporate_shared"))
    assert questions(part) == ["asset_number", "email"]
    assert code(enlist.redeem(ticket.token, report=report(**SAID))) == "done"
    assert device(enlist, ticket.device_id) == ("corporate_shared", "IT-0815")
    event = enlist.events("enrollment.redeemed")[0]
    assert (event.data["ownership"], event.data["asset_number"]) == ("corporate_shared", "IT-0815")
    assert event.personal["answered_email"] == SAID["email"]
    (user,) = (each for each in enlist.rows("app_user") if each["username"] == "ada")
    assert user["email"] != SAID["email"]


def test_a_device_that_a_sign_in_makes_has_the_answers(enlist: Enlist) -> None:
    ask(enlist, "prompt_ownership", "prompt_asset_number")
    enlist.user("ada")
    assert questions(enlist.redeem(login=ADA, group_id="main", report=report())) == [
        "ownership",
        "asset_number",
    ]
    made = done(enlist.redeem(login=ADA, group_id="main", report=report(**SAID)))
    assert device(enlist, made.device_id) == ("corporate_shared", "IT-0815")


def test_a_person_s_own_device_has_no_asset_number(enlist: Enlist) -> None:
    ask(enlist, "prompt_ownership", "prompt_asset_number")
    ticket = enlist.register("ada")
    own = report(ownership="employee_owned")
    assert code(enlist.redeem(ticket.token, report=own)) == "done"
    assert device(enlist, ticket.device_id) == ("employee_owned", "")


def test_what_is_on_record_is_neither_asked_nor_changed(enlist: Enlist) -> None:
    ask(enlist, "prompt_ownership", "prompt_asset_number")
    enlist.user("ada")
    details = DeviceDetails("laptop", "linux", ownership="corporate_dedicated", asset_number="A-1")
    issued = enlist.do(Register("", "ada", details, SHOWN))
    assert code(enlist.redeem(issued.token, report=report(**SAID))) == "done"
    assert device(enlist, issued.device_id) == ("corporate_dedicated", "A-1")


def test_what_was_answered_on_the_page_holds_for_the_device_that_finishes(enlist: Enlist) -> None:
    """The attempt carries it; by a token and by a sign-in."""
    ask(enlist, *ASKING.values())
    ticket, stranger = enlist.register("ada"), enlist.stranger()
    for number, presented in enumerate(
        (Presented(ticket.token), Presented(None, "main", "ada", Secret(PASSWORD)))
    ):
        shown = done(enlist.perform(Check(presented, report()), stranger))
        assert shown.questions == ("ownership", "asset_number", "email")
        assert questions(enlist.perform(Begin(presented, report()), stranger))
        begun = done(enlist.perform(Begin(presented, report(**SAID)), stranger))
        enlist.clock.advance(minutes=3)
        enrolled = done(enlist.redeem(begun.code, report=report(), key=number))
        assert device(enlist, enrolled.device_id) == ("corporate_shared", "IT-0815")
        assert enlist.events("enrollment.redeemed")[0].personal["answered_email"]


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"ownership": "stolen"}, "device.ownership"),
        ({"asset_number": "A" * 201}, "device.asset_number"),
        ({"email": "not an address"}, "device.email"),
    ],
)
def test_an_answer_that_is_none_is_told_at_its_field(
    enlist: Enlist, said: dict[str, str], field: str
) -> None:
    ask(enlist, *ASKING.values())
    ticket = enlist.register("ada")
    told = refusal(enlist.redeem(ticket.token, report=report(**{**SAID, **said})))
    assert (told.code, [each.field for each in told.fields]) == ("validation_failed", [field])
    assert device(enlist, ticket.device_id) == ("none", "")


def test_nothing_is_asked_where_nobody_wants_to_know(enlist: Enlist) -> None:
    """An e-mail address that nobody asked for is not kept."""
    ticket = enlist.register("ada")
    assert code(enlist.redeem(ticket.token, report=report(**SAID))) == "done"
    assert device(enlist, ticket.device_id) == ("corporate_shared", "IT-0815")
    assert "answered_email" not in enlist.events("enrollment.redeemed")[0].personal


def test_strangers_hear_nothing_of_questions(enlist: Enlist) -> None:
    ask(enlist, *ASKING.values())
    enlist.user("ada")
    assert code(enlist.redeem(Secret("8Kq2mWx7Rb"))) == "token_invalid"
    wrong = enlist.redeem(login=("ada", "not her password"), group_id="main", report=report())
    assert code(wrong) == "credentials_invalid"


def test_a_program_with_a_one_time_jwt_is_asked_nothing(enlist: Enlist) -> None:
    ask(enlist, *ASKING.values())
    enlist.user("ada")
    details = DeviceDetails("gateway", "linux")
    issued = enlist.do(Register("", "ada", details, SHOWN, None, GrantKind.ONE_TIME_JWT))
    claims = enlist.do(ShowJwt(issued.enrollment_id)).jwt.reveal().split(".")[1]
    jti = json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["jti"]
    presented = Presented(Secret(jti), kind=Kind.ONE_TIME_JWT)
    verb = Redeem(presented, DeviceReport(), csr(1))
    assert code(enlist.perform(verb, enlist.stranger())) == "done"


def test_many_at_once_are_each_asked_for_themselves(enlist: Enlist) -> None:
    """The hot lane: answers of a batch go to their own devices."""
    ask(enlist, "prompt_ownership")
    tickets = [enlist.register(f"user-{number}") for number in range(6)]
    asked = [
        (
            Redeem(
                Presented(ticket.token),
                report(ownership="corporate_shared" if n % 2 else ""),
                csr(n),
            ),
            enlist.stranger(),
        )
        for n, ticket in enumerate(tickets)
    ]
    outcomes = Together(enlist.driver, enlist.store).perform(asked)
    assert [code(each) for each in outcomes] == ["answers_required", "done"] * 3
    stored = [device(enlist, ticket.device_id)[0] for ticket in tickets]
    assert stored == ["none", "corporate_shared"] * 3


def test_windows_devices_need_a_certificate_where_that_is_on(enlist: Enlist) -> None:
    """Though others may enroll without; the registered platform counts, too."""
    enlist.do(ChangeSettings("main", {"allow_bare_enrollment": True}))
    ask(enlist, WINDOWS_MUTUAL_TLS)
    windows = enlist.register("ada", platform="windows")
    for said in (report(platform="windows"), report(platform="")):
        bare = enlist.redeem(windows.token, key=None, report=said)
        assert code(bare) == "completion_required"
    assert code(enlist.redeem(windows.token, report=report(platform="windows"))) == "done"
    assert code(enlist.redeem(enlist.register("ada").token, key=None)) == "done"
