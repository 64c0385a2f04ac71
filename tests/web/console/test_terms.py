"""Terms of use in the console: written with a preview, published, withdrawn, and who accepted."""

from __future__ import annotations

from enlist.core.terms import TermsText
from enlist.verbs.terms import Draft, PublishTerms
from tests.installation import Enlist, done
from tests.web.console.conftest import Console, Desk, Page

LIST = "/console/main/terms"
WRITE = f"{LIST}/write"


def draft(**changed: str) -> dict[str, str]:
    words = {"title.en": "Use of devices", "body.en": "Be **kind**.", "title.de": "", "body.de": ""}
    return {"platform": "any", **words, **changed}


def publish(desk: Desk, **changed: str) -> Page:
    return desk.send(WRITE, draft(**changed))


def test_what_is_published_is_in_force_and_the_next_version_begins_with_it(
    console: Console,
) -> None:
    desk = console.sign_in()
    assert "Nobody has to accept anything" in desk.open(LIST).main
    told = desk.follow(publish(desk))
    assert "Version 1 is in force." in told.main
    editor = desk.open(WRITE)
    assert editor.value("title.en") == "Use of devices"
    assert "Be **kind**." in editor.main
    phones = {"platform": "ios", "title.en": "Phones", "title.de": "Telefone", "body.de": "Ja."}
    shown = desk.follow(publish(desk, **phones)).main
    assert "iOS" in shown or "iPhone" in shown
    desk.follow(publish(desk))
    assert "Published here before" in desk.open(LIST).main


def test_a_preview_shows_text_and_nothing_that_runs(console: Console) -> None:
    desk = console.sign_in()
    page = desk.send(
        f"{LIST}/preview", draft(**{"body.en": "**x** <script>1</script>", "as": "en"})
    )
    assert page.status == 200
    assert "<strong>x</strong>" in page.source
    assert "<script" not in page.source
    assert page.headers["content-security-policy"].startswith("sandbox; default-src 'none'")


def test_what_is_wrong_stands_at_its_field_and_nothing_typed_is_lost(
    console: Console, enlist: Enlist
) -> None:
    desk = console.sign_in()
    page = publish(desk, **{"title.de": "Nutzung", "body.de": ""})
    assert page.status == 422
    assert 'id="body.de-error"' in page.source
    assert "Be **kind**." in page.main
    empty = publish(desk, **{"title.en": "", "body.en": ""})
    assert 'id="body.en-error"' in empty.source
    assert enlist.rows("terms") == []


def test_who_accepted_is_listed_and_withdrawing_says_what_it_does(
    console: Console, enlist: Enlist
) -> None:
    text = TermsText("en", "Use of devices", "Be kind.")
    terms = enlist.do(PublishTerms("main", Draft((text,)))).id
    done(enlist.redeem(enlist.register("ada").token, accepts=terms))
    desk = console.sign_in()
    listed = desk.open(f"{LIST}/acceptances?terms={terms}")
    assert "ada" in listed.main
    assert "/api/v1/terms/acceptances/export?" in listed.source
    version = desk.open(f"{LIST}/{terms}")
    assert "Be kind." in version.main
    assert "In force" in version.main
    withdrawing = f"{LIST}/{terms}/withdraw"
    assert "stays on record" in desk.open(withdrawing).main
    assert "Terms of use withdrawn." in desk.follow(desk.send(withdrawing)).main
    assert desk.send(withdrawing).status == 404


def test_a_reader_reads_and_publishes_nothing(console: Console, enlist: Enlist) -> None:
    desk = console.sign_in("reader")
    assert "An administrator can do that." in desk.open(LIST).main
    assert desk.open(WRITE).status == 403
    assert publish(desk).status == 403
    assert enlist.rows("terms") == []
