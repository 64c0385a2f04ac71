"""One-time credentials: a link, or a user name and a password, sent to who is on record, once."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import pytest

from enlist.core.caller import SYSTEM
from enlist.core.clock import HOUR, MINUTE
from enlist.core.model import UserState
from enlist.core.secrets import BASE20
from enlist.settings import Settings, Sms
from enlist.store.tx import Query
from enlist.verbs.issuing import Issued
from enlist.verbs.one_time_credentials import IssueCredentials
from enlist.verbs.passcodes import GeneratePasscode
from enlist.verbs.reissue import Reissue, Resend, Revoke
from enlist.verbs.users import ChangeUser, SetUserState
from tests.behaviour.credentials import letter, pair, token
from tests.installation import Enlist, Outcome, code, done, refusal

WRONG = "BBBB-BBBB"
SET_PHONE = Query("test.set_phone", "UPDATE app_user SET phone = :phone WHERE id = :id")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With an SMS gateway that is named and never spoken to."""
    gateway = Sms(driver="http", url="https://sms.example.com/?to={To}&text={Text}")
    return settings.model_copy(update={"sms": gateway})


@pytest.fixture
def ada(enlist: Enlist) -> str:
    return enlist.user("ada").id


def ask(enlist: Enlist, user: str = "ada", platform: str = "linux", **more: Any) -> Outcome[Issued]:
    """What the worker does for somebody who showed the passcode."""
    return enlist.perform(IssueCredentials(user, platform, **more), SYSTEM)


def issue(enlist: Enlist, user: str = "ada", platform: str = "linux", **more: Any) -> Issued:
    return done(ask(enlist, user, platform, **more))


def test_they_enroll_one_device_of_their_platform_by_link_or_by_pair(
    enlist: Enlist, ada: str
) -> None:
    """B14, B16: the device is registered for him, where his devices go."""
    first = issue(enlist)
    enlist.clock.advance(minutes=1)
    second = issue(enlist, platform="windows", hours=48)
    by_pair, by_link = pair(enlist, first), token(enlist, second)
    assert code(enlist.redeem(login=by_pair, platform="windows")) == "platform_mismatch"
    enrolled = done(enlist.redeem(login=by_pair))
    assert (enrolled.device_name, enrolled.username) == ("ada's Linux computer", "ada")
    assert code(enlist.redeem(by_link, key=1, platform="windows")) == "done"
    assert code(enlist.redeem(login=by_pair, key=2)) == "token_used"
    assert code(enlist.redeem(by_link, key=3)) == "token_used"
    rows = enlist.rows("enrollment")
    assert [(row["grant_kind"], row["source"]) for row in rows] == [
        ("passcode", "self_service")
    ] * 2


@pytest.mark.parametrize("hours", [1, 24, 25, 8760])
def test_the_pair_is_short_for_a_day_and_long_beyond(enlist: Enlist, ada: str, hours: int) -> None:
    issued = issue(enlist, hours=hours)
    username, password = pair(enlist, issued)
    locator, at, group_id = username.partition("@")
    assert (len(locator), at, group_id) == (8, "@", enlist.root.group_id)
    letters = password.replace("-", "")
    assert len(letters) == (8 if hours <= 24 else 12)
    assert set(locator + letters) <= set(BASE20)
    assert issued.expires_at == enlist.clock.now + hours * HOUR


def test_nothing_of_the_password_is_kept(enlist: Enlist, ada: str) -> None:
    """S29: the user name stands there to be found by; the password is derived for each message."""
    issued = issue(enlist)
    username, password = pair(enlist, issued)
    (row,) = enlist.rows("one_time_login")
    assert row["locator"] == username[:8]
    everything = str([enlist.rows(table) for table in ("one_time_login", "message", "event")])
    assert password not in everything
    assert password.replace("-", "") not in everything


def test_it_may_be_typed_in_any_case_and_with_blanks(enlist: Enlist, ada: str) -> None:
    username, password = pair(enlist, issue(enlist))
    typed = f"  {username.lower()} ", password.lower().replace("-", " ")
    assert code(enlist.check(login=typed)) == "done"
    assert code(enlist.redeem(login=typed)) == "done"


def test_a_resend_brings_the_same_and_a_reissue_the_next(enlist: Enlist, ada: str) -> None:
    issued = issue(enlist)
    before = pair(enlist, issued), token(enlist, issued)
    enlist.clock.advance(minutes=1)
    again = letter(enlist, enlist.do(Resend(issued.enrollment_id)))
    assert again.login is not None
    assert ((again.login.username, again.login.password.reveal()), again.token) == before
    new = enlist.do(Reissue(issued.enrollment_id))
    after = pair(enlist, new)
    assert after[0] != before[0][0]
    told = refusal(enlist.redeem(login=before[0]))
    assert (told.code, told.at, told.holder) == ("token_replaced", enlist.clock.now, True)
    assert code(enlist.redeem(before[1])) == "token_replaced"
    assert code(enlist.redeem(login=after)) == "done"


