"""Whatever console and portal do, a program can do (A67): each verb and view has a route.

Read from the source: what an adapter names of `enlist.verbs` as a value, not in an annotation, it
performs. Modules right below `web/` count for whichever adapter imports them.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from functools import cache
from typing import Final

from enlist.verbs.driver import AnyVerb, View
from tests.architecture.source import SOURCE, Module, modules

_TYPED: Final = "a person proves who he is by it in a browser; a program has an API key"
_SURROUNDS: Final = "what surrounds a page: its look, its language, where its visitor is"
_FORESEEN: Final = "a form's next page before it is sent; a program asks with dry_run, or sends it"

PAGES_ALONE: Final = {
    "ConfirmSignIn": _TYPED,
    "FinishSignIn": _TYPED,
    "StartSignIn": _TYPED,
    "UseRecoveryLink": _TYPED,
    "UseSetupLink": _TYPED,
    "SetUpSecondFactor": "the secret goes from one's own page to one's own phone, and nowhere else",
    "NewRecoveryCodes": "the codes are shown to their owner once, after his second factor",
    "FindWorkplace": _SURROUNDS,
    "LookAround": _SURROUNDS,
    "PreviewBranding": "draws a page with a look that nobody saved",
    "ShowLocks": "those of one thing as a part of its page; a program asks GET /locks for them",
    "ReviewMessage": _FORESEEN,
    "ReviewRegistration": _FORESEEN,
    "PrintCard": "a page of paper; /enrollments/{id}/jwt has the secret of one that bears it",
}
"""What console or portal perform and no route of the API does, and why."""


def test_everything_that_pages_do_has_a_route() -> None:
    missing = pages() - routes() - set(PAGES_ALONE)
    assert not missing, f"no route of the API performs {', '.join(sorted(missing))}"


def test_no_exception_is_kept_longer_than_it_is_needed() -> None:
    over = set(PAGES_ALONE) - (pages() - routes())
    assert not over, f"not needed in PAGES_ALONE any more: {', '.join(sorted(over))}"


def test_it_finds_what_adapters_perform() -> None:
    """Else nothing would be compared: imported by name or with its module, passed on or called."""
    found = {"Revoke", "ListUsers", "SetUserState", "MyDevices"}
    assert found <= pages() & routes()
    text = "from enlist.verbs import users as u\ndef f(a: u.AddUser) -> None: do(u.DeleteUser(a))"
    parsed = Module(SOURCE / "web/api/x.py", "web", ast.parse(text), 2)
    assert set(_performed(parsed)) == {"DeleteUser"}


@cache
def pages() -> frozenset[str]:
    """Names of the verbs and views that console and portal perform."""
    return _of("console") | _of("portal")


@cache
def routes() -> frozenset[str]:
    """The same for the API."""
    return _of("api")


def _of(adapter: str) -> frozenset[str]:
    web = {each.path.relative_to(SOURCE / "web"): each for each in modules() if each.part == "web"}
    shared = {f"enlist.web.{path.stem}": each for path, each in web.items() if len(path.parts) == 1}
    waiting = [each for path, each in web.items() if path.parts[0] == adapter]
    reached = {each.path: each for each in waiting}
    while waiting:
        for name, _ in waiting.pop().imports():
            helper = shared.get(name) or shared.get(name.rpartition(".")[0])
            if helper is not None and helper.path not in reached:
                reached[helper.path] = helper
                waiting.append(helper)
    return frozenset(name for each in reached.values() for name in _performed(each))


def _performed(module: Module) -> Iterator[str]:
    """Classes of verbs and views whose names stand in a module as values."""
    known = dict(_imported(module))
    for node in _values(module.tree):
        head, rest = "", ""
        if isinstance(node, ast.Name):
            head = node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            head, rest = node.value.id, node.attr
        if head in known and (found := _class(known[head], rest)) is not None:
            yield found


def _imported(module: Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("enlist.verbs"):
            for each in node.names:
                yield each.asname or each.name, f"{node.module}.{each.name}"


def _values(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but annotations."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield child
                yield from _values(child)


@cache
def _class(origin: str, rest: str) -> str | None:
    """The name of a verb or view that is imported from `origin`; None for anything else."""
    module, _, name = f"{origin}.{rest}".rstrip(".").rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ImportError:
        return None
    if isinstance(found, type) and issubclass(found, (AnyVerb, View)):
        return found.__name__
    return None
