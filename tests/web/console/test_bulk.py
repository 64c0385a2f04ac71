"""Reset, reissue and delete for many at once: what each loses first, then portion by portion."""

from __future__ import annotations

import pytest

from enlist.core.lifecycle import DeviceState
from enlist.core.model import GrantKind
from enlist.core.outcomes import Refusal
from enlist.core.refusals import CATALOGUE
from enlist.core.secrets import Secret
from enlist.store import holds
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.issuing import LATER
from enlist.verbs.register import Register
from enlist.verbs.sign_in import StartSignIn
from enlist.web.console.bulk import PORTION
from enlist.web.pages import environment
from tests.connections import Enrolled, Process, enrolled
from tests.installation import PASSWORD, Enlist, code, done
from tests.web.console.bulk import asked, confirm
from tests.web.console.conftest import Console

UNTIL = "2026-03-05T08:00"
DEVICES = "/console/main/devices/bulk"
ENROLLMENTS = "/console/main/enrollments/bulk"


@pytest.fixture
def devices(enlist: Enlist) -> list[Enrolled]:
    return [enrolled(enlist, "ada", key) for key in range(3)]


def unused(enlist: Enlist, number: int, user: str = "ada") -> str:
    """The enrollment of a device that is to enroll with a JWT."""
    details = DeviceDetails(f"phone {number}", "ios")
    verb = Register("", user, details, LATER, None, GrantKind.ONE_TIME_JWT)
    return enlist.do(verb).enrollment_id


def test_many_are_reset(console: Console, enlist: Enlist, devices: list[Enrolled]) -> None:
    """D22: the same as one by one."""
    Process.of(enlist).open(devices[1])
    waiting = enlist.register("bob", name="waiting")
    desk = console.sign_in("operator")
    ids = [each.device_id for each in devices]
    page = asked(desk, DEVICES, "reset", [*ids, waiting.device_id])
    assert "Reset the enrollments of 3 devices?" in page.main
    assert "1 live session drops at once." in page.main
    assert "1 certificate 1 live session : 192.0.2.0/24" in page.main
    assert "left as it is Registered" in page.main
    assert "Only a device that has enrolled is reset here." in page.main
    assert enlist.device(ids[0]).state == "enrolled"
    result = confirm(desk, DEVICES, page, reason="lost", expires_at=UNTIL, send="yes")
    assert "Reset 3 of 4" in result.main
    for each in ids:
        assert enlist.device(each).state == "registered"
        assert enlist.credentials_of(each)[0].revocation_reason == "lost"
    assert len(enlist.rows("message")) == 3
    assert enlist.enrollment(waiting.enrollment_id).state == "active"


def test_what_is_on_hold_is_revoked_with_the_others(console: Console, enlist: Enlist) -> None:
    """As on its own page: many wait so after a restore."""
    tickets = [enlist.register("ada", name=f"laptop {number}") for number in range(2)]
    enlist.store.write(holds.hold_all)
    desk = console.sign_in("operator")
    page = asked(desk, ENROLLMENTS, "revoke", [each.enrollment_id for each in tickets])
    assert "Revoke 2 enrollments?" in page.main
    assert "Revoked 2 of 2" in confirm(desk, ENROLLMENTS, page).main
    assert enlist.enrollment(tickets[0].enrollment_id).state == "revoked"


@pytest.fixture
def signed_in(enlist: Enlist, devices: list[Enrolled]) -> list[str]:
    """Three devices of ada's, who is signed in twice, and then one of bob's, who is not."""
    ids = [each.device_id for each in devices] + [enrolled(enlist, "bob", 3).device_id]
    for _ in range(2):
        enlist.do(StartSignIn("ada", Secret(PASSWORD)), enlist.stranger())
    return ids


def test_the_first_compromised_device_of_each_user_ends_his_sign_ins(
    console: Console, enlist: Enlist, signed_in: list[str]
) -> None:
    """The others of his are reset as they were shown: nothing about them has changed by that."""
    desk = console.sign_in("operator")
    page = asked(desk, DEVICES, "reset", signed_in)
    assert "2 sign-ins end. The first device of each user in the list below ends his" in page.main
    assert page.main.count("2 sign-ins of ada") == 1
    assert "no sign-in of bob" in page.main
    told = confirm(desk, DEVICES, page, reason="compromised", end_sign_ins="yes", expires_at=UNTIL)
    assert "Reset 4 of 4" in told.main
    ended = enlist.events("sign_in.all_ended")
    assert [event.data["ended"] for event in ended] == [2, 0]


