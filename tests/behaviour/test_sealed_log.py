"""The sealed log finds whatever was done to it (S70–S73), also by whoever owns the database.

The tests K1–K12 hold one older checkpoint, `log.elsewhere`; most take away all the others.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable, Iterator

import pytest

from enlist.core.events import canonical
from enlist.core.ids import new_id
from enlist.core.merkle import leaf_hash
from enlist.pki.notes import Signer
from enlist.settings import Settings
from enlist.store.seals import LogDamaged
from enlist.verbs.check_events import Finding
from enlist.verbs.erase import Erase
from enlist.verbs.verify_log import Verification
from tests.behaviour.log_tampering import Log
from tests.installation import Enlist, SettableClock, opened_on
from tests.store.raw import opened


@pytest.fixture
def log(enlist: Enlist) -> Iterator[Log]:
    """Signed twice: with the first checkpoint kept elsewhere, and one since."""
    with opened(enlist.settings) as raw:
        log = Log(enlist, raw)
        log.live(2)
        enlist.clock.advance(minutes=1)
        log.elsewhere = log.sign()
        log.old_size = len(log.order())
        log.live(1)
        enlist.clock.advance(minutes=1)
        log.sign()
        yield log


@pytest.fixture
def alone(log: Log) -> Log:
    """Broken into, and nothing left to compare with but what is elsewhere."""
    log.break_in()
    log.forget_checkpoints()
    return log


def only(done: Verification) -> Finding:
    """The first finding, where there must be one."""
    assert not done.intact
    return done.findings[0]


def within_reach(log: Log, finding: Finding, index: int) -> None:
    """The finding is about the old checkpoint's range, in which the index is."""
    assert finding.what == "differs"
    assert finding.seq == 0 <= index < log.old_size
    assert f"number {log.old_size - 1}" in finding.message


# --- nothing was done -------------------------------------------------------------------------


def test_k12_an_untouched_log_is_whole(log: Log) -> None:
    """S71: with what is elsewhere, with the folder and the database, and with nothing."""
    done = log.verify()
    assert done.intact, done.findings
    assert (done.size, done.compared, done.unsealed) == (len(log.order()), 2, 0)
    assert done.agreed_at == log.enlist.clock.now
    log.elsewhere = ""
    assert log.verify().compared == 2
    log.break_in()
    log.forget_checkpoints()
    done = log.verify()
    assert (done.intact, done.compared, done.agreed_at) == (True, 0, None)


def test_a_log_that_goes_on_still_agrees_with_what_was_kept(log: Log) -> None:
    log.live(1)
    done = log.verify()
    assert done.intact, done.findings
    assert done.size > log.old_size


def test_an_empty_log_is_whole(enlist: Enlist) -> None:
    with opened(enlist.settings) as raw:
        done = Log(enlist, raw).verify()
    assert (done.intact, done.size) == (True, 0)


# --- K1: a changed entry ----------------------------------------------------------------------

PLACES: dict[str, Callable[[int], int]] = {
    "first": lambda _size: 0,
    "middle": lambda size: size // 2,
    "last": lambda size: size - 1,
}


def test_k1_a_changed_byte_is_named(alone: Log) -> None:
    """S71: first, middle, last of what the old checkpoint covers."""
    for place in PLACES.values():
        index = place(alone.old_size)
        event_id = alone.order()[index]
        entry = alone.entry(event_id)
        alone.change_entry(event_id)
        finding = only(alone.verify())
        assert (finding.what, finding.seq, finding.event_id) == ("changed", index, event_id)
        assert event_id in finding.message
        assert f"number {index}" in finding.message
        alone.write_entry(event_id, entry)
    assert alone.verify().intact


@pytest.mark.parametrize("place", PLACES)
def test_k1_so_is_one_with_its_seal_made_anew(alone: Log, place: str) -> None:
    """S71: what was signed differs; the range is named."""
    index = PLACES[place](alone.old_size)
    event_id = alone.order()[index]
    alone.forge_entry(event_id)
    alone.change_leaf(event_id, leaf_hash(alone.entry(event_id).encode()))
    within_reach(alone, only(alone.verify()), index)


# --- K2 to K4: removed, added, moved -----------------------------------------------------------


