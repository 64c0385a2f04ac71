"""`enlist user …`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from enlist.cli.backend import Opened
from enlist.cli.issuing import Message, print_token, registered_document
from enlist.cli.leaving import erase, offboard
from enlist.cli.one_time_credentials import credentials
from enlist.cli.options import (
    Cursor,
    Data,
    Database,
    Json,
    Limit,
    NameSearch,
    Organization,
    installation,
    known,
    nothing,
    read_secret,
    to_run,
)
from enlist.cli.output import (
    done,
    moment,
    out,
    print_json,
    print_page,
    problems,
    shown,
    usage,
)
from enlist.core import model
from enlist.core.counting import counted
from enlist.core.model import User

if TYPE_CHECKING:
    from enlist.verbs.users import AddUser

Staging = Annotated[
    str,
    typer.Option(
        "--staging",
        metavar="TYPE",
        help="How the user enrolls devices for others: " + ", ".join(model.Staging) + ".",
    ),
]

commands = typer.Typer(help="People.", no_args_is_help=True)
commands.command("offboard", epilog="Example: enlist user offboard ada --at 48h")(offboard)
commands.command("credentials", epilog="Example: enlist user credentials ada --platform windows")(
    credentials
)
commands.command("erase", epilog="Example: enlist user erase ada --dry-run")(erase)


@commands.command("add", epilog="Example: enlist user add --username ada --email ada@example.com")
def add(
    context: typer.Context,
    username: Annotated[str, typer.Option("--username", help="Unique in the installation.")],
    email: Annotated[str, typer.Option("--email", help="Where tokens are sent.")] = "",
    phone: Annotated[str, typer.Option("--phone", help="With country code: +49…")] = "",
    first_name: Annotated[str, typer.Option("--first-name", help="First name.")] = "",
    last_name: Annotated[str, typer.Option("--last-name", help="Last name.")] = "",
    organization: Organization = "",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read a password from standard input.")
    ] = False,
    password_link: Annotated[
        bool,
        typer.Option("--password-link", help="Send a link by which the user sets a password."),
    ] = False,
    device: Annotated[
        str,
        typer.Option(
            "--device",
            metavar="NAME",
            help="Register a first device as well, and issue its token: both, or neither.",
        ),
    ] = "",
    platform: Annotated[
        str, typer.Option("--platform", help="The device's: android, ios, macos, windows, linux.")
    ] = "",
    message: Message = "email",
    staging: Staging = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Add a user. Without a password he can enroll with a token, but not sign in."""
    from enlist.core.secrets import Secret
    from enlist.verbs import documents
    from enlist.verbs.users import AddUser

    if bool(device) != bool(platform):
        usage("--device and --platform go together.")
    if message != "email" and not device:
        usage("--message is for the token of a first device: name it by --device.")
    password = Secret(read_secret("Password")) if password_stdin else None
    verb = AddUser(
        organization,
        username,
        email=email,
        phone=phone,
        first_name=first_name,
        last_name=last_name,
        password=password,
        password_link=password_link,
        staging=known("--staging", staging, model.Staging),
    )
    with installation(context, data, database) as enlist:
        if device:
            _add_with_device(context, enlist, verb, device, platform, message, as_json=as_json)
            return
        made = done(enlist.perform(verb))
    if as_json:
        print_json(documents.user(made))
        return
    _print_added(made)
    if password_link:
        out.print(f"A link to set a password is on its way to {made.email}.", markup=False)


def _add_with_device(
    context: typer.Context,
    enlist: Opened,
    user: AddUser,
    name: str,
    platform: str,
    message: str,
    *,
    as_json: bool,
) -> None:
    from enlist.verbs import documents
    from enlist.verbs.device_details import DeviceDetails
    from enlist.verbs.first_device import AddUserWithDevice, FirstDevice
    from enlist.verbs.issuing import Delivery

    device = FirstDevice(DeviceDetails(name, platform), Delivery(message))
    both = done(enlist.perform(AddUserWithDevice(user, device)))
    if as_json:
        print_json(documents.user(both.user) | registered_document(both.issued, enlist))
        return
    _print_added(both.user)
    out.print(f"Registered {name}: {both.issued.device_id}", markup=False)
    print_token(context, both.issued, enlist, drawn=message == "qr")


def _print_added(user: User) -> None:
    out.print(f"Added {user.username} to {user.group_id}.", markup=False)


