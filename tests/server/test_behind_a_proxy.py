"""Behind nginx, set up as the guide says: what it gets to see and to log."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, expect

from tests.peers.base import DEADLINE, free_port, wait_until
from tests.peers.pki import Pki
from tests.requests import request_pem
from tests.server.proxies import Place, configured, running
from tests.serving import ADMINISTRATOR, PASSWORD, Server, StartServer


@dataclass(frozen=True)
class Proxied:
    """A server behind nginx, and the folder with its logs."""

    server: Server
    url: str
    plain_url: str
    folder: Path


@pytest.fixture
def proxied(start_server: StartServer, throwaway_pki: Pki, tmp_path: Path) -> Iterator[Proxied]:
    port, plain = free_port(), free_port()
    url = f"https://localhost:{port}"
    trusted = {"ENLIST_PUBLIC_URL": url, "ENLIST_TRUSTED_PROXY": "127.0.0.1/32"}
    server = start_server(environment={**trusted, "ENLIST_LOG_LEVEL": "debug"})
    upstream = int(server.url.rpartition(":")[2])
    place = Place("nginx", port, plain, upstream, tmp_path / "nginx", throwaway_pki)
    place.folder.mkdir()
    with running(place, configured(place)):
        yield Proxied(server, place.url, place.plain_url, place.folder)


def _logged(proxied: Proxied, *paths: str) -> str:
    """What nginx logged, once every path is in it: it writes a line after its answer was sent."""
    log = proxied.folder / "access.log"

    def written() -> bool:
        seen = log.read_text()
        return all(path in seen for path in paths)

    wait_until(written, f"a line in access.log for each of {paths}", log=log)
    return log.read_text()


@pytest.mark.peer("nginx")
def test_no_address_carries_a_secret(proxied: Proxied, browser: Browser) -> None:
    """S31, X60: a whole first enrollment, a wrong try and a sign-in, through a real browser."""
    server = proxied.server
    server.cli("user", "add", "--username", "ada", "--email", "ada@example.com")
    words = ("device", "register", "--user", "ada", "--name", "laptop", "--platform", "linux")
    made = json.loads(server.cli(*words, "--message", "none", "--json"))["enrollment"]
    assert made["link"].startswith(f"{proxied.url}/enroll/")
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    page.goto(made["link"])
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Start enrolling").click()
    expect(page.locator("#command")).to_be_visible()
    code = re.search(r"[B-Z]{4}-[B-Z]{4}-[B-Z]", page.locator("main").inner_text())
    assert code is not None
    page.goto(f"{proxied.url}/enroll")
    page.locator("#field").fill("Wr0ngT0ken")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_contain_text("not valid here")
    page.goto(f"{proxied.url}/console/main/devices")
    page.get_by_label("User name").fill(ADMINISTRATOR)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Devices", exact=True)).to_be_visible()
    cookies = [cookie["value"] for cookie in context.cookies() if len(cookie["value"]) > 20]
    context.close()
    body = {"token": code[0], "device": {"platform": "linux"}, "csr": request_pem(1).decode()}
    redeem = f"{proxied.url}/api/v1/redeem"
    answer = httpx2.post(redeem, json=body, verify=False, trust_env=False, timeout=DEADLINE)
    assert answer.status_code == 201, answer.text

    paths = (f"/enroll/{made['id']}", "/enroll/check", "/sign-in", "/api/v1/redeem")
    seen = _logged(proxied, *paths)
    assert f'"{proxied.url}/' in seen, "browsers do say where they come from"
    secrets = [made["token"], code[0], code[0].replace("-", ""), PASSWORD, "Wr0ngT0ken", *cookies]
    assert cookies
    server.stop()  # What it still had to log is written now.
    for log in (*proxied.folder.glob("*.log"), server.log):
        text = log.read_text(errors="replace")
        assert [secret for secret in secrets if secret in text] == [], log.name
