"""Locks: staff sees who has to wait and why, and ends it (X17, A71)."""

from __future__ import annotations

import pytest

from enlist.core.caller import Caller
from enlist.core.clock import HOUR, MINUTE, SECOND
from enlist.core.locks import Lock, LockCause, Locks
from enlist.core.outcomes import Done
from enlist.core.secrets import Secret
from enlist.store import locks as stored_locks
from enlist.store.limits import QUIET
from enlist.verbs import lock_list, renewal
from enlist.verbs.begin import MOST_BEGUN
from enlist.verbs.lock_list import ListLocks
from enlist.verbs.locks import ClearLock, ShowLocks
from enlist.verbs.password_links import AskForPasswordLink
from enlist.verbs.sign_in import StartSignIn
from tests.installation import PASSWORD, Enlist, code, done, refusal

WRONG = ("ada", "not her password")


def guess(enlist: Enlist, times: int, name: str = "ada", caller: Caller | None = None) -> None:
    """Try wrong passwords, each as soon as it is looked at."""
    for _ in range(times):
        told = enlist.perform(StartSignIn(name, Secret(WRONG[1])), caller or enlist.stranger())
        assert code(told) == "sign_in_failed"
        enlist.clock.now += HOUR


def listed(enlist: Enlist, verb: ListLocks, caller: Caller | None = None) -> tuple[Lock, ...]:
    """All that there are."""
    found = enlist.do(verb, caller)
    assert found.more == ()
    return found.items


def shown(found: tuple[Lock, ...]) -> list[tuple[str, str, int]]:
    return [(each.name, each.cause, each.counted) for each in found]


def test_an_account_that_has_to_wait_is_listed_and_cleared(enlist: Enlist) -> None:
    """Of its organization alone; then the next password counts at once."""
    enlist.organization("sales")
    ada = enlist.user("ada", organization="sales")
    enlist.user("eve")
    guess(enlist, 9)
    guess(enlist, 1, "nobody at all")
    again = StartSignIn("ada", Secret(WRONG[1]))
    assert code(enlist.perform(again, enlist.stranger())) == "sign_in_failed"
    (lock,) = listed(enlist, ListLocks())
    assert (lock.kind, lock.id, lock.cause, lock.counted) == ("user", ada.id, "wrong_passwords", 10)
    assert lock.until == enlist.clock.now + 512 * SECOND
    assert lock.forgotten_at == lock.until + QUIET
    assert lock.most is None
    delayed = enlist.perform(StartSignIn("ada", Secret(PASSWORD)), enlist.stranger())
    assert refusal(delayed).retry_after == 512
    helper = enlist.staff("operator", "sales")
    assert listed(enlist, ListLocks("sales"), helper) == (lock,)
    assert enlist.do(ShowLocks(named="ada"), helper) == (lock,)
    assert enlist.do(ShowLocks(named="eve")) == ()
    assert enlist.do(ClearLock("user", "ada"), helper) == 10
    (told,) = enlist.events("user.lock_cleared")
    assert told.user_id == ada.id
    assert told.data == {"counted": 10, "causes": "wrong_passwords: 10"}
    assert listed(enlist, ListLocks()) == ()
    done(enlist.perform(StartSignIn("ada", Secret(PASSWORD)), enlist.stranger()))
    assert enlist.do(ClearLock("user", "ada"), helper) == 0
    assert len(enlist.events("user.lock_cleared")) == 1, "what changes nothing is no event"


def test_what_is_counted_by_known_networks_goes_too(enlist: Enlist) -> None:
    """And what was forgotten by itself, or may be tried now, is told as that."""
    enlist.user("ada")
    home = enlist.stranger()
    done(enlist.perform(StartSignIn("ada", Secret(PASSWORD)), home))
    guess(enlist, 2, caller=home)
    guess(enlist, 3)
    for _ in range(4):
        done(enlist.perform(AskForPasswordLink("ADA"), enlist.stranger()))
    found = listed(enlist, ListLocks())
    assert sorted((each.cause, each.counted, each.network) for each in found) == [
        (LockCause.PASSWORD_LINKS, 3, ""),
        (LockCause.WRONG_PASSWORDS, 2, home.source),
        (LockCause.WRONG_PASSWORDS, 3, ""),
    ]
    assert {each.until is None for each in found} == {True, False}
    his: tuple[Lock, ...] = enlist.do(ShowLocks(named="ada"))
    assert sorted(his, key=str) == sorted(found, key=str)
    assert enlist.do(ClearLock("user", "ada")) == 8
    assert listed(enlist, ListLocks()) == ()


