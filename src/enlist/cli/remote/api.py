"""The API of a server elsewhere, asked by verbs: what every request has in common.

A `Way` makes of one kind of verb or view a request, and of its answer the value that the verb would
have had. The modules beside this one have them by subject.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, BinaryIO
from urllib.parse import quote

from enlist.cli.remote.connection import Connection
from enlist.cli.remote.reviving import moment, revived
from enlist.core import model
from enlist.core.clock import rfc3339
from enlist.core.outcomes import Refusal
from enlist.core.secrets import Secret
from enlist.store.listing import Page
from enlist.verbs import views
from enlist.verbs.issuing import Delivery, Issued

Document = Mapping[str, Any]


class Api:
    """One server, asked by verbs. `links` are those of tokens that it has shown, by enrollment."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.links: dict[str, str] = {}

    def get(self, path: str, **query: str) -> Any:
        """Look at something."""
        return self._connection.ask("GET", path, query=query)

    def do(self, method: str, path: str, body: Document | None = None, **query: str) -> Any:
        """Do something."""
        return self._connection.ask(method, path, body, query)

    def change(self, path: str, body: Document, version: int | None) -> Any:
        """Change what has this version, if one is given."""
        return self._connection.ask("PATCH", path, body, version=version)

    def bring(self, path: str, file: BinaryIO, **query: str) -> Any:
        """Send a file."""
        return self._connection.send(path, file, query)

    def take(self, path: str, **query: str) -> Iterator[str] | Refusal:
        """Take a file away, piece by piece."""
        return self._connection.take(path, query)

    def place(self, organization: str) -> str | Refusal:
        """The organization that was named, or the key's own: here the API wants one in a path."""
        return organization or self._home

    @cached_property
    def _home(self) -> str | Refusal:
        found = self.get("/me")
        return found if isinstance(found, Refusal) else str(found["organization_id"])

    def issued(self, document: Document) -> Issued:
        """An enrollment, with its token where the answer holds it."""
        if document.get("link"):
            self.links[document["id"]] = document["link"]
        told = [
            each for each in document["messages"] if each["generation"] == document["generation"]
        ]
        return Issued(
            document["id"],
            document["device_id"],
            moment(document["expires_at"]),
            document["generation"],
            Secret(document["token"]) if document.get("token") else None,
            told[0]["id"] if told else None,
            model.GrantKind(document["grant"]),
        )


Way = Callable[[Api, Any], Any]
Ways = Mapping[type[Any], Way]


def _same(found: Document) -> Document:
    return found


def listed(path: str, kind: type[Any], tidied: Callable[[Document], Document] = _same) -> Way:
    """A list as it is, page by page; what names its place is no filter besides."""

    def ask(api: Api, view: views.Listed[Any]) -> Page[Any] | Refusal:
        asked = {name: str(getattr(view, name)) for name in ("search", "sort", "limit", "cursor")}
        asked |= {"organization": view.organization, **view.filters}
        given = {word: part(asked.pop(word)) for word in _words(path)}
        for name in ("since", "before"):
            if asked.get(name):
                asked[name] = rfc3339(int(asked[name]))
        found = api.get(
            path.format(**given), **{name: value for name, value in asked.items() if value}
        )
        if isinstance(found, Refusal):
            return found
        items = tuple(revived(kind, tidied(each)) for each in found["items"])
        return Page(items, found["next_cursor"])

    return ask


def acted(
    method: str,
    path: str,
    kind: type[Any] | None = None,
    tidied: Callable[[Document], Document] = _same,
    /,
    **names: str,
) -> Way:
    """Something that is done to what the path names; `names` are of the body, by attribute."""

    def ask(api: Api, verb: Any) -> Any:
        given = {word: part(getattr(verb, word)) for word in _words(path)}
        body = {name: plain(getattr(verb, attribute)) for attribute, name in names.items()}
        named = {name: value for name, value in body.items() if value not in (None, "")}
        found = api.do(method, path.format(**given), named if names else None)
        if kind is None or isinstance(found, Refusal):
            return found if isinstance(found, Refusal) else None
        return revived(kind, tidied(found))

    return ask


def _words(path: str) -> list[str]:
    return [each[1:-1] for each in path.split("/") if each.startswith("{")]


def part(text: str) -> str:
    """A text as a part of a path."""
    return quote(text, safe="")


def plain(value: Any) -> Any:
    """A value as a body holds it."""
    if isinstance(value, Delivery):
        return {"type": value.type, "template": value.template}
    if isinstance(value, Secret):
        return value.reveal()
    return list(value) if isinstance(value, tuple) else value


def until(verb: Any) -> str | None:
    """When it ends, as a body holds it."""
    return None if verb.expires_at is None else rfc3339(verb.expires_at)


def some(**values: Any) -> dict[str, Any]:
    """A body of what was said; the rest is left out."""
    return {name: plain(each) for name, each in values.items() if each not in (None, "")}