@pytest.mark.parametrize(
    "said", [{"reason": "lost", "end_sign_ins": "yes"}, {"reason": "compromised"}]
)
def test_without_the_box_or_for_another_reason_sign_ins_stay(
    console: Console, enlist: Enlist, signed_in: list[str], said: dict[str, str]
) -> None:
    desk = console.sign_in("operator")
    page = asked(desk, DEVICES, "reset", signed_in)
    told = confirm(desk, DEVICES, page, **said, expires_at=UNTIL)
    assert "Reset 4 of 4" in told.main
    assert not enlist.events("sign_in.all_ended")


def test_a_sign_in_that_was_not_shown_is_not_ended(
    console: Console, enlist: Enlist, signed_in: list[str]
) -> None:
    """D10: its user's first device is told as not done; the others are reset."""
    desk = console.sign_in("operator")
    page = asked(desk, DEVICES, "reset", signed_in)
    enlist.do(StartSignIn("ada", Secret(PASSWORD)), enlist.stranger())
    told = confirm(desk, DEVICES, page, reason="compromised", end_sign_ins="yes", expires_at=UNTIL)
    assert "Reset 3 of 4" in told.main
    assert "The situation has changed since you looked" in told.main
    assert [event.data["ended"] for event in enlist.events("sign_in.all_ended")] == [0]


def test_a_blocked_device_is_reset_where_it_holds_something(
    console: Console, enlist: Enlist, devices: list[Enrolled]
) -> None:
    """As on its own page."""
    waiting = enlist.register("bob", name="waiting")
    ids = [devices[0].device_id, waiting.device_id]
    for each in ids:
        enlist.put_device(each, DeviceState.BLOCKED)
    desk = console.sign_in("operator")
    page = asked(desk, DEVICES, "reset", ids)
    assert "Reset the enrollment of 1 device?" in page.main
    assert "left as it is Blocked" in page.main
    assert "Reset 1 of 2" in confirm(desk, DEVICES, page).main
    assert enlist.enrollment(waiting.enrollment_id).state == "active"


def test_who_has_no_address_is_reset_all_the_same(console: Console, enlist: Enlist) -> None:
    """Ruling 1: theft cannot wait."""
    enlist.user("bob", email="")
    lost = [enrolled(enlist, "ada", 0), enrolled(enlist, "bob", 1)]
    desk = console.sign_in("operator")
    page = asked(desk, DEVICES, "reset", [each.device_id for each in lost])
    assert "Reset 2 of 2" in confirm(desk, DEVICES, page, send="yes").main
    assert [row["recipient"] for row in enlist.rows("message")] == ["ada@example.com"]


def test_what_is_sent_unless_somebody_says_so_is_as_for_one(
    console: Console, enlist: Enlist, devices: list[Enrolled]
) -> None:
    """Nothing of a reset; a reissued token, but a JWT is usually handed over."""
    desk, token = console.sign_in("operator"), enlist.register("ada").enrollment_id
    jwt = unused(enlist, 1)
    for address, act, alone, ids, sent in (
        (DEVICES, "reset", f"devices/{devices[0].device_id}/reset", [devices[0].device_id], False),
        (ENROLLMENTS, "reissue", f"enrollments/{token}/reissue", [token], True),
        (ENROLLMENTS, "reissue", f"enrollments/{jwt}/reissue", [jwt], False),
        (ENROLLMENTS, "reissue", f"enrollments/{jwt}/reissue", [token, jwt], False),
    ):
        one = desk.open(f"/console/main/{alone}")
        assert ("send" in one.fields, "send" in asked(desk, address, act, ids).fields) == (
            sent,
        ) * 2


def test_each_is_bound_to_what_was_shown_of_it(
    console: Console, enlist: Enlist, devices: list[Enrolled]
) -> None:
    """X45: the one whose situation has changed is told of, and left; the others are done."""
    desk = console.sign_in("operator")
    page = asked(desk, DEVICES, "reset", [each.device_id for each in devices])
    Process.of(enlist).open(devices[1])
    result = confirm(desk, DEVICES, page, expires_at=UNTIL)
    assert "Reset 2 of 3" in result.main
    assert "The situation has changed since you looked" in result.main
    states = [enlist.device(each.device_id).state.value for each in devices]
    assert states == ["registered", "enrolled", "registered"]


def test_one_that_was_to_be_left_and_then_enrolled_is_left(
    console: Console, enlist: Enlist, devices: list[Enrolled]
) -> None:
    """D10: the page did not show that it would lose a certificate, for it had none."""
    waiting = enlist.register("bob", name="waiting")
    desk = console.sign_in("operator")
    page = asked(desk, DEVICES, "reset", [devices[0].device_id, waiting.device_id])
    done(enlist.redeem(waiting.token, key=7))
    result = confirm(desk, DEVICES, page, expires_at=UNTIL)
    assert "Reset 1 of 2" in result.main
    assert "Left as it is It has changed since you looked." in result.main
    assert enlist.device(devices[0].device_id).state == "registered"
    assert enlist.device(waiting.device_id).state == "enrolled"


