"""`enlist enrollment …`."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, get_args

import typer

from enlist.cli import bulk
from enlist.cli.backend import Opened
from enlist.cli.issuing import (
    Grant,
    Message,
    grant_named,
    issued_document,
    print_issued,
    print_token,
)
from enlist.cli.options import (
    Cursor,
    Data,
    Database,
    Expires,
    Json,
    Limit,
    NameSearch,
    Organization,
    installation,
    known,
    nothing,
    parse_moment,
)
from enlist.cli.output import (
    done,
    moment,
    out,
    print_facts,
    print_json,
    print_page,
    problems,
    refuse,
    shown,
    usage,
)
from enlist.core import model
from enlist.core.clock import rfc3339
from enlist.core.lifecycle import (
    NOT_APPLICABLE,
    DeviceState,
    EnrollmentState,
    TokenStatus,
    shown_state,
)
from enlist.core.outcomes import Done, Refusal
from enlist.core.policy import TokenType
from enlist.core.refusals import CATALOGUE
from enlist.verbs.issuing import Delivery

commands = typer.Typer(help="Enrollments: authorizations to enroll.", no_args_is_help=True)

STATES = (*EnrollmentState, "expired")
TOKEN_TYPES = (*TokenType, NOT_APPLICABLE)
FIRST_SEEN = ("never", "day", "week", "month", "earlier")

Enrollment = Annotated[str, typer.Argument(metavar="ENROLLMENT", help="Id.")]
Enrollments = Annotated[
    list[str],
    typer.Argument(metavar="ENROLLMENT", help="Ids; - reads them from standard input."),
]


@commands.command("list", epilog="Example: enlist enrollment list --state expired")
def list_(
    context: typer.Context,
    organization: Organization = "",
    search: NameSearch = "",
    state: Annotated[
        str, typer.Option("--state", help="active, expired, on_hold, used or revoked.")
    ] = "",
    grant: Annotated[
        str, typer.Option("--grant", help="Only of this kind, such as one_time_jwt.")
    ] = "",
    device_state: Annotated[
        str, typer.Option("--device-state", help="registered, enrolled, unenrolled or blocked.")
    ] = "",
    platform: Annotated[str, typer.Option("--platform", help="Only this platform.")] = "",
    ownership: Annotated[
        str, typer.Option("--ownership", help="Whose device, such as employee_owned.")
    ] = "",
    token_status: Annotated[
        str, typer.Option("--token-status", help="As --state; in_progress, not_applicable.")
    ] = "",
    token_type: Annotated[
        str, typer.Option("--token-type", help="single_factor, two_factor or not_applicable.")
    ] = "",
    source: Annotated[
        str, typer.Option("--source", help="Where issued: console, api, command_line …")
    ] = "",
    first_seen: Annotated[
        str,
        typer.Option("--first-seen", help="never, day, week, month (30 days) or earlier."),
    ] = "",
    limit: Limit = 50,
    cursor: Cursor = "",
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print all that fits as CSV; the audit log tells of it.")
    ] = False,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """List enrollments of an organization and below, newest first."""
    from enlist.verbs import documents
    from enlist.verbs.views import ListEnrollments

    with installation(context, data, database) as enlist:
        filters = {
            "state": known("--state", state, STATES),
            "grant": known("--grant", grant, model.GrantKind),
            "device_state": known("--device-state", device_state, DeviceState),
            "platform": known("--platform", platform, model.Platform),
            "ownership": known("--ownership", ownership, model.Ownership),
            "token_status": known("--token-status", token_status, get_args(TokenStatus)),
            "token_type": known("--token-type", token_type, TOKEN_TYPES),
            "source": known("--source", source, model.Source),
            "first_seen": known("--first-seen", first_seen, FIRST_SEEN),
        }
        view = ListEnrollments(
            organization, search=search, filters=filters, limit=limit, cursor=cursor
        )
        if as_csv:
            _export(enlist, organization, search, filters)
            return
        page = shown(enlist, view)
    now = enlist.now

    def row(found: model.Enrollment) -> Sequence[str]:
        return (
            found.device_name,
            found.username,
            shown_state(found.state, found.expires_at, now),
            moment(found.expires_at),
            found.message_state,
            found.id,
        )

    columns = ("DEVICE", "USER", "STATE", "UNTIL", "MESSAGE", "ID")
    first = "No enrollment here. Register a device: enlist device register --help"
    empty = nothing(first, search, cursor, *filters.values())
    print_page(
        page,
        columns,
        row,
        empty,
        lambda found: documents.enrollment(found, now),
        as_json=as_json,
    )


def _export(enlist: Opened, organization: str, search: str, filters: Mapping[str, str]) -> None:
    """All of the list as CSV on standard output, as it comes."""
    from enlist.store.listing import MOST_PER_PAGE
    from enlist.verbs.exporting import ExportEnrollments

    view = ExportEnrollments(organization, search=search, filters=filters, limit=MOST_PER_PAGE)
    pages = enlist.export(view)
    if isinstance(pages, Refusal):
        refuse(pages)
    for page in pages:
        sys.stdout.write(page)


@commands.command("show", epilog="Example: enlist enrollment show 0199…")
def show(
    context: typer.Context,
    enrollment: Enrollment,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Show an enrollment. Its token is never shown."""
    from enlist.verbs import documents
    from enlist.verbs.views_details import ShowEnrollment

    with installation(context, data, database) as enlist:
        detail = shown(enlist, ShowEnrollment(enrollment))
    if as_json:
        print_json(documents.enrollment_detail(detail, enlist.now))
        return
    found = detail.enrollment
    print_facts(
        {
            "Device": found.device_name,
            "User": found.username,
            "State": shown_state(found.state, found.expires_at, enlist.now),
            "Valid until": moment(found.expires_at),
            "Generation": str(found.generation),
            "Uses": f"{found.uses} of {found.max_uses}",
            "Issued": f"{moment(found.issued_at)} by {found.issued_by}",
            "Message": f"{found.message_state} {found.message_reason}".strip(),
            "Sent to": found.message_to,
            "Id": found.id,
        }
    )


