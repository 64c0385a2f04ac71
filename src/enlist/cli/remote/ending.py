"""What ends on a server elsewhere: resets and their like, and people who leave.

Each can be asked for as a dry run, which shows what would end.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Final

from enlist.cli.remote.api import Api, Document, Way, Ways, acted, part, some, until
from enlist.cli.remote.reviving import revived
from enlist.core import model
from enlist.core.clock import rfc3339
from enlist.core.outcomes import Refusal
from enlist.verbs import erase, offboard, reassign, replace, reset, second_factor
from enlist.verbs.afresh import NewBeginning
from enlist.verbs.consequences import Consequences, Foreseen

Asked = Callable[[Any], tuple[str, dict[str, Any]]]
"""Where something is asked for, and how."""


def _afresh(verb: Any) -> tuple[str, dict[str, Any]]:
    """Where a reset, a reassignment or a replacement is asked for, and how."""
    body = some(
        message=verb.message, expires_at=until(verb), grant=verb.grant, preview=verb.preview
    )
    match verb:
        case reset.Reset():
            body |= some(reason=verb.reason) | {"end_sign_ins": verb.end_sign_ins}
            act = "reset"
        case reassign.Reassign():
            body |= some(user=verb.user, organization=verb.organization)
            act = "reassign"
        case _:
            body |= some(name=verb.device_name, platform=verb.platform, serial=verb.serial)
            act = "replace"
    return f"/devices/{part(verb.device_id)}/{act}", body


def _foreseen(found: Document, ends: type[Consequences] = Consequences) -> Foreseen:
    return Foreseen(revived(ends, found["consequences"]), found["preview"])


def _rehearsed(asked: Asked, ends: type[Consequences] = Consequences) -> Way:
    """What would end, and nothing does."""

    def ask(api: Api, verb: Any) -> Foreseen | Refusal:
        path, body = asked(verb)
        found = api.do("POST", path, body, dry_run="true")
        return found if isinstance(found, Refusal) else _foreseen(found, ends)

    return ask


def _begin_afresh(api: Api, verb: Any) -> NewBeginning | Refusal:
    path, body = _afresh(verb)
    found = api.do("POST", path, body)
    if isinstance(found, Refusal):
        return found
    return NewBeginning(api.issued(found["enrollment"]), _foreseen(found))


def _leave(verb: Any) -> tuple[str, dict[str, Any]]:
    at = None if verb.at is None else rfc3339(verb.at)
    return f"/users/{part(verb.user)}/offboard", some(at=at, preview=verb.preview)


def _offboard(api: Api, verb: offboard.Offboard) -> Any:
    path, body = _leave(verb)
    found = api.do("POST", path, body)
    user = found if isinstance(found, Refusal) else api.get(f"/users/{part(verb.user)}")
    if isinstance(user, Refusal):
        return user
    named = revived(model.User, user)
    return SimpleNamespace(user=named, foreseen=_foreseen(found, offboard.Leaving), at=verb.at)


def _forget(verb: erase.Erase) -> tuple[str, dict[str, Any]]:
    return f"/users/{part(verb.user)}/erase", some(confirm=verb.confirm, preview=verb.preview)


def _erase(api: Api, verb: erase.Erase) -> erase.Erased | Refusal:
    path, body = _forget(verb)
    found = api.do("POST", path, body)
    if isinstance(found, Refusal):
        return found
    of_him = {name: found[name] for name in ("events", "messages", "devices")}
    return erase.Erased(user_id="", foreseen=_foreseen(found, offboard.Leaving), **of_him)


def _remove_factor(api: Api, verb: second_factor.RemoveSecondFactor) -> int | Refusal:
    found = api.do("DELETE", f"/users/{part(verb.user)}/second-factor")
    return found if isinstance(found, Refusal) else int(found["sign_ins"])


ENDING: Final[Ways] = {
    reset.Reset: _begin_afresh,
    reassign.Reassign: _begin_afresh,
    replace.Replace: _begin_afresh,
    offboard.Offboard: _offboard,
    offboard.CancelOffboarding: acted("DELETE", "/users/{user}/offboarding"),
    erase.Erase: _erase,
    second_factor.RemoveSecondFactor: _remove_factor,
}

REHEARSED: Final[Ways] = {
    reset.Reset: _rehearsed(_afresh),
    reassign.Reassign: _rehearsed(_afresh),
    replace.Replace: _rehearsed(_afresh),
    offboard.Offboard: _rehearsed(_leave, offboard.Leaving),
    erase.Erase: _rehearsed(_forget, offboard.Leaving),
}
"""What can be asked for as a dry run, and how."""
