"""`enlist lock …`: who has to wait because something was tried too often, and clearing that."""

from __future__ import annotations

from typing import Annotated

import typer

from enlist.cli.options import Data, Database, Json, Organization, installation, to_run
from enlist.cli.output import done, moment, out, print_json, print_table
from enlist.core.locks import Lock, LockKind
from enlist.store.locks import MOST_SHOWN

commands = typer.Typer(
    help="Who has to wait because something was tried too often.", no_args_is_help=True
)


@commands.command("list", epilog="Example: enlist lock list --organization sales")
def list_(
    context: typer.Context,
    organization: Organization = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """List users, enrollments, devices and networks that wait, why, and until when."""
    from enlist.verbs import documents
    from enlist.verbs.lock_list import ListLocks

    with installation(context, data, database) as enlist:
        found = done(enlist.perform(ListLocks(organization)))
    if as_json:
        print_json(documents.locks(found))
        return
    rows = [
        (each.kind, each.name, each.group_id, _cause(each), _counted(each), _until(each), each.id)
        for each in found.items
    ]
    columns = ("KIND", "NAME", "ORGANIZATION", "CAUSE", "COUNTED", "WAITS UNTIL", "ID")
    print_table(columns, rows, "Nobody has to wait.")
    for kind in found.more:
        told = f"There are more than {MOST_SHOWN} of kind {kind}; those listed wait longest."
        clear = to_run(context, f"lock clear {kind} ID")
        out.print(f"{told} Another one: {clear}", markup=False)


@commands.command("clear", epilog="Example: enlist lock clear user ada")
def clear(
    context: typer.Context,
    kind: Annotated[
        LockKind, typer.Argument(metavar="KIND", help="user, enrollment, device or network.")
    ],
    named: Annotated[
        str, typer.Argument(metavar="ID", help="Id; or a user name, or an address in a network.")
    ],
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Forget all that is counted of a user, an enrollment, a device or a network."""
    from enlist.verbs.locks import ClearLock

    with installation(context, data, database) as enlist:
        counted = done(enlist.perform(ClearLock(kind.value, named)))
    if as_json:
        print_json({"counted": counted})
    elif counted:
        out.print(f"Cleared. Counted until then: {counted}.", markup=False)
    else:
        out.print("There was nothing to clear.")


def _cause(lock: Lock) -> str:
    words = lock.cause.replace("_", " ")
    return f"{words} from {lock.network}" if lock.network else words


def _counted(lock: Lock) -> str:
    return str(lock.counted) if lock.most is None else f"{lock.counted} of {lock.most}"


def _until(lock: Lock) -> str:
    return "may try now" if lock.until is None else moment(lock.until)