@commands.command("issue", epilog="Example: enlist enrollment issue 0199… --expires 48h")
def issue(
    context: typer.Context,
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="Id of a registered device.")],
    message: Message = "email",
    grant: Grant = "registration_token",
    expires: Expires = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Issue a new enrollment for a registered device that has none live."""
    from enlist.verbs.register import Issue

    with installation(context, data, database) as enlist:
        until = parse_moment(expires, datetime.now(UTC))
        verb = Issue(device, Delivery(message), until, grant_named(grant))
        issued = done(enlist.perform(verb))
        print_issued(context, issued, enlist, as_json=as_json, drawn=message == "qr")


@commands.command("reissue", epilog="Example: enlist enrollment reissue 0199… --expires 48h")
def reissue(
    context: typer.Context,
    enrollments: Enrollments,
    message: Annotated[
        str,
        typer.Option(
            "--message",
            help="email, sms, none or later; default: email for a token, later for a JWT.",
        ),
    ] = "",
    reason: Annotated[str, typer.Option("--reason", help="For the audit log.")] = "",
    expires: Expires = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Make a new token for each unused enrollment; the last one stops working."""
    from enlist.verbs.issuing import Issued
    from enlist.verbs.reissue import Reissue

    until = parse_moment(expires, datetime.now(UTC))
    delivery = Delivery(message) if message else None

    with installation(context, data, database) as enlist:

        def perform(enrollment: str) -> Done[Issued] | Refusal:
            return enlist.perform(Reissue(enrollment, delivery, until, reason))

        def show(issued: Issued) -> None:
            print_token(context, issued, enlist, drawn=message == "qr")

        def show_token(issued: Issued) -> None:
            if issued.token is not None:
                print_facts({"Enrollment": issued.enrollment_id})
                show(issued)
                out.print()

        bulk.each(
            bulk.ids(enrollments),
            perform,
            lambda issued: issued_document(issued, enlist),
            show,
            "Reissued",
            as_json=as_json,
            of_many=show_token,
        )


