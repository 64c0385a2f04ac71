"""Waves: tokens for many people bit by bit, held, resumed, resent, and each person exactly once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from enlist.core.caller import SYSTEM, Caller
from enlist.core.outcomes import Refusal
from enlist.store import enrollment_secrets, outbox, users, waves
from enlist.store.tx import StoreUnavailable
from enlist.store.wave_members import Member, MemberState
from enlist.store.waves import Plan, Wave, WaveState
from enlist.verbs.crowding import Room
from enlist.verbs.deliver import Claim, Deliver
from enlist.verbs.groups import AddGroup, AddMember
from enlist.verbs.letters import Letter
from enlist.verbs.opened import Opened
from enlist.verbs.reissue import Revoke
from enlist.verbs.verdicts import Accepted, Rejected
from enlist.verbs.waves import (
    ContinueWave,
    ListWaveMembers,
    PauseWave,
    ResendWave,
    ResumeWave,
    ShowWave,
    StartWave,
    StopWave,
    Whom,
)
from enlist.verbs.waving import HELD, IssueInWave, Waving
from tests.installation import Enlist, code

NAMES = tuple(f"user{number}" for number in range(10))


def plan(**values: Any) -> Plan:
    usual: dict[str, Any] = {
        "name": "autumn",
        "platform": "linux",
        "ownership": "none",
        "device_name": "{user}'s laptop",
        "channel": "email",
        "template": "",
        "hours": 0,
        "per_minute": 0,
        "canary_percent": 0,
        "canary_needs": 0,
        "remind_hours": 0,
    }
    return Plan(**usual | values)


def started(
    enlist: Enlist, names: Sequence[str] = NAMES, caller: Caller | None = None, **values: Any
) -> Wave:
    return enlist.do(StartWave("", plan(**values), Whom(users=tuple(names))), caller)


@pytest.fixture
def people(enlist: Enlist) -> tuple[str, ...]:
    for name in NAMES:
        enlist.user(name, password="")
    return NAMES


def work(enlist: Enlist) -> None:
    """All that can be done at this moment."""
    waving = Waving(enlist.driver, enlist.store)
    while waving.work():
        pass


def now(enlist: Enlist, wave: Wave) -> Wave:
    found = enlist.store.read(lambda tx: waves.find(tx, wave.id))
    assert found is not None
    return found


def counts(enlist: Enlist, wave: Wave) -> dict[str, int]:
    shown = enlist.driver.view(ShowWave(wave.id), enlist.host)
    assert not isinstance(shown, Refusal)
    return {state.value: found for state, found in shown.counts.items() if found}


def members(enlist: Enlist, wave: Wave, state: str = "") -> list[Member]:
    view = ListWaveMembers(filters={"wave": wave.id, "state": state})
    page = enlist.driver.view(view, enlist.host)
    assert not isinstance(page, Refusal)
    return list(page.items)


def owners(enlist: Enlist) -> Counter[str]:
    """How many enrollments each user has."""
    return Counter(row["user_id"] for row in enlist.rows("enrollment"))


def once_each(enlist: Enlist, names: Sequence[str]) -> bool:
    found = enlist.store.read(lambda tx: [users.by_username(tx, name) for name in names])
    same = owners(enlist) == Counter(user.id for user in found if user)
    return same and len(enlist.rows("message")) == len(enlist.rows("device")) == len(names)


def post(enlist: Enlist, verdict: Accepted | Rejected = Accepted()) -> list[Letter]:  # noqa: B008
    """Send what is in the outbox."""
    letters: list[Letter] = []

    def take(letter: Letter) -> Accepted | Rejected:
        letters.append(letter)
        return verdict

    for row in enlist.rows("message"):
        claimed = enlist.do(Claim(row["id"]), SYSTEM)
        if claimed is not None:
            enlist.do(Deliver(claimed, take), SYSTEM)
    return letters


def enroll(enlist: Enlist, member: Member, key: int) -> None:
    """What its user does with the token."""
    row = enlist.store.read(
        lambda tx: enrollment_secrets.derivation(tx, member.enrollment_id or "", 1)
    )
    assert row is not None
    token = enlist.driver.tools.keys.derive_again(
        member.enrollment_id or "", 1, row.key_id, row.length, row.alphabet
    )
    assert code(enlist.redeem(token, key=key)) == "done"


def test_everybody_gets_a_token_once(enlist: Enlist, people: Sequence[str]) -> None:
    """X46: whoever is nobody here, or has no address, fails by himself, and says why."""
    enlist.user("mute", email="")
    wave = started(enlist, [*people, "nobody", "mute", people[0].upper()])
    assert (wave.people, wave.state) == (12, WaveState.RUNNING)
    work(enlist)
    assert (now(enlist, wave).state, now(enlist, wave).done) == (WaveState.DONE, 12)
    assert once_each(enlist, people)
    assert counts(enlist, wave) == {"queued": 10, "failed": 2}
    why = {each.username: each.reason for each in members(enlist, wave, "failed")}
    assert why == {"nobody": "not_found", "mute": "email_missing"}
    assert {row["name"] for row in enlist.rows("device")} == {f"{name}'s laptop" for name in people}
    registered = [each.data["wave"] for each in enlist.events("device.registered")]
    assert registered == [wave.id] * 10
    (ended,) = enlist.events("wave.ended")
    assert (ended.data["people"], ended.data["failed"]) == (12, 2)


@pytest.mark.parametrize("committed", [False, True])
def test_a_killed_wave_goes_on_with_each_person_once(
    enlist: Enlist, people: Sequence[str], monkeypatch: pytest.MonkeyPatch, *, committed: bool
) -> None:
    """Its process dies before or after the commit of the fourth, and leaves all as it is; another
    takes over when the claim ends."""
    wave, written = started(enlist), IssueInWave.write
    turns: list[str] = []

    def dies(self: IssueInWave, *rest: Any) -> Any:
        done = written(self, *rest)
        turns.append(self.user)
        if len(turns) == 4 and not committed:
            raise StoreUnavailable("killed")
        return done

    def killed() -> bool:
        if len(turns) == 4:
            raise StoreUnavailable("killed")
        return False

    monkeypatch.setattr(IssueInWave, "write", dies)
    with pytest.raises(StoreUnavailable):
        Waving(enlist.driver, enlist.store).work(stopping=killed)
    monkeypatch.undo()
    assert now(enlist, wave).done == len(enlist.rows("enrollment")) == 3 + committed
    other = enlist.again()
    assert not Waving(other.driver, other.store).work(wave.id)
    enlist.clock.advance(microseconds=HELD)
    work(other)
    assert now(enlist, wave).state is WaveState.DONE
    assert once_each(enlist, people)


def test_two_processes_never_do_the_same_person(enlist: Enlist, people: Sequence[str]) -> None:
    """Not even one that was held up until its claim ran out, with the person before its eyes."""
    wave = started(enlist)
    slow, other = Waving(enlist.driver, enlist.store), enlist.again()
    looked = iter(range(10))

    def stalls() -> bool:
        if next(looked) == 3:
            enlist.clock.advance(microseconds=HELD)
            quick = Waving(other.driver, other.store)
            assert quick.work(wave.id, stopping=lambda: len(enlist.rows("enrollment")) > 5)
        return False

    slow.work(wave.id, stopping=stalls)
    work(enlist)
    assert (now(enlist, wave).state, now(enlist, wave).done) == (WaveState.DONE, 10)
    assert once_each(enlist, people)
    assert list(enlist.events("request.refused")) == []


def test_a_throttle_counts_across_processes(enlist: Enlist, people: Sequence[str]) -> None:
    """P20: so many a minute; a restart in between gives nobody more."""
    started(enlist, per_minute=2)
    sent = []
    for _ in range(6):
        work(enlist)
        work(enlist.again())
        sent.append(len(enlist.rows("message")))
        enlist.clock.advance(seconds=30)
    assert sent == [1, 2, 3, 4, 5, 6]


def test_a_pause_holds_it_from_the_next_person_on(enlist: Enlist, people: Sequence[str]) -> None:
    wave = started(enlist, people)
    looks = iter(range(20))

    def pauses() -> bool:
        if next(looks) == 3:
            enlist.do(PauseWave(wave.id))
        return False

    Waving(enlist.driver, enlist.store).work(stopping=pauses)
    assert (now(enlist, wave).state, len(enlist.rows("enrollment"))) == (WaveState.PAUSED, 3)
    work(enlist)
    assert len(enlist.rows("enrollment")) == 3
    assert code(enlist.perform(PauseWave(wave.id))) == "conflict"
    enlist.do(ResumeWave(wave.id))
    assert code(enlist.perform(ResumeWave(wave.id))) == "conflict"
    work(enlist)
    assert once_each(enlist, people)
    kinds = [row["kind"] for row in enlist.rows("event") if row["kind"].startswith("wave.")]
    assert kinds == ["wave.started", "wave.paused", "wave.resumed", "wave.ended"]


def test_a_first_share_waits_for_a_go_ahead(enlist: Enlist, people: Sequence[str]) -> None:
    """X46: and a pause in between does not let the others through."""
    wave = started(enlist, canary_percent=25)
    assert wave.canary == 3
    work(enlist)
    assert (now(enlist, wave).state, len(enlist.rows("enrollment"))) == (WaveState.WAITING, 3)
    assert [each.canary for each in members(enlist, wave)] == [True] * 3 + [False] * 7
    enlist.do(PauseWave(wave.id))
    enlist.do(ResumeWave(wave.id))
    work(enlist)
    assert (now(enlist, wave).state, len(enlist.rows("enrollment"))) == (WaveState.WAITING, 3)
    enlist.do(ContinueWave(wave.id))
    assert code(enlist.perform(ContinueWave(wave.id))) == "conflict"
    work(enlist)
    assert once_each(enlist, people)


def test_it_goes_on_by_itself_once_enough_have_enrolled(
    enlist: Enlist, people: Sequence[str]
) -> None:
    wave = started(enlist, canary_percent=40, canary_needs=50)
    work(enlist)
    first, second, *_ = members(enlist, wave)
    for place, member in enumerate((first, second)):
        enlist.clock.advance(seconds=10)
        work(enlist)
        assert (now(enlist, wave).state, now(enlist, wave).done) == (WaveState.WAITING, 4)
        enroll(enlist, member, place)
    enlist.clock.advance(seconds=10)
    work(enlist)
    assert (now(enlist, wave).state, now(enlist, wave).done) == (WaveState.DONE, 10)
    (told,) = enlist.events("wave.continued")
    assert (told.data["enrolled"], told.data["canary"]) == (2, 4)


def test_each_is_shown_as_far_as_he_is(enlist: Enlist, people: Sequence[str]) -> None:
    """X46: queued, sent, delivered, opened, redeemed, or failed and why; and by state."""
    wave = started(enlist)
    work(enlist)
    found = members(enlist, wave)
    ids = [each.enrollment_id or "" for each in found]
    post(enlist)
    by_enrollment = {row["enrollment_id"]: row["id"] for row in enlist.rows("message")}
    enlist.store.write(lambda tx: outbox.delivered(tx, by_enrollment[ids[1]]))
    enlist.do(Opened(ids[2], by_person=True), SYSTEM)
    enlist.do(Opened(ids[4], by_person=False), SYSTEM)
    enroll(enlist, found[3], 0)
    enlist.do(Revoke(ids[5]))
    shown = [each.state for each in members(enlist, wave)]
    assert shown == [
        MemberState.SENT, MemberState.DELIVERED, MemberState.OPENED, MemberState.REDEEMED,
        MemberState.SENT, MemberState.FAILED, *[MemberState.SENT] * 4,
    ]  # fmt: skip
    assert [each.username for each in members(enlist, wave, "opened")] == [people[2]]
    assert members(enlist, wave, "failed")[0].reason == "token_revoked"
    enlist.clock.advance(hours=25)
    assert counts(enlist, wave) == {"redeemed": 1, "failed": 9}
    assert members(enlist, wave)[0].reason == "token_expired"


def test_what_a_mail_server_refuses_is_told(enlist: Enlist, people: Sequence[str]) -> None:
    wave = started(enlist, people[:1])
    work(enlist)
    post(enlist, Rejected("no such mailbox"))
    (member,) = members(enlist, wave, "failed")
    assert (member.reason, member.recipient) == ("no such mailbox", "user0@example.com")


def test_who_has_not_enrolled_is_sent_it_again(enlist: Enlist, people: Sequence[str]) -> None:
    """Whoever did, or whose token ended, is left in peace; a pause holds this, too."""
    wave = started(enlist)
    work(enlist)
    found = members(enlist, wave)
    enroll(enlist, found[0], 0)
    enlist.do(Revoke(found[1].enrollment_id or ""))
    enlist.do(ResendWave(wave.id))
    enlist.do(ResendWave(wave.id))  # a second press asks for nothing more
    work(enlist)
    per = Counter(row["enrollment_id"] for row in enlist.rows("message"))
    assert [per[each.enrollment_id] for each in found] == [1, 1] + [2] * 8
    assert len(enlist.rows("enrollment")) == 10
    asked = [each.data["people"] for each in enlist.events("wave.resent")]
    assert sorted(map(str, asked)) == ["0", "8"]
    assert now(enlist, wave).state is WaveState.DONE


def test_who_forgets_is_reminded_once(enlist: Enlist, people: Sequence[str]) -> None:
    """Before the token expires, and not whoever enrolled; off unless it is asked for."""
    silent = started(enlist, people[:1])
    wave = started(enlist, people[1:4], remind_hours=6, hours=48)
    work(enlist)
    post(enlist)
    enroll(enlist, members(enlist, wave)[0], 0)
    enlist.clock.advance(hours=41, minutes=59)
    work(enlist)
    assert post(enlist) == []
    for _ in range(4):
        enlist.clock.advance(minutes=30)
        work(enlist)
    letters = post(enlist)
    assert [(each.purpose, each.recipient) for each in letters] == [
        ("reminder", "user2@example.com"), ("reminder", "user3@example.com"),
    ]  # fmt: skip
    reminded = [each.reminded for each in members(enlist, wave)]
    assert (reminded, members(enlist, silent)[0].reminded) == ([False, True, True], False)
    assert [each.data.get("reminder") for each in enlist.events("enrollment.resent")] == [True] * 2
    enlist.clock.advance(hours=24)
    work(enlist)
    assert post(enlist) == []


def test_a_group_and_a_file(enlist: Enlist, people: Sequence[str]) -> None:
    """Members who belong elsewhere are no business of this wave; a file may say what each has."""
    enlist.organization("north")
    enlist.user("nora", organization="north")
    group = enlist.do(AddGroup("", "field staff"))
    for name in (people[1], people[0], "nora"):
        enlist.do(AddMember(group.id, name))
    wave = enlist.do(StartWave("", plan(), Whom(group=group.id)))
    assert [each.username for each in members(enlist, wave)] == ["nora", people[0], people[1]]
    north = enlist.do(StartWave("north", plan(), Whom(group=group.id)))
    assert [each.username for each in members(enlist, north)] == ["nora"]
    text = f"Username;Platform;device_name\n{people[2]};IOS;phone\n{people[3]};beos;\nnobody;;\n"
    file = enlist.do(StartWave("", plan(), Whom(csv=text)))
    work(enlist)
    assert [each.reason for each in members(enlist, file)] == ["", "validation_failed", "not_found"]
    (phone,) = [row for row in enlist.rows("device") if row["name"] == "phone"]
    assert phone["platform"] == "ios"
    outside = enlist.do(StartWave("north", plan(), Whom(users=(people[0],))))
    work(enlist)
    assert members(enlist, outside)[0].reason == "not_found"


BAD: list[tuple[dict[str, Any], Whom, str]] = [
    ({"name": " "}, Whom(users=("ada",)), "name"),
    ({"platform": "beos"}, Whom(users=("ada",)), "platform"),
    ({"ownership": "mine"}, Whom(users=("ada",)), "ownership"),
    ({"device_name": ""}, Whom(users=("ada",)), "device_name"),
    ({"channel": "none"}, Whom(users=("ada",)), "message.type"),
    ({"template": "nowhere"}, Whom(users=("ada",)), "message.template"),
    ({"per_minute": -1}, Whom(users=("ada",)), "per_minute"),
    ({"hours": 8761}, Whom(users=("ada",)), "expires_in_hours"),
    ({"canary_percent": 100}, Whom(users=("ada",)), "canary_percent"),
    ({"canary_needs": 10}, Whom(users=("ada",)), "canary_needs"),
    ({"remind_hours": 24}, Whom(users=("ada",)), "remind_hours"),
    ({}, Whom(), "users"),
    ({}, Whom(users=("ada",), csv="username\nada\n"), "users"),
    ({}, Whom(users=(" ",)), "users"),
    ({}, Whom(csv="name\nada\n"), "csv"),
    ({}, Whom(csv="username\n"), "csv"),
]


def test_what_is_wrong_is_told_at_its_field(enlist: Enlist) -> None:
    for values, whom, field in BAD:
        refusal = enlist.perform(StartWave("", plan(**values), whom))
        assert isinstance(refusal, Refusal)
        assert [each.field for each in refusal.fields] == [field]
    assert enlist.rows("wave") == enlist.rows("wave_member") == []


def test_a_stopped_wave_issues_nothing_more(enlist: Enlist, people: Sequence[str]) -> None:
    wave = started(enlist, canary_percent=20)
    work(enlist)
    enlist.do(StopWave(wave.id))
    work(enlist)
    assert len(enlist.rows("enrollment")) == 2
    assert counts(enlist, wave) == {"queued": 2, "failed": 8}
    assert members(enlist, wave, "failed")[0].reason == "stopped"
    for verb in (StopWave, ResumeWave, ContinueWave, ResendWave):
        assert code(enlist.perform(verb(wave.id))) == "conflict"


def test_it_has_the_rights_of_whoever_started_it(enlist: Enlist, people: Sequence[str]) -> None:
    """S54: also those that he loses meanwhile; whoever resumes it then takes it over."""
    verb = StartWave("", plan(), Whom(users=tuple(people)))
    assert code(enlist.perform(verb, enlist.staff("helpdesk"))) == "forbidden"
    operator = enlist.staff("operator", username="olga")
    wave = started(enlist, caller=operator, canary_percent=20)
    work(enlist)
    enlist.do(ContinueWave(wave.id))
    enlist.store.write(lambda tx: users.delete(tx, operator.id or ""))
    work(enlist)
    held = now(enlist, wave)
    assert (held.state, held.reason, held.done) == (WaveState.PAUSED, "forbidden", 2)
    enlist.do(ResumeWave(wave.id))
    work(enlist)
    assert (now(enlist, wave).state, now(enlist, wave).maker) == (WaveState.DONE, "root")


def test_what_everybody_would_be_refused_pauses_it(
    enlist: Enlist, people: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full installation leaves nobody out: it goes on once there is room."""
    wave = started(enlist, people[:3])
    monkeypatch.setattr(Room, "take", lambda *_: False)
    work(enlist)
    held = now(enlist, wave)
    assert (held.state, held.reason) == (WaveState.PAUSED, "too_many_enrollments")
    assert counts(enlist, wave) == {"queued": 3}
    monkeypatch.undo()
    enlist.do(ResumeWave(wave.id))
    work(enlist)
    assert once_each(enlist, people[:3])


def test_somebody_who_breaks_it_holds_up_nobody(
    enlist: Enlist, people: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    written = IssueInWave.work

    def breaks(self: IssueInWave, tools: Any, caller: Caller, seen: Any) -> Any:
        if seen.user.username == people[1]:
            raise RuntimeError("a fault of ours")
        return written(self, tools, caller, seen)

    monkeypatch.setattr(IssueInWave, "work", breaks)
    wave = started(enlist, people[:3])
    work(enlist)
    assert now(enlist, wave).state is WaveState.DONE
    (member,) = members(enlist, wave, "failed")
    assert (member.username, "the log has it" in member.reason) == (people[1], True)
