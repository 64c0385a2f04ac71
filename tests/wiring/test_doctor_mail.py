"""`enlist doctor` on mail servers that really refuse; nothing is ever sent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from enlist.core.diagnosis import Level
from enlist.settings import Settings, Smtp
from enlist.wiring.beside import ServerNotes
from enlist.wiring.doctor.check import Ground
from tests.peers.base import free_port
from tests.peers.pki import Pair, Pki
from tests.peers.smtp import MailServer
from tests.wiring.doctoring import STEPS, amiss, left_out, well

LOGINS = {"enlist": "right"}
Ask = Callable[..., Ground]


@pytest.fixture
def ask(tmp_path: Path, throwaway_pki: Pki) -> Ask:
    """The ground of an installation that sends by this server."""

    def ask(
        server: MailServer | None, mail_from: str = "enroll@example.com", **smtp: Any
    ) -> Ground:
        given = {
            "host": "localhost",
            "port": server.port if server else free_port(),
            "security": "starttls",
            "user": "enlist",
            "password": SecretStr("right"),
            "ca_file": throwaway_pki.authority,
            **smtp,
        }
        url = "https://enroll.example.com"
        settings = Settings(data=tmp_path, public_url=url, mail_from=mail_from, smtp=Smtp(**given))
        return Ground(settings)

    return ask


@pytest.fixture
def serving(make_smtp: Callable[..., MailServer]) -> Callable[[Pair], MailServer]:
    return lambda pair: make_smtp(certificate=pair, logins=LOGINS)


def test_a_server_that_takes_our_mail(ask: Ask, serving: Any, throwaway_pki: Pki) -> None:
    server = serving(throwaway_pki.server)
    ground = ask(server)
    well(ground, "mail-set")
    for name in STEPS:
        well(ground, name)
    assert server.messages == []
    assert server.attempts == ["enlist"], "four checks ask once"


def test_no_server(tmp_path: Path) -> None:
    ground = Ground(Settings(data=tmp_path, smtp=Smtp(host="")))
    amiss(ground, "mail-set", level=Level.WARNING)
    for name in (*STEPS, "mail-secure", "mail-from"):
        left_out(ground, name)
    left_out(Ground(ground.settings, ServerNotes(mailbox=True)), "mail-set")


def test_a_server_that_is_away(ask: Ask) -> None:
    ground = ask(None)
    amiss(ground, "mail-reachable", says="cannot be reached")
    for name in STEPS[1:]:
        left_out(ground, name)


@pytest.mark.parametrize("kind", ["rogue", "wrong"])
def test_a_certificate_of_somebody_else(
    ask: Ask, serving: Any, throwaway_pki: Pki, kind: str
) -> None:
    """Of an authority that nobody knows, or for another host."""
    server = serving(getattr(throwaway_pki, kind))
    ground = ask(server)
    well(ground, "mail-reachable")
    amiss(ground, "mail-certificate", says="cannot be trusted")
    left_out(ground, "mail-login")
    assert server.attempts == [], "no password is told to it"


def test_a_server_without_starttls(ask: Ask, smtp: MailServer) -> None:
    amiss(ask(smtp), "mail-certificate", says="does not offer STARTTLS")


def test_a_login_that_is_refused(ask: Ask, serving: Any, throwaway_pki: Pki) -> None:
    ground = ask(serving(throwaway_pki.server), password=SecretStr("wrong"))
    found = amiss(ground, "mail-login", says="refused the login of enlist")
    assert "wrong" not in found.found
    left_out(ground, "mail-sender")


def test_a_password_that_only_the_server_knows(ask: Ask, serving: Any, throwaway_pki: Pki) -> None:
    ground = ask(serving(throwaway_pki.server), password=SecretStr(""))
    left_out(ground, "mail-login")


def test_a_sender_that_is_refused(ask: Ask, serving: Any, throwaway_pki: Pki) -> None:
    server = serving(throwaway_pki.server)
    server.answer_sender("enroll@example.com", "553 5.7.1 Not yours")
    ground = ask(server)
    well(ground, "mail-login")
    amiss(ground, "mail-sender", says="553 5.7.1 Not yours")


def test_mail_in_the_clear(ask: Ask, smtp: MailServer) -> None:
    plain = {"security": "none", "user": "", "password": SecretStr("")}
    well(ask(smtp, **plain), "mail-secure")
    amiss(ask(smtp, **plain, host="mail.example.com"), "mail-secure", says="without protection")
    left_out(ask(smtp, **plain), "mail-certificate")


@pytest.mark.parametrize(
    ("mail_from", "level", "says"),
    [
        ("nobody", Level.PROBLEM, "no e-mail address"),
        ("enlist@localhost", Level.PROBLEM, "nobody's address"),
        ("Enlist <enlist@[127.0.0.1]>", Level.PROBLEM, "nobody's address"),
        ("enroll@elsewhere.test", Level.WARNING, "mails come from elsewhere.test"),
    ],
)
def test_an_address_that_does_not_fit(ask: Ask, mail_from: str, level: Level, says: str) -> None:
    amiss(ask(None, mail_from=mail_from), "mail-from", level=level, says=says)
    well(ask(None, mail_from="Example Corp <enroll@mail.example.com>"), "mail-from")
