"""`enlist wave …`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from enlist.cli.options import (
    Cursor,
    Data,
    Database,
    Json,
    Limit,
    Organization,
    installation,
    to_run,
)
from enlist.cli.output import (
    INTERRUPTED,
    done,
    moment,
    out,
    print_facts,
    print_json,
    print_page,
    print_table,
    problems,
    progress_after_a_second,
    shown,
    usage,
)

if TYPE_CHECKING:
    from enlist.cli.backend import Opened
    from enlist.verbs.waves import Standing

commands = typer.Typer(
    help="Waves: tokens for many people, issued bit by bit.", no_args_is_help=True
)

Wave = Annotated[str, typer.Argument(metavar="WAVE", help="Id of a wave.")]
NoWait = Annotated[
    bool, typer.Option("--no-wait", help="Leave the work to the server, and watch nothing.")
]


@commands.command(
    "start",
    epilog="Example: enlist wave start Autumn --csv people.csv --platform ios --canary 10 "
    "--canary-needs 80 --remind 6",
)
def start(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="For the list.")],
    platform: Annotated[
        str, typer.Option("--platform", help="android, ios, macos, windows or linux.")
    ],
    csv: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            exists=True,
            dir_okay=False,
            help="File with the column username, and perhaps device_name and platform.",
        ),
    ] = None,
    group: Annotated[str, typer.Option("--group", help="Id of a group of users.")] = "",
    user: Annotated[
        list[str] | None, typer.Option("--user", help="Id or user name; repeatable.")
    ] = None,
    ownership: Annotated[str, typer.Option("--ownership", help="Whose the devices are.")] = "none",
    device_name: Annotated[
        str, typer.Option("--device-name", help="{user} stands for the user's name.")
    ] = "{user}'s device",
    message: Annotated[str, typer.Option("--message", help="email or sms.")] = "email",
    template: Annotated[str, typer.Option("--template", help="Of the message.")] = "",
    hours: Annotated[
        int, typer.Option("--hours", help="How long tokens work; 0: as the organization says.")
    ] = 0,
    per_minute: Annotated[
        int, typer.Option("--per-minute", help="Messages a minute at most; 0: no limit.")
    ] = 600,
    canary: Annotated[
        int, typer.Option("--canary", help="Percent who come first; the others wait.")
    ] = 0,
    canary_needs: Annotated[
        int,
        typer.Option(
            "--canary-needs", help="Go on by itself once so many percent of them have enrolled."
        ),
    ] = 0,
    remind: Annotated[
        int, typer.Option("--remind", help="Remind so many hours before a token expires; 0: never.")
    ] = 0,
    no_wait: NoWait = False,
    organization: Organization = "",
    as_json: Json = False,
    data: Data = None,
    database: Database = None,
) -> None:
    """Register a device for each of many people and send them its token.

    A bar shows how far it is. If it is interrupted, a running server goes on with it, and the exit
    code is 130; it is 1 where somebody could not be sent anything.
    """
    from enlist.store.waves import Plan
    from enlist.verbs.csv_file import MOST_BYTES
    from enlist.verbs.waves import StartWave, Whom

    if csv is not None and csv.stat().st_size > MOST_BYTES:
        usage(f"{csv} has more than 64 MiB. Divide it into several files.")
    plan = Plan(
        name, platform, ownership, device_name, message, template, hours, per_minute, canary,
        canary_needs, remind,
    )  # fmt: skip
    text = csv.read_bytes().decode("utf-8", "surrogateescape") if csv is not None else ""
    with installation(context, data, database) as enlist:
        verb = StartWave(organization, plan, Whom(group, tuple(user or ()), text))
        wave = done(enlist.perform(verb))
        _finish(context, enlist, wave.id, watch=not no_wait, as_json=as_json)


@commands.command("show", epilog="Example: enlist wave show 0199… --state failed")
def show(
    context: typer.Context,
    wave: Wave,
    state: Annotated[
        str, typer.Option("--state", help="List people so far: queued, sent, opened, failed ….")
    ] = "",
    limit: Limit = 50,
    cursor: Cursor = "",
    as_json: Json = False,
    data: Data = None,
    database: Database = None,
) -> None:
    """Show how far a wave is; with --state, also who is so far, and why somebody failed."""
    from enlist.cli.options import known
    from enlist.store.wave_members import MemberState
    from enlist.verbs import documents
    from enlist.verbs.waves import ListWaveMembers, ShowWave

    known("--state", state, MemberState)
    with installation(context, data, database) as enlist:
        found = shown(enlist, ShowWave(wave))
        filters = {"wave": found.wave.id, "state": state}
        view = ListWaveMembers(
            found.wave.organization_id, filters=filters, limit=limit, cursor=cursor
        )
        people = shown(enlist, view) if state else None
    if as_json:
        document = documents.wave_standing(found)
        if people is not None:
            document["people_shown"] = [documents.wave_member(each) for each in people.items]
            document["next_cursor"] = people.next_cursor
        print_json(document)
        return
    _print(context, found)
    if people is not None:
        rows = [(each.username, each.reason, each.recipient) for each in people.items]
        print_table(("USER", "WHY", "ADDRESS"), rows, "Nobody is so far.")
        if people.next_cursor:
            out.print(f"More: --cursor {people.next_cursor}", markup=False)


@commands.command("pause", epilog="Example: enlist wave pause 0199…")
def pause(
    context: typer.Context,
    wave: Wave,
    as_json: Json = False,
    data: Data = None,
    database: Database = None,
) -> None:
    """Hold a wave where it is: nothing more is issued or sent."""
    from enlist.verbs.waves import PauseWave

    with installation(context, data, database) as enlist:
        done(enlist.perform(PauseWave(wave)))
        _finish(context, enlist, wave, watch=False, as_json=as_json)


@commands.command("resume", epilog="Example: enlist wave resume 0199…")
def resume(
    context: typer.Context,
    wave: Wave,
    no_wait: NoWait = False,
    as_json: Json = False,
    data: Data = None,
    database: Database = None,
) -> None:
    """Go on with a wave where it was paused."""
    from enlist.verbs.waves import ResumeWave

    with installation(context, data, database) as enlist:
        done(enlist.perform(ResumeWave(wave)))
        _finish(context, enlist, wave, watch=not no_wait, as_json=as_json)


@commands.command("continue", epilog="Example: enlist wave continue 0199…")
def continue_(
    context: typer.Context,
    wave: Wave,
    no_wait: NoWait = False,
    as_json: Json = False,
    data: Data = None,
    database: Database = None,
) -> None:
    """The go-ahead: after the first share, everybody else."""
    from enlist.verbs.waves import ContinueWave

    with installation(context, data, database) as enlist:
        done(enlist.perform(ContinueWave(wave)))
        _finish(context, enlist, wave, watch=not no_wait, as_json=as_json)


@commands.command("stop", epilog="Example: enlist wave stop 0199…")
def stop(
    context: typer.Context,
    wave: Wave,
    as_json: Json = False,
    data: Data = None,
    database: Database = None,
) -> None:
    """End a wave early, for good; what was issued stays."""
    from enlist.verbs.waves import StopWave

    with installation(context, data, database) as enlist:
        done(enlist.perform(StopWave(wave)))
        _finish(context, enlist, wave, watch=False, as_json=as_json)


@commands.command("resend", epilog="Example: enlist wave resend 0199…")
def resend(
    context: typer.Context,
    wave: Wave,
    as_json: Json = False,
    data: Data = None,
    database: Database = None,
) -> None:
    """Send the same token again to whoever could still enroll and has not.

    A running server sends it.
    """
    from enlist.verbs.waves import ResendWave

    with installation(context, data, database) as enlist:
        done(enlist.perform(ResendWave(wave)))
        _finish(context, enlist, wave, watch=False, as_json=as_json)


@commands.command("list", epilog="Example: enlist wave list --json")
def list_(
    context: typer.Context,
    organization: Organization = "",
    limit: Limit = 50,
    cursor: Cursor = "",
    as_json: Json = False,
    data: Data = None,
    database: Database = None,
) -> None:
    """List waves, newest first."""
    from enlist.verbs import documents
    from enlist.verbs.waves import ListWaves

    with installation(context, data, database) as enlist:
        page = shown(enlist, ListWaves(organization, limit=limit, cursor=cursor))
    print_page(
        page,
        ("NAME", "STATE", "PEOPLE", "BY", "BEGUN", "ID"),
        lambda wave: (
            wave.plan.name,
            wave.state.value,
            f"{wave.done}/{wave.people}",
            wave.maker,
            moment(wave.created_at),
            wave.id,
        ),
        "There was no wave yet. Begin one: enlist wave start --help",
        documents.wave,
        as_json=as_json,
    )


def _finish(
    context: typer.Context, enlist: Opened, wave_id: str, *, watch: bool, as_json: bool
) -> None:
    """Work on a wave while it runs, or watch who does, and say how far it is."""
    import time

    from enlist.store.wave_members import MemberState
    from enlist.store.waves import WaveState
    from enlist.verbs.documents import wave_standing
    from enlist.verbs.waves import ShowWave

    found = shown(enlist, ShowWave(wave_id))
    try:
        with progress_after_a_second("Issuing", found.wave.people) as tell:
            while watch and found.wave.state is WaveState.RUNNING:
                tell(found.wave.done)
                if not enlist.work_on_wave(wave_id):
                    time.sleep(0.2)  # the throttle, or the server is at it
                found = shown(enlist, ShowWave(wave_id))
    except KeyboardInterrupt:
        _leave(context, wave_id)
    if as_json:
        print_json(wave_standing(found))
    else:
        _print(context, found)
    stuck = found.wave.state is WaveState.PAUSED or found.counts[MemberState.FAILED]
    if watch and stuck:
        raise typer.Exit(1)


def _leave(context: typer.Context, wave_id: str) -> NoReturn:
    """Somebody pressed Ctrl-C: it was this command that ended, and not the wave."""
    problems.print("Interrupted. A running server goes on with the wave.", markup=False)
    problems.print(f"How far it is: {to_run(context, f'wave show {wave_id}')}", markup=False)
    problems.print(f"To hold it: {to_run(context, f'wave pause {wave_id}')}", markup=False)
    raise typer.Exit(INTERRUPTED)


def _print(context: typer.Context, found: Standing) -> None:
    wave, plan = found.wave, found.wave.plan
    facts = {
        "Wave": wave.id,
        "State": wave.state.value + (f": {wave.reason}" if wave.reason else ""),
        "Had their turn": f"{wave.done} of {wave.people}",
    }
    if plan.canary_percent:
        facts["Enrolled of the first"] = f"{found.canaries_enrolled} of {wave.canary}"
    for state, count in found.counts.items():
        facts[state.value.title()] = str(count)
    print_facts(facts)
    if wave.state.value == "waiting":
        follow = to_run(context, f"wave continue {wave.id}")
        out.print(f"To let the others follow: {follow}", markup=False)