@pytest.mark.parametrize("date", ["", "2026-03-01T12:00"])
def test_without_a_date_to_come_nothing_is_done(
    console: Console, enlist: Enlist, devices: list[Enrolled], date: str
) -> None:
    """D02."""
    desk = console.sign_in("operator")
    page = asked(desk, DEVICES, "reset", [devices[0].device_id])
    again = confirm(desk, DEVICES, page, expires_at=date, reason="lost")
    assert again.status == 422
    assert "must be in the future" in again.main
    assert again.value("reason") == "lost"
    assert enlist.device(devices[0].device_id).state == "enrolled"


def test_many_are_reissued_in_portions(console: Console, enlist: Enlist) -> None:
    """D13, D14: also those that have expired; each JWT waits to be handed over."""
    enlist.user("ada")
    ids = [unused(enlist, number) for number in range(PORTION + 2)]
    enlist.clock.advance(hours=25)
    desk = console.sign_in("helpdesk")
    page = asked(desk, ENROLLMENTS, "reissue", ids)
    assert f"Reissue {PORTION + 2} enrollments?" in page.main
    said = {name: values[-1] for name, values in page.fields.items() if name}
    first = desk.send(ENROLLMENTS, said | {"id": ids, "send": "", "reason": "on leave"})
    assert f"{PORTION} of {PORTION + 2}. Leave this page open" in first.main
    assert first.fields["id"] == ids[PORTION:]
    assert enlist.enrollment(ids[-1]).generation == 1
    result = confirm(desk, ENROLLMENTS, first)
    assert f"Reissued {PORTION + 2} of {PORTION + 2}" in result.main
    assert {enlist.enrollment(each).generation for each in ids} == {2}
    assert not enlist.rows("message")
    reasons = [each.data.get("reason") for each in enlist.events("enrollment.reissued")]
    assert reasons == ["on leave"] * (PORTION + 2)


def test_many_are_deleted(console: Console, enlist: Enlist) -> None:
    """D16: those that wait; what has expired or was used is left as it is."""
    enlist.user("ada")
    expired = unused(enlist, 1)
    enlist.clock.advance(hours=25)
    waiting, used = unused(enlist, 2), enlist.register("ada")
    done(enlist.redeem(used.token))
    desk = console.sign_in("operator")
    page = asked(desk, ENROLLMENTS, "delete", [expired, waiting, used.enrollment_id])
    assert "Delete 1 enrollment?" in page.main
    assert "cannot be enrolled through the console again" in page.main
    result = confirm(desk, ENROLLMENTS, page)
    assert "Deleted 1 of 3" in result.main
    assert result.main.count("Left as it is") == 2
    kept = {row["id"] for row in enlist.rows("enrollment") if row["deleted_at"] is None}
    assert kept == {expired, used.enrollment_id}


@pytest.mark.parametrize(
    ("role", "acts"),
    [
        ("operator", {"resend", "reissue", "revoke", "delete"}),
        ("helpdesk", {"resend", "reissue"}),
        ("reader", set()),
    ],
)
def test_only_what_one_may_is_offered(
    console: Console, enlist: Enlist, devices: list[Enrolled], role: str, acts: set[str]
) -> None:
    """And asking all the same does nothing (D24)."""
    desk = console.sign_in(role)
    page = desk.open("/console/main/enrollments")
    known = ("resend", "reissue", "revoke", "delete")
    offers = {name for name in known if f'value="{name}"' in page.source}
    assert offers == acts
    resets = 'value="reset"' in desk.open("/console/main/devices").source
    assert resets is (role == "operator")
    if not resets:
        sent = {"action": "reset", "confirmed": "yes", "id": devices[0].device_id}
        told = desk.send(DEVICES, sent | {"expires_at": UNTIL})
        assert "You may not do this" in told.main
        assert enlist.device(devices[0].device_id).state == "enrolled"


def test_a_message_is_promised_to_nobody_whom_none_can_reach(
    console: Console, enlist: Enlist
) -> None:
    """A30: who is left out, and why, stands on the page that asks, not on the one after it."""
    enlist.user("ada", email="")
    mailed, silent = enlist.register("bob"), enlist.register("ada")
    assert code(enlist.resend(mailed.enrollment_id)) == "done"
    enlist.clock.advance(minutes=1)
    ids = [mailed.enrollment_id, unused(enlist, 1, "bob"), silent.enrollment_id]
    desk = console.sign_in("helpdesk")
    page = asked(desk, ENROLLMENTS, "resend", ids)
    assert "Send 2 messages?" in page.main
    assert "is sent again" in page.main
    assert "is sent, with the JWT as a file" in page.main, "which nobody was sent before"
    assert "left as it is It cannot be sent by e-mail: ada has no e-mail address." in page.main
    result = confirm(desk, ENROLLMENTS, page)
    assert "Queued 2 of 3 messages" in result.main
    assert "Left as it is It cannot be sent by e-mail: ada has no e-mail address." in result.main
    assert len(enlist.rows("message")) == 3
    assert not enlist.events("request.refused"), "nothing was tried that cannot be done"


