"""Reissue, resend, revoke: what staff does with a token that nobody has used yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest

from enlist.core.clock import HOUR, MINUTE
from enlist.core.ids import new_id
from enlist.core.model import GrantKind
from enlist.core.outcomes import Done, Refusal, Send
from enlist.store import enrollments
from enlist.store.enrollments import NewEnrollment
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.issuing import Issued
from enlist.verbs.register import Issue, Register
from enlist.verbs.reissue import Reissue, Resend, Revoke
from tests.installation import MAILED, SHOWN, Enlist, Ticket, code, done, refusal


def live_secrets(enlist: Enlist, ticket: Ticket) -> list[int]:
    """The generations of an enrollment whose secret could still be redeemed."""
    (row,) = enlist.rows("enrollment", id=ticket.enrollment_id)
    secrets = enlist.rows("enrollment_secret", enrollment_id=ticket.enrollment_id)
    return [
        secret["generation"]
        for secret in secrets
        if row["state"] == "active" and secret["generation"] == row["generation"]
    ]


def test_a_reissue_makes_a_new_token_and_ends_the_old_one(enlist: Enlist) -> None:
    """A41, X10, ruling 2: same enrollment, next generation; the old holder is told, and when."""
    ticket = enlist.register("ada")
    enlist.clock.advance(hours=2)
    newer = enlist.reissue(ticket.enrollment_id)
    assert (newer.enrollment_id, newer.generation) == (ticket.enrollment_id, 2)
    assert newer.token != ticket.token
    assert newer.expires_at == enlist.clock.now + 24 * HOUR
    told_at = enlist.clock.now
    enlist.clock.advance(minutes=1)
    told = refusal(enlist.redeem(ticket.token))
    assert (told.code, told.at, told.holder) == ("token_replaced", told_at, True)
    assert code(enlist.redeem(newer.token)) == "done"
    assert code(enlist.redeem(ticket.token, key=1)) == "token_replaced"


def test_every_replaced_token_is_remembered(enlist: Enlist) -> None:
    """X10, X22: exactly the newest works; the moment told is that of the newest."""
    tickets = [enlist.register("ada")]
    for _ in range(4):
        enlist.clock.now += MINUTE
        tickets.append(enlist.reissue(tickets[0].enrollment_id))
    assert len({ticket.token.reveal() for ticket in tickets}) == 5
    for ticket in tickets[:-1]:
        told = refusal(enlist.redeem(ticket.token))
        assert (told.code, told.at) == ("token_replaced", enlist.clock.now)
    assert live_secrets(enlist, tickets[0]) == [5]
    assert code(enlist.redeem(tickets[-1].token)) == "done"


def test_an_expired_token_can_be_reissued(enlist: Enlist) -> None:
    """A08, A41, ruling 29: it is active still, and lives anew."""
    ticket = enlist.register("ada")
    enlist.clock.now = ticket.expires_at + HOUR
    newer = enlist.reissue(ticket.enrollment_id)
    assert code(enlist.redeem(ticket.token)) == "token_replaced"
    assert code(enlist.redeem(newer.token)) == "done"


def test_what_no_device_has_cannot_be_reissued(enlist: Enlist) -> None:
    """Refused, and not a fault, for an enrollment that is for nobody's device yet."""
    now = enlist.clock.now
    new = NewEnrollment(
        id=new_id(now),
        organization_id=enlist.root.id,
        user_id=None,
        device_id=None,
        grant=GrantKind.REGISTRATION_TOKEN,
        expires_at=now + HOUR,
        issued_by="test",
        issuer_id=None,
    )
    enlist.store.write(lambda tx: enrollments.insert(tx, new))
    assert code(enlist.perform(Reissue(new.id, SHOWN))) == "conflict"
    assert enlist.enrollment(new.id).generation == 1


