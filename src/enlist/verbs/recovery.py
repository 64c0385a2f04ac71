"""Recovering an administrator who cannot sign in any more.

Whoever sits at the machine holds the keys anyway; the link is a way to use that which leaves a
trace: an event, and a message to every administrator. It names its user in the clear and is found
by a digest over both halves, so that it is good for nobody else. It lives an hour, is used once,
and sets a new password; there is never more than one. A second factor stays, and is asked for
afterwards: one that is lost as well is taken away by a command of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from enlist.core.caller import Caller
from enlist.core.clock import HOUR
from enlist.core.events import Happening
from enlist.core.ids import new_id, parse_id
from enlist.core.model import User, UserState
from enlist.core.outcomes import Done, Effect, Refusal, Send
from enlist.core.permissions import Role
from enlist.core.secrets import Digest, Kind, Secret, random_secret
from enlist.store import (
    events,
    logins,
    outbox,
    password_links,
    recoveries,
    roles,
    second_factors,
    setup_links,
    users,
)
from enlist.store.outbox import NewMessage
from enlist.store.tx import Reader, Tx
from enlist.verbs.by_link import ByLink, Ready
from enlist.verbs.driver import Tools, Verb
from enlist.verbs.finding import user_named
from enlist.verbs.rights import host_alone

LIFETIME: Final = HOUR
PURPOSE: Final = "recovery"
"""Of the message that tells all administrators."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """A link that was made.

    Attributes:
        link: its secret; shown once.
        told: how many administrators a message is on its way to.
        second_factor: he has one, which stays: its code is asked for after the new password.
    """

    username: str
    link: Secret
    expires_at: int
    told: int
    second_factor: bool = False


@dataclass(frozen=True, slots=True)
class Making:
    """A link about to be stored, and the domain of the messages about it."""

    user: User
    link: Secret
    digest: Digest
    can_send: bool
    sender_domain: str


@dataclass(frozen=True)
class Recover(Verb[User, Making, Recovery]):
    """Make a one-time sign-in link for an administrator; only at the machine itself.

    Refusals: `forbidden`, `not_found`; `conflict` for who is no administrator, or is disabled.
    """

    user: str

    name = "recover"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> User | Refusal:
        refusal = host_alone(caller)
        if refusal is not None:
            return refusal
        found = user_named(tx, caller, self.user)
        return found if isinstance(found, Refusal) else _recoverable(tx, found)

    def work(self, tools: Tools, caller: Caller, seen: User) -> Making | Refusal:
        link = Secret(f"{seen.id}.{random_secret().reveal()}")
        digest = tools.keys.digest(Kind.RECOVERY_LINK, link)
        can_send = "email" in tools.channels
        return Making(seen, link, digest, can_send, tools.addresses.mail_domain)

    def apply(self, tx: Tx, caller: Caller, ready: Making) -> Done[Recovery] | Refusal:
        until = tx.now + LIFETIME
        setup_links.put(tx, ready.digest, until)
        effects = _tell(tx, ready) if ready.can_send else ()
        data = {"expires_at": until, "told": len(effects)}
        personal = {"user": ready.user.username}
        events.record(tx, caller, Happening(recoveries.MADE, ready.user.subjects, data, personal))
        has_factor = second_factors.find(tx, ready.user.id) is not None
        made = Recovery(ready.user.username, ready.link, until, len(effects), has_factor)
        return Done(made, effects)


def _tell(tx: Tx, making: Making) -> tuple[Effect, ...]:
    """A message to every administrator: whoever made the link cannot keep it to himself."""
    sent = []
    for each in recoveries.administrators(tx):
        message_id = new_id(tx.now)
        message = NewMessage(
            id=message_id,
            organization_id=each.organization_id,
            user_id=each.user_id,
            enrollment_id=None,
            generation=0,
            purpose=PURPOSE,
            template="",
            channel="email",
            recipient=each.email,
            message_id=f"<{message_id}@{making.sender_domain}>",
        )
        outbox.insert(tx, message)
        sent.append(Send(message_id))
    return tuple(sent)


def _recoverable(tx: Reader, user: User) -> User | Refusal:
    if all(held.role != Role.ADMINISTRATOR for held in roles.of_user(tx, user.id)):
        detail = "Only an administrator can be recovered. Set other people's passwords instead."
        return Refusal("conflict", detail=detail, about=user.subjects)
    if user.state is not UserState.ACTIVE:
        detail = "This user is disabled. Another administrator has to enable him first."
        return Refusal("conflict", detail=detail, about=user.subjects)
    return user


@dataclass(frozen=True)
class UseRecoveryLink(ByLink):
    """Set a new password with a recovery link; every sign-in of that user ends.

    Refusals: `recovery_link_invalid`, alike for unknown, used and old links and for who is no
    administrator any more; `password_too_short`, `validation_failed`.
    """

    name = "use_recovery_link"
    event = "user.recovered"

    def find(self, tools: Tools, tx: Reader) -> tuple[bytes, User] | Refusal:
        digest = setup_links.living(tx, tools.keys.digests(Kind.RECOVERY_LINK, self.link))
        named = parse_id(self.link.reveal().partition(".")[0])
        user = users.find(tx, named) if digest and named else None
        if digest is None or user is None or isinstance(_recoverable(tx, user), Refusal):
            return Refusal("recovery_link_invalid", reason="unknown, used or over")
        return digest, user

    def use(self, tx: Tx, ready: Ready) -> Refusal | None:
        user_id = ready.setting.user.id
        if not setup_links.use(tx, ready.setting.digest):
            return Refusal("recovery_link_invalid", reason="somebody else was first")
        if not logins.set_password(tx, user_id, ready.password_hash):
            return Refusal("recovery_link_invalid", reason="the user is gone")
        password_links.end(tx, user_id)
        return None
