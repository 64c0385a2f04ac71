"""What a presented token or code leads to: all that deciding about it needs, in one row.

A `Sighting` joins the enrollment with its user, device and organization, and with the generation
or attempt that was presented. Nothing here moves anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from enlist.core.ids import Id
from enlist.core.lifecycle import AttemptState, DeviceState, EnrollmentState
from enlist.core.model import GrantKind, Platform, Sighting
from enlist.store.ahead import ReadAhead
from enlist.store.tx import Query, Reader, Row, SetQuery

_BODY = """
    SELECT e.id AS enrollment_id, e.organization_id, o.path AS organization_path, e.user_id,
           COALESCE(u.username, '') AS username,
           (u.id IS NULL OR (u.state = 'active' AND u.deleted_at IS NULL)) AS user_active,
           e.device_id, COALESCE(d.name, '') AS device_name, d.platform, d.state AS device_state,
           e.grant_kind, e.state, e.generation, p.generation AS presented_generation,
           (SELECT n.made_at FROM enrollment_secret n
             WHERE n.enrollment_id = e.id AND n.generation = e.generation) AS made_at,
           e.uses, e.max_uses, e.not_before, e.expires_at, e.used_at, e.ended_at, e.end_reason,
           e.wrong_logins, e.replaces_device_id, e.passcode_id, p.attempt_id, p.attempt_state,
           p.attempt_expires_at, p.attempt_user_id{more}
      FROM {presented} p
      JOIN enrollment e ON e.id = p.enrollment_id
      JOIN organization o ON o.id = e.organization_id
      LEFT JOIN app_user u ON u.id = e.user_id
      LEFT JOIN device d ON d.id = e.device_id
     WHERE e.deleted_at IS NULL AND o.deleted_at IS NULL
       AND (d.id IS NULL OR d.deleted_at IS NULL)
