"""How public pages look: as the top organization's for strangers, as their own for holders."""

from __future__ import annotations

import re
from dataclasses import replace

from enlist.verbs.branding import ChangeBranding, PutLogo
from enlist.web.look import style_sheet
from tests.installation import PASSWORD, Enlist, code
from tests.pictures import png
from tests.web.enroll.conftest import Page, Visitor
from tests.web.enroll.walking import begun

TOP, CHILD = "#7a1fa2", "#004d40"
LANDING = "https://intranet.example.test/welcome"


def style_of(page: Page) -> str:
    return "".join(re.findall(r'href="/look/([^"]+)\.css"', page.source))


def test_a_stranger_sees_the_top_s_look_whatever_the_link(enlist: Enlist, visitor: Visitor) -> None:
    child = enlist.organization("child")
    enlist.do(ChangeBranding("main", {"accent_color": TOP, "support_email": "top@example.test"}))
    enlist.do(ChangeBranding("child", {"accent_color": CHILD}))
    enlist.do(PutLogo("child", png()))
    enlist.user("ada", organization=child.id)
    ticket = enlist.register("ada")
    for path in ("/enroll", f"/enroll/{ticket.enrollment_id}", "/enroll/" + "0" * 32):
        page = visitor.open(path)
        assert style_of(page) == "7a1fa2-0"
        assert "/look/" not in page.source.replace("/look/7a1fa2-0.css", "")
        assert "top@example.test" in page.text
    assert style_of(visitor.check("wrong-token")) == "7a1fa2-0"
    page = visitor.check(ticket.token)
    assert style_of(page) == "004d40-0"
    [logo] = re.findall(r'src="(/look/[0-9a-f]{64}\.png)"', page.source)
    fetched = visitor.open(logo)
    assert fetched.headers["content-type"] == "image/png"
    assert "immutable" in fetched.headers["cache-control"]
    assert fetched.headers["x-content-type-options"] == "nosniff"


def test_a_style_sheet_is_made_of_colours_and_nothing_else(visitor: Visitor) -> None:
    found = visitor.open("/look/ffcc00-004d40.css")
    assert found.headers["content-type"].startswith("text/css")
    assert ".brand{background:#004d40;color:#ffffff" in found.source
    assert "--accent:#ffcc00" not in found.source.partition("@media")[0]
    assert style_sheet("0", "0") == ""
    for wrong in ("ffcc00", "ffcc00-red", "FFCC00-0", "0-0;}", "..%2f..%2fetc-0"):
        assert visitor.open(f"/look/{wrong}.css").status == 404
    for wrong in ("0" * 64, "0" * 63, "..%2fmark"):
        assert visitor.open(f"/look/{wrong}.png").status == 404


def test_who_has_enrolled_is_led_on_where_the_operator_allows_it(
    enlist: Enlist, visitor: Visitor
) -> None:
    """A59: a link that says where it leads; no redirect, and none to a host taken off the list."""
    tools = enlist.driver.tools
    allowing = replace(tools, landing_hosts=frozenset({"intranet.example.test"}))
    enlist.driver._tools = allowing
    enlist.do(ChangeBranding("main", {"landing_url": LANDING}))
    shown, address = begun(enlist, visitor)
    assert LANDING not in visitor.open(address).source
    assert code(enlist.redeem(shown)) == "done"
    page = visitor.open(address)
    assert f'href="{LANDING}" rel="noreferrer"' in page.source
    assert "Go on to intranet.example.test" in page.text
    enlist.driver._tools = tools
    assert LANDING not in visitor.open(address).source


def test_sign_in_and_the_portal_look_like_their_organization(
    enlist: Enlist, visitor: Visitor
) -> None:
    """Whoever is not known yet sees the top's; whoever is signed in, his own organization's."""
    child = enlist.organization("child")
    enlist.do(ChangeBranding("main", {"accent_color": TOP, "support_email": "top@example.test"}))
    enlist.do(ChangeBranding("child", {"accent_color": CHILD, "help_text": "Room 5.\nKnock."}))
    enlist.do(PutLogo("child", png()))
    enlist.user("ada", organization=child.id)
    for path in ("/sign-in", "/setup", "/recover", "/sign-out", "/no-such-page"):
        page = visitor.open(path)
        assert style_of(page) == "7a1fa2-0", path
        assert "Help: top@example.test" in page.text
    wrong = visitor.post({"username": "eve", "password": "wrong"}, path="/sign-in")
    assert style_of(wrong) == "7a1fa2-0"
    visitor.post({"username": "ada", "password": PASSWORD}, path="/sign-in")
    for path in ("/my-devices", "/my-devices/new", "/account", "/confirm", "/sign-out", "/no-page"):
        page = visitor.open(path)
        assert style_of(page) == "004d40-0", path
        assert 'src="/look/' in page.source
        assert "Room 5. Knock. Help: top@example.test" in page.text
        assert page.text.count("top@example.test") == 1
