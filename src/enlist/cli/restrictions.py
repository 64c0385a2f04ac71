"""`enlist restriction …`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from enlist.cli.options import Data, Database, Json, Organization, installation
from enlist.cli.output import done, out, print_json, print_table, shown, usage
from enlist.core.restrictions import Restriction

commands = typer.Typer(help="Enrollment restrictions: who may enroll what.", no_args_is_help=True)

Rule = Annotated[str, typer.Argument(metavar="RESTRICTION", help="Id.")]
Group = Annotated[
    str | None, typer.Option("--group", metavar="GROUP", help="Id; else it counts for everybody.")
]
Rank = Annotated[
    int | None, typer.Option("--rank", help="Of two that count, the lower is in force.")
]
LetIn = Annotated[
    bool | None, typer.Option("--let-in/--keep-out", help="Whether they may enroll at all.")
]
Platforms = Annotated[
    list[str] | None, typer.Option("--platform", help="Allowed: ios, linux …; repeatable.")
]
Ownerships = Annotated[
    list[str] | None,
    typer.Option("--ownership", help="Allowed: corporate_shared …; repeatable."),
]
Models = Annotated[
    list[str] | None, typer.Option("--model", help="Allowed, as 'ThinkPad*'; repeatable.")
]
Manufacturers = Annotated[
    list[str] | None, typer.Option("--manufacturer", help="Allowed, likewise; repeatable.")
]
LeastOs = Annotated[
    list[str] | None,
    typer.Option("--least-os", metavar="PLATFORM=VERSION", help="ios=17.4; repeatable."),
]
Most = Annotated[int | None, typer.Option("--most-devices", help="Enrolled devices of a user.")]
MostDedicated = Annotated[
    int | None, typer.Option("--most-corporate-dedicated", help="Of them, of this ownership.")
]
MostShared = Annotated[
    int | None, typer.Option("--most-corporate-shared", help="Of them, of this ownership.")
]
MostOwned = Annotated[
    int | None, typer.Option("--most-employee-owned", help="Of them, of this ownership.")
]
MostHere = Annotated[
    int | None,
    typer.Option("--most-at-organization", help="Devices there and below, of all users."),
]


@commands.command("list", epilog="Example: enlist restriction list --organization sales")
def list_(
    context: typer.Context,
    organization: Organization = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """List what restricts enrolling at an organization, its own and from above.

    In the order in which it is looked through: the first that counts for a user is in force.
    """
    from enlist.verbs import documents
    from enlist.verbs.restrictions import ListRestrictions

    with installation(context, data, database) as enlist:
        place = organization or enlist.caller.organization_id or ""
        found = shown(enlist, ListRestrictions(place))
    if as_json:
        print_json({"items": [documents.restriction_here(each) for each in found]})
        return
    rows = [
        (
            each.restriction.name,
            each.group_name or ("a group" if each.restriction.user_group_id else "everybody"),
            str(each.restriction.rank),
            ", ".join(_told(each.restriction)) or "everything",
            each.organization.group_id,
            each.standing.value,
            each.restriction.id,
        )
        for each in found
    ]
    columns = ("NAME", "COUNTS FOR", "RANK", "ALLOWS", "FROM", "STATE", "ID")
    print_table(columns, rows, "Nothing is restricted. See: enlist restriction add --help")


@commands.command(
    "add",
    epilog="Example: enlist restriction add --name 'Field staff' --group 0199… --platform ios "
    "--least-os ios=17.4 --most-devices 2",
)
def add(
    context: typer.Context,
    name: Annotated[str, typer.Option("--name", help="Stands in the event of a refusal.")],
    organization: Organization = "",
    group: Group = None,
    rank: Rank = None,
    let_in: LetIn = None,
    platform: Platforms = None,
    ownership: Ownerships = None,
    model: Models = None,
    manufacturer: Manufacturers = None,
    least_os: LeastOs = None,
    most_devices: Most = None,
    most_corporate_dedicated: MostDedicated = None,
    most_corporate_shared: MostShared = None,
    most_employee_owned: MostOwned = None,
    most_at_organization: MostHere = None,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Restrict who may enroll what at an organization and below. What is not said is allowed."""
    from enlist.verbs.restrictions import AddRestriction

    values = _given(locals())
    with installation(context, data, database) as enlist:
        place = organization or enlist.caller.organization_id or ""
        made = done(enlist.perform(AddRestriction(place, values)))
    _said("Added", made, as_json)


