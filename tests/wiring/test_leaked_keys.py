"""Keys that leaked are replaced at once; what they guard is made anew, ended or listed (S06)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from enlist import keyfolder
from enlist.core.caller import Caller
from enlist.core.lifecycle import EnrollmentState
from enlist.core.outcomes import Refusal
from enlist.core.secrets import KeyRing
from enlist.store import enrollments, holds, leaked_keys, second_factors
from enlist.verbs.driver import Tools
from enlist.verbs.keys import ListLeakedFactors
from enlist.verbs.reactivate import Reactivate
from enlist.verbs.reissue import Revoke, Seen
from enlist.verbs.users import AddUser, DeleteUser
from enlist.wiring.keys import replace_leaked, rotate
from tests.installation import Enlist, Ticket, code, done, opened_on


def replaced(enlist: Enlist) -> tuple[int, list[str], list[str]]:
    """Replace leaked keys; how many were reissued, and the devices revoked and left."""
    waited: list[float] = []
    made = replace_leaked(enlist.installation, enlist.settings, pause=waited.append)
    assert waited
    names = [[each.device_name for each in these] for these in (made.revoked, made.left)]
    return made.reissued, names[0], names[1]


def test_every_live_token_is_replaced_at_once(enlist: Enlist) -> None:
    """The old ones are dead, new ones are on their way."""
    used = enlist.register("ada", name="used")
    enlist.redeem(used.token)
    live = [enlist.register("ada", name=f"live-{number}") for number in range(3)]
    begun = done(enlist.begin(live[0].token))
    leaked = enlist.installation.tools.keys.derive[0]
    assert replaced(enlist) == (3, [], [])
    for number, ticket in enumerate(live):
        assert code(enlist.redeem(ticket.token, key=number)) == "token_replaced"
        after = enlist.enrollment(ticket.enrollment_id)
        assert (after.state, after.generation) == ("active", 2)
        assert after.expires_at == ticket.expires_at
        assert after.message_state == "queued"
        by_thief = KeyRing(enlist.installation.tools.keys.lookup, (leaked,)).derive_token(
            ticket.enrollment_id, 2, 10
        )
        assert code(enlist.redeem(by_thief.secret, key=number)) == "token_invalid"
    assert code(enlist.redeem(begun.code, key=7)) != "done"
    assert code(enlist.redeem(used.token, key=8)) == "token_used"
    (event,) = enlist.events("key.compromised")
    assert event.data["held"] == 3
    opened_on(enlist.settings, enlist.clock).close()


def test_whoever_cannot_be_sent_a_new_one_is_listed(enlist: Enlist) -> None:
    enlist.user("eve", email="")
    ticket = enlist.register("eve", name="kiosk")
    assert replaced(enlist) == (0, ["kiosk"], [])
    assert code(enlist.redeem(ticket.token)) == "token_revoked"
    assert code(enlist.redeem(enlist.issue(ticket.device_id).token)) == "done"


def test_whoever_has_a_phone_alone_is_sent_a_new_one_by_sms(enlist: Enlist) -> None:
    enlist.do(AddUser(enlist.root.id, "eve", phone="+4930123456"))
    enlist.register("eve", name="kiosk")
    enlist.driver._tools = replace(enlist.driver.tools, channels=frozenset({"email", "sms"}))
    assert replaced(enlist) == (1, [], [])
    sent = [(row["channel"], row["recipient"]) for row in enlist.rows("message")]
    assert sent == [("sms", "+4930123456")]


def test_what_a_restore_held_cannot_come_back_by_a_leaked_key(enlist: Enlist) -> None:
    ticket = enlist.register("ada")
    enlist.store.write(holds.hold_all)
    assert replaced(enlist) == (1, [], [])
    assert code(enlist.redeem(ticket.token)) == "token_replaced"


def test_what_a_newer_token_has_overtaken_ends(enlist: Enlist) -> None:
    ticket = enlist.register("ada")
    enlist.store.write(holds.hold_all)
    enlist.redeem(enlist.issue(ticket.device_id).token)
    made = replace_leaked(enlist.installation, enlist.settings, pause=lambda _: None)
    assert (made.reissued, made.revoked, made.left) == (0, (), ())
    assert [each.enrollment_id for each in made.overtaken] == [ticket.enrollment_id]
    assert made.document()["overtaken"][0]["enrollment_id"] == ticket.enrollment_id
    assert enlist.enrollment(ticket.enrollment_id).state == "revoked"


def test_what_cannot_be_ended_is_listed(enlist: Enlist, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else is faster; whoever ran the command must hear of every token."""
    ticket = enlist.register("ada")
    enlist.store.write(holds.hold_all)
    enlist.redeem(enlist.issue(ticket.device_id).token)
    work = Revoke.work

    def beaten(self: Revoke, tools: Tools, caller: Caller, seen: Seen) -> Seen | Refusal:
        enlist.store.write(lambda tx: enrollments.revoke(tx, self.enrollment_id, "faster"))
        ended = replace(seen.enrollment, state=EnrollmentState.REVOKED)
        return work(self, tools, caller, replace(seen, enrollment=ended))

    monkeypatch.setattr(Revoke, "work", beaten)
    made = replace_leaked(enlist.installation, enlist.settings, pause=lambda _: None)
    assert [each.enrollment_id for each in made.left] == [ticket.enrollment_id]
    assert (made.reissued, made.revoked, made.overtaken) == (0, (), ())


