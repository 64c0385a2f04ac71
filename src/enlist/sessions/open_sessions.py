"""Which sessions this process holds, found by whatever may end them.

A device has few sessions, and what ends is mostly one device's, so they are kept by device. A user
or an organization is rare enough to walk over all of them: 10,000 take a millisecond or two.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from enlist.core.ids import Id
from enlist.core.sessions import Ending
from enlist.store.announcing import Of, Whose
from enlist.verbs.device_sessions import Opened


class Line(Protocol):
    """The connection of a session."""

    def ping(self) -> None:
        """Ask for a sign of life."""
        ...

    def close(self, ending: Ending) -> None:
        """Say why, and hang up without waiting for anybody."""
        ...

    def cut(self) -> None:
        """Forget whatever was not sent yet."""
        ...


class OpenSession:
    """One session; it is *pending* until the store knows it and it has a line.

    Attributes:
        opened: when it began, in seconds of the loop's clock.
        unanswered: pings since the device was last heard.
        doubted: something was told of its device while it was pending.
    """

    __slots__ = ("device_id", "doubted", "id", "known", "line", "opened", "unanswered")

    def __init__(self, session_id: Id, device_id: Id, now: float) -> None:
        self.id = session_id
        self.device_id = device_id
        self.opened = now
        self.unanswered = 0
        self.known: Opened | None = None
        self.line: Line | None = None
        self.doubted = False

    @property
    def pending(self) -> bool:
        return self.line is None


class OpenSessions:
    """All of them, by id and by device."""

    def __init__(self) -> None:
        self._by_id: dict[Id, OpenSession] = {}
        self._by_device: dict[Id, tuple[OpenSession, ...]] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, session: OpenSession) -> None:
        self._by_id[session.id] = session
        others = self._by_device.get(session.device_id, ())
        self._by_device[session.device_id] = (*others, session)

    def remove(self, session: OpenSession) -> bool:
        """Forget one; False where that was done before."""
        if self._by_id.pop(session.id, None) is None:
            return False
        others = tuple(each for each in self._by_device[session.device_id] if each is not session)
        if others:
            self._by_device[session.device_id] = others
        else:
            del self._by_device[session.device_id]
        return True

    def all(self) -> list[OpenSession]:
        return list(self._by_id.values())

    def with_ids(self, ids: Iterable[Id]) -> list[OpenSession]:
        """Those of these that are still here."""
        return [found for each in ids if (found := self._by_id.get(each)) is not None]

    def of_device(self, device_id: Id) -> list[OpenSession]:
        return list(self._by_device.get(device_id, ()))

    def of_user(self, user_id: Id) -> list[OpenSession]:
        """Pending ones too: whose they are is not known yet."""
        return [
            each
            for each in self._by_id.values()
            if each.known is None or each.known.user_id == user_id
        ]

    def of_organization(self, path: str) -> list[OpenSession]:
        """Of an organization and what lies below it; pending ones too."""
        return [
            each
            for each in self._by_id.values()
            if each.known is None or each.known.organization_path.startswith(path)
        ]

    def of(self, whose: Whose) -> list[OpenSession]:
        """Those of whom something was told."""
        match whose.of:
            case Of.DEVICE:
                return self.of_device(whose.id)
            case Of.USER:
                return self.of_user(whose.id)
            case Of.ORGANIZATION:
                return self.of_organization(whose.id)