def test_two_who_clear_at_once_clear_once(enlist: Enlist) -> None:
    """One of them is told how many there were, the others that there was nothing left."""
    enlist.set(token_type="two_factor")
    enlist.user("ada")
    ticket = enlist.register("ada")
    guess(enlist, 4)
    for _ in range(3):
        assert code(enlist.redeem(ticket.token, login=WRONG)) == "credentials_invalid"
    for kind, named, most in (("user", "ada", 4), ("enrollment", ticket.enrollment_id, 3)):
        clearing = [lambda k=kind, n=named: enlist.perform(ClearLock(k, n)) for _ in range(4)]
        answers = [each.value for each in enlist.together(clearing) if isinstance(each, Done)]
        assert sorted(answers) == [0, 0, 0, most]
        assert len(enlist.events(f"{kind}.lock_cleared")) == 1


def test_a_token_with_wrong_logins_gets_all_ten_back(enlist: Enlist) -> None:
    """A71: the right login still works after nine wrong ones, and nine more."""
    enlist.set(token_type="two_factor")
    enlist.user("ada")
    ticket = enlist.register("ada")
    for _ in range(9):
        enlist.redeem(ticket.token, login=WRONG)
    helper = enlist.staff("helpdesk")
    (lock,) = listed(enlist, ListLocks(), helper)
    assert (lock.kind, lock.id, lock.cause) == ("enrollment", ticket.enrollment_id, "wrong_logins")
    assert (lock.counted, lock.most, lock.until, lock.forgotten_at) == (9, 10, None, None)
    assert enlist.do(ShowLocks(kind="enrollment", named=lock.id), helper) == (lock,)
    # Each is a guess at ada's password: who may not set one must not allow more of them.
    assert code(enlist.perform(ClearLock("enrollment", lock.id), helper)) == "forbidden"
    assert enlist.do(ClearLock("enrollment", lock.id), enlist.staff("operator")) == 9
    (told,) = enlist.events("enrollment.lock_cleared")
    assert (told.enrollment_id, told.data["causes"]) == (lock.id, "wrong_logins: 9")
    for _ in range(9):
        enlist.redeem(ticket.token, login=WRONG)
    assert code(enlist.redeem(ticket.token, login=("ada", PASSWORD))) == "done"
    assert listed(enlist, ListLocks()) == (), "a used one counts nothing"


def test_tokens_of_staff_are_cleared_by_who_may_edit_staff(enlist: Enlist) -> None:
    """S51: else an operator gives somebody ten guesses after ten at a colleague's password."""
    enlist.set(token_type="two_factor")
    enlist.staff("operator", username="olaf")
    ticket = enlist.register("olaf")
    for _ in range(9):
        enlist.redeem(ticket.token, login=("olaf", WRONG[1]))
    clear = ClearLock("enrollment", ticket.enrollment_id)
    assert code(enlist.perform(clear, enlist.staff("operator"))) == "forbidden"
    assert enlist.do(clear, enlist.staff("administrator")) == 9


def test_attempts_and_what_devices_ask_for_are_cleared(enlist: Enlist) -> None:
    """Each by what it is about, once it is used up."""
    enlist.user("ada")
    ticket = enlist.register("ada")
    for _ in range(MOST_BEGUN):
        done(enlist.begin(ticket.token))
    assert code(enlist.begin(ticket.token)) == "rate_limited"
    device_id = ticket.device_id
    for _ in range(renewal.MOST_ASKED - 1):
        enlist.store.write(lambda tx: renewal.asked(tx, device_id))
    (lock,) = listed(enlist, ListLocks())
    assert (lock.kind, lock.cause, lock.counted) == ("enrollment", "attempts", MOST_BEGUN)
    enlist.store.write(lambda tx: renewal.asked(tx, device_id))
    kinds = [(each.kind, each.cause) for each in listed(enlist, ListLocks())]
    assert kinds == [("enrollment", "attempts"), ("device", "renewals")]
    assert len(enlist.do(ShowLocks(kind="device", named=device_id))) == 1
    assert enlist.do(ClearLock("enrollment", ticket.enrollment_id)) == MOST_BEGUN
    assert enlist.do(ClearLock("device", device_id)) == renewal.MOST_ASKED
    assert listed(enlist, ListLocks()) == ()
    assert code(enlist.begin(ticket.token)) == "done"
    assert enlist.events("device.lock_cleared")[0].device_id == device_id