def test_what_another_server_issues_before_it_has_looked_is_replaced_too(
    enlist: Enlist, other: Enlist
) -> None:
    """A server looks into the folder each second; until then it makes tokens that a thief can."""
    issued: list[Ticket] = []

    def meanwhile(_: float) -> None:
        issued.append(other.register("ada"))

    made = replace_leaked(enlist.installation, enlist.settings, pause=meanwhile)
    assert (made.reissued, made.revoked, made.left) == (1, (), ())
    assert code(other.redeem(issued[0].token)) == "token_replaced"


def test_second_factors_that_a_leaked_key_opens_are_listed(enlist: Enlist) -> None:
    """Also one that its owner used while the command ran: under the new key it is the same secret.

    What is set up afterwards is not.
    """
    ring = enlist.installation.tools.keys
    for name in ("ada", "eve", "gone"):
        user = enlist.user(name).id
        enlist.store.write(
            lambda tx, user=user: second_factors.put(tx, user, "sealed", ring.derive[0].id, 1)  # type: ignore[misc]  # it has a default
        )
    enlist.do(DeleteUser("gone"))
    enlist.clock.advance(minutes=1)
    ada = enlist.rows("app_user", username="ada")[0]["id"]

    def signs_in(_: float) -> None:
        new = enlist.installation.tools.keys.derive[0].id
        enlist.store.write(lambda tx: second_factors.seal_anew(tx, ada, "sealed", "again", new))

    made = replace_leaked(enlist.installation, enlist.settings, pause=signs_in)
    assert sorted(each.username for each in made.factors) == ["ada", "eve"]
    listed = made.document()["second_factors"]
    assert {each["set_up_at"] for each in listed} == {enlist.clock.now - 60_000_000}
    assert "sealed" not in str(listed)
    enlist.clock.advance(minutes=1)
    new = enlist.installation.tools.keys.derive[0].id
    enlist.store.write(lambda tx: second_factors.put(tx, ada, "anew", new, 1))
    left = enlist.driver.view(ListLeakedFactors(new, enlist.clock.now, limit=1), enlist.host)
    assert not isinstance(left, Refusal)
    assert [each.username for each in left] == ["eve"]


def test_a_key_made_in_advance_leaked_with_the_others(enlist: Enlist) -> None:
    """It must not become the newest an hour later."""
    waiting = rotate(enlist.installation, enlist.settings, "derive", minutes=60)
    replaced(enlist)
    enlist.clock.advance(hours=2)
    enlist.installation.take_up(keyfolder.load(enlist.settings.data, enlist.clock.now))
    assert enlist.installation.tools.keys.derive[0].id != waiting.id
    assert not enlist.rows("known_key", id=waiting.id)
    opened_on(enlist.settings, enlist.clock).close()


def test_broken_off_halfway_nothing_works_and_a_second_run_goes_on(enlist: Enlist) -> None:
    """The tokens are stopped in one statement, before the first is made anew."""
    tickets = [enlist.register("ada", name=str(number)) for number in range(3)]

    def power_cut(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replace_leaked(enlist.installation, enlist.settings, pause=power_cut)
    for number, ticket in enumerate(tickets):
        assert code(enlist.redeem(ticket.token, key=number)) == "token_on_hold"
    # Whoever frees them by hand now would have tokens live that a thief can make.
    for ticket in tickets:
        assert code(enlist.perform(Reactivate(ticket.enrollment_id))) == "key_leaked"
    assert enlist.store.read(leaked_keys.tokens) == 3
    enlist.clock.advance(seconds=1)
    assert replaced(enlist) == (3, [], [])
    assert enlist.store.read(leaked_keys.tokens) == 0
