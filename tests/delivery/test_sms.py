"""SMS through gateways that really answer: what they are asked, and what their answers mean."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import pytest
from structlog.testing import capture_logs

from enlist.core.clock import SECOND
from enlist.core.secrets import Secret
from enlist.core.sms import size
from enlist.delivery.channels import Outgoing
from enlist.delivery.channels.sms import Gateway as Driver
from enlist.delivery.channels.sms import SmsChannel, Unusable
from enlist.delivery.channels.sms_http import HttpGateway
from enlist.delivery.channels.sms_twilio import TwilioGateway
from enlist.delivery.rendering import Rendered, render, render_preview
from enlist.settings import Settings, Sms
from enlist.verbs.deliver import MOST_TRIES
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.issuing import Delivery, Issued
from enlist.verbs.register import Register
from enlist.verbs.users import AddUser
from enlist.verbs.verdicts import Accepted, Rejected, Retry, Verdict
from enlist.wiring.delivery import sms_channel
from enlist.wiring.installation import CannotStart
from tests.delivery.conftest import TOKEN, LetterMaker
from tests.delivery.gateways import Gateway, gateway
from tests.delivery.world import LINK, PUBLIC_URL, Outbox, Recorder
from tests.peers.base import free_port
from tests.peers.pki import Pki
from tests.wiring.doctoring import site

PHONE = "+4930123456"
KANNEL = "/cgi-bin/sendsms?username={User}&password={Password}&to={To}&text={Text}&coding={Coding}"
SECRET = "s3cr&t/pass"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With an SMS gateway; each test brings its own instead."""
    gateway = Sms(driver="http", url="https://sms.example.com/?to={To}&text={Text}")
    return settings.model_copy(update={"sms": gateway})


@pytest.fixture
def peer() -> Iterator[Gateway]:
    with gateway() as listening:
        yield listening


@pytest.fixture
def text(outgoing: Outgoing) -> Outgoing:
    """An SMS ready to go."""
    url = "https://enroll.example.com/sms/reports/0199?key=abc"
    return replace(outgoing, recipient=PHONE, subject="", html="", report_url=url)


def http(peer: Gateway, path: str = "/send", **given: Any) -> HttpGateway:
    password = Secret(given.pop("password", SECRET))
    body = given.pop("body", "to={To}&text={Text}&password={Password}")
    return HttpGateway(peer.url + path, body=body, user="enlist", password=password, **given)


def send(driver: Driver, message: Outgoing, **more: Any) -> Verdict:
    channel = SmsChannel(driver, **more)
    try:
        return channel.send(message)
    finally:
        channel.release()


# --- what a gateway is asked ------------------------------------------------------------------


def test_kannel_s_form_of_it(peer: Gateway, text: Outgoing) -> None:
    path = KANNEL + "&charset=UTF-8&dlr-url={ReportUrl}%26status%3D%25d"
    driver = http(peer, path, method="GET", body="")
    assert send(driver, replace(text, text="Grüße & Küsse #1 €")) == Accepted()
    assert send(driver, text) == Accepted()
    plain, unicode = peer.asked
    assert (plain.method, plain.path, plain.body) == ("GET", "/cgi-bin/sendsms", "")
    assert plain.parameters["text"] == "Grüße & Küsse #1 €"
    assert plain.parameters["to"] == PHONE
    assert plain.parameters["password"] == SECRET
    assert plain.parameters["dlr-url"] == f"{text.report_url}&status=%d"
    assert (plain.parameters["coding"], unicode.parameters["coding"]) == ("0", "2")


