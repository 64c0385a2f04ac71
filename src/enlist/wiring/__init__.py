"""The only place where the parts meet: settings -> store -> verbs -> adapters.

`main` is the console script. It hands the command line the functions that it calls; what they
need is imported when they are called, so that `enlist --version` answers at once (P25) and `web`
is loaded by nothing but the command that serves.
"""

from __future__ import annotations

import gc
import importlib
from typing import Any

_LAZY = {
    "CannotStart": "installation",
    "Installation": "installation",
    "addresses": "installation",
    "open_installation": "installation",
    "open_store": "installation",
    "opened": "installation",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(name)
    return getattr(importlib.import_module(f"enlist.wiring.{_LAZY[name]}"), name)


def main() -> None:
    """The `enlist` command."""
    look_for_garbage_seldom()
    from enlist.cli import run
    from enlist.wiring.backend import LocalBackend

    run(LocalBackend())


def look_for_garbage_seldom() -> None:
    """What is imported is 100,000 objects, and none of them is garbage.

    To look for some after each 700, as Python does, took a tenth of a start. A server goes on
    with this, and so does each process that helps one.
    """
    gc.set_threshold(50_000, 20, 50)