@pytest.mark.parametrize(("end", "told"), [("used", "token_used"), ("revoked", "token_revoked")])
def test_what_has_ended_cannot_be_reissued_or_revoked(enlist: Enlist, end: str, told: str) -> None:
    """Rulings 2 and 29: used and revoked are the end."""
    ticket = enlist.register("ada")
    if end == "used":
        done(enlist.redeem(ticket.token))
    else:
        done(enlist.revoke(ticket.enrollment_id))
    before = enlist.rows("enrollment", id=ticket.enrollment_id)
    assert code(enlist.perform(Reissue(ticket.enrollment_id, SHOWN))) == told
    assert code(enlist.revoke(ticket.enrollment_id)) == told
    assert code(enlist.resend(ticket.enrollment_id)) == "not_resendable"
    assert enlist.rows("enrollment", id=ticket.enrollment_id) == before


def test_a_resend_sends_the_same_token(enlist: Enlist) -> None:
    """A40, A17: same value, same expiry, another message; derived anew, also after a restart."""
    enlist.user("ada")
    issued = enlist.do(Register("", "ada", DeviceDetails("laptop", "linux"), MAILED))
    enlist.clock.advance(minutes=1)
    before = enlist.rows("enrollment_secret", enrollment_id=issued.enrollment_id)
    outcome = enlist.resend(issued.enrollment_id)
    assert isinstance(outcome, Done)
    assert outcome.effects == (Send(outcome.value),)
    messages = enlist.rows("message", enrollment_id=issued.enrollment_id)
    assert {message["id"] for message in messages} == {issued.message_id, outcome.value}
    assert {(m["state"], m["generation"], m["recipient"]) for m in messages} == {
        ("queued", 1, "ada@example.com")
    }
    assert enlist.rows("enrollment_secret", enrollment_id=issued.enrollment_id) == before
    assert enlist.enrollment(issued.enrollment_id).expires_at == issued.expires_at
    (row,) = before
    derive = (issued.enrollment_id, 1, row["derive_key_id"], row["length"], row["alphabet"])
    tokens = {
        each.installation.tools.keys.derive_again(*derive) for each in (enlist, enlist.again())
    }
    assert len(tokens) == 1
    assert code(enlist.redeem(tokens.pop())) == "done"


def test_a_resend_after_a_reissue_carries_the_newest_token(enlist: Enlist) -> None:
    """A40, A41."""
    ticket = enlist.register("ada")
    enlist.reissue(ticket.enrollment_id)
    done(enlist.resend(ticket.enrollment_id))
    (message,) = enlist.rows("message", enrollment_id=ticket.enrollment_id)
    assert message["generation"] == 2


def test_an_expired_token_is_not_sent_again(enlist: Enlist) -> None:
    """A40: reported instead."""
    ticket = enlist.register("ada")
    enlist.clock.now = ticket.expires_at
    assert code(enlist.resend(ticket.enrollment_id)) == "not_resendable"
    assert enlist.rows("message") == []


def test_a_revoked_token_says_so_and_stays_listed(enlist: Enlist) -> None:
    """A42: with who did it and when; to its holder, by every way in."""
    staff = enlist.staff("operator")
    ticket = enlist.register("ada")
    begun = done(enlist.begin(ticket.token))
    enlist.clock.advance(minutes=1)
    done(enlist.perform(Revoke(ticket.enrollment_id, "lost"), staff))
    told = refusal(enlist.redeem(ticket.token))
    assert (told.code, told.at) == ("token_revoked", enlist.clock.now)
    assert code(enlist.redeem(begun.code)) == "token_revoked"
    found = enlist.enrollment(ticket.enrollment_id)
    assert (found.state, found.ended_at, found.end_reason) == (
        "revoked",
        enlist.clock.now,
        "lost",
    )
    (event,) = enlist.events("enrollment.revoked")
    assert (event.actor_id, event.personal["actor"]) == (staff.id, staff.name)


def test_a_new_token_for_a_device_whose_last_one_was_revoked(enlist: Enlist) -> None:
    """Ruling 29: another enrollment; the old token stays revoked."""
    ticket = enlist.register("ada")
    assert code(enlist.resend(ticket.enrollment_id)) == "done"
    done(enlist.revoke(ticket.enrollment_id))
    another = enlist.issue(ticket.device_id)
    assert another.enrollment_id != ticket.enrollment_id
    assert code(enlist.redeem(ticket.token)) == "token_revoked"
    assert code(enlist.redeem(another.token)) == "done"


