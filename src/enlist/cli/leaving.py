"""`enlist user offboard` and `erase`: somebody leaves, and is forgotten."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from enlist.cli import bulk
from enlist.cli.backend import Opened
from enlist.cli.options import Data, Database, Json, installation, parse_moment
from enlist.cli.output import done, moment, out, print_facts, print_json, usage

if TYPE_CHECKING:
    from enlist.verbs.consequences import Foreseen
    from enlist.verbs.erase import Erase
    from enlist.verbs.offboard import Offboard

User = Annotated[str, typer.Argument(metavar="USER", help="User name or id.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would end.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def offboard(
    context: typer.Context,
    user: User,
    at: Annotated[
        str,
        typer.Option("--at", metavar="TIME", help="When: 2026-12-31T18:00+01:00, or in 48h, 30d."),
    ] = "",
    cancel: Annotated[bool, typer.Option("--cancel", help="Cancel what was planned.")] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """End all that lets a user and his devices in, now or at a given time."""
    from enlist.verbs.offboard import CancelOffboarding, Offboard

    if cancel and (at or dry_run):
        usage("--cancel stands alone: it takes back what was planned.")
    when = parse_moment(at, datetime.now(UTC), "--at")
    with installation(context, data, database) as enlist:
        if cancel:
            done(enlist.perform(CancelOffboarding(user)))
            _tell({"user": user, "at": None}, f"Nothing is planned for {user} any more.", as_json)
            return
        preview = ""
        if dry_run or not (yes or as_json):
            preview = _foreseen(enlist, Offboard(user, when), as_json=as_json)
        if dry_run:
            return
        if preview and bulk.asks():
            bulk.go_on(_question(user, when))
        departure = done(enlist.perform(Offboard(user, when, preview)))
        ends = _document(departure.foreseen, enlist)
    name = departure.user.username
    text = f"{name} was offboarded." if when is None else f"{name} leaves {moment(when)}."
    _tell({"at": when, **ends}, text, as_json)


def _tell(document: dict[str, Any], text: str, as_json: bool) -> None:
    if as_json:
        print_json(document)
    else:
        out.print(text, markup=False)


def _question(user: str, when: int | None) -> str:
    if when is None:
        return f"All of this ends now, and {user} is disabled. Go on?"
    return f"Whatever {user} holds {moment(when)} ends then. Go on?"


def _foreseen(enlist: Opened, verb: Offboard | Erase, *, as_json: bool) -> str:
    """Show what would end; answers what binds a confirmation to it."""
    from enlist.verbs import offboard as offboarding
    from enlist.verbs import rehearsing

    found: Foreseen = done(enlist.perform(rehearsing.DryRun(verb)))
    if as_json:
        at = {"at": verb.at} if isinstance(verb, offboarding.Offboard) else {}
        print_json({**at, **_document(found, enlist)})
    else:
        _show(found)
    return found.preview


def _document(found: Foreseen, enlist: Opened) -> dict[str, Any]:
    from enlist.verbs import documents
    from enlist.verbs.offboard import leaving_of

    ends = documents.leaving(leaving_of(found), enlist.now)
    return {"consequences": ends, "preview": found.preview}


def _show(found: Foreseen) -> None:
    from enlist.verbs.offboard import leaving_of

    ends = leaving_of(found)
    where = f" from {', '.join(ends.networks)}" if ends.networks else ""
    keys = ", ".join(each.name for each in ends.api_keys)
    roles = ", ".join(f"{each.name} on {each.group_id}" for each in ends.roles)
    print_facts(
        {
            "Certificates that end": str(len(ends.credentials)),
            "Tokens that end": str(len(ends.enrollments)),
            "Live sessions that end": f"{ends.sessions}{where}",
            "Sign-ins that end": str(ends.sign_ins),
            "Messages not sent": str(ends.messages),
            "API keys that end": keys or "0",
            "Roles that end": roles or "0",
        }
    )


def erase(
    context: typer.Context,
    user: User,
    confirm: Annotated[
        str,
        typer.Option("--confirm", metavar="USERNAME", help="The user name; asked for if missing."),
    ] = "",
    dry_run: DryRun = False,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Erase a person for good, also one who was deleted. The log stays whole."""
    from enlist.verbs import documents
    from enlist.verbs.erase import Erase

    with installation(context, data, database) as enlist:
        preview = ""
        if dry_run or not (confirm or as_json):
            preview = _foreseen(enlist, Erase(user), as_json=as_json)
        if dry_run:
            return
        if not confirm and bulk.asks():
            told = "This cannot be undone. Type the user name to erase this person"
            confirm = str(typer.prompt(told, err=True))
        erased = done(enlist.perform(Erase(user, confirm, preview)))
        document = documents.erased(erased, enlist.now)
    text = f"Erased, also from {erased.events} events. Backups hold the person until they go."
    _tell(document, text, as_json)
