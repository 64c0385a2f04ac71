"""Keys in use: a server takes up new ones by itself, and a command makes them.

A new key is written with the moment from which on it makes what is new, `TAKEN_UP` from now. Each
server process looks into its key folder every second and accepts the key from then on; by the time
that the first of them makes a token with it, all others find that token. No process needs to be
told, and none to be restarted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import structlog

from enlist import keyfolder
from enlist.core.caller import Caller
from enlist.core.clock import MINUTE, SECOND, Clock, from_datetime
from enlist.core.faults import Unusable
from enlist.core.outcomes import Refusal
from enlist.core.secrets import Key, begins
from enlist.datafolder import DataFolderProblem
from enlist.keyfolder import KeyFolder
from enlist.settings import Settings
from enlist.store.second_factors import SetUp
from enlist.store.webhooks import Hook
from enlist.verbs.issuing import Delivery
from enlist.verbs.keys import (
    DropLeakedKeys,
    Leaked,
    ListKeys,
    ListLeaked,
    ListLeakedFactors,
    ListLeakedWebhooks,
    NameKey,
)
from enlist.verbs.reissue import Reissue, Revoke
from enlist.wiring.backend import at_this_machine
from enlist.wiring.background import Background
from enlist.wiring.installation import Installation

LOOK_EVERY: Final = 1.0
"""Seconds between two looks into the key folder."""

TAKEN_UP: Final = 10 * SECOND
"""After how long a new key is in use in every server process on this folder."""

_log = structlog.get_logger("enlist.keys")


class KeyWatch(Background):
    """A thread that has a process take up what is new in its key folder.

    Args:
        taken_up: is handed the folder whenever it, or the order of its keys, has changed.
    """

    def __init__(
        self,
        data: Path,
        clock: Clock,
        taken_up: Callable[[KeyFolder], None],
        *,
        every: float = LOOK_EVERY,
    ) -> None:
        super().__init__("key-watch", first=every)
        self._data = data
        self._clock = clock
        self._taken_up = taken_up
        self._every = every
        self._seen: tuple[object, ...] = ()

    def start(self) -> None:
        """Take up what is there, then whatever comes.

        What was read before may be old: a key came meanwhile, or a worker that is put back has
        from its parent what stood there when the server was started.
        """
        self.look()
        super().start()

    def _again(self) -> float:
        self.look()
        return self._every

    def look(self) -> None:
        """Take up what is new. What cannot be read changes nothing: the keys in use go on."""
        try:
            mark = self._mark()
            if mark == self._seen:
                return
            self._taken_up(keyfolder.load(self._data, self._clock()))
            if self._seen:
                _log.info("keys taken up")
            self._seen = mark
        except (DataFolderProblem, OSError) as error:
            _log.warning("keys not taken up", reason=str(error))

    def _mark(self) -> tuple[object, ...]:
        """Changes whenever a file comes or changes, and whenever a key begins."""
        now = self._clock()
        files = sorted([*(self._data / "keys").glob("*.key"), *(self._data / "pki").glob("*.pem")])
        names = tuple((path.name, path.stat().st_mtime_ns) for path in files)
        begun = tuple(begins(path.name.split(".")[1]) <= now for path in files)
        return names, begun


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key, for people.

    Attributes:
        state: `in use`, `accepted`, `not yet`, `leaked` for one that others may have, or `gone`
            where the folder lacks it.
    """

    id: str
    purpose: str
    begins: int
    state: str
    alive: int

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        told = {"id": self.id, "purpose": self.purpose, "state": self.state}
        return {**told, "begins_at": self.begins, "live": self.alive}


