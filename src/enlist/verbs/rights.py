"""May he? The answer for one object, and the rules about people with rights of their own."""

from __future__ import annotations

from enlist.core.caller import Caller, CallerKind
from enlist.core.outcomes import NOBODY, Refusal, Subjects
from enlist.core.permissions import Permission, Right, held_at, outranks
from enlist.verbs.sign_in import FRESH

_NOT_FOUND = Refusal("not_found")


def lacks(
    caller: Caller, permission: Permission, path: str, about: Subjects = NOBODY
) -> Refusal | None:
    """None where the caller may; else what to tell him.

    What lies where he holds nothing at all does not exist for him (`not_found`); where he can
    look but not act he is told so (`forbidden`).
    """
    if caller.may(permission, path):
        return None
    if not held_at(caller.rights, path):
        return _NOT_FOUND.because(f"outside of his organizations: {permission}", about)
    return Refusal("forbidden", about=about, reason=f"lacks {permission}")


def missing(what: str, about: Subjects = NOBODY) -> Refusal:
    """`not_found` for something that does not exist at all, or not for this caller."""
    return _NOT_FOUND.because(f"no such {what}", about)


def outranked(caller: Caller, target: tuple[Right, ...], about: Subjects) -> Refusal | None:
    """Nobody acts on someone with more rights than his own (S51, X56)."""
    if outranks(caller.rights, target):
        return None
    return Refusal("forbidden", about=about, reason="the other person has more rights")


def host_alone(caller: Caller) -> Refusal | None:
    """What only whoever sits at the machine may do, whatever rights others hold."""
    if caller.kind in (CallerKind.HOST, CallerKind.SYSTEM):
        return None
    return Refusal("forbidden", reason="not at the machine itself")


def fresh(caller: Caller, now: int) -> Refusal | None:
    """What is dangerous takes a password proof of the last minutes (ASVS 7.5).

    API keys and the machine's own command line have no password to prove themselves with.
    """
    if caller.kind is not CallerKind.USER or caller.proved_at > now - FRESH:
        return None
    about = Subjects(caller.organization_id, caller.id)
    return Refusal("proof_too_old", about=about, at=caller.proved_at or None)
