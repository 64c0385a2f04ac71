"""Every command, here and from elsewhere: twins are told the same words, and must answer alike.

One installation is asked by its own command line, its twin through its API. Ids, secrets and who
did it differ, and are made equal before the answers are compared. A command that no script below
runs must be named by `HERE_ALONE`, with the reason.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
import typer
from typer.testing import CliRunner

from enlist.cli.remote.requests import HERE_ALONE
from enlist.store import holds, second_factors
from enlist.store.redemptions import DeviceReport
from enlist.verbs.importing import Importing
from enlist.verbs.users import AddUser
from enlist.verbs.waving import Waving
from tests.cli.conftest import COMMANDS, HERE, Run, key_file, near
from tests.connections import Process, enrolled
from tests.installation import Enlist, SettableClock, done, opened_on, settings_for

SCRIPTS: Final = {
    "accounts": """
        user add --username eve --email eve@example.com --json
        1 user add --username eve
        user add --username depot --staging multiple_user --json
        user change depot --staging single_user_advanced --json
        1 user change nobody --staging disabled
        user send-password-link eve --json
        user add --username kim --email kim@example.com --password-link
        1 user add --username bob --phone 123
        user add --username bob --device laptop --platform linux --message later --json
        user list
        user list --search eve --json
        group add --name Drivers --json > GROUP id
        1 group add --name Drivers
        1 group add-user GROUP eve nobody
        group list
        group members GROUP
        group change GROUP --name Pilots --json
        group remove-user GROUP eve
        group delete GROUP
        1 group delete GROUP
        apikey create --name pipeline --role reader --json > KEY id
        1 apikey create --name pipeline --role king
        apikey list --search pipeline
        apikey revoke KEY --json
        role require-second-factor operator reader --organization sales --json
        role require-second-factor --organization sales
        1 role require-second-factor king
        user authorize bob --at sales --json
        user authorize bob --anywhere
        user credentials kim --platform ios --hours 5 --tag loan
        1 user credentials kim --platform ios
        1 user credentials nobody eve --platform linux --json
        1 user authorize bob --at nowhere
        user move bob --to sales --json
        1 user move bob --to sales
        1 user move bob --to nowhere
        user remove-second-factor guarded
        1 user remove-second-factor guarded
        passcode show
        1 passcode disable
        passcode generate
        passcode generate --overlap 5 --json
        passcode show
        passcode show --json
        1 passcode show --reveal
        1 passcode generate --overlap 500
        1 passcode show --organization nowhere
        passcode disable --old --json
        passcode disable
        1 passcode disable
        lock list
        lock list --json
        1 lock list --organization nowhere
        lock clear user eve
        lock clear network 2001:db8::7 --json
        1 lock clear network nowhere
        1 lock clear user nobody
        user offboard eve --dry-run
        user offboard eve --at 2026-12-31T18:00+01:00 --yes --json
        user offboard eve --cancel
        user offboard eve --yes
        user erase bob --dry-run --json
        1 user erase bob --confirm eve --json
        user erase bob --confirm bob --json
        1 user erase bob --confirm bob --json
    """,
    "roles": """
        role list
        role add --name Field --like reader --permission devices:register --json > ROLE role
        1 role add --name Field --permission devices:read
        1 role add --name Other --permission devices:fly
        role show ROLE
        role change ROLE --add devices:edit --remove devices:register --json
        1 role change ROLE --add devices:fly
        1 role change ROLE --name reader
        role grant ada Field sales
        1 role grant ada king sales
        role list --organization sales --json
        user list --role ROLE
        role require-second-factor Field
        1 role delete ROLE
        1 role delete ROLE --withdraw --instead reader
        role delete ROLE --instead reader
        role withdraw ada reader sales --json
        role withdraw ada reader sales
        1 role show ROLE
    """,
    "places": """
        organization add --name Berlin --group-id berlin --parent sales --json
        1 organization add --name Berlin --group-id berlin
        organization list
        organization settings sales --set token_length=12 --json
        1 organization settings sales --set token_length=1000
        organization settings sales --inherit token_length
        organization email-domains sales --set example.com --json
        organization email-domains sales
        organization email-domains sales --none
        1 organization email-domains nowhere
        restriction add --name House --most-devices 3 --platform ios --json > RULE id
        restriction add --name Sales --organization sales --least-os ios=17.4 --keep-out
        restriction list --organization sales
        restriction list --json
        restriction change RULE --rank 7 --clear platforms --json
        1 restriction change RULE --platform phone
        1 restriction list --organization nowhere
        restriction delete RULE
        1 restriction delete RULE
        device-list allow SN-0001 --ownership corporate_shared --group-id sales
        1 device-list allow 1234 --by imei
        device-list deny PF-1234 PF-5678 --dry-run
        device-list deny PF-1234 PF-5678 --dry-run --json
        device-list deny PF-1234 PF-5678 --yes --json
        device-list list --by serial
        device-list list --list deny --json > ENTRY items.0.id
        device-list remove ENTRY
        1 device-list remove ENTRY
    """,
    "enrolling": """
        device register --user ada --name phone --platform ios --message none --json > NEW device.id
        1 device register --user nobody --name phone --platform ios
        device list --limit 2 --json
        device list
        device show NEW
        device edit NEW --name pocket --tag loan --json
        device move NEW --to sales
        view save 'Expired phones' --filter token_status=expired --sort -expires_at --json > VIEW id
        1 view save 'expired PHONES'
        1 view save Odd --filter colour=red
        view list
        view change VIEW --name 'Old phones' --search phone --filter platform=ios --json
        view list --json
        view delete VIEW
        1 view change VIEW --name Gone
        enrollment list --csv
        1 enrollment list --csv --organization nowhere
        enrollment list --json > WAITS items.0.id
        enrollment show WAITS
        enrollment reissue WAITS --message later --json
        enrollment resend WAITS
        enrollment revoke WAITS --reason lost
        1 enrollment revoke WAITS
        enrollment issue NEW --grant one_time_jwt --message later --json > JWT id
        enrollment jwt JWT --json
        enrollment delete JWT --yes
        device reset HELD --dry-run
        device reset HELD --reason lost --yes --json
        device reassign HELD --to grace --yes
        device replace HELD --name other --json
        device hand-out STAGED --to grace --json
        device hand-out STAGED --to keeper
        1 device hand-out STAGED --to keeper
        1 device replace nothing
        1 enrollment reactivate NEW
        enrollment reactivate --all
        device delete NEW --yes
        session list
        session disconnect SESSION
        1 session disconnect SESSION
    """,
    "webhooks": """
        webhook add https://hooks.example.com/enlist --name inventory --json > HOOK id
        1 webhook add ftp://hooks.example.com --name inventory
        webhook list
        webhook test HOOK
        webhook log HOOK --json > TOLD items.0.id
        webhook log HOOK
        webhook replay HOOK TOLD
        webhook stop HOOK
        webhook resume HOOK
        webhook secret HOOK --json
        webhook delete HOOK
        webhook log HOOK
        alert list --json
        alert list
        alert routes --json
        1 alert routes --organization nowhere
        alert test --wait 0
        audit list --kind webhook.created
        audit list --since 2026-01-01T00:00Z --limit 3
    """,
    "imports": """
        import template --kind move
        import file PEOPLE --dry-run --json > IMPORT id
        import start IMPORT
        1 import start IMPORT
        1 import file WRONG
        1 import file EMPTY
        1 import file PEOPLE --organization nowhere
        import list
        import list --json
    """,
    "waves": """
        wave start Autumn --platform ios --user ada --user grace --per-minute 0 --canary 50 > WAVE
        1 wave start Autumn --platform ios --user ada --user nobody --per-minute 0 --json
        1 wave start Autumn --platform ios --csv EMPTY
        1 wave start Autumn --platform toaster --user ada
        wave list
        wave show WAVE --json
        wave show WAVE --state queued
        wave continue WAVE
        wave resend WAVE
        wave list --json
        wave start Winter --platform linux --csv USERS --per-minute 0 --no-wait --canary 50 > COLD
        wave pause COLD
        wave resume COLD --no-wait
        wave stop COLD
        1 wave pause COLD
    """,
}
"""What the twins are told. A number is the exit code; what is kept of an answer has a name."""

ARGUMENTS: Final = {
    "backup": ("folder", "--passphrase-stdin"),
    "restore": ("folder", "--passphrase-stdin"),
    "init": ("--admin", "a@example.com", "--password-stdin"),
    "keys rotate": ("lookup",),
    "keys compromised": ("--yes",),
    "user recover": ("ada",),
}

_OWN: Final = (
    (r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", "<id>"),
    (r'("(?:token|link|key|secret|preview|jwt|serial|fingerprint|next_cursor)": )"[^"]*"', r"\1…"),
    (r"--cursor \S+", "--cursor …"),
    (r"enlist --server \S+ --api-key-file \S+", "enlist"),
    (r"\benk_\w+", "enk_…"),
    (r"\b(?:command_line|api)\b", "<way>"),
    (r"\b(?:root|far)\b", "<who>"),
    (r'"(?:host|api_key)"', '"<kind>"'),
    (r"(?m) +$", ""),
    (r" {2,}|─+", "  "),
    (r"\b[1-9A-HJ-NP-Za-km-z]{4}(-[1-9A-HJ-NP-Za-km-z]{4}){2}\b", "PASSCODE"),
)
"""What twins say each for himself."""

_SAID_OTHERWISE: Final = r"(?m)^  no such .*\n|^(  \w+)[\w.]*: .*"
"""Only here it is told which thing is not there; and of a field the API has words of its own."""


@pytest.fixture
def store_kind() -> str:
    """What is compared is how a command is asked; that it does it, other tests see on each."""
    return "sqlite"


@dataclass
class Twin:
    """An installation, the way in which it is asked, and the names of what is in it."""

    enlist: Enlist
    run: Run
    names: dict[str, str] = field(default_factory=dict)

    def told(self, line: str) -> tuple[str, str]:
        """Run a line of a script; what it prints, without what is its own."""
        words, _, kept = line.partition(" > ")
        code, rest = (int(words[0]), words[2:]) if words[0].isdigit() else (0, words)
        named = [self.names.get(word, word) for word in shlex.split(rest)]
        ran = self.run(*named, expect=code)
        if kept:
            name, *path = re.split(r"[ .]", kept)
            self.names[name] = _found(ran.out, path)
        return _common(ran.out), re.sub(_SAID_OTHERWISE, r"\1", _common(ran.err))


def _found(text: str, path: list[str]) -> str:
    if not path:
        return str(re.findall(_OWN[0][0], text)[0])
    found: Any = json.loads(text)
    for each in path:
        found = found[int(each) if each.isdigit() else each]
    return str(found)


def _common(text: str) -> str:
    for pattern, same in _OWN:
        text = re.sub(pattern, same, text)
    return text


def furnished(enlist: Enlist, run: Run, folder: Path) -> Twin:
    """The same company, whichever way it is asked."""
    enlist.organization("sales")
    connected = enrolled(enlist)
    session = Process.of(enlist).open(connected)
    enlist.user("grace", organization="sales")
    ticket = enlist.register("ada", name="Ada's laptop")
    done(enlist.redeem(ticket.token, report=DeviceReport(platform="linux", serial="PF-1234")))
    guarded = enlist.user("guarded")
    enlist.store.write(lambda tx: second_factors.put(tx, guarded.id, "sealed", "key", 1))
    enlist.do(AddUser("", "keeper", staging="multiple_user"))
    staged = enlist.register("keeper", name="tablet")
    done(enlist.redeem(staged.token, key=2))
    enlist.register("ada", name="kept")
    enlist.store.write(holds.hold_all)
    files = {
        "PEOPLE": "Username,Email\nlin,lin@example.com\nmae,mae@example.com\n",
        "WRONG": "Username,Email\nnan,nan@example.com\nola,no address\n",
        "USERS": "username\nada\ngrace\n",
        "EMPTY": "",
    }
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    paths = {name: str(folder / f"{name}.csv") for name in files}
    devices = {"HELD": ticket.device_id, "STAGED": staged.device_id}
    return Twin(enlist, run, {**devices, "SESSION": session, **paths})


@pytest.fixture
def twins(
    enlist: Enlist,
    remote: Run,
    template_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[Twin, Twin]]:
    """One that is asked here, and one from elsewhere."""
    folder = tmp_path / "twin"
    shutil.copytree(template_folder, folder)
    here = opened_on(settings_for(folder), SettableClock())
    importing, waving = (each(enlist.driver, enlist.store) for each in (Importing, Waving))
    # While a command waits for the server, the server does what its threads would.
    monkeypatch.setattr("time.sleep", lambda _seconds: importing.work() or waving.work())
    yield furnished(here, near(here), tmp_path), furnished(enlist, remote, tmp_path)
    here.close()


@pytest.mark.parametrize("subject", SCRIPTS)
def test_a_command_answers_from_elsewhere_as_it_does_here(
    subject: str, twins: tuple[Twin, Twin]
) -> None:
    here, far = twins
    for line in map(str.strip, SCRIPTS[subject].strip().splitlines()):
        assert far.told(line) == here.told(line), line


def commands() -> set[str]:
    """All there are, as they are typed."""

    def below(command: Any, words: tuple[str, ...]) -> Iterator[str]:
        inner = getattr(command, "commands", None)
        if inner is None:
            yield " ".join(words)
            return
        for name, each in inner.items():
            yield from below(each, (*words, name))

    return set(below(typer.main.get_command(COMMANDS), ()))


def test_every_command_works_from_elsewhere_or_says_why_not() -> None:
    lines = [line.strip() for script in SCRIPTS.values() for line in script.strip().splitlines()]
    ran = {line[2:] if line[0].isdigit() else line for line in lines}
    every = commands()
    told = {each for each in every if any(f"{line} ".startswith(f"{each} ") for line in ran)}
    assert told | set(HERE_ALONE) == every
    assert not told & set(HERE_ALONE)


@pytest.mark.parametrize("command", HERE_ALONE)
def test_what_works_on_the_servers_machine_alone_says_so(command: str, tmp_path: Path) -> None:
    start = ("--server", HERE, "--api-key-file", str(key_file(tmp_path, "enk_x")))
    words = [*start, *command.split(), *ARGUMENTS.get(command, ())]
    told = CliRunner().invoke(COMMANDS, words, input="a long passphrase\n")
    assert told.exit_code == 2
    assert "on the server's own machine alone" in told.stderr
    assert HERE_ALONE[command] in told.stderr
