"""A wave in the console, from its form to its people, beside whom it goes on.

The texts go to a gateway of the tests' own, which reports what became of them; their links are
opened and their tokens used, and the page that nobody loads again shows how far each person is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.public_pages import IPHONE
from tests.browser.watching import Watched, watch
from tests.delivery.gateways import Asked, Gateway, gateway
from tests.requests import request_pem
from tests.serving import ADMINISTRATOR, PASSWORD, Server, StartServer

NUMBERS = {"ada": "+49301000001", "grace": "+49301000002", "alan": "+49301000003"}
_LINK = re.compile(r"(http\S+/enroll/\S+)#t=(\w+)")


@dataclass
class Company:
    """A server that sends by SMS, three people with phones, and who has opened what."""

    server: Server
    gateway: Gateway
    browser: Browser
    opened: list[Watched] = field(default_factory=list)

    def window(self, *, signed_in: bool = True, **options: object) -> Page:
        """A browser of the administrator's, or of somebody with a phone."""
        cookie = ""
        if signed_in:
            with self.server.client(headers={"origin": self.server.url}) as client:
                client.post("/sign-in", data={"username": ADMINISTRATOR, "password": PASSWORD})
                cookie = client.cookies["enlist"]
        self.opened.append(watch(self.browser, self.server.url, cookie, **options))
        return self.opened[-1].page

    def texts(self, name: str, count: int = 1) -> list[Asked]:
        """What this person has been sent."""
        self.gateway.wait_for(1)
        found = [each for each in self.gateway.asked if each.parameters["to"] == NUMBERS[name]]
        assert len(found) == count
        return found

    def report(self, name: str, status: str) -> None:
        """The gateway says what became of the last text for somebody."""
        where = self.texts(name)[-1].parameters["report"]
        with self.server.client() as client:
            assert client.get(f"{where}&status={status}").status_code == 200

    def link(self, name: str) -> tuple[str, str]:
        """Where somebody's text leads, and the token in it."""
        found = _LINK.search(self.texts(name)[-1].parameters["text"])
        assert found is not None
        return found[1], found[2]

    def redeem(self, name: str) -> None:
        device = {"name": "phone", "platform": "ios"}
        sent = {"token": self.link(name)[1], "csr": request_pem(0).decode(), "device": device}
        with self.server.client() as client:
            assert client.post("/api/v1/redeem", json=sent).status_code == 201


@pytest.fixture
def company(start_server: StartServer, browser: Browser) -> Iterator[Company]:
    with gateway() as taking:
        environment = {
            "ENLIST_SMS_DRIVER": "http",
            "ENLIST_SMS_METHOD": "GET",
            "ENLIST_SMS_URL": f"{taking.url}/?to={{To}}&text={{Text}}&report={{ReportUrl}}",
        }
        server = start_server(environment=environment)
        key = server.api_key("administrator")
        with server.client(headers={"authorization": f"Bearer {key}"}) as client:
            for name, number in NUMBERS.items():
                answer = client.post("/api/v1/users", json={"username": name, "phone": number})
                assert answer.status_code == 201, answer.text
        found = Company(server, taking, browser)
        yield found
        for watched in found.opened:
            watched.calm()
            watched.context.close()


def shows(page: Page) -> Callable[[str, str], None]:
    """Whether the row of a person comes to say something."""

    def check(name: str, state: str) -> None:
        expect(page.get_by_role("row", name=name)).to_contain_text(state)

    return check


def test_a_wave_from_the_form_to_its_people(company: Company) -> None:
    """X46: a first share, held, led to its end, and how far each person is, without a reload."""
    page = company.window()
    row = shows(page)
    page.goto("/console/main/waves")
    page.get_by_role("link", name="Start a wave").click()
    page.get_by_label("Name", exact=True).fill("Autumn")
    page.get_by_label("Platform").select_option("ios")
    page.get_by_role("button", name="Start this wave").click()
    expect(page.locator(".invalid-feedback")).to_contain_text("say whom it is for")
    company.opened[0].forget("422")
    page.get_by_role("textbox", name="User names").fill("ada\ngrace\nalan\nnobody")
    page.get_by_label("First share, in percent").fill("50")
    page.get_by_label("Remind before they expire").fill("6")
    page.get_by_role("button", name="Start this wave").click()

    expect(page.get_by_text("2 of 4 people had a turn")).to_be_visible()
    page.evaluate("window.stayed = true")
    row("ada", "Sent")
    row("alan", "Queued")
    company.report("ada", "delivered")
    row("ada", "Delivered")
    person = company.window(signed_in=False, user_agent=IPHONE)
    person.goto(company.link("ada")[0])
    row("ada", "Opened")
    company.redeem("ada")
    row("ada", "Redeemed")
    expect(page.get_by_text("1 of 2")).to_be_visible()
    assert page.evaluate("window.stayed"), "the page was never loaded anew"

    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("heading", name="Paused")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("button", name="Go on with the others (2)").click()
    expect(page.get_by_role("heading", name="Done")).to_be_visible()
    expect(page.get_by_text("4 of 4 people had a turn")).to_be_visible()
    row("alan", "Sent")
    company.report("alan", "undelivered")
    row("alan", "undelivered")
    page.get_by_role("button", name="Resend to those who have not").click()
    company.gateway.wait_for(4)
    page.locator(".facts div", has_text="Failed").get_by_role("link").click()
    row("nobody", "nobody of this name")
    expect(page.get_by_role("row", name="grace")).to_have_count(0)
