"""Terms of use that somebody has to accept before his device enrolls (A57).

One place for every way in: whoever was admitted is asked here, when he begins and when he redeems.
He accepts by naming the version that he read; on the enrollment page a ticked box does, and the
attempt that begins with it carries it to the device. Who accepted a version once is not asked for
it again, whatever device he comes with. A device of nobody's has nobody who could accept.

Where no terms are in force nothing is read. Where they are, whoever names them costs no look
either.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from enlist.core.ids import Id, new_id, parse_id
from enlist.core.model import Attempt
from enlist.core.outcomes import Refusal, Subjects
from enlist.core.policy import EnrollmentPolicy
from enlist.core.terms import Acceptance, TermsRef, asked_of
from enlist.store import terms
from enlist.store.redemptions import Redemption
from enlist.store.tx import Reader

PATH = "/enroll/terms"
"""Where people read terms of use, by id: with the public address before it."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """The terms that count for a device that wants to enroll, and how its owner stands to them.

    Attributes:
        before: he accepted them when an earlier device enrolled.
        accepted_at: when he accepted them for this enrollment; None where he did not.
    """

    terms: TermsRef
    before: bool = False
    accepted_at: int | None = None

    @property
    def asked(self) -> TermsRef | None:
        """What he has yet to accept."""
        return None if self.before or self.accepted_at is not None else self.terms

    def refusal(self, public_url: str, about: Subjects) -> Refusal | None:
        """`terms_required` with what is to be accepted, and how; None where nothing is."""
        if self.asked is None:
            return None
        named = self.terms
        url = f"{public_url}{PATH}/{named.id}"
        return Refusal(
            "terms_required",
            f"Read them at {url} and, if you accept them, say so with their id: "
            f"--accept-terms {named.id}, or accepted_terms in the API.",
            reason="terms_required",
            about=about,
            holder=True,
            data={"terms_id": named.id, "terms_version": named.version, "terms_url": url},
        )

    def acceptance(self, now: int) -> Acceptance | None:
        """What is to be written down with the enrollment."""
        if self.accepted_at is None:
            return None
        return Acceptance(new_id(now), self.terms.id, self.accepted_at)


@dataclass(frozen=True, slots=True)
class Comer:
    """Who comes with what device, as far as terms of use ask.

    Attributes:
        accepts: the id of the terms that he says he accepts; "" for none.
    """

    platform: str | None
    accepts: str
    user_id: Id | None
    attempt: Attempt | None


def stand(tx: Reader, policy: EnrollmentPolicy, comer: Comer) -> Agreement | None:
    """How somebody stands to the terms in force; None where there are none."""
    named = asked_of(policy.terms, comer.platform)
    if named is None or comer.user_id is None:
        return None
    if parse_id(comer.accepts) == named.id:
        return Agreement(named, accepted_at=tx.now)
    if comer.attempt is not None and comer.attempt.accepted_terms_id == named.id:
        return Agreement(named, accepted_at=comer.attempt.started_at)
    return Agreement(named, terms.accepted(tx, named.id, comer.user_id))


def accepted_with(agreement: Agreement | None, claim: Redemption, now: int) -> Redemption:
    """A claim with the acceptance that follows if it is won; its event names the version."""
    if agreement is None:
        return claim
    named, happening = agreement.terms, claim.happening
    data = {**happening.data, "terms": named.id, "terms_version": named.version}
    return replace(
        claim,
        happening=replace(happening, data=data),
        acceptance=agreement.acceptance(now),
    )
