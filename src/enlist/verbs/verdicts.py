"""What became of a try to send a message: whoever posts it says one of these."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Accepted:
    """The message was handed over.

    Attributes:
        provider_id: what whoever took it calls it; "" where he does not say.
    """

    provider_id: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """Not now.

    Attributes:
        after: microseconds that the other side asked to wait, if it did.
        unreachable: the channel as a whole is out of order, so other messages had better wait too.
    """

    reason: str
    after: int = 0
    unreachable: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """Never: this message cannot be sent, whoever tries."""

    reason: str


Verdict = Accepted | Retry | Rejected


def without(verdict: Verdict, secrets: Iterable[str]) -> Verdict:
    """A verdict whose reason names none of these.

    A mail server may quote what it refuses: the link must not end up in a reason (X36).
    """
    if isinstance(verdict, Accepted):
        return verdict
    reason = verdict.reason
    for secret in secrets:
        reason = reason.replace(secret, "•••") if secret else reason
    return replace(verdict, reason=reason)
