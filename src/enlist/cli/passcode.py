"""`enlist passcode …`: the company passcode, by which people enroll their own devices."""

from __future__ import annotations

from typing import Annotated

import typer

from enlist.cli.options import Data, Database, Json, Organization, installation
from enlist.cli.output import done, moment, out, print_json, print_table, shown
from enlist.core.passcodes import Passcode, SelfService

commands = typer.Typer(
    help="The company passcode, by which people enroll their own devices.", no_args_is_help=True
)

_MEANING = {
    SelfService.NONE: "No passcode was ever generated: self-service is off.",
    SelfService.ACTIVE: "Self-service is on.",
    SelfService.SHIELDED: "Too many wrong entries: each person proves his mailbox first.",
    SelfService.DISABLED: "Somebody disabled it: self-service is off.",
    SelfService.LOCKED: "Too many wrong entries: self-service is off until one is generated.",
}


@commands.command("generate", epilog="Example: enlist passcode generate --organization sales")
def generate(
    context: typer.Context,
    organization: Organization = "",
    overlap: Annotated[
        int, typer.Option("--overlap", metavar="HOURS", help="How long the one before goes on.")
    ] = 0,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Generate a passcode, which switches self-service on; it is shown this once."""
    from enlist.verbs import documents
    from enlist.verbs.passcodes import GeneratePasscode, grouped

    with installation(context, data, database) as enlist:
        made = done(enlist.perform(GeneratePasscode(organization, overlap)))
    if as_json:
        print_json(documents.passcode_made(made))
        return
    out.print(grouped(made.secret), markup=False)
    ends = f"The one before ends in {overlap} hours." if overlap else "Any before it has ended."
    out.print(f"Write it down: it is shown this once. {ends}", markup=False)


@commands.command("disable", epilog="Example: enlist passcode disable --organization sales")
def disable(
    context: typer.Context,
    organization: Organization = "",
    old: Annotated[
        bool, typer.Option("--old", help="Only the older one of two that overlap.")
    ] = False,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Switch self-service off until a passcode is generated; other ways to enroll go on."""
    from enlist.verbs.passcodes import DisablePasscode

    with installation(context, data, database) as enlist:
        done(enlist.perform(DisablePasscode(organization, old)))
    if as_json:
        print_json({"disabled": True})
    else:
        out.print("The older passcode has ended." if old else "Self-service is off.")


@commands.command("show", epilog="Example: enlist passcode show --reveal")
def show(
    context: typer.Context,
    organization: Organization = "",
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Show the passcode itself, where the settings allow.")
    ] = False,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Show how self-service stands, and what was entered wrongly."""
    from enlist.verbs import documents
    from enlist.verbs.passcodes import RevealPasscode, ShowPasscode, grouped

    with installation(context, data, database) as enlist:
        if reveal:
            made = done(enlist.perform(RevealPasscode(organization)))
            if as_json:
                print_json(documents.passcode_made(made))
            else:
                out.print(grouped(made.secret), markup=False)
            return
        found = shown(enlist, ShowPasscode(organization))
    if as_json:
        print_json(documents.passcode(found))
        return
    out.print(_MEANING[found.state])
    if found.passcode is None:
        out.print("To switch it on: enlist passcode generate")
        return
    rows = _rows(found.passcode, found.threshold)
    if found.older is not None:
        rows.append(("older one until", moment(found.older.ends_at)))
    print_table(("", ""), rows, "")
    for each in found.sources:
        told = f"{each.failed} wrong from {each.source}, the last {moment(each.last_at)}"
        out.print(told, markup=False)


def _rows(found: Passcode, threshold: int) -> list[tuple[str, str]]:
    by = found.generated_by_email or found.generated_by
    used = f"{moment(found.last_used_at)} {found.last_used_by}" if found.last_used_at else "never"
    return [
        ("generated", f"{moment(found.generated_at)} by {by}"),
        ("wrong in a row", f"{found.failed_in_a_row} of {threshold}"),
        ("wrong in all", str(found.failed)),
        ("devices enrolled", str(found.uses)),
        ("last used", used),
    ]
