"""Answers of many lines: one for each row of a request, as soon as it is done, and a last one.

Whoever does not see the last line knows that the answer was cut short.
"""

from __future__ import annotations

from typing import Any

import structlog
from pydantic_core import to_json

from enlist.core.outcomes import Done, Refusal
from enlist.core.secrets import support_code
from enlist.store.tx import StoreUnavailable
from enlist.web.boundary import FAULTS
from enlist.web.metrics import OUTCOMES
from enlist.web.problems import problem

_log = structlog.get_logger("enlist.web")


def told(outcome: Done[Any] | Refusal | Exception, verb: str, path: str) -> Any:
    """What came of a row: a value or a refusal, counted; a fault of ours has a support code."""
    found = _found(outcome, path)
    OUTCOMES.labels(verb, found.code if isinstance(found, Refusal) else "done").inc()
    return found


def _found(outcome: Done[Any] | Refusal | Exception, path: str) -> Any:
    if isinstance(outcome, Done):
        return outcome.value
    if isinstance(outcome, Refusal):
        return outcome
    code = support_code()
    if isinstance(outcome, StoreUnavailable):
        return Refusal("try_later", support_code=code)
    FAULTS.inc()
    _log.error("fault", support_code=code, path=path, exc_info=outcome)
    return Refusal("internal_error", support_code=code)


def line(place: int, status: int, **values: Any) -> bytes:
    """The line of a row that was done."""
    return to_json({"row": place, "status": status, **values}) + b"\n"


def refused(place: int, refusal: Refusal, **values: Any) -> bytes:
    """The line of a row that was not."""
    document = problem(refusal, staff=True)
    return line(place, document["status"], **values, problem=document)


def end(**counts: int) -> bytes:
    """The last line."""
    return to_json(counts) + b"\n"
