"""From a letter to a message that can be read: subject, text, HTML.

Text and HTML are made of one template; an SMS is its text alone, and is measured. Which template:
for each language that the recipient wants, the organization's own, then the built-in one; where a
template was named, that one and no other.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Final

import segno
import structlog
from babel import Locale
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from enlist.core import sms
from enlist.core.ids import NOTHING
from enlist.core.secrets import Secret
from enlist.core.sms import Size
from enlist.core.templates import fill, header_line, parse, unfilled
from enlist.delivery import lookups
from enlist.delivery.blocks import Block, Code, blocks
from enlist.delivery.builtin import BuiltIn, built_in
from enlist.delivery.channels.channel import Picture
from enlist.locales import base, locale_of, translations
from enlist.store.templates import Template
from enlist.verbs.channels import SMS
from enlist.verbs.letters import Letter, OneTimeLogin
from enlist.verbs.verdicts import Rejected

QR_CODE: Final = "qr-code"
LOGO: Final = "logo"
MOST_HTML: Final = 100 * 1024
"""Bytes; mail clients cut off what is longer, and the end is where the help is."""

_DOTS: Final = Secret("•" * 10)
_log = structlog.get_logger("enlist.delivery")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message as it is read. It may hold a token, so its `repr` shows neither text nor HTML.

    Attributes:
        size: of an SMS as it is sent, without what marks a sample; None for e-mail.
    """

    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
    language: str
    size: Size | None = None
    pictures: tuple[Picture, ...] = ()

    @property
    def standalone(self) -> str:
        """The HTML part with its pictures inside, for where no mail client puts them there."""
        html = self.html
        for each in self.pictures:
            html = html.replace(f"cid:{each.name}", each.data_uri)
        return html


def render(letter: Letter, public_url: str) -> Rendered | Rejected:
    """A letter as a message, or why it cannot be written."""
    template = choose(letter)
    if template is None:
        return Rejected("there is no such message template any more, or none for this purpose")
    locale = _locale(letter, template.language)
    values = lookups.values(letter, locale, public_url)
    subject, body = parse(template.subject), parse(template.body)
    if lacking := dict.fromkeys((*unfilled(subject, values), *unfilled(body, values))):
        names = ", ".join(f"{{{name}}}" for name in lacking)
        return Rejected(
            f"the template asks for {names}, which is empty here; fill it in, "
            "or give the template a fallback such as {FirstName|colleague}"
        )
    if len(values["EnrollmentUrl"]) > lookups.LONGEST_LINK:
        return Rejected(
            f"the link is longer than {lookups.LONGEST_LINK} characters; use a shorter public URL"
        )
    return _write(letter, template, values, locale)


def render_preview(letter: Letter, public_url: str) -> Rendered | Rejected:
    """A letter as its recipient may see it later: the secret is dots (ruling 7).

    An SMS is measured with letters in their place, as no network's alphabet has dots like these.
    """
    login = letter.login and OneTimeLogin(letter.login.username, _DOTS)
    shown = render(replace(letter, token=_DOTS, login=login), public_url)
    if letter.channel != SMS or isinstance(shown, Rejected):
        return shown
    letters = Secret("0" * max(len(letter.token.reveal()), 1))
    login = login and OneTimeLogin(login.username, letters)
    measured = render(replace(letter, token=letters, login=login), public_url)
    return measured if isinstance(measured, Rejected) else replace(shown, size=measured.size)


def measure(letter: Letter, public_url: str, token_length: int) -> Size | None:
    """How long an SMS will be whose link and token are yet to be made; None for e-mail."""
    if letter.channel != SMS:
        return None
    filled = replace(letter, enrollment_id=NOTHING, token=Secret("0" * token_length))
    found = render(filled, public_url)
    return None if isinstance(found, Rejected) else found.size


def choose(letter: Letter) -> Template | BuiltIn | None:
    """The template that a letter is written with."""
    for language in letter.languages:
        own = next((each for each in letter.own_templates if each.language == language), None)
        ours = built_in(letter.purpose, language, letter.channel) if letter.built_in else None
        found = own or ours
        if found is not None:
            _note_fallback(letter.languages[0], found.language, letter.purpose)
            return found
    return letter.own_templates[0] if letter.own_templates else None


@functools.cache
def _note_fallback(wanted: str, found: str, purpose: str) -> None:
    """Say once that a language is missing, not for every message."""
    if base(wanted) != base(found):
        _log.info("template_language_missing", wanted=wanted, used=found, purpose=purpose)


def _locale(letter: Letter, language: str) -> Locale:
    """How dates are written: in the template's language, as in the recipient's region."""
    near = next((tag for tag in letter.languages if base(tag) == base(language)), language)
    return locale_of(near)


def _write(
    letter: Letter, template: Template | BuiltIn, values: Mapping[str, str], locale: Locale
) -> Rendered | Rejected:
    if letter.channel == SMS:
        return _write_sms(letter, template, values)
    subject = header_line(fill(parse(template.subject), values))
    notice = ""
    if letter.sample:
        _ = translations(template.language).gettext
        notice = _("This is a sample. Its link and its token do not work.")
        mark = _("Sample")
        subject = f"[{mark}] {subject}"
    body = fill(parse(_without_pictures(template.body)), values)
    text = f"{notice}\n\n{body}\n" if notice else f"{body}\n"
    shown = blocks(template.body, values)
    html = (
        _environment(base(template.language))
        .get_template("layout.html")
        .render(
            subject=subject,
            notice=notice,
            blocks=shown,
            qr_code=QR_CODE,
            organization=values["OrganizationName"],
            branding=letter.branding,
            shades=letter.branding.shades,
            logo=LOGO if letter.branding.picture else "",
            server=values["ServerUrl"],
            language=template.language,
            direction=locale.text_direction,
        )
    )
    if len(html.encode()) > MOST_HTML:
        return Rejected(f"the message is longer than {MOST_HTML // 1024} KiB")
    return Rendered(subject, text, html, template.language, pictures=_pictures(letter, shown))


def _without_pictures(body: str) -> str:
    """The body for the text part: a paragraph that is a picture alone is none there."""
    paragraphs = re.split(r"\n\s*\n", body.replace("\r\n", "\n").strip())
    return "\n\n".join(each for each in paragraphs if each.strip() != "{QrCode}")


def _pictures(letter: Letter, shown: Iterable[Block]) -> tuple[Picture, ...]:
    """What the HTML part shows beside its text: the logo, and a QR code where one is asked for."""
    found = []
    if letter.branding.picture:
        found.append(Picture(LOGO, "image/png", letter.branding.picture))
    code = next((block.address for block in shown if isinstance(block, Code)), None)
    if code is not None:
        drawn = BytesIO()
        segno.make(code, error="m", micro=False).save(drawn, kind="png", scale=5, border=4)
        found.append(Picture(QR_CODE, "image/png", drawn.getvalue()))
    return tuple(found)


def _write_sms(
    letter: Letter, template: Template | BuiltIn, values: Mapping[str, str]
) -> Rendered | Rejected:
    text = fill(parse(template.body.replace("\r\n", "\n").strip()), values)
    measured = sms.size(text)
    if measured.parts > sms.MOST_PARTS:
        return Rejected(f"the SMS takes {measured.parts} parts; {sms.MOST_PARTS} is the most")
    if letter.sample:
        text = f"[{translations(template.language).gettext('Sample')}] {text}"
    return Rendered("", text, "", template.language, measured)


@functools.cache
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "messages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_translations(  # type: ignore[attr-defined]  # the extension adds it
        translations(language), newstyle=True
    )
    return environment
