"""`enlist view …`: saved views of the list of enrollments."""

from __future__ import annotations

from typing import Annotated

import typer

from enlist.cli.options import Data, Database, Json, Organization, installation
from enlist.cli.output import done, out, print_json, print_table, shown, usage
from enlist.store.saved_views import SavedView

commands = typer.Typer(
    help="Saved views of the list of enrollments, for all who see an organization.",
    no_args_is_help=True,
)

View = Annotated[str, typer.Argument(metavar="VIEW", help="Id.")]
Text = Annotated[str | None, typer.Option("--search", help="What it searches for.")]
Filters = Annotated[
    list[str] | None,
    typer.Option(
        "--filter", metavar="NAME=VALUE", help="token_status=expired, platform=ios …; repeatable."
    ),
]
Sort = Annotated[
    str | None, typer.Option("--sort", help="expires_at, or -expires_at for the last first.")
]


@commands.command("list", epilog="Example: enlist view list --organization sales")
def list_(
    context: typer.Context,
    organization: Organization = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """List what is shared at an organization, by name."""
    from enlist.verbs import documents
    from enlist.verbs.saved_views import ListSavedViews

    with installation(context, data, database) as enlist:
        found = shown(enlist, ListSavedViews(organization))
    if as_json:
        print_json({"items": [documents.saved_view(each) for each in found]})
        return
    rows = [(each.name, _told(each), each.group_id, each.created_by, each.id) for each in found]
    columns = ("NAME", "SHOWS", "ORGANIZATION", "BY", "ID")
    print_table(columns, rows, "No view is shared. Save one: enlist view save --help")


@commands.command(
    "save",
    epilog="Example: enlist view save 'Expired phones' --filter token_status=expired "
    "--filter platform=ios",
)
def save(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Unique in its organization.")],
    search: Text = None,
    filters: Filters = None,
    sort: Sort = None,
    organization: Organization = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Keep a search, filters and an order under a name, for all who see the organization."""
    from enlist.verbs.saved_views import SaveView

    asked = _filters(filters)
    with installation(context, data, database) as enlist:
        verb = SaveView(organization, name, search or "", asked, sort or "", shared=True)
        saved = done(enlist.perform(verb))
    _said("Saved", saved, as_json)


@commands.command("change", epilog="Example: enlist view change 0199… --name 'Expired iPhones'")
def change(
    context: typer.Context,
    view: View,
    name: Annotated[str | None, typer.Option("--name", help="The new name.")] = None,
    search: Text = None,
    filters: Filters = None,
    sort: Sort = None,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Change what of a view is named; filters that are given take the place of all others."""
    from enlist.verbs.saved_views import ChangeView

    given = {"name": name, "search": search, "sort": sort}
    changes: dict[str, object] = {key: text for key, text in given.items() if text is not None}
    if filters:
        changes["filters"] = _filters(filters)
    with installation(context, data, database) as enlist:
        changed = done(enlist.perform(ChangeView(view, changes)))
    _said("Changed", changed, as_json)


@commands.command("delete", epilog="Example: enlist view delete 0199…")
def delete(
    context: typer.Context,
    view: View,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Delete a view. The enrollments that it shows stay."""
    from enlist.verbs.saved_views import DeleteView

    with installation(context, data, database) as enlist:
        done(enlist.perform(DeleteView(view)))
    if as_json:
        print_json({"id": view})
    else:
        out.print("Deleted.")


def _filters(given: list[str] | None) -> dict[str, str]:
    asked = {}
    for text in given or []:
        name, equals, value = text.partition("=")
        if not equals:
            usage(f"--filter {text}: write NAME=VALUE, such as token_status=expired")
        asked[name] = value
    return asked


def _told(view: SavedView) -> str:
    """What a view shows, in short."""
    told = [f"{name}={value}" for name, value in view.filters.items()]
    told += [f'"{view.search}"'] if view.search else []
    told += [f"by {view.sort}"] if view.sort else []
    return ", ".join(told) or "everything"


def _said(words: str, view: SavedView, as_json: bool) -> None:
    from enlist.verbs import documents

    if as_json:
        print_json(documents.saved_view(view))
    else:
        out.print(f"{words} {view.name}: {view.id}", markup=False)
