"""Saved views: somebody keeps what he filters enrollments by, for himself or for all who see them.

A view belongs to an organization: it is offered where that is looked at, and shows what whoever
opens it may see there. What is shared is changed and deleted by whoever shared it, or may change
the settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from enlist.core.caller import Caller, CallerKind
from enlist.core.events import Happening
from enlist.core.ids import Id, new_id
from enlist.core.model import Organization
from enlist.core.outcomes import Done, FieldError, Refusal, invalid
from enlist.core.permissions import Permission
from enlist.store import events, organizations, saved_views
from enlist.store.saved_views import SavedView
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs import fields
from enlist.verbs.driver import QuickVerb, Tools, Verb, View
from enlist.verbs.fields import Fields
from enlist.verbs.finding import organization_named, with_id
from enlist.verbs.idempotent import Again
from enlist.verbs.rights import lacks, missing

EDITABLE: Final = ("name", "search", "filters", "sort", "shared")


@dataclass(frozen=True)
class ListSavedViews(View[tuple[SavedView, ...]]):
    """What is shared at an organization, and the caller's own there; by name.

    Refusals: `not_found`, `forbidden`.
    """

    organization: str = ""

    def read(self, tx: Reader, caller: Caller) -> tuple[SavedView, ...] | Refusal:
        place = _place(tx, caller, self.organization)
        if isinstance(place, Refusal):
            return place
        return tuple(saved_views.at(tx, place.id, _person(caller)))


@dataclass(frozen=True)
class SaveView(Verb[Organization, SavedView, SavedView]):
    """Keep a search, filters and an order under a name.

    Attributes:
        organization: id or Group ID; "" for the caller's own.
        shared: all see it who see the enrollments there; else the caller alone.

    Refusals: `not_found`, `forbidden`, `validation_failed`, also where the name is taken.
    """

    organization: str
    name_of_view: str
    search: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)
    sort: str = ""
    shared: bool = False

    name = "save_view"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Organization | Refusal:
        return _place(tx, caller, self.organization)

    def work(self, tools: Tools, caller: Caller, seen: Organization) -> SavedView | Refusal:
        now, read = tools.clock(), Fields()
        owner = _person(caller)
        if owner is None and not self.shared:
            read.errors.append(FieldError("shared", "must be true: only a person has his own"))
        view = SavedView(
            id=new_id(now),
            organization_id=seen.id,
            organization_path=seen.path,
            group_id=seen.group_id,
            user_id=owner,
            name=self.name_of_view,
            shared=self.shared,
            search=self.search,
            filters=self.filters,
            sort=self.sort,
            created_at=now,
            created_by=caller.name,
        )
        return _read(read, view)

    def apply(self, tx: Tx, caller: Caller, ready: SavedView) -> Done[SavedView] | Refusal:
        saved_views.insert(tx, ready)
        if organizations.find(tx, ready.organization_id) is None:
            raise ConcurrentChange
        events.record(tx, caller, _told("view.saved", ready))
        return Done(ready)

    def clash(self, index: str) -> Refusal | None:
        return _taken(index)

    def made(self, value: SavedView) -> Id:
        """The id that an Idempotency-Key remembers."""
        return value.id


@dataclass(frozen=True)
class ViewAgain(Again[SavedView]):
    """The answer of an earlier SaveView once more, for its Idempotency-Key."""

    view_id: Id

    name = "view_again"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> SavedView | Refusal:
        return _named(tx, caller, self.view_id)


@dataclass(frozen=True)
class ChangeView(Verb[SavedView, tuple[SavedView, SavedView], SavedView]):
    """Change what of a saved view is named: one's own, or a shared one with `settings:edit`.

    Attributes:
        changes: of `name`, `search`, `filters`, `sort` and `shared`. Only whose a view is can take
            it back from the others.

    Refusals: `not_found`, `forbidden`, `validation_failed`, also where the name is taken.
    """

    view_id: Id
    changes: Mapping[str, Any]

    name = "change_view"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> SavedView | Refusal:
        return _editable(tx, caller, self.view_id)

    def work(
        self, tools: Tools, caller: Caller, seen: SavedView
    ) -> tuple[SavedView, SavedView] | Refusal:
        read = Fields()
        read.errors.extend(
            FieldError(name, "unknown") for name in self.changes.keys() - set(EDITABLE)
        )
        wanted = {name: self.changes[name] for name in EDITABLE if name in self.changes}
        own = seen.user_id is not None and seen.user_id == _person(caller)
        if seen.shared and wanted.get("shared") is False and not own:
            read.errors.append(FieldError("shared", "must be true: the view is somebody else's"))
        after = _read(read, replace(seen, **wanted))
        return after if isinstance(after, Refusal) else (seen, after)

    def apply(
        self, tx: Tx, caller: Caller, ready: tuple[SavedView, SavedView]
    ) -> Done[SavedView] | Refusal:
        before, after = ready
        if before == after:
            return Done(after)
        if not saved_views.change(tx, before, after):
            raise ConcurrentChange
        told = _told("view.changed", after)
        events.record(tx, caller, replace(told, data={"before.name": before.name, **told.data}))
        return Done(after)

    def clash(self, index: str) -> Refusal | None:
        return _taken(index)


@dataclass(frozen=True)
class DeleteView(QuickVerb[SavedView, None]):
    """Delete a saved view: one's own, or a shared one with `settings:edit`.

    Refusals: `not_found`, `forbidden`.
    """

    view_id: Id

    name = "delete_view"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> SavedView | Refusal:
        return _editable(tx, caller, self.view_id)

    def apply(self, tx: Tx, caller: Caller, ready: SavedView) -> Done[None] | Refusal:
        if not saved_views.delete(tx, ready.id):
            raise ConcurrentChange
        events.record(tx, caller, _told("view.deleted", ready))
        return Done(None)


def _place(tx: Reader, caller: Caller, named: str) -> Organization | Refusal:
    where = named or caller.organization_id or ""
    return organization_named(tx, caller, where, Permission.ENROLLMENTS_READ)


def _named(tx: Reader, caller: Caller, view_id: str) -> SavedView | Refusal:
    """A view that the caller sees; what is somebody else's own does not exist for him."""
    found = with_id(tx, view_id, saved_views.find, "saved view")
    if isinstance(found, Refusal):
        return found
    path, about = found.organization_path, found.subjects
    refusal = lacks(caller, Permission.ENROLLMENTS_READ, path, about)
    if refusal is None and not found.shared and found.user_id != _person(caller):
        refusal = missing("saved view", about)
    return refusal or found


