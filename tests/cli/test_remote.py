"""`enlist --server URL`: lists and actions against a server elsewhere do and say the same."""

from __future__ import annotations

import http.server
import json
import re
import shlex
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from enlist.cli.remote.connection import Connection
from enlist.core.faults import Unusable
from enlist.core.secrets import Secret
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.issuing import Delivery
from enlist.verbs.register import Register
from enlist.verbs.webhooks import AddWebhook, TestWebhook
from tests.cli.conftest import COMMANDS, HERE, Run, key_file
from tests.connections import Process, enrolled
from tests.installation import Enlist, done
from tests.peers.base import free_port
from tests.peers.pki import Pki

HOOK = "https://hooks.example.com/enlist"


def company(enlist: Enlist) -> dict[str, str]:
    """Something of each kind."""
    enlist.organization("sales")
    connected = enrolled(enlist)
    Process.of(enlist).open(connected)
    mailed = enlist.user("grace", organization="sales")
    details = DeviceDetails(
        "Grace's phone", "ios", serial="C02XK1", tags=("loan",), custom_attributes="room=12"
    )
    issued = enlist.do(Register("sales", mailed.username, details, Delivery("email")))
    late = enlist.register("ada", name="late", expires_at=enlist.clock.now + 3_600_000_000)
    done(enlist.begin(late.token))
    enlist.redeem("abcdefghij")
    hook = enlist.do(AddWebhook("Inventory", HOOK)).hook.id
    enlist.do(TestWebhook(hook))
    enlist.clock.advance(hours=2)
    return {"DEVICE": issued.device_id, "ENROLLMENT": issued.enrollment_id, "HOOK": hook}


LISTS = [
    "device list",
    "device list --organization sales --platform ios",
    "device list --limit 1",
    "device show DEVICE",
    "enrollment list",
    "enrollment list --state expired",
    "enrollment list --token-status not_applicable --search nobody",
    "enrollment show ENROLLMENT",
    "user list --search a",
    "organization list",
    "organization settings sales",
    "apikey list",
    "session list",
    "audit list --limit 5",
    "audit list --since 1h --kind webhook.created",
    "webhook list",
    "webhook log HOOK",
]


def test_lists_and_details_are_the_same_from_elsewhere(
    enlist: Enlist, run: Run, remote: Run
) -> None:
    named = company(enlist)
    for line in LISTS:
        words = [named.get(word, word) for word in line.split()]
        if "--since" in words:
            words[words.index("1h")] = "2026-03-01T00:00Z"
        far, near = remote(*words), run(*words)
        assert far.out == near.out, line
        assert remote(*words, "--json").json == run(*words, "--json").json, line
    cursor = remote("device", "list", "--limit", "1", "--json").json["next_cursor"]
    assert len(remote("device", "list", "--cursor", cursor, "--json").json["items"]) == 2


def test_tokens_are_made_sent_and_ended_from_elsewhere(enlist: Enlist, remote: Run) -> None:
    enlist.user("ada")
    new = ("device", "register", "--user", "ada", "--platform", "linux", "--name", "laptop")
    numbers = ("--serial", "C02XK1", "--tag", "loan", "--attribute", "room=12")
    made = remote(*new, *numbers, "--message", "none", "--json").json
    assert made["device"]["identifiers"]["serial"] == "C02XK1"
    assert made["device"]["custom_attributes"] == {"room": "12"}
    first = made["enrollment"]
    assert first["link"].endswith(first["token"])
    device = made["device"]["id"]
    again = remote("enrollment", "reissue", first["id"], "--message", "none").out
    assert "Token" in again
    assert first["token"] not in again
    assert "The message is on its way." in remote("enrollment", "resend", first["id"]).out
    revoked = remote("enrollment", "revoke", first["id"], "--reason", "lost", "--json").json
    assert revoked == {"id": first["id"], "state": "revoked"}
    assert enlist.enrollment(first["id"]).end_reason == "lost"
    issued = remote(
        "enrollment", "issue", device, "--message", "none", "--expires", "48h", "--json"
    )
    ended = remote("enrollment", "revoke", first["id"], expect=1)
    assert "token_revoked" in ended.err
    done(enlist.redeem(Secret(issued.json["token"])))
    assert remote("device", "edit", device, "--name", "desk", "--json").json["name"] == "desk"
    foreseen = remote("device", "reset", device, "--dry-run", "--json").json
    assert (len(foreseen["consequences"]["credentials"]), foreseen["enrollment"]) == (1, None)
    reset = remote("device", "reset", device, "--reason", "lost", "--yes").out
    assert "Certificates that end" in reset
    assert enlist.device(device).state == "registered"
    enlist.user("grace")
    sent = ("user", "credentials", "grace", "nobody", "--platform", "ios", "--tag", "loan")
    several = remote(*sent, "--hours", "5", "--json", expect=1).json
    assert [each["code"] for each in several["refused"]] == ["not_found"]
    assert [each["grant"] for each in several["items"]] == ["passcode"]
    assert "recipient_cap_reached" in remote(*sent[:3], *sent[4:], expect=1).err
    remote("device", "reassign", device, "--to", "grace", "--yes")
    assert enlist.device(device).username == "grace"
    waiting = remote("device", "show", device, "--json").json["enrollments"][0]["id"]
    remote("enrollment", "delete", waiting, "--yes")
    jwt = remote(*new[:-1], "node", "--grant", "one_time_jwt", "--message", "later", "--json").json[
        "enrollment"
    ]["id"]
    assert remote("enrollment", "jwt", jwt).out.count(".") == 2
    nobody = "0199c0de-0000-7000-8000-000000000000"
    two = remote("device", "delete", device, nobody, "--yes", expect=1)
    assert "not_found" in two.err


