"""The company passcode: generate, disable, reveal, and see how it stands (seed 001).

Whoever knows it and reads the mailbox of somebody known may enroll that person's devices, without
an administrator; what happens then is in `self_service`. It is generated in every state, and that
is the only way back after it was disabled or locked (B10).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from enlist.core.caller import Caller, CallerKind
from enlist.core.clock import HOUR
from enlist.core.events import Happening
from enlist.core.ids import Id, new_id
from enlist.core.model import Organization
from enlist.core.outcomes import Done, Refusal, Subjects, invalid
from enlist.core.passcodes import (
    Lockout,
    Passcode,
    PasscodeState,
    SelfService,
    WrongSource,
    standing,
)
from enlist.core.permissions import Permission
from enlist.core.secrets import PASSCODE_LETTERS, Kind, Secret, group_code, random_passcode
from enlist.store import events, organizations, passcodes
from enlist.store.passcodes import NewPasscode
from enlist.store.tx import ConcurrentChange, Reader, Tx
from enlist.verbs.driver import QuickVerb, Tools, Verb, View
from enlist.verbs.finding import organization_named
from enlist.verbs.rights import lacks, missing

LONGEST_OVERLAP: Final = 168
"""Hours that a passcode may go on beside the one that replaces it."""


def grouped(passcode: Secret) -> str:
    """A passcode as people read it: in three groups of four."""
    return group_code(passcode.reveal())


@dataclass(frozen=True, slots=True)
class PasscodeStatus:
    """How an organization's self-service stands.

    Attributes:
        passcode: the newest of the organization that governs; None where there never was any.
        governed_by: whose passcode counts here: the organization itself, or one above it.
        older: the one before, while it is good beside the newest.
        sources: where most wrong entries came from, of `source_count` in all.
        threshold: how many wrong entries in a row it takes.
    """

    organization: Organization
    state: SelfService
    passcode: Passcode | None
    governed_by: str
    older: Passcode | None
    sources: tuple[WrongSource, ...]
    source_count: int
    threshold: int
    lockout: Lockout
    may_be_revealed: bool


@dataclass(frozen=True)
class ShowPasscode(View[PasscodeStatus]):
    """How self-service stands at an organization; never the passcode itself.

    Attributes:
        organization: id or Group ID; "" for the caller's own.

    Refusals: `not_found`, `forbidden`.
    """

    organization: str = ""

    def read(self, tx: Reader, caller: Caller) -> PasscodeStatus | Refusal:
        named = self.organization or caller.organization_id or ""
        place = organization_named(tx, caller, named, Permission.PASSCODE_READ)
        if isinstance(place, Refusal):
            return place
        found = status(tx, place)
        above = found.passcode.organization_path if found.passcode else place.path
        return found if caller.may(Permission.PASSCODE_READ, above) else _from_below(found)


def _from_below(found: PasscodeStatus) -> PasscodeStatus:
    """The same without people and networks, for staff of an organization below the passcode's."""
    return replace(
        found,
        passcode=_nameless(found.passcode),
        older=_nameless(found.older),
        sources=(),
        source_count=0,
        may_be_revealed=False,
    )


def _nameless(passcode: Passcode | None) -> Passcode | None:
    if passcode is None:
        return None
    return replace(
        passcode,
        generated_by="",
        generated_by_id=None,
        generated_by_email="",
        last_failed_from="",
        last_used_by="",
        last_used_device_id=None,
    )


def status(tx: Reader, place: Organization) -> PasscodeStatus:
    """How self-service stands there."""
    found = passcodes.governing(tx, place.path)
    policy = organizations.policy(tx, found.organization_path if found else place.path)
    return PasscodeStatus(
        organization=place,
        state=standing(found),
        passcode=found,
        governed_by=found.group_id if found else "",
        older=passcodes.overlapping(tx, found.organization_id) if found else None,
        sources=passcodes.sources(tx, found.id) if found else (),
        source_count=passcodes.source_count(tx, found.id) if found else 0,
        threshold=policy.passcode_attempts,
        lockout=policy.passcode_lockout,
        may_be_revealed=bool(
            found
            and found.derive_key_id
            and policy.passcode_reveal
            and found.state is PasscodeState.ACTIVE
        ),
    )


