"""Settings > … > Enrollment > Optional Prompt: what people are asked and told while they enroll.

Seven switches, each inherited or set here. What the messages say stands on Branding.
"""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from enlist.core.outcomes import Refusal
from enlist.verbs.organizations import ChangeSettings
from enlist.verbs.views_details import OrganizationDetail, ShowOrganization
from enlist.web.console import settings
from enlist.web.console.forms import Form, read_form
from enlist.web.console.layout import Desk, page

ADDRESS: Final = "settings/prompts"


async def show(desk: Desk) -> Response:
    """The page, and saving it."""
    detail = await desk.view(ShowOrganization(desk.group_id))
    if isinstance(detail, Refusal):
        return desk.refuse(detail)
    if desk.request.method == "GET":
        return _show(desk, detail, Form(settings.values_of(detail)))
    form = await read_form(desk.request)
    change = settings.change_of(form, detail, settings.PROMPTS)
    if not change and desk.may("settings:edit"):
        return desk.go(desk.address(ADDRESS), desk.gettext("Nothing was changed."))
    outcome = await desk.perform(ChangeSettings(detail.organization.id, change))
    if isinstance(outcome, Refusal):
        return _show(desk, detail, form.refused(outcome))
    return desk.go(desk.address(ADDRESS), desk.gettext("Settings saved."))


def _show(desk: Desk, detail: OrganizationDetail, form: Form) -> Response:
    context = {
        **settings.common(desk, detail, form, settings.PROMPTS),
        "source_page": ADDRESS,
    }
    return desk.show("console/prompts.html", context, refusal=form.refusal)


ROUTES = [page(ADDRESS, show, methods=("GET", "POST"))]
