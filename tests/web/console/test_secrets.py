"""The token is in the message and nowhere else: not on any page of the console (A16)."""

from __future__ import annotations

from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.issuing import Delivery
from enlist.verbs.register import Register
from tests.installation import Enlist, done
from tests.web.console.conftest import Console, Crawl


def test_no_page_holds_a_token(console: Console, enlist: Enlist, crawl: Crawl) -> None:
    tokens = [enlist.register(f"user{number}").token for number in range(3)]
    spent = enlist.register("bob")
    enlist.redeem(spent.token)
    first = enlist.register("cyd")
    second = enlist.reissue(first.enrollment_id)
    mailed = enlist.do(Register("", "cyd", DeviceDetails("mailed", "linux"), Delivery("email")))
    assert mailed.token is None
    enlist.check(tokens[0])
    begun = enlist.begin(tokens[1])
    secrets = [*(t.reveal() for t in tokens), spent.token.reveal(), second.token.reveal()]
    secrets += [first.token.reveal(), done(begun).code.reveal()]
    pages = crawl(console.sign_in(), "/console/main/")
    assert any(address.endswith(spent.device_id) for address in pages), "it saw the devices"
    for address, page in pages.items():
        for secret in secrets:
            assert secret.lower() not in page.source.lower(), address


def test_the_crawl_would_notice(console: Console, enlist: Enlist, crawl: Crawl) -> None:
    ticket = enlist.register("ada", name="named sentinel4711")
    pages = crawl(console.sign_in(), "/console/main/")
    assert any("sentinel4711" in page.source for page in pages.values())
    assert any(address.endswith(ticket.enrollment_id) for address in pages)


def test_what_people_type_is_only_ever_text(console: Console, enlist: Enlist, crawl: Crawl) -> None:
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    enlist.register("ada", name=evil)
    pages = crawl(console.sign_in(), "/console/main/")
    assert any("&lt;script&gt;alert(1)" in page.source for page in pages.values())
    for address, page in pages.items():
        assert "<script>alert" not in page.source, address
        assert "<img src=x" not in page.source, address
