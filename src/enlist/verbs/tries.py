"""Tries at an account's password: each wrong one doubles the time until the next one counts.

A name that nobody has is delayed like one that somebody has, or the delay would tell them apart
(S07). What was typed is counted as a keyed digest: people type passwords into the wrong field. What
names somebody is counted by his id, so that staff is shown whose tries they are, however many names
a stranger makes up.

A stranger must not lock out an account's owner with wrong tries from elsewhere. So tries from a
network where one of the user's last sign-ins came from are counted by themselves; everybody else
shares one count. That is as many counts per account as it has such networks, and no more.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from enlist.core.access import Login
from enlist.core.caller import Caller, throttle_source
from enlist.core.ids import NOTHING, Id
from enlist.core.outcomes import Refusal
from enlist.core.secrets import Kind, Secret
from enlist.store import limits, sign_ins
from enlist.store.limits import ACCOUNT, Taken
from enlist.store.tx import Reader, Tx
from enlist.verbs.driver import Tools, Try


def counted_by(tools: Tools, tx: Reader, caller: Caller, username: str, login: Login | None) -> str:
    """What a try with this user name is counted by. `login` is whom it names, if anybody."""
    made_up = f"{limits.LOGIN}{name_digest(tools, username)}"
    name = f"{ACCOUNT}{login.user_id}" if login else made_up
    known = _networks(tx, login.user_id if login else NOTHING)
    return f"{name}@{caller.source}" if caller.source in known else name


def all_counts(tx: Reader, user_id: Id) -> tuple[str, ...]:
    """Everything that tries at this account are counted by."""
    name = f"{ACCOUNT}{user_id}"
    return (name, *(f"{name}@{network}" for network in sorted(_networks(tx, user_id))))


def name_digest(tools: Tools, name: str) -> str:
    """What stands for a user name, or an e-mail address, in what tries are counted by."""
    return tools.keys.digest(Kind.USERNAME, Secret(name.casefold())).value.hex()


def _networks(tx: Reader, user_id: Id) -> set[str]:
    return {throttle_source(address) for address in sign_ins.last_addresses(tx, user_id)}


@dataclass(slots=True)
class AccountTry:
    """One try, taken before the password is compared (S18)."""

    counted_by: str
    _taken: Taken = field(default=Taken(), init=False)

    def take(self, tx: Tx) -> int | None:
        """Count it; the seconds to wait where it comes too early, which is not counted."""
        self._taken = limits.take_try(tx, self.counted_by)
        return self._taken.wait

    def right(self, tx: Tx) -> None:
        """The password was right: forget the wrong ones before."""
        limits.forget_tries(tx, self.counted_by)

    def undo(self, tx: Tx) -> None:
        """It was never compared: as if it had not been made, unless there was another since."""
        limits.undo_try(tx, self.counted_by, self._taken)


def sign_in_try(counted_by: str, *, forgiving: bool = True) -> Try:
    """The try of somebody who may be told to wait; `apply` gives it back where it was right.

    Args:
        forgiving: False where a right one is only not counted itself, and those before stay.

    Refusals: `sign_in_delayed`.
    """
    account = AccountTry(counted_by)

    def take(tx: Tx) -> Refusal | None:
        wait = account.take(tx)
        return None if wait is None else Refusal("sign_in_delayed", retry_after=wait, holder=True)

    return Try(take, right=None if forgiving else account.undo, undo=account.undo)
