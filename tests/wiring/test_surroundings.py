"""What a server process tells of itself and its machine, for the picture of the installation."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from enlist.core.diagnosis import Finding, Level
from enlist.core.infrastructure import CHECKED
from enlist.settings import Settings, Sms, Smtp
from enlist.wiring import doctor
from enlist.wiring.doctor.check import Check, Ground
from enlist.wiring.surroundings import Around
from tests.installation import Enlist


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


def test_it_tells_where_things_are_and_what_the_doctor_finds(enlist: Enlist) -> None:
    known = Around(enlist.settings, "plain HTTP", mailbox=False)()
    assert known.web == "127.0.0.1:8000"
    assert known.web_speaks == "plain HTTP"
    assert known.database == str(enlist.settings.sqlite_path)
    assert known.email == "mail.example.com:587, STARTTLS"
    assert known.sms == ""
    assert set(known.findings) == {name for names in CHECKED.values() for name in names}
    assert known.findings["backup"].level is Level.WARNING
    assert known.findings["authority-certificate"].level is Level.OK
    demo = Around(enlist.settings, "", mailbox=True)()
    assert demo.email == "the demo's mailbox"
    assert "backup" not in demo.findings


def test_it_looks_once_in_a_minute(enlist: Enlist, monkeypatch: pytest.MonkeyPatch) -> None:
    around, made = Around(enlist.settings, "", mailbox=False), []
    run = doctor.run

    def noted(check: Check, ground: Ground) -> Finding:
        made.append(check.name)
        return run(check, ground)

    monkeypatch.setattr(doctor, "run", noted)
    around()
    first = len(made)
    around()
    assert first == len(made) > 0


def test_no_password_is_among_it(enlist: Enlist) -> None:
    settings = Settings(
        data=enlist.settings.data,
        database="postgresql://enlist:hunter2@db.internal:5433/enlist",
        smtp=Smtp(
            host="mail.internal", user="enlist", password=SecretStr("hunter2"), security="tls"
        ),
        sms=Sms(driver="http", url="https://u:hunter2@sms.internal/send?key=hunter2"),
    )
    around = Around(settings, "", mailbox=False)
    around._until = float("inf")  # there is no such database to examine
    known = around()
    assert known.database == "db.internal:5433/enlist"
    assert known.email == "mail.internal:465, TLS"
    assert known.sms == "http, sms.internal"
    assert "hunter2" not in repr(known)
