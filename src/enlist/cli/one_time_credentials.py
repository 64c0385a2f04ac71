"""`enlist user credentials`: one-time credentials, sent to one user or to many."""

from __future__ import annotations

from typing import Annotated

import typer

from enlist.cli import bulk
from enlist.cli.issuing import issued_document
from enlist.cli.options import Data, Database, Json, Organization, installation, known
from enlist.cli.output import moment, out
from enlist.core.model import Platform
from enlist.verbs.channels import CHANNELS, EMAIL
from enlist.verbs.issuing import Issued


def credentials(
    context: typer.Context,
    users: Annotated[
        list[str],
        typer.Argument(metavar="USER", help="User names or ids; - reads them from standard input."),
    ],
    platform: Annotated[
        str,
        typer.Option("--platform", help="Of the devices: android, ios, macos, windows or linux."),
    ],
    organization: Organization = "",
    hours: Annotated[
        int | None,
        typer.Option("--hours", help="How long they live; default: the organization's setting."),
    ] = None,
    tags: Annotated[
        list[str] | None, typer.Option("--tag", help="Of the devices; as often as needed.")
    ] = None,
    message: Annotated[str, typer.Option("--message", help="email or sms.")] = EMAIL,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Send users what enrolls a device, once: a link, or a user name and a password."""
    from enlist.verbs.one_time_credentials import IssueCredentials

    known("--platform", platform or "(nothing)", Platform)
    known("--message", message or "(nothing)", CHANNELS)
    named = bulk.ids(users)
    with installation(context, data, database) as enlist:

        def show(issued: Issued) -> None:
            until = moment(issued.expires_at)
            out.print(f"Credentials are on their way to {named[0]}; they work until {until}.")
            out.print(f"Enrollment: {issued.enrollment_id}", markup=False)

        bulk.each(
            named,
            lambda user: enlist.perform(
                IssueCredentials(
                    user,
                    platform,
                    organization,
                    hours=hours,
                    tags=tuple(tags or ()),
                    message=message,
                )
            ),
            lambda issued: issued_document(issued, enlist),
            show,
            "Sent",
            as_json=as_json,
        )
