"""Each fixture brings its peer and what it promises."""

from __future__ import annotations

import smtplib
import ssl
import subprocess
from collections.abc import Callable
from email.message import EmailMessage
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.peers.pki import Pki
from tests.peers.postfix import LOGIN, PASSWORD, MailSystem
from tests.peers.postgres import Cluster
from tests.peers.smtp import MailServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def _mail(recipient: str = "ada@example.test") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "enlist@example.test", recipient, "Hällo"
    message.set_content("Welcome, Ada ☃")
    return message


def test_every_database_is_fresh(postgres: Cluster) -> None:
    fillings = []

    def fill(url: str) -> None:
        fillings.append(url)
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE sample AS SELECT 1 AS n")

    first, second = (postgres.clone("sample", fill) for _ in range(2))
    with psycopg.connect(first) as connection:
        connection.execute("DELETE FROM sample")
    with psycopg.connect(second) as connection:
        assert connection.execute("SELECT n FROM sample").fetchall() == [(1,)]
    assert len(fillings) == 1
    assert "sample" in postgres.dump(second)
    postgres.drop(first)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(first)


def test_empty_database(empty_database: str) -> None:
    with psycopg.connect(empty_database) as connection:
        found = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert found.fetchone() == (0,)


def test_mail_is_kept(smtp: MailServer) -> None:
    with smtplib.SMTP("127.0.0.1", smtp.port) as client:
        client.send_message(_mail())
    (received,) = smtp.wait_for()
    assert received.recipients == ("ada@example.test",)
    assert received.message["Subject"] == "Hällo"
    assert "☃" in received.message.get_content()
    assert not received.encrypted


@pytest.mark.parametrize("reply", ["451 4.3.0 Try again later", "550 5.1.1 No such user"])
def test_mail_is_refused_as_told(smtp: MailServer, reply: str) -> None:
    smtp.answer("ada@example.test", reply)
    with smtplib.SMTP("127.0.0.1", smtp.port) as client:
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            client.send_message(_mail())
        assert refused.value.recipients["ada@example.test"][0] == int(reply[:3])
        smtp.accept("ada@example.test")
        client.send_message(_mail())
    assert len(smtp.wait_for()) == 1


def test_mail_server_can_demand_tls_and_login(
    make_smtp: Callable[..., MailServer], throwaway_pki: Pki
) -> None:
    server = make_smtp(certificate=throwaway_pki.server, logins={"enlist": "right"})
    trusting = ssl.create_default_context(cafile=str(throwaway_pki.authority))
    with smtplib.SMTP("127.0.0.1", server.port) as client:
        with pytest.raises(smtplib.SMTPSenderRefused):
            client.send_message(_mail())
        client.starttls(context=trusting)
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("enlist", "wrong")
        client.login("enlist", "right")
        client.send_message(_mail())
    (received,) = server.wait_for()
    assert (received.encrypted, received.login) == (True, "enlist")
    assert set(server.attempts) == {"enlist"}


@pytest.mark.parametrize("which", ["wrong", "rogue"])
def test_certificates_that_clients_must_refuse(
    make_smtp: Callable[..., MailServer], throwaway_pki: Pki, which: str
) -> None:
    server = make_smtp(certificate=getattr(throwaway_pki, which))
    trusting = ssl.create_default_context(cafile=str(throwaway_pki.authority))
    with smtplib.SMTP("127.0.0.1", server.port) as client, pytest.raises(ssl.SSLError):
        client.starttls(context=trusting)


def test_mail_server_hangs_up_after_data(smtp: MailServer) -> None:
    smtp.hang_ups = 1
    client = smtplib.SMTP("127.0.0.1", smtp.port)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.send_message(_mail())
    assert len(smtp.messages) == 1


def test_mail_server_away_and_back(smtp: MailServer) -> None:
    port = smtp.port
    smtp.stop()
    with pytest.raises(ConnectionRefusedError):
        smtplib.SMTP("127.0.0.1", port)
    smtp.start()
    assert smtp.port == port
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.send_message(_mail())
    assert len(smtp.wait_for()) == 1


def test_real_mail_system(postfix: MailSystem) -> None:
    with smtplib.SMTP("127.0.0.1", postfix.submission) as client:
        client.starttls(context=postfix.context())
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login(LOGIN, "wrong")
        client.login(LOGIN, PASSWORD)
        client.send_message(_mail())
        for stranger, code in (("nobody@example.test", 550), ("ada@elsewhere.test", 554)):
            with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
                client.send_message(_mail(stranger))
            assert refused.value.recipients[stranger][0] == code
    (message,) = postfix.wait_for("ada")
    assert message["Subject"] == "Hällo"
    assert "☃" in message.get_content()
    postfix.empty()
    assert postfix.messages("ada") == []


def test_browser_runs_scripts(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content("<h1>Enlist</h1><script>document.title = 6 * 7</script>")
    assert page.title() == "42"
    page.close()


def test_load_generator(wrk: str) -> None:
    done = subprocess.run([wrk, "--version"], capture_output=True, text=True, check=False)
    assert "wrk" in done.stdout + done.stderr
