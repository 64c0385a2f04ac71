"""The checks of the campaigns find what they are for: every way to lose or to double something."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from enlist.settings import Settings
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.register import Register
from tests.faults.campaign import Ledger, Redeemed, check
from tests.installation import MAILED, Enlist, Ticket, done
from tests.store.raw import Raw, opened


class Honest:
    """A ledger, a database and a mailbox that agree."""

    def __init__(self, enlist: Enlist, raw: Raw) -> None:
        self.enlist = enlist
        self.raw = raw
        self.ledger = Ledger()
        self.tickets = [enlist.register("ada", name=f"laptop {n}") for n in range(3)]
        for number, ticket in enumerate(self.tickets):
            self.ledger.redeemed.append(self.redeemed(ticket, number))
            self.ledger.refused.append((ticket.token.reveal(), "token_used"))
        for number in range(2):
            verb = Register("", "ada", DeviceDetails(f"mailed {number}", "linux"), MAILED)
            self.ledger.registered.append(enlist.do(verb).device_id)
        raw.execute("UPDATE message SET state = 'sent'")
        self.received = {str(row["message_id"]).strip("<>") for row in enlist.rows("message")}

    def redeemed(self, ticket: Ticket, number: int) -> Redeemed:
        enrolled = done(self.enlist.redeem(ticket.token, key=number))
        (credential,) = self.enlist.credentials_of(enrolled.device_id)
        serial = int(credential.serial, 16)
        return Redeemed(ticket.token.reveal(), number, enrolled.device_id, serial)

    def check(self) -> None:
        tokens = {each.token.reveal(): each.enrollment_id for each in self.tickets}
        check(self.ledger, self.enlist, self.received, tokens)

    def without_guard(self, statement: str) -> None:
        """What only whoever owns the database can do to the log."""
        for trigger in ("event_no_update", "event_no_delete"):
            self.raw.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        self.raw.execute(statement)


def _told_another(honest: Honest) -> None:
    honest.ledger.redeemed.append(replace(honest.ledger.redeemed[0], client=7))


def _two_certificates(honest: Honest) -> None:
    honest.ledger.redeemed.append(replace(honest.ledger.redeemed[0], serial=1))


def _never_told(honest: Honest) -> None:
    del honest.ledger.redeemed[0]


def _forgotten(honest: Honest) -> None:
    honest.raw.execute("UPDATE enrollment SET state = 'active', uses = 0 WHERE uses = 1")


def _used_twice(honest: Honest) -> None:
    honest.raw.execute("UPDATE enrollment SET uses = 2, max_uses = 2 WHERE uses = 1")


def _refused_wrongly(honest: Honest) -> None:
    honest.ledger.refused.append((honest.ledger.redeemed[0].token, "token_invalid"))


FAULTS: dict[str, tuple[Callable[[Honest], object], str]] = {
    "two winners": (_told_another, "two clients"),
    "two certificates": (_two_certificates, "two clients"),
    "no winner": (_never_told, "nobody could use"),
    "another refusal": (_refused_wrongly, "another reason"),
    "a use forgotten": (_forgotten, "answered enrollment is missing"),
    "a use doubled": (_used_twice, "answered enrollment is missing"),
    "a device as it was": (
        lambda h: h.raw.execute("UPDATE device SET state = 'registered'"),
        "answered enrollment is missing",
    ),
    "a certificate lost": (lambda h: h.raw.execute("DELETE FROM credential"), "certificate"),
    "an event lost": (
        lambda h: h.without_guard("DELETE FROM event WHERE kind = 'enrollment.redeemed'"),
        "event for one use",
    ),
    "a use of nobody's": (
        lambda h: h.enlist.redeem(h.enlist.register("ada", name="more").token, key=3),
        "differ",
    ),
    "a registration lost": (
        lambda h: h.ledger.registered.append("no such device"),
        "answered registration is missing",
    ),
    "a registration without an event": (
        lambda h: h.without_guard("DELETE FROM event WHERE kind = 'device.registered'"),
        "event for one registration",
    ),
    "a registration answered twice": (
        lambda h: h.ledger.registered.append(h.ledger.registered[0]),
        "answered twice",
    ),
    "a message lost": (lambda h: h.raw.execute("DELETE FROM message"), "message was lost"),
    "a message never sent": (
        lambda h: h.raw.execute("UPDATE message SET state = 'queued'"),
        "never sent",
    ),
    "a message on its way": (lambda h: h.received.pop(), "on its way"),
    "a message of nobody's": (lambda h: h.ledger.registered.pop(), "nobody was told of"),
}


@pytest.fixture
def store_kind() -> str:
    """The checks read the same rows on both stores."""
    return "sqlite"


@pytest.fixture
def honest(enlist: Enlist, settings: Settings) -> Iterator[Honest]:
    with opened(settings) as raw:
        yield Honest(enlist, raw)


def test_what_agrees_passes(honest: Honest) -> None:
    honest.check()


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(honest: Honest, name: str) -> None:
    plant, says = FAULTS[name]
    plant(honest)
    with pytest.raises(AssertionError, match=says):
        honest.check()
