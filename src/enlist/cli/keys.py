"""`enlist keys …`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from enlist.cli import bulk
from enlist.cli.options import Data, Database, Json, backend, to_run
from enlist.cli.output import REFUSED, moment, out, print_json, print_table, problems

commands = typer.Typer(help="Keys: what tokens and certificates rest on.", no_args_is_help=True)


class Purpose(StrEnum):
    """What can be rotated."""

    LOOKUP = "lookup"
    DERIVE = "derive"
    CHECKPOINT = "checkpoint"
    CA = "ca"


@commands.command("list", epilog="Example: enlist keys list")
def list_(
    context: typer.Context, data: Data = None, database: Database = None, as_json: Json = False
) -> None:
    """List keys: what each is for, whether it is in use, and how much alive needs it."""
    found = backend(context).list_keys(data=data, database=database)
    if as_json:
        print_json({"items": found})
        return
    columns = ("PURPOSE", "KEY", "STATE", "SINCE", "LIVE")
    rows = [
        (
            each["purpose"],
            each["id"],
            each["state"],
            moment(each["begins_at"]),
            str(each["live"]) if each["purpose"] in ("lookup", "derive") else "",
        )
        for each in found
    ]
    print_table(columns, rows, "There is no key.")


@commands.command("rotate", epilog="Example: enlist keys rotate lookup")
def rotate(
    context: typer.Context,
    purpose: Annotated[Purpose, typer.Argument(metavar="PURPOSE", help="What the key is for.")],
    minutes: Annotated[
        int,
        typer.Option(
            "--minutes",
            min=0,
            max=60 * 24 * 30,
            help="Use it only after so long, to copy it to other machines before.",
        ),
    ] = 0,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Make a new key. Servers use it after ten seconds; what the old ones made stays good."""
    made = backend(context).rotate_key(purpose.value, minutes=minutes, data=data, database=database)
    if as_json:
        print_json(made)
        return
    what = "issuing CA" if purpose is Purpose.CA else f"{purpose.value} key"
    out.print(f"Made the {what} {made['id']}.", markup=False)
    out.print(f"It makes what is new from {_exactly(made)} on. Back up the keys now.")


@commands.command("compromised", epilog="Example: enlist keys compromised --yes")
def compromised(
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Keys have leaked: make new ones, stop every live token at once, and send new tokens.

    What else they open is listed: second factors, which their owners set up anew, and webhooks, to
    be given new secrets.
    """
    bulk.confirm_for_good("Every token that nobody has used yet stops working. Go on?", yes=yes)
    made = backend(context).replace_leaked_keys(data=data, database=database)
    if as_json:
        print_json(made)
    else:
        out.print(f"New tokens sent: {made['reissued']}. Back up the new keys now.")
        _print_rest(made["revoked"], "Revoked, because nobody can be sent a new one:")
        _print_rest(made["overtaken"], "Revoked, because a newer token has enrolled the device:")
        _print_rest(made["left"], "Still on hold, because reissuing or revoking was refused:")
        _print_factors(made["second_factors"])
        _print_webhooks(context, made["webhooks"])
        if made["revoked"]:
            issue = to_run(context, "enrollment issue DEVICE --message none")
            out.print(f"Issue them anew: {issue}", markup=False)
    if made["left"]:
        problems.print("Some are still on hold. Look at them, or run this once more.")
        raise typer.Exit(REFUSED)


def _print_rest(items: list[dict[str, Any]], title: str) -> None:
    if items:
        out.print(title)
        rows = [(each["device_id"] or "", each["device"], each["user"]) for each in items]
        print_table(("ID", "DEVICE", "USER"), rows, "")


def _print_factors(items: list[dict[str, Any]]) -> None:
    """Second factors go on: a password alone would be less."""
    if not items:
        return
    out.print(f"Second factors that the old keys open, to be set up anew: {len(items)}.")
    print_table(("USER", "SET UP"), [(e["user"], moment(e["set_up_at"])) for e in items], "")
    out.print("Their owners do that themselves; then nothing of the old one works.")


def _print_webhooks(context: typer.Context, items: list[dict[str, Any]]) -> None:
    """They go on being signed: nobody would know the new secret yet."""
    if not items:
        return
    out.print(f"Webhooks whose secrets the old keys make: {len(items)}.")
    rows = [(each["name"], each["organization"], each["webhook_id"]) for each in items]
    print_table(("NAME", "ORGANIZATION", "ID"), rows, "")
    renew = to_run(context, "webhook secret ID")
    out.print(f"Give each a new one, and its receiver a copy: {renew}", markup=False)


def _exactly(made: dict[str, Any]) -> str:
    """To the second: it is ten of them away."""
    from enlist.core.clock import to_datetime

    return to_datetime(made["begins_at"]).strftime("%Y-%m-%d %H:%M:%S UTC")
