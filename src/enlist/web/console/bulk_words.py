"""What the pages about many things say of an act: its name, what it does, what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from enlist.core.model import Device, Enrollment, GrantKind, User
from enlist.web.console.navigation import N_

Item = Device | Enrollment | User


@dataclass(frozen=True, slots=True)
class ActWords:
    """How an act is spoken of; translated where it is shown.

    Attributes:
        one: the question about a single one; `many`, about more.
        nothing: the heading where the act fits none of them.
        does: what it does to all of them, line by line; `warning`, the line that must be seen.
        becomes: what happens to one; it may name its `place`, and the `ownership` it had.
        going: the heading while it is done; `done`, how many were.
        reasoned: whether it asks for a reason.
    """

    title: str
    one: str
    many: str
    nothing: str
    button: str
    icon: str
    going: str = ""
    done: str = ""
    does: tuple[str, ...] = ()
    warning: str = ""
    becomes: Callable[[Item], str] = lambda _item: ""
    reasoned: bool = False
    danger: bool = False


def _is_sent(item: Item) -> str:
    if isinstance(item, Enrollment) and item.message_state:
        return N_("is sent again")
    if isinstance(item, Enrollment) and item.grant is GrantKind.ONE_TIME_JWT:
        return N_("is sent, with the JWT as a file")
    return N_("is sent")


def _on_paper(item: Item) -> str:
    if isinstance(item, Enrollment) and item.grant is GrantKind.ONE_TIME_JWT:
        return N_("a card that enrolls")
    return N_("a card without its token")


ACT_WORDS: Final[Mapping[str, ActWords]] = {
    "reset": ActWords(
        title=N_("Reset enrollments"),
        one=N_("Reset the enrollment of %(num)s device?"),
        many=N_("Reset the enrollments of %(num)s devices?"),
        nothing=N_("Nothing to reset"),
        button=N_("Reset them"),
        icon="rotate",
        going=N_("Resetting enrollments"),
        done=N_("Reset %(done)s of %(all)s"),
        danger=True,
    ),
    "resend": ActWords(
        title=N_("Send messages"),
        one=N_("Send %(num)s message?"),
        many=N_("Send %(num)s messages?"),
        nothing=N_("Nothing to send"),
        button=N_("Send them"),
        icon="mail-forward",
        going=N_("Sending messages"),
        done=N_("Queued %(done)s of %(all)s messages"),
        does=(
            N_(
                "Each user gets the token that waits for the device, by e-mail."
                " No token changes, and none lives longer."
            ),
        ),
        becomes=_is_sent,
    ),
    "reissue": ActWords(
        title=N_("Reissue enrollments"),
        one=N_("Reissue %(num)s enrollment?"),
        many=N_("Reissue %(num)s enrollments?"),
        nothing=N_("Nothing to reissue"),
        button=N_("Reissue them"),
        icon="refresh",
        going=N_("Reissuing enrollments"),
        done=N_("Reissued %(done)s of %(all)s"),
        does=(
            N_(
                "The tokens before stop working at once; whoever uses one is told"
                " that a newer one was made."
            ),
            N_(
                "Each enrollment stays the same one, with a new token until the date"
                " that you choose."
            ),
        ),
        becomes=lambda _item: N_("gets a new token"),
        reasoned=True,
    ),
    "revoke": ActWords(
        title=N_("Revoke enrollments"),
        one=N_("Revoke %(num)s enrollment?"),
        many=N_("Revoke %(num)s enrollments?"),
        nothing=N_("Nothing to revoke"),
        button=N_("Revoke them"),
        icon="ban",
        going=N_("Revoking enrollments"),
        done=N_("Revoked %(done)s of %(all)s"),
        does=(
            N_(
                "Their tokens stop working at once. It cannot be undone; the devices"
                " stay registered."
            ),
        ),
        becomes=lambda _item: N_("is revoked"),
        reasoned=True,
        danger=True,
    ),
    "delete": ActWords(
        title=N_("Delete enrollments"),
        one=N_("Delete %(num)s enrollment?"),
        many=N_("Delete %(num)s enrollments?"),
        nothing=N_("Nothing to delete"),
        button=N_("Yes, delete them for good"),
        icon="trash",
        going=N_("Deleting enrollments"),
        done=N_("Deleted %(done)s of %(all)s"),
        does=(
            N_("Their tokens are unknown from now on, and the enrollments leave every list."),
            N_("The devices stay, and whatever they hold stays valid."),
        ),
        warning=N_(
            "It cannot be undone, and these devices cannot be enrolled through the console again."
        ),
        becomes=lambda _item: N_("is deleted"),
        danger=True,
    ),
    "move": ActWords(
        title=N_("Change organization"),
        one=N_("Change the organization of %(num)s registration?"),
        many=N_("Change the organization of %(num)s registrations?"),
        nothing=N_("Nothing to move"),
        button=N_("Move them"),
        icon="sitemap",
        going=N_("Changing the organization"),
        done=N_("Moved %(done)s of %(all)s"),
        does=(
            N_("Their tokens go along: each works as long as before, and is never sent anew."),
            N_(
                "What a token needs beside itself, and which devices may enroll, follows"
                " the new organization from now on."
            ),
        ),
        becomes=lambda _item: N_("leaves %(place)s"),
    ),
    "own": ActWords(
        title=N_("Change ownership"),
        one=N_("Change the ownership of %(num)s device?"),
        many=N_("Change the ownership of %(num)s devices?"),
        nothing=N_("Nothing to change"),
        button=N_("Change them"),
        icon="pencil",
        going=N_("Changing the ownership"),
        done=N_("Changed %(done)s of %(all)s"),
        does=(
            N_(
                "Their tokens stay as they are. Restrictions by ownership look at the new one"
                " from now on."
            ),
        ),
        becomes=lambda _item: N_("was: %(ownership)s"),
    ),
    "credentials": ActWords(
        title=N_("Create enrollment credentials"),
        one=N_("Send enrollment credentials to %(num)s user?"),
        many=N_("Send enrollment credentials to %(num)s users?"),
        nothing=N_("Nobody to send them to"),
        button=N_("Send the credentials"),
        icon="key",
        going=N_("Sending enrollment credentials"),
        done=N_("Queued %(done)s of %(all)s messages"),
        does=(
            N_(
                "For each user a device is registered, and a message brings what enrolls it:"
                " a link, or a user name and a password to be typed. Either works once."
            ),
            N_(
                "It goes to the address on record and to nobody else. Nobody here sees the"
                " password."
            ),
        ),
        becomes=lambda _item: N_("gets a message"),
    ),
    "print": ActWords(
        title=N_("Print cards"),
        one=N_("Print %(num)s card?"),
        many=N_("Print %(num)s cards?"),
        nothing=N_("Nothing to print"),
        button=N_("Show the cards"),
        icon="qrcode",
        does=(
            N_(
                "A page for each, with a QR code, in the language of whoever gets it."
                " Nothing is sent, and no token changes."
            ),
            N_(
                "A registration token is only ever sent: its card leads to the right page,"
                " where its user types the token from his message."
            ),
            N_("A one-time JWT stands on its card: whoever scans it first enrolls with it."),
            N_("The audit log says who printed which."),
        ),
        becomes=_on_paper,
    ),
}
