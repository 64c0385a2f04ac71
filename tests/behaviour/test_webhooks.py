"""Webhooks: events are posted signed and at least once, and a receiver in trouble harms nobody."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from enlist.core import targets
from enlist.core.caller import SYSTEM
from enlist.core.outcomes import Refusal
from enlist.delivery.guard import Guard
from enlist.delivery.webhook import Poster
from enlist.store.webhooks import HookDelivery
from enlist.verbs.devices import DeleteDevice
from enlist.verbs.expiring import TellExpired
from enlist.verbs.sealing import Sealer
from enlist.verbs.webhooks import (
    AddWebhook,
    DeleteWebhook,
    HookMade,
    ListDeliveries,
    ListWebhooks,
    RenewWebhookSecret,
    ReplayDelivery,
    SwitchWebhook,
    TestWebhook,
)
from enlist.wiring.webhooks import WebhooksThread
from tests.installation import Enlist, done


@dataclass
class Receiver:
    """Somebody's server; `answers` is what it says to the next posts, then 204."""

    port: int = 0
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?key=secret-of-theirs"

    @property
    def kinds(self) -> list[str]:
        return [json.loads(body)["type"] for _, body in self.heard]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            found.heard.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(found.answers.pop(0) if found.answers else 204)
            self.send_header("location", "http://127.0.0.1:1/")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class World:
    """An installation that may post to the receiver, and whoever posts."""

    enlist: Enlist
    receiver: Receiver

    def __post_init__(self) -> None:
        self.allowed = frozenset({f"127.0.0.1:{self.receiver.port}"})
        object.__setattr__(self.enlist.driver.tools, "outbound_allowed", self.allowed)
        self._sealer = Sealer(self.enlist.store)
        self._thread = WebhooksThread(self.enlist.driver, self.allowed)
        self.seal()

    def seal(self) -> None:
        while self._sealer.look().more:
            pass

    def add(self, *kinds: str, organization: str = "") -> HookMade:
        return self.enlist.do(
            AddWebhook("Inventory", self.receiver.url, organization or self.enlist.root.id, kinds)
        )

    def post(self) -> list[str]:
        """Seal and post what is due; the kinds that were heard meanwhile."""
        before = len(self.receiver.heard)
        self.seal()
        while self._thread.look():
            pass
        return self.receiver.kinds[before:]

    def log(self, made: HookMade) -> tuple[HookDelivery, ...]:
        found = self.enlist.driver.view(
            ListDeliveries(filters={"webhook": made.hook.id}), self.enlist.host
        )
        assert not isinstance(found, Refusal)
        return found.items

    def state(self) -> tuple[str, str]:
        found = self.enlist.driver.view(ListWebhooks(), self.enlist.host)
        assert not isinstance(found, Refusal)
        return found.items[0].state, found.items[0].reason


@pytest.fixture
def world(enlist: Enlist, receiver: Receiver) -> World:
    return World(enlist, receiver)


