"""Alerts to staff: each thing that is amiss is told once, to the right people, until it is well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from enlist.core.caller import SYSTEM, Caller
from enlist.core.events import KINDS
from enlist.core.lifecycle import DeviceState
from enlist.core.outcomes import Refusal
from enlist.core.secrets import Secret
from enlist.delivery.channels import Channel
from enlist.delivery.worker import Worker
from enlist.store import channel_health, sms
from enlist.store.alerts import Alert
from enlist.store.redemptions import DeviceReport
from enlist.store.tx import Tx
from enlist.store.webhooks import failing
from enlist.verbs.alert_kinds import ALERT_KINDS, refusals_marks
from enlist.verbs.alert_routes import RoutesAt, SetAlertRoutes, ShowAlertRoutes
from enlist.verbs.alert_tests import AlertTest, ShowAlertTest, TestAlerts
from enlist.verbs.alerts import ListAlerts, RaiseAlerts
from enlist.verbs.device_status import DeviceStatus
from enlist.verbs.reset import Reset
from enlist.verbs.sealing import Sealer
from enlist.verbs.sign_in import StartSignIn
from enlist.verbs.watching import OfMachine, WatchOver
from enlist.verbs.webhooks import AddWebhook, SwitchWebhook
from tests.behaviour.renewing import confirm, renewed
from tests.connections import enrolled
from tests.delivery.world import PUBLIC_URL, channel_to
from tests.installation import ADMINISTRATOR, PASSWORD, Enlist, code, done, refusal
from tests.peers.base import free_port
from tests.peers.smtp import MailServer


@dataclass
class World:
    """An installation whose log is sealed and whose alerts are raised when a test says so."""

    enlist: Enlist
    _sealer: Sealer = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self.enlist.driver.tools, "channels", frozenset({"email"}))
        self._sealer = Sealer(self.enlist.store)

    def look(self, *machine: OfMachine) -> None:
        """What the thread of a server does."""
        self.seal()
        while self.enlist.do(RaiseAlerts(), SYSTEM):
            pass
        self.enlist.do(WatchOver(machine), SYSTEM)

    def seal(self) -> None:
        while self._sealer.look().more:
            pass

    def alerts(self, caller: Caller | None = None, **filters: str) -> list[Alert]:
        found = self.enlist.driver.view(ListAlerts(filters=filters), caller or self.enlist.host)
        assert not isinstance(found, Refusal)
        return list(found.items)

    @property
    def open(self) -> list[str]:
        return [each.kind for each in self.alerts(state="open")]

    @property
    def told(self) -> list[str]:
        """To whom messages about alerts were queued, in order."""
        rows = self.enlist.rows("message", purpose="alert")
        return [row["recipient"] for row in rows]

    def away(self, channel: str = "email") -> None:
        """The channel is away, and was for six minutes."""
        self.enlist.store.write(lambda tx: channel_health.unreachable(tx, channel, "no answer"))
        self.enlist.clock.advance(minutes=6)

    def back(self, channel: str = "email") -> None:
        self.enlist.store.write(lambda tx: channel_health.well(tx, channel))

    def routes(self, caller: Caller | None = None, organization: str = "") -> RoutesAt:
        place = organization or self.enlist.root.id
        found = self.enlist.driver.view(ShowAlertRoutes(place), caller or self.enlist.host)
        assert not isinstance(found, Refusal)
        return found


@pytest.fixture
def world(enlist: Enlist) -> World:
    return World(enlist)


# --- what is amiss ---------------------------------------------------------------------------


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
    asks: list[Callable[[], object]] = [
        lambda driver=other.driver, verb=verb: driver.perform(verb, SYSTEM)  # type: ignore[misc]
        for other in others
        for verb in (RaiseAlerts(), WatchOver())
    ]
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


def guessed(world: World, user: str = "ada", times: int = 10) -> None:
    """Somebody tries passwords, as patiently as he has to."""
    if not world.enlist.rows("app_user", username=user):
        world.enlist.user(user)
    for _ in range(times):
        tried = StartSignIn(user, Secret("wrong"))
        assert code(world.enlist.perform(tried, world.enlist.stranger())) == "sign_in_failed"
        world.enlist.clock.advance(minutes=10)


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


# --- who is told -----------------------------------------------------------------------------


def test_the_administrators_of_the_organization_are_told_else_those_of_the_nearest_above(
    world: World,
) -> None:
    enlist = world.enlist
    enlist.organization("north")
    enlist.organization("south")
    enlist.staff("administrator", "north", username="nora")
    enlist.staff("operator", "north", username="olaf")
    enlist.user("ada", organization="north")
    enlist.user("bob", organization="south")
    guessed(world, "ada")
    world.look()
    assert world.told == ["nora@example.com"]
    guessed(world, "bob")
    world.look()
    assert sorted(world.told) == ["nora@example.com", ADMINISTRATOR]


def test_an_organization_says_who_is_told_and_of_what_and_those_below_inherit_it(
    world: World,
) -> None:
    enlist = world.enlist
    enlist.organization("north")
    enlist.organization("harbour", parent="north")
    enlist.staff("operator", "north", username="olaf")
    said = SetAlertRoutes(
        "north", ("operator",), ("Team@example.com", "olaf@example.com"), ("sms_cap_reached",)
    )
    enlist.do(said)
    found = world.routes(organization="harbour")
    assert found.inherited
    assert found.routes.source == "north"
    assert found.people == 2
    enlist.user("ada", organization="harbour")
    guessed(world, "ada")
    world.look()
    assert sorted(world.told) == ["Team@example.com", "olaf@example.com"]
    harbour = found.organization
    enlist.set("harbour", sms_per_day=1)
    assert enlist.store.write(lambda tx: sms.take(tx, harbour.id, 1))
    world.look()
    assert world.open == ["sign_in_guessed"]
    enlist.do(SetAlertRoutes("north", ("operator",), (), ("sign_in_guessed",)))
    world.look()
    assert world.open == ["sms_cap_reached"]  # what nobody wants to hear of is shown no more
    enlist.do(SetAlertRoutes("north", inherit=True))
    assert world.routes(organization="north").routes.source == "default"


def test_what_is_said_above_shows_nobodys_address_below(world: World) -> None:
    enlist = world.enlist
    enlist.organization("north")
    nora = enlist.staff("administrator", "north", username="nora")
    enlist.do(SetAlertRoutes("", (), ("boss@example.com",)))
    found = world.routes(nora, "north")
    assert (found.people, found.routes.addresses) == (1, ())
    made = enlist.do(TestAlerts("north"), nora)
    assert [(each.target, each.state) for each in made.tried] == [("", "waiting")]


def test_wrong_routes_are_refused_at_the_field(world: World) -> None:
    wrong = SetAlertRoutes("", ("king",), ("no address",), ("weather",))
    fields = {each.field for each in refusal(world.enlist.perform(wrong)).fields}
    assert fields == {"roles", "addresses.0", "switched_off"}
    assert world.routes().routes.source == "default"


def test_a_sibling_sees_no_alert_of_another(world: World) -> None:
    enlist = world.enlist
    for name in ("north", "south"):
        enlist.organization(name)
    north, south = (enlist.staff("administrator", name) for name in ("north", "south"))
    enlist.user("ada", organization="north")
    guessed(world, "ada")
    world.look()
    assert [each.kind for each in world.alerts(north)] == ["sign_in_guessed"]
    assert world.alerts(south) == []


# --- over SMTP -------------------------------------------------------------------------------


def deliver(world: World, channel: Channel) -> None:
    """What the outbox's worker does."""
    Worker(world.enlist.driver, {"email": channel}, PUBLIC_URL, poll=60).deliver_due()


