"""One-time credentials on the enrollment page: typed where the link does not work."""

from __future__ import annotations

import pytest

from enlist.verbs.issuing import Issued
from enlist.verbs.one_time_credentials import IssueCredentials
from tests.behaviour.credentials import pair, token
from tests.installation import Enlist, code
from tests.web.enroll.conftest import NewVisitor, Visitor


@pytest.fixture
def issued(enlist: Enlist) -> Issued:
    enlist.user("ada")
    return enlist.do(IssueCredentials("ada", "linux", hours=2))


@pytest.mark.parametrize("beside", ["", " ", "main", "MAIN "])
def test_the_pair_is_typed_alone_or_with_its_group_id(
    enlist: Enlist, visitor: Visitor, issued: Issued, beside: str
) -> None:
    """B14: there is no token in the way, and nothing to sign in to."""
    username, password = pair(enlist, issued)
    assert "Then leave this empty, and type them below." in visitor.open().text
    page = visitor.check(beside, login=(f" {username.lower()}", password.replace("-", " ")))
    assert page.status == 200
    assert "ada's Linux computer" in page.text
    begun = visitor.begin()
    found = begun.support_code
    assert code(enlist.redeem(found)) == "done"


def test_wrong_ones_are_answered_like_any_login(
    enlist: Enlist, new_visitor: NewVisitor, issued: Issued
) -> None:
    """Ruling 8: the user name that there is, one that there is not, and a Group ID with a login."""
    username, _ = pair(enlist, issued)
    unknown = f"BCDFGHJK@{username.partition('@')[2]}"
    shown = []
    for field, name in (("", username), ("", unknown), ("main", "nobody")):
        visitor = new_visitor()
        visitor.open()
        page = visitor.check(field, login=(name, "BBBB-BBBB"))
        shown.append((page.status, page.text.replace(page.support_code, "")))
    assert shown[0] == shown[1] == shown[2]
    assert "That did not work" in shown[0][1]


@pytest.mark.parametrize("by", ["pair", "link"])
def test_expired_ones_lead_to_a_new_request(
    enlist: Enlist, visitor: Visitor, issued: Issued, by: str
) -> None:
    """B15."""
    both, link = pair(enlist, issued), token(enlist, issued)
    enlist.clock.advance(hours=2)
    visitor.open()
    page = visitor.check("", login=both) if by == "pair" else visitor.check(link)
    assert page.status == 410
    assert "These credentials have expired" in page.text
    assert "They expired" in page.text
    assert 'href="/self-service"' in page.source


def test_their_link_unfolds_no_login_under_two_factors(
    enlist: Enlist, visitor: Visitor, issued: Issued
) -> None:
    enlist.set(token_type="two_factor")
    page = visitor.open(f"/enroll/{issued.enrollment_id}")
    assert '<details class="fold">' in page.source
    assert "ada's Linux computer" in visitor.check(token(enlist, issued)).text
