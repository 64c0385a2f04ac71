"""The device listener's key under a running server: replaced, or not the one that clients see."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from structlog.testing import capture_logs

from enlist.datafolder import write_secret
from enlist.pki import keys
from enlist.verbs.listener_key import NoteListenerKey
from enlist.verbs.one_time_jwt import ShowJwt
from enlist.wiring import listener_key
from enlist.wiring.listener_key import AnotherKey, ShownKey
from tests.behaviour.jwts import register
from tests.behaviour.listener_keys import believed, put_another_key
from tests.installation import Enlist
from tests.peers.base import free_port, wait_until
from tests.peers.pki import Pair, Pki
from tests.server.certificate_files import shown
from tests.serving import StartServer
from tests.wiring.doctoring import certified, site

EAGER = """
from enlist.web import serving
from enlist.wiring import listener_key
serving.LOOK_EVERY = listener_key.LOOK_EVERY = listener_key.ASK_EVERY = 0.2
from enlist.wiring import main
main()
"""
"""A server that looks more often."""


def logged(watch: AnotherKey | ShownKey) -> list[str]:
    """What one more look says."""
    with capture_logs() as lines:
        watch.look()
    return [str(line["event"]) for line in lines if line["log_level"] != "debug"]


def test_another_key_is_announced_while_the_server_runs(enlist: Enlist) -> None:
    """D37: by an event and a line, each once; and JWTs that are shown from then on are believed."""
    folder = enlist.settings.data
    enlist.do(NoteListenerKey())
    watch = AnotherKey(enlist.installation, folder)
    issued = register(enlist)
    assert logged(watch) == []
    put_another_key(folder)
    assert logged(watch) == ["the device listener has another key"]
    assert logged(watch) == []
    assert [event.data["jwts"] for event in enlist.events("key.listener_changed")] == [1]
    assert believed(enlist, enlist.do(ShowJwt(issued.enrollment_id)).jwt)


def test_a_key_that_is_moved_away_is_made_anew(enlist: Enlist) -> None:
    """As the guide says it; and it is one that older clients believe (D36)."""
    enlist.do(NoteListenerKey())
    watch = AnotherKey(enlist.installation, enlist.settings.data)
    before = enlist.installation.tools.listener().key_id
    (enlist.settings.data / "pki" / "device-listener.key").unlink()
    logged(watch)
    assert enlist.installation.tools.listener().key_id != before
    assert len(enlist.events("key.listener_changed")) == 1


def test_a_key_of_another_kind_is_told_once(enlist: Enlist) -> None:
    """D36: nothing is noted, and the right one is found when it is back."""
    file = enlist.settings.data / "pki" / "device-listener.key"
    right = file.read_bytes()
    enlist.do(NoteListenerKey())
    watch = AnotherKey(enlist.installation, enlist.settings.data)
    write_secret(file, keys.to_pem(keys.new_signing_key()))
    assert logged(watch) == ["the device listener's key cannot be used"]
    assert logged(watch) == []
    write_secret(file, right)
    assert logged(watch) == []
    assert enlist.events("key.listener_changed") == []


def test_of_many_processes_one_announces_it(enlist: Enlist) -> None:
    """Each of them looks at the same moment."""
    enlist.do(NoteListenerKey())
    register(enlist)
    put_another_key(enlist.settings.data)
    enlist.installation.tools.listener()
    enlist.together([partial(listener_key.note, enlist.installation)] * 4)
    assert len(enlist.events("key.listener_changed")) == 1


def test_an_address_that_shows_another_key(enlist: Enlist, tmp_path: Path) -> None:
    """D38: what answers there has a certificate of our own CA, and yet the wrong key."""
    listener, port = enlist.installation.tools.listener, free_port()
    url = f"https://localhost:{port}"
    watch = ShownKey(url, listener)
    assert (logged(watch), watch.why_not_ready()) == ([], ""), "nobody answers: nothing is known"
    pair = certified(enlist.settings.data, tmp_path / "other", "localhost")
    with site({}, pair, port):
        (said,) = logged(watch)
        assert "another key" in said
        assert (logged(watch), watch.why_not_ready()) == ([], "device_key")
    pki = enlist.settings.data / "pki"
    right = Pair(pki / "device-listener.pem", pki / "device-listener.key")
    with site({}, right, port):
        (said,) = logged(watch)
        assert "no other key any more" in said
    assert watch.why_not_ready() == ""


def test_a_server_whose_device_address_leads_elsewhere_takes_no_traffic(
    start_server: StartServer, throwaway_pki: Pki
) -> None:
    """D38, and that it takes some again; D37: a new key is shown without a restart."""
    port = free_port()
    there = {"ENLIST_DEVICE_URL": f"https://localhost:{port}"}
    server = start_server(environment=there, program=("-c", EAGER))

    def readiness() -> tuple[int, str]:
        with server.client() as client:
            answer = client.get("/readyz")
        return answer.status_code, answer.json().get("reason", "")

    with site({}, throwaway_pki.rogue, port):
        wait_until(lambda: readiness() == (503, "device_key"), "to be not ready")
    wait_until(lambda: readiness() == (200, ""), "to be ready again")

    before = shown(server.device_url)
    put_another_key(server.data)
    wait_until(lambda: shown(server.device_url) != before, "another certificate")