def test_who_asks_again_gets_newer_ones_for_the_same_device(enlist: Enlist, ada: str) -> None:
    """At most one waits for each person, organization and platform; the older is told so."""
    first = issue(enlist)
    old = pair(enlist, first)
    assert code(ask(enlist)) == "recipient_cap_reached"
    assert code(enlist.check(login=old)) == "done"
    enlist.clock.advance(hours=30)
    second = issue(enlist, hours=2)
    enlist.clock.advance(minutes=1)
    other = issue(enlist, platform="android")
    assert (second.enrollment_id, second.device_id) == (first.enrollment_id, first.device_id)
    assert (second.generation, second.expires_at) == (2, enlist.clock.now - MINUTE + 2 * HOUR)
    assert other.enrollment_id != first.enrollment_id
    assert code(enlist.redeem(login=old)) == "token_replaced"
    assert code(enlist.redeem(login=pair(enlist, second))) == "done"
    enlist.clock.advance(minutes=1)
    assert issue(enlist).enrollment_id != first.enrollment_id
    assert len(enlist.devices()) == 3


def test_16_requests_at_once_make_one_device_and_one_message(enlist: Enlist, ada: str) -> None:
    outcomes = enlist.together([partial(ask, enlist)] * 16)
    assert Counter(map(code, outcomes)) == {"done": 1, "recipient_cap_reached": 15}
    assert [len(enlist.rows(table)) for table in ("device", "enrollment", "message")] == [1, 1, 1]


def test_an_address_is_sent_five_an_hour_and_one_in_half_a_minute(enlist: Enlist, ada: str) -> None:
    for _ in range(5):
        assert code(ask(enlist)) == "done"
        told = refusal(ask(enlist))
        assert (told.code, told.retry_after) == ("recipient_cap_reached", 30)
        enlist.clock.advance(seconds=31)
    told = refusal(ask(enlist))
    assert (told.code, told.retry_after) == ("recipient_cap_reached", 3600 - 5 * 31)
    assert len(enlist.rows("message")) == 5
    enlist.clock.advance(hours=1)
    assert code(ask(enlist)) == "done"


@pytest.mark.parametrize("by", ["pair", "link"])
def test_32_devices_at_once_make_one_enrollment(enlist: Enlist, ada: str, by: str) -> None:
    """B14: one use, whoever was first; nobody who was right took the others' tries."""
    issued = issue(enlist)
    what = {"login": pair(enlist, issued)} if by == "pair" else {"token": token(enlist, issued)}
    outcomes = enlist.together([partial(enlist.redeem, key=key, **what) for key in range(32)])
    assert Counter(map(code, outcomes)) == {"done": 1, "token_used": 31}


def test_200_guesses_at_once_count_five_and_the_right_one_comes_too_late(
    enlist: Enlist, ada: str
) -> None:
    """S18: five are compared, then they are dead; the right password and the link are, too."""
    issued = issue(enlist)
    username, password = pair(enlist, issued)
    link = token(enlist, issued)
    guesses = [(username, f"BBBB{BASE20[n // 20]}{BASE20[n % 20]}BB") for n in range(200)]
    for begin in range(0, 200, 25):
        some = guesses[begin : begin + 25]
        outcomes = enlist.together([partial(enlist.redeem, login=one) for one in some])
        assert set(map(code, outcomes)) == {"credentials_invalid"}
    compared = Counter(event.data["reason"] for event in enlist.events("enrollment.refused"))
    assert compared == {"wrong one-time password": 5, "no try left": 195}
    assert [row["tries"] for row in enlist.rows("one_time_login")] == [5]
    assert code(enlist.redeem(login=(username, password))) == "credentials_invalid"
    told = refusal(enlist.redeem(link))
    assert (told.code, told.reason) == ("token_revoked", "too_many_attempts")
    assert len(enlist.events("enrollment.revoked")) == 1


def test_four_wrong_ones_leave_the_fifth_right_one(enlist: Enlist, ada: str) -> None:
    username, password = pair(enlist, issue(enlist))
    for _ in range(4):
        assert code(enlist.redeem(login=(username, WRONG))) == "credentials_invalid"
    assert code(enlist.check(login=(username, password))) == "done"
    assert code(enlist.redeem(login=(username, password))) == "done"


