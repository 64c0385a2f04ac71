"""`enlist organization …`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from enlist.cli.options import Cursor, Data, Database, Json, Limit, Search, installation
from enlist.cli.output import (
    done,
    out,
    print_json,
    print_page,
    print_table,
    shown,
    usage,
)
from enlist.core.model import Organization
from enlist.core.policy import SETTINGS

commands = typer.Typer(help="Organizations and their enrollment settings.", no_args_is_help=True)


@commands.command(
    "add", epilog='Example: enlist organization add --name "Sales" --group-id sales --parent main'
)
def add(
    context: typer.Context,
    name: Annotated[str, typer.Option("--name", help="What people see.")],
    group_id: Annotated[str, typer.Option("--group-id", help="Short code, typed to enroll.")],
    parent: Annotated[
        str, typer.Option("--parent", metavar="GROUP_ID", help="Default: the top.")
    ] = "",
    time_zone: Annotated[str, typer.Option("--time-zone", help="Such as Europe/Berlin.")] = "",
    language: Annotated[str, typer.Option("--language", help="en or de.")] = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Add an organization below another one."""
    from enlist.verbs import documents
    from enlist.verbs.organizations import AddOrganization

    with installation(context, data, database) as enlist:
        above = parent or enlist.caller.organization_id or ""
        made = done(enlist.perform(AddOrganization(above, group_id, name, time_zone, language)))
    if as_json:
        print_json(documents.organization(made))
    else:
        out.print(f"Added {made.name} with Group ID {made.group_id}.", markup=False)


@commands.command("list", epilog="Example: enlist organization list --json")
def list_(
    context: typer.Context,
    search: Search = "",
    limit: Limit = 100,
    cursor: Cursor = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """List organizations, in tree order."""
    from enlist.verbs import documents
    from enlist.verbs.views import ListOrganizations

    with installation(context, data, database) as enlist:
        page = shown(enlist, ListOrganizations(search=search, limit=limit, cursor=cursor))

    def row(found: Organization) -> Sequence[str]:
        return "  " * (found.path.count("/") - 1) + found.name, found.group_id, found.time_zone

    columns = ("NAME", "GROUP ID", "TIME ZONE")
    empty = "No organization matches."
    print_page(page, columns, row, empty, documents.organization, as_json=as_json)


@commands.command(
    "email-domains", epilog="Example: enlist organization email-domains sales --set example.com"
)
def email_domains(
    context: typer.Context,
    organization: Annotated[str, typer.Argument(metavar="GROUP_ID", help="Group ID or id.")],
    change: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="DOMAIN", help="All that it shall have; repeatable."),
    ] = None,
    none: Annotated[bool, typer.Option("--none", help="It shall have none.")] = False,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Show or set the e-mail domains that lead to an organization on the enrollment page."""
    from enlist.verbs.email_domains import SetEmailDomains, ShowEmailDomains

    if none and change:
        usage("Choose one: --set or --none.")
    with installation(context, data, database) as enlist:
        if none or change:
            found = done(enlist.perform(SetEmailDomains(organization, tuple(change or ()))))
        else:
            found = shown(enlist, ShowEmailDomains(organization))
    if as_json:
        print_json({"domains": found.domains})
        return
    for each in found.domains:
        out.print(each, markup=False)
    if not found.domains:
        out.print("No e-mail domain leads to this organization.")


@commands.command(
    "settings",
    epilog="Example: enlist organization settings sales --set token_type=two_factor "
    "--set token_length=12 --inherit token_expiration_hours",
)
def settings(
    context: typer.Context,
    organization: Annotated[str, typer.Argument(metavar="GROUP_ID", help="Group ID or id.")],
    change: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Repeatable.")
    ] = None,
    inherit: Annotated[
        list[str] | None, typer.Option("--inherit", metavar="KEY", help="Take from above.")
    ] = None,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Show the settings in force and where they come from; change them with --set, --inherit."""
    from enlist.verbs.organizations import ChangeSettings
    from enlist.verbs.views_details import ShowOrganization

    wanted: dict[str, object] = dict(_pair(text) for text in change or [])
    wanted |= dict.fromkeys(inherit or [])
    with installation(context, data, database) as enlist:
        if wanted:
            done(enlist.perform(ChangeSettings(organization, wanted)))
        detail = shown(enlist, ShowOrganization(organization))
    in_force = detail.policy.settings
    if as_json:
        print_json(
            {key: {"value": held.value, "source": held.source} for key, held in in_force.items()}
        )
        return
    rows = [(key, _words(held.value), held.source) for key, held in in_force.items()]
    print_table(("SETTING", "VALUE", "FROM"), rows, "")


def _pair(text: str) -> tuple[str, object]:
    """`key=value` with the value in the setting's own type."""
    key, equals, value = text.partition("=")
    if not equals:
        usage(f"--set {text}: write KEY=VALUE, such as token_length=12")
    default = SETTINGS[key].default if key in SETTINGS else ""
    if isinstance(default, bool) and value in ("true", "false"):
        return key, value == "true"
    if isinstance(default, int) and not isinstance(default, bool) and value.isdigit():
        return key, int(value)
    return key, value


def _words(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