@commands.command("delete", epilog="Example: enlist enrollment delete 0199… --yes")
def delete(
    context: typer.Context,
    enrollments: Enrollments,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Delete unused enrollments for good; their tokens are unknown from then on."""
    from enlist.verbs.reissue import DeleteEnrollment

    named = bulk.ids(enrollments)
    bulk.confirm_for_good(f"Delete {len(named)} for good?", yes=yes)
    with installation(context, data, database) as enlist:

        def perform(enrollment: str) -> Done[str] | Refusal:
            outcome = enlist.perform(DeleteEnrollment(enrollment))
            return outcome if isinstance(outcome, Refusal) else Done(enrollment)

        bulk.each(
            named,
            perform,
            lambda enrollment: {"id": enrollment, "state": "deleted"},
            lambda _enrollment: out.print("Deleted."),
            "Deleted",
            as_json=as_json,
        )


@commands.command("reactivate", epilog="Example: enlist enrollment reactivate --all")
def reactivate(
    context: typer.Context,
    enrollments: Annotated[
        list[str] | None, typer.Argument(metavar="[ENROLLMENT]...", help="Ids.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Whatever is on hold.")] = False,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Free enrollments that are on hold since a backup was restored; their tokens work again."""
    from enlist.verbs.reactivate import Reactivate

    if every == bool(enrollments):
        usage("Name enrollments, or give --all.")
    with installation(context, data, database) as enlist:
        freed, left = 0, Counter[str]()
        for enrollment in _held(enlist) if every else enrollments or []:
            outcome = enlist.perform(Reactivate(enrollment))
            if every and isinstance(outcome, Refusal):
                problems.print(f"{enrollment}: left on hold ({outcome.code})", markup=False)
                left[outcome.code] += 1
                continue
            done(outcome)
            freed += 1
    if as_json:
        print_json({"reactivated": freed, "left": dict(left)})
        return
    out.print(f"Reactivated: {freed}.")
    for code, many in left.items():
        meaning = CATALOGUE[code]
        out.print(f"Left on hold: {many}. {meaning.title}. {meaning.remedy}", markup=False)


def _held(enlist: Opened) -> Iterator[str]:
    """Whatever is on hold. What cannot be freed is passed once, and not met again."""
    from enlist.core.ids import NOTHING
    from enlist.verbs.reactivate import ListHeld

    page = shown(enlist, ListHeld(NOTHING))
    while page:
        yield from page
        page = shown(enlist, ListHeld(page[-1]))


@commands.command("resend", epilog="Example: enlist enrollment resend 0199…")
def resend(
    context: typer.Context,
    enrollment: Enrollment,
    message: Annotated[
        str, typer.Option("--message", help="email or sms; default: as its last message went.")
    ] = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Send the same token again."""
    from enlist.verbs.reissue import Resend

    with installation(context, data, database) as enlist:
        message_id = done(enlist.perform(Resend(enrollment, channel=message)))
    if as_json:
        print_json({"message_id": message_id})
    else:
        out.print("The message is on its way.")


@commands.command("jwt", epilog="Example: enlist enrollment jwt 0199… --output laptop.jwt")
def jwt(
    context: typer.Context,
    enrollment: Enrollment,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="Write it there, for its owner to read."),
    ] = None,
    qr: Annotated[bool, typer.Option("--qr", help="Draw it as a QR code.")] = False,
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Show the one-time JWT of an unused enrollment; whoever has it first enrolls with it."""
    from enlist.verbs.one_time_jwt import ShowJwt

    with installation(context, data, database) as enlist:
        found = done(enlist.perform(ShowJwt(enrollment, "qr" if qr else "text")))
    text = found.jwt.reveal()
    if output is not None:
        _write_privately(output, text)
    if as_json:
        print_json(
            {
                "enrollment_id": found.enrollment_id,
                "device_id": found.device_id,
                "expires_at": rfc3339(found.expires_at),
                "jwt": text,
            }
        )
    elif qr:
        import segno

        segno.make(text, error="l", micro=False).terminal(compact=True)
    elif output is None:
        typer.echo(text)


def _write_privately(path: Path, text: str) -> None:
    """Write a new file that nobody else can read. What is there already is left alone."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        usage(f"{path} cannot be written: {error.strerror}.")
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


@commands.command("revoke", epilog='Example: enlist enrollment revoke 0199… --reason "left"')
def revoke(
    context: typer.Context,
    enrollment: Enrollment,
    reason: Annotated[str, typer.Option("--reason", help="For the audit log.")] = "",
    data: Data = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """End an enrollment; its token stops working at once."""
    from enlist.verbs.reissue import Revoke

    with installation(context, data, database) as enlist:
        done(enlist.perform(Revoke(enrollment, reason)))
    if as_json:
        print_json({"id": enrollment, "state": "revoked"})
    else:
        out.print("Revoked.")
