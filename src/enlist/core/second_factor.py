"""Who needs a second factor, where it is asked of some roles.

A name of a role decides nothing, or whoever gives roles below would shed what is asked above: by a
role of his own with the same permissions, with one less, or by two that hold a half each. So what
somebody may do counts, by whatever roles he may do it.
"""

from __future__ import annotations

from collections.abc import Collection

from enlist.core.permissions import ROLES, Permission

Permissions = frozenset[Permission]


def needs_one(held: Permissions, asked: Collection[Permissions]) -> bool:
    """Whether somebody who holds this at an organization needs a second factor there.

    He needs one who may do all that a role may of which one is asked; and, where one is asked of a
    built-in role, who may do something that none of the built-in ones without it may.

    Args:
        asked: what each role may of which one is asked there.
    """
    if any(role and role <= held for role in asked):
        return True
    built_in = [role for role in ROLES.values() if role in asked]
    without = [role for role in ROLES.values() if not any(each <= role for each in built_in)]
    return bool(built_in) and not held <= frozenset().union(*without)
