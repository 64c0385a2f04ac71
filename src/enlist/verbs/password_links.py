"""Password links: somebody sets his password himself, by a link that only his mailbox gets (A74).

No password is ever sent to anybody. The link goes to the address that the user has, lives a day,
that of staff two, and works once: by a form that is sent, so a mail scanner that opens it uses up
nothing. A newer one ends it, and so does whatever changes the password or the address meanwhile.

Whoever forgot his password asks for it himself, by his user name or e-mail address. The answer says
never whether there is such a user, and what is done for an unknown one takes as long (S07).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from enlist.core.caller import Caller
from enlist.core.clock import HOUR, MINUTE
from enlist.core.events import Happening
from enlist.core.ids import NOTHING, Id, new_id
from enlist.core.model import User
from enlist.core.outcomes import Done, Effect, Refusal, Subjects
from enlist.core.secrets import Kind
from enlist.store import events, limits, logins, password_links, users
from enlist.store import notices as stored_notices
from enlist.store.notices import Notice
from enlist.store.password_links import Forgetful, NewLink
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs import fields
from enlist.verbs.by_link import ByLink, Ready
from enlist.verbs.channels import EMAIL
from enlist.verbs.driver import Tools, Verb
from enlist.verbs.tries import name_digest

LIFETIME: Final = 24 * HOUR
STAFF_LIFETIME: Final = 48 * HOUR
"""How long the link of somebody who holds a role works."""
PURPOSE: Final = "password_link"
"""Of the message that brings it."""

MOST_BY_NAME: Final = 3
"""Links that may be asked for within an hour for one account, or by one name that nobody has."""
MOST_BY_SOURCE: Final = 10
_SOURCE_WINDOW: Final = 10 * MINUTE
_INVALID: Final = Refusal("password_link_invalid", reason="an unknown, used, or old link")
_MOST_OF_ONE_ADDRESS: Final = 5
"""People of different organizations who have the same e-mail address."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A link about to be stored, and the message that brings it."""

    link: NewLink
    notice: Notice


def prepare(tools: Tools, user_id: Id, organization_id: Id, lifetime: int = LIFETIME) -> Posted:
    """A fresh link for somebody, made real by `send`."""
    now = tools.clock()
    message_id = new_id(now)
    derived = tools.keys.derive_link(message_id)
    digest = tools.keys.digest(Kind.PASSWORD_LINK, derived.secret)
    link = NewLink(user_id, message_id, digest, derived.key_id, now + lifetime)
    notice = Notice(
        id=message_id,
        organization_id=organization_id,
        user_id=user_id,
        purpose=PURPOSE,
        message_id=f"<{message_id}@{tools.addresses.mail_domain}>",
    )
    return Posted(link, notice)


