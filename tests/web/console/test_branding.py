"""Branding in the console: inherited one by one, seen before it is saved, refused at its field."""

from __future__ import annotations

from dataclasses import replace

import pytest

from enlist.core.branding import KEYS
from enlist.core.colours import AA, contrast
from enlist.core.outcomes import Refusal
from enlist.verbs.branding import ChangeBranding, PutLogo, ShowBranding
from enlist.verbs.organizations import ChangeSettings
from enlist.verbs.templates import PutTemplate, Wording
from tests.installation import Enlist
from tests.pictures import png
from tests.web.console.conftest import Console, Desk, Page, _page

PAGE = "/console/main/branding"
LANDING = "https://intranet.example.test/welcome"


@pytest.fixture(autouse=True)
def landing(enlist: Enlist) -> None:
    """The operator lets people be led to one host."""
    hosts = frozenset({"intranet.example.test"})
    enlist.driver._tools = replace(enlist.driver.tools, landing_hosts=hosts)


def send(desk: Desk, address: str = PAGE, logo: bytes | None = None, **own: str) -> Page:
    """The form, with these values set here and all others inherited; an empty logo is no file."""
    fields = {f"source.{key}": "inherit" for key in KEYS}
    fields |= {f"source.{key}": "own" for key in own} | own
    fields |= {"source.logo": "own"} if logo is not None else {}
    answer = desk.client.post(
        address,
        data=fields,
        files={"logo": ("logo.png" if logo else "", logo or b"", "image/png")},
        headers={"sec-fetch-site": "same-origin"},
    )
    return _page(answer)


def own(enlist: Enlist, place: str = "main") -> dict[str, str]:
    found = enlist.driver.view(ShowBranding(place), enlist.host)
    assert not isinstance(found, Refusal)
    return dict(found.own)


def test_values_are_set_here_or_inherited_one_by_one(console: Console, enlist: Enlist) -> None:
    """A59, A60."""
    enlist.organization("child")
    words = Wording("phones", "registration", "email", "en", "Hi", "{EnrollmentUrl}")
    enlist.do(PutTemplate("main", words))
    desk = console.sign_in()
    values = {
        "accent_color": "#7A1FA2",
        "support_email": "it@example.test",
        "help_text": "Open from 8.\r\nKnock.",
        "landing_url": LANDING,
        "template_ios": "phones",
    }
    done = desk.follow(send(desk, logo=png(), **values))
    assert "Branding saved." in done.main
    kept = own(enlist)
    assert kept.pop("logo") in done.source
    assert kept == {**values, "accent_color": "#7a1fa2", "help_text": "Open from 8.\nKnock."}
    below = desk.open("/console/child/branding")
    assert below.value("source.support_email") == "inherit"
    assert below.value("support_email") == "it@example.test"
    assert "Inherit : it@example.test (main)" in below.main.replace("Inherit:", "Inherit :")
    desk.follow(send(desk, "/console/child/branding", support_email="child@example.test"))
    assert own(enlist, "child") == {"support_email": "child@example.test"}
    # Saved again without a file the logo stays; inherited, it goes.
    values["accent_color"] = "#7a1fa2"
    assert "Nothing was changed." in desk.follow(send(desk, logo=b"", **values)).main
    send(desk, logo=b"", **{**values, "help_text": "Knock."})
    assert "logo" in own(enlist)
    send(desk)
    assert own(enlist) == {}
    assert len(enlist.events("branding.changed")) == 4


