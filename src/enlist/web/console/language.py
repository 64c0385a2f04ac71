"""The language menu: kept with the person, so that messages and other browsers follow."""

from __future__ import annotations

from starlette.responses import Response

from enlist.core.outcomes import Refusal
from enlist.verbs.users import ChangeUser
from enlist.web.console.forms import read_form
from enlist.web.console.layout import Desk, page


async def choose(desk: Desk) -> Response:
    """Change the language of whoever asks, and go back to the page that he came from."""
    form = await read_form(desk.request)
    verb = ChangeUser(desk.caller.id or "", {"language": form.value("language")})
    outcome = await desk.perform(verb)
    if isinstance(outcome, Refusal):
        return desk.refuse(outcome)
    # Always below the organization, so that nobody can be sent elsewhere (S38).
    return desk.go(desk.address(form.value("back")))


ROUTES = [page("language", choose, methods=("POST",))]