def test_k2_a_removed_event_leaves_a_gap(alone: Log) -> None:
    middle = alone.old_size // 2
    event_id = alone.order()[middle]
    alone.delete("event_seal", f"event_id = '{event_id}'")
    alone.delete("event", f"id = '{event_id}'")
    finding = only(alone.verify())
    assert (finding.what, finding.seq) == ("gap", middle)
    assert f"number {middle} is missing" in finding.message


def test_k2_also_when_the_rest_is_renumbered(alone: Log) -> None:
    order, middle = alone.order(), alone.old_size // 2
    gone = order.pop(middle)
    alone.write_order(order)
    alone.delete("event", f"id = '{gone}'")
    within_reach(alone, only(alone.verify()), middle)


def test_k3_an_added_event_is_found(alone: Log) -> None:
    order, middle = alone.order(), alone.old_size // 2
    forged = new_id(alone.enlist.clock.now)
    alone.copy_event(order[middle], forged)
    order.insert(middle, forged)
    alone.write_order(order)
    within_reach(alone, only(alone.verify()), middle)


def test_k4_two_neighbours_that_changed_places_are_found(alone: Log) -> None:
    order, middle = alone.order(), alone.old_size // 2
    order[middle], order[middle + 1] = order[middle + 1], order[middle]
    alone.write_order(order)
    within_reach(alone, only(alone.verify()), middle)


# --- K5, K6: cut off, rolled back -------------------------------------------------------------


def cut(log: Log, size: int) -> None:
    """Take away the newest events until there are `size`."""
    for event_id in log.order()[size:]:
        log.delete("event_seal", f"event_id = '{event_id}'")
        log.delete("event", f"id = '{event_id}'")


def test_k5_a_cut_end_is_found(alone: Log) -> None:
    cut(alone, alone.old_size - 2)
    finding = only(alone.verify())
    assert (finding.what, finding.seq) == ("too_short", alone.old_size - 2)
    assert f"that there were {alone.old_size} events" in finding.message


def test_k5_one_cut_to_the_old_checkpoint_contradicts_the_newer(log: Log) -> None:
    """S71: the one in the data folder, which is no part of the database; then the one in it."""
    log.break_in()
    cut(log, log.old_size)
    log.delete("checkpoint", f"size > {log.old_size}")
    finding = only(log.verify())
    assert (finding.what, finding.seq) == ("too_short", log.old_size)
    assert "the data folder" in finding.message

    newer = log.enlist.installation.log.kept.newest()
    assert newer is not None
    log.put_checkpoint(newer, len(log.order()) + 1)
    shutil.rmtree(log.enlist.settings.data / "checkpoints")
    assert "the database" in only(log.verify()).message


@pytest.fixture
def rolled_back(settings: Settings, clock: SettableClock) -> Iterator[Log]:
    """Copied, lived on, signed, put back, and lived on again."""
    enlist = opened_on(settings, clock)
    with opened(settings) as raw:
        log = Log(enlist, raw)
        log.live(1)
        log.sign()
        early = {name: raw.execute(f"SELECT * FROM {name}") for name in ("event", "event_seal")}
        log.live(1)
        clock.advance(minutes=1)
        log.elsewhere = log.sign()
        log.old_size = len(log.order())
        log.break_in()
        # The same as a file put back: every row since is gone, and the old ones are as they were.
        cut(log, len(early["event_seal"]))
        log.delete("checkpoint", f"size > {len(early['event_seal'])}")
        assert raw.execute("SELECT * FROM event") == early["event"]
        yield log
    enlist.close()


def test_k6_a_database_rolled_back_is_found(rolled_back: Log) -> None:
    """S71: at once by its length; and when it has grown past it again, by what it says."""
    assert only(rolled_back.verify()).what == "too_short"
    rolled_back.live(2)
    assert len(rolled_back.order()) > rolled_back.old_size
    finding = only(rolled_back.verify())
    assert finding.what == "differs"
    assert finding.seq is not None
    assert 0 < finding.seq < rolled_back.old_size  # since the checkpoint before the copy