def test_reissues_at_once_leave_exactly_one_live_token(enlist: Enlist) -> None:
    """X22: sixteen people press the button; the newest token works, and only that."""
    ticket = enlist.register("ada")
    verb = Reissue(ticket.enrollment_id, SHOWN)
    outcomes: list[Done[Issued] | Refusal] = enlist.together([partial(enlist.perform, verb)] * 16)
    made = {
        outcome.value.generation: outcome.value.token
        for outcome in outcomes
        if isinstance(outcome, Done)
    }
    assert len(made) == sum(isinstance(outcome, Done) for outcome in outcomes) > 0
    assert {code(outcome) for outcome in outcomes} <= {"done", "try_later"}
    newest = enlist.enrollment(ticket.enrollment_id).generation
    assert newest == 1 + len(made)
    answers = Counter(code(enlist.check(token)) for token in made.values())
    assert answers == {"done": 1, **({"token_replaced": len(made) - 1} if len(made) > 1 else {})}
    assert code(enlist.redeem(made[newest])) == "done"


def test_a_reissue_and_a_redemption_at_once(enlist: Enlist) -> None:
    """X22, S13: either the device was first, or its token was replaced; never both, never none."""
    seen = Counter[str]()
    for number in range(12):
        ticket = enlist.register("ada", name=f"laptop {number}")
        verb = Reissue(ticket.enrollment_id, SHOWN)
        moves: list[Callable[[], object]] = [
            partial(enlist.redeem, ticket.token),
            partial(enlist.perform, verb),
        ]
        redeemed, reissued = enlist.together(moves)
        found = enlist.enrollment(ticket.enrollment_id)
        enrolled = enlist.device(ticket.device_id).state == "enrolled"
        seen[code(redeemed)] += 1
        if code(redeemed) == "done":
            assert (code(reissued), found.state, enrolled) == ("token_used", "used", True)
        else:
            assert (code(redeemed), code(reissued)) == ("token_replaced", "done")
            assert (found.state, found.generation, enrolled) == ("active", 2, False)
    assert sum(seen.values()) == 12


def test_a_revocation_and_a_redemption_at_once(enlist: Enlist) -> None:
    """A42, S13: one of the two happened."""
    for number in range(12):
        ticket = enlist.register("ada", name=f"laptop {number}")
        moves: list[Callable[[], object]] = [
            partial(enlist.redeem, ticket.token),
            partial(enlist.revoke, ticket.enrollment_id),
        ]
        redeemed, revoked = enlist.together(moves)
        pair = (code(redeemed), code(revoked), enlist.enrollment(ticket.enrollment_id).state)
        assert pair in {("done", "token_used", "used"), ("token_revoked", "done", "revoked")}


def test_a_device_has_one_live_enrollment_at_most(enlist: Enlist) -> None:
    """Ruling 29, X22: a second one is refused, also when both are asked for at once."""
    ticket = enlist.register("ada")
    done(enlist.revoke(ticket.enrollment_id))
    verb = Issue(ticket.device_id, SHOWN)
    outcomes = enlist.together([partial(enlist.perform, verb)] * 8)
    assert Counter(map(code, outcomes)) == {"done": 1, "enrollment_exists": 7}
    live = [each for each in enlist.enrollments_of(ticket.device_id) if each.state == "active"]
    assert len(live) == 1


def test_an_expired_enrollment_makes_room_for_another(enlist: Enlist) -> None:
    """Ruling 29: its token tells its holder that it is over."""
    ticket = enlist.register("ada")
    enlist.clock.now = ticket.expires_at
    another = enlist.issue(ticket.device_id)
    assert code(enlist.redeem(ticket.token)) == "token_revoked"
    assert code(enlist.redeem(another.token)) == "done"


def test_an_enrolled_device_gets_no_further_enrollment(enlist: Enlist) -> None:
    """Ruling 29."""
    ticket = enlist.register("ada")
    done(enlist.redeem(ticket.token))
    assert code(enlist.perform(Issue(ticket.device_id, SHOWN))) == "device_enrolled"


def test_a_resend_that_lost_its_channel_says_so(enlist: Enlist) -> None:
    """A13, A40: a user without an address cannot be written to."""
    enlist.user("ada", email="")
    ticket = enlist.register("ada")
    assert code(enlist.perform(Resend(ticket.enrollment_id))) == "email_missing"
