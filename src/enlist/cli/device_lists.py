"""`enlist device-list …`: devices that are let in or kept out by serial number, IMEI or UDID."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from enlist.cli import bulk
from enlist.cli.options import (
    Cursor,
    Data,
    Database,
    Json,
    Limit,
    Organization,
    Search,
    installation,
    known,
    nothing,
)
from enlist.cli.output import done, moment, out, print_facts, print_json, print_page, shown
from enlist.core.device_lists import DeviceList, ListedDevice
from enlist.core.restrictions import ATTRIBUTES
from enlist.verbs.device_lists import Entry, Foreseen, ForeseePut, Put, PutOnList

commands = typer.Typer(help="Allow and deny lists of devices.", no_args_is_help=True)

Values = Annotated[
    list[str],
    typer.Argument(metavar="NUMBER", help="At most 30; - reads them from standard input."),
]
Attribute = Annotated[str, typer.Option("--by", help="What they are: serial, imei or udid.")]


@commands.command("allow", epilog="Example: enlist device-list allow PF-1234 --group-id berlin")
def allow(
    context: typer.Context,
    values: Values,
    by: Attribute = "serial",
    ownership: Annotated[
        str, typer.Option("--ownership", help="What each becomes: corporate_dedicated …")
    ] = "",
    group_id: Annotated[
        str, typer.Option("--group-id", help="The organization that each goes to.")
    ] = "",
    organization: Organization = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Let devices enroll as if they were registered, for whoever signs in on them."""
    entries = tuple(Entry(by, value, ownership, group_id) for value in bulk.ids(values))
    with installation(context, data, database) as enlist:
        place = organization or enlist.caller.organization_id or ""
        _said(done(enlist.perform(PutOnList(place, DeviceList.ALLOW, entries))), as_json)


@commands.command("deny", epilog="Example: enlist device-list deny 490154203237518 --by imei")
def deny(
    context: typer.Context,
    values: Values,
    by: Attribute = "serial",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would end.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    organization: Organization = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Keep devices out. Those that are enrolled lose what they hold at once."""
    from enlist.verbs import documents

    entries = tuple(Entry(by, value) for value in bulk.ids(values))
    with installation(context, data, database) as enlist:
        place = organization or enlist.caller.organization_id or ""
        preview = ""
        if dry_run or (not (yes or as_json) and bulk.asks()):
            found = shown(enlist, ForeseePut(PutOnList(place, DeviceList.DENY, entries)))
            if as_json:
                print_json(documents.put_foreseen(found, enlist.now))
            else:
                _show_ends(found)
            if dry_run:
                return
            bulk.go_on("This happens at once. Go on?")
            preview = found.preview
        verb = PutOnList(place, DeviceList.DENY, entries, preview=preview)
        _said(done(enlist.perform(verb)), as_json)


@commands.command("list", epilog="Example: enlist device-list list --list deny")
def list_(
    context: typer.Context,
    organization: Organization = "",
    list_: Annotated[str, typer.Option("--list", help="allow or deny.")] = "",
    by: Annotated[str, typer.Option("--by", help="serial, imei or udid.")] = "",
    search: Search = "",
    limit: Limit = 50,
    cursor: Cursor = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """List devices on allow and deny lists, the newest first."""
    from enlist.verbs import documents
    from enlist.verbs.device_lists import ListListed

    asked = {"list": known("--list", list_, DeviceList), "attribute": known("--by", by, ATTRIBUTES)}
    filters = {name: value for name, value in asked.items() if value}
    with installation(context, data, database) as enlist:
        view = ListListed(organization, search, filters, limit=limit, cursor=cursor)
        page = shown(enlist, view)

    def row(entry: ListedDevice) -> Sequence[str]:
        becomes = " ".join(filter(None, (entry.ownership.value, entry.target)))
        return (
            entry.value, entry.attribute, entry.list.value, entry.group_id,
            "" if becomes == "none" else becomes, moment(entry.added_at), entry.id,
        )  # fmt: skip

    columns = ("NUMBER", "BY", "LIST", "ORGANIZATION", "BECOMES", "ADDED", "ID")
    first = "No device is listed. See: enlist device-list deny --help"
    empty = nothing(first, list_, by, search, cursor)
    print_page(page, columns, row, empty, documents.listed_device, as_json=as_json)


@commands.command("remove", epilog="Example: enlist device-list remove 0199…")
def remove(
    context: typer.Context,
    entry: Annotated[str, typer.Argument(metavar="ENTRY", help="Id, from the list.")],
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Take a device off its list. One that was denied may enroll again; nothing comes back."""
    from enlist.verbs.device_lists import TakeOffList

    with installation(context, data, database) as enlist:
        done(enlist.perform(TakeOffList(entry)))
    if as_json:
        print_json({"id": entry})
    else:
        out.print("It is on the list no more.")


def _show_ends(found: Foreseen) -> None:
    if not found.ends and not found.unseen:
        out.print("None of them is enrolled now: nothing ends.")
    for device, ends in found.ends:
        whose = f" of {device.username}" if device.username else ""
        out.print(f"{device.name}{whose} is un-enrolled:", markup=False)
        facts = {"certificates": len(ends.credentials), "live sessions": ends.sessions}
        print_facts({f"  {name}": str(count) for name, count in facts.items()})
    if found.unseen:
        out.print(f"And {found.unseen} more that you may not see.")


def _said(put: Put, as_json: bool) -> None:
    if as_json:
        print_json({"added": put.added, "known": put.known, "unenrolled": put.unenrolled})
        return
    out.print(f"Put on the list: {put.added}. On it already: {put.known}.")
    if put.unenrolled:
        out.print(f"Un-enrolled: {put.unenrolled}.")
