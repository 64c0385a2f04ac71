"""The whole first enrollment, as three people live it: administrator, user, laptop (TP42).

Everything is real: `enlist serve` on each store, Postfix and Dovecot, a browser, the agent. The
administrator registers a laptop in the console; the user reads the mail, opens its link, and
starts; the agent enrolls with the code that the page shows; the administrator sees it enrolled.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.browser.pages import type_login
from tests.peers.base import DEADLINE
from tests.peers.postfix import DOMAIN, LOGIN, MailSystem
from tests.peers.postfix import PASSWORD as MAIL_PASSWORD
from tests.serving import Server, StartServer


def mail_settings(postfix: MailSystem) -> dict[str, str]:
    return {
        "ENLIST_SMTP_HOST": "127.0.0.1",
        "ENLIST_SMTP_PORT": str(postfix.submission),
        "ENLIST_SMTP_SECURITY": "starttls",
        "ENLIST_SMTP_USER": LOGIN,
        "ENLIST_SMTP_PASSWORD": MAIL_PASSWORD,
        "ENLIST_SMTP_CA_FILE": str(postfix.pki.authority),
        "ENLIST_MAIL_FROM": f"Example Corp <enroll@{DOMAIN}>",
    }


def sign_in(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/console")
    type_login(page)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/console/**")


def register(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/console")
    page.get_by_role("link", name="Devices", exact=True).click()
    page.get_by_role("link", name="Register").first.click()
    page.locator("input[name=user], [role=combobox]").first.fill("ada")
    page.get_by_label("Name of the device").fill("Ada's new laptop")
    page.get_by_label("Platform").select_option("linux")
    page.get_by_role("button", name="Review").click()
    expect(page.get_by_role("heading", name="Is this right?")).to_be_visible()
    page.get_by_role("button", name="Save and send").click()
    page.wait_for_url(re.compile(r"/devices/[0-9a-f-]{36}"))


def run_agent(server: Server, code: str, state: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-m", "enlist", "agent", "enroll", code, "--server", server.url),
            *("--state", str(state), "--ca", str(server.authority)),
        ],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


def test_from_the_administrators_click_to_the_enrolled_laptop(
    browser: Browser,
    postfix: MailSystem,
    start_server: StartServer,
    database_url: str,
    tmp_path: Path,
) -> None:
    server = start_server(database_url, environment=mail_settings(postfix))
    address = f"ada@{DOMAIN}"
    server.cli("user", "add", "--username", "ada", "--email", address, "--first-name", "Ada")

    desk = browser.new_context().new_page()
    sign_in(desk, server)
    register(desk, server)
    device_page = desk.url

    mail = postfix.wait_for("ada")[0]
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    found = re.search(r"(http://localhost:\d+/enroll/([0-9a-f-]{36}))#t=(\w+)", text)
    assert found is not None, text
    link, token = found[0], found[3]
    assert token not in desk.content()

    seen: list[str] = []
    phone = browser.new_context()
    page = phone.new_page()
    page.on("request", lambda request: seen.append(request.url + str(request.headers)))
    page.goto(link)
    expect(page.get_by_label("Token, code or Group ID")).to_have_value(token)
    expect(page).to_have_url(link.partition("#")[0])
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Ada's new laptop").first).to_be_visible()
    page.get_by_role("button", name="Start enrolling").click()
    code = page.locator("#code, #command").first.inner_text()
    shown = re.search(r"[B-Z]{4}-[B-Z]{4}-[B-Z]", page.locator("main").inner_text())
    assert shown is not None, code
    assert not any(token in request for request in seen)

    state = tmp_path / "ada-laptop"
    enrolled = run_agent(server, shown[0], state)
    assert enrolled.returncode == 0, enrolled.stdout + enrolled.stderr

    desk.goto(device_page)
    expect(desk.get_by_text(re.compile("enrolled", re.IGNORECASE)).first).to_be_visible()
    assert token not in desk.content()

    second = run_agent(server, token, tmp_path / "somebody-else")
    assert second.returncode == 1
    assert "already been used" in second.stdout + second.stderr
    desk.reload()
    expect(desk.get_by_text(re.compile("intercept", re.IGNORECASE)).first).to_be_visible()

    status = subprocess.run(
        [sys.executable, "-m", "enlist", "agent", "status", "--state", str(state), "--json"],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert status.returncode == 0, status.stdout + status.stderr
    assert json.loads(status.stdout)
    assert "enrolled" in status.stdout