def test_k6_the_server_signs_nothing_that_was_rolled_back(rolled_back: Log) -> None:
    """Else a new checkpoint would bless it."""
    with pytest.raises(LogDamaged, match="in the data folder"):
        rolled_back.sign()
    rolled_back.live(2)
    with pytest.raises(LogDamaged, match="are not those of the checkpoint"):
        rolled_back.sign()
    # Until somebody says that it was he, as after a restore.
    checkpoints = rolled_back.enlist.settings.data / "checkpoints"
    checkpoints.rename(checkpoints.with_name("checkpoints.before-restore"))
    rolled_back.elsewhere = rolled_back.sign()
    assert rolled_back.verify().intact


# --- K7 to K9: signed anew --------------------------------------------------------------------


def rewrite(log: Log) -> None:
    """Another past, with every hash right."""
    log.forge_entry(log.order()[1])
    log.write_order(log.order())


def test_k7_a_rewritten_log_signed_by_another_key_is_found(alone: Log) -> None:
    rewrite(alone)
    name = alone.enlist.installation.log.origin
    forged = alone.signed_by(Signer.of_seed(name, "forged", secrets.token_bytes(32)))
    alone.put_checkpoint(forged, len(alone.order()))
    alone.elsewhere = ""
    finding = only(alone.verify())
    assert finding.what == "not_signed"
    assert "a key that is none of this installation's" in finding.message


def test_k8_one_signed_by_the_right_key_contradicts_what_is_elsewhere(alone: Log) -> None:
    rewrite(alone)
    forged = alone.signed_by(alone.enlist.installation.log.signers[0])
    alone.put_checkpoint(forged, len(alone.order()))
    within_reach(alone, only(alone.verify()), 1)
    alone.elsewhere = ""
    assert alone.verify().intact  # which is why checkpoints must be kept elsewhere


def test_k9_two_checkpoints_of_one_size_prove_a_split_view(alone: Log) -> None:
    """S71: by themselves, whatever the log says by now."""
    honest = alone.signed_by(alone.enlist.installation.log.signers[0])
    rewrite(alone)
    forged = alone.signed_by(alone.enlist.installation.log.signers[0])
    alone.elsewhere = ""
    found = {finding.what for finding in alone.verify(forged, honest).findings}
    assert found == {"split_view", "differs"}


# --- K10, K11: the event beside its seal ------------------------------------------------------

COLUMNS = [
    *("at", "kind", "actor_kind", "actor_id"),
    *("organization_id", "user_id", "device_id", "enrollment_id", "support_code"),
]
"""What an event is listed by."""


def test_k10_an_event_listed_under_something_else_is_named(alone: Log) -> None:
    """S71: lists are made from columns; the entry that is sealed says the same."""
    (event,) = alone.enlist.events("enrollment.redeemed")[:1]
    seq = alone.order().index(event.id)
    if alone.enlist.store.dialect == "sqlite":
        alone.raw.execute("PRAGMA foreign_keys = OFF")
    (row,) = alone.enlist.rows("event", id=event.id)
    nobody = "'00000000-0000-7000-8000-000000000000'"
    for column in COLUMNS:
        other = {"at": "at - 1", "kind": "'sign_in.started'", "actor_kind": "'system'"}
        alone.write_column(event.id, column, other.get(column, nobody))
        finding = only(alone.verify())
        assert (finding.what, finding.seq, finding.event_id) == ("columns", seq, event.id), column
        alone.write_column(event.id, column, alone.literal(row[column]))
    assert alone.verify().intact


def test_entries_of_the_first_version_are_whole(alone: Log) -> None:
    """They hold no support code; a log from before goes on."""
    event_id = alone.order()[3]
    entry = json.loads(alone.entry(event_id))
    del entry["support_code"]
    entry["v"] = 1
    alone.write_entry(event_id, canonical(entry))
    alone.change_leaf(event_id, leaf_hash(canonical(entry).encode()))
    alone.elsewhere = ""
    assert alone.verify().intact


def test_k10_other_personal_values_are_named(alone: Log) -> None:
    """S71, S74: they are erased together with their salt, or not at all."""
    event_id = alone.order()[3]
    for column, value in (("personal", "'{}'"), ("personal", "NULL"), ("salt", "NULL")):
        (row,) = alone.enlist.rows("event", id=event_id)
        alone.write_column(event_id, column, value)
        finding = only(alone.verify())
        assert (finding.what, finding.seq) == ("personal", 3)
        alone.write_column(event_id, column, alone.literal(row[column]))
    assert alone.verify().intact


