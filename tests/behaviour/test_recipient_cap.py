"""One address is sent at most so many messages with a token within an hour (S41)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from enlist.core.clock import HOUR, SECOND
from enlist.core.outcomes import Refusal
from enlist.verbs import caps
from enlist.verbs.alert_tests import TestAlerts
from enlist.verbs.alerts import ListAlerts
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.first_device import AddUserWithDevice, FirstDevice
from enlist.verbs.issuing import LATER
from enlist.verbs.register import Register
from enlist.verbs.reissue import Reissue, Resend
from enlist.verbs.reset import Reset
from enlist.verbs.sample_messages import SendSample
from enlist.verbs.staff import SendPasswordLink
from enlist.verbs.templates import Wording
from enlist.verbs.users import AddUser, ChangeUser
from enlist.verbs.webhooks import AddWebhook
from tests.alerts import raise_alert
from tests.installation import ADMINISTRATOR, MAILED, Enlist, code

MOST = 4


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caps, "MOST_PER_HOUR", MOST)


def laptop(number: int, user: str = "ada") -> Register:
    return Register("", user, DeviceDetails(f"laptop {number}", "linux"), MAILED)


def test_an_address_has_its_most_exactly_however_many_ask_at_once(enlist: Enlist) -> None:
    """The one too many makes nothing, and is told when to come again."""
    enlist.user("ada")
    asked = [lambda number=number: enlist.perform(laptop(number)) for number in range(12)]
    outcomes = enlist.together(asked)
    assert sorted(map(code, outcomes)) == ["done"] * MOST + ["recipient_cap_reached"] * (12 - MOST)
    assert len(enlist.rows("device")) == len(enlist.rows("message")) == MOST
    refused = next(each for each in outcomes if isinstance(each, Refusal))
    assert refused.retry_after == HOUR // SECOND
    enlist.clock.advance(hours=1)
    assert code(enlist.perform(laptop(12))) == "done"


def test_password_links_and_samples_count_as_well(enlist: Enlist) -> None:
    """Where another one is refused, the link of before is not replaced."""
    enlist.user("ada", email="ada@example.com")
    outcomes = [enlist.perform(SendPasswordLink("ada")) for _ in range(MOST + 1)]
    assert [code(each) for each in outcomes] == ["done"] * MOST + ["recipient_cap_reached"]
    assert len(enlist.rows("message")) == MOST
    assert len(enlist.events("user.password_link_sent")) == MOST
    wording = Wording("phones", "registration", "email", "en", "For phones", "{EnrollmentUrl}")
    sample = enlist.perform(SendSample("", wording, "ada@example.com"))
    assert code(sample) == "recipient_cap_reached"
    assert code(enlist.perform(SendSample("", wording, "bob@example.com"))) == "done"


def test_links_for_new_users_count_as_well_and_one_too_many_adds_nobody(enlist: Enlist) -> None:
    """The same address in one organization after the other, also beside a first device."""
    shared = "ada@example.com"

    def new(number: int) -> AddUser:
        enlist.organization(f"o{number}")
        return AddUser(f"o{number}", f"ada{number}", shared, password_link=True)

    outcomes = [enlist.perform(new(number)) for number in range(MOST + 1)]
    assert [code(each) for each in outcomes] == ["done"] * MOST + ["recipient_cap_reached"]
    both = AddUserWithDevice(new(MOST + 1), FirstDevice(DeviceDetails("one", "linux"), LATER))
    assert code(enlist.perform(both)) == "recipient_cap_reached"
    assert len(enlist.rows("app_user", email=shared)) == len(enlist.rows("message")) == MOST
    assert not enlist.rows("device")
    assert code(enlist.perform(replace(new(MOST + 2), password_link=False))) == "done"


def test_a_test_of_alerts_goes_to_all_or_to_nobody(enlist: Enlist) -> None:
    """Nobody counts of whom another one holds it up."""
    enlist.staff("administrator", username="zoe")
    send = [lambda: enlist.perform(TestAlerts())] * (MOST + 2)
    outcomes = enlist.together(send)
    ended = ["done"] * MOST + ["recipient_cap_reached"] * 2
    assert sorted(map(code, outcomes)) == ended
    refused = next(each for each in outcomes if isinstance(each, Refusal))
    assert refused.retry_after == HOUR // SECOND
    assert len(enlist.rows("message")) == 2 * MOST
    enlist.do(ChangeUser("zoe", {"email": "zo@example.com"}))
    assert code(enlist.perform(TestAlerts())) == "recipient_cap_reached"
    assert code(enlist.perform(SendPasswordLink("zoe"))) == "done"
    enlist.clock.advance(hours=1)
    assert code(enlist.perform(TestAlerts())) == "done"


def test_nor_do_tests_of_alerts_ring_a_pager_on_and_on(enlist: Enlist) -> None:
    """The staff of an organization below can make the webhook of one above post."""
    object.__setattr__(enlist.driver.tools, "channels", frozenset())
    below = enlist.organization("below")
    enlist.do(AddWebhook("Pager", "https://hooks.example.com/", enlist.root.id, ("alert.*",)))
    outcomes = [enlist.perform(TestAlerts(below.id)) for _ in range(MOST + 1)]
    assert list(map(code, outcomes)) == ["done"] * MOST + ["recipient_cap_reached"]
    enlist.clock.advance(hours=1)
    assert code(enlist.perform(TestAlerts(below.id))) == "done"


def test_alerts_count_and_one_too_many_is_shown_and_not_mailed(enlist: Enlist) -> None:
    """Strangers can make as much amiss as there are users; it is a webhook that hears of all."""
    enlist.staff("administrator", username="zoe")
    users = [enlist.user(f"user{number}") for number in range(MOST + 2)]
    for user in users:
        raise_alert(enlist.store, enlist.root, user.id, can_send=True)
    enlist.do(ChangeUser("zoe", {"email": "zo@example.com"}))
    raise_alert(enlist.store, enlist.root, enlist.user("last").id, can_send=True)
    assert Counter(row["recipient"] for row in enlist.rows("message")) == {
        ADMINISTRATOR: MOST,
        "zoe@example.com": MOST,
        "zo@example.com": 1,
    }
    view = ListAlerts(sort="opened_at", filters={"state": "open"})
    page = enlist.driver.view(view, enlist.host)
    assert not isinstance(page, Refusal)
    assert Counter(each.left_out for each in page.items) == {0: MOST, 2: 2, 1: 1}
    told = [each.data for each in enlist.events("alert.opened")]
    assert [each.get("left_out", 0) for each in told] == [*[0] * MOST, 2, 2, 1]
    assert told[-1]["told"] == 1


def test_the_same_is_sent_again_after_half_a_minute_and_five_times_an_hour(
    enlist: Enlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S41: the second within 30 s is refused, and the sixth within an hour, also at one moment."""
    monkeypatch.setattr(caps, "MOST_PER_HOUR", 100)
    enlist.user("ada", email="ada@example.com")
    issued, other = enlist.do(laptop(0)), enlist.do(laptop(1))
    again = Resend(issued.enrollment_id)
    outcomes = enlist.together([lambda: enlist.perform(again)] * 4)
    assert sorted(map(code, outcomes)) == ["done", *["recipient_cap_reached"] * 3]
    assert {each.retry_after for each in outcomes if isinstance(each, Refusal)} == {30}
    assert code(enlist.perform(Resend(other.enrollment_id))) == "done", "each by itself"
    for _ in range(4):
        enlist.clock.advance(seconds=30)
        assert code(enlist.perform(again)) == "done"
    enlist.clock.advance(seconds=30)
    sixth = enlist.perform(again)
    assert code(sixth) == "recipient_cap_reached"
    assert isinstance(sixth, Refusal)
    assert sixth.retry_after == (HOUR // SECOND) - 150
    assert "5 times an hour" in sixth.detail
    enlist.do(ChangeUser("ada", {"email": "countess@example.com"}))
    assert code(enlist.perform(again)) == "done", "to nobody else's mailbox"
    enlist.clock.advance(hours=1)
    assert code(enlist.perform(again)) == "done"


def test_every_way_to_send_counts_for_the_address(enlist: Enlist) -> None:
    """Also to and fro between two: each has its own count, and keeps it."""
    enlist.user("ada", email="ada@example.com")
    issued = enlist.do(laptop(0))
    resend, reissue = Resend(issued.enrollment_id), Reissue(issued.enrollment_id, MAILED)
    outcomes = [enlist.perform(each) for each in (resend, reissue, Reset(issued.device_id))]
    assert [code(each) for each in outcomes] == ["done"] * 3
    sent = len(enlist.rows("message", recipient="ada@example.com"))
    assert sent == 3, "nothing is sent at a reset unless it is asked for"
    newest = enlist.enrollments_of(issued.device_id)[0].id
    assert code(enlist.perform(Resend(newest))) == "done"
    before = enlist.rows("enrollment")
    refused = [
        enlist.perform(each)
        for each in (
            Resend(newest),
            Reissue(newest, MAILED),
            Reset(issued.device_id, message=MAILED),
        )
    ]
    assert [code(each) for each in refused] == ["recipient_cap_reached"] * 3
    assert enlist.rows("enrollment") == before
    enlist.do(ChangeUser("ada", {"email": "countess@example.com"}))
    assert code(enlist.perform(Resend(newest))) == "done"
    enlist.do(ChangeUser("ada", {"email": "ADA@example.com"}))
    assert code(enlist.perform(Resend(newest))) == "recipient_cap_reached"
    assert code(enlist.perform(Reset(issued.device_id, message=LATER))) == "done"
    enlist.user("bob")
    assert code(enlist.perform(laptop(1, "bob"))) == "done"
