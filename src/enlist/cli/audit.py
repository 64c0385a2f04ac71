"""`enlist audit …`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
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
    parse_moment,
)
from enlist.cli.output import moment, print_page, shown
from enlist.core.model import EventRow

commands = typer.Typer(help="The audit log.", no_args_is_help=True)


@commands.command("list", epilog="Example: enlist audit list --kind enrollment.refused")
def list_(
    context: typer.Context,
    organization: Organization = "",
    kind: Annotated[str, typer.Option("--kind", help="Only this kind of event.")] = "",
    support_code: Annotated[
        str, typer.Option("--support-code", help="The event behind a support code.")
    ] = "",
    since: Annotated[
        str,
        typer.Option(
            "--since",
            metavar="TIME",
            help="Only from then on: 2026-12-31T18:00+01:00, or so long ago: 90m, 48h, 30d.",
        ),
    ] = "",
    before: Annotated[
        str, typer.Option("--before", metavar="TIME", help="Only before then; as --since.")
    ] = "",
    search: Search = "",
    limit: Limit = 50,
    cursor: Cursor = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """List events, newest first."""
    from enlist.verbs import documents
    from enlist.verbs.views import ListEvents

    now = datetime.now(UTC)
    period = {
        name: parse_moment(text, now, f"--{name}")
        for name, text in (("since", since), ("before", before))
    }
    with installation(context, data, database) as enlist:
        filters = {"kind": kind, "support_code": support_code.upper()}
        filters |= {name: str(value) for name, value in period.items() if value is not None}
        view = ListEvents(organization, search=search, filters=filters, limit=limit, cursor=cursor)
        page = shown(enlist, view)

    def row(event: EventRow) -> Sequence[str]:
        return (
            moment(event.at),
            event.kind,
            event.personal.get("actor", event.actor_kind),
            event.personal.get("device", "") or event.personal.get("user", ""),
            str(event.data.get("reason") or event.data.get("code") or ""),
        )

    columns = ("WHEN", "WHAT", "BY", "ABOUT", "WHY")
    asked = kind or support_code or since or before or search or cursor
    empty = "No such event." if asked else "Nothing has happened yet."
    print_page(page, columns, row, empty, documents.event, as_json=as_json)
