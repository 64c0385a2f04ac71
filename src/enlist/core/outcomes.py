"""How a verb ends: `Done`, or a `Refusal`.

A refusal is a value, never an exception, because it must be *committed*: the failed
attempt that it stands for is recorded in the same transaction (S17). An exception means
that Enlist itself, or something it depends on, is broken.

What a refusal code means, and who may hear it, is in `refusals`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from enlist.core.ids import Id

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Subjects:
    """What an outcome or an event is about. Ids only."""

    organization_id: Id | None = None
    user_id: Id | None = None
    device_id: Id | None = None
    enrollment_id: Id | None = None
    attempt_id: Id | None = None


NOBODY = Subjects()


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with one field of the request; `field` is a dotted path."""

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A clear no.

    Attributes:
        code: a key of `refusals.CATALOGUE`; stable, other people's programs match on it.
        detail: a sentence for the caller that is told the truth, instead of the catalogue's.
        reason: the exact reason, for the audit log alone.
        at: the moment that the refusal speaks of (used, replaced, expired), microseconds UTC.
        retry_after: seconds after which trying again makes sense.
        fields: what is wrong with which field (`validation_failed` only).
        about: what was refused; may name things that the caller must not learn of.
        holder: whoever asked has proved to hold a genuine secret, so it does not count
            against the source's throttle (ruling 10).
        data: further plain values for the event, without secrets.
        personal: further personal values for the event (names, addresses).
        counted_only: counted in a metric, and no event: too malformed to be a guess (ruling 11), an
            answer that programs get again and again by themselves, or the same as one that became
            an event within the minute.
        support_code: what the caller is shown and can read out; set when it is recorded.
    """

    code: str
    detail: str = ""
    reason: str = ""
    at: int | None = None
    retry_after: int | None = None
    fields: tuple[FieldError, ...] = ()
    about: Subjects = NOBODY
    holder: bool = False
    data: dict[str, str | int] = field(default_factory=dict)
    personal: dict[str, str] = field(default_factory=dict)
    counted_only: bool = False
    support_code: str = ""

    def because(self, reason: str, about: Subjects | None = None) -> Refusal:
        """The same answer for the caller, with the exact reason for the log."""
        return replace(self, reason=reason, about=about or self.about)


def invalid(field_name: str, message: str) -> Refusal:
    """`validation_failed` for one field."""
    return Refusal("validation_failed", fields=(FieldError(field_name, message),))


@dataclass(frozen=True, slots=True)
class Drop:
    """Effect: close the open device sessions of this device (X21)."""

    device_id: Id


@dataclass(frozen=True, slots=True)
class Send:
    """Effect: the outbox has something new; wake its worker."""

    message_id: Id


Effect = Drop | Send


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """A clear yes: what came of it, and what the edge must do after the commit."""

    value: T
    effects: tuple[Effect, ...] = ()