def listed(installation: Installation, settings: Settings) -> list[ListedKey]:
    """Every key of an installation: what it is for, whether it is in use, what it guards."""
    now = installation.tools.clock()
    folder = keyfolder.load(settings.data, now)
    held = dict(folder.key_ids)
    using = {folder.ring.lookup[0].id, folder.ring.derive[0].id}
    using |= {key.id for key in folder.checkpoint[:1]} | {folder.authority.issuers[0].id}
    keys = installation.driver.view(ListKeys(), at_this_machine(installation))
    if isinstance(keys, Refusal):
        raise Unusable(f"the keys cannot be listed: {keys.code}")

    def state(key_id: str) -> str:
        if key_id not in held:
            return "gone"
        if key_id in keys.leaked:
            return "leaked"
        if begins(key_id) > now:
            return "not yet"
        return "in use" if key_id in using else "accepted"

    first = next(each for each in folder.authority.issuers if not each.id)
    since = from_datetime(first.issuing.not_valid_before_utc)
    return [
        ListedKey("first", "ca", since, "in use" if first.id in using else "accepted", 0),
        *(
            ListedKey(each.id, each.purpose, begins(each.id), state(each.id), each.alive)
            for each in keys.known
        ),
    ]


def rotate(
    installation: Installation, settings: Settings, purpose: str, *, minutes: int = 0
) -> ListedKey:
    """Make a key for a purpose; running servers use it after `TAKEN_UP`, or after `minutes`.

    Raises:
        Unusable: the folder cannot be written, or the database cannot name the key.
    """
    now = installation.tools.clock()
    start = now + max(TAKEN_UP, minutes * MINUTE)
    if purpose == "ca":
        made = _issuer(settings.data, start, now)
    else:
        made = _write(settings.data, purpose, start).id
    verb = NameKey(made, purpose, start)
    named = installation.driver.perform(verb, at_this_machine(installation))
    if isinstance(named, Refusal):
        raise Unusable(f"{made} was written but not named by the database: {named.code}")
    return ListedKey(made, purpose, start, "not yet", 0)


@dataclass(frozen=True, slots=True)
class Replaced:
    """What became of the live tokens of leaked keys.

    Attributes:
        reissued: how many were sent a new token.
        revoked: those that nobody can be sent one for; each needs a new enrollment.
        overtaken: those that were revoked as a newer token has enrolled the device meanwhile.
        left: those that are still on hold, because reissuing or revoking them was refused.
        factors: second factors whose secrets the leaked keys open; they go on as they are.
        webhooks: those whose secrets the leaked keys make; likewise.
    """

    reissued: int
    revoked: tuple[Leaked, ...]
    overtaken: tuple[Leaked, ...]
    left: tuple[Leaked, ...]
    factors: tuple[SetUp, ...] = ()
    webhooks: tuple[Hook, ...] = ()

    def document(self) -> dict[str, Any]:
        """As JSON has it."""

        def each(found: Leaked) -> dict[str, Any]:
            named = {"device_id": found.device_id, "device": found.device_name}
            return {"enrollment_id": found.enrollment_id, **named, "user": found.username}

        ended = {"revoked": self.revoked, "overtaken": self.overtaken, "left": self.left}
        listed = {name: [each(found) for found in these] for name, these in ended.items()}
        factors = [
            {"user_id": found.user_id, "user": found.username, "set_up_at": found.set_up_at}
            for found in self.factors
        ]
        webhooks = [
            {"webhook_id": found.id, "name": found.name, "organization": found.group_id}
            for found in self.webhooks
        ]
        told = {"second_factors": factors, "webhooks": webhooks}
        return {"reissued": self.reissued, **listed, **told}


