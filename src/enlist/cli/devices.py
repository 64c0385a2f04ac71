"""`enlist device …`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from enlist.cli import resetting
from enlist.cli.issuing import (
    Grant,
    Message,
    grant_named,
    print_token,
    registered_document,
)
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
    known,
    nothing,
    parse_moment,
)
from enlist.cli.output import (
    done,
    moment,
    out,
    print_facts,
    print_json,
    print_page,
    print_table,
    shown,
)
from enlist.core.lifecycle import DeviceState
from enlist.core.model import Device, Platform

commands = typer.Typer(help="Devices.", no_args_is_help=True)


@commands.command(
    "register",
    epilog='Example: enlist device register --user ada --name "Ada\'s laptop" --platform linux',
)
def register(
    context: typer.Context,
    user: Annotated[str, typer.Option("--user", help="User name or id.")],
    name: Annotated[str, typer.Option("--name", help="What the device is called.")],
    platform: Annotated[
        str, typer.Option("--platform", help="android, ios, macos, windows or linux.")
    ],
    organization: Organization = "",
    ownership: Annotated[
        str, typer.Option("--ownership", help="corporate_dedicated, employee_owned, …")
    ] = "none",
    serial: Annotated[str, typer.Option("--serial", help="Serial number.")] = "",
    grant: Grant = "registration_token",
    message: Message = "email",
    template: Annotated[str, typer.Option("--template", help="Message template.")] = "",
    expires: Expires = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Register a device for a user and send him its registration token, or make it a JWT."""
    from enlist.verbs.issuing import Delivery
    from enlist.verbs.register import DeviceDetails, Register

    verb = Register(
        organization,
        user,
        DeviceDetails(name, platform, ownership, serial=serial),
        Delivery(message, template),
        parse_moment(expires, datetime.now(UTC)),
        grant_named(grant),
    )
    with installation(context, data, database) as enlist:
        issued = done(enlist.perform(verb))
        if as_json:
            print_json(registered_document(issued, enlist))
            return
        out.print(f"Registered {name} for {user}: {issued.device_id}", markup=False)
        print_token(issued, enlist)


commands.command("reset", epilog="Example: enlist device reset 0199… --reason lost")(
    resetting.reset
)
commands.command("reassign", epilog="Example: enlist device reassign 0199… --to grace")(
    resetting.reassign
)
commands.command("replace", epilog='Example: enlist device replace 0199… --name "New laptop"')(
    resetting.replace
)


@commands.command("list", epilog="Example: enlist device list --state registered")
def list_(
    context: typer.Context,
    organization: Organization = "",
    search: Search = "",
    state: Annotated[
        str, typer.Option("--state", help="registered, enrolled, unenrolled or blocked.")
    ] = "",
    platform: Annotated[str, typer.Option("--platform", help="Only this platform.")] = "",
    limit: Limit = 50,
    cursor: Cursor = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """List devices of an organization and below, newest first."""
    from enlist.verbs import documents
    from enlist.verbs.views import ListDevices

    with installation(context, data, database) as enlist:
        filters = {
            "state": known("--state", state, DeviceState),
            "platform": known("--platform", platform, Platform),
        }
        view = ListDevices(organization, search=search, filters=filters, limit=limit, cursor=cursor)
        page = shown(enlist, view)

    def row(found: Device) -> Sequence[str]:
        return found.name, found.username, found.platform.value, found.state.value, found.id

    first = "No device here. Register one: enlist device register --help"
    empty = nothing(first, search, state, platform, cursor)
    columns = ("NAME", "USER", "PLATFORM", "STATE", "ID")
    print_page(page, columns, row, empty, documents.device, as_json=as_json)


@commands.command("show", epilog="Example: enlist device show 0199…")
def show(
    context: typer.Context,
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="Id.")],
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Show a device: its enrollments, credentials and everything that ever touched it."""
    from enlist.verbs import documents
    from enlist.verbs.views_details import ShowDevice

    with installation(context, data, database) as enlist:
        detail = shown(enlist, ShowDevice(device))
    if as_json:
        print_json(documents.device_detail(detail, enlist.now))
        return
    found = detail.device
    print_facts(
        {
            "Name": found.name,
            "State": found.state.value,
            "User": found.username,
            "Organization": found.group_id,
            "Platform": found.platform.value,
            "Registered": moment(found.registered_at),
            "Enrolled": moment(found.enrolled_at),
            "Id": found.id,
        }
    )
    out.print()
    rows = [
        (moment(event.at), event.kind, event.personal.get("actor", event.actor_kind))
        for event in detail.timeline.items
    ]
    print_table(("WHEN", "WHAT", "BY"), rows, "Nothing has happened yet.")
