"""How an organization looks: logo, colours, support, landing page, template by platform."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error
from typing import Annotated, Final

from pydantic import ConfigDict, Field, JsonValue

from enlist.core.branding import KEYS, LONGEST_HELP, LONGEST_TEXT
from enlist.core.outcomes import Refusal, invalid
from enlist.core.permissions import Permission
from enlist.core.png import MOST_BYTES
from enlist.verbs.branding import BrandingDetail, ChangeBranding, PutLogo, ShowBranding
from enlist.web.api.bodies import Body, Shown
from enlist.web.api.operations import Operations, Staff, shown
from enlist.web.values import Line

operations: Final = Operations("Organizations")

_EXAMPLE: Final[dict[str, JsonValue]] = {
    "accent_color": "#7a1fa2",
    "header_color": "#ffffff",
    "support_email": "it@example.com",
    "support_phone": "+493023125000",
    "help_text": "The service desk is open from 8 to 18.",
    "landing_url": "https://intranet.example.com/welcome",
    "template_ios": "phones",
}

_Text = Annotated[str, Field(max_length=LONGEST_TEXT)]


class BrandingValue(Shown):
    """A value in force, and the Group ID that it comes from."""

    value: str
    source: str


class ShownColours(Shown):
    """The accent as it is shown: the nearest shades that pass WCAG AA."""

    light: str
    on_light: str
    dark: str
    on_dark: str


class Branding(Shown):
    """How an organization looks."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "values": {
                        key: {"value": value, "source": "main"} for key, value in _EXAMPLE.items()
                    },
                    "shown": {
                        "light": "#7a1fa2",
                        "on_light": "#ffffff",
                        "dark": "#c79ad9",
                        "on_dark": "#000000",
                    },
                }
            ]
        }
    )

    values: dict[str, BrandingValue]
    """By name; what nobody set is not there. The value of `logo` is its digest."""
    shown: ShownColours

    @classmethod
    def of(cls, found: BrandingDetail) -> Branding:
        """As it counts at an organization."""
        branding, shades = found.branding, found.branding.shades
        return cls(
            values={
                key: BrandingValue(value=branding.values[key], source=branding.sources[key])
                for key in KEYS
                if key in branding.values
            },
            shown=ShownColours(
                light=shades.light,
                on_light=shades.on_light,
                dark=shades.dark,
                on_dark=shades.on_dark,
            ),
        )


class BrandingChange(Body):
    """Values to change; what is left out stays, null inherits from above."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    logo: None = None
    """Null takes the organization's own logo away; one is uploaded by `PUT …/branding/logo`."""
    accent_color: Line | None = None
    """`#rrggbb`; what is shown of it is made readable, see `shown`."""
    header_color: Line | None = None
    """What logo and name stand on."""
    support_email: Line | None = None
    support_phone: Line | None = None
    """With its country code."""
    help_text: Annotated[str, Field(max_length=LONGEST_HELP)] | None = None
    welcome_text: _Text | None = None
    """What people read first, where the setting `welcome_message` is on."""
    installation_text: _Text | None = None
    """What they read before the device is changed, where `installation_message` is on."""
    transition_text: _Text | None = None
    """What people at Android devices read besides, where `transition_message` is on."""
    consent_text: _Text | None = None
    """What whoever starts enrolling consents to by that."""
    landing_text: _Text | None = None
    """What people read once their device has joined."""
    landing_url: Line | None = None
    """Where people go on after enrolling; HTTPS, at a host in ENLIST_LANDING_HOSTS."""
    template_android: Line | None = None
    """Name of the message template for devices of this platform, where none is named."""
    template_ios: Line | None = None
    template_linux: Line | None = None
    template_macos: Line | None = None
    template_windows: Line | None = None


class LogoBody(Body):
    """A logo: a PNG file, at most 40 KiB and 1024 by 512 dots."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"png": "iVBORw0KGgo…"}]})

    png: Annotated[str, Field(max_length=MOST_BYTES * 2)]
    """The file in base64."""


@operations.staff(
    "GET",
    "/organizations/{organization}/branding",
    Permission.ORGANIZATIONS_READ,
    answers=Branding,
)
async def show_branding(asking: Staff, organization: str) -> Branding | Refusal:
    """Show how an organization looks, and where each value comes from."""
    found = await asking.see(ShowBranding(organization))
    return shown(found, Branding.of)


@operations.staff(
    "PATCH",
    "/organizations/{organization}/branding",
    Permission.SETTINGS_EDIT,
    answers=Branding,
    refuses=("setting_inherited",),
)
async def change_branding(
    asking: Staff, organization: str, body: BrandingChange
) -> Branding | Refusal:
    """Change how an organization looks; null inherits from above."""
    change = body.model_dump(exclude_unset=True)
    changed = await asking.do(ChangeBranding(organization, change))
    return shown(changed, Branding.of)


@operations.staff(
    "PUT",
    "/organizations/{organization}/branding/logo",
    Permission.SETTINGS_EDIT,
    answers=Branding,
    refuses=("setting_inherited",),
)
async def put_logo(asking: Staff, organization: str, body: LogoBody) -> Branding | Refusal:
    """Give an organization a logo. The picture alone is kept of the file."""
    try:
        file = b64decode(body.png, validate=True)
    except (Error, ValueError):
        return invalid("png", "must be base64")
    put = await asking.do(PutLogo(organization, file))
    return shown(put, Branding.of)
