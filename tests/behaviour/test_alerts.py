"""Alerts to staff: each thing that is amiss is told once, until it is well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from enlist.core.caller import SYSTEM
from enlist.core.events import KINDS
from enlist.core.lifecycle import DeviceState
from enlist.core.outcomes import Refusal
from enlist.core.secrets import Secret
from enlist.store import channel_health, sms
from enlist.store.redemptions import DeviceReport
from enlist.store.tx import Tx
from enlist.store.webhooks import failing
from enlist.verbs.alert_kinds import ALERT_KINDS, refusals_marks
from enlist.verbs.alerts import RaiseAlerts
from enlist.verbs.device_status import DeviceStatus
from enlist.verbs.reset import Reset
from enlist.verbs.sign_in import StartSignIn
from enlist.verbs.watching import OfMachine, WatchOver
from enlist.verbs.webhooks import AddWebhook, SwitchWebhook
from tests.behaviour.alerting import World, guessed, world
from tests.behaviour.renewing import confirm, renewed
from tests.connections import enrolled
from tests.installation import ADMINISTRATOR, PASSWORD, code, done

__all__ = ["world"]


def test_a_mail_server_that_is_away_is_told_once_and_again_only_after_it_was_well(
    world: World,
) -> None:
    clock = world.enlist.clock
    world.enlist.store.write(lambda tx: channel_health.unreachable(tx, "email", "no answer"))
    world.look()
    assert world.open == []  # servers restart
    clock.advance(minutes=6)
    for _ in range(3):
        world.look()
    (alert,) = world.alerts(state="open")
    assert (alert.kind, alert.details, alert.group_id) == ("email_failing", "no answer", "main")
    assert world.told == [ADMINISTRATOR]
    world.back()
    world.look()
    assert world.open == []
    assert [each.state for each in world.alerts()] == ["closed"]
    world.away()  # too soon: it goes to and fro
    world.look()
    assert world.open == ["email_failing"]
    assert world.told == [ADMINISTRATOR]
    world.back()
    world.look()
    clock.advance(hours=2)
    world.away()
    world.look()
    assert world.told == [ADMINISTRATOR] * 2
    kinds = [e.kind for e in world.enlist.events() if e.kind.startswith("alert.")]
    assert kinds == [
        "alert.opened",
        "alert.closed",
        "alert.reopened",
        "alert.closed",
        "alert.opened",
    ]


def test_two_processes_tell_once(world: World) -> None:
    others = [world.enlist, *(world.enlist.again() for _ in range(3))]
    for other in others:
        object.__setattr__(other.driver.tools, "channels", frozenset({"email"}))
    guessed(world)
    world.away()
    world.seal()
    asks: list[Callable[[], object]] = []
    for other in others:
        asks.append(partial(other.driver.perform, RaiseAlerts(), SYSTEM))
        asks.append(partial(other.driver.perform, WatchOver(), SYSTEM))
    world.enlist.together(asks)
    world.look()
    assert sorted(world.open) == ["email_failing", "sign_in_guessed"]
    assert world.told == [ADMINISTRATOR] * 2
    opened = [e for e in world.enlist.events() if e.kind == "alert.opened"]
    assert len(opened) == 2


def test_who_comes_second_leaves_the_rest_of_the_log_to_the_first(world: World) -> None:
    verb, driver = RaiseAlerts(), world.enlist.driver
    world.seal()
    seen = world.enlist.store.read(lambda tx: verb.look(driver.tools, tx, SYSTEM))
    assert not isinstance(seen, Refusal)
    there_is_more = replace(seen, stretch=replace(seen.stretch, more=True))

    def ends(tx: Tx) -> bool:
        done = verb.apply(tx, SYSTEM, there_is_more)
        assert not isinstance(done, Refusal)
        return done.value

    assert [world.enlist.store.write(ends) for _ in range(2)] == [True, False]


def test_refusals_that_raise_nothing_are_passed_over_where_they_are(world: World) -> None:
    """Strangers can make thousands a second; each was brought here, only to be thrown away."""
    ticket = world.enlist.register("ada")
    for key in (0, 1):
        world.enlist.redeem(ticket.token, key=key)
    for letter in "bcdfg":
        assert code(world.enlist.redeem(10 * letter)) == "token_invalid"
    world.seal()
    verb, tools = RaiseAlerts(), world.enlist.driver.tools
    seen = world.enlist.store.read(lambda tx: verb.look(tools, tx, SYSTEM))
    assert not isinstance(seen, Refusal)
    refusals = [e.event for e in seen.stretch.items if e.event.kind.endswith(".refused")]
    assert [event.data["flag"] for event in refusals] == ["possible_interception"]
    assert sum(event.kind.endswith(".refused") for event in world.enlist.events()) == 6
    assert len(world.enlist.events()) == seen.stretch.last + 1


def test_every_sign_among_refusals_has_a_mark() -> None:
    refusals = {kind for kind in KINDS if kind.endswith(".refused")}
    for kind in ALERT_KINDS.values():
        for sign in (*kind.raises, *kind.closes):
            assert refusals.isdisjoint(sign.kinds) or set(sign.marks) & set(refusals_marks())


def test_five_refusals_in_a_row_are_the_servers_and_one_that_is_taken_ends_it(
    world: World,
) -> None:
    def refuse() -> None:
        world.enlist.store.write(lambda tx: channel_health.refused(tx, "sms", "no such sender"))

    for _ in range(4):
        refuse()
    world.look()
    assert world.open == []
    refuse()
    world.look()
    assert world.open == ["sms_failing"]
    world.back("sms")
    world.look()
    assert world.open == []


def test_a_cap_that_is_reached_is_told_until_midnight(world: World) -> None:
    branch = world.enlist.organization("berlin", sms_per_day=2)
    for _ in range(2):
        assert world.enlist.store.write(lambda tx: sms.take(tx, branch.id, 2))
    world.look()
    (alert,) = world.alerts(state="open")
    assert (alert.kind, alert.group_id, alert.details) == ("sms_cap_reached", "berlin", "2 of 2")
    world.enlist.clock.advance(hours=13)
    world.look()
    assert world.open == []


def test_a_webhook_of_which_nothing_is_taken_is_told_but_not_one_stopped_by_hand(
    world: World,
) -> None:
    enlist = world.enlist
    made = enlist.do(AddWebhook("Inventory", "https://hooks.example.com/", enlist.root.id)).hook
    enlist.store.write(lambda tx: failing(tx, made.id, 1, 0))
    world.look()
    assert world.open == []
    enlist.clock.advance(hours=2)
    world.look()
    (alert,) = world.alerts(state="open")
    assert (alert.kind, alert.details) == ("webhook_failing", "Inventory")
    enlist.do(SwitchWebhook(made.id, on=False))
    world.look()
    assert world.open == []


def test_a_machine_judges_its_own_certificates_alone(world: World) -> None:
    world.look(OfMachine("web-certificate one", "it ends in 3 days"))
    world.look(OfMachine("web-certificate two", ""))
    assert world.open == ["certificate_expiring"]
    world.look(OfMachine("web-certificate one", ""))
    assert world.open == []
    world.look(OfMachine("web-certificate one", "it ends in 3 days"))
    world.enlist.clock.advance(hours=49)  # the machine is gone
    world.look()
    assert world.open == []


def test_ten_wrong_passwords_are_told_and_the_users_own_sign_in_ends_it(world: World) -> None:
    guessed(world, times=9)
    world.look()
    assert world.open == []
    guessed(world, times=1)
    world.look()
    (alert,) = world.alerts(state="open")
    assert (alert.kind, alert.username, alert.times) == ("sign_in_guessed", "ada", 10)
    world.enlist.clock.advance(hours=1)
    right = StartSignIn("ada", Secret(PASSWORD))
    world.enlist.do(right, world.enlist.stranger())
    world.look()
    assert world.open == []
    guessed(world, times=9)  # counted from the beginning
    world.look()
    assert world.open == []


def test_wrong_passwords_a_day_apart_are_no_lock_out(world: World) -> None:
    guessed(world, times=9)
    world.enlist.clock.advance(hours=25)
    guessed(world, times=1)
    world.look()
    assert world.open == []


def test_ten_wrong_logins_on_a_token_are_told(world: World) -> None:
    world.enlist.set(enrollment_mode="registered_only", token_type="two_factor")
    ticket = world.enlist.register("ada")
    for _ in range(10):
        world.enlist.redeem(ticket.token, login=("ada", "wrong"))
    world.look()
    assert "token_guessed" in world.open


def test_an_intercepted_token_is_told_until_the_device_is_reset(world: World) -> None:
    ticket = world.enlist.register("ada")
    assert code(world.enlist.redeem(ticket.token, key=0)) == "done"
    for key in (1, 2):
        assert code(world.enlist.redeem(ticket.token, key=key)) == "token_used"
    world.look()
    (alert,) = world.alerts(state="open")
    assert (alert.kind, alert.device_name, alert.times) == ("token_intercepted", "laptop", 2)
    assert world.told == [ADMINISTRATOR]
    world.enlist.do(Reset(ticket.device_id))
    world.look()
    assert world.open == []


def test_a_copied_key_is_told_until_the_device_is_reset(world: World) -> None:
    device = enrolled(world.enlist)
    assert confirm(world.enlist, device, renewed(world.enlist, device)) == "done"
    shown = DeviceStatus(device.device_id, device.serial)
    assert code(world.enlist.perform(shown, device.caller)) == "credential_revoked"
    world.look()
    assert world.open == ["key_copied"]
    world.enlist.do(Reset(device.device_id))
    world.look()
    assert world.open == []


def test_what_was_quiet_for_long_enough_is_over(world: World) -> None:
    ticket = world.enlist.register("ada")
    world.enlist.redeem(ticket.token, key=0)
    world.enlist.redeem(ticket.token, key=1)
    world.look()
    assert world.open == ["token_intercepted"]
    world.enlist.clock.advance(hours=24 * 7 + 1)
    world.look()
    assert world.open == []


def test_a_device_that_was_taken_out_and_comes_back_is_told(world: World) -> None:
    world.enlist.user("ada")
    ada, report = ("ada", PASSWORD), DeviceReport(platform="linux", serial="PF-1234")
    mine = done(world.enlist.redeem(login=ada, group_id="main", report=report))
    world.enlist.put_device(mine.device_id, DeviceState.UNENROLLED)
    again = world.enlist.redeem(login=ada, group_id="main", report=report, key=1)
    assert code(again) == "device_revoked"
    world.look()
    (alert,) = world.alerts(state="open")
    assert (alert.kind, alert.username) == ("revoked_device_returned", "ada")