@dataclass(frozen=True, slots=True)
class PasscodeMade:
    """A passcode, readable this once."""

    passcode: Passcode
    secret: Secret


@dataclass(frozen=True, slots=True)
class Place:
    """Where a passcode is generated, and whether it can be derived again."""

    organization: Organization
    readable: bool


@dataclass(frozen=True, slots=True)
class Minted:
    """A passcode about to be stored."""

    place: Place
    new: NewPasscode
    secret: Secret


@dataclass(frozen=True)
class GeneratePasscode(Verb[Place, Minted, PasscodeMade]):
    """Generate an organization's passcode; the one before ends at once, or after some hours.

    Attributes:
        organization: id or Group ID; "" for the caller's own.
        overlap_hours: how long the one before stays good beside it, where that is active.
        keep_readable: it must be possible to write it into a notice afterwards; it is then derived.

    Refusals: `not_found`, `forbidden`, `validation_failed`.
    """

    organization: str = ""
    overlap_hours: int = 0
    keep_readable: bool = False

    name = "generate_passcode"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Place | Refusal:
        named = self.organization or caller.organization_id or ""
        place = organization_named(tx, caller, named, Permission.PASSCODE_EDIT)
        if isinstance(place, Refusal):
            return place
        if not 0 <= self.overlap_hours <= LONGEST_OVERLAP:
            return invalid("overlap_hours", f"must be from 0 to {LONGEST_OVERLAP}")
        before = passcodes.newest(tx, place.id)
        unfit = before is None or before.shielded or before.state is not PasscodeState.ACTIVE
        if self.overlap_hours and unfit:
            told = "must be 0: there is no passcode that could go on beside the new one"
            return invalid("overlap_hours", told)
        policy = organizations.policy(tx, place.path)
        return Place(place, self.keep_readable or policy.passcode_reveal)

    def work(self, tools: Tools, caller: Caller, seen: Place) -> Minted | Refusal:
        passcode_id, key_id, number = new_id(tools.clock()), "", 0
        if seen.readable:
            derived, number = tools.keys.derive_passcode(passcode_id)
            secret, key_id = derived.secret, derived.key_id
        else:
            secret = random_passcode()
        new = NewPasscode(
            id=passcode_id,
            organization_id=seen.organization.id,
            digest=tools.keys.digest(Kind.PASSCODE, secret),
            derive_key_id=key_id,
            derive_number=number,
            generated_by=caller.name,
            generated_by_id=caller.id if caller.kind is CallerKind.USER else None,
        )
        return Minted(seen, new, secret)

    def apply(self, tx: Tx, caller: Caller, ready: Minted) -> Done[PasscodeMade] | Refusal:
        place = ready.place.organization
        organizations.lock(tx, place.id)  # of two that are generated at once one is the newer
        before = passcodes.newest(tx, place.id)
        passcodes.end_old(tx, place.id)
        ends_at = tx.now + self.overlap_hours * HOUR
        if self.overlap_hours and before is not None:
            if not passcodes.overlap(tx, before.id, ends_at):
                raise ConcurrentChange
        else:
            passcodes.end(tx, place.id, PasscodeState.REPLACED)
        if not passcodes.insert(tx, ready.new, before.number + 1 if before else 1):
            raise ConcurrentChange
        made = passcodes.find(tx, ready.new.id)
        assert made is not None, "it was stored just now"
        data: dict[str, str | int] = {"passcode": made.id, "number": made.number}
        if before is not None:
            data["replaces"] = before.id
        if self.overlap_hours:
            data["old_ends_at"] = ends_at
        events.record(tx, caller, Happening("passcode.generated", Subjects(place.id), data))
        return Done(PasscodeMade(made, ready.secret))

    def made(self, value: PasscodeMade) -> Id:
        """The id that an Idempotency-Key remembers."""
        return value.passcode.id

    def clash(self, index: str) -> Refusal | None:
        return Refusal("try_later", reason=f"clash on {index}", holder=True)


