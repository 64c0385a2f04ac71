"""`enlist role …`: roles of one's own, who is given which, and which need a second factor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from enlist.cli.options import Data, Database, Json, Organization, installation, to_run
from enlist.cli.output import done, out, print_facts, print_json, print_table, shown, usage
from enlist.core.access import OwnRole, RoleAssignment

commands = typer.Typer(help="Roles: what staff may do.", no_args_is_help=True)


Role = Annotated[str, typer.Argument(metavar="ROLE", help="Id of a role of your own.")]
AnyRole = Annotated[
    str, typer.Argument(metavar="ROLE", help="A built-in role, or the name or id of your own.")
]
User = Annotated[str, typer.Argument(metavar="USER", help="User name or id.")]
Place = Annotated[
    str, typer.Argument(metavar="GROUP_ID", help="Group ID or id; it counts there and below.")
]
Description = Annotated[str | None, typer.Option("--description", help="What it is for.")]
_COLUMNS = ("NAME", "MADE IN", "PERMISSIONS", "HELD", "ID")


def _row(role: OwnRole) -> Sequence[str]:
    return (role.name, role.group_id, str(len(role.permissions)), str(role.held), role.id)


@commands.command("list", epilog="Example: enlist role list --organization berlin")
def list_(
    context: typer.Context,
    organization: Organization = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """List the roles that can be given in an organization, or below it."""
    from enlist.core import permissions
    from enlist.verbs import documents
    from enlist.verbs.own_roles import ListOwnRoles

    with installation(context, data, database) as enlist:
        own = shown(enlist, ListOwnRoles(organization, below=True))
    if as_json:
        items = [documents.built_in_role(each) for each in permissions.Role]
        print_json({"items": items + [documents.own_role(each) for each in own]})
        return
    built_in = [
        (each.value, "built in", str(len(permissions.ROLES[each])), "", "")
        for each in permissions.Role
    ]
    print_table(_COLUMNS, [*built_in, *(_row(each) for each in own)], "")


@commands.command("show", epilog="Example: enlist role show 0199…")
def show(
    context: typer.Context,
    role: Role,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Show what a role of your own may do. Who holds it: enlist user list --role."""
    from enlist.verbs import documents
    from enlist.verbs.own_roles import ShowOwnRole

    with installation(context, data, database) as enlist:
        found = shown(enlist, ShowOwnRole(role))
    if as_json:
        print_json(documents.own_role(found))
        return
    print_facts(
        {
            "Name": found.name,
            "Description": found.description,
            "Made in": found.group_id,
            "Held": str(found.held),
            "Id": found.id,
        }
    )
    for permission in sorted(found.permissions):
        out.print(f"  {permission}", markup=False)


