"""Messages: the outbox, with the state of each message and the reason for it."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query

from enlist.core.model import MessageState
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Permission
from enlist.verbs.views import ListMessages
from enlist.web.api.bodies import Page, Paging, filters
from enlist.web.api.enrollments import Message
from enlist.web.api.operations import Operations, Staff, shown
from enlist.web.values import IdGiven, Line

operations: Final = Operations("Messages")


class MessageQuery(Paging):
    """Sorts: `queued_at`, `state`, `recipient`."""

    state: MessageState | None = None
    channel: Line | None = None
    purpose: Line | None = None
    user: Line | None = None
    """Id or user name."""
    enrollment: IdGiven | None = None


@operations.staff("GET", "/messages", Permission.MESSAGES_READ, answers=Page[Message])
async def list_messages(
    asking: Staff, query: Annotated[MessageQuery, Query()]
) -> Page[Message] | Refusal:
    """List messages, newest first; never their text, which holds the token."""
    found = await asking.see(ListMessages(**filters(query)))
    return shown(found, lambda page: Page.of(page, Message.of))
