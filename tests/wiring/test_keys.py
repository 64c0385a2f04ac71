"""Keys rotate beside what is running, and old ones go once they guard nothing (S06)."""

from __future__ import annotations

from pathlib import Path

import pytest

from enlist import datafolder, keyfolder
from enlist.core.clock import MINUTE, SECOND
from enlist.core.faults import Unusable
from enlist.core.secrets import Kind, Secret, begins, new_key
from enlist.wiring.backup.making import back_up
from enlist.wiring.backup.sealing import Cost
from enlist.wiring.doctor.check import Ground
from enlist.wiring.keys import TAKEN_UP, listed, replace_leaked, rotate
from tests.installation import Enlist, code, opened_on
from tests.wiring.doctoring import well
from tests.wiring.rotating import watch


def made_by(enlist: Enlist, enrollment_id: str) -> tuple[str, str]:
    """The keys that made the newest token of an enrollment."""
    rows = enlist.rows("enrollment_secret", enrollment_id=enrollment_id)
    newest = max(rows, key=lambda row: row["generation"])
    return newest["lookup_key_id"], newest["derive_key_id"]


def key_file(enlist: Enlist, key_id: str) -> Path:
    (found,) = (enlist.settings.data / "keys").glob(f"*.{key_id}.key")
    return found


# --- rotation -------------------------------------------------------------------------------------


def test_a_new_key_is_accepted_by_all_before_any_uses_it(enlist: Enlist, other: Enlist) -> None:
    """S06: whichever process makes a token, the other finds it, at every moment in between."""
    first, second = watch(enlist), watch(other)
    before = enlist.register("ada", name="before")
    lookup = rotate(enlist.installation, enlist.settings, "lookup")
    derive = rotate(enlist.installation, enlist.settings, "derive")
    first.look()
    second.look()
    early = enlist.register("ada", name="early")
    assert made_by(enlist, early.enrollment_id) == made_by(enlist, before.enrollment_id)
    enlist.clock.advance(microseconds=TAKEN_UP)
    first.look()
    late = enlist.register("ada", name="late")
    assert made_by(enlist, late.enrollment_id) == (lookup.id, derive.id)
    for number, ticket in enumerate((before, early, late)):
        assert code(other.redeem(ticket.token, key=number)) == "done"
    second.look()
    assert other.installation.tools.keys.lookup[0].id == lookup.id


def test_what_the_old_keys_made_stays_good(enlist: Enlist) -> None:
    """S06, S29: found by the old look-up key, and sent again by the old derivation key."""
    ticket = enlist.register("ada")
    looking = watch(enlist)
    for purpose in ("lookup", "derive"):
        rotate(enlist.installation, enlist.settings, purpose)
    enlist.clock.advance(microseconds=TAKEN_UP)
    looking.look()
    assert code(enlist.resend(ticket.enrollment_id)) == "done"
    old = made_by(enlist, ticket.enrollment_id)[1]
    keys = enlist.installation.tools.keys
    assert keys.derive_again(ticket.enrollment_id, 1, old, 10, "base58") == ticket.token
    assert code(enlist.redeem(ticket.token)) == "done"


def test_the_database_names_a_new_key_and_the_log_tells_of_it(enlist: Enlist) -> None:
    made = rotate(enlist.installation, enlist.settings, "lookup", minutes=90)
    assert begins(made.id) == made.begins - made.begins % SECOND
    assert made.begins == enlist.clock.now + 90 * MINUTE
    assert enlist.rows("known_key", id=made.id)
    (event,) = enlist.events("key.added")
    assert event.data == {"key": made.id, "purpose": "lookup", "begins": made.begins}
    assert key_file(enlist, made.id).stat().st_mode & 0o777 == 0o600


def test_signing_the_log_takes_up_a_new_key(enlist: Enlist) -> None:
    """S73: and checkpoints of before still verify."""
    looking = watch(enlist)
    old = enlist.installation.log.signers[0].key_id
    made = rotate(enlist.installation, enlist.settings, "checkpoint")
    looking.look()
    assert enlist.installation.log.signers[0].key_id == old
    enlist.clock.advance(microseconds=TAKEN_UP)
    looking.look()
    assert [each.key_id for each in enlist.installation.log.signers] == [made.id, old]


def test_a_repeated_request_is_the_same_across_a_rotation(enlist: Enlist) -> None:
    """Ruling 25: what is only compared with itself stays under the oldest key."""
    keys = enlist.installation.tools.keys
    before = {kind: keys.digest(kind, Secret("x")).value for kind in Kind}
    rotate(enlist.installation, enlist.settings, "lookup")
    enlist.clock.advance(microseconds=TAKEN_UP)
    enlist.installation.take_up(keyfolder.load(enlist.settings.data, enlist.clock.now))
    after = {kind: keys.digest(kind, Secret("x")).value for kind in Kind}
    same = {kind for kind in Kind if before[kind] == after[kind]}
    assert same == {Kind.IDEMPOTENCY, Kind.USERNAME}


