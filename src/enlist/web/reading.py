"""Reading what was sent: JSON as RFC 8259 means it, and nothing that only looks like it.

A body that two readers could understand differently (a name twice, `NaN`, a number that no
machine holds) is refused before anything looks at its meaning, and so is one that is nested only
to exhaust whoever reads it (S46, S76). Text that a database cannot store, NUL and halves of
surrogate pairs, is told field by field.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, NoReturn

from enlist.core.outcomes import FieldError, Refusal
from enlist.core.secrets import support_code
from enlist.web.values import LINE_PATTERN

DEEPEST: Final = 20
"""Levels of objects and arrays in a body."""

MOST_ERRORS: Final = 20
_LONGEST_NAME: Final = 100
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
# A string that never ends is taken to the end of the text: looked for again from each quote
# inside it, 64 KiB would take minutes.
_TOKENS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)


class _Unreadable(ValueError):
    """No JSON that everybody reads alike; the message says why."""


def read_json(body: bytes) -> Any | Refusal:
    """The value of a JSON text.

    Refusals: `malformed`; `validation_failed` for text that cannot be stored.
    """
    try:
        if _too_deep(body):
            raise _Unreadable(f"It is nested more than {DEEPEST} levels deep.")
        text = body.decode("utf-8")
        value = _DECODER.decode(text)
    except UnicodeDecodeError:
        return _malformed("It is not UTF-8.")
    except _Unreadable as problem:
        return _malformed(str(problem))
    except json.JSONDecodeError as problem:
        return _malformed(f"It is not JSON at character {problem.pos + 1}.")
    except (ValueError, RecursionError):
        return _malformed("It holds a number with too many digits.")
    if "\\u" not in text:
        return value  # JSON has no other way to write what cannot be stored
    return unstorable(_texts(value)) or value


def unstorable(texts: Iterable[tuple[str, str]]) -> Refusal | None:
    """`validation_failed` for every text, given with its field's name, that cannot be stored."""
    wrong = [name for name, text in texts if _UNSTORABLE.search(text)]
    if not wrong:
        return None
    problem = "must not hold NUL or half of a surrogate pair"
    return failed(FieldError(name, problem) for name in wrong)


def failed(errors: Iterable[FieldError]) -> Refusal:
    """`validation_failed` with what is wrong, as far as somebody will read it."""
    shown = tuple(FieldError(_printable(e.field), e.message) for e in errors)[:MOST_ERRORS]
    return Refusal("validation_failed", fields=shown, support_code=support_code())


def _malformed(detail: str) -> Refusal:
    return Refusal("malformed", detail=detail, support_code=support_code())


def _printable(name: str) -> str:
    return _UNSTORABLE.sub("\ufffd", name)[:_LONGEST_NAME]


def _too_deep(body: bytes) -> bool:
    if body.count(b"{") + body.count(b"[") <= DEEPEST:
        return False
    depth = 0
    for token in _TOKENS.findall(body):
        if token in (b"[", b"{"):
            depth += 1
        elif token in (b"]", b"}"):
            depth -= 1
        if depth > DEEPEST:
            return True
    return False


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Unreadable("It gives the same name twice.")
    return found


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _Unreadable("It holds a number that is too large.")
    return value


def _no_number(_name: str) -> NoReturn:
    raise _Unreadable("NaN and Infinity are no JSON.")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_once, parse_float=_finite, parse_constant=_no_number
)


def _texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a value, names of fields included, with its dotted path."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            path = f"{name}.{key}" if name else key
            yield path, key
            yield from _texts(inner, path)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _texts(inner, f"{name}.{place}" if name else str(place))


# --- fields that are not as they should be ---------------------------------------------------


def unfit(errors: Iterable[Any]) -> Refusal:
    """`validation_failed` from what pydantic found; values are never repeated."""
    return failed(FieldError(_field(each["loc"]), _message(each)) for each in errors)


def _field(place: tuple[int | str, ...]) -> str:
    path = [str(part) for part in place]
    named = path[1:] if path and path[0] in ("body", "query", "path", "header") else path
    return ".".join(named) or "body"


_MESSAGES: Final = {
    "missing": "is required",
    "extra_forbidden": "is not a field that is known here",
    "string_type": "must be a text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "dict_type": "must be an object",
    "list_type": "must be a list",
    "model_attributes_type": "must be a JSON object, sent as application/json",
}


def _message(error: Any) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "string_pattern_mismatch" and context.get("pattern") == LINE_PATTERN:
        return "must not hold control characters or line breaks"
    if kind == "string_too_long":
        return f"must be at most {context['max_length']} characters"
    if kind == "enum":
        return f"must be {context['expected']}"
    message: str = _MESSAGES.get(kind, error["msg"])
    return message.removeprefix("Value error, ")
