"""How much work something is, for the few tests that limit it."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def work_of(do: Callable[[], T]) -> tuple[T, float]:
    """What it returns, and the seconds of processor time that this process spent on it.

    No garbage is looked for meanwhile: how long that takes depends on all the tests before.
    """
    gc.disable()
    try:
        began = time.process_time()
        found = do()
        return found, time.process_time() - began
    finally:
        gc.enable()