@commands.command(
    "change",
    epilog="Example: enlist restriction change 0199… --most-devices 3 --clear platforms",
)
def change(
    context: typer.Context,
    restriction: Rule,
    organization: Organization = "",
    name: Annotated[str | None, typer.Option("--name", help="The new name.")] = None,
    group: Group = None,
    rank: Rank = None,
    let_in: LetIn = None,
    platform: Platforms = None,
    ownership: Ownerships = None,
    model: Models = None,
    manufacturer: Manufacturers = None,
    least_os: LeastOs = None,
    most_devices: Most = None,
    most_corporate_dedicated: MostDedicated = None,
    most_corporate_shared: MostShared = None,
    most_employee_owned: MostOwned = None,
    most_at_organization: MostHere = None,
    clear: Annotated[
        list[str] | None,
        typer.Option("--clear", metavar="FIELD", help="Restrict by it no more; repeatable."),
    ] = None,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Change what of a restriction is named; the rest stays. --clear takes a field as in --json."""
    from enlist.verbs.restrictions import ChangeRestriction

    values = _given(locals()) | dict.fromkeys(clear or [])
    with installation(context, data, database) as enlist:
        place = organization or enlist.caller.organization_id or ""
        changed = done(enlist.perform(ChangeRestriction(place, restriction, values)))
    _said("Changed", changed, as_json)


@commands.command("delete", epilog="Example: enlist restriction delete 0199… --organization sales")
def delete(
    context: typer.Context,
    restriction: Rule,
    organization: Organization = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Take a restriction of an organization's own away."""
    from enlist.verbs.restrictions import DeleteRestriction

    with installation(context, data, database) as enlist:
        place = organization or enlist.caller.organization_id or ""
        done(enlist.perform(DeleteRestriction(place, restriction)))
    if as_json:
        print_json({"id": restriction})
    else:
        out.print("It counts no more.")


_FIELDS = {
    "name": "name",
    "group": "user_group_id",
    "rank": "rank",
    "let_in": "may_enroll",
    "platform": "platforms",
    "ownership": "ownership",
    "model": "models",
    "manufacturer": "manufacturers",
    "least_os": "least_os",
}
"""Fields of a restriction by the flag that gives them; limits have the flag's own name."""


def _given(flags: dict[str, Any]) -> dict[str, object]:
    """What was said, by the restriction's fields."""
    values: dict[str, object] = {
        _FIELDS.get(flag, flag): value
        for flag, value in flags.items()
        if value is not None and (flag in _FIELDS or flag.startswith("most_"))
    }
    if "least_os" in values:
        values["least_os"] = dict(_pair(text) for text in flags["least_os"])
    return values


def _pair(text: str) -> tuple[str, str]:
    platform, equals, version = text.partition("=")
    if not equals:
        usage(f"--least-os {text}: write PLATFORM=VERSION, such as ios=17.4")
    return platform, version


def _told(rule: Restriction) -> Sequence[str]:
    """What a restriction says, field by field."""
    told = [] if rule.may_enroll else ["nothing"]
    for key in ("platforms", "ownership", "models", "manufacturers"):
        told += [", ".join(getattr(rule, key))] if getattr(rule, key) else []
    told += [f"{platform} {version} or newer" for platform, version in rule.least_os.items()]
    most = [(key, getattr(rule, key)) for key in Restriction.__slots__ if key.startswith("most_")]
    return told + [f"{key}={value}" for key, value in most if value is not None]


def _said(words: str, rule: Restriction, as_json: bool) -> None:
    from enlist.verbs import documents

    if as_json:
        print_json(documents.restriction(rule))
    else:
        out.print(f"{words} {rule.name}: {rule.id}", markup=False)
