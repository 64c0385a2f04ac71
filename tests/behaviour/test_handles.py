"""What an enrollment is called, and what redeems it: two things (X28), and one use (X04)."""

from __future__ import annotations

from enlist.core.ids import parse_id
from enlist.core.outcomes import Done, Refusal
from enlist.delivery.builtin import all_built_in
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.issuing import Delivery, Issued
from enlist.verbs.register import Issue, Register
from enlist.verbs.reissue import Reissue, Resend, Revoke
from enlist.verbs.views import ListEnrollments
from tests.installation import MAILED, Enlist, code, refusal


def listed(enlist: Enlist) -> set[str]:
    page = enlist.driver.view(ListEnrollments(), enlist.host)
    assert not isinstance(page, Refusal)
    return {each.id for each in page.items}


def test_every_issue_has_a_handle_that_manages_and_never_redeems(enlist: Enlist) -> None:
    """X28: whoever issued it never saw the secret, and can still find it and take it back."""
    enlist.user("ada")
    operator = enlist.staff("operator")
    laptop = DeviceDetails("laptop", "linux")
    made: Issued = enlist.do(Register("", "ada", laptop, MAILED), operator)
    again: Issued = enlist.do(Reissue(made.enrollment_id, MAILED), operator)
    assert (made.token, again.token) == (None, None)
    handle = made.enrollment_id
    assert again.enrollment_id == handle, "a reissue keeps it"
    assert handle in listed(enlist)
    assert isinstance(enlist.perform(Resend(handle), operator), Done)
    for typed in (handle, handle.replace("-", ""), made.device_id):
        assert parse_id(typed) is not None
        assert code(enlist.redeem(typed)) == "token_invalid"
        assert code(enlist.begin(typed)) == "token_invalid"
    assert enlist.enrollment(handle).state == "active"
    assert isinstance(enlist.perform(Revoke(handle), operator), Done)
    other: Issued = enlist.do(Issue(made.device_id, Delivery("email")), operator)
    assert other.enrollment_id != handle
    assert {handle, other.enrollment_id} <= listed(enlist)


def test_link_and_typed_token_are_one_use(enlist: Enlist) -> None:
    """X04: every message that we write holds both; whichever comes first, the other is used.

    That of a JWT holds neither: what enrolls there is the file with it.
    """
    with_token = [each for each in all_built_in() if each.purpose == "registration"]
    assert {each.channel for each in with_token} == {"email", "sms"}
    for template in with_token:
        assert "{EnrollmentUrl}" in template.body, template.language
        assert "{EnrollmentToken}" in template.body, template.language
    for first in ("link", "typed"):
        ticket = enlist.register(f"{first}-user")
        token = ticket.token.reveal()
        ways = {"link": token, "typed": f"{token[:5]} {token[5:]}"}
        assert code(enlist.redeem(ways.pop(first), key=1)) == "done"
        [(_, later)] = ways.items()
        assert refusal(enlist.redeem(later, key=2)).code == "token_used"
        assert enlist.enrollment(ticket.enrollment_id).uses == 1
