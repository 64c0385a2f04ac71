"""From what the API answers back to the values that the commands print.

The API says what `verbs.documents` makes of a value; here it is taken back, so that a command
prints the same wherever it runs. What a document leaves out is left empty: no command shows it.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

from enlist.core.access import ApiKey
from enlist.core.clock import from_datetime
from enlist.core.lifecycle import EnrollmentState
from enlist.core.model import Device, Enrollment, Organization
from enlist.core.permissions import Right

T = TypeVar("T")

_ALSO_CALLED: Final = {
    "username": "user",
    "group_id": "organization",
    "device_name": "device",
    "recipient": "to",
    "maker": "created_by",
    "authorized": "authorized_organization_ids",
}
"""Values by what documents call them."""


def revived(kind: type[T], document: Mapping[str, Any]) -> T:
    """The value that a document was made of."""
    flat = {**document, **document.get("identifiers", {})}
    hints = get_type_hints(kind)
    values = {}
    for each in fields(kind):  # type: ignore[arg-type]  # a dataclass, all of them
        name = each.name if each.name in flat else _ALSO_CALLED.get(each.name, "")
        given = flat.get(name)
        values[each.name] = (
            _empty(hints[each.name]) if given is None else _value(hints[each.name], given)
        )
    return kind(**_completed(kind, values, flat))


def moment(text: str) -> int:
    """Microseconds UTC."""
    return from_datetime(datetime.fromisoformat(text))


def _completed(
    kind: type[Any], values: dict[str, Any], document: Mapping[str, Any]
) -> dict[str, Any]:
    """What a document says in another way than the value does."""
    if kind is Enrollment:
        values["in_progress"] = document.get("token_status") == "in_progress"
    if kind is ApiKey:
        left = frozenset(document.get("permissions_in_force", ()))
        path = values["organization_path"] = f"{values['organization_id']}/"
        values["rights"] = (Right(path, left),) if left else ()
    if kind is Device and document.get("handed_out"):
        values["staging_user_id"] = values["id"]  # whose it is stays out of documents
    if kind is Organization:
        values["path"] = f"{values['id']}/"
    return values


def _value(hint: Any, given: Any) -> Any:
    kinds = [each for each in get_args(hint) if each is not type(None)]
    if get_origin(hint) in (Union, types.UnionType):
        return _value(kinds[0], given)
    if get_origin(hint) is tuple:
        return tuple(_value(kinds[0], each) for each in given)
    if isinstance(hint, type) and issubclass(hint, Enum):
        # What has expired is stored as active.
        return EnrollmentState.ACTIVE if given == "expired" else hint(given)
    if isinstance(hint, type) and is_dataclass(hint):
        return revived(hint, given)
    if hint is int and isinstance(given, str):
        return moment(given)
    return given


def _empty(hint: Any) -> Any:
    if type(None) in get_args(hint):
        return None
    origin = get_origin(hint) or hint
    if origin is tuple:
        return ()
    if isinstance(origin, type) and issubclass(origin, Enum):
        return next(iter(origin))
    return origin() if origin in (str, int, bool) else {}