def send(tx: Tx, caller: Caller, user: User, posted: Posted, asked: str) -> tuple[Effect, ...]:
    """Store somebody's only link and queue its message; no effect where he may be sent none.

    Args:
        asked: who asked for it, for the event: `creation` or `staff`.
    """
    if not password_links.put_each(tx, [posted.link]):
        return ()
    now = users.find(tx, user.id)
    if now is None or now.email != user.email:
        raise ConcurrentChange  # it was counted for another address
    data: dict[str, str | int] = {"asked": asked, "expires_at": posted.link.expires_at}
    personal = {"user": user.username, "email": user.email}
    events.record(tx, caller, Happening("user.password_link_sent", user.subjects, data, personal))
    return stored_notices.queue(tx, [posted.notice])


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom a forgotten password may belong to, and what asking for each is counted by."""

    people: tuple[Forgetful, ...]
    counted_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answering:
    """The same with their links; where there is nobody, one that belongs to nobody."""

    asked: Asked
    posted: tuple[Posted, ...]


@dataclass(frozen=True)
class AskForPasswordLink(Verb[Asked, Answering, None]):
    """Have a password link sent to oneself. The answer is the same whether anybody was meant.

    A user who never had a password is sent none: staff sends the first.

    Attributes:
        named: user name or e-mail address.

    Refusals: `no_channel`, where no mail can be sent at all; `rate_limited`.
    """

    named: str

    name = "ask_for_password_link"
    refused_as = "user.password_link_asked"
    throttled = True

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Asked | Refusal:
        if EMAIL not in tools.channels:
            return Refusal("no_channel", holder=True, counted_only=True)
        named = self.named.strip()
        readable = named if fields.readable(named) else ""
        people = password_links.forgetful(tx, readable, _MOST_OF_ONE_ADDRESS)
        made_up = f"{limits.PASSWORD_LINK}{name_digest(tools, readable)}"
        counted_by = tuple(f"{limits.ACCOUNT_LINK}{one.user_id}" for one in people)
        return Asked(tuple(people), counted_by or (made_up,))

    def work(self, tools: Tools, caller: Caller, seen: Asked) -> Answering | Refusal:
        posted = tuple(
            prepare(
                tools, one.user_id, one.organization_id, STAFF_LIFETIME if one.staff else LIFETIME
            )
            for one in seen.people
        )
        return Answering(seen, posted or (prepare(tools, NOTHING, NOTHING),))

    def apply(self, tx: Tx, caller: Caller, ready: Answering) -> Done[None] | Refusal:
        source = f"{limits.PASSWORD_LINK}{caller.source}"
        if not limits.count(tx, source, MOST_BY_SOURCE, _SOURCE_WINDOW):
            wait = limits.used_up(tx, source, MOST_BY_SOURCE) or 1
            return Refusal("rate_limited", retry_after=wait)
        counted_by = ready.asked.counted_by
        counted = limits.count_each(tx, counted_by, MOST_BY_NAME, HOUR)
        # What belongs to nobody goes the same way as what may not be sent now.
        posted = tuple(
            each if source in counted else _of_nobody(each)
            for source, each in zip(counted_by, ready.posted, strict=True)
        )
        reason = "nobody who may be sent one" if counted else "asked for too often"
        sent = password_links.put_each(tx, [each.link for each in posted])
        # Nor is who may be sent none, as he is disabled since, sent a message without a link.
        bringing = [each if each.link.user_id in sent else _of_nobody(each) for each in posted]
        effects = stored_notices.queue(tx, [each.notice for each in bringing])
        told = [
            Happening(
                "user.password_link_sent",
                one.subjects,
                {"asked": "owner", "expires_at": each.link.expires_at},
                {"user": one.username},
            )
            for one, each in zip(ready.asked.people, ready.posted, strict=False)
            if one.user_id in sent
        ]
        about = ready.asked.people[0].subjects if ready.asked.people else Subjects()
        nothing = Happening("user.password_link_asked", about, {"reason": reason})
        events.record_each(tx, [(caller, each) for each in told or [nothing]])
        return Done(None, effects)


def _of_nobody(posted: Posted) -> Posted:
    """The same link, for nobody: its statements are run and change nothing."""
    link, notice = posted.link, posted.notice
    return Posted(
        NewLink(NOTHING, link.message_id, link.digest, link.derive_key_id, link.expires_at),
        Notice(notice.id, NOTHING, NOTHING, PURPOSE, notice.message_id),
    )


@dataclass(frozen=True)
class UsePasswordLink(ByLink):
    """Set one's password with the link that was sent; wherever he is signed in, that ends.

    A second factor stays, and is asked for when he signs in.

    Refusals: `password_link_invalid`, alike for unknown, used, replaced and old links and those of
    disabled users; `password_too_short`, `validation_failed`.
    """

    name = "use_password_link"
    event = "user.password_link_used"

    def find(self, tools: Tools, tx: Reader) -> tuple[bytes, User] | Refusal:
        found = password_links.living(tx, tools.keys.digests(Kind.PASSWORD_LINK, self.link))
        user = users.find(tx, found[1]) if found else None
        return _INVALID if found is None or user is None else (found[0], user)

    def use(self, tx: Tx, ready: Ready) -> Refusal | None:
        user_id = ready.setting.user.id
        # Him first, as whatever ends his link does: else each could wait for the other.
        if not users.hold(tx, user_id):
            return _INVALID
        if not password_links.use(tx, user_id, ready.setting.digest):
            return _INVALID
        return None if logins.set_password(tx, user_id, ready.password_hash) else _INVALID
