"""Proxies in front of Enlist, with the very lines that the guide shows.

Only what must differ on this machine is replaced: ports, the files with the certificate and where
Enlist listens. A line that is not there any more fails the test, not silently the replacement.
"""

from __future__ import annotations

import getpass
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.architecture.source import ROOT
from tests.docs.pages import DocsPage
from tests.peers.base import DEADLINE, find_program, finish, launch, wait_until
from tests.peers.pki import Pki

HOST = "enroll.example.com"
GUIDE = "docs/how-to/proxies.md"

NGINX = """\
daemon off;
user {user};
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
{lines}
}}
"""
STREAM = """\
daemon off;
load_module {module};
user {user};
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ }}
{lines}
"""
CADDY = """\
{{
    admin off
    auto_https off
    storage file_system {folder}
}}
{lines}
"""
HAPROXY = """\
defaults
    timeout connect 5s
    timeout client 50s
    timeout server 50s
{lines}
"""


@dataclass(frozen=True)
class Place:
    """Where things are on this machine."""

    name: str
    port: int
    plain: int
    upstream: int
    folder: Path
    pki: Pki

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def plain_url(self) -> str:
        return f"http://localhost:{self.plain}"


@dataclass(frozen=True)
class Proxy:
    """One program: which block of the guide it reads, what stands around it, how it is started."""

    mark: str
    around: str
    file: str
    replaced: Callable[[Place], dict[str, str]]
    command: Callable[[Path], list[str]]

    def lines(self) -> str:
        """Its block in the guide."""
        (block,) = [block for block in DocsPage(ROOT / GUIDE).blocks if self.mark in block]
        return block


def _nginx(place: Place) -> dict[str, str]:
    server = place.pki.server
    return {
        "listen 443 ssl": f"listen 127.0.0.1:{place.port} ssl",
        "listen 80": f"listen 127.0.0.1:{place.plain}",
        f"/etc/ssl/{HOST}.pem": str(server.certificate),
        f"/etc/ssl/private/{HOST}.key": str(server.key),
        f"server_name {HOST}": "server_name localhost",
    }


def _caddy(place: Place) -> dict[str, str]:
    server = place.pki.server
    return {
        f"/etc/ssl/{HOST}.pem": str(server.certificate),
        f"/etc/ssl/private/{HOST}.key": str(server.key),
        f"http://{HOST} {{": f"http://localhost:{place.plain} {{\n    bind 127.0.0.1",
        f"\n{HOST} {{": f"\nhttps://localhost:{place.port} {{\n    bind 127.0.0.1",
    }


def _haproxy(place: Place) -> dict[str, str]:
    both = place.folder / "both.pem"
    both.write_text(place.pki.server.certificate.read_text() + place.pki.server.key.read_text())
    return {
        "bind :443": f"bind 127.0.0.1:{place.port}",
        "bind :80": f"bind 127.0.0.1:{place.plain}",
        f"/etc/haproxy/{HOST}.pem": str(both),
    }


PROXIES = {
    "nginx": Proxy(
        "proxy_set_header Host",
        NGINX,
        "nginx.conf",
        _nginx,
        lambda file: [find_program("nginx") or "nginx", "-p", str(file.parent), "-c", str(file)],
    ),
    "caddy": Proxy(
        "reverse_proxy",
        CADDY,
        "Caddyfile",
        _caddy,
        lambda file: ["caddy", "run", "--adapter", "caddyfile", "--config", str(file)],
    ),
    "haproxy": Proxy(
        "frontend",
        HAPROXY,
        "haproxy.cfg",
        _haproxy,
        lambda file: [find_program("haproxy") or "haproxy", "-db", "-f", str(file)],
    ),
}


def configured(place: Place) -> str:
    """The proxy's configuration: the guide's lines, with the places of this machine."""
    proxy = PROXIES[place.name]
    lines = "\n" + proxy.lines()
    here = {
        **proxy.replaced(place),
        "127.0.0.1:8000": f"127.0.0.1:{place.upstream}",
        f"https://{HOST}": place.url,
    }
    for there, replacement in here.items():
        assert there in lines, f"{GUIDE}, {place.name}: {there}"
        lines = lines.replace(there, replacement)
    assert HOST not in lines
    return proxy.around.format(folder=place.folder, user=getpass.getuser(), lines=lines)


@contextmanager
def running(place: Place, text: str) -> Iterator[subprocess.Popen[bytes]]:
    """The proxy, started, and stopped at the end."""
    proxy = PROXIES[place.name]
    place.folder.mkdir(exist_ok=True)
    file = place.folder / proxy.file
    file.write_text(text)
    log = place.folder / "output.log"
    home = {"XDG_DATA_HOME": str(place.folder), "XDG_CONFIG_HOME": str(place.folder)}
    process = launch(proxy.command(file), log, environment=home)
    try:
        wait_until(lambda: _answers(place.plain_url), place.name, log=log, process=process)
        yield process
    finally:
        finish(process)


def _answers(url: str) -> bool:
    try:
        return (
            httpx2.get(f"{url}/pki/root.pem", timeout=DEADLINE, trust_env=False).status_code == 200
        )
    except httpx2.TransportError:
        return False
