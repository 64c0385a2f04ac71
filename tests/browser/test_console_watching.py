"""Pages that wait for a device show by themselves that it came."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from playwright.sync_api import expect

from tests.browser.console_data import PLATFORMS, Filled
from tests.requests import request_pem


@pytest.mark.parametrize(("place", "key"), [("devices", "waiting"), ("enrollments", "begun")])
def test_an_open_page_shows_that_the_device_came(filled: Filled, place: str, key: str) -> None:
    watched, ticket = filled.watch("reader"), filled.tickets[key]
    page = watched.page
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url))
    page.clock.install()
    name = ticket.device_id if place == "devices" else ticket.enrollment_id
    page.goto(f"/console/main/{place}/{name}")
    page.evaluate("window.stayed = true")
    trail = page.get_by_role("navigation", name="Trail").get_by_role("link")
    trail.focus()
    expect(page.locator(".standing")).to_contain_text(
        "Registered" if place == "devices" else "Waiting"
    )

    platform = PLATFORMS[59 % 5] if key == "waiting" else PLATFORMS[58 % 5]
    with filled.server.client() as device:
        sent = {"name": "laptop", "platform": platform}
        body = {"token": ticket.token.reveal(), "csr": request_pem(0).decode(), "device": sent}
        answer = device.post("/api/v1/redeem", json=body)
        assert answer.status_code == 201, answer.text

    page.clock.run_for(4_000)
    expect(page.locator(".standing")).to_contain_text("Enrolled" if place == "devices" else "Used")
    expect(page.locator(".story li").first).to_contain_text("enrolled")
    assert page.evaluate("window.stayed"), "the page was never loaded anew"
    expect(trail).to_be_focused()
    # The page of a device goes on, less often: somebody may take away again what it enrolled with.
    goes_on = place == "devices"
    expect(page.locator("[hx-trigger^=every]")).to_have_count(int(goes_on))
    so_far = len(asked)
    page.clock.run_for(9_000)
    assert len(asked) == so_far, "nothing looks for what is decided"
    with page.expect_request("**?watched=*") if goes_on else nullcontext():
        page.clock.run_for(2_000)
    page.clock.run_for(8_000)
    assert len(asked) == so_far + goes_on
    watched.calm()


def test_without_scripts_it_is_a_page_like_any_other(filled: Filled) -> None:
    watched = filled.watch("reader", java_script_enabled=False)
    watched.page.goto(f"/console/main/devices/{filled.tickets['expired'].device_id}")
    expect(watched.page.locator(".standing")).to_contain_text("Registered")
    expect(watched.page.locator(".story li").first).to_be_visible()
