"""The description: valid, complete, with an example for everything; and its page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from enlist.core.refusals import CATALOGUE
from enlist.web.api.application import PARTS
from enlist.web.api.openapi import operations_of
from enlist.web.problems import STATUS
from tests.web.api.conftest import Api, answered

Operation = dict[str, Any]


@pytest.fixture
def store_kind() -> str:
    """The description depends on no store."""
    return "sqlite"


@pytest.fixture
def document(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = answered(api.stranger.get("/api/openapi.json"))
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, Operation]]:
    for method, path, operation in operations_of(document):
        yield f"{method} {path}", operation


def test_it_is_valid(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    OPENAPI_31_VALIDATOR.validate(document)


def test_it_lists_every_route(document: dict[str, Any]) -> None:
    routes = {
        f"{method} /api/v1{route.path}"
        for part in PARTS
        for router in part.operations.routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    assert {name for name, _ in operations(document)} == routes


def test_operations_have_names_of_their_own(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, operation in operations(document)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z_]+", name) for name in names), names
    assert all(operation["description"] for _, operation in operations(document))


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    references = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert references == set(document["components"]["schemas"])


def test_every_body_has_an_example(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    lacking = [
        name
        for name, operation in operations(document)
        for content in operation.get("requestBody", {}).get("content", {}).values()
        if not any(examples(one, schemas) for one in options(content["schema"]))
    ]
    assert not lacking


def test_every_answer_says_what_it_is(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name, operation in operations(document):
        good = [status for status in operation["responses"] if status.startswith("2")]
        assert len(good) == 1, name
        content = operation["responses"][good[0]].get("content", {})
        assert bool(content) is (good[0] != "204"), name
        for each in content.values():
            assert "$ref" not in each["schema"] or examples(each["schema"], schemas), name


def test_refusals_are_described_with_their_status(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for status, response in operation["responses"].items():
            if "application/problem+json" not in response.get("content", {}):
                continue
            codes = re.findall(r"^- `(\w+)`", response["description"], re.MULTILINE)
            assert codes, name
            for code in codes:
                expected = {STATUS[code], 409} if STATUS[code] == 410 else {STATUS[code]}
                assert int(status) in expected, f"{name}: {code}"
                assert code in CATALOGUE


def test_examples_are_of_the_kind_that_they_show(api: Api, document: dict[str, Any]) -> None:
    import jsonschema_rs

    components = {"components": document["components"]}
    checked = 0
    for name, schema in document["components"]["schemas"].items():
        validator = jsonschema_rs.Draft202012Validator({**components, **schema})
        for example in schema.get("examples", []):
            validator.validate(example)
            checked += 1
        assert name
    assert checked > 15


def test_the_page_shows_every_operation(api: Api, document: dict[str, Any]) -> None:
    page = api.stranger.get("/api/docs")
    assert page.status_code == 200
    for name, operation in operations(document):
        assert f'id="{operation["operationId"]}"' in page.text, name
    policy = page.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "<script" not in page.text
    assert "style=" not in page.text
    assert not re.findall(r"(?:src|href)=\"(?:https?:)?//", page.text), "nothing from elsewhere"


def test_the_page_repeats_no_html_of_a_description() -> None:
    from enlist.web.api.reference import _marked

    assert str(_marked("<b>`x`</b>")) == "<p>&lt;b&gt;<code>x</code>&lt;/b&gt;</p>\n"


def options(schema: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = schema.get("anyOf", [schema])
    return found


def examples(schema: dict[str, Any], schemas: dict[str, Any]) -> list[Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: list[Any] = schemas.get(name, schema).get("examples", [])
    return found


def test_head_is_get_without_the_body(api: Api) -> None:
    """RFC 9110 section 9.3.2; the description lists it nowhere."""
    client = api.key()
    ticket = api.enlist.register("ada")
    for path in ("/devices", f"/devices/{ticket.device_id}", "/me", "/events/export", "/users/x"):
        shown, head = client.get(path), client.ask("HEAD", path)
        assert head.status_code == shown.status_code, path
        assert head.headers["content-type"] == shown.headers["content-type"], path
        assert head.headers.get("etag") == shown.headers.get("etag"), path
        assert head.content == b"", path
    assert api.stranger.ask("HEAD", "/devices").status_code == 401
    assert client.ask("HEAD", "/redeem").status_code == 405
    paths = api.http.get("/api/openapi.json").json()["paths"]
    assert paths
    assert not any("head" in operations for operations in paths.values())
