"""From the settings to a running worker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from enlist.settings import Settings, Smtp
from enlist.wiring.delivery import delivery_worker
from enlist.wiring.installation import CannotStart
from tests.delivery.world import LINK, Outbox
from tests.peers.base import wait_until
from tests.peers.pki import Pki
from tests.peers.smtp import MailServer


def _with(settings: Settings, mail_from: str = "", **smtp: Any) -> Settings:
    return settings.model_copy(update={"smtp": Smtp(**smtp), "mail_from": mail_from})


def test_a_mail_server_named_in_the_settings_gets_the_mail(
    outbox: Outbox, make_smtp: Callable[..., MailServer], throwaway_pki: Pki, tmp_path: Path
) -> None:
    server = make_smtp(certificate=throwaway_pki.server, logins={"enlist": "right"})
    password = tmp_path / "password"
    password.write_text("right\n")
    settings = _with(
        outbox.enlist.settings,
        host="127.0.0.1",
        port=server.port,
        user="enlist",
        password_file=password,
        ca_file=throwaway_pki.authority,
    )
    outbox.queue()
    worker = delivery_worker(outbox.enlist.installation, settings)
    outbox.workers.append(worker)
    (received,) = server.wait_for()
    assert received.encrypted
    assert received.message["From"] == "Enlist <enlist@localhost>"
    body = received.message.get_body(("plain",))
    assert body is not None
    assert body.get_content().count("http://localhost:8000/enroll/") == 1
    assert len(LINK.findall(body.get_content())) == 1


def test_the_demo_s_mailbox_stands_in_for_a_mail_server(outbox: Outbox) -> None:
    outbox.queue()
    worker = delivery_worker(outbox.enlist.installation, outbox.enlist.settings, outbox.mailbox)
    outbox.workers.append(worker)
    wait_until(lambda: bool(outbox.mailbox.messages()), "the worker")


@pytest.mark.parametrize(
    ("mail_from", "ca_file", "told"),
    [
        ("nobody", None, "ENLIST_MAIL_FROM: 'nobody' is no e-mail address"),
        ("", "missing.pem", "ENLIST_SMTP_CA_FILE"),
        ("", "empty.pem", "ENLIST_SMTP_CA_FILE"),
    ],
)
def test_settings_that_cannot_work_are_told_at_the_start(
    outbox: Outbox, tmp_path: Path, mail_from: str, ca_file: str | None, told: str
) -> None:
    (tmp_path / "empty.pem").touch()
    given = {"ca_file": tmp_path / ca_file} if ca_file else {}
    settings = _with(outbox.enlist.settings, mail_from, host="mail.example.com", **given)
    with pytest.raises(CannotStart, match=told):
        delivery_worker(outbox.enlist.installation, settings)