def test_what_came_while_a_process_started_is_taken_up(enlist: Enlist, other: Enlist) -> None:
    """A key that was made between reading the folder and watching it is not missed."""
    replace_leaked(enlist.installation, enlist.settings, pause=lambda _: None)
    ticket = enlist.register("ada")
    assert code(other.redeem(ticket.token)) == "token_invalid"
    starting = watch(other)
    starting.start()
    starting.stop()
    assert code(other.redeem(ticket.token)) == "done"


def test_a_damaged_new_key_changes_nothing(enlist: Enlist) -> None:
    looking = watch(enlist)
    ticket = enlist.register("ada")
    (enlist.settings.data / "keys" / "lookup.ffffffff-000000.key").write_text("nonsense")
    looking.look()
    assert code(enlist.redeem(ticket.token)) == "done"


def test_a_key_file_that_vanishes_is_in_use_until_the_next_start(enlist: Enlist) -> None:
    """A slip of somebody's hand must not end live tokens before the start has counted them."""
    looking = watch(enlist)
    ticket = enlist.register("ada")
    old = made_by(enlist, ticket.enrollment_id)[0]
    rotate(enlist.installation, enlist.settings, "lookup")
    enlist.clock.advance(microseconds=TAKEN_UP)
    key_file(enlist, old).unlink()
    looking.look()
    assert code(enlist.redeem(ticket.token)) == "done"


def test_the_list_says_what_each_key_is_needed_for(enlist: Enlist) -> None:
    enlist.register("ada")
    old = enlist.installation.tools.keys.lookup[0].id
    made = rotate(enlist.installation, enlist.settings, "lookup")

    def shown() -> dict[str, tuple[str, int]]:
        keys = listed(enlist.installation, enlist.settings)
        return {key.id: (key.state, key.alive) for key in keys if key.purpose == "lookup"}

    assert shown() == {old: ("in use", 1), made.id: ("not yet", 0)}
    enlist.clock.advance(microseconds=TAKEN_UP)
    assert shown() == {old: ("accepted", 1), made.id: ("in use", 0)}


# --- old keys go ----------------------------------------------------------------------------------


def test_a_key_that_guards_something_alive_cannot_go(enlist: Enlist) -> None:
    """S06: the start is refused, with the count."""
    tickets = [enlist.register("ada", name=str(number)) for number in range(3)]
    old = made_by(enlist, tickets[0].enrollment_id)[0]
    made = rotate(enlist.installation, enlist.settings, "lookup")
    enlist.clock.advance(microseconds=TAKEN_UP)
    gone = key_file(enlist, old)
    content = gone.read_text()
    gone.unlink()
    with pytest.raises(Unusable, match=f"keys {old} are missing .* 3 live"):
        opened_on(enlist.settings, enlist.clock)
    for ticket in tickets:
        enlist.revoke(ticket.enrollment_id)
    opened_on(enlist.settings, enlist.clock).close()
    datafolder.write_secret(gone, content.encode())
    key_file(enlist, made.id).unlink()
    with pytest.raises(Unusable, match=f"keys {made.id} are missing"):
        opened_on(enlist.settings, enlist.clock)


def test_an_old_key_that_guards_nothing_may_go(enlist: Enlist, tmp_path: Path) -> None:
    """S06: servers start, backups are made and doctor is content without it."""
    ticket = enlist.register("ada")
    old = made_by(enlist, ticket.enrollment_id)
    for purpose in ("lookup", "derive"):
        rotate(enlist.installation, enlist.settings, purpose)
    enlist.clock.advance(microseconds=TAKEN_UP)
    enlist.revoke(ticket.enrollment_id)
    for key_id in old:
        key_file(enlist, key_id).unlink()
    opened_on(enlist.settings, enlist.clock).close()
    cheap = Cost(memory_kib=64, passes=1, lanes=1)
    back_up(enlist.settings, tmp_path / "shelf", Secret("twelve letters"), cost=cheap)
    ground = Ground(enlist.settings, clock=enlist.clock)
    try:
        well(ground, "keys-present")
    finally:
        ground.close()


# --- the order of keys ----------------------------------------------------------------------------


def test_ids_say_when_a_key_begins() -> None:
    key = new_key(1_800_000_000 * SECOND)
    assert begins(key.id) == 1_800_000_000 * SECOND
    assert begins("of another form") == 0