@commands.command("change", epilog="Example: enlist user change depot --staging multiple_user")
def change(
    context: typer.Context,
    user: Annotated[str, typer.Argument(metavar="USER", help="User name or id.")],
    staging: Staging = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Change whether a user enrolls devices for others."""
    from enlist.verbs import documents
    from enlist.verbs.users import ChangeUser

    changes = {"staging": known("--staging", staging, model.Staging)} if staging else {}
    if not changes:
        usage("Name at least one thing to change, such as --staging.")
    with installation(context, data, database) as enlist:
        changed = done(enlist.perform(ChangeUser(user, changes)))
    if as_json:
        print_json(documents.user(changed))
        return
    out.print(f"Changed {changed.username}.", markup=False)


@commands.command("authorize", epilog="Example: enlist user authorize ada --at berlin --at paris")
def authorize(
    context: typer.Context,
    user: Annotated[str, typer.Argument(metavar="USER", help="User name or id.")],
    at: Annotated[
        list[str] | None,
        typer.Option(
            "--at",
            metavar="GROUP_ID",
            help="Group ID or id of where the user may enroll; as often as needed, default first.",
        ),
    ] = None,
    anywhere: Annotated[
        bool,
        typer.Option("--anywhere", help="In the user's organization, and everywhere below it."),
    ] = False,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Say at which organizations a user may enroll; devices go to the first one."""
    from enlist.verbs import documents
    from enlist.verbs.authorizing import Authorize

    if bool(at) == anywhere:
        usage("Name the organizations by --at, or say --anywhere.")
    with installation(context, data, database) as enlist:
        changed = done(enlist.perform(Authorize(user, tuple(at or ()))))
    if as_json:
        print_json(documents.user(changed))
        return
    where = ", ".join(at or ()) or f"{changed.group_id} and below"
    out.print(f"{changed.username} may enroll at {where}.", markup=False)


@commands.command("move", epilog="Example: enlist user move ada --to berlin")
def move(
    context: typer.Context,
    user: Annotated[str, typer.Argument(metavar="USER", help="User name or id.")],
    organization: Annotated[
        str,
        typer.Option("--to", metavar="GROUP_ID", help="Group ID or id of the new organization."),
    ],
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Move a user to another organization, with devices that are not enrolled and their tokens."""
    from enlist.verbs import documents
    from enlist.verbs.move_people import MoveUser

    with installation(context, data, database) as enlist:
        moved = done(enlist.perform(MoveUser(user, organization)))
    if as_json:
        print_json(documents.user(moved))
        return
    out.print(f"{moved.username} is in {moved.group_id} now.", markup=False)


@commands.command("send-password-link", epilog="Example: enlist user send-password-link ada")
def send_password_link(
    context: typer.Context,
    user: Annotated[str, typer.Argument(metavar="USER", help="User name or id.")],
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Send a user a link by which he sets his password himself; the one from before ends."""
    from enlist.verbs import documents
    from enlist.verbs.staff import SendPasswordLink

    with installation(context, data, database) as enlist:
        sent = done(enlist.perform(SendPasswordLink(user)))
    if as_json:
        print_json(documents.password_link(sent))
        return
    told = f"A link to set a password is on its way to {sent.user.email}."
    out.print(told, markup=False)
    out.print(f"It works once, until {moment(sent.expires_at)}.")


@commands.command("recover", epilog="Example: enlist user recover ada")
def recover(
    context: typer.Context,
    user: Annotated[str, typer.Argument(metavar="USER", help="User name or id.")],
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Make a one-time sign-in link for an administrator. All administrators are told by mail."""
    from enlist.verbs.recovery import Recover

    with installation(context, data, database) as enlist:
        made = done(enlist.perform(Recover(user)))
        address = enlist.driver.tools.addresses.public_url
    link = f"{address}/recover#t={made.link.reveal()}"
    if as_json:
        told = {"user": made.username, "link": link}
        how = {"told": made.told, "second_factor": made.second_factor}
        print_json({**told, "expires_at": made.expires_at, **how})
        return
    out.print(f"{made.username} sets a new password here, once, until {moment(made.expires_at)}:")
    out.print(link, markup=False)
    if made.second_factor:
        out.print("The second factor stays: the page asks for a code, or a recovery code.")
        remove = to_run(context, f"user remove-second-factor {made.username}")
        out.print(f"Lost as well? {remove}", markup=False)
    if made.told:
        out.print(f"A message to {counted(made.told, 'administrator')} is on its way.")
    else:
        problems.print("Nobody was told: no mail server is set up, or nobody has an address.")


@commands.command("remove-second-factor", epilog="Example: enlist user remove-second-factor ada")
def remove_second_factor(
    context: typer.Context,
    user: Annotated[str, typer.Argument(metavar="USER", help="User name or id.")],
    data: Data = None,
    database: Database = None,
) -> None:
    """Take away a second factor that was lost; sign-ins end, and its owner is told by mail."""
    from enlist.verbs.second_factor import RemoveSecondFactor

    with installation(context, data, database) as enlist:
        ended = done(enlist.perform(RemoveSecondFactor(user)))
    out.print(f"{user} signs in with the password alone now, and may have to set up another one.")
    out.print(f"Sign-ins ended: {ended}.")


@commands.command("list", epilog="Example: enlist user list --search ada")
def list_(
    context: typer.Context,
    organization: Organization = "",
    role: Annotated[
        str, typer.Option("--role", help="Only who holds it: built in, or the id of your own.")
    ] = "",
    search: NameSearch = "",
    limit: Limit = 50,
    cursor: Cursor = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """List users of an organization and below."""
    from enlist.verbs import documents
    from enlist.verbs.views import ListUsers

    with installation(context, data, database) as enlist:
        only = {"role": role} if role else {}
        view = ListUsers(organization, search=search, filters=only, limit=limit, cursor=cursor)
        page = shown(enlist, view)

    def row(user: User) -> Sequence[str]:
        return user.username, user.display_name, user.email, user.group_id, user.state.value

    columns = ("USER NAME", "NAME", "E-MAIL", "ORGANIZATION", "STATE")
    first = "No user yet. Add one: enlist user add --username ada --email ada@example.com"
    empty = nothing(first, role, search, cursor)
    print_page(page, columns, row, empty, documents.user, as_json=as_json)
