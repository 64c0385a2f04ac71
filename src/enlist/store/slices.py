"""Lists that are asked for by a filter, a place to begin and a number, with a count of the whole.

Protocols of others page so. Enlist's own lists (`listing`) page by cursor, which does not grow
slower the further one goes. As there, SQL is put together from fixed fragments alone: a filter
only chooses among declared fields, and each of its values is a parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Generic, TypeVar

from enlist.core.filtering import Condition, Operator, Order, Selection
from enlist.core.ids import parse_id
from enlist.store.listing import like, path_end
from enlist.store.tx import Reader, Row, Statement

T = TypeVar("T")

_ALL: Final = "1 = 1"
_NONE: Final = "1 = 0"
NO_FIELDS: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """Some of what fits, and how much there is of it."""

    items: tuple[T, ...]
    total: int


class Slicing:
    """One list, declared by its SQL fragments.

    Args:
        select: ends in a WHERE clause to which conditions are added with AND.
        path: the organization's path of a row.
        discreet: condition for those who may not see staff.
        ids: what holds an id, by the field's name; `id` must be among them.
        texts: what holds a text, and is never NULL.
    """

    def __init__(
        self,
        select: str,
        *,
        path: str,
        discreet: str,
        ids: Mapping[str, str],
        texts: Mapping[str, str] = NO_FIELDS,
    ) -> None:
        self._select = select
        self._path = path
        self._discreet = discreet
        self._ids = ids
        self._texts = texts

    def take(
        self,
        tx: Reader,
        path: str,
        wanted: Selection,
        make: Callable[[Row], T],
        *,
        discreetly: bool,
    ) -> Slice[T]:
        """What is wanted of the subtree at `path`, which names no field but those declared."""
        text, values = self._matching(wanted.conditions, discreetly)
        within = {"path": path, "path_end": path_end(path), **values}
        counting = f"SELECT count(*) AS found FROM ({text}) AS matching"
        counted = tx.one(Statement("slice.count", counting), **within)
        taking = f"{text} ORDER BY {self._order(wanted.orders)} LIMIT :limit OFFSET :offset"
        page = {"limit": wanted.limit, "offset": wanted.offset}
        rows = tx.all(Statement("slice.take", taking), **within, **page)
        return Slice(tuple(make(row) for row in rows), int(counted["found"]) if counted else 0)

    def _matching(
        self, conditions: tuple[Condition, ...], discreetly: bool
    ) -> tuple[str, dict[str, str]]:
        """The statement of everything that meets the conditions, and the values that it takes."""
        where = [f"{self._path} >= :path", f"{self._path} < :path_end"]
        where += [self._discreet] if discreetly else []
        values: dict[str, str] = {}
        for number, condition in enumerate(conditions):
            name = f"value_{number}"
            if condition.field in self._ids:
                told, value = _compare_id(self._ids[condition.field], condition, f":{name}")
            else:
                told, value = _compare_text(self._texts[condition.field], condition, f":{name}")
            where.append(told)
            if value is not None:
                values[name] = value
        return f"{self._select} AND {' AND '.join(where)}", values

    def _order(self, orders: tuple[Order, ...]) -> str:
        keys = []
        for order in orders:
            by_id = self._ids.get(order.field)
            key = by_id or f"lower({self._texts[order.field]})"
            keys.append(f"{key} {'DESC' if order.descending else 'ASC'}")
        return ", ".join([*keys, self._ids["id"]])


Compared = tuple[str, str | None]
"""SQL for one comparison, and the value of its parameter; None where it has none."""


def _compare_text(sql: str, condition: Condition, parameter: str) -> Compared:
    match condition.operator:
        case Operator.CONTAINS if not condition.operand:
            return _ALL, None
        case Operator.CONTAINS:  # LIKE does not mind the case of letters on SQLite
            return f"replace({sql}, {parameter}, '') <> {sql}", condition.operand
        case Operator.CONTAINS_ANY_CASE:
            return f"lower({sql}) LIKE {parameter} ESCAPE '!'", like(condition.operand)
    return f"{sql} {condition.operator.value} {parameter}", condition.operand


def _compare_id(sql: str, condition: Condition, parameter: str) -> Compared:
    operand = parse_id(condition.operand)
    if operand is None:  # nothing is called so; PostgreSQL would not even compare it
        return (_NONE if condition.operator is Operator.EQUAL else _ALL), None
    return f"{sql} {condition.operator.value} {parameter}", operand
