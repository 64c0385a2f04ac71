"""`enlist-agent enroll`, `enlist-agent run` and `enlist-agent status`.

Exit codes: 0 done; 1 refused, by the server or because the device is not in order; 2 the command
must be changed, or the state directory cannot be used; 3 no server that can be trusted gave a
usable answer; 4 `run` ended because the device was reset, or its certificate counts no more for
another reason; 130 stopped by hand.
"""

from __future__ import annotations

import argparse
import getpass
import json
import logging
import re
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NoReturn, TypeAlias

from enlist_agent.client import USER_AGENT, Patience
from enlist_agent.enrollment import Enroll
from enlist_agent.outcomes import Refusal, UnreachableError, UsageError
from enlist_agent.prompts import OWNERSHIPS, QUESTIONS, ask, terminal_language
from enlist_agent.running import Run
from enlist_agent.secret import DOTS, Secret, printable
from enlist_agent.standing import Standing, status

DONE: Final = 0
REFUSED: Final = 1
WRONG_USAGE: Final = 2
NO_SERVER: Final = 3
RESET: Final = 4
STOPPED: Final = 130
STANDARD_INPUT: Final = "-"

_CODES: Final = (
    "exit codes: 0 done, 1 refused, 2 the command must be changed or the directory cannot be used, "
    "3 no server that can be trusted answered, 4 the device was reset (run), 130 stopped by hand"
)


def main(argv: Sequence[str] | None = None, prog: str = "enlist-agent") -> int:
    """Run one command and return its exit code; `prog` is the name that the help shows."""
    # At DEBUG it logs headers, and in those a server may echo what it was sent.
    logging.getLogger("httpcore2").setLevel(logging.WARNING)
    try:
        given = _parser(prog).parse_args(argv)
        command: Callable[[argparse.Namespace], int] = given.do
        return command(given)
    except SystemExit as leaving:  # argparse's way out, after --help and mistakes alike
        return leaving.code if isinstance(leaving.code, int) else WRONG_USAGE
    except UsageError as error:
        _tell(str(error))
        return WRONG_USAGE
    except UnreachableError as error:
        _tell(str(error))
        return NO_SERVER
    except KeyboardInterrupt:
        _tell("Stopped. Nothing is lost: repeat the same command to go on.")
        return STOPPED


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints do not repeat what was typed: it may be the token."""

    def error(self, message: str) -> NoReturn:
        echo = r"(unrecognized arguments:|invalid choice:|ignored explicit argument) .*"
        super().error(re.sub(echo, rf"\1 {DOTS}", message, flags=re.DOTALL))


class _Paragraphs(argparse.HelpFormatter):
    """Help in which a new line begins where the text has one; each is folded by itself."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines = text.splitlines()
        return "\n".join(super(_Paragraphs, self)._fill_text(each, width, indent) for each in lines)


_Commands: TypeAlias = "argparse._SubParsersAction[_Parser]"  # noqa: SLF001 - it has no public name


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=prog,
        description="Enroll this device with Enlist, keep it connected, and see how it stands.",
        epilog=f"{prog} COMMAND --help says more.\n{_CODES}",
        formatter_class=_Paragraphs,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=USER_AGENT.replace("/", " "))
    commands = parser.add_subparsers(dest="command", required=True, metavar="enroll|run|status")
    enrolling = _enroll_words(commands, prog)
    running = _run_words(commands, prog)
    asking = _status_words(commands, prog)
    for command in (enrolling, running, asking):
        says = command.add_argument
        says("--state", metavar="DIR", type=Path, required=True, help="the agent's own directory")
        says("--ca", metavar="FILE", type=Path, help="trust this CA (PEM) as well")
        says("--json", action="store_true", help="answer in JSON")
    return parser


def _enroll_words(commands: _Commands, prog: str) -> _Parser:
    enrolling = commands.add_parser(
        "enroll",
        help="enroll this device with a link, token, code or JWT",
        description="Enroll this device. After a crash or a lost connection repeat the same "
        "command: nothing is used up twice.",
        epilog=f"example: {prog} enroll 'https://HOST/enroll/HANDLE#t=TOKEN' --state DIR\n{_CODES}",
        formatter_class=_Paragraphs,
        allow_abbrev=False,
    )
    says = enrolling.add_argument
    says(
        "secret",
        nargs="?",
        metavar="LINK|TOKEN|CODE|FILE.jwt",
        help="a link in quotes; - reads standard input",
    )
    says("--server", metavar="URL", help="the server; a link or a JWT already names it")
    says("--name", help="the device's name; default: its host name")
    says("--group-id", metavar="ID", help="your organization's Group ID")
    says(
        "--username",
        help="sign in too, where your organization asks for it; or the user name of one-time "
        "credentials, alone",
    )
    says(
        "--password-stdin",
        action="store_true",
        help="read the password from standard input, after the secret if that comes there too",
    )
    says(
        "--ca-fingerprint",
        metavar="sha256:HEX",
        help="trust the server's own CA if it has this fingerprint, and no other",
    )
    says(
        "--accept-terms",
        metavar="ID",
        help="accept the terms of use with this id, where your organization asks for that",
    )
    says("--ownership", choices=OWNERSHIPS, help="whose the device is, where that is asked for")
    says("--asset-number", metavar="NUMBER", help="its asset number, where that is asked for")
    says("--email", metavar="ADDRESS", help="your e-mail address, where that is asked for")
    enrolling.set_defaults(do=_enroll)
    return enrolling


