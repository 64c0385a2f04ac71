"""The message that brings a one-time JWT along as a file (D28, D30), on both stores."""

from __future__ import annotations

import pytest

from enlist.core.model import GrantKind
from enlist.core.secrets import Secret
from enlist.delivery.channels import Outgoing
from enlist.delivery.rendering import Rendered, render
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.issuing import Delivery, Issued
from enlist.verbs.one_time_jwt import ShowJwt
from enlist.verbs.register import Register
from enlist.verbs.reissue import Resend
from enlist.verbs.verdicts import Retry
from tests.delivery.conftest import LetterMaker
from tests.delivery.world import PUBLIC_URL, Outbox, Recorder, channel_to
from tests.installation import SHOWN, code
from tests.peers.smtp import MailServer

NAME = 'Ada\'s "laptop"'


def queue(outbox: Outbox, delivery: Delivery | None = None) -> Issued:
    """A device that is to enroll with a JWT, which its user is sent."""
    if not outbox.enlist.rows("app_user", username="ada"):
        outbox.enlist.user("ada", email="ada@example.test")
    details = DeviceDetails(NAME, "linux")
    sent = delivery or Delivery("email")
    return outbox.enlist.do(Register("", "ada", details, sent, grant=GrantKind.ONE_TIME_JWT))


def test_the_jwt_comes_as_a_file(outbox: Outbox, smtp: MailServer) -> None:
    """D28: one message, with text and expiry, and the very JWT attached."""
    issued = queue(outbox)
    assert len(outbox.enlist.rows("message")) == 1
    assert outbox.deliver(channel_to(smtp)) == 1
    (received,) = smtp.wait_for()
    mail = received.message
    assert "laptop" in mail["Subject"]
    text = mail.get_body(("plain",))
    assert text is not None
    told = text.get_content()
    assert "March" in told
    assert "UTC" in told
    (file,) = mail.iter_attachments()
    assert file.get_content_type() == "application/jwt"
    assert file.get_filename() == "Ada-s-laptop.jwt"
    jwt = outbox.enlist.do(ShowJwt(issued.enrollment_id)).jwt.reveal()
    assert file.get_content() == jwt.encode()
    for readable in (told, mail["Subject"]):
        assert jwt not in readable
        assert outbox.token(issued).reveal() not in readable


def test_it_can_be_sent_again(outbox: Outbox) -> None:
    """As a delivery option after a reset or a reissue that sent nothing."""
    issued = queue(outbox, SHOWN)
    assert outbox.deliver() == 0
    outbox.enlist.do(Resend(issued.enrollment_id))
    channel = Recorder()
    assert outbox.deliver(channel) == 1
    (given,) = channel.given
    assert given.attachment is not None
    jwt = outbox.enlist.do(ShowJwt(issued.enrollment_id)).jwt.reveal()
    assert given.attachment.content == jwt.encode()


def test_who_has_no_address_is_sent_nothing(outbox: Outbox) -> None:
    """D30."""
    outbox.enlist.user("bob", email="")
    verb = Register("", "bob", DeviceDetails("box", "linux"), grant=GrantKind.ONE_TIME_JWT)
    assert code(outbox.enlist.perform(verb)) == "email_missing"
    assert outbox.enlist.rows("message") == []


def test_it_has_no_template_of_an_organization(outbox: Outbox) -> None:
    outbox.enlist.user("ada")
    named = Delivery("email", "welcome")
    verb = Register("", "ada", DeviceDetails("b", "linux"), named, grant=GrantKind.ONE_TIME_JWT)
    assert code(outbox.enlist.perform(verb)) == "validation_failed"


def test_what_a_mail_server_quotes_holds_no_jwt(outbox: Outbox) -> None:
    """X36."""

    class Quoting(Recorder):
        def send(self, message: Outgoing) -> Retry:
            self.given.append(message)
            assert message.attachment is not None
            return Retry(f"refused: {message.attachment.content.decode()}")

    issued = queue(outbox)
    channel = Quoting()
    assert outbox.deliver(channel) == 1
    assert outbox.message(issued).reason == "refused: •••"
    assert "eyJ" not in repr(channel.given[0])


@pytest.mark.parametrize("language", ["en", "de"])
def test_its_text_holds_no_secret(make_letter: LetterMaker, language: str) -> None:
    letter = make_letter(
        purpose="one_time_jwt", languages=(language,), jwt=Secret("a.b.c"), own_templates=()
    )
    written = render(letter, PUBLIC_URL)
    assert isinstance(written, Rendered)
    assert written.language == language
    for part in (written.subject, written.text, written.html):
        assert letter.token.reveal() not in part
        assert "/enroll/" not in part
