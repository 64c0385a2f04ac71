"""`enlist audit …`."""

from __future__ import annotations

from typing import Annotated

import typer

from enlist.cli.options import (
    Cursor,
    Data,
    Database,
    Json,
    Limit,
    Organization,
    Search,
    installation,
)
from enlist.cli.output import document, moment, out, print_json, print_table, shown

commands = typer.Typer(help="The audit log.", no_args_is_help=True)


@commands.command("list", epilog="Example: enlist audit list --kind enrollment.refused")
def list_(
    context: typer.Context,
    organization: Organization = "",
    kind: Annotated[str, typer.Option("--kind", help="Only this kind of event.")] = "",
    support_code: Annotated[
        str, typer.Option("--support-code", help="The event behind a support code.")
    ] = "",
    search: Search = "",
    limit: Limit = 50,
    cursor: Cursor = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """List events, newest first."""
    from enlist.verbs.views import ListEvents

    with installation(context, data, database) as enlist:
        filters = {"kind": kind, "support_code": support_code.upper()}
        view = ListEvents(organization, search=search, filters=filters, limit=limit, cursor=cursor)
        page = shown(enlist, view)
    if as_json:
        print_json({"items": document(page.items), "next_cursor": page.next_cursor})
        return
    rows = [
        (
            moment(event.at),
            event.kind,
            event.personal.get("actor", event.actor_kind),
            event.personal.get("device", "") or event.personal.get("user", ""),
            str(event.data.get("reason") or event.data.get("code") or ""),
        )
        for event in page.items
    ]
    print_table(("WHEN", "WHAT", "BY", "ABOUT", "WHY"), rows, "Nothing has happened yet.")
    if page.next_cursor:
        out.print(f"More: --cursor {page.next_cursor}", markup=False)