@commands.command(
    "add",
    epilog="Example: enlist role add --name 'Field support' --permission users:read "
    "--permission devices:read --permission devices:register",
)
def add(
    context: typer.Context,
    name: Annotated[str, typer.Option("--name", help="Unique in its organization.")],
    permission: Annotated[
        list[str] | None, typer.Option("--permission", help="What it may do; repeatable.")
    ] = None,
    like: Annotated[
        str, typer.Option("--like", help="Begin with the permissions of a built-in role.")
    ] = "",
    description: Description = None,
    organization: Organization = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Put a role together; it can be given in the organization and below."""
    from enlist.core import permissions
    from enlist.verbs import documents
    from enlist.verbs.own_roles import AddOwnRole

    if like and like not in set(permissions.Role):
        usage(f"--like {like} is not known. Write one of {', '.join(permissions.Role)}.")
    begun = (
        permissions.ROLES[permissions.Role(like)] if like else frozenset[permissions.Permission]()
    )
    wanted = tuple(sorted({*begun, *(permission or ())}))
    with installation(context, data, database) as enlist:
        made = done(enlist.perform(AddOwnRole(organization, name, wanted, description or "")))
    if as_json:
        print_json(documents.own_role(made))
        return
    out.print(f"Added {made.name}: {made.id}", markup=False)
    give = to_run(context, f"role grant USER {made.id} {made.group_id}")
    out.print(f"Give it: {give}", markup=False)


@commands.command("change", epilog="Example: enlist role change 0199… --add devices:edit")
def change(
    context: typer.Context,
    role: Role,
    name: Annotated[str | None, typer.Option("--name", help="The new name.")] = None,
    description: Description = None,
    add: Annotated[
        list[str] | None, typer.Option("--add", help="A further permission; repeatable.")
    ] = None,
    remove: Annotated[
        list[str] | None, typer.Option("--remove", help="A permission to take away; repeatable.")
    ] = None,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Change a role, at once for everybody who holds it."""
    from enlist.verbs import documents
    from enlist.verbs.own_role_changes import ChangeOwnRole
    from enlist.verbs.own_roles import ShowOwnRole

    given = {"name": name, "description": description}
    changes: dict[str, str | tuple[str, ...]] = {
        key: value for key, value in given.items() if value is not None
    }
    with installation(context, data, database) as enlist:
        found = shown(enlist, ShowOwnRole(role))
        if add or remove:
            after = ({*found.permissions} | set(add or ())) - set(remove or ())
            changes["permissions"] = tuple(sorted(after))
        changed = done(enlist.perform(ChangeOwnRole(role, changes, found.version)))
    if as_json:
        print_json(documents.own_role(changed))
    else:
        out.print(f"Changed {changed.name}.", markup=False)


@commands.command("delete", epilog="Example: enlist role delete 0199… --instead reader")
def delete(
    context: typer.Context,
    role: Role,
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Take it from everybody who holds it.")
    ] = False,
    instead: Annotated[
        str, typer.Option("--instead", metavar="ROLE", help="What whoever holds it gets for it.")
    ] = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Delete a role. While somebody holds it, say what becomes of that."""
    from enlist.verbs.own_role_changes import DeleteOwnRole

    verb = DeleteOwnRole(role, withdraw=withdraw, instead=instead)
    with installation(context, data, database) as enlist:
        done(enlist.perform(verb))
    if as_json:
        print_json({"role": role})
    else:
        out.print("Deleted.")


@commands.command("grant", epilog="Example: enlist role grant ada operator berlin")
def grant(
    context: typer.Context,
    user: User,
    role: AnyRole,
    organization: Place,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Give a user a role on an organization and below."""
    from enlist.verbs.staff import GrantRole

    with installation(context, data, database) as enlist:
        held = done(enlist.perform(GrantRole(user, organization, role)))
    _print_held(user, held, as_json=as_json)


@commands.command("withdraw", epilog="Example: enlist role withdraw ada operator berlin")
def withdraw(
    context: typer.Context,
    user: User,
    role: AnyRole,
    organization: Place,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Take a role from a user; it is gone at the next click."""
    from enlist.verbs.staff import WithdrawRole

    with installation(context, data, database) as enlist:
        left = done(enlist.perform(WithdrawRole(user, organization, role)))
    _print_held(user, left, as_json=as_json)


def _print_held(user: str, held: tuple[RoleAssignment, ...], *, as_json: bool) -> None:
    from enlist.verbs import documents

    if as_json:
        print_json({"items": [documents.role_held(each) for each in held]})
        return
    roles = ", ".join(f"{each.name} on {each.group_id}" for each in held)
    out.print(f"{user} holds {roles or 'no role'}.", markup=False)


@commands.command(
    "require-second-factor",
    epilog="Example: enlist role require-second-factor administrator operator",
)
def require_second_factor(
    context: typer.Context,
    roles: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ROLE]...", help="All that need one; none for no role."),
    ] = None,
    organization: Organization = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Say which roles need a second factor in an organization and below, in place of before."""
    from enlist.verbs.second_factor_rules import SetSecondFactorRules

    with installation(context, data, database) as enlist:
        rules = done(enlist.perform(SetSecondFactorRules(organization, tuple(roles or ()))))
    if as_json:
        own, in_force = sorted(rules.own), dict(rules.in_force)
        print_json({"organization": rules.organization.group_id, "own": own, "in_force": in_force})
        return
    place = rules.organization.group_id
    if not rules.in_force:
        out.print(f"No role needs a second factor in {place}.", markup=False)
    for role, asked_by in sorted(rules.in_force.items()):
        name = rules.names.get(role, role)
        out.print(f"{name} needs a second factor, as {asked_by} says.", markup=False)
