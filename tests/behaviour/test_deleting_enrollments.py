"""Delete: an unused enrollment goes for good; and what a reissue would end, told first."""

from __future__ import annotations

import pytest

from enlist.core.clock import HOUR
from enlist.core.model import GrantKind
from enlist.store import holds
from enlist.verbs.device_status import DeviceStatus
from enlist.verbs.issuing import Delivery
from enlist.verbs.reactivate import Reactivate
from enlist.verbs.register import Issue
from enlist.verbs.rehearsing import DryRun
from enlist.verbs.reissue import DeleteEnrollment, Reissue
from enlist.verbs.reset import Reset
from enlist.verbs.views_details import ShowEnrollment
from tests.installation import SHOWN, Enlist, code, done, refusal


def test_a_deleted_enrollment_is_gone_for_good(enlist: Enlist) -> None:
    """D17: its token is unknown, it is in no list, and nothing brings it back."""
    ticket = enlist.register("ada")
    begun = done(enlist.begin(ticket.token))
    done(enlist.perform(DeleteEnrollment(ticket.enrollment_id)))
    for secret in (ticket.token, begun.code):
        assert code(enlist.redeem(secret)) == "token_invalid"
    assert enlist.enrollments_of(ticket.device_id) == []
    shown = enlist.driver.view(ShowEnrollment(ticket.enrollment_id), enlist.host)
    assert code(shown) == "not_found"
    for verb in (
        Reissue(ticket.enrollment_id, SHOWN),
        Reactivate(ticket.enrollment_id),
        DeleteEnrollment(ticket.enrollment_id),
    ):
        assert code(enlist.perform(verb)) == "not_found"  # type: ignore[misc]
    assert code(enlist.resend(ticket.enrollment_id)) == "not_found"
    (event,) = enlist.events("enrollment.deleted")
    assert (event.enrollment_id, event.device_id) == (ticket.enrollment_id, ticket.device_id)


def test_the_device_and_what_it_holds_stay(enlist: Enlist) -> None:
    """D18: here of a device that keeps a credential beside an unused token."""
    ticket = enlist.register("ada")
    done(enlist.redeem(ticket.token))
    (before,) = enlist.credentials_of(ticket.device_id)
    other = enlist.register("ada", name="phone")
    done(enlist.perform(DeleteEnrollment(other.enrollment_id)))
    assert enlist.device(other.device_id).state == "registered"
    assert enlist.credentials_of(ticket.device_id) == [before]
    status = DeviceStatus(ticket.device_id, before.serial)
    assert code(enlist.perform(status, enlist.stranger())) == "done"


def test_a_device_without_an_enrollment_can_get_another_over_the_api(enlist: Enlist) -> None:
    """Section 2: state `none` leads to a new enrollment, which is another one."""
    ticket = enlist.register("ada")
    done(enlist.perform(DeleteEnrollment(ticket.enrollment_id)))
    another = enlist.do(Issue(ticket.device_id, SHOWN))
    assert another.enrollment_id != ticket.enrollment_id
    assert code(enlist.redeem(another.token)) == "done"


@pytest.mark.parametrize("state", ["expired", "on hold", "of a reset"])
def test_whatever_nobody_used_can_be_deleted(enlist: Enlist, state: str) -> None:
    """Section 2: the API deletes expired ones too."""
    ticket = enlist.register("ada")
    enrollment_id = ticket.enrollment_id
    if state == "expired":
        enlist.clock.now = ticket.expires_at + HOUR
    elif state == "on hold":
        enlist.store.write(holds.hold_all)
    else:
        enrollment_id = enlist.do(Reset(ticket.device_id)).issued.enrollment_id
    assert code(enlist.perform(DeleteEnrollment(enrollment_id))) == "done"


@pytest.mark.parametrize(("end", "told"), [("used", "token_used"), ("revoked", "token_revoked")])
def test_what_has_ended_is_not_deleted(enlist: Enlist, end: str, told: str) -> None:
    """It stays as a record."""
    ticket = enlist.register("ada")
    done(enlist.redeem(ticket.token) if end == "used" else enlist.revoke(ticket.enrollment_id))  # type: ignore[misc]
    assert code(enlist.perform(DeleteEnrollment(ticket.enrollment_id))) == told
    assert enlist.enrollment(ticket.enrollment_id).state == end


