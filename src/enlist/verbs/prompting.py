"""What an organization asks about a device before it enrolls, and whether it was answered (A58).

It is asked where somebody enrolls by whatever way, so that no way goes around it; like terms of use
it is told to whoever proved himself, and nothing is used up. An answer fills what is not on record
and changes nothing that is. An e-mail address is no new address of the account: whoever holds a
token must not be able to say where messages go (A21). It stands in the log of the enrollment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from enlist.core.device_lists import ListedDevice
from enlist.core.model import Attempt, Device, GrantKind, Ownership
from enlist.core.outcomes import FieldError, Refusal, Subjects
from enlist.core.policy import EnrollmentPolicy
from enlist.core.prompts import Answers, Question, open_questions
from enlist.store.redemptions import DeviceReport, Redemption
from enlist.verbs import fields
from enlist.verbs.fields import Unfit

OWNERSHIPS: Final = tuple(each for each in Ownership if each is not Ownership.NONE)
OPTIONS: Final = {question: f"--{question.value.replace('_', '-')}" for question in Question}
"""How the agent is told an answer."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked about a device that wants to enroll.

    Attributes:
        open: what has yet to be answered.
        wrong: what was answered so that it cannot be used.
    """

    open: tuple[Question, ...] = ()
    wrong: tuple[FieldError, ...] = ()

    def refusal(self, about: Subjects) -> Refusal | None:
        """`answers_required`, or `validation_failed`; None where nothing is in the way."""
        if self.wrong:
            return Refusal("validation_failed", fields=self.wrong, about=about, holder=True)
        if not self.open:
            return None
        said = ", ".join(f"{OPTIONS[each]} ({_MEANT[each]})" for each in self.open)
        return Refusal(
            "answers_required",
            f"Give {said}; in the API they are fields of `device`.",
            reason="answers_required",
            about=about,
            holder=True,
            data={"questions": " ".join(self.open)},
        )


_MEANT: Final[Mapping[Question, str]] = {
    Question.OWNERSHIP: f"whose the device is: {', '.join(OWNERSHIPS)}",
    Question.ASSET_NUMBER: "the number on your organization's sticker",
    Question.EMAIL: "your e-mail address",
}


def with_answers(report: DeviceReport, attempt: Attempt | None) -> DeviceReport:
    """What a device says of itself, and what its user said when he began; the later word counts."""
    if attempt is None or not attempt.answers:
        return report
    said = Answers.unpacked(attempt.answers)
    return replace(
        report,
        ownership=report.ownership or said.ownership,
        asset_number=report.asset_number or said.asset_number,
        email=report.email or said.email,
    )


def stand(
    policy: EnrollmentPolicy,
    grant: GrantKind,
    report: DeviceReport,
    record: Device | None,
    allowed: ListedDevice | None,
) -> Asked:
    """What is asked of whoever comes with a device; `record` is its registration."""
    if grant is GrantKind.ONE_TIME_JWT:
        return Asked()
    listed = allowed.ownership if allowed else Ownership.NONE
    on_record = record.ownership if record else Ownership.NONE
    known = next((each for each in (on_record, listed) if each is not Ownership.NONE), "")
    recorded = Answers(known, record.asset_number if record else "")
    asked = [each for each in policy.questions if not getattr(recorded, each)]
    said, wrong = _read(report, asked)
    known_now = Answers(
        recorded.ownership or said.ownership,
        recorded.asset_number or said.asset_number,
        said.email,
    )
    return Asked(open_questions(asked, known_now), wrong)


def unsaid(policy: EnrollmentPolicy, ownership: str, asset_number: str) -> tuple[Question, ...]:
    """What a user who adds a device of his own has yet to say of it; he is known by his sign-in."""
    asked = [each for each in policy.questions if each is not Question.EMAIL]
    said = "" if ownership == Ownership.NONE else ownership
    return open_questions(asked, Answers(said, asset_number.strip()))


def _read(report: DeviceReport, asked: list[Question]) -> tuple[Answers, tuple[FieldError, ...]]:
    """What was said to what is asked, and what is wrong with it."""
    said: dict[str, str] = {}
    wrong = []
    for question in asked:
        try:
            said[question] = READERS[question](getattr(report, question))
        except Unfit as error:
            wrong.append(FieldError(f"device.{question}", str(error)))
    return Answers(**said), tuple(wrong)


def _ownership(text: str) -> str:
    cleaned = text.strip().lower()
    if cleaned and cleaned not in OWNERSHIPS:
        raise Unfit(f"must be one of {', '.join(OWNERSHIPS)}")
    return cleaned


READERS: Final[Mapping[Question, Callable[[str], str]]] = {
    Question.OWNERSHIP: _ownership,
    Question.ASSET_NUMBER: fields.line,
    Question.EMAIL: fields.email,
}
"""How an answer is read; "" is none. Each raises `Unfit` for what cannot be one."""


def answers_of(report: DeviceReport) -> Answers:
    """What a report says that a person was asked; what cannot be an answer is none."""
    said = {}
    for question, reader in READERS.items():
        try:
            said[question.value] = reader(getattr(report, question))
        except Unfit:
            said[question.value] = ""
    return Answers(**said)


def answered_with(policy: EnrollmentPolicy | None, claim: Redemption) -> Redemption:
    """A claim with what was answered: it goes to the device if it is won, and into its event."""
    report = claim.report
    if not (report.ownership or report.asset_number or report.email):
        return claim
    said = answers_of(report)
    if policy is None or Question.EMAIL not in policy.questions:
        said = replace(said, email="")
    if said == Answers():
        return claim
    happening = claim.happening
    data = {"ownership": said.ownership, "asset_number": said.asset_number}
    personal = {"answered_email": said.email}
    told = replace(
        happening,
        data={**happening.data, **{key: text for key, text in data.items() if text}},
        personal={**happening.personal, **{key: text for key, text in personal.items() if text}},
    )
    # A device that is made with this claim has them from the start.
    known = claim.fresh_device is not None or not (said.ownership or said.asset_number)
    return replace(claim, happening=told, answers=None if known else said)