@pytest.mark.parametrize(
    "words", ['a "quoted" \\ line\nand {To}', "x&to=+4900000000&y=<z>", "\u202e\u2603"]
)
def test_no_text_adds_a_field_anywhere(peer: Gateway, text: Outgoing, words: str) -> None:
    message = replace(text, text=words)
    by_json = '{"message": {"to": "{To}", "text": "{Text}"}, "n": {}}'
    headers = {"Authorization": "Basic {BasicAuth}", "X-Id": "{MessageId}"}
    send(http(peer, body=by_json, headers=headers), message)
    send(http(peer), message)
    by_xml = "<sms><to>{ToDigits}</to><text>{Text}</text></sms>"
    send(http(peer, body=by_xml, headers={"Content-Type": "text/xml"}), message)
    send(http(peer, "/send?text={Text}&to={To}", body=""), message)
    first, form, xml, query = peer.asked
    assert json.loads(first.body)["message"] == {"to": PHONE, "text": words}
    assert first.headers["content-type"] == "application/json"
    login = b64decode(first.headers["authorization"].removeprefix("Basic "))
    assert login.decode() == f"enlist:{SECRET}"
    assert form.form == {"to": PHONE, "text": words, "password": SECRET}
    assert "<z>" not in xml.body
    assert query.parameters == {"text": words, "to": PHONE}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"url": "sms.example.com/?{Text}"}, "must begin with an address"),
        ({"url": "https://{To}.example.com/?{Text}"}, "must begin with an address"),
        ({"url": "https://sms.example.com/?to={To}"}, "must hold {Text}"),
        ({"url": "https://sms.example.com/?{Text}", "body": "{Txt}"}, "{Txt} is none of"),
        ({"url": "https://sms.example.com/?{Text}", "id": "["}, "no regular expression"),
        ({"url": "https://sms.example.com/?{Text}", "id": "OK"}, "must hold a group"),
        ({"url": "https://sms.example.com/?{Text}", "ca_file": "missing.pem"}, "CA_FILE"),
    ],
)
def test_settings_that_cannot_work_are_told_at_the_start(given: dict[str, Any], told: str) -> None:
    with pytest.raises(CannotStart, match=told.replace("{", r"\{")):
        sms_channel(Settings(sms=Sms(driver="http", **given)))


def test_twilio_s_address_must_be_one() -> None:
    given: dict[str, Any] = {
        "user": "AC1",
        "password": "x",
        "sender": "Enlist",
        "url": "api.twilio.com",
    }
    settings = Settings(sms=Sms(driver="twilio", **given))
    with pytest.raises(CannotStart, match=r"https://api\.twilio\.com"):
        sms_channel(settings)


def test_what_is_missing_in_the_settings_is_told() -> None:
    with pytest.raises(ValueError, match="must be given for the driver http"):
        Sms(driver="http")
    with pytest.raises(ValueError, match="must be given for the driver twilio"):
        Sms(driver="twilio", user="AC1", sender="Enlist")


# --- what its answers mean --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "means", "all_wait"),
    [
        (202, Accepted, False),
        (302, Retry, True),
        (400, Rejected, False),
        (401, Retry, True),
        (403, Retry, True),
        (404, Retry, True),
        (422, Rejected, False),
        (429, Retry, True),
        (500, Retry, False),
        (503, Retry, True),
    ],
)
def test_answers(peer: Gateway, text: Outgoing, status: int, means: type, all_wait: bool) -> None:
    peer.answer(status, f"told {SECRET}", Retry_After="120", Location="http://127.0.0.1:1/")
    found = send(http(peer), text)
    assert isinstance(found, means)
    if isinstance(found, Retry | Rejected):
        assert f"{peer.url} answered {status}: told •••" in found.reason
        assert SECRET not in found.reason
    if isinstance(found, Retry):
        assert found.unreachable is all_wait
        assert found.after == (120 * SECOND if status in (429, 500, 503) else 0)
    assert len(peer.asked) == 1, "redirects are not followed"


def test_what_the_settings_ask_of_an_answer(peer: Gateway, text: Outgoing) -> None:
    driver = http(peer, accepted="^OK", id=r"id=(\w+)")
    peer.answer(200, "OK id=a1 rest")
    peer.answer(200, "ERROR 105 no credit")
    assert send(driver, text) == Accepted("a1")
    found = send(driver, text)
    assert isinstance(found, Retry)
    assert "no credit" in found.reason


def test_nobody_there_and_nobody_in_time(peer: Gateway, text: Outgoing) -> None:
    away = HttpGateway(f"http://127.0.0.1:{free_port()}/?p={{Password}}&t={{Text}}")
    found = send(replace(away, password=Secret(SECRET)), text)
    assert isinstance(found, Retry)
    assert found.unreachable
    assert found.reason.endswith("cannot be reached")
    peer.drips = 0.1
    peer.answer(200, "x" * 100)
    found = send(http(peer), text, patience=0.5)
    assert isinstance(found, Retry)
    assert found.reason == f"{peer.url} did not answer in time"


