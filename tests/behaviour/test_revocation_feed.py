"""The revocation feed: every revocation, in an order in which a reader can leave out none."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest

from enlist.core.caller import Caller
from enlist.core.model import Credential
from enlist.core.outcomes import Refusal
from enlist.store import credentials
from enlist.store.revocations import Revocation
from enlist.store.tx import Query, Tx
from enlist.verbs.devices import DeleteDevice
from enlist.verbs.reassign import Reassign
from enlist.verbs.reset import Reset
from enlist.verbs.revocations import Read, ReadRevocations, TakeUpRevocations, cursor_of
from enlist.verbs.users import DeleteUser
from tests.installation import SHOWN, Enlist, done
from tests.peers.base import DEADLINE

FORGOTTEN = Query(
    "test.forget_revocations",
    "UPDATE credential SET revocation_number = NULL WHERE revocation_number > :after",
)


@dataclass
class Reader:
    """Somebody who reads the feed to its end whenever he looks."""

    enlist: Enlist
    caller: Caller | None = None
    organization: str = ""
    cursor: str = ""
    heard: list[Revocation] = field(default_factory=list)

    def page(self, limit: int = 100) -> Read:
        while self.enlist.do(TakeUpRevocations()):
            pass
        view = ReadRevocations(self.cursor, self.organization, limit)
        read = self.enlist.driver.view(view, self.caller or self.enlist.host)
        assert isinstance(read, Read), read
        return read

    def look(self, limit: int = 100) -> list[str]:
        """The serials that are new to him."""
        found: list[Revocation] = []
        more = True
        while more:
            read = self.page(limit)
            found += read.items
            self.cursor, more = read.cursor, read.more
        self.heard += found
        return [each.serial for each in found]


def enrolled(
    enlist: Enlist, name: str = "laptop", key: int = 0, organization: str = ""
) -> Credential:
    """A device's certificate."""
    ticket = enlist.register(organization or "ada", name=name, organization=organization)
    done(enlist.redeem(ticket.token, key=key))
    return enlist.credentials_of(ticket.device_id)[0]


def reset(enlist: Enlist, credential: Credential, reason: str = "lost") -> str:
    enlist.do(Reset(credential.device_id, reason, SHOWN))
    return credential.serial


def refused(enlist: Enlist, view: ReadRevocations, caller: Caller | None = None) -> str:
    found = enlist.driver.view(view, caller or enlist.host)
    assert isinstance(found, Refusal)
    return found.code


def test_a_reset_is_in_the_feed_with_all_that_names_the_certificate(enlist: Enlist) -> None:
    reader, credential = Reader(enlist), enrolled(enlist)
    assert reader.look() == []
    reset(enlist, credential, "compromised")
    assert reader.look() == [credential.serial]
    (heard,) = reader.heard
    assert heard == Revocation(
        number=1,
        serial=credential.serial,
        fingerprint=credential.fingerprint,
        device_id=credential.device_id,
        organization_id=enlist.root.id,
        group_id=enlist.root.group_id,
        reason="compromised",
        revoked_at=enlist.clock.now,
        not_after=credential.not_after,
    )
    assert reader.look() == []


def test_whatever_revokes_is_in_it_in_the_order_in_which_it_happened(enlist: Enlist) -> None:
    """No verb speaks to the feed, so none can forget it."""
    reader = Reader(enlist)
    held = [enrolled(enlist, f"laptop-{key}", key) for key in range(4)]
    enlist.user("grace")
    enlist.do(DeleteDevice(held[2].device_id))
    enlist.clock.advance(seconds=1)
    reset(enlist, held[1])
    enlist.clock.advance(seconds=1)
    enlist.do(Reassign(held[3].device_id, "grace", message=SHOWN))
    enlist.clock.advance(seconds=1)
    enlist.do(DeleteUser("ada"))
    assert reader.look() == [held[place].serial for place in (2, 1, 3, 0)]
    assert [each.reason for each in reader.heard] == ["deleted", "lost", "reassigned", "deleted"]


def test_a_reader_goes_on_where_he_was(enlist: Enlist) -> None:
    """In pages as well, and after the server was started again; somebody new hears everything."""
    reader = Reader(enlist)
    gone = [reset(enlist, enrolled(enlist, f"laptop-{key}", key)) for key in range(3)]
    assert reader.look(limit=2) == gone
    again = enlist.again()
    try:
        gone.append(reset(again, enrolled(again, "laptop-3", 3)))
        reader.enlist = again
        assert reader.look() == gone[3:]
        assert Reader(again).look(limit=1) == gone
    finally:
        again.close()


