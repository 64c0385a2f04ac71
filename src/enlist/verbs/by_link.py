"""Setting one's password by a link: what password links and recovery links share.

Whoever sets a new password by one has proved himself: every sign-in that began with the old one
ends, and what was tried at his account counts no more.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from enlist.core.caller import Caller
from enlist.core.events import Happening
from enlist.core.model import User
from enlist.core.outcomes import Done, Refusal
from enlist.core.secrets import Secret
from enlist.store import events, limits, sign_ins
from enlist.store.tx import Reader, Tx
from enlist.verbs import fields
from enlist.verbs.driver import Tools, Verb
from enlist.verbs.tries import all_counts


@dataclass(frozen=True, slots=True)
class Setting:
    """A link that works, whose it is, and what tries at his account are counted by."""

    digest: bytes
    user: User
    counts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ready:
    """The same, with the new password's hash."""

    setting: Setting
    password_hash: str


@dataclass(frozen=True)
class ByLink(Verb[Setting, Ready, User]):
    """Set a new password with a link; wherever that user is signed in, that ends.

    Class attributes:
        event: the kind of event that it becomes.
    """

    link: Secret
    password: Secret

    refused_as = "sign_in.refused"
    throttled = True
    hashes = True
    event: ClassVar[str]

    @abstractmethod
    def find(self, tools: Tools, tx: Reader) -> tuple[bytes, User] | Refusal:
        """The digest of a link that works, and whose it is."""

    @abstractmethod
    def use(self, tx: Tx, ready: Ready) -> Refusal | None:
        """Use up the link and set the password; the refusal where one of both cannot be."""

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Setting | Refusal:
        found = self.find(tools, tx)
        if isinstance(found, Refusal):
            return found
        digest, user = found
        weak = fields.weak(self.password)
        if weak is not None:
            return Refusal(weak.code, fields=weak.fields, holder=True, about=user.subjects)
        return Setting(digest, user, all_counts(tx, user.id))

    def work(self, tools: Tools, caller: Caller, seen: Setting) -> Ready | Refusal:
        return Ready(seen, tools.passwords.hash(self.password))

    def apply(self, tx: Tx, caller: Caller, ready: Ready) -> Done[User] | Refusal:
        refusal = self.use(tx, ready)
        if refusal is not None:
            return refusal
        user = ready.setting.user
        ended = sign_ins.end_all(tx, user.id)
        for count in ready.setting.counts:
            limits.forget_tries(tx, count)
        data, personal = {"sign_ins_ended": ended}, {"user": user.username}
        events.record(tx, caller, Happening(self.event, user.subjects, data, personal))
        return Done(user)
