"""Terms of use on the enrollment page: read, ticked, and carried to the device (A57)."""

from __future__ import annotations

from enlist.core.terms import TermsText
from enlist.verbs.terms import Draft, PublishTerms
from tests.installation import Enlist, code
from tests.web.enroll.conftest import Visitor
from tests.web.enroll.walking import code_on

EN = TermsText(
    "en",
    "Use of devices",
    "# Rules\n\nBe **kind**. <script>alert(1)</script>\n\n"
    "![p](https://x.example/p.png) [more](https://example.com) [bad](javascript:alert(1))",
)
DE = TermsText("de", "Nutzung von Geräten", "Seien Sie **nett**.")
TICKED = "I have read these terms of use of"


def publish(enlist: Enlist) -> str:
    return enlist.do(PublishTerms("main", Draft((EN, DE)))).id


def test_terms_are_shown_before_the_last_step_and_must_be_ticked(
    enlist: Enlist, visitor: Visitor
) -> None:
    terms = publish(enlist)
    ticket = enlist.register("ada")
    visitor.open()
    page = visitor.check(ticket.token)
    assert "Use of devices" in page.text
    assert TICKED in page.text
    refused = visitor.begin()
    assert refused.status == 422
    assert 'id="accept-error"' in refused.source
    assert enlist.rows("attempt") == []
    begun = visitor.begin(accept=terms)
    assert code(enlist.redeem(code_on(begun))) == "done"
    (row,) = enlist.rows("terms_acceptance")
    assert row["terms_id"] == terms
    visitor.open()
    assert TICKED not in visitor.check(enlist.register("ada").token).text


def test_terms_published_meanwhile_are_shown_instead(enlist: Enlist, visitor: Visitor) -> None:
    first = publish(enlist)
    visitor.open()
    visitor.check(enlist.register("ada").token)
    second = publish(enlist)
    answer = visitor.begin(accept=first)
    assert (answer.status, answer.location) == (303, "/enroll/check")
    assert f'value="{second}"' in visitor.open(answer.location).source
    assert code_on(visitor.begin(accept=second))


def test_terms_hold_nothing_but_text(enlist: Enlist, visitor: Visitor) -> None:
    """Neither HTML nor pictures of whoever wrote them, and no link that runs something."""
    page = visitor.open(f"/enroll/terms/{publish(enlist)}")
    assert page.status == 200
    text = page.source.partition('class="terms-text"')[2]
    assert "<script" not in text
    assert "<img" not in text
    assert 'href="javascript' not in text
    assert "<strong>kind</strong>" in text
    assert "<h2>Rules</h2>" in text
    assert 'href="https://example.com" target="_blank" rel="noopener noreferrer"' in text


def test_terms_are_read_in_the_visitors_language(enlist: Enlist, visitor: Visitor) -> None:
    terms = publish(enlist)
    german = visitor.open(f"/enroll/terms/{terms}", accept_language="de-AT")
    assert "Nutzung von Geräten" in german.text
    assert "Nutzungsbedingungen von" in german.text
    unknown = terms[:-1] + ("1" if terms[-1] == "0" else "0")
    assert visitor.open(f"/enroll/terms/{unknown}").status == 404
