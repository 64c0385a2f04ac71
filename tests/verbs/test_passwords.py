"""Argon2 is bounded: never more at once than there are slots, and a short queue (S45, X61)."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from enlist.core.secrets import Secret
from enlist.verbs.passwords import Busy, Passwords
from tests.peers.base import DEADLINE, wait_until

SLOTS = 2


class Counting:
    """Stands around the real hasher and counts how many are inside, until it lets them go."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._lock = threading.Lock()
        self.open = threading.Event()
        self.arrived = threading.Semaphore(0)
        self.inside = self.most = 0

    def verify(self, stored: str, password: str) -> bool:
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.arrived.release()
        self.open.wait(DEADLINE)
        try:
            fits: bool = self._inner.verify(stored, password)
        finally:
            with self._lock:
                self.inside -= 1
        return fits

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@pytest.fixture
def passwords() -> Passwords:
    return Passwords(memory_kib=64, passes=1, slots=SLOTS)


def test_never_more_at_once_than_slots_and_a_short_queue(passwords: Passwords) -> None:
    stored = passwords.hash(Secret("correct horse battery"))
    counting = Counting(passwords._hasher)
    passwords._hasher = counting  # type: ignore[assignment]

    def guess(number: int) -> object:
        try:
            return passwords.verify(stored, Secret(f"guess {number}"))
        except Busy:
            return Busy

    with ThreadPoolExecutor(200) as pool:
        guesses = [pool.submit(guess, number) for number in range(200)]
        for _ in range(SLOTS):
            assert counting.arrived.acquire(timeout=DEADLINE)
        # Whoever finds the queue full is told at once, while the first still hash.
        told = 200 - SLOTS * 16
        wait_until(lambda: sum(found.done() for found in guesses) >= told, "whoever is told")
        counting.open.set()
        answers = [found.result(DEADLINE) for found in guesses]
    assert counting.most == SLOTS
    assert answers.count(Busy) == 200 - SLOTS * 16
    assert answers.count(False) == SLOTS * 16


MEMORY_OF_A_FLOOD = """
import re, threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from enlist.core.secrets import Secret
from enlist.verbs.passwords import Busy, Passwords

def memory(name):
    return int(re.search(rf"{name}:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

passwords, start = Passwords(), threading.Barrier(40)

def guess(number):
    try:
        return passwords.verify(None, Secret(f"guess {number}"))
    except Busy:
        return Busy

with ThreadPoolExecutor(40) as pool:  # as many threads as a server has for hashing
    list(pool.map(lambda _: start.wait(), range(40)))
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    before = memory("VmRSS")
    answers = list(pool.map(guess, range(200)))
print(memory("VmHWM") - before, answers.count(False))
"""


def test_a_flood_of_guesses_takes_no_more_memory_than_there_are_cores() -> None:
    """S45: 200 guesses at once, with the parameters of production, in a process of their own."""
    command = [sys.executable, "-c", MEMORY_OF_A_FLOOD]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=DEADLINE)
    kibibytes, compared = map(int, ran.stdout.split())
    cores = os.cpu_count() or 1
    assert compared >= cores
    assert 19 * 1024 <= kibibytes <= cores * 19 * 1024 * 1.2


def test_a_stored_hash_and_none_cost_the_same_work(passwords: Passwords) -> None:
    counting = Counting(passwords._hasher)
    counting.open.set()
    passwords._hasher = counting  # type: ignore[assignment]
    assert passwords.verify(None, Secret("whatever")) is False
    assert counting.arrived.acquire(blocking=False)


def test_the_parameters_are_those_agreed() -> None:
    """19 MiB, two passes, one lane (S45)."""
    assert "$argon2id$v=19$m=19456,t=2,p=1$" in Passwords().hash(Secret("x" * 12))
