"""A token is in its message and nowhere else (A16, A17, S04, S05, S60, X30, X36, X60).

One life of everything secret, on a real server with a real mailbox; then every page of the
console, every answer of the API, the logs, the metrics and a dump of the database are searched for
each secret, byte by byte. That the search can find something is shown by what it must find.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from itertools import islice
from pathlib import Path
from urllib.parse import urldefrag, urljoin, urlsplit

import httpx2
import pytest

from tests.peers.postgres import Cluster
from tests.peers.smtp import MailServer
from tests.requests import request_pem
from tests.serving import ADMINISTRATOR, PASSWORD, Server, StartServer

ADA_PASSWORD = "ada's very own secret"
GUESSED_PASSWORD = "a wrong password that someone typed"
FIELDS = re.compile(r'name="(nonce|sealed)" value="([^"]*)"')


@dataclass
class Life:
    """What was done, and every secret that came up in it."""

    server: Server
    mail: MailServer
    secrets: dict[str, str] = field(default_factory=dict)

    def keep(self, name: str, secret: str) -> str:
        self.secrets[name] = secret
        return secret


def live(server: Server, mail: MailServer) -> Life:
    """Issue, reveal, open, check, begin, redeem, repeat, steal, reissue, revoke, sign in, fail."""
    life = Life(server, mail)
    words = ("user", "add", "--username", "ada", "--email", "ada@example.com")
    server.cli(*words, "--password-stdin", stdin=ADA_PASSWORD)
    life.keep("password", ADA_PASSWORD)
    life.keep("guessed password", GUESSED_PASSWORD)
    life.keep("administrator's password", PASSWORD)
    staff = {"Authorization": f"Bearer {life.keep('API key', server.api_key('administrator'))}"}
    with server.client() as client:
        first = register(client, staff, "laptop one")
        second = register(client, staff, "laptop two")
        tokens = mailed_tokens(mail, 2)
        token = life.keep("token", tokens[first["enrollment"]["id"]])
        life.keep("second token", tokens[second["enrollment"]["id"]])
        enrollment = f"/api/v1/enrollments/{second['enrollment']['id']}"
        assert client.post(f"{enrollment}/reissue", json={}, headers=staff).status_code in (
            200,
            201,
        )
        newest = mailed_tokens(mail, 3)[second["enrollment"]["id"]]
        life.keep("reissued token", newest)
        through_the_page(life, client, token, first["enrollment"]["id"])
        redeem(client, life.secrets["code"], 1, 201)
        redeem(client, life.secrets["code"], 1, 201)
        redeem(client, token, 2, 410)
        redeem(client, life.secrets["second token"], 3, 410)
        client.post(
            "/api/v1/redeem",
            json={"token": newest, "username": "ada", "password": GUESSED_PASSWORD},
        )
        assert client.post(f"{enrollment}/revoke", json={}, headers=staff).status_code in (200, 204)
        redeem(client, newest, 4, 410)
        key = life.keep("revealing API key", server.api_key("operator", "enrollments:reveal"))
        revealed = register(client, {"Authorization": f"Bearer {key}"}, "laptop three", "none")
        redeem(client, life.keep("revealed token", revealed["enrollment"]["token"]), 5, 201)
        client.post("/sign-in", data={"username": "ada", "password": GUESSED_PASSWORD})
    return life


def register(
    client: httpx2.Client, staff: dict[str, str], name: str, message: str = "email"
) -> dict[str, dict[str, str]]:
    body = {"user": "ada", "name": name, "platform": "linux", "message": {"type": message}}
    made = client.post("/api/v1/devices", json=body, headers=staff)
    assert made.status_code == 201, made.text
    found: dict[str, dict[str, str]] = made.json()
    return found


def mailed_tokens(mail: MailServer, count: int) -> dict[str, str]:
    """The newest token of each enrollment, out of the mails."""
    mail.wait_for(count)
    found: dict[str, str] = {}
    for message in mail.messages:
        text = message.message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        link = re.search(r"/enroll/([0-9a-f-]{36})#t=(\w+)", text)
        assert link is not None, text
        found[link[1]] = link[2]
    return found


def through_the_page(life: Life, client: httpx2.Client, token: str, handle: str) -> None:
    """Open, check and begin as a browser would."""
    origin = {"Origin": life.server.url}
    with life.server.client(headers=origin, follow_redirects=True) as browser:
        # A mail client that moved the fragment into the query must not put it into our log (X60).
        page = browser.get(f"/enroll/{handle}?t={token}")
        assert token not in page.text
        fields = {name: unescape(value) for name, value in FIELDS.findall(page.text)}
        form = {**fields, "field": token, "step": "check", "username": "", "password": ""}
        checked = browser.post(f"/enroll/{handle}", data=form)
        assert "laptop one" in checked.text
        sealed = {name: unescape(value) for name, value in FIELDS.findall(checked.text)}
        begun = browser.post(f"/enroll/{handle}", data={**sealed, "step": "begin"})
        assert token not in checked.text + begun.text
        code = re.search(r"[B-Z]{4}-[B-Z]{4}-[B-Z]", begun.text)
        assert code is not None, begun.text
        life.keep("code", code[0])


def redeem(client: httpx2.Client, token: str, key: int, expected: int) -> None:
    body = {"token": token, "device": {"platform": "linux"}, "csr": request_pem(key).decode()}
    answer = client.post("/api/v1/redeem", json=body)
    assert answer.status_code == expected, answer.text


def console_pages(life: Life) -> Iterator[tuple[str, str]]:
    """Every page that an administrator reaches by following links."""
    with life.server.client(follow_redirects=True, headers={"Origin": life.server.url}) as client:
        client.post("/sign-in", data={"username": ADMINISTRATOR, "password": PASSWORD})
        for name, value in client.cookies.items():
            life.keep(f"cookie {name}", value)
        waiting, seen = deque(["/console"]), {"/console"}
        while waiting and len(seen) < 400:
            path = waiting.popleft()
            answer = client.get(path)
            assert answer.status_code < 500, f"{path}: {answer.status_code}"
            yield path, str(answer.headers) + answer.text
            for link in re.findall(r'(?:href|action|hx-get)="([^"]+)"', answer.text):
                absolute = urldefrag(urljoin(str(answer.url), unescape(link)))[0]
                parts = urlsplit(absolute)
                ours = parts.netloc == urlsplit(life.server.url).netloc
                inside = parts.path.startswith(("/console", "/account"))
                target = parts.path + (f"?{parts.query}" if parts.query else "")
                if ours and inside and target not in seen and "sign-out" not in target:
                    seen.add(target)
                    waiting.append(target)


def api_answers(life: Life) -> Iterator[tuple[str, str]]:
    """Every GET of the API, with every id that lists show."""
    headers = {"Authorization": f"Bearer {life.secrets['API key']}"}
    with life.server.client(headers=headers) as client:
        paths = client.get("/api/openapi.json").json()["paths"]
        ids: dict[str, list[str]] = {}
        for path in sorted(paths, key=lambda found: found.count("{")):
            if "get" not in paths[path]:
                continue
            for target in _targets(f"/api/v1{path}" if not path.startswith("/api") else path, ids):
                status, said = _said(client, target)
                assert status < 500, f"{target}: {said}"
                yield target, said
                _, _, body = said.partition("\n")
                if "{" not in path and status == 200 and '"items"' in body:
                    ids[path.strip("/").split("/")[-1]] = [
                        item["id"] for item in json.loads(body)["items"] if "id" in item
                    ]
        yield "/metrics", client.get("/metrics").text


def _said(client: httpx2.Client, target: str) -> tuple[int, str]:
    """Status, and headers and body; of a stream, which goes on, what it begins with."""
    with client.stream("GET", target) as answer:
        streams = answer.headers.get("content-type", "").startswith("text/event-stream")
        body = "".join(islice(answer.iter_text(), 2 if streams else None))
        return answer.status_code, f"{answer.headers}\n{body}"


def _targets(path: str, ids: dict[str, list[str]]) -> list[str]:
    if "{" not in path:
        return [path]
    before, _, rest = path.partition("{")
    after = rest.partition("}")[2]
    return [before + found + after for found in ids.get(before.strip("/").split("/")[-1], [])]


def database(server: Server, request: pytest.FixtureRequest) -> bytes:
    """Everything that the database holds."""
    if server.database:
        cluster: Cluster = request.getfixturevalue("postgres")
        return cluster.dump(server.database).encode()
    return b"".join(path.read_bytes() for path in sorted(server.data.glob("enlist.sqlite3*")))


def spellings(secret: str) -> set[bytes]:
    """How a secret could stand somewhere: as it is, as a code is digested, as JSON escapes it."""
    found = {secret, secret.replace("-", ""), json.dumps(secret)[1:-1]}
    return {text.encode() for text in found if len(text) >= 8}


def test_no_secret_is_anywhere_but_where_it_was_sent(
    start_server: StartServer,
    database_url: str,
    smtp: MailServer,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    settings = {
        "ENLIST_SMTP_HOST": "127.0.0.1",
        "ENLIST_SMTP_PORT": str(smtp.port),
        "ENLIST_SMTP_SECURITY": "none",
        "ENLIST_LOG_LEVEL": "debug",
    }
    server = start_server(database_url, environment=settings)
    life = live(server, smtp)
    places = dict(console_pages(life))
    places |= dict(api_answers(life))
    for words in (("audit", "list"), ("enrollment", "list"), ("device", "list"), ("user", "list")):
        places[" ".join(words)] = server.cli(*words, "--json", "--limit", "500")
    haystacks = {name: text.encode() for name, text in places.items()}
    haystacks["database"] = database(server, request)
    haystacks["log"] = server.output().encode()

    assert len([name for name in haystacks if name.startswith("/console")]) > 25
    assert len([name for name in haystacks if name.startswith("/api")]) > 25
    for name in ("database", "audit list", "/api/v1/devices", "/api/v1/events/export"):
        assert b"laptop one" in haystacks[name], name
    assert sum(b"laptop one" in text for name, text in haystacks.items() if "console" in name) > 3
    assert b"/api/v1/redeem" in haystacks["log"]

    leaks = [
        f"{name} in {place}"
        for name, secret in life.secrets.items()
        for place, haystack in haystacks.items()
        if any(spelling in haystack for spelling in spellings(secret))
        and not (name.startswith("cookie") and place.startswith("/console"))
    ]
    assert leaks == []
