"""`enlist device …`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from enlist.cli import bulk, resetting
from enlist.cli.details import (
    AssetNumber,
    Attribute,
    ExternalId,
    Imei,
    Model,
    OsVersion,
    Ownership,
    Serial,
    Sim,
    Tag,
    Udid,
    given,
)
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
    NameSearch,
    Organization,
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
    usage,
)
from enlist.core.lifecycle import DeviceState
from enlist.core.model import Device, Platform
from enlist.core.outcomes import Done, Refusal

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
    ownership: Ownership = None,
    model: Model = None,
    os_version: OsVersion = None,
    serial: Serial = None,
    imei: Imei = None,
    udid: Udid = None,
    sim: Sim = None,
    asset_number: AssetNumber = None,
    external_id: ExternalId = None,
    tag: Tag = None,
    attribute: Attribute = None,
    grant: Grant = "registration_token",
    message: Message = "email",
    template: Annotated[str, typer.Option("--template", help="Message template.")] = "",
    expires: Expires = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Register a device for a user and send him its registration token, or make it a JWT."""
    from enlist.verbs.device_details import DeviceDetails
    from enlist.verbs.issuing import Delivery
    from enlist.verbs.register import Register

    details = given(
        tag,
        attribute,
        ownership=ownership,
        model=model,
        os_version=os_version,
        serial=serial,
        imei=imei,
        udid=udid,
        sim=sim,
        asset_number=asset_number,
        external_id=external_id,
    )
    verb = Register(
        organization,
        user,
        DeviceDetails(name, platform, **details),
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
        print_token(context, issued, enlist, drawn=message == "qr")


@commands.command("edit", epilog="Example: enlist device edit 0199… --ownership employee_owned")
def edit(
    context: typer.Context,
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="Id.")],
    name: Annotated[str | None, typer.Option("--name", help="What the device is called.")] = None,
    ownership: Ownership = None,
    model: Model = None,
    os_version: OsVersion = None,
    serial: Serial = None,
    imei: Imei = None,
    udid: Udid = None,
    sim: Sim = None,
    asset_number: AssetNumber = None,
    external_id: ExternalId = None,
    tag: Tag = None,
    attribute: Attribute = None,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Change what is known of a device. An empty text empties; tags and attributes are replaced."""
    from enlist.verbs import documents
    from enlist.verbs.devices import ChangeDevice

    changes = given(
        tag,
        attribute,
        name=name,
        ownership=ownership,
        model=model,
        os_version=os_version,
        serial=serial,
        imei=imei,
        udid=udid,
        sim=sim,
        asset_number=asset_number,
        external_id=external_id,
    )
    if not changes:
        usage("Name at least one thing to change, such as --name.")
    with installation(context, data, database) as enlist:
        changed = done(enlist.perform(ChangeDevice(device, changes)))
    if as_json:
        print_json(documents.device(changed))
    else:
        out.print(f"Changed {changed.name}.", markup=False)


commands.command("reset", epilog="Example: enlist device reset 0199… --reason lost")(
    resetting.reset
)
commands.command("reassign", epilog="Example: enlist device reassign 0199… --to grace")(
    resetting.reassign
)
commands.command("replace", epilog='Example: enlist device replace 0199… --name "New laptop"')(
    resetting.replace
)


@commands.command("move", epilog="Example: enlist device move 0199… --to berlin")
def move(
    context: typer.Context,
    devices: resetting.Devices,
    organization: Annotated[
        str, typer.Option("--to", metavar="GROUP_ID", help="Group ID or id of where they go.")
    ],
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Move registered devices, with their tokens, to another organization."""
    from enlist.verbs import documents
    from enlist.verbs.move import MoveDevice

    with installation(context, data, database) as enlist:

        def perform(device: str) -> Done[Device] | Refusal:
            return enlist.perform(MoveDevice(device, organization))

        bulk.each(
            bulk.ids(devices),
            perform,
            documents.device,
            lambda moved: out.print(f"{moved.name} is in {moved.group_id} now.", markup=False),
            "Moved",
            as_json=as_json,
        )


@commands.command("hand-out", epilog="Example: enlist device hand-out 0199… --to grace")
def hand_out(
    context: typer.Context,
    devices: resetting.Devices,
    user: Annotated[str, typer.Option("--to", metavar="USER", help="User name or id.")],
    organization: Annotated[
        str,
        typer.Option("--organization", metavar="GROUP_ID", help="Where they are from now on."),
    ] = "",
    for_good: Annotated[
        bool, typer.Option("--for-good", help="They do not come back to the staging user.")
    ] = False,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Give devices that a staging user enrolled to another user, as they are, or take them back."""
    from enlist.verbs import documents
    from enlist.verbs.staging import HandOut

    with installation(context, data, database) as enlist:

        def perform(device: str) -> Done[Device] | Refusal:
            return enlist.perform(HandOut(device, user, organization, for_good))

        bulk.each(
            bulk.ids(devices),
            perform,
            documents.device,
            lambda handed: out.print(f"{handed.name} is {handed.username}'s now.", markup=False),
            "Handed out",
            as_json=as_json,
        )


@commands.command("delete", epilog="Example: enlist device delete --by serial C02XK1 C02XK2")
def delete(
    context: typer.Context,
    devices: Annotated[
        list[str],
        typer.Argument(
            metavar="DEVICE", help="Ids, or what --by says; - reads them from standard input."
        ),
    ],
    by: Annotated[
        str,
        typer.Option(
            "--by", help="serial, udid or asset_number: deletes registrations, nothing enrolled."
        ),
    ] = "",
    organization: Organization = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Delete devices: certificates are revoked, tokens unknown from then on."""
    from enlist.verbs.devices import DeleteDevice
    from enlist.verbs.unregister import BY, Unregister

    number, named = known("--by", by, BY), bulk.ids(devices)
    bulk.confirm_for_good(f"Delete {len(named)} for good?", yes=yes)
    with installation(context, data, database) as enlist:

        def perform(device: str) -> Done[str] | Refusal:
            verb = Unregister(by, device, organization) if number else DeleteDevice(device)
            outcome = enlist.perform(verb)
            return outcome if isinstance(outcome, Refusal) else Done(device)

        bulk.each(
            named,
            perform,
            lambda device: {"device": device, "state": "deleted"},
            lambda _device: out.print("Deleted."),
            "Deleted",
            as_json=as_json,
        )


@commands.command("list", epilog="Example: enlist device list --state registered")
def list_(
    context: typer.Context,
    organization: Organization = "",
    search: NameSearch = "",
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
            "Ownership": found.ownership.value,
            **{name: text for name, text in _known(found) if text},
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


def _known(found: Device) -> Iterator[tuple[str, str]]:
    """What is known of a device besides, by what it is called."""
    yield "Model", found.model
    yield "Operating system", found.os_version
    yield "Serial number", found.serial
    yield "IMEI", found.imei
    yield "UDID", found.udid
    yield "SIM", found.sim
    yield "Asset number", found.asset_number
    yield "External id", found.external_id
    yield "Tags", ", ".join(found.tags)
    yield from found.custom_attributes.items()
