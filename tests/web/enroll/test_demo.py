"""The demo's mailbox shows messages safely, and only the demo has it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from enlist.delivery.channels import CapturedMessage
from enlist.web.app import web_application
from enlist.web.services import Services
from tests.installation import START
from tests.web.enroll.conftest import Box, Visitor

LINK = "http://localhost:8000/enroll/01900000-0000-7000-8000-000000000000#t=AbCdEf2345"
HTML = (
    "<!DOCTYPE html><html><head><title>x</title></head><body><script>alert(1)</script>"
    f'<a href="{LINK}">Enroll this device</a></body></html>'
)


def message(number: int) -> CapturedMessage:
    text = f"Hello,\nopen {LINK}.\n<script>alert({number})</script>"
    subject = f"Message {number} <b>"
    return CapturedMessage("ada@example.com", subject, text, HTML, START, ())


def test_empty_mailbox_says_what_to_do(visitor: Visitor) -> None:
    assert "Register a device" in visitor.open("/demo/mailbox").text


def test_newest_comes_first_and_keeps_its_address(visitor: Visitor, mailbox: Box) -> None:
    mailbox.kept = [message(1), message(2)]
    page = visitor.open("/demo/mailbox")
    assert page.source.index("Message 2") < page.source.index("Message 1")
    assert "Message 1 <b>" in visitor.open("/demo/mailbox/1").text
    mailbox.kept.append(message(3))
    assert "Message 1 <b>" in visitor.open("/demo/mailbox/1").text
    assert visitor.open("/demo/mailbox/4").status == 404


def test_text_is_shown_as_text_with_its_link(visitor: Visitor, mailbox: Box) -> None:
    mailbox.kept = [message(1)]
    page = visitor.open("/demo/mailbox/1")
    assert f'<a href="{LINK}">{LINK}</a>.' in page.source
    assert "<script>" not in page.source
    assert "frame-src 'self'" in page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]


def test_html_part_is_locked_up(visitor: Visitor, mailbox: Box) -> None:
    mailbox.kept = [message(1)]
    page = visitor.open("/demo/mailbox/1/html")
    policy = page.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-top-navigation-by-user-activation; default-src 'none'")
    assert "script-src" not in policy
    assert '<head><base target="_top">' in page.source
    assert visitor.open("/demo/mailbox/2/html").status == 404


def test_json_has_what_the_page_has(visitor: Visitor, mailbox: Box) -> None:
    mailbox.kept = [message(1), message(2)]
    items = visitor.client.get("/demo/mailbox.json").json()["items"]
    assert [item["number"] for item in items] == [2, 1]
    assert LINK in items[0]["text"]


@pytest.mark.parametrize("path", ["/demo/mailbox", "/demo/mailbox.json", "/demo/mailbox/1"])
def test_only_the_demo_has_a_mailbox(services: Services, path: str) -> None:
    app = web_application(replace(services, mailbox=None))
    with TestClient(app, base_url=services.public_url) as client:
        assert client.get(path).status_code == 404
