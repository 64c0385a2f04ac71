"""The API speaks English, whatever its caller speaks: programs and their logs need one language."""

from __future__ import annotations

from enlist.core.refusals import CATALOGUE
from tests.web.api.conftest import Api


def test_problem_documents_stay_english(api: Api) -> None:
    german = {"accept-language": "de"}
    for answer, code in (
        (api.stranger.get("/devices", headers=german), "unauthenticated"),
        (api.stranger.post("/redeem", {"token": "A" * 12}, headers=german), "token_invalid"),
        (api.key("reader").get("/nowhere", headers=german), "not_found"),
    ):
        problem = answer.json()
        assert problem["code"] == code
        assert problem["title"] == CATALOGUE[code].title
