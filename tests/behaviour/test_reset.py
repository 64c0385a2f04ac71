"""Reset: what an enrolled device holds ends at once, and it gets a new enrollment (seed 003)."""

from __future__ import annotations

import pytest
from cryptography import x509

from enlist.core.caller import SYSTEM
from enlist.core.clock import HOUR, MINUTE
from enlist.core.ids import new_id
from enlist.core.lifecycle import DeviceState
from enlist.core.model import GrantKind
from enlist.core.outcomes import Done, Drop, Refusal
from enlist.core.secrets import Secret
from enlist.pki.revocation import REASONS
from enlist.store import enrollment_secrets
from enlist.store.limits import IdempotencyKey
from enlist.store.tx import StoreUnavailable
from enlist.verbs.device_sessions import Heartbeat
from enlist.verbs.issuing import Delivery
from enlist.verbs.reassign import Reassign
from enlist.verbs.rehearsing import DryRun
from enlist.verbs.reset import Reset, ResetReason
from enlist.verbs.revocation_list import RevocationList
from enlist.verbs.sign_in import StartSignIn
from enlist.verbs.users import SetUserState
from tests.behaviour.resetting import connected, enrolled, reset, situation, standing
from tests.installation import PASSWORD, SHOWN, Enlist, code, done, refusal


def test_a_reset_ends_the_credential_at_once(enlist: Enlist) -> None:
    """D03: the old certificate is refused at the first try."""
    ticket = enrolled(enlist)
    assert standing(enlist, ticket.device_id) == ["done"]
    outcome = enlist.perform(Reset(ticket.device_id, "lost"))
    assert isinstance(outcome, Done)
    assert Drop(ticket.device_id) in outcome.effects
    assert standing(enlist, ticket.device_id) == ["credential_revoked"]
    assert enlist.device(ticket.device_id).state == "registered"


def test_a_reset_makes_a_new_token_for_the_same_device(enlist: Enlist) -> None:
    """D07: another enrollment and token, the same device; the old token stays used."""
    ticket = enrolled(enlist)
    newer = reset(enlist, ticket.device_id)
    assert newer.device_id == ticket.device_id
    assert newer.enrollment_id != ticket.enrollment_id
    assert newer.token != ticket.token
    assert newer.expires_at == enlist.clock.now + 24 * HOUR
    assert code(enlist.redeem(ticket.token, key=1)) == "token_used"
    assert done(enlist.redeem(newer.token, key=1)).device_id == ticket.device_id
    assert standing(enlist, ticket.device_id) == ["done", "credential_revoked"]


@pytest.mark.parametrize("key", [0, None])
def test_a_repeated_request_gets_nothing_back_after_a_reset(
    enlist: Enlist, key: int | None
) -> None:
    """D03, ruling 25: neither its certificate by the same key, nor a yes by its Idempotency-Key."""
    enlist.set(allow_bare_enrollment=True)
    ticket = enlist.register("ada")
    known = IdempotencyKey("device", "once", b"digest")
    for _ in range(2):
        assert code(enlist.redeem(ticket.token, key=key, idempotency=known)) == "done"
    reset(enlist, ticket.device_id, "lost")
    assert code(enlist.redeem(ticket.token, key=key, idempotency=known)) == "token_used"
    assert set(standing(enlist, ticket.device_id)) <= {"credential_revoked"}
    enlist.user("grace")
    enlist.clock.advance(seconds=1)
    issued = enlist.do(Reassign(ticket.device_id, "grace", message=SHOWN)).issued
    done(enlist.redeem(issued.token, key=5))
    told = enlist.redeem(ticket.token, key=key, idempotency=known)
    assert code(told) == "token_used", "nor is it told whose the device is now"


