"""Reset: what an enrolled device holds ends at once, and it gets a new enrollment (seed 003)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest
from cryptography import x509

from enlist.core.caller import SYSTEM, Caller, CallerKind
from enlist.core.clock import HOUR, MINUTE
from enlist.core.ids import new_id
from enlist.core.model import GrantKind
from enlist.core.outcomes import Done, Drop, Refusal
from enlist.core.secrets import Secret
from enlist.core.sessions import Ending, ProvedBy
from enlist.pki.revocation import REASONS
from enlist.store import devices, enrollment_secrets
from enlist.store.limits import IdempotencyKey
from enlist.store.tx import Query, StoreUnavailable
from enlist.verbs.afresh import Ready, Seen
from enlist.verbs.consequences import network
from enlist.verbs.device_sessions import Disconnect, Heartbeat, OpenSession
from enlist.verbs.device_status import DeviceStatus
from enlist.verbs.driver import Tools
from enlist.verbs.issuing import Delivery
from enlist.verbs.reassign import Reassign
from enlist.verbs.rehearsing import DryRun
from enlist.verbs.reset import Reset, ResetReason
from enlist.verbs.revocation_list import RevocationList
from enlist.verbs.sign_in import StartSignIn
from enlist.verbs.users import SetUserState
from tests.installation import PASSWORD, SHOWN, Enlist, Ticket, code, done, refusal

BLOCK = Query("test.block_device", "UPDATE device SET state = 'blocked' WHERE id = :id")


def enrolled(enlist: Enlist, user: str = "ada", name: str = "laptop", key: int = 0) -> Ticket:
    """A device that has enrolled, with the token that it used."""
    ticket = enlist.register(user, name=name)
    done(enlist.redeem(ticket.token, key=key))
    return ticket


def standing(enlist: Enlist, device_id: str) -> list[str]:
    """What each credential of a device is answered when it is shown; newest first."""
    return [
        code(enlist.perform(DeviceStatus(device_id, each.serial), enlist.stranger()))
        for each in enlist.credentials_of(device_id)
    ]


def reset(enlist: Enlist, device_id: str, reason: str = "") -> Ticket:
    issued = enlist.do(Reset(device_id, reason, SHOWN)).issued
    assert issued.token is not None
    return Ticket(
        device_id, issued.enrollment_id, issued.token, issued.generation, issued.expires_at
    )


def situation(enlist: Enlist, device_id: str) -> dict[str, object]:
    """Every row that a reset touches."""
    found = [each.id for each in enlist.enrollments_of(device_id)]
    return {
        "device": enlist.rows("device", id=device_id),
        "credential": enlist.rows("credential", device_id=device_id),
        "enrollment": enlist.rows("enrollment", device_id=device_id),
        "secrets": [enlist.rows("enrollment_secret", enrollment_id=each) for each in found],
        "message": enlist.rows("message"),
        "event": len(enlist.rows("event")),
    }


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


# --- preview ----------------------------------------------------------------------------------


def test_a_dry_run_tells_what_ends_and_changes_nothing(enlist: Enlist) -> None:
    """D10, X44, X45: what it lists is what the reset then does."""
    ticket = enrolled(enlist)
    outstanding = reset(enlist, ticket.device_id)
    done(enlist.redeem(outstanding.token, key=1))
    before = situation(enlist, ticket.device_id)
    foreseen = enlist.do(DryRun(Reset(ticket.device_id, "lost")))
    assert situation(enlist, ticket.device_id) == before
    (credential,) = foreseen.consequences.credentials
    assert credential.serial == enlist.credentials_of(ticket.device_id)[0].serial
    assert foreseen.consequences.enrollments == ()
    begun = enlist.do(Reset(ticket.device_id, "lost", preview=foreseen.preview))
    assert begun.ended == foreseen
    newer = enlist.do(DryRun(Reset(ticket.device_id))).consequences
    assert newer.credentials == ()
    assert [each.id for each in newer.enrollments] == [begun.issued.enrollment_id]


def test_a_dry_run_is_refused_as_the_reset_would_be(enlist: Enlist) -> None:
    """X44: it validates."""
    ticket = enrolled(enlist)
    for verb in (
        Reset(ticket.device_id, expires_at=enlist.clock.now),
        Reset(ticket.device_id, "bored"),
        Reset(ticket.enrollment_id),
        Reset(ticket.device_id, version=99),
    ):
        assert code(enlist.perform(DryRun(verb))) == code(enlist.perform(verb)) != "done"


CHANGES: dict[str, Callable[[Enlist, Ticket], object]] = {
    "the device enrolls": lambda e, t: e.redeem(t.token, key=2),
    "the token is reissued": lambda e, t: e.reissue(t.enrollment_id),
    "the token is revoked": lambda e, t: e.revoke(t.enrollment_id),
    "the token expires": lambda e, _t: e.clock.advance(hours=24),
    "somebody else resets it": lambda e, t: reset(e, t.device_id),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_situation_asks_again(enlist: Enlist, change: str) -> None:
    """X45: what was confirmed is not what would happen now; nothing is done."""
    first = enrolled(enlist)
    ticket = reset(enlist, first.device_id)
    foreseen = enlist.do(DryRun(Reset(ticket.device_id)))
    CHANGES[change](enlist, ticket)
    before = situation(enlist, ticket.device_id)
    told = refusal(enlist.perform(Reset(ticket.device_id, preview=foreseen.preview)))
    assert told.code == "preview_outdated"
    after = situation(enlist, ticket.device_id)
    assert {**after, "event": 0} == {**before, "event": 0}
    again = enlist.do(DryRun(Reset(ticket.device_id))).preview
    assert again != foreseen.preview
    assert code(enlist.perform(Reset(ticket.device_id, preview=again))) == "done"


def test_what_does_not_matter_does_not_ask_again(enlist: Enlist) -> None:
    """X45: a new name, another device and passing time end nothing else."""
    ticket = enrolled(enlist)
    foreseen = enlist.do(DryRun(Reset(ticket.device_id)))
    enlist.clock.advance(minutes=5)
    enrolled(enlist, name="phone", key=1)
    assert code(enlist.perform(Reset(ticket.device_id, preview=foreseen.preview))) == "done"


def test_a_preview_is_of_one_act_on_one_device(enlist: Enlist) -> None:
    """X45: that of another device, or with the sign-ins ended, binds nothing."""
    ticket, other = enrolled(enlist), enrolled(enlist, name="phone", key=1)
    done(enlist.perform(StartSignIn("ada", Secret(PASSWORD)), enlist.stranger()))
    preview = enlist.do(DryRun(Reset(other.device_id, "compromised"))).preview
    verbs = (
        Reset(ticket.device_id, "compromised", preview=preview),
        Reset(other.device_id, "compromised", end_sign_ins=True, preview=preview),
    )
    assert [code(enlist.perform(verb)) for verb in verbs] == ["preview_outdated"] * 2


# --- sessions ---------------------------------------------------------------------------------


def connected(enlist: Enlist, device_id: str, process_id: str, address: str) -> str:
    """A live session of a device with its newest credential, held by this process."""
    (credential, *_) = enlist.credentials_of(device_id)
    session_id = new_id(enlist.clock.now)
    caller = Caller(CallerKind.DEVICE, id=device_id, address=address)
    proved = ProvedBy.CERTIFICATE
    verb = OpenSession(session_id, process_id, device_id, credential.serial, proved, 5)
    enlist.do(verb, caller)
    return session_id


def test_a_reset_drops_the_live_sessions(enlist: Enlist) -> None:
    """D04, D06, X45: told beforehand, with where they come from; others go on."""
    process_id = new_id(enlist.clock.now)
    enlist.do(Heartbeat(process_id, ()), SYSTEM)
    ticket, other = enrolled(enlist), enrolled(enlist, "grace", key=1)
    connect = partial(connected, enlist, ticket.device_id, process_id)
    dropped = [connect(each) for each in ("192.0.2.7", "192.0.2.9", "2001:db8:1:2::3")]
    stays = connected(enlist, other.device_id, process_id, "198.51.100.1")
    verb = Reset(ticket.device_id, "lost")
    foreseen = enlist.do(DryRun(verb))
    assert foreseen.consequences.sessions == 3
    assert foreseen.consequences.networks == ("192.0.2.0/24", "2001:db8:1::/48")
    every = (*dropped, stays)
    assert enlist.do(Heartbeat(process_id, every), SYSTEM) == {}
    assert enlist.do(verb).ended == foreseen
    ended = enlist.do(Heartbeat(process_id, every), SYSTEM)
    assert dict(ended) == dict.fromkeys(dropped, Ending.CREDENTIAL_REVOKED)
    (event,) = enlist.events("device.reset")
    assert event.data["sessions"] == 3


def test_another_session_asks_again_but_not_one_that_came_back(enlist: Enlist) -> None:
    """X45: one more from the same place, or as many from another, are another situation; a device
    that reconnects from where it was is not.
    """
    process_id = new_id(enlist.clock.now)
    enlist.do(Heartbeat(process_id, ()), SYSTEM)
    ticket = enrolled(enlist)
    connect = partial(connected, enlist, ticket.device_id, process_id)
    first = connect("192.0.2.7")
    preview = enlist.do(DryRun(Reset(ticket.device_id))).preview
    enlist.do(Disconnect(first))
    connect("192.0.2.8")
    assert enlist.do(DryRun(Reset(ticket.device_id))).preview == preview
    second = connect("192.0.2.9")
    told = enlist.perform(Reset(ticket.device_id, preview=preview))
    assert code(told) == "preview_outdated", "one more from there"
    preview = enlist.do(DryRun(Reset(ticket.device_id))).preview
    enlist.do(Disconnect(second))
    connect("198.51.100.7")
    assert enlist.do(DryRun(Reset(ticket.device_id))).consequences.sessions == 2
    told = enlist.perform(Reset(ticket.device_id, preview=preview))
    assert code(told) == "preview_outdated", "as many, but from elsewhere"


@pytest.mark.parametrize(
    ("address", "where"),
    [
        ("192.0.2.7", "192.0.2.0/24"),
        ("::ffff:192.0.2.7", "192.0.2.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("unix", "unix"),
        ("", ""),
    ],
)
def test_an_address_is_told_by_its_network(address: str, where: str) -> None:
    assert network(address) == where


# --- races ------------------------------------------------------------------------------------


def test_a_reset_and_a_redemption_at_once(enlist: Enlist) -> None:
    """D21: whoever was first, no credential that is older than the reset still counts."""
    seen = Counter[str]()
    for number in range(100):
        ticket = enlist.register("ada", name=f"laptop {number}")
        moves: list[Callable[[], object]] = [
            partial(enlist.redeem, ticket.token, key=number % 3),
            partial(enlist.perform, Reset(ticket.device_id)),
        ]
        redeemed, done_so = enlist.together(moves)
        assert code(done_so) == "done"
        seen[code(redeemed)] += 1
        assert set(standing(enlist, ticket.device_id)) <= {"credential_revoked"}
        found = enlist.device(ticket.device_id)
        live = [e for e in enlist.enrollments_of(found.id) if e.state == "active"]
        assert (found.state, len(live)) == ("registered", 1)
        assert live[0].id != ticket.enrollment_id
    assert set(seen) <= {"done", "token_replaced"}


def test_resets_at_once_leave_one_live_token(enlist: Enlist) -> None:
    """X22, S23: exactly one is redeemable, the newest; every other is superseded."""
    ticket = enrolled(enlist)
    verb = Reset(ticket.device_id, "lost", SHOWN)
    outcomes = enlist.together([partial(enlist.perform, verb)] * 8)
    tokens = [each.value.issued.token for each in outcomes if isinstance(each, Done)]
    assert {code(each) for each in outcomes} <= {"done", "try_later"}
    assert tokens
    answers = Counter(code(enlist.check(token)) for token in tokens)
    assert answers == {
        "done": 1,
        **({"token_replaced": len(tokens) - 1} if len(tokens) > 1 else {}),
    }


RENEW = Query(
    "test.renew",
    """
    INSERT INTO credential (id, device_id, enrollment_id, kind, serial, fingerprint, key_digest,
                            certificate, not_before, not_after, issued_at)
    SELECT :id, device_id, enrollment_id, kind, :serial, fingerprint, key_digest,
           certificate, not_before, not_after, issued_at
      FROM credential WHERE device_id = :device_id
    """,
)
"""Another credential for a device, as a renewal leaves it: the device itself is not changed."""


@dataclass(frozen=True)
class InterruptedReset(Reset):
    """Between looking and applying, the device renews its certificate; once."""

    renew: Callable[[], object] = lambda: None

    def work(self, tools: Tools, caller: Caller, seen: Seen) -> Ready | Refusal:
        self.renew()
        return super().work(tools, caller, seen)


@pytest.mark.parametrize("bound", [True, False])
def test_what_changes_at_the_last_moment_is_seen(enlist: Enlist, bound: bool) -> None:
    """D21, X45: what was not foreseen does not live on, and is not ended unseen either."""
    ticket = enrolled(enlist)
    preview = enlist.do(DryRun(Reset(ticket.device_id))).preview if bound else ""
    left = ["ab12"]

    def renew() -> None:
        if left:
            named = {"id": new_id(enlist.clock.now), "serial": left.pop()}
            enlist.store.write(lambda tx: tx.run(RENEW, device_id=ticket.device_id, **named))

    outcome = enlist.perform(InterruptedReset(ticket.device_id, preview=preview, renew=renew))
    assert code(outcome) == ("preview_outdated" if bound else "done")
    ended = [each.revoked_at is not None for each in enlist.credentials_of(ticket.device_id)]
    assert ended == [not bound] * 2
    if not bound:
        (event,) = enlist.events("device.reset")
        assert event.data["credentials_revoked"] == 2


def test_one_confirmation_of_many_counts(enlist: Enlist) -> None:
    """X45: two people confirm what both were shown; the second is shown the new situation."""
    ticket = enrolled(enlist)
    preview = enlist.do(DryRun(Reset(ticket.device_id))).preview
    verb = Reset(ticket.device_id, preview=preview)
    outcomes = enlist.together([partial(enlist.perform, verb)] * 6)
    assert Counter(map(code, outcomes)) == {"done": 1, "preview_outdated": 5}


# --- who, and what is written down ------------------------------------------------------------


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


def test_a_renewal_under_way_does_not_outlive_a_reset(enlist: Enlist) -> None:
    """D21: what gives an enrolled device another credential holds it, or finds it reset."""
    ticket = enrolled(enlist)
    held = enlist.store.write(lambda tx: devices.hold_enrolled(tx, ticket.device_id))
    reset(enlist, ticket.device_id)
    after = enlist.store.write(lambda tx: devices.hold_enrolled(tx, ticket.device_id))
    assert (held, after) == (True, False)


def test_a_blocked_device_stays_blocked(enlist: Enlist) -> None:
    """A reset lets nobody in who was kept out on purpose; its credentials die all the same."""
    ticket = enrolled(enlist)
    enlist.store.write(lambda tx: tx.run(BLOCK, id=ticket.device_id))
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
