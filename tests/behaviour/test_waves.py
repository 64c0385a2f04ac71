"""Waves: tokens for many people bit by bit: started, led through their states, each once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from enlist.core.outcomes import Refusal
from enlist.store.waves import WaveState
from enlist.verbs.groups import AddGroup, AddMember
from enlist.verbs.waves import (
    ContinueWave,
    PauseWave,
    ResendWave,
    ResumeWave,
    StartWave,
    StopWave,
    Whom,
)
from enlist.verbs.waving import Waving
from tests.behaviour.waving import (
    counts,
    enroll,
    members,
    now,
    once_each,
    people,
    plan,
    started,
    work,
)
from tests.installation import Enlist, code

__all__ = ["people"]


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
    happened = sorted(enlist.rows("event"), key=lambda row: (row["at"], row["id"]))
    kinds = [row["kind"] for row in happened if row["kind"].startswith("wave.")]
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