def test_only_those_who_may_delete(enlist: Enlist) -> None:
    """D24: neither the help desk, nor anybody where the owner has more rights."""
    boss = enlist.staff("administrator", username="boss")
    ticket, his = enlist.register("ada"), enlist.register(boss.name)
    for role, enrollment_id in (
        ("helpdesk", ticket.enrollment_id),
        ("operator", his.enrollment_id),
    ):
        verb = DeleteEnrollment(enrollment_id)
        assert code(enlist.perform(verb, enlist.staff(role))) == "forbidden"
    assert code(enlist.redeem(ticket.token)) == "done"


# --- reissue ----------------------------------------------------------------------------------


def test_a_reissue_tells_first_which_link_dies(enlist: Enlist) -> None:
    """X44, X45: a dry run changes nothing; a changed situation asks again."""
    ticket = enlist.register("ada")
    foreseen = enlist.do(DryRun(Reissue(ticket.enrollment_id)))
    assert [each.id for each in foreseen.consequences.enrollments] == [ticket.enrollment_id]
    assert enlist.enrollment(ticket.enrollment_id).generation == 1
    verb = Reissue(ticket.enrollment_id, SHOWN, preview=foreseen.preview)
    assert code(enlist.perform(verb)) == "done"
    assert code(enlist.perform(verb)) == "preview_outdated"
    assert enlist.enrollment(ticket.enrollment_id).generation == 2


def test_a_token_is_reissued_after_a_reset_as_before_one(enlist: Enlist) -> None:
    """D13, D14: the same enrollment, another token and expiry; with the reason in the log."""
    first = enlist.register("ada")
    done(enlist.redeem(first.token))
    for ticket in (enlist.register("ada", name="phone"), None):
        if ticket is None:
            issued = enlist.do(Reset(first.device_id, message=SHOWN)).issued
            enrollment_id, token, until = issued.enrollment_id, issued.token, issued.expires_at
        else:
            enrollment_id, token, until = ticket.enrollment_id, ticket.token, ticket.expires_at
        enlist.clock.now = until + HOUR
        later = enlist.clock.now + 3 * HOUR
        verb = Reissue(enrollment_id, SHOWN, later, "was on leave")
        newer = enlist.do(verb)
        assert (newer.enrollment_id, newer.expires_at) == (enrollment_id, later)
        assert newer.token != token
        assert code(enlist.redeem(token, key=1)) == "token_replaced"
        assert code(enlist.redeem(newer.token, key=1)) == "done"
        event = enlist.events("enrollment.reissued")[-1]
        assert event.data["reason"] == "was on leave"


def test_a_jwt_is_reissued_without_a_message(enlist: Enlist) -> None:
    """It waits to be downloaded or sent; a token goes by e-mail where nobody says otherwise."""
    enlist.user("ada")
    ticket = enlist.register("ada")
    done(enlist.redeem(ticket.token))
    issued = enlist.do(Reset(ticket.device_id, grant=GrantKind.ONE_TIME_JWT)).issued
    assert enlist.do(Reissue(issued.enrollment_id)).message_id is None
    assert enlist.rows("message") == []
    assert enlist.do(Reissue(issued.enrollment_id, Delivery("email"))).message_id is not None
    other = enlist.register("ada", name="phone")
    assert enlist.do(Reissue(other.enrollment_id)).message_id is not None


def test_a_reissue_in_the_past_is_refused(enlist: Enlist) -> None:
    """D02's rule for the other button; nothing changes."""
    ticket = enlist.register("ada")
    told = refusal(enlist.perform(Reissue(ticket.enrollment_id, SHOWN, enlist.clock.now)))
    assert told.fields[0].field == "expires_at"
    assert code(enlist.redeem(ticket.token)) == "done"