def text_of(server: MailServer, count: int) -> list[str]:
    bodies = [each.message.get_body(("plain",)) for each in server.wait_for(count)]
    return [body.get_content() for body in bodies if body is not None]


def test_a_real_mail_server_fails_and_comes_back(world: World, smtp: MailServer) -> None:
    """While it is away the console shows it; the e-mail comes once it is back, and says so."""
    enlist = world.enlist
    nowhere = channel_to(MailServer(port=free_port()))
    test = enlist.do(TestAlerts())
    deliver(world, nowhere)
    enlist.clock.advance(minutes=6)
    deliver(world, nowhere)
    world.look()
    (alert,) = world.alerts(state="open")
    assert alert.kind == "email_failing"
    assert "cannot be reached" in alert.details
    assert [each.state for each in shown(world, test).tried] == ["waiting"]
    assert "cannot be reached" in shown(world, test).tried[0].reason
    enlist.clock.advance(minutes=10)
    channel = channel_to(smtp)
    deliver(world, channel)
    world.look()
    assert world.open == []
    assert shown(world, test).over
    tested, told = sorted(text_of(smtp, 2), key=lambda text: "Nothing is wrong" not in text)
    assert "Nothing is wrong" in tested
    assert "This is over: E-mail cannot be sent" in told  # or nobody could read it


