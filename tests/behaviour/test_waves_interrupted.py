"""What befalls a wave on its way: killed, done twice, disowned, a full installation, a fault."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from enlist.core.caller import Caller
from enlist.store import users
from enlist.store.tx import StoreUnavailable
from enlist.store.waves import WaveState
from enlist.verbs.room import Room
from enlist.verbs.waves import ContinueWave, ResumeWave, StartWave, Whom
from enlist.verbs.waving import HELD, IssueInWave, Waving
from tests.behaviour.waving import counts, members, now, once_each, people, plan, started, work
from tests.installation import Enlist, code

__all__ = ["people"]


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