def test_the_command_that_comes_next_is_for_the_same_server(enlist: Enlist, remote: Run) -> None:
    """It is pasted as it was printed; without the flags it would look for a folder here."""
    enlist.user("ada")
    new = ("device", "register", "--user", "ada", "--platform", "linux", "--name", "laptop")
    told = remote(*new, "--message", "later").out
    found = re.search(r"To send the token +enlist (--server .+)", told)
    assert found, told
    pasted = CliRunner().invoke(COMMANDS, shlex.split(found[1]))
    assert pasted.stdout == "The message is on its way.\n", pasted.output
    named = remote("group", "add", "--name", "night shift").out
    assert f"enlist --server {HERE} --api-key-file /" in named


def test_accounts_and_webhooks_are_kept_from_elsewhere(enlist: Enlist, remote: Run) -> None:
    assert "sales" in remote("organization", "add", "--name", "Sales", "--group-id", "sales").out
    held = remote("organization", "settings", "sales", "--set", "token_length=12", "--json").json
    assert held["token_length"] == {"value": 12, "source": "sales"}
    added = ("user", "add", "--username", "ada", "--email", "ada@example.com")
    first = ("--device", "laptop", "--platform", "linux", "--message", "none", "--json")
    both = remote(*added, "--organization", "sales", *first).json
    assert (both["username"], len(both["enrollment"]["token"])) == ("ada", 12)
    taken = remote(*added, expect=1)
    assert "username_taken" in taken.err
    wrong = remote("user", "add", "--username", "bob", "--phone", "123", expect=1)
    assert "phone:" in wrong.err
    remote("organization", "add", "--name", "B", "--group-id", "berlin", "--parent", "sales")
    remote("device", "move", both["device"]["id"], "--to", "berlin")
    assert enlist.device(both["device"]["id"]).group_id == "berlin"
    remote("user", "add", "--username", "eve")
    assert "eve is in berlin now." in remote("user", "move", "eve", "--to", "berlin").out
    phone = ("--name", "phone", "--platform", "ios", "--serial", "C02XK9", "--message", "later")
    remote("device", "register", "--user", "eve", *phone)
    remote("device", "delete", "--by", "serial", "C02XK9", "--yes")
    none = remote("device", "delete", "--by", "serial", "C02XK9", "--yes", expect=1)
    assert "not_found" in none.err
    key = remote("apikey", "create", "--name", "ci", "--role", "reader", "--json").json
    assert key["key"].startswith("enk_")
    remote("apikey", "revoke", key["id"])
    connected = enrolled(enlist)
    session = Process.of(enlist).open(connected)
    assert "Disconnected." in remote("session", "disconnect", session).out
    ends = remote("user", "offboard", "ada", "--dry-run", "--json").json
    assert (len(ends["consequences"]["enrollments"]), ends["at"]) == (1, None)
    assert "leaves" in remote("user", "offboard", "ada", "--at", "48h", "--yes").out
    assert "Nothing is planned" in remote("user", "offboard", "ada", "--cancel").out
    assert "was offboarded" in remote("user", "offboard", "ada", "--yes").out
    assert enlist.rows("app_user", username="ada")[0]["state"] == "disabled"
    hook = remote("webhook", "add", HOOK, "--name", "Inventory", "--json").json
    assert hook["secret"].startswith("whsec_")
    assert remote("webhook", "secret", hook["id"]).out.strip() != hook["secret"]
    remote("webhook", "test", hook["id"])
    (told,) = remote("webhook", "log", hook["id"], "--json").json["items"]
    remote("webhook", "replay", hook["id"], told["id"])
    for act in ("stop", "resume", "delete"):
        remote("webhook", act, hook["id"])
    assert remote("webhook", "list", "--json").json["items"] == []