def test_k10_a_changed_seal_is_named(alone: Log) -> None:
    event_id = alone.order()[3]
    alone.change_leaf(event_id, leaf_hash(b"other"))
    finding = only(alone.verify())
    assert (finding.what, finding.seq, finding.event_id) == ("changed", 3, event_id)


def test_k10_an_entry_that_is_none_is_named(alone: Log) -> None:
    """Verifying goes on where the attacker wrote nonsense, seal and all."""
    event_id = alone.order()[3]
    for entry in ("{}", "[]", "nothing", '{"about":1}'):
        alone.write_entry(event_id, entry)
        alone.change_leaf(event_id, leaf_hash(entry.encode()))
        done = alone.verify()
        assert (only(done).what, only(done).seq) == ("changed", 3)
        assert done.size == len(alone.order())


def test_k11_an_undone_redemption_is_found(alone: Log) -> None:
    """S71: its event removed, its use count back, as if the token had never been used."""
    (first, *_) = alone.enlist.events("enrollment.redeemed")
    seq = alone.order().index(first.id)
    alone.delete("event", f"id = '{first.id}'")
    alone.raw.execute(
        "UPDATE enrollment SET state = 'active', uses = 0, used_at = NULL "
        f"WHERE id = '{first.enrollment_id}'"
    )
    finding = only(alone.verify())
    assert (finding.what, finding.seq, finding.event_id) == ("missing", seq, first.id)
    alone.write_order([event_id for event_id in alone.order() if event_id != first.id])
    within_reach(alone, only(alone.verify()), seq)


# --- what else can be done --------------------------------------------------------------------


def test_an_event_sealed_twice_is_named(alone: Log) -> None:
    """Where the rule was taken away as well: none twice."""
    order = alone.order()
    if alone.enlist.store.dialect == "postgres":
        alone.raw.execute("ALTER TABLE event_seal DROP CONSTRAINT event_seal_event_id_key")
    else:
        alone.raw.execute("CREATE TABLE free (seq INTEGER PRIMARY KEY, event_id TEXT, leaf BLOB)")
        alone.raw.execute("INSERT INTO free SELECT * FROM event_seal")
        alone.raw.execute("DROP TABLE event_seal")
        alone.raw.execute("ALTER TABLE free RENAME TO event_seal")
    alone.write_seal(len(order), order[2], alone.leaves()[2])
    finding = only(alone.verify())
    assert (finding.what, finding.seq, finding.event_id) == ("sealed_twice", 2, order[2])


def test_a_checkpoint_that_was_changed_is_named(log: Log) -> None:
    """Its size made fewer, for a log that was cut: the signature says no."""
    changed = log.elsewhere.replace(f"\n{log.old_size}\n", f"\n{log.old_size - 1}\n", 1)
    done = log.verify(changed)
    assert only(done).what == "not_signed"
    assert "changed after it was signed" in only(done).message


def test_a_checkpoint_of_another_log_does_not_count(log: Log) -> None:
    signer = log.enlist.installation.log.signers[0]
    other = log.elsewhere.partition("\n\n")[0].replace("enlist/", "other/", 1) + "\n"
    assert "another log" in only(log.verify(signer.sign(other))).message
    assert only(log.verify("just a text\n")).what == "not_signed"


def test_a_person_is_forgotten_and_the_log_still_verifies(log: Log) -> None:
    """S74: also before that is sealed, and while another one is."""
    erased = log.enlist.do(Erase("user0", "user0"))
    for _ in range(2):
        done = log.verify()
        assert done.intact, done.findings
        assert 0 < done.erased <= done.accounted == erased.events
        assert done.erased < done.size
        log.seal()
    log.enlist.do(Erase("user1", "user1"))
    assert log.verify().intact


def test_nobody_hides_himself_by_erasing_what_nobody_asked_for(log: Log) -> None:
    """The guards of the database allow it, and the digests say nothing without their salt."""
    log.enlist.do(Erase("user0", "user0"))
    log.seal()
    assert log.verify().intact
    gone = log.verify().erased
    log.raw.execute("UPDATE event SET personal = NULL, salt = NULL WHERE kind = 'user.created'")
    finding = only(log.verify())
    assert finding.what == "erased"
    assert str(gone) in finding.message
