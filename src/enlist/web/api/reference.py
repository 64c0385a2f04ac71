"""The reference page, `/api/docs`: the OpenAPI document as one page that people can read.

Made on the server, so that it needs neither scripts nor anybody else's server, works under the
strict Content-Security-Policy, can be searched with the browser and printed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from markdown_it import MarkdownIt
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import Response

from enlist.web.api.openapi import operations_of
from enlist.web.pages import render
from enlist.web.problems import MEDIA_TYPE

_MARKDOWN: Final = MarkdownIt("commonmark", {"html": False})
_REF: Final = "#/components/schemas/"

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter of an operation, or a property of a schema."""

    name: str
    type: Markup
    required: bool
    text: Markup
    place: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, ready to be shown."""

    id: str
    method: str
    path: str
    summary: str
    text: Markup
    permission: str
    parameters: tuple[Field, ...]
    body: Markup | None
    answers: tuple[tuple[str, Markup], ...]
    refusals: tuple[tuple[str, Markup], ...]
    example: str


@dataclass(frozen=True, slots=True)
class Thing:
    """One schema."""

    name: str
    text: Markup
    fields: tuple[Field, ...]
    example: str


@dataclass(frozen=True, slots=True)
class Reference:
    """The whole page."""

    about: Markup
    groups: dict[str, list[Operation]]
    things: tuple[Thing, ...]


def reference_page(request: Request, reference: Reference) -> Response:
    """The page."""
    return render(request, "api/reference.html", {"reference": reference})


def reference_of(document: dict[str, Any]) -> Reference:
    """What the page shows of an OpenAPI document."""
    schemas: dict[str, Schema] = document["components"]["schemas"]
    groups: dict[str, list[Operation]] = {}
    for method, path, operation in operations_of(document):
        shown = _operation(method, path, operation, schemas)
        groups.setdefault(operation["tags"][0], []).append(shown)
    things = tuple(_thing(name, schema) for name, schema in sorted(schemas.items()))
    return Reference(_marked(document["info"]["description"]), groups, things)


def _operation(
    method: str, path: str, operation: dict[str, Any], schemas: dict[str, Schema]
) -> Operation:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    schema = body["schema"] if body else None
    return Operation(
        id=operation["operationId"],
        method=method,
        path=path,
        summary=operation["summary"],
        text=_marked(operation.get("description", "")),
        permission=operation["x-permission"],
        parameters=tuple(_parameter(each) for each in operation.get("parameters", [])),
        body=_type(schema) if schema else None,
        answers=tuple(_answers(operation["responses"])),
        refusals=tuple(_refusals(operation["responses"])),
        example=_curl(method, path, operation["x-permission"], _example(schema, schemas)),
    )


def _parameter(parameter: dict[str, Any]) -> Field:
    return Field(
        parameter["name"],
        _type(parameter["schema"]),
        parameter.get("required", False),
        _marked(parameter.get("description", "")),
        parameter["in"],
    )


def _answers(responses: dict[str, Any]) -> Iterator[tuple[str, Markup]]:
    for status, response in responses.items():
        content: dict[str, Any] = response.get("content", {})
        if MEDIA_TYPE in content:
            continue
        kinds = [
            _type(each["schema"]) if each.get("schema") else escape(media_type)
            for media_type, each in content.items()
        ]
        yield status, Markup(", ").join(kinds) if kinds else Markup("nothing")


def _refusals(responses: dict[str, Any]) -> Iterator[tuple[str, Markup]]:
    for status, response in responses.items():
        if MEDIA_TYPE in response.get("content", {}):
            yield status, _marked(response["description"])


def _thing(name: str, schema: Schema) -> Thing:
    required = schema.get("required", [])
    fields = tuple(
        Field(key, _type(value), key in required, _marked(value.get("description", "")))
        for key, value in schema.get("properties", {}).items()
    )
    text = schema.get("description", "")
    if "enum" in schema:
        text += "\n\n" + ", ".join(f"`{value}`" for value in schema["enum"])
    examples = schema.get("examples")
    return Thing(name, _marked(text), fields, _pretty(examples[0]) if examples else "")


def _type(schema: Schema) -> Markup:
    """What a value is, in words; schemas of their own are links."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_REF)
        return Markup('<a href="#schema-{0}">{0}</a>').format(name)
    if "anyOf" in schema:
        return Markup(" or ").join(_type(each) for each in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        values = schema.get("enum") or [schema["const"]]
        return Markup(" or ").join(Markup("<code>{}</code>").format(value) for value in values)
    kind = schema.get("type", "any value")
    if kind == "array":
        return Markup("list of {}").format(_type(schema.get("items", {})))
    return escape(schema.get("format", kind))


def _example(schema: Schema | None, schemas: dict[str, Schema]) -> Any:
    """The example of a body, from whichever schema of a choice has one."""
    for each in (schema or {}).get("anyOf", [schema] if schema else []):
        found = schemas.get(each.get("$ref", "").removeprefix(_REF), each)
        if found.get("examples"):
            return found["examples"][0]
    return None


def _curl(method: str, path: str, permission: str, example: Any) -> str:
    parts = [f"curl -X {method}" if method != "GET" else "curl", f'"$ENLIST{path}"']
    if permission != "public":
        parts.append('-H "Authorization: Bearer $KEY"')
    if example is not None:
        quoted = _pretty(example).replace("'", "'\\''")
        parts.append(f"--json '{quoted}'")
    return " \\\n  ".join(parts)


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _marked(text: str) -> Markup:
    """Markdown as HTML; raw HTML in it is shown, not used."""
    return Markup(_MARKDOWN.render(text))  # noqa: S704 - made of our own docstrings
