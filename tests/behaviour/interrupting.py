"""Something that happens between the look of a verb and its apply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from enlist.store.tx import Reader
from enlist.verbs.driver import Driver
from tests.installation import Enlist


@dataclass
class _Interrupted:
    """A store in which something happens once the first reader has looked."""

    store: Any
    meanwhile: Callable[[], Any]
    over: bool = False

    def read(self, function: Callable[[Reader], Any], **options: Any) -> Any:
        found = self.store.read(function, **options)
        if not self.over:
            self.over = True
            self.meanwhile()
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


def interrupted(enlist: Enlist, meanwhile: Callable[[], Any]) -> Driver:
    """A driver whose first verb has looked when `meanwhile` happens."""
    store: Any = _Interrupted(enlist.store, meanwhile)
    return Driver(store, enlist.installation.tools, lambda _: None)