def test_the_new_enrollment_is_of_the_same_grant(enlist: Enlist) -> None:
    """D07: what began with a JWT goes on with one, unless it is said otherwise."""
    ticket = enrolled(enlist)
    for wanted, grant in (
        (None, "registration_token"),
        (GrantKind.ONE_TIME_JWT, "one_time_jwt"),
        (None, "one_time_jwt"),
        (GrantKind.REGISTRATION_TOKEN, "registration_token"),
    ):
        issued = enlist.do(Reset(ticket.device_id, grant=wanted)).issued
        assert enlist.enrollment(issued.enrollment_id).grant == grant
        assert issued.token is None, "nothing is shown or sent by itself"
    assert enlist.rows("message") == []


@pytest.mark.parametrize("wrong", [-1, -HOUR, 0])
def test_a_past_expiry_is_refused_and_changes_nothing(enlist: Enlist, wrong: int) -> None:
    """D02: the credential still counts, there is no new token."""
    ticket = enrolled(enlist)
    before = situation(enlist, ticket.device_id)
    told = refusal(enlist.perform(Reset(ticket.device_id, expires_at=enlist.clock.now + wrong)))
    assert (told.code, told.fields[0].field) == ("validation_failed", "expires_at")
    after = situation(enlist, ticket.device_id)
    assert {**after, "event": 0} == {**before, "event": 0}
    assert standing(enlist, ticket.device_id) == ["done"]


def test_other_devices_are_left_alone(enlist: Enlist) -> None:
    """D06: of another person, and of the same one."""
    ticket = enrolled(enlist)
    others = [enrolled(enlist, name="phone", key=1), enrolled(enlist, "grace", key=2)]
    before = [situation(enlist, each.device_id)["credential"] for each in others]
    reset(enlist, ticket.device_id, "compromised")
    assert [situation(enlist, each.device_id)["credential"] for each in others] == before
    assert [standing(enlist, each.device_id) for each in others] == [["done"], ["done"]]


def test_a_reset_supersedes_what_is_outstanding(enlist: Enlist) -> None:
    """D09, X22, ruling 1: it always succeeds; whoever holds the token before hears of a newer."""
    ticket = enrolled(enlist)
    tickets = [reset(enlist, ticket.device_id)]
    for _ in range(3):
        enlist.clock.advance(minutes=1)
        tickets.append(reset(enlist, ticket.device_id))
        told = refusal(enlist.redeem(tickets[-2].token, key=1))
        assert (told.code, told.at, told.holder) == ("token_replaced", enlist.clock.now, True)
    live = [each for each in enlist.enrollments_of(ticket.device_id) if each.state == "active"]
    assert [each.id for each in live] == [tickets[-1].enrollment_id]
    assert code(enlist.redeem(tickets[-1].token, key=1)) == "done"


def test_a_device_that_never_enrolled_can_be_reset(enlist: Enlist) -> None:
    """Ruling 1: its token is superseded; also one that is on hold or has expired."""
    ticket = enlist.register("ada")
    newer = reset(enlist, ticket.device_id)
    assert code(enlist.redeem(ticket.token)) == "token_replaced"
    enlist.clock.advance(hours=25)
    newest = reset(enlist, ticket.device_id)
    assert code(enlist.redeem(newer.token)) == "token_replaced"
    assert code(enlist.redeem(newest.token)) == "done"


def test_an_attempt_at_the_token_before_is_over(enlist: Enlist) -> None:
    """D21: a code that was begun with it enrolls nothing any more."""
    ticket = enlist.register("ada")
    begun = done(enlist.begin(ticket.token))
    reset(enlist, ticket.device_id)
    assert code(enlist.redeem(begun.code)) == "token_replaced"
    assert enlist.credentials_of(ticket.device_id) == []


