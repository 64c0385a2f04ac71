"""What the commands that issue a token share: how it gets to the user, and what is printed."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from enlist.cli.backend import Opened
from enlist.cli.options import known, to_run
from enlist.cli.output import moment, out, print_facts, print_json, shown
from enlist.core.model import GrantKind
from enlist.verbs.issuing import Issued

Message = Annotated[
    str,
    typer.Option(
        "--message",
        help="email or sms sends it to the user; none prints a token once, qr also draws its link, "
        "and that is audited; "
        "later does neither yet.",
    ),
]

Grant = Annotated[
    str,
    typer.Option(
        "--grant",
        help="registration_token, or one_time_jwt for OpenZiti clients: sent as an attachment, "
        "or downloaded.",
    ),
]


def grant_named(text: str) -> GrantKind:
    """The grant of that name, if a device can be registered with it."""
    allowed = (GrantKind.REGISTRATION_TOKEN.value, GrantKind.ONE_TIME_JWT.value)
    return GrantKind(known("--grant", text or "(nothing)", allowed))


def issued_document(issued: Issued, enlist: Opened) -> dict[str, Any]:
    """An enrollment that was issued, for programs."""
    from enlist.verbs import documents
    from enlist.verbs.views_details import ShowEnrollment

    detail = shown(enlist, ShowEnrollment(issued.enrollment_id))
    found = documents.enrollment_detail(detail, enlist.now)
    if issued.token is not None:
        found |= {
            "token": issued.token.reveal(),
            "link": enlist.link(issued.enrollment_id, issued.token),
        }
    return found


def registered_document(issued: Issued, enlist: Opened) -> dict[str, Any]:
    """A device that was registered, and its enrollment, for programs."""
    from enlist.verbs import documents
    from enlist.verbs.views_details import ShowDevice

    device = documents.device(shown(enlist, ShowDevice(issued.device_id)).device)
    return {"device": device, "enrollment": issued_document(issued, enlist)}


def print_token(
    context: typer.Context, issued: Issued, enlist: Opened, *, drawn: bool = False
) -> None:
    """The token, or where it went.

    Args:
        drawn: draw its link, to be scanned from the screen.
    """
    until = moment(issued.expires_at)
    if issued.token is None and issued.message_id is None:
        if issued.grant is GrantKind.ONE_TIME_JWT:
            next_step = {"One-time JWT": to_run(context, f"enrollment jwt {issued.enrollment_id}")}
        else:
            resend = to_run(context, f"enrollment resend {issued.enrollment_id}")
            next_step = {"To send the token": resend}
        print_facts({**next_step, "Valid until": until})
        return
    if issued.token is None:
        out.print(
            f"The token is on its way {_way(issued, enlist)}, valid until {until}.", markup=False
        )
        return
    link = enlist.link(issued.enrollment_id, issued.token)
    print_facts({"Token": issued.token.reveal(), "Link": link, "Valid until": until})
    if drawn:
        import segno

        segno.make(link, error="l", micro=False).terminal(compact=True)


def _way(issued: Issued, enlist: Opened) -> str:
    """How a token that was sent got there."""
    from enlist.verbs.views_details import ShowEnrollment

    detail = shown(enlist, ShowEnrollment(issued.enrollment_id))
    by_sms = any(each.id == issued.message_id and each.channel == "sms" for each in detail.messages)
    return "by SMS" if by_sms else "by e-mail"


def print_issued(
    context: typer.Context, issued: Issued, enlist: Opened, *, as_json: bool, drawn: bool = False
) -> None:
    """What was issued, for people or programs."""
    if as_json:
        print_json(issued_document(issued, enlist))
    else:
        print_token(context, issued, enlist, drawn=drawn)