def replace_leaked(
    installation: Installation,
    settings: Settings,
    *,
    pause: Callable[[float], None] = time.sleep,
) -> Replaced:
    """Make new keys at once, stop every token that the old ones can make, and send new ones.

    Broken off halfway, what was not reached is on hold, and a second run goes on with it.

    Raises:
        Unusable: the folder cannot be written, or the database refuses.
    """
    caller = at_this_machine(installation)
    now = installation.tools.clock()
    _drop_what_is_yet_to_begin(settings.data, now)
    lookup, derive = (_write(settings.data, purpose, now) for purpose in ("lookup", "derive"))
    installation.take_up(keyfolder.load(settings.data, now))
    drop = DropLeakedKeys(lookup.id, derive.id)
    _stop(installation, drop, caller)
    # Every server has looked into the folder by then, so that it finds the new tokens, and makes
    # none any more by the old keys.
    pause(3 * LOOK_EVERY)
    _stop(installation, drop, caller)
    factors = tuple(_factors(installation, derive.id, now, caller))
    webhooks = _webhooks(installation, caller)
    reissued = _reissue(installation, derive.id, caller)
    return replace(reissued, factors=factors, webhooks=webhooks)


def _stop(installation: Installation, drop: DropLeakedKeys, caller: Caller) -> None:
    stopped = installation.driver.perform(drop, caller)
    if isinstance(stopped, Refusal):
        raise Unusable(f"the tokens could not be stopped: {stopped.code}")


def _drop_what_is_yet_to_begin(data: Path, now: int) -> None:
    """A key made in advance leaked with the others, and nothing was made with it."""
    for purpose in ("lookup", "derive"):
        for path in (data / "keys").glob(f"{purpose}.*.key"):
            if begins(path.name.split(".")[1]) > now:
                path.unlink()


def _reissue(installation: Installation, derive: str, caller: Caller) -> Replaced:
    reissued = 0
    revoked, overtaken, left = list[Leaked](), list[Leaked](), list[Leaked]()

    def revoke(each: Leaked, ended: list[Leaked]) -> None:
        verb = Revoke(each.enrollment_id, "keys compromised")
        refused = isinstance(installation.driver.perform(verb, caller), Refusal)
        (left if refused else ended).append(each)

    for each in _leaked(installation, derive, caller):
        expired = each.expires_at <= installation.tools.clock()
        way = next((way for way in each.ways if way in installation.driver.tools.channels), "")
        if each.device_id is None or expired or not way:
            revoke(each, revoked)
            continue
        again = Reissue(each.enrollment_id, Delivery(way), each.expires_at)
        done = installation.driver.perform(again, caller)
        if not isinstance(done, Refusal):
            reissued += 1
        elif done.code == "device_enrolled":  # by a newer one: nobody waits for this
            revoke(each, overtaken)
        else:
            left.append(each)
    return Replaced(reissued, tuple(revoked), tuple(overtaken), tuple(left))


def _leaked(installation: Installation, derive: str, caller: Caller) -> Iterator[Leaked]:
    view = ListLeaked(derive)
    while True:
        page = installation.driver.view(view, caller)
        if isinstance(page, Refusal):
            raise Unusable(f"the tokens cannot be listed: {page.code}")
        if not page:
            return
        yield from page
        view = ListLeaked(derive, page[-1].enrollment_id)


def _factors(
    installation: Installation, derive: str, before: int, caller: Caller
) -> Iterator[SetUp]:
    view = ListLeakedFactors(derive, before)
    while True:
        page = installation.driver.view(view, caller)
        if isinstance(page, Refusal):
            raise Unusable(f"the second factors cannot be listed: {page.code}")
        if not page:
            return
        yield from page
        view = ListLeakedFactors(derive, before, page[-1].user_id)


def _webhooks(installation: Installation, caller: Caller) -> tuple[Hook, ...]:
    found = installation.driver.view(ListLeakedWebhooks(), caller)
    if isinstance(found, Refusal):
        raise Unusable(f"the webhooks cannot be listed: {found.code}")
    return found


def _issuer(data: Path, start: int, now: int) -> str:
    try:
        return keyfolder.add_issuer(data, start, now)
    except OSError as error:
        raise DataFolderProblem(f"cannot write into {data / 'pki'}: {error.strerror}.") from error


def _write(data: Path, purpose: str, start: int) -> Key:
    try:
        return keyfolder.add_key(data, purpose, start)
    except OSError as error:
        raise DataFolderProblem(f"cannot write a key into {data}: {error.strerror}.") from error
