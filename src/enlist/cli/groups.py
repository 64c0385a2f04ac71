"""`enlist group …`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

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
    nothing,
    to_run,
)
from enlist.cli.output import done, out, print_json, print_page, shown
from enlist.core.model import User, UserGroup
from enlist.core.outcomes import Done, Refusal
from enlist.verbs.driver import Verb

commands = typer.Typer(help="Groups of users.", no_args_is_help=True)

Group = Annotated[str, typer.Argument(metavar="GROUP", help="Id.")]
Users = Annotated[
    list[str],
    typer.Argument(metavar="USER", help="User names or ids; - reads them from standard input."),
]
Description = Annotated[str | None, typer.Option("--description", help="What it is for.")]


@commands.command("add", epilog="Example: enlist group add --name 'Field staff'")
def add(
    context: typer.Context,
    name: Annotated[str, typer.Option("--name", help="Unique in its organization.")],
    description: Description = None,
    organization: Organization = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Add a group, empty."""
    from enlist.verbs import documents
    from enlist.verbs.groups import AddGroup

    with installation(context, data, database) as enlist:
        made = done(enlist.perform(AddGroup(organization, name, description or "")))
    if as_json:
        print_json(documents.user_group(made))
        return
    out.print(f"Added {made.name}: {made.id}", markup=False)
    out.print(
        f"Put users into it: {to_run(context, f'group add-user {made.id} USER')}", markup=False
    )


@commands.command("list", epilog="Example: enlist group list --json")
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
    """List groups by name."""
    from enlist.verbs import documents
    from enlist.verbs.groups import ListGroups

    with installation(context, data, database) as enlist:
        page = shown(enlist, ListGroups(organization, search=search, limit=limit, cursor=cursor))

    def row(group: UserGroup) -> Sequence[str]:
        return (group.name, str(group.members), group.group_id, group.description, group.id)

    columns = ("NAME", "MEMBERS", "ORGANIZATION", "DESCRIPTION", "ID")
    empty = nothing("No group yet. Add one: enlist group add --help", search, cursor)
    print_page(page, columns, row, empty, documents.user_group, as_json=as_json)


@commands.command("members", epilog="Example: enlist group members 0199…")
def members(
    context: typer.Context,
    group: Group,
    search: Search = "",
    limit: Limit = 50,
    cursor: Cursor = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """List who is in a group."""
    from enlist.verbs import documents
    from enlist.verbs.groups import ShowGroup
    from enlist.verbs.views import ListUsers

    with installation(context, data, database) as enlist:
        found = shown(enlist, ShowGroup(group))
        only = {"group": found.id}
        view = ListUsers(
            found.organization_id, search=search, filters=only, limit=limit, cursor=cursor
        )
        page = shown(enlist, view)

    def row(user: User) -> Sequence[str]:
        return (user.username, user.display_name, user.email, user.group_id, user.id)

    columns = ("USER", "NAME", "E-MAIL", "ORGANIZATION", "ID")
    empty = nothing("Nobody is in it. Add users: enlist group add-user --help", search, cursor)
    print_page(page, columns, row, empty, documents.user, as_json=as_json)


@commands.command("change", epilog="Example: enlist group change 0199… --name Drivers")
def change(
    context: typer.Context,
    group: Group,
    name: Annotated[str | None, typer.Option("--name", help="The new name.")] = None,
    description: Description = None,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Give a group another name or description."""
    from enlist.verbs import documents
    from enlist.verbs.groups import ChangeGroup

    given = {"name": name, "description": description}
    changes = {key: value for key, value in given.items() if value is not None}
    with installation(context, data, database) as enlist:
        changed = done(enlist.perform(ChangeGroup(group, changes)))
    if as_json:
        print_json(documents.user_group(changed))
    else:
        out.print(f"Changed {changed.name}.", markup=False)


@commands.command("delete", epilog="Example: enlist group delete 0199…")
def delete(
    context: typer.Context,
    group: Group,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Delete a group for which no enrollment restriction counts. Its members stay."""
    from enlist.verbs.groups import DeleteGroup

    with installation(context, data, database) as enlist:
        done(enlist.perform(DeleteGroup(group)))
    if as_json:
        print_json({"id": group})
    else:
        out.print("Deleted.")


@commands.command("add-user", epilog="Example: enlist group add-user 0199… ada grace")
def add_user(
    context: typer.Context,
    group: Group,
    users: Users,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Put users into a group; who is in it already stays."""
    from enlist.verbs.groups import AddMember

    _each(context, data, database, users, lambda user: AddMember(group, user), "Added", as_json)


@commands.command("remove-user", epilog="Example: enlist group remove-user 0199… ada")
def remove_user(
    context: typer.Context,
    group: Group,
    users: Users,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Take users out of a group."""
    from enlist.verbs.groups import RemoveMember

    _each(context, data, database, users, lambda user: RemoveMember(group, user), "Out", as_json)


def _each(
    context: typer.Context,
    data: Data,
    database: Database,
    users: list[str],
    make: Callable[[str], Verb[Any, Any, None]],
    words: str,
    as_json: bool,
) -> None:
    with installation(context, data, database) as enlist:

        def perform(user: str) -> Done[str] | Refusal:
            outcome = enlist.perform(make(user))
            return outcome if isinstance(outcome, Refusal) else Done(user)

        bulk.each(
            bulk.ids(users),
            perform,
            lambda user: {"user": user},
            lambda user: out.print(f"{words}: {user}", markup=False),
            words,
            as_json=as_json,
        )
