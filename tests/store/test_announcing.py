"""Whatever takes something away from devices tells of it, in the transaction that does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from enlist import store
from enlist.core.ids import NOTHING
from enlist.core.model import UserState
from enlist.store import credentials, device_moves, device_sessions, users
from enlist.store.announcing import Of, Whose
from enlist.store.sqlite import SqliteStore
from enlist.store.tx import Tx
from enlist.store.wakeups import Heard, PostgresWakeups, SqliteWakeups, Wakeups
from tests.installation import Enlist

ENDS = re.compile(
    r"UPDATE credential\s+SET[^;]*?\b(?:revoked_at|generation) ="
    r"|UPDATE device\s+SET[^;]*?\b(?:state|deleted_at|user_id) ="
    r"|UPDATE app_user\s+SET[^;]*?\b(?:state|deleted_at) ="
)
"""Statements after which a session may not go on."""
LETS_IN = {"_ENROLL_EACH", "_MOVE"}
"""Statements among them that take nothing away: the devices have no sessions yet."""


def statements(tree: ast.Module) -> Iterator[str]:
    """The names of a module's statements that end sessions."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            texts = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant)]
            if any(isinstance(text, str) and ENDS.search(text) for text in texts):
                target = node.targets[0]
                assert isinstance(target, ast.Name)
                yield target.id


def test_every_function_of_the_store_that_ends_sessions_tells_of_it() -> None:
    """Else a reset by a verb that is yet to be written would wait for the heartbeat."""
    found = 0
    for path in sorted(Path(store.__path__[0]).glob("*.py")):
        tree = ast.parse(path.read_text())
        ending = set(statements(tree)) - LETS_IN
        for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
            names = {each.id for each in ast.walk(function) if isinstance(each, ast.Name)}
            if not ending & names:
                continue
            found += 1
            calls = {
                ast.unparse(each.func) for each in ast.walk(function) if isinstance(each, ast.Call)
            }
            assert "announcing.ended" in calls, f"{path.name}: {function.name} tells nobody"
    assert found >= 10


@pytest.fixture
def wakeups(enlist: Enlist) -> Iterator[Wakeups]:
    """What a process hears on this store, from now on."""
    made: Wakeups
    if isinstance(enlist.store, SqliteStore):
        made = SqliteWakeups(enlist.store)
    else:
        made = PostgresWakeups(enlist.settings.database)
    assert made.wait() == Heard(everybody=True)
    yield made
    made.close()


def heard(wakeups: Wakeups) -> Heard:
    """The next thing heard; nothing at all, where it stays silent for long."""
    for _ in range(100):
        found = wakeups.wait()
        if found:
            return found
    return Heard()


def device(named: str) -> Heard:
    return Heard(frozenset({Whose(Of.DEVICE, named)}))


def user(named: str) -> Heard:
    return Heard(frozenset({Whose(Of.USER, named)}))


@pytest.mark.parametrize("by", ["revoke", "end_proofs", "reset", "retire", "delete"])
def test_what_is_taken_from_a_device_is_heard(enlist: Enlist, wakeups: Wakeups, by: str) -> None:
    ticket = enlist.register("ada")
    moves = {
        "revoke": lambda tx: credentials.revoke_of_device(tx, ticket.device_id, "reset"),
        "end_proofs": lambda tx: credentials.end_proofs(tx, ticket.device_id),
        "reset": lambda tx: device_moves.reset(tx, ticket.device_id, 1),
        "retire": lambda tx: device_moves.retire(tx, ticket.device_id, 1),
        "delete": lambda tx: device_moves.delete(tx, ticket.device_id),
    }
    enlist.store.write(moves[by])
    assert heard(wakeups) == device(ticket.device_id)


@pytest.mark.parametrize("by", ["revoke", "unenroll", "disable", "delete"])
def test_what_is_taken_from_a_user_is_heard(enlist: Enlist, wakeups: Wakeups, by: str) -> None:
    ada = enlist.user("ada")
    moves = {
        "revoke": lambda tx: credentials.revoke_of_user(tx, ada.id, "deleted"),
        "unenroll": lambda tx: device_moves.unenroll_of_user(tx, ada.id),
        "disable": lambda tx: users.set_state(tx, ada.id, UserState.DISABLED),
        "delete": lambda tx: users.delete(tx, ada.id),
    }
    enlist.store.write(moves[by])
    assert heard(wakeups) == user(ada.id)


def test_what_is_rolled_back_ends_nothing(enlist: Enlist, wakeups: Wakeups) -> None:
    """PostgreSQL tells nobody. SQLite may: who looks finds everything as it was."""
    ticket = enlist.register("ada")

    def fail(tx: Tx) -> None:
        credentials.revoke_of_device(tx, ticket.device_id, "reset")
        raise RuntimeError("rolled back")

    with pytest.raises(RuntimeError, match="rolled back"):
        enlist.store.write(fail)
    enlist.store.write(lambda tx: credentials.end_proofs(tx, NOTHING))
    told = heard(wakeups)
    assert Whose(Of.DEVICE, NOTHING) in told.whose
    if enlist.store.dialect == "postgres":
        assert told == device(NOTHING)


def test_what_another_process_takes_is_heard(enlist: Enlist, wakeups: Wakeups) -> None:
    """SQLite only says that somebody wrote, so everybody's sessions are looked at."""
    ticket = enlist.register("ada")
    enlist.again().store.write(lambda tx: device_moves.delete(tx, ticket.device_id))
    told = heard(wakeups)
    assert told == (
        Heard(everybody=True) if enlist.store.dialect == "sqlite" else device(ticket.device_id)
    )


def test_what_this_process_writes_otherwise_is_no_news(enlist: Enlist, wakeups: Wakeups) -> None:
    """A busy server would else look at all its sessions ten times a second."""
    for number in range(3):
        enlist.user(f"user-{number}")
        enlist.store.write(lambda tx: device_sessions.process_seen(tx, NOTHING))
    enlist.store.write(lambda tx: credentials.end_proofs(tx, NOTHING))
    assert heard(wakeups) == device(NOTHING)


def test_what_a_newer_version_tells_is_a_reason_to_look() -> None:
    assert Whose.parse("device:abc") == Whose(Of.DEVICE, "abc")
    assert Whose.parse("galaxy:abc") is None
