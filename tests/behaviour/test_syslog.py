"""Events reach a real syslog receiver over TLS, in order, and none is lost by anybody's restart."""

from __future__ import annotations

import json
import re
import socket
import ssl
import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from enlist.delivery import syslog as delivery
from enlist.delivery.syslog import PARAMETERS, Place, Syslog
from enlist.settings import Settings
from enlist.verbs.sealing import Sealer
from enlist.wiring import syslog as wiring
from enlist.wiring.doctor.check import Ground
from enlist.wiring.syslog import SyslogThread
from tests.installation import Enlist
from tests.peers.base import DEADLINE
from tests.peers.rsyslog import Line, Rsyslog
from tests.wiring.doctoring import amiss, left_out, well


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "SETTLED", 0.2)


class Telling:
    """Whoever tells the receiver; `told` is how far it is written down that he was told."""

    def __init__(self, enlist: Enlist, receiver: Rsyslog, name: str) -> None:
        self.enlist = enlist
        self.syslog = Syslog(Place.of(receiver.url), receiver.authority)
        self.thread = SyslogThread(enlist.driver, self.syslog, name, every=0.05)
        self._sealer = Sealer(enlist.store)

    def seal(self) -> None:
        while self._sealer.look().more:
            pass

    def __enter__(self) -> Telling:
        self.seal()
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.thread.stop()

    def until_noted(self) -> None:
        deadline = time.monotonic() + DEADLINE
        while wiring.LAG._value.get() != 0:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def seqs(lines: list[Line]) -> list[int]:
    return [json.loads(each.text)["seq"] for each in lines]


def test_rsyslog_reads_every_event_in_order_with_all_its_parts(
    enlist: Enlist, rsyslog: Rsyslog, request: pytest.FixtureRequest
) -> None:
    rsyslog.told.write_text("")
    ticket = enlist.register("ada")
    with Telling(enlist, rsyslog, request.node.name) as telling:
        lines = rsyslog.wait_for(ticket.device_id)
        telling.until_noted()
    lines = rsyslog.lines
    assert seqs(lines) == list(range(len(enlist.events())))
    last = next(each for each in lines if each.kind == "device.registered")
    assert (last.facility, last.severity) == ("13", "5")
    assert (last.host, last.application) == ("localhost", "enlist")
    told = dict(re.findall(r'(\w+)="([^"]*)"', last.data))
    assert last.data.startswith("[enlist@32473 ")
    assert set(told) <= set(PARAMETERS)
    assert (told["version"], told["organization"], told["stage"]) == ("1", "main", "issued")
    assert (told["seq"], told["device_id"]) == (str(json.loads(last.text)["seq"]), ticket.device_id)
    whole = json.loads(last.text)
    assert whole["version"] == 1
    assert whole["personal"]["user"] == "ada"
    assert ticket.token.reveal() not in rsyslog.told.read_text()


def test_restarts_on_either_side_lose_nothing(
    enlist: Enlist, rsyslog: Rsyslog, request: pytest.FixtureRequest
) -> None:
    rsyslog.told.write_text("")
    first = enlist.register("ada", name="one")
    with Telling(enlist, rsyslog, request.node.name) as telling:
        rsyslog.wait_for(first.device_id)
        telling.until_noted()
    before = len(rsyslog.lines)
    second = enlist.register("ada", name="two")
    with Telling(enlist, rsyslog, request.node.name) as telling:
        rsyslog.wait_for(second.device_id)
        assert seqs(rsyslog.lines)[before] == before, "it goes on where it was"
        rsyslog.stop()
        third = enlist.register("ada", name="three")
        telling.seal()
        time.sleep(0.3)
        rsyslog.start()
        enlist.clock.advance(minutes=1)
        rsyslog.wait_for(third.device_id)
        telling.until_noted()
    assert set(seqs(rsyslog.lines)) == set(range(len(enlist.events())))


def test_a_receiver_of_another_authority_is_told_nothing(enlist: Enlist, rsyslog: Rsyslog) -> None:
    with pytest.raises(ssl.SSLError):
        Syslog(Place.of(rsyslog.url)).send(b"5 hello", 1)


def test_on_this_machine_it_may_be_plain_and_without_names(
    enlist: Enlist, rsyslog: Rsyslog
) -> None:
    rsyslog.told.write_text("")
    ticket = enlist.register("grace")
    sealer = Sealer(enlist.store)
    while sealer.look().more:
        pass
    settings = enlist.settings.model_copy(
        update={"syslog": rsyslog.plain, "syslog_personal": False}
    )
    (thread,) = wiring.syslog(enlist.driver, settings)
    thread.start()
    rsyslog.wait_for(ticket.device_id)
    thread.stop()
    assert "grace" not in rsyslog.told.read_text()


def test_a_receiver_who_closes_is_noticed_before_it_counts_as_told() -> None:
    """Everything was sent, and confirmed by his machine; he had not read it."""
    ours, his = socket.socketpair()
    receiver = Syslog(Place("localhost", 1, tls=False))
    receiver._connection = ours
    receiver.send(b"5 hello", 7)
    his.recv(100)
    his.close()
    with pytest.raises(OSError, match="closed"):
        receiver.settled()
    receiver.close()


@pytest.mark.parametrize(
    "wrong",
    [
        "siem.example.com",
        "tcp://siem.example.com:514",
        "tls://siem.example.com",
        "udp://127.0.0.1:5",
    ],
)
def test_a_place_that_would_tell_others_is_refused(wrong: str, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="tls://"):
        Settings(data=tmp_path, syslog=wrong)


def test_the_doctor_sees_whether_he_is_there_and_hears(enlist: Enlist, rsyslog: Rsyslog) -> None:
    def ground(**given: object) -> Ground:
        given = {"syslog": rsyslog.url, "syslog_ca_file": rsyslog.authority, **given}
        return Ground(enlist.settings.model_copy(update=given), clock=enlist.clock)

    left_out(ground(syslog=""), "syslog-reachable")
    well(ground(), "syslog-reachable")
    amiss(ground(syslog_ca_file=None), "syslog-reachable", says="cannot be trusted")
    amiss(ground(syslog="tls://127.0.0.1:9"), "syslog-reachable", says="cannot be reached")
    missing = enlist.settings.data / "no.pem"
    amiss(ground(syslog_ca_file=missing), "syslog-reachable", says="no.pem")
    sealer = Sealer(enlist.store)
    while sealer.look().more:
        pass
    well(ground(), "syslog-behind")
    enlist.clock.advance(minutes=20)
    amiss(ground(), "syslog-behind", says="the oldest for 2")