def test_an_endless_answer_is_not_read(peer: Gateway, text: Outgoing) -> None:
    peer.answer(400, "x" * 3_000_000)
    found = send(http(peer), text)
    assert isinstance(found, Rejected)
    assert len(found.reason) < 300


def test_a_certificate_of_somebody_else(text: Outgoing, throwaway_pki: Pki) -> None:
    with site({"/": b""}, throwaway_pki.server) as url:
        driver = HttpGateway(f"{url}/?text={{Text}}", method="GET")
        strange = send(driver, text)
        assert isinstance(strange, Retry)
        assert "certificate that cannot be trusted" in strange.reason
        known = send(driver, text, ca_file=throwaway_pki.authority)
        assert isinstance(known, Retry)
        assert "answered 404" in known.reason


@pytest.mark.parametrize("number", ["030 123456", "4930123456", "+49", "+49 30 1", "", "+4930x"])
def test_only_international_numbers_are_asked_for(
    peer: Gateway, text: Outgoing, number: str
) -> None:
    found = send(http(peer), replace(text, recipient=number))
    assert isinstance(found, Rejected)
    assert peer.asked == []


# --- Twilio's API -----------------------------------------------------------------------------


def twilio(peer: Gateway, sender: str = "+15550100") -> TwilioGateway:
    return TwilioGateway("AC0123", Secret(SECRET), sender, peer.url)


def test_twilio_s_form_of_it(peer: Gateway, text: Outgoing) -> None:
    for _ in range(2):
        peer.answer(201, json.dumps({"sid": "SM1", "status": "queued", "code": None}))
    assert send(twilio(peer), text) == Accepted("SM1")
    assert send(twilio(peer, "MG99"), text) == Accepted("SM1")
    own, service = peer.asked
    assert (own.method, own.path) == ("POST", "/2010-04-01/Accounts/AC0123/Messages.json")
    assert own.form == {
        "To": PHONE,
        "From": "+15550100",
        "Body": text.text,
        "StatusCallback": text.report_url,
    }
    assert service.form["MessagingServiceSid"] == "MG99"
    assert "From" not in service.form
    login = b64decode(own.headers["authorization"].removeprefix("Basic ")).decode()
    assert login == f"AC0123:{SECRET}"


@pytest.mark.parametrize(
    ("status", "code", "means", "all_wait"),
    [
        (400, 21211, Rejected, False),
        (400, 21610, Rejected, False),
        (400, 21606, Retry, True),
        (401, 20003, Retry, True),
        (429, 20429, Retry, True),
        (500, 20500, Retry, False),
    ],
)
def test_twilio_s_errors(
    peer: Gateway, text: Outgoing, status: int, code: int, means: type, all_wait: bool
) -> None:
    peer.answer(status, json.dumps({"code": code, "message": f"Not {PHONE}", "status": status}))
    found = send(twilio(peer), text)
    assert isinstance(found, means)
    assert not isinstance(found, Accepted)
    assert f"{status}: {code} Not {PHONE}" in found.reason
    assert getattr(found, "unreachable", False) is all_wait


# --- from the outbox --------------------------------------------------------------------------


def queued(outbox: Outbox, username: str = "ada") -> Issued:
    outbox.enlist.do(AddUser(outbox.enlist.root.id, username, phone=PHONE, first_name="Ada"))
    details = DeviceDetails(f"{username}'s laptop", "linux")
    return outbox.enlist.do(Register("", username, details, Delivery("sms")))


