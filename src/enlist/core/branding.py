"""How an organization looks to its people: logo, colours, whom they ask, what they read, where they
go on.

Each value is looked up from an organization upwards, like a setting; where one above says that its
settings are only inherited, those below count for nothing. Which template a device of each platform
gets by default stands here too (A60): it is also a choice of words that children take over.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from enlist.core.colours import Shades, is_colour, shades, text_on
from enlist.core.model import Platform
from enlist.core.prompts import Message

ACCENT: Final = "#0b5fc7"
LONGEST_HELP: Final = 500
LONGEST_TEXT: Final = 2000
LONGEST_URL: Final = 500

TEMPLATE_OF: Final[Mapping[Platform, str]] = {each: f"template_{each.value}" for each in Platform}
"""The key that names the default template of a platform."""

COLOURS: Final = ("accent_color", "header_color")
LOGO: Final = "logo"
TEXT_OF: Final[Mapping[Message, str]] = {each: f"{each.value}_text" for each in Message}
"""The key of what an optional message says; it says something of Enlist's own without (A58)."""

TEXTS: Final[Mapping[str, int]] = {
    "help_text": LONGEST_HELP,
    **dict.fromkeys(TEXT_OF.values(), LONGEST_TEXT),
    "consent_text": LONGEST_TEXT,
    "landing_text": LONGEST_TEXT,
}
"""Values of several lines of plain text, and how long each may be."""

KEYS: Final = (
    LOGO,
    *COLOURS,
    "support_email",
    "support_phone",
    *TEXTS,
    "landing_url",
    *TEMPLATE_OF.values(),
)


@dataclass(frozen=True, slots=True)
class Branding:
    """What counts at one organization.

    Attributes:
        values: by key; what nobody set is not there.
        sources: the Group ID that each value comes from.
        logo: digest of the logo, by which it is fetched; "" where there is none.
        picture: the logo itself, where a message needs it.
        messages: what people are told while they enroll, where that was asked for.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    picture: bytes = field(default=b"", repr=False)
    messages: frozenset[Message] = frozenset()

    def value(self, key: str) -> str:
        """A value, "" where nobody set it."""
        return self.values.get(key, "")

    @property
    def logo(self) -> str:
        return self.value(LOGO)

    @property
    def shades(self) -> Shades:
        """The accent as it is shown."""
        return shades(self.value("accent_color") or ACCENT)

    @property
    def header(self) -> tuple[str, str]:
        """The ground behind logo and name, and the text on it; ("", "") where it is the page's."""
        ground = self.value("header_color")
        return (ground, text_on(ground)) if ground else ("", "")

    @property
    def style(self) -> str:
        """Both colours, as the name of their style sheet; "" where it is Enlist's own."""
        accent, header = (self.value(key).removeprefix("#") for key in COLOURS)
        return f"{accent or '0'}-{header or '0'}" if accent or header else ""

    def template_of(self, platform: Platform | None) -> str:
        """The name of the template that devices of this platform get; "" for the default one."""
        return self.value(TEMPLATE_OF[platform]) if platform else ""


def resolve(chain: Sequence[tuple[str, Mapping[str, str], bool]]) -> Branding:
    """What counts, from the organization itself up to the root.

    Args:
        chain: Group ID, own values, and whether those below may only inherit; nearest first.
    """
    values: dict[str, str] = {}
    sources: dict[str, str] = {}
    for group_id, own, only_inherited in reversed(chain):
        values |= own
        sources |= dict.fromkeys(own, group_id)
        if only_inherited:
            break
    return Branding(values, sources)


def landing_problem(url: str, hosts: Collection[str]) -> str | None:
    """What is wrong with the address that people go on to, or None (A59).

    It is a link that people follow, on the word of a page that they trust: only to hosts that the
    operator named, and by HTTPS.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return "must be an address such as https://intranet.example.com/welcome"
    plain = url.isascii() and url.isprintable() and not set(url) & set(' \\"<>^`{|}')
    if parts.scheme != "https" or not host or not plain or len(url) > LONGEST_URL:
        return "must be an address such as https://intranet.example.com/welcome"
    if parts.username is not None or parts.password is not None or port not in (None, 443):
        return "must have neither a login nor a port in it"
    if host not in hosts:
        return (
            f"leads to {host}, which the operator of this server has not allowed "
            "(ENLIST_LANDING_HOSTS)"
        )
    return None


def colour_problem(colour: str) -> str | None:
    """What is wrong with how a colour is written, or None."""
    return None if is_colour(colour) else "must be a colour such as #0b5fc7"
