"""Enrollment Status: lists of enrollments with how each stands, and counts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from enlist.core.clock import DAY
from enlist.core.ids import Id
from enlist.core.model import Enrollment, GrantKind
from enlist.core.outcomes import Refusal
from enlist.core.policy import resolve
from enlist.store import organizations
from enlist.store.enrollments import COLUMNS, enrollment_of
from enlist.store.listing import NAMED_WITHIN, Listing, Page, PageRequest, path_end
from enlist.store.narrowing import Narrowing, Searched, Through, by_owner
from enlist.store.tx import Query, Reader, Row
from enlist.store.users import NOT_STAFF

_IN_PROGRESS = """EXISTS (
        SELECT 1 FROM attempt going
         WHERE going.enrollment_id = e.id AND going.state = 'open' AND going.expires_at > :now)"""
_STANDING = COLUMNS.replace("e.source\n", f"e.source, {_IN_PROGRESS} AS in_progress\n")
_TOKEN_TYPE = f"""e.grant_kind = 'registration_token' AND o.id IN (
        SELECT place.id FROM organization place
         WHERE place.path >= :path AND place.path < :path_end AND COALESCE(
             (SELECT own.value
                FROM organization_setting own JOIN organization above
                  ON above.id = own.organization_id
               WHERE own.key = 'token_type'
                 AND substr(place.path, 1, length(above.path)) = above.path
               ORDER BY length(above.path) DESC LIMIT 1),
             '{json.dumps(resolve([]).token_type.value)}')
           = '"' || CAST(:token_type AS text) || '"')"""
"""The organizations where that token type is in force, found once for the whole list."""
_SEEN = {
    "day": f"e.used_at > :now - {DAY}",
    "week": f"e.used_at > :now - {7 * DAY}",
    "month": f"e.used_at > :now - {30 * DAY}",
    "earlier": f"e.used_at <= :now - {30 * DAY}",
}
"""When the device first came with it, from now back; a month is 30 days."""
_FIRST_SEEN = " ".join(
    [
        "CASE CAST(:first_seen AS text) WHEN 'never' THEN e.used_at IS NULL",
        *(f"WHEN '{value}' THEN {seen}" for value, seen in _SEEN.items()),
        "END",
    ]
)
_OF_DEVICE = Query(
    "enrollment.of_device",
    f"""{_STANDING} WHERE e.device_id = :device_id AND e.deleted_at IS NULL
     ORDER BY e.id DESC LIMIT 100""",
)
_LIVE = Query(
    "enrollment.live",
    """
    SELECT count(*) AS found
      FROM (SELECT 1 FROM enrollment
             WHERE state = 'active' AND expires_at > :now LIMIT :most) AS live
    """,
)
_COUNTS = Query(
    "enrollment.counts",
    """
    SELECT CASE WHEN e.state = 'active' AND e.expires_at <= :now THEN 'expired' ELSE e.state END
               AS shown, count(*) AS found
      FROM enrollment e JOIN organization o ON o.id = e.organization_id
     WHERE e.deleted_at IS NULL AND o.path >= :path AND o.path < :path_end
     GROUP BY 1
    """,
)
_IDS = "SELECT e.id FROM enrollment e WHERE"
_OF_MESSAGE = "SELECT m.enrollment_id AS id FROM message m WHERE"
_OF_STATE = {
    "active": f"{_IDS} e.state = 'active' AND e.expires_at > :now",
    "expired": f"{_IDS} e.state = 'active' AND e.expires_at <= :now",
    "used": f"{_IDS} e.used_at IS NOT NULL",
    "revoked": f"{_IDS} e.state = 'revoked'",
    "on_hold": f"{_IDS} e.state = 'on_hold'",
}
_LIST = Listing(
    "enrollments",
    f"{_STANDING} WHERE e.deleted_at IS NULL",
    id="e.id",
    path="o.path",
    sorts={
        "issued_at": "e.id",
        "expires_at": "e.expires_at",
        "user": "COALESCE(u.username_folded, '') COLLATE \"C\"",
        "device": "lower(COALESCE(d.name, '')) COLLATE \"C\"",
        "state": "e.state",
    },
    default_sort="-issued_at",
    filters={
        "state": "CASE WHEN e.state = 'active' AND e.expires_at <= :now THEN 'expired' "
        "ELSE e.state END = :state",
        "platform": "d.platform = :platform",
        "grant": "e.grant_kind = :grant",
        "user": "e.user_id = :user",
        "device": "e.device_id = :device",
        "message_state": "m.state = :message_state",
        "device_state": "d.state = :device_state",
        "ownership": "d.ownership = :ownership",
        "token_status": "CASE WHEN e.grant_kind = 'sign_in' THEN 'not_applicable' "
        "WHEN e.state <> 'active' THEN e.state WHEN e.expires_at <= :now THEN 'expired' "
        f"WHEN {_IN_PROGRESS} THEN 'in_progress' ELSE 'active' END = :token_status",
        "token_type": "CASE WHEN CAST(:token_type AS text) = 'not_applicable' "
        f"THEN e.grant_kind <> 'registration_token' ELSE {_TOKEN_TYPE} END",
        "source": "e.source = :source",
        "first_seen": _FIRST_SEEN,
        "without_staff": NOT_STAFF.format(user="e.user_id"),
    },
    veil={
        "u.id = e.user_id": f"u.id = e.user_id AND {NAMED_WITHIN}",
        "m.recipient": "CASE WHEN e.user_id IS NULL OR u.id IS NOT NULL THEN m.recipient END",
    },
    narrowing=Narrowing(
        "enrollments",
        "enrollment",
        (
            Searched(
                "lower(COALESCE(d.name, ''))",
                "lower(n.name)",
                "SELECT e.id FROM device n CROSS JOIN enrollment e",
                where="e.device_id = n.id",
            ),
            by_owner("enrollment"),
            Searched(
                "lower(COALESCE(m.recipient, ''))",
                "lower(n.recipient)",
                "SELECT n.enrollment_id AS id FROM message n",
            ),
        ),
        {
            "state": _OF_STATE,
            "token_status": {**_OF_STATE, "in_progress": _OF_STATE["active"]},
            "first_seen": {value: f"{_IDS} {seen}" for value, seen in _SEEN.items()},
            "message_state": {
                **{
                    state: f"{_OF_MESSAGE} m.state = '{state}'" for state in ("failed", "delivered")
                },
                **dict.fromkeys(
                    ("queued", "sending"), f"{_OF_MESSAGE} m.state IN ('queued', 'sending')"
                ),
            },
            "device_state": {
                state: f"""SELECT e.id FROM device d CROSS JOIN enrollment e
                            WHERE e.device_id = d.id AND d.state = '{state}'"""
                for state in ("blocked", "unenrolled")
            },
        },
    ),
    through={
        "user": Through(
            'u.username_folded COLLATE "C"',
            {
                "FROM enrollment e\n": "FROM app_user u CROSS JOIN enrollment e\n",
                "LEFT JOIN app_user u ON u.id = e.user_id\n": "",
            },
            "e.user_id = u.id",
            "e.user_id IS NULL",
        ),
        "device": Through(
            'lower(d.name) COLLATE "C"',
            {
                "FROM enrollment e\n": "FROM device d CROSS JOIN enrollment e\n",
                "LEFT JOIN device d ON d.id = e.device_id\n": "",
            },
            "e.device_id = d.id",
            "e.device_id IS NULL",
        ),
    },
)


def of_device(tx: Reader, device_id: Id) -> list[Enrollment]:
    """The enrollments of a device, newest first."""
    rows = tx.all(_OF_DEVICE, device_id=device_id, now=tx.now)
    return with_token_types(tx, [_standing(row) for row in rows])


def live(tx: Reader, most: int) -> int:
    """How many enrollments are live in the installation, counted no further than `most`."""
    row = tx.one(_LIVE, now=tx.now, most=most)
    return 0 if row is None else int(row["found"])


def counts(tx: Reader, path: str) -> dict[str, int]:
    """How many enrollments of a subtree show which state."""
    rows = tx.all(_COUNTS, path=path, path_end=path_end(path), now=tx.now)
    return {row["shown"]: row["found"] for row in rows}


def page(tx: Reader, request: PageRequest) -> Page[Enrollment] | Refusal:
    """Enrollments of a subtree."""
    found = _LIST.page(tx, request, _standing)
    if isinstance(found, Refusal):
        return found
    return Page(tuple(with_token_types(tx, found.items)), found.next_cursor)


def with_token_types(tx: Reader, items: Sequence[Enrollment]) -> list[Enrollment]:
    """The same, with what their tokens need beside themselves: the settings may change."""
    tokens = [each for each in items if each.grant is GrantKind.REGISTRATION_TOKEN]
    paths = {each.organization_path for each in tokens}
    known = {path: organizations.policy(tx, path).token_type.value for path in paths}
    return [
        replace(each, token_type=known[each.organization_path])
        if each.grant is GrantKind.REGISTRATION_TOKEN
        else each
        for each in items
    ]


def _standing(row: Row) -> Enrollment:
    """An enrollment, and whether somebody is just using it."""
    return replace(enrollment_of(row), in_progress=bool(row["in_progress"]))