def signature(made: HookMade, headers: dict[str, str], body: bytes) -> str:
    """As the receiver's library computes it, from the secret that was shown."""
    key = b64decode(made.secret.reveal().removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    return f"v1,{b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"


def test_an_enrollments_life_is_posted_signed_and_without_its_token(world: World) -> None:
    made = world.add("enrollment.*", "device.*")
    ticket = world.enlist.register("grace")
    done(world.enlist.redeem(ticket.token))
    assert world.post() == ["device.registered", "enrollment.revealed", "enrollment.redeemed"]
    for headers, body in world.receiver.heard:
        assert headers["webhook-signature"] == signature(made, headers, body)
        told = json.loads(body)
        assert headers["webhook-id"] == f"evt_{told['data']['id']}"
        assert told["data"]["version"] == 1
        assert ticket.token.reveal().encode() not in body
        assert b"grace" not in body, "names and addresses of people stay here"
    assert [each.state for each in world.log(made)] == ["delivered"] * 3
    assert world.post() == []


def test_one_that_names_nothing_is_told_of_each_stage_once(world: World) -> None:
    world.add()
    used, lost = world.enlist.register("ada"), world.enlist.register("grace")
    done(world.enlist.redeem(used.token))
    world.enlist.clock.advance(hours=24)
    world.enlist.do(TellExpired(), SYSTEM)
    world.enlist.reissue(lost.enrollment_id)
    world.enlist.do(DeleteDevice(lost.device_id))
    world.post()
    told = [json.loads(body)["data"] for _, body in world.receiver.heard]
    stages: dict[str, list[str]] = {each: [] for each in (used.enrollment_id, lost.enrollment_id)}
    for each in told:
        stages[each["enrollment_id"]].append(each["stage"])
    assert stages == {
        used.enrollment_id: ["issued", "used"],
        lost.enrollment_id: ["issued", "expired", "superseded", "revoked"],
    }


def test_a_stage_is_not_every_event_of_the_kinds_that_may_mark_it(world: World) -> None:
    """A revocation is one of two stages; the answer to a reset is told to nobody who asks so."""
    world.add("superseded")
    ticket, other = world.enlist.register("ada"), world.enlist.register("grace")
    done(world.enlist.revoke(ticket.enrollment_id))
    assert world.post() == []
    world.enlist.reissue(other.enrollment_id)
    assert world.post() == ["enrollment.reissued"]


def test_what_is_not_taken_is_posted_again_under_the_same_id(world: World) -> None:
    made = world.add("device.registered")
    world.receiver.answers = [500, 302]
    world.enlist.register("ada")
    assert len(world.post()) == 1
    assert world.post() == [], "not before its time"
    (waiting,) = world.log(made)
    assert (waiting.state, waiting.status, waiting.tries) == ("waiting", 500, 1)
    for seconds in (10, 20):
        world.enlist.clock.advance(seconds=seconds)
        assert len(world.post()) == 1
    assert len({headers["webhook-id"] for headers, _ in world.receiver.heard}) == 1
    assert len({headers["webhook-timestamp"] for headers, _ in world.receiver.heard}) == 3
    (taken,) = world.log(made)
    assert (taken.state, taken.status, taken.tries) == ("delivered", 204, 3)


def test_a_message_that_is_refused_holds_up_no_other(world: World) -> None:
    made = world.add("device.registered")
    world.receiver.answers = [422]
    world.enlist.register("ada")
    world.enlist.register("grace")
    assert len(world.post()) == 2
    assert sorted(each.state for each in world.log(made)) == ["delivered", "waiting"]


def test_what_happened_while_nobody_posted_is_made_up_for(world: World) -> None:
    world.add("device.registered")
    for number in range(30):
        world.enlist.register("ada", name=f"laptop-{number}")
    assert len(world.post()) == 30


def test_two_processes_post_each_once(world: World) -> None:
    world.add("device.registered")
    for number in range(10):
        world.enlist.register("ada", name=f"laptop-{number}")
    world.seal()
    threads = [WebhooksThread(world.enlist.driver, world.allowed) for _ in range(2)]
    world.enlist.together([thread.look for thread in threads])
    while threads[0].look():
        pass
    ids = [headers["webhook-id"] for headers, _ in world.receiver.heard]
    assert len(ids) == len(set(ids)) == 10


def test_each_hears_of_his_organization_and_below(world: World) -> None:
    world.enlist.organization("north")
    world.enlist.organization("south")
    world.add("device.registered", organization="north")
    world.enlist.user("ada", organization="north")
    world.enlist.user("grace", organization="south")
    north = world.enlist.register("ada").device_id
    world.enlist.register("grace")
    assert world.post() == ["device.registered"]
    assert json.loads(world.receiver.heard[0][1])["data"]["device_id"] == north


def test_a_receiver_who_is_gone_is_stopped_and_goes_on_where_he_was(world: World) -> None:
    made = world.add("device.registered")
    world.receiver.answers = [503] * 200
    world.enlist.register("ada")
    for _ in range(80):
        world.post()
        world.enlist.clock.advance(hours=1)
    assert world.state()[0] == "disabled"
    stopped = [each for each in world.enlist.events() if each.kind == "webhook.disabled"]
    assert len(stopped) == 1
    world.receiver.answers = []
    world.enlist.register("grace")
    assert world.post() == []
    assert isinstance(world.enlist.perform(TestWebhook(made.hook.id)), Refusal)
    world.enlist.do(SwitchWebhook(made.hook.id, on=True))
    assert world.post() == ["device.registered"] * 2
    assert {each.state for each in world.log(made)} == {"delivered"}


def test_what_is_given_up_can_be_posted_again(world: World) -> None:
    made = world.add("device.registered")
    world.receiver.answers = [422] * 32
    world.enlist.register("ada")
    for _ in range(40):
        world.post()
        world.enlist.clock.advance(hours=1)
    (failed,) = world.log(made)
    assert (failed.state, failed.status, failed.tries) == ("failed", 422, 32)
    world.enlist.do(ReplayDelivery(made.hook.id, failed.id))
    assert world.post() == ["device.registered"]
    assert [each.state for each in world.log(made)] == ["delivered"]


def test_410_says_that_he_wants_no_more(world: World) -> None:
    world.add("device.registered")
    world.receiver.answers = [410]
    world.enlist.register("ada")
    world.post()
    assert world.state() == ("disabled", "the receiver wants no more")


def test_a_test_is_posted_whatever_the_kinds_are(world: World) -> None:
    made = world.add("device.reset")
    world.enlist.do(TestWebhook(made.hook.id))
    assert world.post() == ["webhook.tested"]
    renewed = world.enlist.do(RenewWebhookSecret(made.hook.id))
    assert renewed.secret != made.secret
    world.enlist.do(TestWebhook(made.hook.id))
    world.post()
    headers, body = world.receiver.heard[-1]
    assert headers["webhook-signature"] == signature(renewed, headers, body)
    world.enlist.do(DeleteWebhook(made.hook.id))
    assert world.enlist.perform(TestWebhook(made.hook.id)) is not None
    assert world.log(made) == ()


def test_secrets_of_theirs_and_ours_are_in_no_event(world: World) -> None:
    made = world.add("*")
    for event in world.enlist.events():
        assert "secret-of-theirs" not in event.entry
        assert made.secret.reveal() not in event.entry


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://10.1.2.3/",
        "https://169.254.169.254/latest/meta-data",
        "https://localhost/",
        "https://user:password@hooks.example.com/",
        "https://hooks.example.com/#part",
        "ftp://hooks.example.com/",
        "https://",
        "https://hooks.example.com:0/",
        "https://hooks .example.com/",
    ],
)
def test_addresses_that_lead_inside_are_refused(url: str) -> None:
    assert targets.problem(url, ()) is not None


def test_an_address_of_the_internet_or_one_that_the_operator_allows_is_taken() -> None:
    assert targets.problem("https://hooks.example.com/enlist?key=1", ()) is None
    assert targets.problem("http://10.1.2.3:8080/", {"10.1.2.3:8080"}) is None
    assert targets.problem("http://10.1.2.3:8081/", {"10.1.2.3:8080"}) is not None


def test_a_name_that_leads_inside_is_not_connected_to(receiver: Receiver) -> None:
    """As the name of a server does that answers otherwise once its address was looked at (S59)."""
    url = f"http://localhost:{receiver.port}/"
    said = Poster(Guard(())).post(url, b"k" * 32, "evt_1", b"{}", 0)
    assert said.status is None
    assert "private address" in said.answer
    allowed = Poster(Guard([f"localhost:{receiver.port}"]))
    assert allowed.post(url, b"k" * 32, "evt_1", b"{}", 0).status == 204
    allowed.close()
    assert len(receiver.heard) == 1