def test_no_cap_and_no_mail_server_keeps_a_thief(enlist: Enlist) -> None:
    """Ruling 1: a user without an address, or a disabled one, is no reason to wait."""
    enlist.user("ada", email="")
    ticket = enrolled(enlist)
    enlist.do(SetUserState("ada", "disabled"))
    assert code(enlist.perform(Reset(ticket.device_id, "lost"))) == "done"
    assert standing(enlist, ticket.device_id) == ["credential_revoked"]
    told = code(enlist.perform(Reset(ticket.device_id, "lost", Delivery("email"))))
    assert told == "email_missing", "who asks for a message is told that there is none"


@pytest.mark.parametrize("reason", ["", *ResetReason])
def test_the_reason_is_in_the_revocation_list_and_the_event(enlist: Enlist, reason: str) -> None:
    """Issue and D23: CRL reason and event follow from what was said."""
    ticket = enrolled(enlist)
    (credential,) = enlist.credentials_of(ticket.device_id)
    reset(enlist, ticket.device_id, reason)
    told = reason or "reset"
    (after,) = enlist.credentials_of(ticket.device_id)
    assert (after.revocation_reason, after.generation) == (told, credential.generation + 1)
    (event,) = enlist.events("device.reset")
    assert (event.data["reason"], event.data["serials"]) == (told, credential.serial)
    current = RevocationList(enlist.store, enlist.driver.tools).current()
    assert current is not None
    crl = x509.load_der_x509_crl(current)
    line = crl.get_revoked_certificate_by_serial_number(int(credential.serial, 16))
    assert line is not None
    flag = line.extensions.get_extension_for_class(x509.CRLReason).value.reason
    assert flag is REASONS[told]


def test_an_unknown_reason_is_refused(enlist: Enlist) -> None:
    ticket = enrolled(enlist)
    told = refusal(enlist.perform(Reset(ticket.device_id, "bored")))
    assert told.fields[0].field == "reason"
    assert standing(enlist, ticket.device_id) == ["done"]


def test_compromised_may_end_the_owners_sign_ins(enlist: Enlist) -> None:
    """Issue 'Device page': only then, and only where it was asked for."""
    enlist.user("ada")
    ticket = enrolled(enlist)
    for _ in range(2):
        done(enlist.perform(StartSignIn("ada", Secret(PASSWORD)), enlist.stranger()))
    told = refusal(enlist.perform(Reset(ticket.device_id, "lost", end_sign_ins=True)))
    assert told.fields[0].field == "end_sign_ins"
    enlist.do(Reset(ticket.device_id, "compromised"))
    assert {row["ended_at"] for row in enlist.rows("sign_in")} == {None}
    verb = Reset(ticket.device_id, "compromised", end_sign_ins=True)
    assert enlist.do(DryRun(verb)).consequences.sign_ins == 2
    enlist.do(verb)
    assert None not in {row["ended_at"] for row in enlist.rows("sign_in")}
    (event,) = enlist.events("sign_in.all_ended")
    assert event.data["ended"] == 2


