"""What delivery's tests say: queue, deliver, look at what came of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from enlist.core.caller import SYSTEM
from enlist.core.model import Message
from enlist.core.secrets import Secret
from enlist.delivery.channels import Channel, MailboxChannel, Outgoing
from enlist.delivery.channels.email import EmailChannel, MailServer
from enlist.delivery.worker import Worker
from enlist.store import enrollment_secrets, outbox
from enlist.verbs.deliver import Claim
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.issuing import Delivery, Issued
from enlist.verbs.register import Register
from enlist.verbs.verdicts import Accepted, Verdict
from tests.installation import Enlist, SettableClock
from tests.peers.smtp import MailServer as Peer

ENROLLMENT = "01a1fd99-06eb-7db2-a3d8-bdef17c46e63"
ORGANIZATION = "01a1fd99-06d9-779d-8de6-cd34cd3174c4"
MAILED = Delivery("email")
PUBLIC_URL = "https://enroll.example.com"
LINK = re.compile(r"https?://\S+/enroll/[0-9a-f-]{36}#t=(\w+)")


@dataclass
class Recorder:
    """A channel that answers as told and remembers what it was given."""

    answers: list[Verdict] = field(default_factory=list)
    given: list[Outgoing] = field(default_factory=list)
    released: int = 0

    def send(self, message: Outgoing) -> Verdict:
        self.given.append(message)
        return self.answers.pop(0) if self.answers else Accepted()

    def release(self) -> None:
        self.released += 1


@dataclass
class Outbox:
    """An installation, a mailbox, and the worker between them."""

    enlist: Enlist
    mailbox: MailboxChannel = field(default_factory=MailboxChannel)
    workers: list[Worker] = field(default_factory=list)

    @property
    def clock(self) -> SettableClock:
        return self.enlist.clock

    def queue(self, user: str = "ada", **delivery: str) -> Issued:
        """Register a device for a user, to be told by mail."""
        if not self.enlist.rows("app_user", username=user):
            self.enlist.user(user, email=f"{user}@example.test")
        details = DeviceDetails(f"{user}'s laptop", "linux")
        return self.enlist.do(Register("", user, details, Delivery("email", **delivery)))

    def worker(self, channel: Channel | None = None, enlist: Enlist | None = None) -> Worker:
        """A worker that stands still until it is told to deliver, or started."""
        channels = {"email": channel or self.mailbox}
        made = Worker((enlist or self.enlist).driver, channels, PUBLIC_URL, poll=60)
        self.workers.append(made)
        return made

    def deliver(self, channel: Channel | None = None) -> int:
        """Send what is due; answers how many were tried."""
        return self.worker(channel).deliver_due()

    def claim(self, issued: Issued) -> Message:
        """Take a message and leave it at that, as a worker does that dies."""
        assert issued.message_id is not None
        (claimed,) = self.enlist.do(Claim((issued.message_id,)), SYSTEM)
        return claimed

    def message(self, issued: Issued) -> Message:
        """The row of a message."""
        assert issued.message_id is not None
        message_id = issued.message_id
        found = self.enlist.store.read(lambda tx: outbox.find(tx, message_id))
        assert found is not None
        return found

    def token(self, issued: Issued) -> Secret:
        """The token of an enrollment, derived as nobody but a test may."""
        row = self.enlist.store.read(
            lambda tx: enrollment_secrets.derivation(tx, issued.enrollment_id, issued.generation)
        )
        assert row is not None
        keys = self.enlist.installation.tools.keys
        return keys.derive_again(
            issued.enrollment_id, row.generation, row.key_id, row.length, row.alphabet
        )

    def close(self) -> None:
        for worker in self.workers:
            worker.stop()


def channel_to(peer: Peer, **settings: object) -> EmailChannel:
    """A channel to a mail server of the tests, plain unless told otherwise."""
    values: dict[str, object] = {"host": "127.0.0.1", "port": peer.port, "security": "none"}
    server = MailServer(**{**values, **settings})  # type: ignore[arg-type]
    return EmailChannel(server, "Enlist <enlist@example.test>")
