"""The description of the API: OpenAPI 3.1, made once from what the operations declare."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from enlist.core.refusals import CATALOGUE
from enlist.web.api.bodies import Body, Shown
from enlist.web.api.redeem import PublicBody

PREFIX: Final = "/api/v1"
METHODS: Final = ("get", "put", "post", "delete", "patch")

_ABOUT: Final = """\
Everything that the console does, for programs.

**Who asks.** Send an API key as `Authorization: Bearer enk_…`. Operations on tokens (`/redeem`,
`/attempts`) take no key: whoever presents a token is its holder. `x-permission` names what an
operation takes; outside of your organizations nothing exists (`not_found`).

**Values.** JSON in UTF-8 with names in snake_case, at most 64 KiB, at most 20 levels deep, no
name twice. Ids are UUIDs. Times are RFC 3339 with a zone; answers are in UTC. An organization may
be named by id or Group ID, a user by id or user name; an answer shows the name under that word
and the id beside it (`organization`, `organization_id`). An empty text means: nothing known.

**Lists** answer `{items, next_cursor}`; give `next_cursor` as `cursor` for the next page.

**Refusals** are problem documents (RFC 9457) with a stable `code`; `fields` names what is wrong
with which field, `support_code` leads an administrator to the exact reason in the audit log.

**Repeating.** A POST that makes something takes an `Idempotency-Key`: sent again with the same
key it is done once, for a day, and answers as if it were the first time. **Editing** takes the
`ETag` of what was read as `If-Match`, and is refused if somebody else was faster.
"""

_PROBLEM: Final = {
    "title": "Problem",
    "description": "Why a request was refused (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "enum": sorted(CATALOGUE)},
        "detail": {"type": "string", "description": "What to do."},
        "at": {"type": "string", "format": "date-time"},
        "retry_after": {"type": "integer", "description": "Seconds."},
        "id": {"type": "string", "description": "What was made before (`already_shown`)."},
        "fields": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
        "support_code": {"type": "string"},
    },
    "examples": [
        {
            "type": "urn:enlist:refusal:not_found",
            "title": CATALOGUE["not_found"].title,
            "status": 404,
            "code": "not_found",
            "detail": CATALOGUE["not_found"].remedy,
            "support_code": "BCDF-GHJK-L",
        }
    ],
}

_SECURITY: Final = {
    "api_key": {"type": "http", "scheme": "bearer", "description": "An API key: `enk_…`."},
    "sign_in": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-enlist",
        "description": "The console's own sign-in; only from its own pages.",
    },
}


@dataclass(frozen=True, slots=True)
class Document:
    """The description, as a value and as JSON."""

    value: dict[str, Any]
    text: str


def described(api: FastAPI, version: str) -> Document:
    """The OpenAPI document of everything below `/api/v1`."""
    value = get_openapi(
        title="Enlist",
        version=version or "0",
        summary="The enrollment authority's API",
        description=_ABOUT,
        routes=api.routes,
    )
    value["paths"] = {f"{PREFIX}{path}": item for path, item in value["paths"].items()}
    components = value.setdefault("components", {})
    components["securitySchemes"] = _SECURITY
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM
    for model in (*_all_below(Shown), *_all_below(Body), *_all_below(PublicBody)):
        extra = model.model_config.get("json_schema_extra")
        if isinstance(extra, dict) and model.__name__ in schemas:
            # FastAPI leaves every null out, also those that an example shows.
            schemas[model.__name__].update(extra)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for schema in schemas.values():
        if "properties" in schema:
            schema.setdefault("examples", [_example(schema, schemas)])
    for method, path, operation in operations_of(value):
        name = _operation_id(operation["operationId"], path, method)
        operation["operationId"] = name
        operation["summary"] = name.replace("_", " ").capitalize().replace("api key", "API key")
    return Document(value, json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _example(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """An example put together from those of its parts."""
    if "examples" in schema:
        return schema["examples"][0]
    if "$ref" in schema:
        return _example(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "anyOf" in schema:
        return _example(schema["anyOf"][0], schemas)
    if "enum" in schema:
        return schema["enum"][0]
    if "properties" in schema:
        return {name: _example(each, schemas) for name, each in schema["properties"].items()}
    if schema.get("type") == "array":
        return [_example(schema["items"], schemas)]
    return schema.get("default", _SIMPLE.get(schema.get("type", "null")))


_SIMPLE: Final = {"string": "text", "integer": 1, "boolean": True, "object": {}}


def _all_below(base: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for model in base.__subclasses__():
        yield model
        yield from _all_below(model)


def operations_of(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of every operation."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield method.upper(), path, item[method]


def _operation_id(generated: str, path: str, method: str) -> str:
    """The endpoint's own name, without the path that FastAPI adds to it."""
    tail = path.removeprefix(PREFIX)
    suffix = "".join(letter if letter.isalnum() else "_" for letter in tail) + "_" + method.lower()
    return generated.removesuffix(suffix)
