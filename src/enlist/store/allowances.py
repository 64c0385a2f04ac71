"""How much somebody may still enroll, enforced where it is used up.

Counting and enrolling are two statements, so whoever enrolls under a limit first locks what the
limit is of: the organizations that cap or deny, then the user. Whoever comes at the same moment
waits there, and counts what the first one has enrolled. Claims without limits lock nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from enlist.core.ids import Id
from enlist.core.model import Ownership, organization_at
from enlist.store import device_lists, users
from enlist.store.listing import path_end
from enlist.store.tx import Query, Reader, Tx

_HOLD_TEXT = "SELECT o.id FROM organization o WHERE o.id = :id"
_HOLD = Query(
    "allowance.hold",
    _HOLD_TEXT,
    # Devices and users may still be added there: they only point to it.
    postgres=f"{_HOLD_TEXT} FOR NO KEY UPDATE",
)
_OF_USER = Query(
    "allowance.of_user",
    """
    SELECT d.ownership, count(*) AS found FROM device d
     WHERE d.user_id = :user_id AND d.state = 'enrolled' AND d.deleted_at IS NULL
     GROUP BY d.ownership
    """,
)
_AT_ORGANIZATION = Query(
    "allowance.at_organization",
    """
    SELECT count(*) AS found
      FROM organization o JOIN device d ON d.organization_id = o.id
     WHERE o.path >= :path AND o.path < :path_end
       AND d.state = 'enrolled' AND d.deleted_at IS NULL
    """,
)


@dataclass(frozen=True, slots=True)
class Allowance:
    """The limits that one more enrolled device must fit into.

    Attributes:
        path: of the organization where it is enrolled.
        most_devices, most_of_ownership: how many its user may have; None for any number.
        caps: path of an organization, and how many may be enrolled there and below.
        denied_by: by what it may be denied, where there is a deny list.
    """

    path: str
    user_id: Id | None = None
    ownership: Ownership = Ownership.NONE
    most_devices: int | None = None
    most_of_ownership: int | None = None
    caps: tuple[tuple[str, int], ...] = ()
    denied_by: frozenset[tuple[str, str]] = frozenset()

    @property
    def limits_user(self) -> bool:
        """Whether it matters how many devices the user has."""
        return self.most_devices is not None or self.most_of_ownership is not None


def take(tx: Tx, allowance: Allowance) -> str | None:
    """Keep everybody else from using these limits until this transaction ends.

    Returns:
        The code of the refusal where they are used up; None where one more device fits.
    """
    held = {organization_at(path) for path, _ in allowance.caps}
    if allowance.denied_by:
        held |= set(allowance.path.rstrip("/").split("/"))
    for organization_id in sorted(held):
        tx.one(_HOLD, id=organization_id)
    if allowance.limits_user and allowance.user_id is not None:
        users.hold(tx, allowance.user_id)
    return used_up(tx, allowance)


def used_up(tx: Reader, allowance: Allowance) -> str | None:
    """The same, as it looks now."""
    if allowance.denied_by:
        named = device_lists.naming(tx, allowance.path, allowance.denied_by)
        if any(each.list == "deny" for each in named):
            return "device_denied"
    if allowance.limits_user and allowance.user_id is not None:
        rows = tx.all(_OF_USER, user_id=allowance.user_id)
        have = {row["ownership"]: int(row["found"]) for row in rows}
        if not _fits(sum(have.values()), allowance.most_devices):
            return "device_limit_reached"
        if not _fits(have.get(allowance.ownership.value, 0), allowance.most_of_ownership):
            return "device_limit_reached"
    for path, most in allowance.caps:
        row = tx.one(_AT_ORGANIZATION, path=path, path_end=path_end(path))
        if not _fits(int(row["found"]) if row else 0, most):
            return "device_limit_reached"
    return None


def _fits(have: int, most: int | None) -> bool:
    return most is None or have < most
