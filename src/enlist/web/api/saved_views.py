"""Saved views of the list of enrollments."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query
from pydantic import ConfigDict, Field, StrictBool
from pydantic.config import JsonDict

from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.store import saved_views
from enlist.verbs import documents
from enlist.verbs.saved_views import ChangeView, DeleteView, ListSavedViews, SaveView, ViewAgain
from enlist.web.api.bodies import Body, Shown, changes
from enlist.web.api.operations import IDEMPOTENT, IdempotencyHeader, Operations, Staff, shown
from enlist.web.values import EXAMPLE_ID, EXAMPLE_MOMENT, Line, Moment

operations: Final = Operations("Enrollments")

_SAVED: Final[JsonDict] = {
    "name": "Expired phones",
    "organization": "main",
    "shared": True,
    "search": "",
    "filters": {"token_status": "expired", "platform": "ios"},
    "sort": "-expires_at",
}


class SavedView(Shown):
    """A search, filters and an order of the list of enrollments, kept under a name."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": EXAMPLE_ID,
                    **_SAVED,
                    "organization_id": EXAMPLE_ID,
                    "created_at": EXAMPLE_MOMENT,
                    "created_by": "ada",
                }
            ]
        }
    )

    id: str
    name: str
    organization: str
    organization_id: str
    shared: bool
    search: str
    filters: dict[str, str]
    """As the query of `/enrollments` takes them."""
    sort: str
    created_at: Moment
    created_by: str

    @classmethod
    def of(cls, found: saved_views.SavedView) -> SavedView:
        """A view of the store."""
        return cls(**documents.saved_view(found))


class SavedViews(Shown):
    """Saved views, by name."""

    items: list[SavedView]


class ViewBody(Body):
    """What to keep."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SAVED]})

    name: Annotated[Line, Field(min_length=1)]
    organization: Line = ""
    """Id or Group ID; your own if left out."""
    shared: bool = False
    """All see it who see the enrollments there; an API key has no views of its own."""
    search: Line = ""
    filters: Annotated[dict[str, Line], Field(max_length=20)] = Field(default_factory=dict)
    sort: Line = ""


class ViewChange(Body):
    """What shall be otherwise; what is left out stays."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Expired iPhones", "shared": True}]}
    )

    name: Annotated[Line, Field(min_length=1)] | None = None
    shared: StrictBool | None = None
    """False takes it back from the others; only whose it is can."""
    search: Line | None = None
    filters: Annotated[dict[str, Line], Field(max_length=20)] | None = None
    """All of them; those from before do not stay."""
    sort: Line | None = None


@operations.staff("GET", "/saved-views", Permission.ENROLLMENTS_READ, answers=SavedViews)
async def list_saved_views(
    asking: Staff, organization: Annotated[Line, Query()] = ""
) -> SavedViews | Refusal:
    """List what is shared at an organization, and what is your own there."""
    found = await asking.see(ListSavedViews(organization))
    return shown(found, lambda views: SavedViews(items=[SavedView.of(each) for each in views]))


@operations.staff(
    "POST",
    "/saved-views",
    Permission.ENROLLMENTS_READ,
    answers=SavedView,
    status=201,
    refuses=IDEMPOTENT,
)
async def save_view(
    asking: Staff, body: ViewBody, _key: IdempotencyHeader = None
) -> SavedView | Refusal:
    """Keep a search, filters and an order of enrollments under a name."""
    verb = SaveView(body.organization, body.name, body.search, body.filters, body.sort, body.shared)
    saved = await asking.do_once(verb, ViewAgain)
    return shown(saved, SavedView.of)


@operations.staff("PATCH", "/saved-views/{view_id}", Permission.ENROLLMENTS_READ, answers=SavedView)
async def change_view(asking: Staff, view_id: str, body: ViewChange) -> SavedView | Refusal:
    """Change a view: its name, what it shows, or for whom it is.

    A shared one that is not your own also takes the permission `settings:edit`.
    """
    changed = await asking.do(ChangeView(view_id, changes(body)))
    return shown(changed, SavedView.of)


@operations.staff("DELETE", "/saved-views/{view_id}", Permission.ENROLLMENTS_READ, status=204)
async def delete_view(asking: Staff, view_id: str) -> Refusal | None:
    """Delete a view. A shared one that is not your own also takes the permission `settings:edit`.

    Nobody loses anything but the name: the enrollments stay.
    """
    return await asking.do(DeleteView(view_id))
