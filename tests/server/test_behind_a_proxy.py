"""Behind nginx, set up as the guide to installing says: what it gets to see, and what it says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, expect

from tests.architecture.source import ROOT
from tests.docs.pages import DocsPage
from tests.peers.base import find_program, finish, free_port, launch, wait_until
from tests.peers.pki import Pki
from tests.requests import request_pem
from tests.serving import ADMINISTRATOR, PASSWORD, Server, StartServer

HOST = "enroll.example.com"
AROUND = """\
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ }}
http {{
    log_format seen '"$request" "$http_referer" "$sent_http_location" "$request_uri"';
    access_log {folder}/access.log seen;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{servers}
}}
"""


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
    guide = DocsPage(ROOT / "docs" / "how-to" / "install.md")
    (block,) = [block for block in guide.blocks if "proxy_pass" in block]
    for there, here in {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "listen 80": f"listen 127.0.0.1:{plain}",
        f"/etc/ssl/{HOST}.pem": str(throwaway_pki.server.certificate),
        f"/etc/ssl/private/{HOST}.key": str(throwaway_pki.server.key),
        "http://127.0.0.1:8000": f"http://127.0.0.1:{server.url.rpartition(':')[2]}",
        f"server_name {HOST}": "server_name localhost",
        f"https://{HOST}": url,
    }.items():
        assert there in block
        block = block.replace(there, here)
    folder = tmp_path / "nginx"
    folder.mkdir()
    (folder / "nginx.conf").write_text(AROUND.format(folder=folder, servers=block))
    command = [
        find_program("nginx") or "nginx",
        "-p",
        str(folder),
        "-c",
        str(folder / "nginx.conf"),
    ]
    process = launch(command, folder / "output.log")
    found = Proxied(server, url, f"http://localhost:{plain}", folder)
    answers = lambda: _answers(found.plain_url)  # noqa: E731
    wait_until(answers, "nginx", log=folder / "error.log", process=process)
    yield found
    finish(process)


def _answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/pki/root.pem", trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False


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
    answer = httpx2.post(f"{proxied.url}/api/v1/redeem", json=body, verify=False, trust_env=False)
    assert answer.status_code == 201, answer.text

    seen = (proxied.folder / "access.log").read_text()
    for path in (f"/enroll/{made['id']}", "/enroll/check", "/sign-in", "/api/v1/redeem"):
        assert path in seen
    assert f'"{proxied.url}/' in seen, "browsers do say where they come from"
    secrets = [made["token"], code[0], code[0].replace("-", ""), PASSWORD, "Wr0ngT0ken", *cookies]
    assert cookies
    for log in (*proxied.folder.glob("*.log"), server.log):
        text = log.read_text(errors="replace")
        assert [secret for secret in secrets if secret in text] == [], log.name


@pytest.mark.peer("nginx")
def test_the_proxy_of_the_guide_is_believed_and_its_client_is_not(proxied: Proxied) -> None:
    """Ruling 36, ASVS 4.1.3: lists go over plain HTTP, all else to HTTPS; addresses are nginx's."""
    server = proxied.server
    plain = httpx2.get(f"{proxied.plain_url}/console", trust_env=False)
    assert (plain.status_code, plain.headers["location"]) == (301, f"{proxied.url}/console")
    assert httpx2.get(f"{proxied.plain_url}/pki/issuing.crl", trust_env=False).status_code == 200
    forged = {"x-forwarded-for": "203.0.113.9", "x-forwarded-host": "evil.example"}
    asked = {"token": "8Kq2mWx7Rb"}
    elsewhere = httpx2.HTTPTransport(verify=False, local_address="127.0.0.9")
    with httpx2.Client(transport=elsewhere, headers=forged) as client:
        home = client.get(f"{proxied.url}/", follow_redirects=False)
        assert "evil" not in str(home.headers)
        assert "max-age=31536000" in home.headers["strict-transport-security"]
        assert client.post(f"{proxied.url}/api/v1/redeem", json=asked).status_code == 404
    events = json.loads(server.cli("audit", "list", "--json", "--limit", "20"))["items"]
    (refused,) = [event for event in events if event["kind"] == "enrollment.refused"]
    assert refused["personal"]["address"] == "127.0.0.9"
