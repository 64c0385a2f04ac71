"""`enlist role …`."""

from __future__ import annotations

from typing import Annotated

import typer

from enlist.cli.options import Data, Database, Json, Organization, installation
from enlist.cli.output import done, out, print_json

commands = typer.Typer(help="Roles: what staff may do.", no_args_is_help=True)


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
    """Say which roles need a second factor in an organization and below; all others do not."""
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
        out.print(f"{role} needs a second factor, as {asked_by} says.", markup=False)
