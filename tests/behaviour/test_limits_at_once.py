"""Limits are kept by counting, not by looking: of many who ask at once, only so many get through.

Here all have looked, and seen that they may, before the first of them writes.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from enlist.core.outcomes import Refusal
from enlist.pki.chain import DeviceCertificate, Flaw, Flawed
from enlist.store.limits import THROTTLE_REFUSALS
from enlist.store.tx import Reader
from enlist.verbs import api_sessions, renewal
from enlist.verbs.api_sessions import Authenticate
from enlist.verbs.device_status import DeviceStatus
from enlist.verbs.driver import AnyVerb, Driver
from enlist.verbs.extend import ExtendCertificate
from enlist.verbs.renewal import RenewCertificate
from enlist.verbs.reset import Reset
from tests.connections import Enrolled, enrolled
from tests.installation import SHOWN, Enlist
from tests.peers.base import DEADLINE
from tests.requests import weak

T = TypeVar("T")


@dataclass
class LookedFirst:
    """A store whose first readers wait for each other before they go on to write."""

    store: Any
    barrier: threading.Barrier
    seen: threading.local = field(default_factory=threading.local)

    def read(self, function: Callable[[Reader], T], **options: Any) -> T:
        found: T = self.store.read(function, **options)
        if not hasattr(self.seen, "before"):
            self.seen.before = True
            self.barrier.wait()
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


def at_once(enlist: Enlist, verb: AnyVerb[Any, Any, Any], caller: Any, times: int) -> Counter[str]:
    """How often a verb, asked so many times at once, ended in which way."""
    store: Any = LookedFirst(enlist.store, threading.Barrier(times, timeout=DEADLINE))
    driver = Driver(store, enlist.installation.tools, lambda _effects: None)
    outcomes = enlist.together([lambda: driver.perform(verb, caller)] * times)
    return Counter(
        f"{each.code}{' only counted' * each.counted_only}" if isinstance(each, Refusal) else "done"
        for each in outcomes
    )


def shown(enlist: Enlist, device: Enrolled) -> DeviceCertificate:
    (held,) = enlist.credentials_of(device.device_id)
    return DeviceCertificate(device.device_id, device.serial, held.fingerprint, held.not_after)


@pytest.mark.parametrize("way", ["status", "openziti"])
def test_a_certificate_that_is_refused_many_times_at_once_is_one_event(
    enlist: Enlist, way: str
) -> None:
    device = enrolled(enlist)
    by_way: dict[str, AnyVerb[Any, Any, Any]] = {
        "status": DeviceStatus(device.device_id, device.serial),
        "openziti": Authenticate(shown(enlist, device)),
    }
    enlist.do(Reset(device.device_id, "lost", SHOWN))
    told = at_once(enlist, by_way[way], device.caller, 4)
    assert told == {"credential_revoked": 1, "credential_revoked only counted": 3}
    assert len(enlist.events("credential.refused")) == 1


def test_a_client_begins_no_more_sessions_than_it_may(
    enlist: Enlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_sessions, "MOST_BEGUN", 2)
    device = enrolled(enlist)
    told = at_once(enlist, Authenticate(shown(enlist, device)), device.caller, 4)
    assert told == {"done": 2, "rate_limited": 2}
    assert len(enlist.events("api_session.started")) == len(enlist.rows("api_session")) == 2


def test_who_comes_without_a_certificate_is_written_down_no_more_often_than_he_may(
    enlist: Enlist,
) -> None:
    nobody = Authenticate(Flawed(Flaw.MISSING))
    told = at_once(enlist, nobody, enlist.stranger(), THROTTLE_REFUSALS + 2)
    assert told == {"unauthenticated": THROTTLE_REFUSALS, "rate_limited": 2}
    assert len(enlist.events("credential.refused")) == THROTTLE_REFUSALS


@pytest.mark.parametrize("way", ["native", "openziti"])
def test_requests_for_a_renewal_that_are_no_good_are_no_more_events_than_they_may_be(
    enlist: Enlist, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(renewal, "MOST_ASKED", 2)
    device = enrolled(enlist)
    verb: AnyVerb[Any, Any, Any] = RenewCertificate(device.device_id, device.serial, weak())
    if way == "openziti":
        certificate = shown(enlist, device)
        proved = enlist.do(Authenticate(certificate), device.caller)
        assert proved.token is not None
        verb = ExtendCertificate(proved.token, proved.credential.id, certificate, weak())
    told = at_once(enlist, verb, device.caller, 4)
    assert told == {"csr_invalid": 2, "rate_limited": 2}
    assert len([each for each in enlist.events() if each.data.get("code") == "csr_invalid"]) == 2
