"""A token by SMS: to whom it can go, how often, and that nothing is half done where it cannot."""

from __future__ import annotations

import pytest

from enlist.core.clock import DAY, HOUR
from enlist.core.model import GrantKind
from enlist.core.outcomes import Refusal
from enlist.settings import Settings, Sms
from enlist.store import outbox
from enlist.verbs.channels import reaching, usual
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.first_device import AddUserWithDevice, FirstDevice
from enlist.verbs.issuing import LATER, Delivery
from enlist.verbs.register import Issue, Register
from enlist.verbs.reissue import Reissue, Resend
from enlist.verbs.reset import Reset
from enlist.verbs.users import AddUser, ChangeUser
from tests.installation import Enlist, code, done, refusal

TEXTED = Delivery("sms")
LAPTOP = DeviceDetails("laptop", "linux")
PHONE = "+4930123456"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With an SMS gateway that is named and never spoken to."""
    gateway = Sms(driver="http", url="https://sms.example.com/?to={To}&text={Text}")
    return settings.model_copy(update={"sms": gateway})


def person(enlist: Enlist, username: str = "ada", *, phone: str = PHONE, email: str = "") -> None:
    enlist.do(AddUser(enlist.root.id, username, email, phone))


def messages(enlist: Enlist) -> list[tuple[str, str]]:
    return [(row["channel"], row["recipient"]) for row in enlist.rows("message")]


def test_it_goes_to_the_user_s_phone_however_it_is_asked_for(enlist: Enlist) -> None:
    """A13: register, issue, reissue, reset and resend; a resend goes as the message before it."""
    person(enlist, email="ada@example.com")
    issued = enlist.do(Register("", "ada", LAPTOP, TEXTED))
    enlist.do(Resend(issued.enrollment_id))
    enlist.do(Reissue(issued.enrollment_id, TEXTED))
    enlist.do(Resend(issued.enrollment_id, channel="email"))
    enlist.clock.advance(minutes=1)
    enlist.do(Resend(issued.enrollment_id))
    enlist.do(Resend(issued.enrollment_id, channel="sms"))
    enlist.revoke(issued.enrollment_id)
    enlist.do(Issue(issued.device_id, TEXTED))
    ticket = enlist.register("ada", name="phone")
    done(enlist.redeem(ticket.token))
    enlist.do(Reset(ticket.device_id, message=TEXTED))
    by_mail = ("email", "ada@example.com")
    by_sms = ("sms", PHONE)
    sent = [by_sms, by_sms, by_sms, by_mail, by_mail, by_sms, by_sms, by_sms]
    assert messages(enlist) == sent
    told = [each.data["message"] for each in enlist.events("enrollment.resent")]
    assert told == ["sms", "email", "email", "sms"]


@pytest.mark.parametrize("typed", ["030 123456", "123456", "+49", "+99912345", "phone"])
def test_a_number_without_its_country_code_is_told_so(enlist: Enlist, typed: str) -> None:
    """A19: at the field, for a new user and for one that is there."""
    person(enlist, "alan", phone="")
    for verb in (AddUser(enlist.root.id, "ada", phone=typed), ChangeUser("alan", {"phone": typed})):
        refused = refusal(enlist.perform(verb))
        (error,) = refused.fields
        assert (refused.code, error.field) == ("validation_failed", "phone")
        assert "country code, such as +49 30 123456" in error.message
    assert [row["phone"] for row in enlist.rows("app_user", username="alan")] == [""]


def test_a_number_is_kept_as_the_network_writes_it(enlist: Enlist) -> None:
    person(enlist, phone=" +49 (30) 123-456 ")
    assert enlist.rows("app_user", username="ada")[0]["phone"] == PHONE


def test_without_a_phone_number_nothing_is_done(enlist: Enlist) -> None:
    person(enlist, phone="", email="ada@example.com")
    refused = refusal(enlist.perform(Register("", "ada", LAPTOP, TEXTED)))
    assert refused.code == "phone_missing"
    assert [each.field for each in refused.fields] == ["user.phone"]
    new = AddUser(enlist.root.id, "alan")
    refused = refusal(enlist.perform(AddUserWithDevice(new, FirstDevice(LAPTOP, TEXTED))))
    assert (refused.code, refused.fields[0].field) == ("phone_missing", "phone")
    assert enlist.rows("device") == []
    assert enlist.rows("app_user", username="alan") == []
    issued = enlist.do(Register("", "ada", LAPTOP))
    assert code(enlist.perform(Resend(issued.enrollment_id, channel="sms"))) == "phone_missing"


def test_a_file_does_not_go_by_sms(enlist: Enlist) -> None:
    person(enlist)
    by_jwt = Register("", "ada", LAPTOP, TEXTED, grant=GrantKind.ONE_TIME_JWT)
    assert refusal(enlist.perform(by_jwt)).fields[0].field == "message.type"
    later = Register("", "ada", LAPTOP, LATER, grant=GrantKind.ONE_TIME_JWT)
    issued = enlist.do(later)
    assert code(enlist.perform(Resend(issued.enrollment_id, channel="sms"))) == "validation_failed"


@pytest.mark.parametrize("kind", ["fax", "", "SMS"])
def test_an_unknown_type_is_refused(enlist: Enlist, kind: str) -> None:
    person(enlist)
    refused = refusal(enlist.perform(Register("", "ada", LAPTOP, Delivery(kind))))
    assert (refused.code, refused.fields[0].field) == ("validation_failed", "message.type")


def test_the_day_has_its_most_exactly_however_many_ask_at_once(enlist: Enlist) -> None:
    """S41, X54: the one too many makes nothing; midnight UTC begins anew; siblings have theirs."""
    person(enlist)
    enlist.organization("berlin")
    enlist.set(sms_per_day=5)
    asked = [
        lambda number=number: enlist.perform(
            Register("", "ada", DeviceDetails(f"laptop {number}", "linux"), TEXTED)
        )
        for number in range(16)
    ]
    outcomes = enlist.together(asked)
    assert sorted(map(code, outcomes)) == ["done"] * 5 + ["sms_cap_reached"] * 11
    assert len(enlist.rows("device")) == len(messages(enlist)) == 5
    refused = next(each for each in outcomes if isinstance(each, Refusal))
    midnight = (enlist.clock.now // DAY + 1) * DAY
    assert (refused.at, refused.retry_after) == (midnight, 12 * 3600 + 1)
    # Each way in is refused before it has written anything.
    enrollment = enlist.rows("enrollment")[0]
    assert code(enlist.perform(Resend(enrollment["id"]))) == "sms_cap_reached"
    assert code(enlist.perform(Reissue(enrollment["id"], TEXTED))) == "sms_cap_reached"
    new = AddUserWithDevice(
        AddUser(enlist.root.id, "alan", phone=PHONE), FirstDevice(LAPTOP, TEXTED)
    )
    assert code(enlist.perform(new)) == "sms_cap_reached"
    assert enlist.rows("app_user", username="alan") == []
    reset = Reset(enrollment["device_id"], message=TEXTED)
    assert code(enlist.perform(reset)) == "sms_cap_reached"
    assert enlist.rows("enrollment", id=enrollment["id"]) == [enrollment]
    # Elsewhere, by e-mail and on the next day it goes on.
    assert code(enlist.perform(Register("berlin", "ada", LAPTOP, TEXTED))) == "done"
    enlist.do(ChangeUser("ada", {"email": "ada@example.com"}))
    assert code(enlist.perform(Resend(enrollment["id"], channel="email"))) == "done"
    enlist.clock.advance(hours=12)
    assert code(enlist.perform(Resend(enrollment["id"], channel="sms"))) == "done"
    counted = {row["day"]: row["queued"] for row in enlist.rows("sms_day", queued=1)}
    assert enlist.clock.now // DAY in counted


def test_no_sms_at_all_where_the_most_is_none(enlist: Enlist) -> None:
    person(enlist)
    enlist.set(sms_per_day=0)
    assert code(enlist.perform(Register("", "ada", LAPTOP, TEXTED))) == "sms_cap_reached"
    assert enlist.rows("sms_day") == []


def test_what_a_user_is_offered(enlist: Enlist) -> None:
    """A14: SMS for basic users, e-mail for others, as far as both are set up and he has them."""
    person(enlist, email="ada@example.com")
    ada = enlist.do(ChangeUser("ada", {"first_name": "Ada"}))
    both = frozenset({"email", "sms"})
    assert (reaching(ada, both), usual(ada, both)) == (("email", "sms"), "sms")
    assert (reaching(ada, {"email"}), usual(ada, {"email"})) == (("email",), "email")
    mailed = enlist.do(ChangeUser("ada", {"phone": None}))
    assert (reaching(mailed, both), usual(mailed, both)) == (("email",), "email")
    assert (reaching(None, both), usual(None, both)) == ((), "email")


def test_a_dead_token_is_never_texted(enlist: Enlist) -> None:
    person(enlist)
    issued = enlist.do(Register("", "ada", LAPTOP, TEXTED))
    enlist.clock.advance(hours=25)
    assert enlist.clock.now > issued.expires_at - HOUR
    assert code(enlist.perform(Resend(issued.enrollment_id))) == "not_resendable"
    (message,) = enlist.store.read(lambda tx: outbox.of_enrollment(tx, issued.enrollment_id))
    assert message.channel == "sms"