@contextmanager
def answering(
    answer: Callable[[str], tuple[int, str, bytes]], pki: Pki | None = None
) -> Iterator[str]:
    """Some server that answers so: by path, with a status, a content type and a body."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, kind, body = answer(self.path)
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.send_header("location", "https://elsewhere.example.com/")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if pki is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pki.server.certificate, pki.server.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"{'https' if pki else 'http'}://localhost:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def unusable(folder: Path, server: str, *more: str, mode: int = 0o600, key: str = "enk_x") -> str:
    """How a list of devices fails there."""
    words = ["--server", server, "--api-key-file", str(key_file(folder, key, mode)), *more]
    result = CliRunner().invoke(COMMANDS, [*words, "device", "list"])
    assert isinstance(result.exception, Unusable), result.output + result.stderr
    assert key not in str(result.exception)
    return str(result.exception)


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    assert "chmod 600" in unusable(tmp_path, HERE, mode=0o640)
    assert "begins with enk_" in unusable(tmp_path, HERE, key="password")
    missing = CliRunner().invoke(
        COMMANDS, ["--server", HERE, "--api-key-file", str(tmp_path / "no"), "device", "list"]
    )
    assert "cannot be read: No such file" in str(missing.exception)
    without = CliRunner().invoke(COMMANDS, ["--server", HERE, "device", "list"])
    assert (without.exit_code, "--api-key-file" in without.stderr) == (2, True)


def test_it_is_told_what_is_wrong_with_the_server(tmp_path: Path, throwaway_pki: Pki) -> None:
    fail = partial(unusable, tmp_path)
    assert "over https:// alone" in fail("http://enroll.example.com")
    assert "such as https://" in fail("enroll.example.com")
    assert "cannot be reached" in fail(f"http://127.0.0.1:{free_port()}")
    with answering(lambda _path: (200, "text/html", b""), throwaway_pki) as url:
        assert "cannot be trusted" in fail(url)
    with answering(lambda _path: (404, "text/html", b"no"), throwaway_pki) as url:
        authority = ("--ca-file", str(throwaway_pki.authority))
        assert "not as Enlist does" in fail(url, *authority)
    with answering(lambda _path: (302, "text/html", b"")) as url:
        assert "leads to https://elsewhere.example.com/" in fail(url)

    def old(path: str) -> tuple[int, str, bytes]:
        """A server that has no list of devices yet."""
        if path.endswith("openapi.json"):
            return 200, "application/json", json.dumps({"paths": {"/api/v1/me": {}}}).encode()
        gone = {"code": "not_found", "title": "Not found", "detail": "It is not there."}
        return 404, "application/problem+json", json.dumps(gone).encode()

    with answering(old) as url:
        assert "older than this command" in fail(url)


def test_a_key_for_this_machine_goes_through_no_proxy(
    tmp_path: Path, throwaway_pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would read the key of plain HTTP; a server elsewhere is asked through it."""
    seen: list[str] = []

    def proxy(path: str) -> tuple[int, str, bytes]:
        seen.append(path)
        return 200, "application/json", b"{}"

    def enlist(_path: str) -> tuple[int, str, bytes]:
        return 200, "text/html", b"it was asked"

    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with answering(proxy) as there:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, there)
            monkeypatch.setenv(name.upper(), there)
        with answering(enlist) as plain, answering(enlist, throwaway_pki) as secure:
            for url in (plain, plain.replace("localhost", "127.0.0.1"), secure):
                with closing(Connection(url, "enk_x", throwaway_pki.authority)) as connection:
                    assert connection.ask("GET", "/devices") == "it was asked"
        assert "501" in unusable(tmp_path, "https://enroll.example.com"), "it knows no CONNECT"
    assert not seen


def test_a_key_that_is_not_taken_is_told(enlist: Enlist, remote: Run, tmp_path: Path) -> None:
    """Also one that was taken until now."""
    remote("device", "list")
    (far,) = remote("apikey", "list", "--json").json["items"]
    remote("apikey", "revoke", far["id"])
    with pytest.raises(Unusable, match="does not take this API key"):
        remote("device", "list")
