"""Saved views of the list of enrollments."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query
from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from enlist.core import model
from enlist.core.outcomes import Refusal
from enlist.core.policy import Permission
from enlist.verbs.saved_views import DeleteView, ListSavedViews, SaveView, ViewAgain
from enlist.web.api.bodies import Body, Shown
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
    def of(cls, found: model.SavedView) -> SavedView:
        """A view of the store."""
        return cls(
            id=found.id,
            name=found.name,
            organization=found.group_id,
            organization_id=found.organization_id,
            shared=found.shared,
            search=found.search,
            filters=dict(found.filters),
            sort=found.sort,
            created_at=found.created_at,
            created_by=found.created_by,
        )


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


@operations.staff("DELETE", "/saved-views/{view_id}", Permission.ENROLLMENTS_READ, status=204)
async def delete_view(asking: Staff, view_id: str) -> Refusal | None:
    """Delete a view: your own, or a shared one where you may change settings."""
    return await asking.do(DeleteView(view_id))