"""


def _body(presented: str, more: str = "") -> str:
    """The statement over what was `presented`, with `more` columns of it."""
    return _BODY.format(presented=presented, more=more)


_BY_TOKEN = Query(
    "sighting.by_token",
    _body(
        """(
        SELECT s.enrollment_id, s.generation, NULL AS attempt_id, NULL AS attempt_state,
               0 AS attempt_expires_at, NULL AS attempt_user_id
          FROM enrollment_secret s WHERE s.digest = :token_digest
        )"""
    ),
)
_BY_TOKEN_EACH = SetQuery(
    "sighting.by_token_each",
    "token_digest bytea",
    _body(
        """(
        SELECT s.digest, s.enrollment_id, s.generation, NULL AS attempt_id,
               NULL AS attempt_state, 0 AS attempt_expires_at, NULL AS attempt_user_id
          FROM asked JOIN enrollment_secret s ON s.digest = asked.token_digest
        )""",
        ", p.digest",
    ),
)
_FIND = Query(
    "sighting.find",
    _body(
        """(
        SELECT s.enrollment_id, s.generation, NULL AS attempt_id, NULL AS attempt_state,
               0 AS attempt_expires_at, NULL AS attempt_user_id
          FROM enrollment_secret s WHERE s.digest = :token_digest
        UNION ALL
        SELECT a.enrollment_id, a.generation, a.id, a.state, a.expires_at, a.user_id
          FROM attempt a WHERE a.digest = :code_digest
        )"""
    ),
    postgres=_body(
        """(
        SELECT s.enrollment_id, s.generation, CAST(NULL AS uuid) AS attempt_id,
               CAST(NULL AS text) AS attempt_state, CAST(0 AS bigint) AS attempt_expires_at,
               CAST(NULL AS uuid) AS attempt_user_id
          FROM enrollment_secret s WHERE s.digest = :token_digest
        UNION ALL
        SELECT a.enrollment_id, a.generation, a.id, a.state, a.expires_at, a.user_id
          FROM attempt a WHERE a.digest = :code_digest
        )"""
    ),
)
_LIVE_OF_DEVICE = Query(
    "sighting.live_of_device",
    _body(
        """(
        SELECT x.id AS enrollment_id, x.generation, NULL AS attempt_id, NULL AS attempt_state,
               0 AS attempt_expires_at, NULL AS attempt_user_id
          FROM enrollment x
         WHERE x.device_id = :device_id AND x.state = 'active' AND x.expires_at > :now
        )"""
    ),
)
_BY_ID = Query(
    "sighting.by_id",
    _body(
        """(
        SELECT x.id AS enrollment_id, CAST(:generation AS integer) AS generation,
               NULL AS attempt_id, NULL AS attempt_state, 0 AS attempt_expires_at,
               NULL AS attempt_user_id
          FROM enrollment x WHERE x.id = :id
        )"""
    ),
)


def find(
    tx: Reader, token_digests: Sequence[bytes], code_digests: Sequence[bytes]
) -> Sighting | None:
    """What a presented token or attempt code leads to; codes are looked for where given.

    Both sequences hold the digests under each look-up key, newest key first.
    """
    for place, token_digest in enumerate(token_digests):
        if code_digests:
            row = tx.one(_FIND, token_digest=token_digest, code_digest=code_digests[place])
        else:
            row = tx.one(_BY_TOKEN, token_digest=token_digest)
        if row is not None:
            return _sighting(row)
    return None


def read_ahead(
    ahead: ReadAhead, token_digests: Iterable[bytes], then: Callable[[list[Row]], None]
) -> None:
    """Have asked what `find` will ask for these digests of tokens; `then` is given the rows."""
    asked = set(token_digests)

    def know(rows: list[Row]) -> None:
        found = {bytes(row["digest"]): [row] for row in rows}
        for digest in asked:
            ahead.know(_BY_TOKEN, found.get(digest, []), token_digest=digest)
        then(rows)

    ahead.ask(_BY_TOKEN_EACH, [{"token_digest": digest} for digest in asked], know)


def live_of_device(tx: Reader, device_id: Id) -> Sighting | None:
    """The live enrollment of a device, as if its newest secret had been presented."""
    row = tx.one(_LIVE_OF_DEVICE, device_id=device_id, now=tx.now)
    return None if row is None else _sighting(row)


def by_id(tx: Reader, enrollment_id: Id, generation: int) -> Sighting | None:
    """An enrollment as if the secret of this generation had been presented."""
    row = tx.one(_BY_ID, id=enrollment_id, generation=generation)
    return None if row is None else _sighting(row)


def _sighting(row: Row) -> Sighting:
    replaced = row["presented_generation"] < row["generation"]
    return Sighting(
        enrollment_id=row["enrollment_id"],
        organization_id=row["organization_id"],
        organization_path=row["organization_path"],
        user_id=row["user_id"],
        username=row["username"],
        user_active=bool(row["user_active"]),
        device_id=row["device_id"],
        device_name=row["device_name"],
        device_platform=Platform(row["platform"]) if row["platform"] else None,
        device_state=DeviceState(row["device_state"]) if row["device_state"] else None,
        grant=GrantKind(row["grant_kind"]),
        state=EnrollmentState(row["state"]),
        generation=row["generation"],
        presented_generation=row["presented_generation"],
        replaced_at=row["made_at"] if replaced else None,
        uses=row["uses"],
        max_uses=row["max_uses"],
        not_before=row["not_before"],
        expires_at=row["expires_at"],
        used_at=row["used_at"],
        ended_at=row["ended_at"],
        end_reason=row["end_reason"],
        wrong_logins=row["wrong_logins"],
        attempt_id=row["attempt_id"],
        attempt_state=AttemptState(row["attempt_state"]) if row["attempt_state"] else None,
        attempt_expires_at=row["attempt_expires_at"],
        attempt_user_id=row["attempt_user_id"],
        replaces_device_id=row["replaces_device_id"],
        passcode_id=row["passcode_id"],
    )
