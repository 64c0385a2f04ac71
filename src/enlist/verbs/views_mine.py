"""What everybody sees of his own devices in the portal."""

from __future__ import annotations

from dataclasses import dataclass

from enlist.core.caller import Caller
from enlist.core.ids import Id
from enlist.core.model import Device, Enrollment, Message, User
from enlist.core.outcomes import Refusal
from enlist.core.prompts import Question
from enlist.store import devices, enrollment_status, organizations, outbox, users
from enlist.store.listing import MOST_PER_PAGE, PageRequest
from enlist.store.tx import Reader
from enlist.verbs import prompting
from enlist.verbs.driver import View
from enlist.verbs.issuing import HANDING_OVER
from enlist.verbs.letters import Letter, letter_without_token
from enlist.verbs.mine import himself, newest_of, own_device
from enlist.verbs.rights import missing
from enlist.verbs.views_details import sure


@dataclass(frozen=True, slots=True)
class Mine:
    """A device of one's own, and its newest enrollment, if it has one."""

    device: Device
    enrollment: Enrollment | None


@dataclass(frozen=True, slots=True)
class Own:
    """Who asks, and what is his.

    Attributes:
        locked: whether his e-mail address and phone number are read-only for him, and the messages
            of before are not shown any more (A21, A22).
        questions: what his organization asks of a device that he adds.
    """

    user: User
    locked: bool
    devices: tuple[Mine, ...]
    questions: tuple[Question, ...] = ()


@dataclass(frozen=True)
class MyDevices(View[Own]):
    """The caller and his devices, the newest first.

    Refusals: `unauthenticated`.
    """

    def read(self, tx: Reader, caller: Caller) -> Own | Refusal:
        own = himself(tx, caller)
        if isinstance(own, Refusal):
            return own
        request = PageRequest(
            own.organization_path, filters={"user": own.id}, limit=MOST_PER_PAGE, myself=own.id
        )
        newest: dict[Id | None, Enrollment] = {}
        for each in sure(enrollment_status.page(tx, request)).items:
            known = newest.get(each.device_id)
            if known is None or known.id < each.id:
                newest[each.device_id] = each
        found = sorted(sure(devices.page(tx, request)).items, key=lambda each: each.id)
        mine = tuple(Mine(each, newest.get(each.id)) for each in reversed(found))
        place = organizations.find(tx, own.enrolls_at)
        path = place.path if place else own.organization_path
        questions = prompting.unsaid(organizations.policy(tx, path), "", "")
        return Own(own, users.enrolled_by_token(tx, own.id), mine, questions)


@dataclass(frozen=True, slots=True)
class MyDevice:
    """One device of one's own. `locked` as in `Own`."""

    mine: Mine
    locked: bool


@dataclass(frozen=True)
class ShowMyDevice(View[MyDevice]):
    """Refusals: `unauthenticated`, `not_found`."""

    device_id: str

    def read(self, tx: Reader, caller: Caller) -> MyDevice | Refusal:
        found = own_device(tx, caller, self.device_id)
        if isinstance(found, Refusal):
            return found
        locked = users.enrolled_by_token(tx, found.user_id or "")
        return MyDevice(Mine(found, newest_of(tx, found)), locked)


@dataclass(frozen=True, slots=True)
class MyMessage:
    """The message of a device of one's own: how it went, and the letter without its token."""

    device: Device
    message: Message
    letter: Letter


@dataclass(frozen=True)
class ShowMyMessage(View[MyMessage]):
    """One's own enrollment message; gone once a token enrolled a device of one's (A22, ruling 7).

    Refusals: `unauthenticated`, `not_found`.
    """

    device_id: str

    def read(self, tx: Reader, caller: Caller) -> MyMessage | Refusal:
        found = own_device(tx, caller, self.device_id)
        if isinstance(found, Refusal):
            return found
        if users.enrolled_by_token(tx, found.user_id or ""):
            return missing("message that he may see")
        enrollment = newest_of(tx, found)
        sent = outbox.of_enrollment(tx, enrollment.id) if enrollment else []
        handed = (each for each in sent if each.purpose in HANDING_OVER)
        message = next(handed, None)
        letter = letter_without_token(tx, message) if message else None
        if message is None or letter is None:
            return missing("message")
        return MyMessage(found, message, letter)