@dataclass(frozen=True)
class PasscodeAgain(QuickVerb[Passcode, PasscodeMade]):
    """The answer to a repeated GeneratePasscode: it was shown once (ruling 25).

    Refusals: `already_shown`, with the passcode's id in `data["id"]`.
    """

    passcode_id: Id

    name = "passcode_again"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Passcode | Refusal:
        found = passcodes.find(tx, self.passcode_id)
        if found is None:
            return missing("passcode")
        about = found.subjects
        return lacks(caller, Permission.PASSCODE_READ, found.organization_path, about) or found

    def apply(self, tx: Tx, caller: Caller, ready: Passcode) -> Refusal:
        return Refusal("already_shown", about=ready.subjects, data={"id": ready.id})


@dataclass(frozen=True)
class DisablePasscode(QuickVerb[Passcode, Passcode]):
    """Switch an organization's self-service off, until a passcode is generated (B11).

    Other ways to enroll go on, and credentials that were sent stay good until they expire.

    Attributes:
        organization: id or Group ID; "" for the caller's own.
        old: end only what goes on beside the newest.

    Refusals: `not_found`, `forbidden`, `passcode_not_active`.
    """

    organization: str = ""
    old: bool = False

    name = "disable_passcode"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> Passcode | Refusal:
        named = self.organization or caller.organization_id or ""
        place = organization_named(tx, caller, named, Permission.PASSCODE_EDIT)
        if isinstance(place, Refusal):
            return place
        found = passcodes.newest(tx, place.id)
        return found or Refusal("passcode_not_active", about=Subjects(place.id))

    def apply(self, tx: Tx, caller: Caller, ready: Passcode) -> Done[Passcode] | Refusal:
        place = ready.organization_id
        if self.old:
            ended = passcodes.end_old(tx, place)
        else:
            ended = passcodes.end(tx, place, PasscodeState.DISABLED) > 0
            ended = passcodes.disable_locked(tx, ready.id) or ended
        if not ended:
            return Refusal("passcode_not_active", about=Subjects(place))
        data: Mapping[str, str | int] = {"passcode": ready.id, "old": int(self.old)}
        events.record(tx, caller, Happening("passcode.disabled", Subjects(place), data))
        found = passcodes.newest(tx, place)
        assert found is not None, "passcodes stay"
        return Done(found)


@dataclass(frozen=True)
class RevealPasscode(QuickVerb[PasscodeMade, PasscodeMade]):
    """Show an organization's passcode once more, where its settings allow that (ruling 6).

    Attributes:
        organization: id or Group ID; "" for the caller's own.

    Refusals: `not_found`, `forbidden`, `passcode_not_active`, `passcode_not_shown_again`.
    """

    organization: str = ""

    name = "reveal_passcode"

    def look(self, tools: Tools, tx: Reader, caller: Caller) -> PasscodeMade | Refusal:
        named = self.organization or caller.organization_id or ""
        place = organization_named(tx, caller, named, Permission.PASSCODE_EDIT)
        if isinstance(place, Refusal):
            return place
        found, about = passcodes.newest(tx, place.id), Subjects(place.id)
        if found is None or found.state is not PasscodeState.ACTIVE:
            return Refusal("passcode_not_active", about=about)
        if not (found.derive_key_id and organizations.policy(tx, place.path).passcode_reveal):
            return Refusal("passcode_not_shown_again", about=about)
        return PasscodeMade(found, derived_again(tools, found))

    def apply(self, tx: Tx, caller: Caller, ready: PasscodeMade) -> Done[PasscodeMade] | Refusal:
        found = passcodes.find(tx, ready.passcode.id)
        if found is None or found.state is not PasscodeState.ACTIVE:
            return Refusal("passcode_not_active", about=ready.passcode.subjects)
        data: Mapping[str, str | int] = {"passcode": found.id}
        events.record(tx, caller, Happening("passcode.revealed", found.subjects, data))
        return Done(ready)


def derived_again(tools: Tools, passcode: Passcode) -> Secret:
    """A passcode that can be derived, once more.

    Raises:
        KeyError: the key that it is derived from is gone.
    """
    return tools.keys.derive_again(
        passcode.id, passcode.derive_number, passcode.derive_key_id, PASSCODE_LETTERS, "base58"
    )
