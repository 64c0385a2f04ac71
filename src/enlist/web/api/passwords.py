"""Links by which people set their passwords: sent by staff, asked for, used."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import ConfigDict, Field

from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.verbs import documents
from enlist.verbs.password_links import AskForPasswordLink, UsePasswordLink
from enlist.verbs.staff import SendPasswordLink, Sent
from enlist.web.api.bodies import Shown
from enlist.web.api.operations import Anybody, Operations, Staff, shown
from enlist.web.api.redeem import PublicBody
from enlist.web.values import EXAMPLE_MOMENT, Line, Moment, SecretGiven

operations: Final = Operations("Users")


class LinkSent(Shown):
    """A link that is on its way; it is shown to nobody but its user."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"sent_to": "ada@example.com", "expires_at": EXAMPLE_MOMENT}]
        }
    )

    sent_to: str
    expires_at: Moment

    @classmethod
    def of(cls, found: Sent) -> LinkSent:
        """As the answer shows it."""
        return cls(**documents.password_link(found))


@operations.staff(
    "POST",
    "/users/{user}/password-link",
    Permission.USERS_EDIT,
    answers=LinkSent,
    status=202,
    refuses=("proof_too_old", "email_missing", "no_channel", "recipient_cap_reached", "conflict"),
)
async def send_password_link(asking: Staff, user: str) -> LinkSent | Refusal:
    """Send a user a link by which he sets his password himself; the one from before ends.

    It works once, for 24 hours, that of somebody who holds a role for 48.
    """
    sent = await asking.do(SendPasswordLink(user))
    return shown(sent, LinkSent.of)


class ForgottenBody(PublicBody):
    """Who forgot his password."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"account": "ada@example.com"}]})

    account: Annotated[Line, Field(min_length=1)]
    """User name or e-mail address."""


@operations.public("POST", "/password-links", status=204, refuses=("no_channel",))
async def ask_for_password_link(asking: Anybody, body: ForgottenBody) -> Refusal | None:
    """Have a link to set a password sent to oneself.

    The answer is the same whether there is such an account or not. Ten may be asked for from one
    network in ten minutes, and three by one name in an hour: of further ones none is sent.
    """
    return await asking.do(AskForPasswordLink(body.account))


class NewPasswordBody(PublicBody):
    """The secret of a link, and the password that it is to set."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"link": "Zk3…", "password": "correct horse battery staple"}]
        }
    )

    link: SecretGiven
    """What stands behind `#t=` in the link."""
    password: SecretGiven
    """12 to 256 characters."""


@operations.public(
    "POST",
    "/password-links/use",
    status=204,
    refuses=("password_link_invalid", "password_too_short"),
)
async def use_password_link(asking: Anybody, body: NewPasswordBody) -> Refusal | None:
    """Set a password with a link, once. Wherever its user is signed in, that ends."""
    done = await asking.do(UsePasswordLink(body.link, body.password))
    return done if isinstance(done, Refusal) else None
