"""Text that no column can hold is somebody's malformed request on both stores, never a fault."""

from __future__ import annotations

import pytest

from enlist.core.secrets import Secret
from enlist.verbs.sign_in import StartSignIn
from enlist.verbs.users import AddUser
from enlist.verbs.views import ListUsers
from tests.installation import Enlist, refusal

NO_TEXT = ["a\x00b", "\ud800"]


@pytest.mark.parametrize("text", NO_TEXT, ids=["NUL", "lone surrogate"])
def test_it_is_refused_as_malformed(enlist: Enlist, text: str) -> None:
    signing_in = enlist.driver.perform(StartSignIn(text, Secret("x")), enlist.stranger())
    assert refusal(signing_in).code == "malformed"
    looking = enlist.driver.view(ListUsers(search=text), enlist.host)
    assert refusal(looking).code in ("malformed", "validation_failed")
    adding = AddUser("main", text, email="a@example.com")
    assert refusal(enlist.driver.perform(adding, enlist.host)).code in (
        "malformed",
        "validation_failed",
    )
    assert refusal(enlist.redeem(Secret(text * 8))).code in ("malformed", "token_invalid")
