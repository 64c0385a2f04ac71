"""Organizations: the tree, adding below, changing, deleting what is empty."""

from __future__ import annotations

from starlette.responses import Response

from enlist.core.outcomes import Refusal
from enlist.verbs.organizations import AddOrganization, ChangeOrganization, DeleteOrganization
from enlist.verbs.views import ListOrganizations
from enlist.verbs.views_details import OrganizationDetail, ShowOrganization
from enlist.web.console import people
from enlist.web.console.forms import Form, read_form
from enlist.web.console.layout import Desk, page
from enlist.web.console.lists import read_query


async def show_list(desk: Desk) -> Response:
    """The organization in force and all below it; as a tree, unless searched or sorted."""
    query = read_query(desk.request)
    found = await desk.view(ListOrganizations(desk.group_id, **query.asked))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    top = desk.organization.path.count("/")
    context = {
        "query": query,
        "page": found,
        "tree": not query.search and not query.sort,
        "items": [(min(each.path.count("/") - top, 6), each) for each in found.items],
        "languages": desk.languages,
    }
    return desk.show("console/organizations.html", context)


async def add_organization(desk: Desk) -> Response:
    """Add an organization below another one."""
    closed = people.closed(desk, "organizations:edit")
    if closed is not None:
        return closed
    form = Form({"parent": desk.request.query_params.get("parent", "") or desk.group_id})
    if desk.request.method == "POST":
        form = await read_form(desk.request)
        outcome = await desk.perform(
            AddOrganization(
                form.value("parent") or desk.group_id,
                form.value("group_id"),
                form.value("name"),
                form.value("time_zone"),
                form.value("language"),
            )
        )
        if not isinstance(outcome, Refusal):
            text = desk.gettext("%(name)s was added.") % {"name": outcome.value.name}
            return desk.go(desk.address("organizations"), text)
        form = form.refused(outcome)
    line = await people.places(desk)
    if isinstance(line, Refusal):
        return desk.refuse(line)
    mine = [place for place in line if desk.may("organizations:edit", place.organization.path)]
    return _show_form(desk, form, None, people.choices(mine))


async def edit_organization(desk: Desk) -> Response:
    """Change an organization's name, time zone or language."""
    detail = await _find(desk)
    if isinstance(detail, Response):
        return detail
    found = detail.organization
    closed = people.closed(desk, "organizations:edit", found.path)
    if closed is not None:
        return closed
    form = Form({"name": found.name, "time_zone": found.time_zone, "language": found.language})
    if desk.request.method == "POST":
        form = await read_form(desk.request)
        wanted = (form.value("name"), form.value("time_zone"), form.value("language"))
        outcome = await desk.perform(ChangeOrganization(found.id, *wanted))
        if not isinstance(outcome, Refusal):
            return desk.go(desk.address("organizations"), desk.gettext("Changes saved."))
        form = form.refused(outcome)
    return _show_form(desk, form, detail, [])


async def delete_organization(desk: Desk) -> Response:
    """Delete an organization that holds nothing any more."""
    detail = await _find(desk)
    if isinstance(detail, Response):
        return detail
    found, refusal = detail.organization, None
    closed = people.closed(desk, "organizations:edit", found.path)
    if closed is not None:
        return closed
    if desk.request.method == "POST":
        outcome = await desk.perform(DeleteOrganization(found.id))
        if not isinstance(outcome, Refusal):
            text = desk.gettext("%(name)s was deleted.") % {"name": found.name}
            # The organization in force may be the one that is gone.
            above = detail.parent.group_id if detail.parent else desk.group_id
            place = above if found.id == desk.organization.id else desk.group_id
            return desk.go(desk.address("organizations", at=place), text)
        refusal = outcome
    context = {"organization": found, "children": detail.children}
    return desk.show("console/organization_delete.html", context, refusal=refusal)


async def _find(desk: Desk) -> OrganizationDetail | Response:
    detail = await desk.view(ShowOrganization(str(desk.request.path_params["named"])))
    if isinstance(detail, Refusal):
        return desk.refuse(detail)
    found = detail.organization
    return desk.elsewhere(found.path, found.group_id) or detail


def _show_form(
    desk: Desk, form: Form, detail: OrganizationDetail | None, parents: list[tuple[str, str]]
) -> Response:
    context = {
        "form": form,
        "organization": detail.organization if detail else None,
        "parents": parents,
        "languages": list(desk.languages.items()),
        "zones": people.zones(),
    }
    return desk.show("console/organization_form.html", context, refusal=form.refusal)


ROUTES = [
    page("organizations", show_list),
    page("organizations/new", add_organization, methods=("GET", "POST")),
    page("organizations/{named}/edit", edit_organization, methods=("GET", "POST")),
    page("organizations/{named}/delete", delete_organization, methods=("GET", "POST")),
]