def test_guesses_at_older_ones_do_not_end_the_newest(enlist: Enlist, ada: str) -> None:
    """Whoever found an old message cannot keep its reader from enrolling with the new one."""
    old, _ = pair(enlist, first := issue(enlist))
    enlist.clock.advance(minutes=1)
    new = pair(enlist, enlist.do(Reissue(first.enrollment_id)))
    for _ in range(6):
        assert code(enlist.redeem(login=(old, WRONG))) == "credentials_invalid"
    assert code(enlist.redeem(login=new)) == "done"


def test_a_stranger_learns_nothing_of_user_names(enlist: Enlist, ada: str) -> None:
    """Ruling 8: unknown and wrong are told alike; only staff sees which it was."""
    username, _ = pair(enlist, issue(enlist))
    unknown = f"{'BCDFGHJK' if username[:8] != 'BCDFGHJK' else 'KJHGFDCB'}@{enlist.root.group_id}"
    told = [refusal(enlist.redeem(login=(name, WRONG))) for name in (username, unknown)]
    shown = [(each.code, each.detail, each.at, each.holder, each.retry_after) for each in told]
    assert shown[0] == shown[1]
    assert [event.data["reason"] for event in enlist.events("enrollment.refused")] == [
        "wrong one-time password",
        "unknown one-time user name",
    ]
    assert code(enlist.check(login=(username, ""))) == "credentials_invalid"


def test_guesses_count_against_their_source(enlist: Enlist, ada: str) -> None:
    somebody = enlist.stranger()
    outcomes = [
        code(enlist.redeem(login=(f"BCDFGHJ{last}@main", WRONG), caller=somebody))
        for last in BASE20[:12]
    ]
    assert outcomes == ["credentials_invalid"] * 10 + ["rate_limited"] * 2


def test_at_their_end_they_say_so(enlist: Enlist, ada: str) -> None:
    """B15: `credentials_expired`, for the pair, the link and the code of an attempt alike."""
    issued = issue(enlist, hours=1)
    both, link = pair(enlist, issued), token(enlist, issued)
    enlist.clock.now = issued.expires_at - 1
    begun = done(enlist.begin(login=both))
    enlist.clock.now = issued.expires_at
    for outcome in (
        enlist.redeem(login=both),
        enlist.check(login=both),
        enlist.redeem(link),
        enlist.redeem(begun.code),
    ):
        told = refusal(outcome)
        assert (told.code, told.at, told.holder) == ("credentials_expired", issued.expires_at, True)


def test_expired_ones_can_be_made_anew_and_ended_ones_cannot(enlist: Enlist, ada: str) -> None:
    """B24: the same enrollment with new validity, audited. B25: revoked, and it says so."""
    enlist.set(passcode_credential_hours=3)
    issued = issue(enlist, hours=1)
    enlist.clock.advance(hours=2)
    new = enlist.do(Reissue(issued.enrollment_id))
    assert (new.enrollment_id, new.expires_at) == (
        issued.enrollment_id,
        enlist.clock.now + 3 * HOUR,
    )
    assert len(enlist.events("enrollment.reissued")) == 1
    both = pair(enlist, new)
    enlist.do(Revoke(issued.enrollment_id, "lost"))
    assert code(enlist.redeem(login=both)) == "token_revoked"
    assert code(enlist.perform(Reissue(issued.enrollment_id))) == "token_revoked"
    enlist.clock.advance(minutes=1)
    other = issue(enlist)
    assert other.enrollment_id != issued.enrollment_id
    done(enlist.redeem(login=pair(enlist, other)))
    assert code(enlist.perform(Reissue(other.enrollment_id))) == "token_used"


def test_a_code_begun_with_the_pair_finishes_elsewhere(enlist: Enlist, ada: str) -> None:
    begun = done(enlist.begin(login=pair(enlist, issue(enlist))))
    assert begun.purpose.username == "ada"
    assert code(enlist.redeem(begun.code)) == "done"


def test_a_lost_answer_is_had_again(enlist: Enlist, ada: str) -> None:
    both = pair(enlist, issue(enlist))
    first, again = done(enlist.redeem(login=both)), done(enlist.redeem(login=both))
    assert (again.repeated, again.certificate) == (True, first.certificate)


def test_nothing_further_is_asked_under_two_factors(enlist: Enlist, ada: str) -> None:
    """The passcode and the mailbox were two already."""
    enlist.set(token_type="two_factor", enrollment_mode="registered_only")
    by_pair = pair(enlist, issue(enlist))
    enlist.clock.advance(minutes=1)
    by_link = token(enlist, issue(enlist, platform="android"))
    assert code(enlist.redeem(login=by_pair)) == "done"
    assert code(enlist.redeem(by_link, key=1, platform="android")) == "done"


