"""Self-service from the passcode to the enrolled device: what is asked for is answered beside."""

from __future__ import annotations

from functools import partial

import pytest

from enlist.core.secrets import Secret
from enlist.store import credential_requests
from enlist.verbs.answering import Answering
from enlist.verbs.issuing import Issued
from enlist.verbs.passcodes import DisablePasscode, GeneratePasscode, ShowPasscode
from enlist.verbs.self_service import AskForCredentials
from enlist.verbs.users import SetUserState
from tests.behaviour.credentials import pair
from tests.installation import Enlist, code, done


@pytest.fixture
def passcode(enlist: Enlist) -> str:
    enlist.user("ada")
    return enlist.do(GeneratePasscode()).secret.reveal()


def ask(enlist: Enlist, passcode: str, named: str = "ada", platform: str = "linux") -> None:
    done(enlist.perform(AskForCredentials(named, Secret(passcode), platform), enlist.stranger()))


def answer(enlist: Enlist) -> None:
    Answering(enlist.driver, enlist.store).work(stopping=lambda: False)


def waiting(enlist: Enlist) -> int:
    return len(enlist.store.read(lambda tx: credential_requests.waiting(tx, 100)))


def issued(enlist: Enlist) -> list[Issued]:
    """The credentials that are on their way, the first first."""
    rows = [row for row in enlist.rows("enrollment") if row["grant_kind"] == "passcode"]
    letters = {row["enrollment_id"]: row["id"] for row in enlist.rows("message")}
    return [
        Issued(
            row["id"],
            row["device_id"],
            row["expires_at"],
            row["generation"],
            None,
            letters[row["id"]],
        )
        for row in rows
    ]


def test_from_the_passcode_to_the_enrolled_device(enlist: Enlist, passcode: str) -> None:
    """B04, B12, B14, B29, X27: the use is counted when the device has enrolled, not before."""
    ask(enlist, passcode, " ADA@example.com ")
    assert not enlist.rows("message")
    answer(enlist)
    assert waiting(enlist) == 0
    [letter] = enlist.rows("message")
    assert letter["recipient"] == "ada@example.com"
    [found] = issued(enlist)
    before = enlist.see(ShowPasscode()).passcode
    assert before is not None
    assert (before.accepted, before.uses, before.last_used_at) == (1, 0, None)
    assert code(enlist.redeem(login=pair(enlist, found))) == "done"
    after = enlist.see(ShowPasscode()).passcode
    assert after is not None
    assert (after.uses, after.last_used_by, after.last_used_at) == (1, "ada", enlist.clock())
    assert after.last_used_device_id == found.device_id


def test_several_processes_answer_each_once(enlist: Enlist, passcode: str) -> None:
    for number in range(8):
        enlist.user(f"user{number}")
        ask(enlist, passcode, f"user{number}")
    others = [enlist, *(enlist.again() for _ in range(3))]
    enlist.together([partial(answer, each) for each in others])
    assert waiting(enlist) == 0
    assert len(issued(enlist)) == len(enlist.rows("message")) == 8
    assert not [event for event in enlist.events() if event.kind == "passcode.refused"]


def test_who_asks_again_gets_newer_ones_for_the_same_device(enlist: Enlist, passcode: str) -> None:
    ask(enlist, passcode)
    answer(enlist)
    enlist.clock.advance(minutes=1)
    [first] = issued(enlist)
    old = pair(enlist, first)
    ask(enlist, passcode)
    answer(enlist)
    [second] = issued(enlist)
    assert second.generation == 2
    assert code(enlist.redeem(login=old)) == "token_replaced"
    assert code(enlist.redeem(login=pair(enlist, second))) == "done"


def test_what_was_sent_stays_good_when_the_passcode_ends(enlist: Enlist, passcode: str) -> None:
    """Recipe 7: regenerated or disabled meanwhile, the passcode was right when it was entered."""
    ask(enlist, passcode)
    enlist.do(DisablePasscode())
    answer(enlist)
    enlist.do(GeneratePasscode())
    [found] = issued(enlist)
    assert code(enlist.redeem(login=pair(enlist, found))) == "done"


def test_what_cannot_be_answered_is_told_in_the_log_and_not_tried_again(
    enlist: Enlist, passcode: str
) -> None:
    ask(enlist, passcode)
    enlist.do(SetUserState("ada", "disabled"))
    answer(enlist)
    assert waiting(enlist) == 0
    assert issued(enlist) == []
    refused = [event for event in enlist.events() if event.kind == "passcode.refused"]
    assert [event.data["code"] for event in refused] == ["user_not_allowed"]
    assert done(enlist.perform(SetUserState("ada", "active"))).username == "ada"


def test_who_stops_leaves_the_rest_for_the_next_round(enlist: Enlist, passcode: str) -> None:
    ask(enlist, passcode)
    Answering(enlist.driver, enlist.store).work(stopping=lambda: True)
    assert waiting(enlist) == 1
