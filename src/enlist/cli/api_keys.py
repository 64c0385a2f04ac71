"""`enlist apikey …`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from enlist.cli.options import (
    Cursor,
    Data,
    Database,
    Expires,
    Json,
    Limit,
    Organization,
    Search,
    installation,
    nothing,
    parse_moment,
)
from enlist.cli.output import done, moment, out, print_json, print_page, shown
from enlist.core.access import ApiKey, InForce

commands = typer.Typer(help="API keys.", no_args_is_help=True)


@commands.command(
    "create",
    epilog="Example: enlist apikey create --name ci --role operator --expires 90d --json",
)
def create(
    context: typer.Context,
    name: Annotated[str, typer.Option("--name", help="What it is for.")],
    role: Annotated[
        str, typer.Option("--role", help="administrator, operator, helpdesk or reader.")
    ],
    organization: Organization = "",
    permission: Annotated[
        list[str] | None,
        typer.Option("--permission", help="Beyond the role: enrollments:reveal; repeatable."),
    ] = None,
    address: Annotated[
        list[str] | None,
        typer.Option("--address", metavar="NET", help="Only from here; repeatable."),
    ] = None,
    expires: Expires = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Make an API key and print it, once."""
    from enlist.verbs.api_keys import CreateApiKey

    with installation(context, data, database) as enlist:
        verb = CreateApiKey(
            name,
            role,
            organization,
            tuple(permission or ()),
            tuple(address or ()),
            parse_moment(expires, datetime.now(UTC)),
        )
        made = done(enlist.perform(verb))
    if as_json:
        print_json({"id": made.key.id, "key": made.secret.reveal()})
        return
    out.print(made.secret.reveal(), markup=False)
    out.print("Keep it now: it cannot be shown again.")


@commands.command("list", epilog="Example: enlist apikey list")
def list_(
    context: typer.Context,
    organization: Organization = "",
    search: Search = "",
    limit: Limit = 50,
    cursor: Cursor = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """List API keys, newest first. Their secrets are nowhere."""
    from enlist.verbs import documents
    from enlist.verbs.views import ListApiKeys

    with installation(context, data, database) as enlist:
        view = ListApiKeys(organization, search=search, limit=limit, cursor=cursor)
        page = shown(enlist, view)

    def row(key: ApiKey) -> Sequence[str]:
        return (
            key.name,
            f"enk_{key.public_id}_…",
            key.role.value,
            key.group_id,
            _until(key),
            moment(key.last_used_at) or "never used",
            key.id,
        )

    columns = ("NAME", "KEY", "ROLE", "ORGANIZATION", "UNTIL", "LAST USED", "ID")
    empty = nothing("No API key yet. Make one: enlist apikey create --help", search, cursor)
    now = enlist.now
    print_page(page, columns, row, empty, lambda key: documents.api_key(key, now), as_json=as_json)


def _until(key: ApiKey) -> str:
    """Until when it works, and what is left of its rights."""
    if key.revoked_at:
        return "revoked"
    until = moment(key.expires_at) or "never ends"
    if key.in_force is InForce.NONE:
        return f"{until}; can do nothing: {key.created_by} holds no role for it"
    if key.in_force is InForce.SOME:
        return f"{until}; can do only what {key.created_by} still may"
    return until


@commands.command("revoke", epilog="Example: enlist apikey revoke 0199…")
def revoke(
    context: typer.Context,
    key: Annotated[str, typer.Argument(metavar="KEY", help="Id.")],
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """End an API key; its next request is refused."""
    from enlist.verbs.api_keys import RevokeApiKey

    with installation(context, data, database) as enlist:
        done(enlist.perform(RevokeApiKey(key)))
    if as_json:
        print_json({"id": key, "state": "revoked"})
    else:
        out.print("Revoked.")