def test_tags_and_hours_are_those_that_staff_said(enlist: Enlist, ada: str) -> None:
    """B15, B17: the device carries exactly the tags; what staff issues is always another one."""
    operator = enlist.staff("operator")
    tags = ("Sales", "BYOD")
    first = enlist.do(IssueCredentials("ada", "ios", hours=5, tags=tags), operator)
    enlist.clock.advance(minutes=1)
    second = enlist.do(IssueCredentials("ada", "ios"), operator)
    assert first.device_id != second.device_id
    assert [device.tags for device in enlist.devices()] == [(), tags]
    assert first.token is None
    rows = enlist.rows("enrollment")
    assert [row["source"] for row in rows] == ["console", "console"]
    assert [row["expires_at"] - row["issued_at"] for row in rows] == [5 * HOUR, 24 * HOUR]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"platform": "amiga"}, ("validation_failed", "platform")),
        ({"hours": 0}, ("validation_failed", "hours")),
        ({"hours": 8761}, ("validation_failed", "hours")),
        ({"message": "none"}, ("validation_failed", "message.type")),
        ({"tags": ("a,b",)}, ("validation_failed", "tags")),
        ({"user": "nobody"}, ("not_found", "")),
        ({"organization": "nowhere"}, ("not_found", "")),
        ({"message": "sms"}, ("phone_missing", "user.phone")),
    ],
)
def test_what_is_wrong_is_told_at_its_field_and_nothing_is_done(
    enlist: Enlist, ada: str, wrong: dict[str, object], told: tuple[str, str]
) -> None:
    for caller in (SYSTEM, enlist.staff("operator")):
        asked: dict[str, Any] = {"user": "ada", "platform": "linux", **wrong}
        refused = refusal(enlist.perform(IssueCredentials(**asked), caller))
        field = refused.fields[0].field if refused.fields else ""
        assert (refused.code, field) == told
    assert enlist.rows("device") == enlist.rows("message") == []


def test_by_sms_to_a_number_that_can_be_dialled(enlist: Enlist, ada: str) -> None:
    """B18."""
    enlist.do(ChangeUser("ada", {"phone": "+49 30 123456"}))
    issued = issue(enlist, message="sms")
    (message,) = enlist.rows("message")
    assert (message["channel"], message["recipient"]) == ("sms", "+4930123456")
    assert letter(enlist, issued.message_id).report
    enlist.store.write(lambda tx: tx.run(SET_PHONE, phone="030 123456", id=ada))
    enlist.clock.advance(minutes=1)
    assert code(ask(enlist, message="sms")) == "phone_invalid"
    assert len(enlist.rows("message")) == 1


def test_who_is_disabled_or_elsewhere_gets_none(enlist: Enlist, ada: str) -> None:
    enlist.organization("north")
    enlist.user("bob", organization="north")
    assert code(ask(enlist, "bob", organization="main")) == "validation_failed"
    enlist.do(SetUserState("ada", UserState.DISABLED))
    assert code(ask(enlist)) == "user_not_allowed"


def test_a_use_is_counted_at_the_passcode_that_they_were_got_by(enlist: Enlist, ada: str) -> None:
    """B29, X27: once, with the enrollment; no refusal counts, and what staff issues does not."""
    enlist.do(GeneratePasscode(enlist.root.id))
    (passcode,) = enlist.rows("passcode")
    issued = issue(enlist, passcode_id=passcode["id"])
    both, link = pair(enlist, issued), token(enlist, issued)
    done(enlist.check(login=both))
    refusal(enlist.redeem(login=both, platform="ios"))
    assert [row["uses"] for row in enlist.rows("passcode")] == [0]
    enlist.together([partial(enlist.redeem, link, key=key) for key in range(8)])
    (used,) = enlist.rows("passcode")
    assert (used["uses"], used["last_used_by"]) == (1, ada)
    assert (used["last_used_at"], used["last_used_device"]) == (enlist.clock.now, issued.device_id)
    enlist.clock.advance(minutes=1)
    by_staff = enlist.do(IssueCredentials("ada", "ios"))
    done(enlist.redeem(login=pair(enlist, by_staff), key=9, platform="ios"))
    assert [row["uses"] for row in enlist.rows("passcode")] == [1]


@pytest.mark.parametrize(
    ("role", "ends"), [("operator", "done"), ("helpdesk", "forbidden"), ("reader", "forbidden")]
)
def test_who_may(enlist: Enlist, ada: str, role: str, ends: str) -> None:
    """B22."""
    assert code(enlist.perform(IssueCredentials("ada", "linux"), enlist.staff(role))) == ends
