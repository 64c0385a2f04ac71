"""Changing something field by field: what all such changes have in common.

Whoever edits says which version he saw. A newer one in the store refuses his change, so that nobody
undoes unseen what somebody else changed meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from enlist.core.outcomes import FieldError, Refusal, Subjects
from enlist.verbs.fields import Fields


class Versioned(Protocol):
    """What can be edited."""

    @property
    def version(self) -> int: ...
    @property
    def subjects(self) -> Subjects: ...


def edited_since(found: Versioned, version: int | None) -> Refusal | None:
    """`precondition_failed` where this is not the version that was edited; None edits any."""
    if version in (None, found.version):
        return None
    return Refusal("precondition_failed", about=found.subjects)


def read_changes(
    changes: Mapping[str, Any],
    checks: Mapping[str, Callable[[Any], Any]],
    about: Subjects,
    empty: Mapping[str, Any] | None = None,
) -> dict[str, Any] | Refusal:
    """The new values as they shall be stored, or everything that is wrong with them.

    Args:
        checks: by the fields that can be changed.
        empty: what empties a field; "" where it is not named.
    """
    read, wanted = Fields(), {}
    for key, value in changes.items():
        if key in checks:
            wanted[key] = read.take(key, value or (empty or {}).get(key, ""), checks[key], None)
        else:
            read.errors.append(FieldError(key, "cannot be changed"))
    if read.errors:
        return Refusal("validation_failed", about=about, fields=tuple(read.errors))
    return wanted


def before_and_after(
    before: object,
    after: object,
    names: Iterable[str],
    told: Callable[[Any, str], Any] = getattr,
) -> dict[str, Any]:
    """What an event says of the fields that are not what they were."""
    found = {}
    for name in names:
        if getattr(before, name) != getattr(after, name):
            found[f"before.{name}"] = told(before, name)
            found[f"after.{name}"] = told(after, name)
    return found
