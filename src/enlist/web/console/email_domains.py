"""Settings > Enrollment > E-mail domains: which addresses lead to this organization."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from enlist.core.outcomes import Refusal
from enlist.verbs.email_domains import SetEmailDomains, ShowEmailDomains
from enlist.web.console.forms import Form, read_form
from enlist.web.console.layout import Desk, page

ADDRESS: Final = "settings/email-domains"


async def show(desk: Desk) -> Response:
    """The domains of the organization in force, one in a line; whoever may change them can."""
    found = await desk.view(ShowEmailDomains(desk.group_id))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    form = Form({"domains": "\n".join(found.domains)})
    if desk.request.method == "POST":
        form = await read_form(desk.request)
        named = tuple(form.value("domains").replace(",", " ").split())
        outcome = await desk.perform(SetEmailDomains(desk.group_id, named))
        if not isinstance(outcome, Refusal):
            return desk.go(desk.address(ADDRESS), desk.gettext("Changes saved."))
        form = form.refused(outcome)
    context = {
        "form": form,
        "found": found,
        "tab": ADDRESS,
        "may_edit": desk.may("settings:edit"),
    }
    return desk.show("console/email_domains.html", context, refusal=form.refusal)


ROUTES = [page(ADDRESS, show, methods=("GET", "POST"))]
