"""Where SMS gateways report: strangers are told nothing, and nobody changes what he may not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlencode

import pytest
from starlette.testclient import TestClient

from enlist.core.caller import SYSTEM
from enlist.core.ids import new_id
from enlist.core.model import Message
from enlist.core.secrets import KeyRing, Secret, new_key
from enlist.delivery.channels.sms import Gateway, Incoming
from enlist.delivery.channels.sms_http import HttpGateway
from enlist.delivery.channels.sms_twilio import TwilioGateway
from enlist.settings import Settings, Sms
from enlist.store import outbox
from enlist.store.outbox import Handed
from enlist.verbs.deliver import Claim
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.issuing import Delivery
from enlist.verbs.register import Register
from enlist.verbs.report_keys import handle, is_key
from enlist.verbs.users import AddUser
from enlist.web.app import web_application
from enlist.web.services import Services
from tests.installation import Enlist
from tests.web.bells import stopping

TWILIO = TwilioGateway("AC1", Secret("the-token"), "Enlist")
HTTP = HttpGateway("https://sms.example.com/?{Text}", report_reason="why")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    gateway = Sms(driver="http", url="https://sms.example.com/?to={To}&text={Text}")
    return settings.model_copy(update={"sms": gateway})


@dataclass
class Site:
    """A message that a gateway has taken, or is just being given, and where it reports."""

    enlist: Enlist
    message_id: str

    @property
    def path(self) -> str:
        return f"/sms/reports/{handle(self.enlist.driver.tools.keys, self.message_id)}"

    @property
    def message(self) -> Message:
        found = self.enlist.store.read(lambda tx: outbox.find(tx, self.message_id))
        assert found is not None
        return found

    def client(self, gateway: Gateway | None = HTTP) -> TestClient:
        services = Services(
            driver=self.enlist.driver,
            store=self.enlist.store,
            bell=stopping(),
            version="test",
            sms_gateway=gateway,
        )
        return TestClient(web_application(services), services.public_url)

    def sent(self) -> None:
        self.enlist.store.write(lambda tx: outbox.sent(tx, [Handed(self.message_id, 1, "g1")]))

    def events(self, kind: str) -> int:
        return len(self.enlist.events(kind))


@pytest.fixture
def site(enlist: Enlist) -> Site:
    enlist.do(AddUser(enlist.root.id, "ada", phone="+4930123456"))
    issued = enlist.do(Register("", "ada", DeviceDetails("laptop", "linux"), Delivery("sms")))
    assert issued.message_id is not None
    enlist.do(Claim((issued.message_id,)), SYSTEM)
    return Site(enlist, issued.message_id)


@pytest.mark.parametrize("method", ["GET", "POST", "JSON"])
def test_a_report_becomes_the_message_s_state_once(site: Site, method: str) -> None:
    site.sent()
    client = site.client()
    for status in ("8", "1", "1", "2"):
        if method == "GET":
            answer = client.get(f"{site.path}&status={status}")
        elif method == "POST":
            answer = client.post(site.path, data={"status": status})
        else:
            answer = client.post(site.path, json={"status": int(status)})
        assert (answer.status_code, answer.content) == (200, b"")
    assert (site.message.state, site.message.delivered_at) == ("delivered", site.enlist.clock.now)
    assert (site.events("message.delivered"), site.events("message.failed")) == (1, 0)


def test_a_report_may_come_before_the_answer_that_took_the_message(site: Site) -> None:
    site.client().get(f"{site.path}&status=1")
    site.sent()
    assert (site.message.state, site.message.sent_at is None) == ("delivered", False)


def test_what_was_not_delivered_says_why_and_may_still_arrive(site: Site) -> None:
    site.sent()
    client = site.client()
    client.get(f"{site.path}&status=Undelivered&why=%0aabsent+subscriber")
    assert site.message.state == "failed"
    assert "(undelivered: absent subscriber)" in site.message.reason
    (event,) = site.enlist.events("message.failed")
    assert "absent subscriber" in event.personal["reason"]
    client.get(f"{site.path}&status=1")
    assert (site.message.state, site.message.reason) == ("delivered", "")


def test_what_was_never_tried_cannot_be_reported_of(site: Site) -> None:
    message_id = site.enlist.do(
        Register("", "ada", DeviceDetails("phone", "ios"), Delivery("sms"))
    ).message_id
    unsent = Site(site.enlist, message_id or "")
    assert unsent.client().get(f"{unsent.path}&status=1").status_code == 200
    assert unsent.message.state == "queued"


def test_strangers_are_told_what_any_unknown_address_tells(site: Site) -> None:
    site.sent()
    before = site.enlist.rows("event")
    unknown = new_id(site.enlist.clock.now)
    good = site.path
    key = good.partition("key=")[2]
    wrong = [
        good.partition("?")[0],
        good[:-1],
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        good.replace("key=", "key=%00"),
        f"/sms/reports/{unknown}?key={key}",
        f"/sms/reports/{site.message_id.upper()}?key={key}",
        f"/sms/reports/x?key={key}",
        "/sms/reports/?key=",
        "/sms/nothing",
    ]
    client = site.client()
    told = set()
    for path in wrong:
        for answer in (client.get(path), client.post(path, data={"status": "1"})):
            body = answer.json()
            body.pop("support_code")
            told.add((answer.status_code, str(body)))
    silent = site.client(None).get(good + "&status=1")
    assert silent.status_code == 404
    assert {status for status, _ in told} == {404}
    assert len(told) == 1
    assert site.message.state == "sent"
    assert site.enlist.rows("event") == before


def test_looking_at_the_head_alone_changes_nothing(site: Site) -> None:
    site.sent()
    assert site.client().head(f"{site.path}&status=1").status_code == 200
    assert site.message.state == "sent"


def test_nonsense_is_heard_and_changes_nothing(site: Site) -> None:
    site.sent()
    client = site.client()
    json = {"content-type": "application/json"}
    for body in (b"[1]", b"{", b"\xff", b"[" * 9000, b'{"status": "\\ud800"}', b'{"status": []}'):
        assert client.post(site.path, content=body, headers=json).status_code == 200
    assert client.post(site.path, data={f"f{n}": "1" for n in range(200)}).status_code == 200
    assert client.get(f"{site.path}&status=%00%ff").status_code == 200
    assert site.message.state == "sent"
    assert client.post(site.path, content=b"x" * 70_000).status_code == 413


def test_twilio_s_reports_need_its_signature(site: Site) -> None:
    site.sent()
    client = site.client(TWILIO)
    form = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+4930123456"}
    url = site.enlist.driver.tools.addresses.public_url + site.path
    headers = {"content-type": "application/x-www-form-urlencoded"}

    def post(signature: str, given: dict[str, str] = form) -> int:
        signed = {**headers, "x-twilio-signature": signature}
        return client.post(site.path, content=urlencode(given), headers=signed).status_code

    right = TWILIO.signature(Incoming(url, posted=tuple(form.items())))
    other = replace(TWILIO, token=Secret("another"))
    wrong = other.signature(Incoming(url, posted=tuple(form.items())))
    assert [post(each) for each in ("", wrong, right[:-1])] == [404] * 3
    assert post(right, {**form, "MessageStatus": "failed"}) == 404
    assert client.get(f"{site.path}&MessageStatus=delivered").status_code == 404
    assert site.message.state == "sent"
    assert post(right) == 200
    assert site.message.state == "delivered"


def test_twilio_s_signature_is_the_one_of_its_documentation() -> None:
    """The vector of Twilio's own libraries, with a query."""
    posted = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    gateway = TwilioGateway("AC1", Secret("12345"), "Enlist")
    incoming = Incoming("https://mycompany.com/myapp.php?foo=1&bar=2", posted=tuple(posted.items()))
    assert gateway.signature(incoming) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


@pytest.mark.parametrize(
    ("status", "says"), [("undelivered", "error 30003"), ("failed", "error 30003"), ("sent", None)]
)
def test_what_twilio_says_became_of_a_message(status: str, says: str | None) -> None:
    posted = (("MessageStatus", status), ("ErrorCode", "30003"))
    unsigned = Incoming("https://e.example/r", posted=posted)
    found = TWILIO.report(replace(unsigned, signature=TWILIO.signature(unsigned)))
    assert (found and says and says in found.reason) or (found, says) == (None, None)


def test_a_key_outlives_a_rotation() -> None:
    old, new = new_key(1), new_key(2)
    message_id = new_id(1)
    key = handle(KeyRing((old,), (old,)), message_id).partition("key=")[2]
    assert is_key(KeyRing((new, old), (new,)), message_id, key)
    assert not is_key(KeyRing((new,), (new,)), message_id, key)
