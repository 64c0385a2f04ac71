"""The table of moves says what the statements do: every statement from every state."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from enum import StrEnum

from enlist.core.caller import SYSTEM
from enlist.core.events import Happening
from enlist.core.lifecycle import MOVES, AttemptState, DeviceState, EnrollmentState
from enlist.core.outcomes import Subjects
from enlist.store import (
    attempts,
    device_moves,
    enrollments,
    holds,
    redemptions,
    wrong_logins,
)
from enlist.store.redemptions import DeviceReport, Redemption
from enlist.store.tx import Query, Tx
from tests.installation import Enlist, Ticket, done

PUT = {
    table: Query(f"test.put_{table}", f"UPDATE {table} SET state = :state WHERE id = :id")
    for table in ("enrollment", "device", "attempt")
}
STATE_OF = {
    table: Query(f"test.state_of_{table}", f"SELECT state FROM {table} WHERE id = :id")
    for table in PUT
}
PUT_LOGINS = Query("test.put_logins", "UPDATE enrollment SET wrong_logins = 10 WHERE id = :id")
Statement = Callable[[Tx], object]
REPORT = {
    "enrollment_id": None,
    **dict.fromkeys(("model", "os_version", "serial", "imei", "udid"), ""),
}


def moved(
    enlist: Enlist, table: str, row_id: str, state: StrEnum, statement: Statement
) -> str | None:
    """The state after the statement, or None where it says that it changed nothing.

    Whatever it did is taken back afterwards.
    """

    class Undo(Exception):
        pass

    found: list[str | None] = []
    (seen,) = enlist.rows(table, id=row_id)

    def run(tx: Tx) -> None:
        assert tx.run(PUT[table], id=row_id, state=state.value) == 1
        answer = statement(tx)
        row = tx.one(STATE_OF[table], id=row_id)
        assert row is not None
        found.append(str(row["state"]) if answer else None)
        raise Undo

    with contextlib.suppress(Undo):
        enlist.store.write(run)
    assert enlist.rows(table, id=row_id) == [seen]
    return found[0]


def claim(ticket: Ticket, attempt_id: str | None = None) -> Redemption:
    about = Subjects(None, None, ticket.device_id, ticket.enrollment_id)
    happening = Happening("enrollment.redeemed", about)
    return Redemption(
        ticket.enrollment_id,
        ticket.generation,
        ticket.device_id,
        attempt_id,
        DeviceReport(),
        None,
        happening,
        SYSTEM,
    )


def observed(
    enlist: Enlist,
    table: str,
    row_id: str,
    states: type[StrEnum],
    statements: dict[str, Statement],
) -> set[tuple[StrEnum, StrEnum, str]]:
    """Every move that a statement makes, with its trigger."""
    moves = set()
    for state in states:
        for trigger, statement in statements.items():
            after = moved(enlist, table, row_id, state, statement)
            if after is not None and (after != state or trigger == "reissue"):
                moves.add((state, states(after), trigger))
    return moves


def listed(states: type[StrEnum]) -> set[tuple[StrEnum, StrEnum, str]]:
    return {(m.origin, m.goal, m.trigger) for m in MOVES if isinstance(m.origin, states)}


def test_enrollments_move_as_the_table_says(enlist: Enlist) -> None:
    """X25, ruling 29: from each state, each statement moves it there, or not at all."""
    ticket = enlist.register("ada")
    enrollment_id, user_id = ticket.enrollment_id, enlist.device(ticket.device_id).user_id
    assert user_id is not None

    def outguessed(tx: Tx) -> bool:
        tx.run(PUT_LOGINS, id=enrollment_id)
        return wrong_logins.revoke_if_outguessed(tx, enrollment_id)

    statements: dict[str, Statement] = {
        "reissue": lambda tx: enrollments.reissue(tx, enrollment_id, 1, ticket.expires_at),
        "redeem": lambda tx: redemptions.redeem(tx, [claim(ticket)])[0],
        "revoke": lambda tx: enrollments.revoke(tx, enrollment_id, "test"),
        "delete": lambda tx: enrollments.delete(tx, enrollment_id, 1),
        "too_many_attempts": outguessed,
        "hold": holds.hold_all,
        "reactivate": lambda tx: holds.reactivate(tx, enrollment_id),
    }
    found = observed(enlist, "enrollment", enrollment_id, EnrollmentState, statements)
    assert found == listed(EnrollmentState)
    with_its_owner: tuple[Statement, ...] = (
        lambda tx: enrollments.revoke_of_user(tx, user_id, "test"),
        lambda tx: enrollments.revoke_of_device(tx, ticket.device_id, "test"),
    )
    for statement in with_its_owner:
        found = observed(
            enlist, "enrollment", enrollment_id, EnrollmentState, {"delete": statement}
        )
        assert found == {move for move in listed(EnrollmentState) if move[2] == "delete"}


def test_devices_move_as_the_table_says(enlist: Enlist) -> None:
    """A blocked device is let in by nothing here, an unenrolled one by a reset alone."""
    ticket = enlist.register("ada")
    found = enlist.device(ticket.device_id)
    device_id, user_id, place = ticket.device_id, found.user_id, found.organization_id
    assert user_id is not None
    statements: dict[str, Statement] = {
        "redeem": lambda tx: bool(
            tx.each(device_moves.ENROLL_EACH, [REPORT | {"id": device_id}], now=tx.now)
        ),
        "delete": lambda tx: device_moves.delete(tx, device_id),
        "reset": lambda tx: device_moves.reset(tx, device_id, found.version),
        "reassign": lambda tx: device_moves.reassign(tx, device_id, found.version, user_id, place),
        "retire": lambda tx: device_moves.retire(tx, device_id, found.version),
    }
    assert observed(enlist, "device", device_id, DeviceState, statements) == listed(DeviceState)
    of_user: dict[str, Statement] = {
        "delete": lambda tx: device_moves.unenroll_of_user(tx, user_id)
    }
    moved = observed(enlist, "device", device_id, DeviceState, of_user)
    assert moved == {(DeviceState.ENROLLED, DeviceState.UNENROLLED, "delete")}


def test_a_device_is_claimed_only_while_registered(enlist: Enlist) -> None:
    """S13: the claim itself looks at the device."""
    ticket = enlist.register("ada")
    for state in DeviceState:
        redeem: Statement = lambda tx: redemptions.redeem(tx, [claim(ticket)])[0]  # noqa: E731
        after = moved(enlist, "device", ticket.device_id, state, redeem)
        assert after == ("enrolled" if state is DeviceState.REGISTERED else None)


def test_attempts_move_as_the_table_says(enlist: Enlist) -> None:
    """X55: completed and cancelled are the end."""
    ticket = enlist.register("ada")
    attempt_id = done(enlist.begin(ticket.token)).attempt_id
    statements: dict[str, Statement] = {
        "redeem": lambda tx: attempts.complete(tx, attempt_id, ticket.enrollment_id, 1),
        "cancel": lambda tx: attempts.cancel(tx, attempt_id),
    }
    found = observed(enlist, "attempt", attempt_id, AttemptState, statements)
    assert found == listed(AttemptState)
    for state in AttemptState:
        redeem: Statement = lambda tx: redemptions.redeem(tx, [claim(ticket, attempt_id)])[0]  # noqa: E731
        after = moved(enlist, "attempt", attempt_id, state, redeem)
        assert after == ("completed" if state is AttemptState.OPEN else None)


def test_a_reissue_is_of_the_generation_that_was_seen(enlist: Enlist) -> None:
    """X22: prepared beside another reissue, it changes nothing and is looked at again."""
    ticket = enlist.register("ada")
    for generation, answer in ((0, None), (1, "active"), (2, None)):

        def reissue(tx: Tx, generation: int = generation) -> bool:
            return enrollments.reissue(tx, ticket.enrollment_id, generation, ticket.expires_at)

        after = moved(enlist, "enrollment", ticket.enrollment_id, EnrollmentState.ACTIVE, reissue)
        assert after == answer
