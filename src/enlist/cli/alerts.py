"""`enlist alert …`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, Final

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
from enlist.cli.output import REFUSED, done, moment, out, print_json, print_page, shown
from enlist.store.alerts import Alert

commands = typer.Typer(
    help="Alerts: what is amiss, and who of the staff is told.", no_args_is_help=True
)
_ASKED_EVERY: Final = 0.5


@commands.command("list", epilog="Example: enlist alert list --state open")
def list_(
    context: typer.Context,
    state: Annotated[str, typer.Option("--state", help="open or closed.")] = "",
    organization: Organization = "",
    search: Search = "",
    limit: Limit = 50,
    cursor: Cursor = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """List alerts, those that opened last first."""
    from enlist.verbs import documents
    from enlist.verbs.alert_kinds import ALERT_KINDS
    from enlist.verbs.alerts import ListAlerts

    with installation(context, data, database) as enlist:
        filters = {"state": state} if state else {}
        view = ListAlerts(organization, search, filters, limit=limit, cursor=cursor)
        page = shown(enlist, view)

    def row(alert: Alert) -> Sequence[str]:
        known = ALERT_KINDS.get(alert.kind)
        title, remedy = (known.title, known.remedy) if known else (alert.kind, "")
        left_out = f"({alert.left_out} sent no e-mail: too many in the hour)"
        more = left_out if alert.left_out else ""
        about = " ".join(filter(None, (alert.device_name, alert.username, alert.details, more)))
        since, todo = moment(alert.opened_at), remedy if alert.state == "open" else ""
        return (alert.state, title, about, alert.group_id, since, todo)

    columns = ("STATE", "WHAT", "ABOUT", "ORGANIZATION", "SINCE", "WHAT TO DO")
    empty = nothing("Nothing is amiss, and nothing was.", search, cursor)
    print_page(page, columns, row, empty, documents.alert, as_json=as_json)


@commands.command(
    "routes", epilog="Example: enlist alert routes --role administrator --address it@example.com"
)
def routes(
    context: typer.Context,
    role: Annotated[
        list[str] | None,
        typer.Option("--role", help="Whose holders are told from now on; repeatable."),
    ] = None,
    address: Annotated[
        list[str] | None, typer.Option("--address", help="Who is told beside them; repeatable.")
    ] = None,
    off: Annotated[
        list[str] | None, typer.Option("--off", help="Kind that is not raised; repeatable.")
    ] = None,
    inherit: Annotated[
        bool, typer.Option("--inherit", help="Say nothing here: what is above counts.")
    ] = False,
    organization: Organization = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Show who is told of alerts at an organization and below, or say so by the options.

    What is not named by an option is then none: no role, no address, nothing switched off.
    """
    from enlist.verbs import documents
    from enlist.verbs.alert_routes import SetAlertRoutes, ShowAlertRoutes

    with installation(context, data, database) as enlist:
        if role or address or off or inherit:
            given = tuple(role or ()), tuple(address or ()), tuple(off or ())
            found = done(enlist.perform(SetAlertRoutes(organization, *given, inherit)))
        else:
            found = shown(enlist, ShowAlertRoutes(organization))
    if as_json:
        print_json(documents.alert_routes(found))
        return
    told = found.routes
    said = "by default" if told.source == "default" else f"as {told.source} says"
    out.print(f"In {found.organization.group_id}, {said}:", markup=False)
    out.print(f"  roles         {', '.join(told.roles) or 'none'}", markup=False)
    out.print(f"  addresses     {', '.join(told.addresses) or 'none'}", markup=False)
    out.print(f"  switched off  {', '.join(told.switched_off) or 'nothing'}", markup=False)
    out.print(f"  people        {found.people}", markup=False)


@commands.command("test", epilog="Example: enlist alert test --organization berlin")
def send_test(
    context: typer.Context,
    wait: Annotated[
        int, typer.Option("--wait", min=0, max=300, help="Seconds to wait for what comes of it.")
    ] = 10,
    organization: Organization = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Send a test to everybody who is told of alerts, and say what came of it.

    The server sends it: it has to run. Exits with 1 where something failed, or has not arrived in
    the time to wait.
    """
    from enlist.verbs import documents
    from enlist.verbs.alert_tests import ShowAlertTest, TestAlerts

    with installation(context, data, database) as enlist:
        found = done(enlist.perform(TestAlerts(organization)))
        until = time.monotonic() + wait
        while found.tried and not found.over and time.monotonic() < until:
            time.sleep(_ASKED_EVERY)
            found = shown(enlist, ShowAlertTest(found.id))
    if as_json:
        print_json(documents.alert_test(found))
    elif not found.tried:
        out.print("Nobody is told of alerts here. See: enlist alert routes --help")
    for each in () if as_json else found.tried:
        to = each.target or "somebody of an organization above"
        reason = f": {each.reason}" if each.reason else ""
        out.print(f"{each.way} to {to}: {each.state}{reason}", markup=False)
    late = bool(wait) and not found.over
    if late or not found.tried or any(each.state == "failed" for each in found.tried):
        raise typer.Exit(REFUSED)
