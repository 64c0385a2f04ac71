"""`enlist webhook …`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

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
from enlist.cli.output import done, moment, out, print_json, print_page, shown
from enlist.core import targets
from enlist.store.webhooks import Hook, HookDelivery

if TYPE_CHECKING:
    from enlist.verbs.driver import AnyVerb

commands = typer.Typer(help="Webhooks: events, posted to an address.", no_args_is_help=True)

Webhook = Annotated[str, typer.Argument(metavar="WEBHOOK", help="Id.")]


@commands.command(
    "add",
    epilog="Example: enlist webhook add https://hooks.example.com/enlist --name inventory "
    "--kind 'enrollment.*'",
)
def add(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="https://…")],
    name: Annotated[str, typer.Option("--name", help="What it is for.")],
    kind: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",
            help="Of events: device.reset, device.* or *; or a stage, such as issued; repeatable.",
        ),
    ] = None,
    organization: Organization = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Post events to an address from now on, and print the secret that signs them, once."""
    from enlist.verbs import documents
    from enlist.verbs.webhooks import AddWebhook

    with installation(context, data, database) as enlist:
        made = done(enlist.perform(AddWebhook(name, url, organization, tuple(kind or ()))))
    if as_json:
        print_json({**documents.webhook(made.hook), "secret": made.secret.reveal()})
        return
    out.print(made.secret.reveal(), markup=False)
    out.print("Give it to the receiver now: it is not shown again.")


@commands.command("list", epilog="Example: enlist webhook list")
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
    """List webhooks, newest first."""
    from enlist.verbs import documents
    from enlist.verbs.webhooks import ListWebhooks

    with installation(context, data, database) as enlist:
        view = ListWebhooks(organization, search=search, limit=limit, cursor=cursor)
        page = shown(enlist, view)

    def row(hook: Hook) -> Sequence[str]:
        state = f"{hook.state}: {hook.reason}" if hook.reason else hook.state
        address = targets.shown(hook.url)
        return (hook.name, address, " ".join(hook.kinds), hook.group_id, state, hook.id)

    columns = ("NAME", "ADDRESS", "KINDS", "ORGANIZATION", "STATE", "ID")
    empty = nothing("No webhook yet. Add one: enlist webhook add --help", search, cursor)
    print_page(page, columns, row, empty, documents.webhook, as_json=as_json)


@commands.command("log", epilog="Example: enlist webhook log 0199…")
def log(
    context: typer.Context,
    webhook: Webhook,
    limit: Limit = 50,
    cursor: Cursor = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """List what was posted to a webhook, or waits to be, newest first."""
    from enlist.verbs import documents
    from enlist.verbs.webhooks import ListDeliveries

    with installation(context, data, database) as enlist:
        view = ListDeliveries(filters={"webhook": webhook}, limit=limit, cursor=cursor)
        page = shown(enlist, view)

    def row(told: HookDelivery) -> Sequence[str]:
        said = f"{told.status or ''} {told.answer}".strip()
        return (told.kind, told.state, str(told.tries), moment(told.tried_at), said, told.id)

    columns = ("EVENT", "STATE", "TRIES", "LAST TRY", "ANSWER", "ID")
    empty = nothing("Nothing was posted yet. Try: enlist webhook test --help", "", cursor)
    print_page(page, columns, row, empty, documents.delivery, as_json=as_json)


@commands.command("replay", epilog="Example: enlist webhook replay 0199… 0199…")
def replay(
    context: typer.Context,
    webhook: Webhook,
    delivery: Annotated[str, typer.Argument(metavar="DELIVERY", help="Id, from the log.")],
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Have an event posted again, under the same id."""
    from enlist.verbs.webhooks import ReplayDelivery

    with installation(context, data, database) as enlist:
        done(enlist.perform(ReplayDelivery(webhook, delivery)))
    _said("It is posted again.", webhook, as_json)


@commands.command("secret", epilog="Example: enlist webhook secret 0199…")
def secret(
    context: typer.Context,
    webhook: Webhook,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Sign with a new secret from now on, and print it, once."""
    from enlist.verbs.webhooks import RenewWebhookSecret

    with installation(context, data, database) as enlist:
        made = done(enlist.perform(RenewWebhookSecret(webhook)))
    if as_json:
        print_json({"id": made.hook.id, "secret": made.secret.reveal()})
    else:
        out.print(made.secret.reveal(), markup=False)


def _command(
    name: str, help_: str, said: str, verb: Callable[[str], AnyVerb[Any, Any, Any]]
) -> None:
    """Add a command that does one thing to a webhook, and says so."""

    @commands.command(name, help=help_, epilog=f"Example: enlist webhook {name} 0199…")
    def act(
        context: typer.Context,
        webhook: Webhook,
        data: Data = None,
        database: Database = None,
        as_json: Json = False,
    ) -> None:
        with installation(context, data, database) as enlist:
            done(enlist.perform(verb(webhook)))
        _said(said, webhook, as_json)


def _said(text: str, webhook: str, as_json: bool) -> None:
    if as_json:
        print_json({"id": webhook})
    else:
        out.print(text)


def _test(webhook: str) -> AnyVerb[Any, Any, Any]:
    from enlist.verbs.webhooks import TestWebhook

    return TestWebhook(webhook)


def _switch(webhook: str, *, on: bool) -> AnyVerb[Any, Any, Any]:
    from enlist.verbs.webhooks import SwitchWebhook

    return SwitchWebhook(webhook, on=on)


def _delete(webhook: str) -> AnyVerb[Any, Any, Any]:
    from enlist.verbs.webhooks import DeleteWebhook

    return DeleteWebhook(webhook)


_command(
    "test",
    "Have the server post a test to a webhook.",
    "The server posts it within a second or two. See: enlist webhook log",
    _test,
)
_command(
    "stop",
    "Post nothing for now; what happens meanwhile is posted later.",
    "Stopped.",
    partial(_switch, on=False),
)
_command(
    "resume",
    "Let a webhook that was stopped go on with what has happened since.",
    "It goes on.",
    partial(_switch, on=True),
)
_command(
    "delete",
    "Delete a webhook; nothing more is posted, also not what waits.",
    "Deleted.",
    _delete,
)