def _editable(tx: Reader, caller: Caller, view_id: str) -> SavedView | Refusal:
    """A view that the caller may change: his own, or a shared one where he changes settings."""
    found = _named(tx, caller, view_id)
    if isinstance(found, Refusal):
        return found
    if found.user_id is not None and found.user_id == _person(caller):
        return found
    path, about = found.organization_path, found.subjects
    return lacks(caller, Permission.SETTINGS_EDIT, path, about) or found


def _read(read: Fields, view: SavedView) -> SavedView | Refusal:
    """A view as it was asked for, trimmed; or all that is wrong with it."""
    asked = {name: value for name, value in view.filters.items() if value}
    strange = saved_views.known(asked, view.sort)
    if strange:
        read.errors.append(FieldError(strange, "is nothing that enrollments are filtered by"))
    trimmed = replace(
        view,
        name=read.read("name", view.name, fields.label),
        search=read.read("search", view.search, fields.line),
        filters={name: read.read(name, value, fields.line) for name, value in asked.items()},
    )
    return read.refusal or trimmed


def _taken(index: str) -> Refusal | None:
    if "saved_view" not in index:
        return None
    return invalid("name", "there is a view of this name here already")


def _person(caller: Caller) -> Id | None:
    return caller.id if caller.kind is CallerKind.USER else None


def _told(kind: str, view: SavedView) -> Happening:
    """What it is filtered by may name a person; that can be erased."""
    asked = ", ".join(f"{name}={value}" for name, value in sorted(view.filters.items()))
    personal = {"search": view.search, "filters": asked}
    data: dict[str, str | bool] = {"name": view.name, "shared": view.shared}
    return Happening(kind, view.subjects, data, {k: v for k, v in personal.items() if v})
