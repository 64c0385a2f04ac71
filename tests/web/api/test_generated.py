"""Requests generated from the description: whatever is sent, what it promises holds.

Few cases per operation, always the same ones: a campaign with many more is `make fuzz`'s.
"""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from enlist.verbs.api_keys import CreateApiKey
from tests.fuzzing import effort
from tests.web.api.conftest import ORIGIN, Api
from tests.work import work_of

CASES = 4
SLOWEST = 1.0
"""Seconds of processor time that no answer may take (S47)."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture
def store_kind() -> str:
    """PostgreSQL is the stricter one about what it stores."""
    return "postgres"


@pytest.mark.peer("postgres")
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("with_key", [True, False])
def test_every_answer_is_one_that_is_described(
    api: Api, mode: GenerationMode, with_key: bool
) -> None:
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", api.http.app)
    headers: dict[str, str] = {}
    if with_key:
        key = CreateApiKey("generated", "administrator", api.enlist.root.id)
        headers["authorization"] = f"Bearer {api.enlist.do(key).secret.reveal()}"
    numbers = itertools.count(1)
    tried: Counter[str] = Counter()
    for found in schema.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]  # the description is valid
        tried[operation.label] = 0

        @settings(
            **effort(CASES),
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(mode))
        def ask(case: Case[Any]) -> None:
            number = next(numbers)
            case.headers["x-forwarded-for"] = f"198.51.{number >> 8 & 255}.{number & 255}"
            answer, took = work_of(lambda: case.call(base_url=ORIGIN, headers=headers))
            assert took < SLOWEST, f"{case.method} {case.path}: {took:.1f} s of work"
            case.validate_response(answer, checks=CHECKS)
            tried[case.operation.label] += 1

        ask()
    assert all(tried.values()), [name for name, count in tried.items() if not count]
    assert tried.total() > 100
