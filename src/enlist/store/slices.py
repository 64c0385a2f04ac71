"""Lists that are asked for by a filter, a place to begin and a number, with a count of the whole.

Protocols of others page so. Enlist's own lists (`listing`) page by cursor, which does not grow
slower the further one goes. As there, SQL is put together from fixed fragments alone: a filter
only chooses among declared fields, and each of its values is a parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Generic, TypeVar

from enlist.core.filtering import Condition, Operator, Order, Selection
from enlist.core.ids import parse_id
from enlist.core.outcomes import Refusal, invalid
from enlist.store.listing import like, path_end
from enlist.store.tx import Reader, Row, Statement

T = TypeVar("T")

_ALL: Final = "1 = 1"
_NONE: Final = "1 = 0"


class Kind(Enum):
    """What a field holds. A flag is the same for every row."""

    TEXT = auto()
    ID = auto()
    FLAG = auto()


@dataclass(frozen=True, slots=True)
class Field:
    """A field that a filter may name: an SQL expression that is never NULL."""

    kind: Kind
    sql: str


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
        fields: by the names that filters use; `id` must be among them.
    """

    def __init__(
        self, select: str, *, path: str, discreet: str, fields: Mapping[str, Field]
    ) -> None:
        self._select = select
        self._path = path
        self._discreet = discreet
        self._fields = fields

    def take(
        self,
        tx: Reader,
        path: str,
        wanted: Selection,
        make: Callable[[Row], T],
        *,
        discreetly: bool,
    ) -> Slice[T] | Refusal:
        """What is wanted of the subtree at `path`.

        Refusals: `validation_failed` for the fields `filter` and `sort`.
        """
        order = self._order(wanted.orders)
        if isinstance(order, Refusal):
            return order
        matching = self._matching(wanted.conditions, discreetly)
        if isinstance(matching, Refusal):
            return matching
        text, values = matching
        within = {"path": path, "path_end": path_end(path), **values}
        counting = f"SELECT count(*) AS found FROM ({text}) AS matching"
        counted = tx.one(Statement("slice.count", counting), **within)
        taking = f"{text} ORDER BY {order} LIMIT :limit OFFSET :offset"
        page = {"limit": wanted.limit, "offset": wanted.offset}
        rows = tx.all(Statement("slice.take", taking), **within, **page)
        return Slice(tuple(make(row) for row in rows), int(counted["found"]) if counted else 0)

    def _matching(
        self, conditions: tuple[Condition, ...], discreetly: bool
    ) -> tuple[str, dict[str, object]] | Refusal:
        """The statement of everything that meets the conditions, and the values that it takes."""
        where = [f"{self._path} >= :path", f"{self._path} < :path_end"]
        where += [self._discreet] if discreetly else []
        values: dict[str, object] = {}
        for number, condition in enumerate(conditions):
            name = f"value_{number}"
            told = self._condition(condition, name)
            if isinstance(told, Refusal):
                return told
            where.append(told[0])
            if told[1] is not None:
                values[name] = told[1]
        return f"{self._select} AND {' AND '.join(where)}", values

    def _condition(self, condition: Condition, name: str) -> tuple[str, object] | Refusal:
        """SQL for one comparison, and the value of its parameter; None where it has none."""
        field = self._fields.get(condition.field)
        if field is None:
            return invalid("filter", f"knows the fields {', '.join(self._fields)}")
        compared = {
            Kind.TEXT: _compare_text,
            Kind.ID: _compare_id,
            Kind.FLAG: _compare_flag,
        }[field.kind](field.sql, condition, f":{name}")
        if compared is None:
            return invalid("filter", f"cannot compare {condition.field} like this")
        return compared

    def _order(self, orders: tuple[Order, ...]) -> str | Refusal:
        keys = []
        for order in orders:
            field = self._fields.get(order.field)
            if field is None:
                return invalid("sort", f"must be one of {', '.join(self._fields)}")
            direction = "DESC" if order.descending else "ASC"
            if field.kind is not Kind.FLAG:
                key = f"lower({field.sql})" if field.kind is Kind.TEXT else field.sql
                keys.append(f"{key} {direction}")
        return ", ".join([*keys, self._fields["id"].sql])


Compared = tuple[str, object] | None


def _compare_text(sql: str, condition: Condition, parameter: str) -> Compared:
    operand = "" if condition.operand is None else condition.operand
    if isinstance(operand, bool):
        return None
    match condition.operator:
        case Operator.CONTAINS if not operand:
            return _ALL, None
        case Operator.CONTAINS:  # LIKE does not mind the case of letters on SQLite
            return f"replace({sql}, {parameter}, '') <> {sql}", operand
        case Operator.CONTAINS_ANY_CASE:
            return f"lower({sql}) LIKE {parameter} ESCAPE '!'", like(operand)
    return f"{sql} {condition.operator.value} {parameter}", operand


def _compare_id(sql: str, condition: Condition, parameter: str) -> Compared:
    equal = condition.operator is Operator.EQUAL
    if not (equal or condition.operator is Operator.UNEQUAL):
        return None
    if not isinstance(condition.operand, str):
        return None
    operand = parse_id(condition.operand)
    if operand is None:  # nothing is called so; PostgreSQL would not even compare it
        return (_NONE if equal else _ALL), None
    return f"{sql} {condition.operator.value} {parameter}", operand


def _compare_flag(sql: str, condition: Condition, parameter: str) -> Compared:
    if condition.operator not in (Operator.EQUAL, Operator.UNEQUAL):
        return None
    if not isinstance(condition.operand, bool):
        return None
    return f"{sql} {condition.operator.value} {parameter}", int(condition.operand)
