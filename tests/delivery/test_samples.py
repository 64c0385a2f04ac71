"""Test send: what was typed goes through the outbox as a marked sample, with nothing real in it.

And what keeps a message from being sent: an empty value without a fallback, by every channel (A61).
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from enlist.core.caller import Caller
from enlist.core.model import GrantKind, MessageState
from enlist.core.outcomes import Refusal
from enlist.delivery.rendering import render
from enlist.delivery.worker import Worker
from enlist.store import outbox as stored
from enlist.store import users
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.issuing import Delivery
from enlist.verbs.register import Register
from enlist.verbs.reissue import Resend
from enlist.verbs.sample_messages import SendSample
from enlist.verbs.templates import PreviewTemplate, PutTemplate, Wording
from enlist.verbs.users import AddUser, ChangeUser
from enlist.verbs.verdicts import Rejected
from tests.delivery.world import PUBLIC_URL, Outbox, Recorder
from tests.installation import ADMINISTRATOR, Enlist, code, refusal

MAIL = Wording(
    "default",
    "registration",
    "email",
    "en",
    "For {FirstName}",
    "{EnrollmentUrl}\n\n{EnrollmentToken}\n\nSent by {SenderName} to {EmailAddress}.",
)
SMS = replace(MAIL, channel="sms", subject="", body="{OrganizationName}: {EnrollmentUrl}")
JWT = replace(MAIL, purpose="one_time_jwt", body="Dear {FirstName}, use the file.")


@pytest.fixture(autouse=True)
def channels(outbox: Outbox) -> Recorder:
    """Mail and SMS are set up; what goes by SMS is recorded."""
    enlist = outbox.enlist
    enlist.driver._tools = replace(enlist.driver.tools, channels=frozenset({"email", "sms"}))
    return Recorder()


def himself(enlist: Enlist) -> Caller:
    """The administrator, as he comes with a fresh sign-in."""
    found = enlist.store.read(lambda tx: users.by_username(tx, ADMINISTRATOR))
    assert found is not None
    return enlist.caller(found)


def deliver(outbox: Outbox, sms: Recorder) -> None:
    worker = Worker(
        outbox.enlist.driver, {"email": outbox.mailbox, "sms": sms}, PUBLIC_URL, poll=60
    )
    outbox.workers.append(worker)
    worker.deliver_due()


def test_a_sample_goes_to_oneself_and_nothing_of_it_is_real(
    outbox: Outbox, channels: Recorder
) -> None:
    enlist = outbox.enlist
    real = outbox.queue()
    sent = enlist.do(SendSample("main", MAIL), himself(enlist))
    assert (sent.recipient, sent.username) == (ADMINISTRATOR, ADMINISTRATOR)
    assert sent.enrollment_id is None
    deliver(outbox, channels)
    sample = next(each for each in outbox.mailbox.messages() if ADMINISTRATOR in each.to)
    assert sample.subject == "[Sample] For Ada"
    assert "This is a sample. Its link and its token do not work." in sample.text
    assert "SAMPLE0000" in sample.text
    assert outbox.token(real).reveal() not in sample.text + sample.html
    assert code(enlist.redeem("SAMPLE0000")) == "token_invalid"
    assert not enlist.rows("message_template")
    [event] = enlist.events("template.tested")
    assert event.personal["recipient"] == ADMINISTRATOR
    assert event.data["body"] == MAIL.body
    found = enlist.store.read(lambda tx: stored.find(tx, sent.id))
    assert found is not None
    assert found.state is MessageState.SENT


def test_a_sample_of_a_text_message_goes_to_the_number_that_is_given(
    outbox: Outbox, channels: Recorder
) -> None:
    enlist = outbox.enlist
    sent = enlist.do(SendSample("main", SMS, "+49 30 23125 001"))
    assert sent.recipient == "+493023125001"
    deliver(outbox, channels)
    [given] = channels.given
    assert given.recipient == "+493023125001"
    assert given.text.startswith("[Sample] My organization: ")
    assert "SAMPLE0000" in given.text
    assert given.report_url.startswith(f"{PUBLIC_URL}/sms/reports/{sent.id}?key=")


def test_a_sample_of_a_jwt_s_message_brings_no_file(outbox: Outbox, channels: Recorder) -> None:
    outbox.enlist.do(SendSample("main", JWT, "ada@example.test"))
    deliver(outbox, channels)
    [sample] = outbox.mailbox.messages()
    assert sample.attachment is None
    assert "Dear Ada, use the file." in sample.text


@pytest.mark.parametrize(
    ("wording", "recipient", "told"),
    [
        (MAIL, "", "validation_failed recipient"),
        (MAIL, "nobody", "validation_failed recipient"),
        (MAIL, "ada@example.test\r\nBcc: eve@example.test", "validation_failed recipient"),
        (SMS, "030 1234", "validation_failed recipient"),
        (SMS, "ada@example.test", "validation_failed recipient"),
        (replace(MAIL, body="{Nothing}"), "ada@example.test", "template_invalid body"),
        (replace(MAIL, channel="fax"), "ada@example.test", "validation_failed channel"),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_is_queued(
    enlist: Enlist, outbox: Outbox, wording: Wording, recipient: str, told: str
) -> None:
    found = refusal(enlist.perform(SendSample("main", wording, recipient)))
    fields = " ".join(each.field for each in found.fields)
    assert f"{found.code} {fields}" == told
    assert not enlist.rows("message")
    assert not enlist.rows("test_message")


def test_what_is_missing_is_told(enlist: Enlist, outbox: Outbox) -> None:
    assert code(enlist.perform(SendSample("main", SMS), himself(enlist))) == "phone_missing"
    enlist.set(sms_per_day=1)
    enlist.do(SendSample("main", SMS, "+493023125001"))
    over = enlist.perform(SendSample("main", SMS, "+493023125001"))
    assert code(over) == "sms_cap_reached"
    enlist.driver._tools = replace(enlist.driver.tools, channels=frozenset({"email"}))
    assert code(enlist.perform(SendSample("main", SMS, "+493023125001"))) == "no_channel"
    assert len(enlist.rows("message")) == 1


@pytest.mark.parametrize("role", ["operator", "helpdesk", "reader"])
def test_only_administrators_send_samples(enlist: Enlist, outbox: Outbox, role: str) -> None:
    asked = SendSample("main", MAIL, "eve@example.test")
    assert code(enlist.perform(asked, enlist.staff(role))) == "forbidden"
    enlist.organization("alpha")
    elsewhere = enlist.staff("administrator", "alpha", f"alpha-{role}")
    assert code(enlist.perform(asked, elsewhere)) == "not_found"
    assert not enlist.rows("message")


# --- an empty value without a fallback (A61) -----------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "subject", "body", "names"),
    [
        ("email", "Hello", "{EnrollmentUrl} {FirstName}", "{FirstName}"),
        (
            "email",
            "Hello {LastName}",
            "{EnrollmentUrl} {SupportEmail}",
            "{LastName}, {SupportEmail}",
        ),
        ("sms", "", "{EnrollmentUrl} {FirstName} {SupportPhone}", "{FirstName}, {SupportPhone}"),
    ],
)
def test_an_empty_value_is_never_sent_and_the_message_says_why(
    outbox: Outbox, channels: Recorder, channel: str, subject: str, body: str, names: str
) -> None:
    enlist = outbox.enlist
    wording = Wording("default", "registration", channel, "en", subject, body)
    enlist.do(PutTemplate("main", wording))
    enlist.do(AddUser(enlist.root.id, "ada", "ada@example.test", "+493023125001"))
    issued = enlist.do(Register("", "ada", DeviceDetails("Phone", "ios"), Delivery(channel)))
    deliver(outbox, channels)
    message = outbox.message(issued)
    assert message.state is MessageState.FAILED
    assert f"the template asks for {names}, which is empty here" in message.reason
    assert "{FirstName|colleague}" in message.reason
    assert not outbox.mailbox.messages()
    assert not channels.given
    # With a fallback, or with values, it goes.
    filled = "{EnrollmentUrl} {FirstName|you} {SupportEmail|us} {SupportPhone|us}"
    enlist.do(PutTemplate("main", replace(wording, subject=subject and "Hello", body=filled)))
    enlist.do(Register("", "ada", DeviceDetails("Other", "ios"), Delivery(channel)))
    deliver(outbox, channels)
    text = channels.given[0].text if channel == "sms" else outbox.mailbox.messages()[0].text
    assert text.rstrip().endswith(" you us us")
    assert "{" not in text


def test_a_jwt_s_message_with_an_empty_value_is_not_sent_either(
    outbox: Outbox, channels: Recorder
) -> None:
    enlist = outbox.enlist
    enlist.do(PutTemplate("main", JWT))
    enlist.do(AddUser(enlist.root.id, "ada", "ada@example.test"))
    details, by_jwt = DeviceDetails("Laptop", "linux"), GrantKind.ONE_TIME_JWT
    issued = enlist.do(Register("", "ada", details, Delivery("email"), grant=by_jwt))
    deliver(outbox, channels)
    message = outbox.message(issued)
    assert message.state is MessageState.FAILED
    assert "{FirstName}, which is empty here" in message.reason
    assert not outbox.mailbox.messages()
    enlist.do(ChangeUser("ada", {"first_name": "Ada"}))
    enlist.do(Resend(issued.enrollment_id))
    deliver(outbox, channels)
    assert outbox.mailbox.messages()[0].text.startswith("Dear Ada,")


def test_a_sample_or_preview_meets_no_empty_value_but_its_organization_s(
    outbox: Outbox, channels: Recorder
) -> None:
    """Its people have everything; who helps is real, and may be missing."""
    enlist = outbox.enlist
    asking = replace(MAIL, body="{EnrollmentUrl} {SupportPhone}")
    sent = enlist.do(SendSample("main", asking, "ada@example.test"))
    deliver(outbox, channels)
    found = enlist.store.read(lambda tx: stored.find(tx, sent.id))
    assert found is not None
    assert found.state is MessageState.FAILED
    assert "{SupportPhone}, which is empty here" in found.reason
    shown = enlist.driver.view(PreviewTemplate("main", asking), enlist.host)
    assert not isinstance(shown, Refusal)
    written = render(shown, PUBLIC_URL)
    assert isinstance(written, Rejected)
    assert "{SupportPhone}" in written.reason