def test_from_the_outbox_to_a_gateway(outbox: Outbox, peer: Gateway) -> None:
    issued = queued(outbox)
    peer.answer(200, "id=g77")
    worker = outbox.worker()
    worker._channels["sms"] = SmsChannel(http(peer, body="{Text}|{ReportUrl}", id=r"id=(\w+)"))
    with capture_logs() as logs:
        assert worker.deliver_due() == 1
    (asked,) = peer.asked
    sent, _, report = asked.body.rpartition("|")
    found = outbox.message(issued)
    assert (found.state, found.provider_id, found.recipient) == ("sent", "g77", PHONE)
    token = outbox.token(issued).reveal()
    assert sent.count(token) == 2, "in the link and beside it"
    assert unquote(report).startswith(f"{PUBLIC_URL}/sms/reports/{found.id}?key=")
    assert token not in str(logs)
    (event,) = outbox.enlist.events("message.sent")
    assert event.data["channel"] == "sms"


def test_a_gateway_s_trouble_is_on_the_record_and_tried_again(
    outbox: Outbox, peer: Gateway
) -> None:
    issued = queued(outbox)
    token = outbox.token(issued).reveal()
    worker = outbox.worker()
    worker._channels["sms"] = SmsChannel(http(peer))
    waits = []
    for _ in range(3):
        peer.answer(500, f"broken: {token}")
        worker.deliver_due()
        found = outbox.message(issued)
        assert (found.state, token in found.reason) == ("queued", False)
        assert "answered 500: broken: •••" in found.reason
        waits.append(found.next_try_at - outbox.clock.now)
        outbox.clock.now = found.next_try_at
    assert waits == sorted(set(waits))
    peer.answer(400, "no such number")
    worker.deliver_due()
    assert outbox.message(issued).state == "failed"
    assert outbox.message(issued).tries == 4 < MOST_TRIES
    (event,) = outbox.enlist.events("message.failed")
    assert "no such number" in event.personal["reason"]


def test_a_gateway_that_is_away_holds_up_no_mail(outbox: Outbox) -> None:
    first = [queued(outbox, f"user{number}") for number in range(3)]
    mailed = outbox.queue("grace")
    away, mail = Recorder([Retry("away", unreachable=True)]), Recorder()
    worker = outbox.worker(mail)
    worker._channels["sms"] = away
    assert worker.deliver_due() == 2
    assert outbox.message(mailed).state == "sent"
    assert sorted(outbox.message(each).tries for each in first) == [0, 0, 1]
    del worker._channels["sms"]
    worker.deliver_due()
    assert any("no way to send by sms" in outbox.message(each).reason for each in first)


# --- the text ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "said"), [("en", "Works once, until"), ("de", "Gilt einmal, bis")]
)
def test_the_built_in_text(make_letter: LetterMaker, language: str, said: str) -> None:
    """Link, code beside it and expiry with its zone, in letters that every phone has (X07)."""
    letter = make_letter(
        channel="sms", recipient=PHONE, languages=(language, "en"), time_zones=("Asia/Kolkata",)
    )
    found = render(letter, "https://enroll.example.com")
    assert isinstance(found, Rendered)
    assert (found.subject, found.html, found.language) == ("", "", language)
    assert LINK.findall(found.text) == [TOKEN]
    assert found.text.count(TOKEN) == 2
    assert f"{said} 2026-03-03 17:30 UTC+05:30" in found.text
    assert found.size == size(found.text)
    assert found.size.encoding == "GSM-7"
    assert found.size.parts == 2


def test_a_preview_has_the_size_of_what_is_sent(make_letter: LetterMaker) -> None:
    letter = make_letter(channel="sms", recipient=PHONE)
    sent, shown = render(letter, "https://e.example"), render_preview(letter, "https://e.example")
    assert isinstance(sent, Rendered)
    assert isinstance(shown, Rendered)
    assert TOKEN not in shown.text
    assert "••••" in shown.text
    assert shown.size == sent.size


def test_an_own_text_that_is_too_long_is_not_sent(
    make_letter: LetterMaker, own_template: Callable[..., Any]
) -> None:
    long = own_template("{EnrollmentUrl} " + "x" * 1530, channel="sms")
    letter = make_letter(channel="sms", recipient=PHONE, own_templates=(long,))
    found = render(letter, "https://e.example")
    assert isinstance(found, Rejected)
    assert "takes 11 parts; 10 is the most" in found.reason


def test_an_unusable_gateway_is_a_value_error() -> None:
    with pytest.raises(Unusable):
        HttpGateway("https://sms.example.com")