def test_many_change_their_organization(console: Console, enlist: Enlist) -> None:
    """A43: the form begins with no organization; what is enrolled or not its user's is told."""
    enlist.organization("berlin")
    enlist.user("bea", organization="berlin")
    tickets = [enlist.register("ada", name=f"laptop {n}", organization="main") for n in range(2)]
    used = enlist.register("ada", name="used", organization="main")
    done(enlist.redeem(used.token))
    ids = [each.enrollment_id for each in (*tickets, used)]
    desk = console.sign_in("operator")
    page = asked(desk, ENROLLMENTS, "move", ids)
    assert "Change the organization of 2 registrations?" in page.main
    assert "organization" not in page.fields, "where they are they would stay"
    assert "left as it is Enrolled" in page.main
    empty = {"action": "move", "confirmed": "yes", "organization": "", "id": ids}
    told = desk.send(ENROLLMENTS, empty)
    assert 'id="organization-error">Choose one' in told.source
    assert "organization" not in told.fields
    told = confirm(desk, ENROLLMENTS, page, organization="berlin")
    assert "Moved 2 of 3" in told.main
    assert {enlist.device(each.device_id).group_id for each in tickets} == {"berlin"}
    assert enlist.device(used.device_id).group_id == "main"
    bea = enlist.register("bea", name="hers", organization="berlin")
    page = asked(desk, ENROLLMENTS, "move", [bea.enrollment_id, tickets[0].enrollment_id])
    told = confirm(desk, ENROLLMENTS, page, organization="main")
    assert "Moved 1 of 2" in told.main
    assert "must be the user's organization or one below it" in told.main


def test_many_change_their_ownership(console: Console, enlist: Enlist) -> None:
    """A43: the form begins with what all of them have; also where they are enrolled."""
    tickets = [enlist.register("ada", name=f"laptop {n}") for n in range(2)]
    done(enlist.redeem(tickets[0].token))
    ids = [each.enrollment_id for each in tickets]
    desk = console.sign_in("operator")
    page = asked(desk, ENROLLMENTS, "own", ids)
    assert page.value("ownership") == "none"
    assert "Changed 2 of 2" in confirm(desk, ENROLLMENTS, page, ownership="employee_owned").main
    page = asked(desk, ENROLLMENTS, "own", ids[:1])
    assert page.value("ownership") == "employee_owned"
    confirm(desk, ENROLLMENTS, page, ownership="corporate_shared")
    page = asked(desk, ENROLLMENTS, "own", ids)
    assert "ownership" not in page.fields, "they differ, so nothing is chosen"
    helper = console.sign_in("helpdesk").open("/console/main/enrollments").source
    assert 'value="own"' not in helper
    assert 'value="move"' not in helper


@pytest.mark.parametrize(
    ("action", "told"),
    [("resend", "Nothing to send"), ("revoke", "Nothing to revoke"), ("reset", "Nothing to reset")],
)
def test_where_nothing_fits_there_is_nothing_to_press(
    console: Console, enlist: Enlist, action: str, told: str
) -> None:
    ticket = enlist.register("ada")
    enlist.revoke(ticket.enrollment_id)
    address, chosen = ENROLLMENTS, ticket.enrollment_id
    if action == "reset":
        address, chosen = DEVICES, ticket.device_id
    page = asked(console.sign_in("operator"), address, action, [chosen])
    assert told in page.main
    assert "What this does" not in page.main
    assert not page.leads_to(address)
    assert page.leads_to(address.removesuffix("/bulk"))


@pytest.mark.parametrize(
    ("detail", "shown"),
    [("", "This token was withdrawn"), ("<b>Ada</b> has 5 %.", "&lt;b&gt;Ada&lt;/b&gt; has 5 %.")],
)
def test_why_not_is_a_text_and_never_markup(detail: str, shown: str) -> None:
    """What is looked up as a message of ours is not escaped, and its percent signs count."""
    macros = environment("en").get_template("console/_bulk.html")
    module = macros.make_module({"meanings": CATALOGUE})
    assert module.reason(Refusal("token_revoked", detail)) == shown  # type: ignore[attr-defined]