def test_a_throttled_network_is_the_top_administrators_to_clear(enlist: Enlist) -> None:
    """It belongs to no organization, so nobody else sees it."""
    sales = enlist.organization("sales")
    source = enlist.stranger()
    six = enlist.stranger("2001:db8::1:2")
    for caller in (source, six):
        for _ in range(10):
            enlist.redeem("abcdefghij", caller=caller)
    assert code(enlist.redeem("abcdefghij", caller=source)) == "rate_limited"
    head, other = enlist.staff("administrator"), enlist.staff("administrator", "sales")
    found = listed(enlist, ListLocks(), head)
    assert {(each.kind, each.id, each.cause, each.counted) for each in found} == {
        ("network", source.source, "refusals", 10),
        ("network", "2001:db8::", "refusals", 10),
    }
    assert {each.name for each in found} == {source.source, "2001:db8::/64"}
    assert found[0].until == enlist.clock.now + 10 * MINUTE
    assert listed(enlist, ListLocks(sales.id), head) == ()
    assert listed(enlist, ListLocks(), enlist.staff("operator")) == ()
    assert code(enlist.perform(ClearLock("network", source.source), other)) == "not_found"
    operator = enlist.staff("operator")
    assert code(enlist.perform(ClearLock("network", source.source), operator)) == "forbidden"
    wrong = refusal(enlist.perform(ClearLock("network", "all of them"), head))
    assert [each.field for each in wrong.fields] == ["address"]
    assert enlist.do(ClearLock("network", "2001:db8::/64"), head) == 10
    assert enlist.do(ClearLock("network", source.source), head) == 10
    assert listed(enlist, ListLocks(), head) == ()
    assert code(enlist.redeem("abcdefghij", caller=source)) == "token_invalid"
    told = enlist.events("network.lock_cleared")[-1]
    assert told.data == {"counted": 10, "causes": "refusals: 10"}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> int:
    """So many are shown."""
    monkeypatch.setattr(stored_locks, "MOST_SHOWN", 2)
    monkeypatch.setattr(lock_list, "MOST_SHOWN", 2)
    return 2


def test_names_that_nobody_has_take_no_place(enlist: Enlist, few: int) -> None:
    """However many a stranger makes up, and however much he asks for by them."""
    enlist.user("ada")
    guess(enlist, 2)
    for number in range(few + 3):
        guess(enlist, 2, f"nobody {number}")
        for _ in range(3):
            done(enlist.perform(AskForPasswordLink(f"nobody {number}"), enlist.stranger()))
    for _ in range(3):
        done(enlist.perform(AskForPasswordLink("ada"), enlist.stranger()))
    assert len(enlist.rows("throttle")) > 2 * few
    found = listed(enlist, ListLocks(), enlist.staff("administrator"))
    assert sorted(shown(found)) == [("ada", "password_links", 3), ("ada", "wrong_passwords", 2)]


def test_more_than_are_shown_are_said_and_cleared_by_name(enlist: Enlist, few: int) -> None:
    """Those that wait longest are listed; elsewhere nobody's place is taken."""
    enlist.organization("sales")
    enlist.user("far", organization="sales")
    guess(enlist, 1, "far")
    for number in range(few + 1):
        enlist.user(f"user{number}")
        guess(enlist, 1 + number, f"user{number}")
    for _ in range(few + 1):
        stranger = enlist.stranger()
        for _ in range(10):
            enlist.redeem("abcdefghij", caller=stranger)
    head = enlist.staff("administrator")
    found: Locks = enlist.do(ListLocks(), head)
    assert found.more == ("user", "network")
    names = [each.name for each in found.items if each.kind == "user"]
    assert names == ["user2", "user1"]
    assert len(found.items) == 2 * few
    assert enlist.do(ClearLock("user", "far"), head) == 1
    assert enlist.do(ClearLock("user", "user0"), head) == 1
    guess(enlist, 1, "far")
    assert shown(listed(enlist, ListLocks("sales"), head)) == [("far", "wrong_passwords", 1)]


@pytest.mark.parametrize("role", ["helpdesk", "operator"])
def test_staff_is_seen_and_cleared_by_who_may_do_that(enlist: Enlist, role: str) -> None:
    """S51: a help desk does not see staff at all; an operator sees, but an administrator clears."""
    boss = enlist.staff("administrator", username="boss")
    guess(enlist, 2, "boss")
    caller = enlist.staff(role)
    seen = [] if role == "helpdesk" else [("boss", "wrong_passwords", 2)]
    assert shown(listed(enlist, ListLocks(), caller)) == seen
    answer = "not_found" if role == "helpdesk" else "forbidden"
    assert code(enlist.perform(ClearLock("user", "boss"), caller)) == answer
    assert enlist.do(ClearLock("user", "boss"), boss) == 2
    unknown = refusal(enlist.perform(ClearLock("castle", "boss"), boss))
    assert [each.field for each in unknown.fields] == ["kind"]