def test_an_alert_is_written_in_the_readers_language_with_what_to_do(
    world: World, smtp: MailServer
) -> None:
    enlist = world.enlist
    ticket = enlist.register("ada")
    enlist.redeem(ticket.token, key=0)
    enlist.redeem(ticket.token, key=1)
    world.look()
    deliver(world, channel_to(smtp))
    (text,) = text_of(smtp, 1)
    kind = ALERT_KINDS["token_intercepted"]
    assert kind.title in text
    assert kind.remedy in text
    assert "laptop" in text
    (alert,) = world.alerts()
    assert f"{PUBLIC_URL}/console/main/events/{alert.event_id}" in " ".join(text.split())


def test_who_may_not_know_staff_is_written_no_name_of_staff(world: World, smtp: MailServer) -> None:
    """Of everybody else he is, as his list has it; an address alone may know nobody of staff."""
    enlist = world.enlist
    enlist.staff("helpdesk", username="helga")
    enlist.staff("operator", username="olaf")
    enlist.do(SetAlertRoutes("", ("administrator", "helpdesk"), ("team@example.com",)))

    def named(user: str) -> dict[str, bool]:
        """Who reads of him."""
        before = len(smtp.messages)
        guessed(world, user)
        world.look()
        deliver(world, channel_to(smtp))
        letters = smtp.wait_for(before + 3)[before:]
        bodies = {each.recipients[0]: each.message.get_body(("plain",)) for each in letters}
        return {to: body is not None and user in body.get_content() for to, body in bodies.items()}

    everybody = (ADMINISTRATOR, "helga@example.com", "team@example.com")
    assert named("ada") == dict.fromkeys(everybody, True)
    assert named("olaf") == {each: each == ADMINISTRATOR for each in everybody}
    assert named("helga") == {each: each != "team@example.com" for each in everybody}


def shown(world: World, test: AlertTest) -> AlertTest:
    found = world.enlist.driver.view(ShowAlertTest(test.id), world.enlist.host)
    assert not isinstance(found, Refusal)
    return found


def test_a_test_without_any_way_says_so(world: World) -> None:
    object.__setattr__(world.enlist.driver.tools, "channels", frozenset())
    assert code(world.enlist.perform(TestAlerts())) == "no_channel"
    hook = AddWebhook("Pager", "https://hooks.example.com/", world.enlist.root.id, ("alert.*",))
    world.enlist.do(hook)
    made = world.enlist.do(TestAlerts())
    assert [(each.way, each.target) for each in made.tried] == [("webhook", "Pager")]
