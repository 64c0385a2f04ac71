"""How an organization looks: inherited value by value, checked, and shown in messages."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace

import pytest

from enlist.core.branding import Branding
from enlist.core.colours import AA, contrast
from enlist.core.outcomes import Refusal
from enlist.core.png import MOST_BYTES, read_png
from enlist.delivery.channels import CapturedMessage
from enlist.verbs.branding import (
    BrandingDetail,
    ChangeBranding,
    Logo,
    PublicBranding,
    PutLogo,
    ShowBranding,
)
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.issuing import Delivery
from enlist.verbs.organizations import ChangeSettings
from enlist.verbs.register import Register
from enlist.verbs.templates import PutTemplate, Wording
from enlist.verbs.users import AddUser
from tests.delivery.world import Outbox
from tests.installation import Enlist, code, refusal
from tests.pictures import png

VALUES = {
    "accent_color": "#FFCC00",
    "header_color": "#004d40",
    "support_email": "it@example.test",
    "support_phone": "+49 30 23125 000",
    "help_text": "Open from 8 to 18.\nAsk for the key desk.",
    "landing_url": "https://intranet.example.test/welcome",
}


@pytest.fixture
def allowing(enlist: Enlist) -> Enlist:
    """An installation whose operator lets people be led to one host."""
    driver = enlist.driver
    hosts = frozenset({"intranet.example.test"})
    driver._tools = replace(driver.tools, landing_hosts=hosts)  # as other settings would
    return enlist


def change(enlist: Enlist, place: str, **values: str | None) -> BrandingDetail:
    return enlist.do(ChangeBranding(place, values))


def at(enlist: Enlist, place: str) -> Branding:
    found = enlist.driver.view(ShowBranding(place), enlist.host)
    assert not isinstance(found, Refusal)
    return found.branding


def test_each_value_is_inherited_until_there_is_a_nearer_one(allowing: Enlist) -> None:
    enlist = allowing
    enlist.organization("child")
    change(enlist, "main", **VALUES)
    change(enlist, "child", support_email="child@example.test", accent_color="#7a1fa2")
    child = at(enlist, "child")
    assert child.value("support_email") == "child@example.test"
    assert child.sources["support_email"] == "child"
    assert (child.value("support_phone"), child.sources["support_phone"]) == (
        "+493023125000",
        "main",
    )
    change(enlist, "child", accent_color=None, support_email="")
    assert at(enlist, "child") == at(enlist, "main")
    [event, *_] = enlist.events("branding.changed")
    assert {"before.accent_color", "after.accent_color"} <= event.data.keys()


def test_where_settings_are_only_inherited_so_is_the_look(enlist: Enlist) -> None:
    enlist.organization("child")
    change(enlist, "child", accent_color="#7a1fa2")
    enlist.do(ChangeSettings("main", {"child_permission": "inherit_only"}))
    refused = enlist.perform(ChangeBranding("child", {"accent_color": "#000000"}))
    assert code(refused) == "setting_inherited"
    assert code(enlist.perform(PutLogo("child", png()))) == "setting_inherited"
    assert at(enlist, "child").value("accent_color") == ""


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("accent_color", "red", "must be a colour such as"),
        ("header_color", "#fff", "must be a colour such as"),
        ("header_color", "#ffffff;}body{", "must be a colour such as"),
        ("support_email", "nobody", "must be an e-mail address"),
        ("support_phone", "030 123456", "with its country code"),
        ("help_text", "x" * 501, "at most 500"),
        ("help_text", "a\x1b[2Jb", "must be plain text"),
        ("landing_url", "http://intranet.example.test/", "must be an address such as"),
        ("landing_url", "javascript:alert(1)", "must be an address such as"),
        ("landing_url", "https://intranet.example.test@evil.test/", "neither a login"),
        ("landing_url", "https://evil.test\\@intranet.example.test/", "must be an address such as"),
        ("landing_url", "https://intranet.example.test:8443/", "nor a port"),
        ("landing_url", "https://sub.intranet.example.test/", "has not allowed"),
        ("landing_url", "https://evil.test/intranet.example.test", "has not allowed"),
        ("template_ios", "nothing", "no template of this name"),
        ("logo", "0" * 64, "uploaded as a file"),
        ("nonsense", "x", "unknown value"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(
    allowing: Enlist, key: str, value: str, told: str
) -> None:
    found = refusal(allowing.perform(ChangeBranding("main", {**VALUES, key: value})))
    assert [error.field for error in found.fields] == [key]
    assert told in found.fields[0].message
    assert not allowing.rows("organization_branding")


@pytest.mark.parametrize(
    "colour", ["#ffcc00", "#0b5fc7", "#000000", "#ffffff", "#7a7a7a", "#ff0000"]
)
def test_whatever_the_colour_its_shades_can_be_read(colour: str) -> None:
    """WCAG AA: as text on light and dark pages, and under the text of a button."""
    shown = Branding({"accent_color": colour}).shades
    for ground in ("#ffffff", "#f3f5f9", "#eef4fd"):
        assert contrast(shown.light, ground) >= AA
    for ground in ("#171e28", "#0e131a", "#172940", "#22272e"):
        assert contrast(shown.dark, ground) >= AA
    assert contrast(shown.light, shown.on_light) >= AA
    assert contrast(shown.dark, shown.on_dark) >= AA
    ground, ink = Branding({"header_color": colour}).header
    assert contrast(ground, ink) >= AA


def test_of_a_logo_the_picture_alone_is_kept(enlist: Enlist) -> None:
    evil = png() + b"<script>alert(1)</script>"
    texts = b"tEXtComment\x00<?php system($_GET[0]); ?>"
    chunk = struct.pack(">I", len(texts) - 4) + texts + struct.pack(">I", zlib.crc32(texts))
    evil = evil[:33] + chunk + evil[33:]
    made = enlist.do(PutLogo("main", evil)).branding
    kept = enlist.driver.view(Logo(made.logo), enlist.host)
    assert isinstance(kept, bytes)
    assert b"script" not in kept
    assert b"php" not in kept
    assert read_png(kept) == read_png(png())
    change(enlist, "main", logo=None)
    assert enlist.driver.view(Logo(made.logo), enlist.host) is None


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "is no PNG file"),
        (b"GIF89a" + b"x" * 100, "is no PNG file"),
        (b"", "is no PNG file"),
        (png()[:-20], "is a damaged PNG file"),
        (png().replace(b"IDAT", b"IDAX"), "is a damaged PNG file"),
        (png(2000, 1), "is larger than 1024 by 512"),
        (png(unpacked=b"\x00" * 10_000_000), "is a damaged PNG file"),
        (png() + b"x" * MOST_BYTES, "is larger than 40 KiB"),
    ],
)
def test_what_is_no_logo_is_refused(enlist: Enlist, file: bytes, told: str) -> None:
    found = refusal(enlist.perform(PutLogo("main", file)))
    assert found.fields[0].field == "logo"
    assert told in found.fields[0].message
    assert not enlist.rows("logo")


def test_strangers_see_the_look_of_the_top(enlist: Enlist) -> None:
    """A page that knew whose link it was would tell that to whoever guesses handles."""
    made = enlist.organization("child")
    change(enlist, "main", support_email="top@example.test")
    change(enlist, "child", support_email="child@example.test")
    seen = enlist.driver.view(PublicBranding(), enlist.host)
    theirs = enlist.driver.view(PublicBranding(made.id), enlist.host)
    assert not isinstance(seen, Refusal)
    assert not isinstance(theirs, Refusal)
    assert seen.value("support_email") == "top@example.test"
    assert theirs.value("support_email") == "child@example.test"


@pytest.mark.parametrize("role", ["operator", "helpdesk", "reader"])
def test_only_administrators_change_it(enlist: Enlist, role: str) -> None:
    caller = enlist.staff(role)
    assert code(enlist.perform(ChangeBranding("main", {"help_text": "x"}), caller)) == "forbidden"
    assert code(enlist.perform(PutLogo("main", png()), caller)) == "forbidden"
    shown = enlist.driver.view(ShowBranding("main"), caller)
    assert code(shown) == "done"


# --- messages -----------------------------------------------------------------------------------


def sent(outbox: Outbox, platform: str = "linux", language: str = "") -> CapturedMessage:
    name = f"ada{len(outbox.mailbox.messages())}"
    address = f"{name}@example.test"
    outbox.enlist.do(AddUser(outbox.enlist.root.id, name, address, language=language))
    outbox.enlist.do(Register("", name, DeviceDetails("Phone", platform), Delivery("email")))
    outbox.deliver()
    return outbox.mailbox.messages()[0]


def test_a_message_has_logo_colours_and_who_helps(outbox: Outbox) -> None:
    enlist = outbox.enlist
    values = {key: value for key, value in VALUES.items() if key != "landing_url"}
    change(enlist, "main", **values)
    enlist.do(PutLogo("main", png()))
    wording = Wording(
        "default", "registration", "email", "en", "Hi", "{EnrollmentUrl}\n\n{SupportPhone}"
    )
    enlist.do(PutTemplate("main", wording))
    message = sent(outbox)
    assert [picture.name for picture in message.pictures] == ["logo"]
    assert 'src="cid:logo"' in message.html
    assert "background-color:#004d40" in message.html
    assert f"background-color:{at(enlist, 'main').shades.light}" in message.html
    assert "#ffcc00" not in message.html.split("</style>")[1]
    assert "it@example.test" in message.html
    assert "Ask for the key desk." in message.html
    assert message.text.rstrip().endswith("+493023125000")


def test_a_platform_has_its_own_default_template(outbox: Outbox) -> None:
    """A60."""
    enlist = outbox.enlist
    wording = Wording("phones", "registration", "email", "en", "For phones", "{EnrollmentUrl}")
    enlist.do(PutTemplate("main", wording))
    enlist.do(PutTemplate("main", replace(wording, name="default", subject="For all")))
    change(enlist, "main", template_ios="phones")
    assert sent(outbox, "ios").subject == "For phones"
    assert sent(outbox, "linux").subject == "For all"
    # What somebody reads goes before the platform: there is no German one for phones.
    assert "Registrieren" in sent(outbox, "ios", "de").subject
    change(enlist, "main", template_ios=None)
    assert sent(outbox, "ios").subject == "For all"
