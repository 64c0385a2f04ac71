"""Two lanes to the store.

The *ordinary* lane runs a function in a transaction of its own. The *hot* lane takes plain
claims (redeem, bulk issue) of many callers that one statement can apply together: they are
committed once and answered all. To a caller both look alike: hand something in, wait, get the
outcome of a committed transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from enlist.store.tx import Reader, Tx

T = TypeVar("T")
Claim = TypeVar("Claim")
Answer = TypeVar("Answer")


class Store(Protocol):
    """A database that Enlist can live in."""

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgres`."""
        ...

    def read(self, function: Callable[[Reader], T], *, by_keys: bool = False) -> T:
        """Run `function` over one snapshot; it cannot write.

        Args:
            by_keys: every statement of it finds its few rows by an index; none is a list.
        """
        ...

    def write(self, function: Callable[[Tx], T]) -> T:
        """The ordinary lane: run `function` in a transaction, commit, then answer.

        The function may be run again after a conflict, so it does SQL and nothing else.

        Raises:
            StoreUnavailable: nothing was written.
            ConcurrentChange, UniqueViolation: as raised inside; nothing was written.
        """
        ...

    def claim(
        self, apply: Callable[[Tx, Sequence[Claim]], Sequence[Answer]], claims: Sequence[Claim]
    ) -> Sequence[Answer]:
        """The hot lane: apply `claims`, of one kind, in one transaction.

        `apply` answers each of them, in order; two contenders for one secret are its business
        (S22).

        Raises:
            as `write` does; nothing was written for any of them.
        """
        ...

    def check(self) -> int:
        """Answer how far the database's clock is ahead of ours, in microseconds (X08)."""
        ...

    def close(self) -> None:
        """Finish what was handed in and let go of the database."""
        ...
