"""Alerts to staff: who is told of them, and what he reads."""

from __future__ import annotations

from enlist.delivery.channels import Channel
from enlist.delivery.worker import Worker
from enlist.store import sms
from enlist.verbs.alert_kinds import ALERT_KINDS
from enlist.verbs.alert_routes import SetAlertRoutes
from enlist.verbs.alert_tests import AlertTest, ShowAlertTest, TestAlerts
from enlist.verbs.webhooks import AddWebhook
from tests.behaviour.alerting import World, guessed, world
from tests.delivery.world import PUBLIC_URL, channel_to
from tests.installation import ADMINISTRATOR, code, refusal
from tests.peers.base import free_port
from tests.peers.smtp import MailServer

__all__ = ["world"]


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
    return world.enlist.see(ShowAlertTest(test.id))


def test_a_test_without_any_way_says_so(world: World) -> None:
    object.__setattr__(world.enlist.driver.tools, "channels", frozenset())
    assert code(world.enlist.perform(TestAlerts())) == "no_channel"
    hook = AddWebhook("Pager", "https://hooks.example.com/", world.enlist.root.id, ("alert.*",))
    world.enlist.do(hook)
    made = world.enlist.do(TestAlerts())
    assert [(each.way, each.target) for each in made.tried] == [("webhook", "Pager")]