def _run_words(commands: _Commands, prog: str) -> _Parser:
    running = commands.add_parser(
        "run",
        help="stay connected, and renew the certificate in time",
        description="Stay connected until the device is reset, and renew its certificate when two "
        "thirds of its life are over. For a service.",
        epilog=f"example: {prog} run --state DIR\n{_CODES}",
        formatter_class=_Paragraphs,
        allow_abbrev=False,
    )
    return _for_device(running, _run)


def _status_words(commands: _Commands, prog: str) -> _Parser:
    asking = commands.add_parser(
        "status",
        help="show how this device stands",
        description="Show this device's certificate and what the server says of it.",
        epilog=f"example: {prog} status --state DIR\n{_CODES}",
        formatter_class=_Paragraphs,
        allow_abbrev=False,
    )
    return _for_device(asking, _status)


def _for_device(command: _Parser, do: Callable[[argparse.Namespace], int]) -> _Parser:
    command.add_argument("--device-url", metavar="URL", help="the server's device listener")
    command.set_defaults(do=do)
    return command


def _enroll(given: argparse.Namespace) -> int:
    from_stdin = given.secret == STANDARD_INPUT
    secret = Secret(_line("token") if from_stdin else given.secret) if given.secret else None
    asking = Enroll(
        secret,
        state=given.state,
        server=given.server,
        group_id=given.group_id,
        username=given.username,
        password=_password(given, from_stdin),
        name=given.name,
        ca=given.ca,
        ca_fingerprint=given.ca_fingerprint,
        accepted_terms=given.accept_terms,
        ownership=given.ownership,
        asset_number=given.asset_number,
        email=given.email,
        patience=Patience(notice=_tell),
    )
    outcome = asking.run()
    if isinstance(outcome, Refusal) and set(outcome.questions) & set(QUESTIONS) and _somebody():
        outcome = replace(asking, **_answers(outcome)).run()
    if isinstance(outcome, Refusal):
        return _refused(outcome, given.json)
    if given.json:
        _say_json(asdict(outcome))
    else:
        named = "" if outcome.name == outcome.device_id else f" {outcome.name}"
        _say(
            f"Enrolled{named} at {outcome.server} as device {outcome.device_id}.",
            f"Key and certificate are in {outcome.state}, good until {_at(outcome.expires_at)}.",
        )
    return DONE


def _somebody() -> bool:
    """Whether a person is there who can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _answers(refusal: Refusal) -> dict[str, Any]:
    try:
        return ask(refusal.questions, _typed, _tell, terminal_language())
    except EOFError:
        raise KeyboardInterrupt from None


def _typed(shown: str) -> str:
    """What is typed after `shown`, which goes beside the answer and not into it."""
    sys.stderr.write(shown)
    sys.stderr.flush()
    return input()


def _password(given: argparse.Namespace, from_stdin: bool) -> Secret | None:
    if given.username is None:
        if given.password_stdin:
            raise UsageError("--password-stdin needs --username.")
        return None
    if given.password_stdin:
        return Secret(_line("password"))
    if from_stdin or not sys.stdin.isatty():
        raise UsageError("There is no terminal to ask for the password; give --password-stdin.")
    return Secret(getpass.getpass(f"Password of {given.username}: "))


def _line(what: str) -> str:
    try:
        text = sys.stdin.readline().rstrip("\r\n")
    except UnicodeDecodeError:
        text = ""
    if not text:
        raise UsageError(f"Standard input holds no {what}.")
    return text


def _run(given: argparse.Namespace) -> int:
    # A service is stopped by SIGTERM, which is nothing to complain about.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(DONE))
    outcome = Run(given.state, given.device_url, given.ca, notice=_tell).run()
    if isinstance(outcome, Refusal):
        return _refused(outcome, given.json)
    if given.json:
        _say_json({"ended": asdict(outcome)})
    _tell(f"{outcome.standing.upper()}: {outcome.told}")
    return RESET


def _status(given: argparse.Namespace) -> int:
    outcome = status(
        given.state,
        now=datetime.now(UTC),
        device_url=given.device_url,
        ca=given.ca,
        patience=Patience(10.0, notice=_tell),
    )
    if isinstance(outcome, Refusal):
        return _refused(outcome, given.json)
    if given.json:
        _say_json(asdict(outcome))
    else:
        _say(
            f"{outcome.standing.upper()}: {outcome.told}",
            f"Device:      {_named(outcome.name, outcome.device_id)} at {outcome.server}",
            f"Certificate: {outcome.subject}, serial {outcome.serial}",
            f"Expires:     {_at(outcome.expires_at)}",
            f"Server says: {_end_by_server(outcome.server_expires_at)}",
        )
    exits = {Standing.ENROLLED: DONE, Standing.UNKNOWN: NO_SERVER}
    return exits.get(outcome.standing, REFUSED)


def _named(name: str, device_id: str) -> str:
    """A device's name with its id; who enrolled with a JWT knows no name before he asked."""
    return device_id if name == device_id else f"{name} ({device_id})"


def _end_by_server(told: str) -> str:
    """When the certificate ends as the server has it, written as our own reading of it is."""
    try:
        return f"it ends {_at(datetime.fromisoformat(told))}"
    except ValueError:
        return printable(told) or "nothing about that"


def _refused(refusal: Refusal, as_json: bool) -> int:
    if as_json:
        _say_json({"refused": asdict(refusal)})
    else:
        _tell(f"Refused: {refusal}")
    return REFUSED


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _say_json(content: dict[str, Any]) -> None:
    _say(json.dumps(content, default=_plain, indent=2))


def _plain(value: object) -> str:
    return _at(value) if isinstance(value, datetime) else str(value)


def _at(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
