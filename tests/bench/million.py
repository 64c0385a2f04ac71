"""As many enrollments as an installation has after years, each with what belongs to it.

One is made by the verb; the others are rows like it, made in SQL: a device, its enrollment, a
message and an event of each, and a user of every tenth. They were issued evenly over a year, and
most were used. Some states are rare, and so is a platform; one in 10,000 stands in an organization
below.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from enlist.core.clock import DAY
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.register import Register
from tests.installation import MAILED, Enlist
from tests.store.raw import Raw

LABS: Final = "labs"
_PEOPLE: Final = 10
"""Devices of each user."""
_YEAR: Final = 365 * DAY
_STATE: Final = """CASE WHEN i % 100 < 90 THEN 'used' WHEN i % 100 < 95 THEN 'revoked'
                        ELSE 'active' END"""
_DEVICE_STATE: Final = """CASE WHEN i % 500 = 0 THEN 'blocked' WHEN i % 100 < 90 THEN 'enrolled'
                               ELSE 'registered' END"""
_NAME: Final = """CASE i % 4 WHEN 0 THEN 'laptop-' WHEN 1 THEN 'Desktop-' WHEN 2 THEN 'phone-'
                             ELSE 'server-' END"""
_PLATFORM: Final = """CASE WHEN i % 10000 = 7 THEN 'ios' WHEN i % 4 = 0 THEN 'linux'
                           WHEN i % 4 = 1 THEN 'windows' WHEN i % 4 = 2 THEN 'android'
                           ELSE 'macos' END"""


def fill(enlist: Enlist, raw: Raw, rows: int) -> None:
    """Make so many of them."""
    enlist.user("ada")
    labs = enlist.organization(LABS)
    enlist.do(Register("", "ada", DeviceDetails("laptop", "linux"), MAILED))
    now, people = enlist.clock.now, max(1, rows // _PEOPLE)
    at = f"({now - _YEAR} + i * {_YEAR // (rows + 1)})"
    used = "i % 100 < 90"
    place = f"CASE WHEN i % 10000 = 0 THEN '{labs.id}' ELSE '{enlist.root.id}' END"
    if enlist.store.dialect == "postgres":
        place = f"CAST({place} AS uuid)"
        raw.execute("SET synchronous_commit = off; SET session_replication_role = replica")
    else:
        raw.execute("PRAGMA foreign_keys = OFF")
        raw.execute("PRAGMA cache_size = -1000000")
    found = {
        name: _id(enlist, tag, number, at.replace("i *", f"{number} *"))
        for name, tag, number in (
            ("user", 1, f"(1 + i % {people})"),
            ("device", 2, "i"),
            ("enrollment", 3, "i"),
            ("message", 4, "i"),
            ("event", 5, "i"),
        )
    }
    person = f"(1 + i % {people})"
    about = {
        "organization_id": place,
        "user_id": found["user"],
        "device_id": found["device"],
        "enrollment_id": found["enrollment"],
    }
    of_enrollment = {name: about[name] for name in ("organization_id", "user_id", "device_id")}
    made: dict[str, Mapping[str, str]] = {
        "app_user": {
            "id": _id(enlist, 1, "i", at),
            "username": "'Person' || i || '@example.com'",
            "username_folded": "'person' || i || '@example.com'",
            "email": "'mail' || i || '@example.com'",
            "email_folded": "'mail' || i || '@example.com'",
            "first_name": "'First' || (i % 1000)",
            "last_name": "'Last' || (i % 5000)",
            "phone": "'+4930' || i",
            "state": "CASE WHEN i % 1000 = 0 THEN 'disabled' ELSE 'active' END",
            "created_at": at,
        },
        "device": {
            "id": found["device"],
            "organization_id": place,
            "user_id": found["user"],
            "name": f"{_NAME} || i",
            "platform": _PLATFORM,
            "state": _DEVICE_STATE,
            "serial": "'SN' || (i * 7919 % 10000019)",
            "model": "'Model ' || (i % 50)",
            "registered_at": at,
            "enrolled_at": f"CASE WHEN {used} THEN {at} + 3600000000 END",
            "last_seen_at": f"CASE WHEN {used} THEN {now} - (i * 7919 % 10000019) * 1000000 END",
        },
        "message": {
            **{name: about[name] for name in ("organization_id", "user_id", "enrollment_id")},
            "id": found["message"],
            "recipient": f"'mail' || {person} || '@example.com'",
            "state": "CASE WHEN i % 1000 = 0 THEN 'failed' ELSE 'sent' END",
            "queued_at": at,
            "next_try_at": at,
            "sent_at": at,
        },
        "enrollment": {
            **of_enrollment,
            "id": found["enrollment"],
            "state": _STATE,
            "issued_at": at,
            "expires_at": f"CASE WHEN i % 100 = 99 AND i % 50 = 49 THEN {at} + {DAY} "
            f"WHEN i % 100 >= 95 THEN {now} + i ELSE {at} + {DAY} END",
            "used_at": f"CASE WHEN {used} THEN {at} + 3600000000 END",
            "ended_at": f"CASE WHEN i % 100 < 95 THEN {at} + 3600000000 END",
            "message_id": found["message"],
        },
        "event": {
            **about,
            "id": found["event"],
            "at": at,
            "kind": f"CASE WHEN i % 1000 = 1 THEN 'enrollment.refused' WHEN {used} "
            "THEN 'enrollment.redeemed' ELSE 'device.registered' END",
        },
    }
    for table, special in made.items():
        _copy(enlist, raw, table, special, people if table == "app_user" else rows)
    raw.execute("VACUUM ANALYZE" if enlist.store.dialect == "postgres" else "SELECT 1")


def _copy(enlist: Enlist, raw: Raw, table: str, special: Mapping[str, str], rows: int) -> None:
    """Rows like the only one, but for some columns."""
    columns = list(enlist.rows(table)[0])
    chosen = ", ".join(special.get(name, f"one.{name}") for name in columns)
    raw.execute(
        f"""
        INSERT INTO {table} ({", ".join(columns)})
        WITH RECURSIVE counted(i) AS (SELECT CAST(1 AS bigint)
                                       UNION ALL SELECT i + 1 FROM counted WHERE i < {rows})
        SELECT {chosen} FROM (SELECT * FROM {table} ORDER BY id DESC LIMIT 1) AS one, counted
        """
    )


def _id(enlist: Enlist, tag: int, number: str, at: str) -> str:
    """An id as it was drawn at that moment, of this table and number."""
    moment = f"({at} / 1000)"
    if enlist.store.dialect == "sqlite":
        return (
            f"printf('%08x-%04x-70{tag:02}-8000-%012x', {moment} / 65536, {moment} % 65536, "
            f"{number})"
        )
    return (
        f"CAST(lpad(to_hex({moment}), 12, '0') || '70{tag:02}8000' "
        f"|| lpad(to_hex({number}), 12, '0') AS uuid)"
    )
