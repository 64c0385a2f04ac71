"""`enlist session …`."""

from __future__ import annotations

from collections.abc import Sequence
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
    nothing,
)
from enlist.cli.output import done, moment, out, print_json, print_page, shown
from enlist.core.sessions import DeviceSession

commands = typer.Typer(help="Devices that are connected now.", no_args_is_help=True)


@commands.command("list", epilog="Example: enlist session list --device 0199…")
def list_(
    context: typer.Context,
    organization: Organization = "",
    search: Search = "",
    device: Annotated[str, typer.Option("--device", help="Only this device's; its id.")] = "",
    user: Annotated[str, typer.Option("--user", help="User name or id.")] = "",
    limit: Limit = 50,
    cursor: Cursor = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """List the devices of an organization and below that are connected now, newest first."""
    from enlist.verbs import documents
    from enlist.verbs.device_sessions import ListDeviceSessions

    with installation(context, data, database) as enlist:
        filters = {"device": device, "user": user}
        view = ListDeviceSessions(
            organization, search=search, filters=filters, limit=limit, cursor=cursor
        )
        page = shown(enlist, view)

    def row(found: DeviceSession) -> Sequence[str]:
        return (
            found.device_name,
            found.username,
            found.address,
            moment(found.opened_at),
            found.id,
        )

    empty = nothing("No device is connected.", search, device, user, cursor)
    columns = ("DEVICE", "USER", "ADDRESS", "SINCE", "ID")
    print_page(page, columns, row, empty, documents.device_session, as_json=as_json)


@commands.command("disconnect", epilog="Example: enlist session disconnect 0199…")
def disconnect(
    context: typer.Context,
    session: Annotated[str, typer.Argument(metavar="SESSION", help="Id.")],
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """End a session at once; the device may come back with the same credential."""
    from enlist.verbs.device_sessions import Disconnect

    with installation(context, data, database) as enlist:
        done(enlist.perform(Disconnect(session)))
    if as_json:
        print_json({"id": session, "disconnected": True})
    else:
        out.print("Disconnected.")
