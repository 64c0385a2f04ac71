"""Terms of use: what people accept before a device of theirs enrolls, and who accepted it.

What is published is never changed, so the editor always writes the next version; it begins with the
words of the one in force. The preview is the page that people read, in a frame that may do nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from starlette.responses import Response

from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.core.terms import ANY, Terms, TermsText
from enlist.locales import LANGUAGES
from enlist.verbs.terms import (
    LONGEST,
    Draft,
    ListAcceptances,
    Place,
    PublishTerms,
    ShowTerms,
    ShowTermsVersion,
    WithdrawTerms,
)
from enlist.web.boundary import CONTENT_POLICY
from enlist.web.console.forms import Form, read_form
from enlist.web.console.layout import Desk, page
from enlist.web.console.lists import ListQuery, read_query
from enlist.web.console.navigation import N_
from enlist.web.console.words import PLATFORMS, Word
from enlist.web.markdown import rendered
from enlist.web.pages import render

WHOSE: Final[Mapping[str, Word]] = {ANY: Word(N_("All platforms")), **PLATFORMS}

# The editor frames its preview; the preview runs nothing, and is framed by us alone.
_FRAMING: Final = f"{CONTENT_POLICY}; frame-src 'self'"
_FRAMED: Final = "sandbox; default-src 'none'; style-src 'self'; frame-ancestors 'self'"


async def show_place(desk: Desk) -> Response:
    """What counts here, and what was published here before."""
    found = await desk.view(ShowTerms(desk.group_id))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    earlier = [each for each in found.own if each.id not in found.named]
    context = {
        "place": found,
        "earlier": earlier,
        "whose": WHOSE,
        "others": [each for each in WHOSE if each not in found.in_force],
        "may_edit": desk.may("settings:edit"),
    }
    return desk.show("console/terms.html", context)


async def write(desk: Desk) -> Response:
    """The editor of the next version; saving publishes it."""
    closed = desk.closed(Permission.SETTINGS_EDIT)
    if closed is not None:
        return closed
    found = await desk.view(ShowTerms(desk.group_id))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    asked = desk.request.query_params.get("platform", ANY)
    form = Form(_beginning(found, asked if asked in WHOSE else ANY))
    if desk.request.method == "POST":
        form = await read_form(desk.request)
        draft, names = _draft(form)
        outcome = await desk.perform(PublishTerms(desk.organization.id, draft))
        if not isinstance(outcome, Refusal):
            told = desk.gettext("Version %(version)s is in force.")
            return desk.go(desk.address("terms"), told % {"version": outcome.value.version})
        form = form.refused(outcome, names)
    context = {
        "form": form,
        "whose": WHOSE,
        "languages": _languages(form.values),
        "longest": LONGEST,
    }
    response = desk.show("console/terms_write.html", context, refusal=form.refusal)
    response.headers["content-security-policy"] = _FRAMING
    return response


def _beginning(found: Place, platform: str) -> dict[str, str]:
    """The form's values: the words in force for that platform."""
    values = {"platform": platform}
    now = found.in_force.get(platform) or found.in_force.get(ANY)
    for text in now.texts if now else ():
        values[f"title.{text.language}"] = text.title
        values[f"body.{text.language}"] = text.body
    return values


def _languages(values: Mapping[str, str]) -> dict[str, str]:
    """The languages of the form: those of Enlist, and those that are written already."""
    written = [name.partition(".")[2] for name in values if name.startswith("title.")]
    return {**LANGUAGES, **{each: each for each in written if each not in LANGUAGES}}


def _draft(form: Form) -> tuple[Draft, dict[str, str]]:
    """What somebody wrote; and the form's names of the fields, by the verb's."""
    texts: list[TermsText] = []
    names = {"texts": f"body.{next(iter(LANGUAGES))}"}
    for language in _languages(form.values):
        title, body = form.value(f"title.{language}"), form.value(f"body.{language}")
        if title or body:
            place = f"texts.{len(texts)}"
            names[f"{place}.title"] = f"title.{language}"
            names[f"{place}.body"] = names[f"{place}.language"] = f"body.{language}"
            texts.append(TermsText(language, title, body))
    return Draft(tuple(texts), form.value("platform") or ANY), names


async def preview(desk: Desk) -> Response:
    """What people would read, in the language of the button: for the frame."""
    form = await read_form(desk.request)
    language = form.value("as") or next(iter(LANGUAGES))
    context = {
        "title": form.value(f"title.{language}"),
        "html": rendered(form.value(f"body.{language}")),
        "written_in": language,
    }
    response = render(desk.request, "console/terms_preview.html", context, caller=desk.caller)
    response.headers["content-security-policy"] = _FRAMED
    return response


async def show_version(desk: Desk) -> Response:
    """One version as people read it, in each language."""
    found = await _named(desk)
    if isinstance(found, Response):
        return found
    here = await desk.view(ShowTerms(desk.group_id))
    in_force = not isinstance(here, Refusal) and found.id in here.named
    context = {
        "terms": found,
        "texts": [(each, rendered(each.body)) for each in found.texts],
        "whose": WHOSE,
        "in_force": in_force,
        "may_edit": desk.may("settings:edit"),
        "languages": LANGUAGES,
    }
    return desk.show("console/terms_version.html", context)


async def withdraw(desk: Desk) -> Response:
    """Take a version out of force."""
    found = await _named(desk)
    if isinstance(found, Response):
        return found
    closed = desk.closed(Permission.SETTINGS_EDIT)
    if closed is not None:
        return closed
    refusal = None
    if desk.request.method == "POST":
        outcome = await desk.perform(WithdrawTerms(found.id))
        if not isinstance(outcome, Refusal):
            return desk.go(desk.address("terms"), desk.gettext("Terms of use withdrawn."))
        refusal = outcome
    context = {"terms": found, "whose": WHOSE}
    return desk.show("console/terms_withdraw.html", context, refusal=refusal)


async def _named(desk: Desk) -> Terms | Response:
    found = await desk.view(ShowTermsVersion(str(desk.request.path_params["id"])))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    return desk.elsewhere(found.organization_path, found.group_id) or found


async def show_acceptances(desk: Desk) -> Response:
    """Who accepted what, when, and for which device."""
    query = read_query(desk.request, ("terms", "user", "device"))
    found = await desk.view(ListAcceptances(desk.group_id, **query.asked))
    if isinstance(found, Refusal):
        return desk.refuse(found)
    context = {"query": query, "page": found, "whose": WHOSE, "export": _export(desk, query)}
    return desk.show("console/terms_acceptances.html", context)


def _export(desk: Desk, query: ListQuery) -> str:
    """Where the list as it is filtered can be taken away; "" where it may not."""
    if not desk.may("enrollments:export"):
        return ""
    asked = {"organization": desk.group_id, "search": query.search, "sort": query.sort}
    asked |= query.filters
    named = urlencode({name: value for name, value in asked.items() if value})
    return f"/api/v1/terms/acceptances/export?{named}"


ROUTES = [
    page("terms", show_place),
    page("terms/write", write, methods=("GET", "POST")),
    page("terms/preview", preview, methods=("POST",)),
    page("terms/acceptances", show_acceptances),
    page("terms/{id}", show_version),
    page("terms/{id}/withdraw", withdraw, methods=("GET", "POST")),
]
