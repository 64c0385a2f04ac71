"""Whom a wave is for: how far each is, and who is sent it again or reminded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from enlist.core.caller import SYSTEM
from enlist.store import outbox
from enlist.store.wave_members import MemberState
from enlist.store.waves import WaveState
from enlist.verbs.opened import Opened
from enlist.verbs.reissue import Revoke
from enlist.verbs.verdicts import Rejected
from enlist.verbs.waves import ResendWave
from tests.behaviour.waving import counts, enroll, members, now, people, post, started, work
from tests.installation import Enlist

__all__ = ["people"]


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