@pytest.mark.parametrize(
    ("logo", "values", "field", "told"),
    [
        (None, {"accent_color": "red"}, "accent_color", "must be a colour such as"),
        (None, {"support_phone": "030 1234"}, "support_phone", "with its country code"),
        (
            None,
            {"landing_url": "http://intranet.example.test"},
            "landing_url",
            "must be an address",
        ),
        (None, {"landing_url": "https://evil.test/"}, "landing_url", "has not allowed"),
        (None, {"template_ios": "nothing"}, "template_ios", "no template of this name"),
        (b"", {}, "logo", "choose a PNG file"),
        (b"<svg/>", {}, "logo", "is no PNG file"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_nothing_is_half_done(
    console: Console,
    enlist: Enlist,
    logo: bytes | None,
    values: dict[str, str],
    field: str,
    told: str,
) -> None:
    page = send(console.sign_in(), logo=logo, help_text="Stays typed", **values)
    assert page.status == 422
    assert f'id="{field}-error"' in page.source
    assert told in page.main
    assert "Stays typed" in page.source
    assert own(enlist) == {}


def test_a_logo_and_a_wrong_value_are_refused_together(console: Console, enlist: Enlist) -> None:
    page = send(console.sign_in(), logo=b"GIF89a", support_email="nobody")
    assert 'id="logo-error"' in page.source
    assert 'id="support_email-error"' in page.source
    assert send(console.sign_in(), logo=png(), support_email="nobody").status == 422
    assert not enlist.rows("logo")


def test_previews_show_what_is_not_saved_yet(console: Console, enlist: Enlist) -> None:
    enlist.do(ChangeBranding("main", {"support_phone": "+493023125000"}))
    desk = console.sign_in()
    typed = {"accent_color": "#ffcc00", "header_color": "#004d40", "help_text": "<b>Knock.</b>"}
    message = send(desk, f"{PAGE}/message", logo=png(), **typed)
    assert "background-color:#004d40" in message.source
    assert "data:image/png;base64," in message.source
    assert "Its link and its token do not work." in message.text
    page = send(desk, f"{PAGE}/page", logo=png(), **typed)
    assert "/look/ffcc00-004d40.css" in page.source
    assert 'src="data:image/png;base64,' in page.source
    assert "<b>Knock.</b>" in page.text
    for found in (message, page):
        policy = found.headers["content-security-policy"]
        assert policy.startswith("sandbox; default-src 'none'")
        assert "frame-ancestors 'self'" in policy
        assert "<script" not in found.source
        assert "<b>Knock" not in found.source
        assert "+493023125000" not in found.text, "it would be inherited, and nothing is above"
    wrong = send(desk, f"{PAGE}/page", support_email="nobody")
    assert "Support e-mail: must be an e-mail address" in wrong.text
    assert own(enlist) == {"support_phone": "+493023125000"}
    editor = desk.open(PAGE)
    assert "frame-src 'self'" in editor.headers["content-security-policy"]


def test_the_contrast_is_told_and_always_passes(console: Console, enlist: Enlist) -> None:
    """WCAG AA: a yellow is told to be shown darker on light pages, and as it is on dark ones."""
    desk = console.sign_in()
    chosen = {"source.accent_color": "own", "accent_color": "#ffcc00"}
    asked = "&".join(f"{name}={value.replace('#', '%23')}" for name, value in chosen.items())
    found = desk.open(f"{PAGE}/colours?{asked}")
    assert found.text.count("another shade than chosen") == 2
    ratios = [float(each.split()[-1]) for each in found.text.split(" : 1")[:-1]]
    assert len(ratios) == 4
    assert min(ratios) >= AA
    assert ratios[2] == round(contrast("#ffcc00", "#171e28"), 1)
    for nonsense in ("red", "%23fff", '%23ffffff"onload='):
        page = desk.open(f"{PAGE}/colours?source.accent_color=own&accent_color={nonsense}")
        assert "onload" not in page.source
        assert page.text.count("another shade") == 0


@pytest.mark.parametrize("role", ["operator", "helpdesk", "reader"])
def test_only_administrators_change_it_others_look(
    console: Console, enlist: Enlist, role: str
) -> None:
    enlist.do(ChangeBranding("main", {"support_email": "it@example.test"}))
    desk = console.sign_in(role)
    page = desk.open(PAGE)
    assert "an administrator can change them" in page.main
    assert "it@example.test here" in page.main
    assert ("POST", PAGE) not in [(method.upper(), to) for method, to in page.forms]
    for address in (PAGE, f"{PAGE}/message", f"{PAGE}/page"):
        assert send(desk, address, help_text="Mine").status == 403, address
    assert own(enlist) == {"support_email": "it@example.test"}


def test_where_settings_are_only_inherited_nothing_can_be_changed(
    console: Console, enlist: Enlist
) -> None:
    enlist.organization("child")
    enlist.do(PutLogo("main", png()))
    enlist.do(ChangeSettings("main", {"child_permission": "inherit_only"}))
    desk = console.sign_in()
    page = desk.open("/console/child/branding")
    assert "its settings are only inherited" in page.main
    assert "The logo as it is now" in page.source
    refused = send(desk, "/console/child/branding", help_text="Mine")
    assert refused.status == 409
    assert own(enlist, "child") == {}