def test_nothing_is_left_out_after_a_restore(enlist: Enlist) -> None:
    """The database has forgotten what a reader knows, and gives its number to something else."""
    reader = Reader(enlist)
    held = [enrolled(enlist, f"laptop-{key}", key) for key in range(4)]
    kept = reset(enlist, held[0])
    reader.look()
    reset(enlist, held[1])
    assert reader.look() == [held[1].serial]
    enlist.store.write(lambda tx: tx.run(FORGOTTEN, after=1))
    enlist.store.write(lambda tx: credentials.revoke_of_device(tx, held[1].device_id, "lost"))
    enlist.clock.advance(seconds=-5)
    other = reset(enlist, held[2])
    assert reader.look() == [kept, other, held[1].serial]


def test_what_has_run_out_is_left_out_and_a_cursor_at_it_stays_good(enlist: Enlist) -> None:
    reader = Reader(enlist)
    reset(enlist, enrolled(enlist))
    reader.look()
    enlist.clock.advance(hours=366 * 24)
    later = reset(enlist, enrolled(enlist, "laptop-1", 1))
    assert Reader(enlist).look() == [later]
    assert reader.look() == [later]


def test_an_organization_hears_of_what_was_issued_there_and_below(enlist: Enlist) -> None:
    """Also when the device has gone to another one since: the certificate was known here."""
    enlist.organization("alpha")
    enlist.organization("inner", "alpha")
    enlist.organization("beta")
    enlist.user("grace", organization="beta")
    here, below = (enrolled(enlist, name, key, name) for key, name in enumerate(("alpha", "inner")))
    elsewhere = enrolled(enlist, "main", 2)
    enlist.do(Reassign(here.device_id, "grace", message=SHOWN))
    enlist.clock.advance(seconds=1)
    for credential in (below, elsewhere):
        reset(enlist, credential)
        enlist.clock.advance(seconds=1)
    serials = [here.serial, below.serial, elsewhere.serial]
    assert Reader(enlist, enlist.staff("reader", "alpha")).look() == serials[:2]
    assert Reader(enlist, enlist.staff("reader", "inner")).look() == serials[1:2]
    assert Reader(enlist, enlist.staff("reader", "beta")).look() == []
    assert Reader(enlist, enlist.staff("reader")).look() == serials
    assert Reader(enlist, enlist.staff("reader"), "inner").look() == serials[1:2]


def test_who_may_not_read_and_what_is_no_cursor(enlist: Enlist) -> None:
    enlist.organization("alpha")
    assert refused(enlist, ReadRevocations(), enlist.staff("helpdesk")) == "forbidden"
    alphas = enlist.staff("reader", "alpha")
    assert refused(enlist, ReadRevocations(organization="main"), alphas) == "not_found"
    for text in ("1", "x-y", "1-", f"1-{'g' * 16}", f"{'9' * 19}-{'a' * 16}"):
        assert refused(enlist, ReadRevocations(text)) == "validation_failed"
    unknown = enlist.driver.view(ReadRevocations(f"{'9' * 18}-{'a' * 16}"), enlist.host)
    assert isinstance(unknown, Read)


def test_many_who_look_at_once_agree(enlist: Enlist) -> None:
    gone = [reset(enlist, enrolled(enlist, f"laptop-{key}", key)) for key in range(6)]
    readers = [Reader(enlist) for _ in range(6)]
    seen = enlist.together([reader.look for reader in readers])
    assert sorted(seen[0]) == sorted(gone)
    assert all(each == seen[0] for each in seen)
    assert [each.number for each in readers[0].heard] == list(range(1, 7))


def test_more_than_goes_at_once(enlist: Enlist, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("store", "verbs"):
        monkeypatch.setattr(f"enlist.{place}.revocations.MOST_AT_ONCE", 2)
    gone = [reset(enlist, enrolled(enlist, f"laptop-{key}", key)) for key in range(5)]
    assert sorted(Reader(enlist).look()) == sorted(gone)


@pytest.mark.parametrize(
    "store_kind", [pytest.param("postgres", marks=pytest.mark.peer("postgres"))], indirect=True
)
def test_what_is_committed_late_is_read_late_and_not_missed(enlist: Enlist) -> None:
    """A slow transaction that began, and counted time, before a quick one."""
    slow, quick = enrolled(enlist), enrolled(enlist, "laptop-1", 1)
    reader = Reader(enlist)
    revoked, commit = threading.Event(), threading.Event()

    def take_long(tx: Tx) -> None:
        credentials.revoke_of_device(tx, slow.device_id, "lost")
        revoked.set()
        assert commit.wait(DEADLINE)

    thread = threading.Thread(target=lambda: enlist.store.write(take_long))
    thread.start()
    try:
        assert revoked.wait(DEADLINE)
        enlist.clock.advance(seconds=1)
        reset(enlist, quick)
        assert reader.look() == [quick.serial]
    finally:
        commit.set()
        thread.join(DEADLINE)
    assert reader.look() == [slow.serial]
    assert [cursor_of(each).partition("-")[0] for each in reader.heard] == ["1", "2"]