def test_a_reset_is_all_or_nothing(enlist: Enlist, monkeypatch: pytest.MonkeyPatch) -> None:
    """D08: where the last write fails, credential, sessions, tokens and log are as before."""
    process_id = new_id(enlist.clock.now)
    enlist.do(Heartbeat(process_id, ()), SYSTEM)
    ticket = enrolled(enlist)
    session = connected(enlist, ticket.device_id, process_id, "192.0.2.7")
    before = situation(enlist, ticket.device_id)

    def full(*_arguments: object) -> bool:
        raise StoreUnavailable("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(enrollment_secrets, "insert", full)
        with pytest.raises(StoreUnavailable):
            enlist.perform(Reset(ticket.device_id, "lost"))
    assert situation(enlist, ticket.device_id) == before
    assert standing(enlist, ticket.device_id) == ["done"]
    assert enlist.do(Heartbeat(process_id, (session,)), SYSTEM) == {}
    assert code(enlist.perform(Reset(ticket.device_id, "lost"))) == "done"


def test_every_step_is_in_the_log_without_a_secret(enlist: Enlist) -> None:
    """D23: who, from where, when, which device; and what ended."""
    staff = enlist.staff("operator")
    ticket = enrolled(enlist)
    outstanding = reset(enlist, ticket.device_id)
    enlist.do(Reset(ticket.device_id, "corrupted"), staff)
    event = enlist.events("device.reset")[-1]
    assert (event.actor_id, event.device_id, event.at) == (
        staff.id,
        ticket.device_id,
        enlist.clock.now,
    )
    assert event.personal["address"] == staff.address
    assert (event.data["enrollments_revoked"], event.data["credentials_revoked"]) == (1, 0)
    ended = enlist.events("enrollment.revoked")
    assert [(each.enrollment_id, each.data["reason"]) for each in ended] == [
        (outstanding.enrollment_id, "superseded")
    ]
    written = repr(enlist.rows("event"))
    for token in (ticket.token, outstanding.token):
        assert token.reveal() not in written


@pytest.mark.parametrize(("role", "answer"), [("helpdesk", "forbidden"), ("reader", "forbidden")])
def test_only_those_who_may_reset(enlist: Enlist, role: str, answer: str) -> None:
    """D24: a dry run tells nothing either."""
    ticket = enrolled(enlist)
    staff = enlist.staff(role)
    assert code(enlist.perform(Reset(ticket.device_id), staff)) == answer
    assert code(enlist.perform(DryRun(Reset(ticket.device_id)), staff)) == answer
    assert standing(enlist, ticket.device_id) == ["done"]


def test_nobody_resets_what_somebody_with_more_rights_holds(enlist: Enlist) -> None:
    """D24: the token of an administrator's device would be a way to become him."""
    owner = enlist.staff("administrator", username="boss")
    operator = enlist.staff("operator")
    ticket = enrolled(enlist, owner.name)
    assert code(enlist.perform(Reset(ticket.device_id), operator)) == "forbidden"
    assert code(enlist.perform(Reset(ticket.device_id), owner)) == "done"


def test_nobody_ends_the_sign_ins_of_staff_but_role_editors(enlist: Enlist) -> None:
    """S51: as everywhere else."""
    owner, operator = enlist.staff("operator", username="staff"), enlist.staff("operator")
    ticket = enrolled(enlist, owner.name)
    verb = Reset(ticket.device_id, "compromised", end_sign_ins=True)
    assert code(enlist.perform(verb, operator)) == "forbidden"
    assert standing(enlist, ticket.device_id) == ["done"]
    assert code(enlist.perform(verb, enlist.staff("administrator"))) == "done"


def test_a_version_that_was_seen_is_kept_to(enlist: Enlist) -> None:
    """If-Match: somebody changed the device in between."""
    ticket = enrolled(enlist)
    version = enlist.device(ticket.device_id).version
    assert code(enlist.perform(Reset(ticket.device_id, version=version))) == "done"
    assert code(enlist.perform(Reset(ticket.device_id, version=version))) == "precondition_failed"


def test_a_blocked_device_stays_blocked(enlist: Enlist) -> None:
    """A reset lets nobody in who was kept out on purpose; its credentials die all the same."""
    ticket = enrolled(enlist)
    enlist.put_device(ticket.device_id, DeviceState.BLOCKED)
    outcome = enlist.perform(Reset(ticket.device_id, "lost"))
    assert not isinstance(outcome, Refusal)
    assert enlist.device(ticket.device_id).state == "blocked"
    assert [each.revocation_reason for each in enlist.credentials_of(ticket.device_id)] == ["lost"]


def test_the_new_token_lives_as_long_as_it_was_said(enlist: Enlist) -> None:
    """D02: to the moment."""
    ticket = enrolled(enlist)
    until = enlist.clock.now + 90 * MINUTE
    issued = enlist.do(Reset(ticket.device_id, "", SHOWN, until)).issued
    enlist.clock.now = until
    assert code(enlist.redeem(issued.token, key=1)) == "token_expired"
