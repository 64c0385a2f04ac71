"""`enlist role`: putting roles together and giving them."""

from __future__ import annotations

from tests.cli.conftest import Run
from tests.installation import Enlist


def test_a_role_is_made_given_changed_and_deleted(enlist: Enlist, run: Run) -> None:
    enlist.organization("berlin")
    enlist.user("ada", organization="berlin")
    made = run(
        *("role", "add", "--name", "Field support", "--organization", "berlin"),
        *("--like", "reader", "--permission", "devices:register", "--json"),
    ).json
    assert {"devices:register", "users:read"} <= set(made["permissions"])
    role = made["role"]
    assert "ada holds Field support on berlin" in run("role", "grant", "ada", role, "berlin").out
    assert "ada" in run("user", "list", "--role", role).out
    changed = run("role", "change", role, "--remove", "devices:register", "--json").json
    assert (changed["version"], "devices:register" in changed["permissions"]) == (2, False)
    (listed,) = [each for each in run("role", "list", "--json").json["items"] if each["held"]]
    assert listed == changed | {"held": 1}
    assert "Field support" in run("role", "list").out
    assert "users:read" in run("role", "show", role).out
    assert "Somebody holds this role" in run("role", "delete", role, expect=1).err
    assert run("role", "delete", role, "--instead", "reader").out == "Deleted.\n"
    assert "ada holds reader on berlin" in run("role", "grant", "ada", "reader", "berlin").out
    assert "ada holds no role" in run("role", "withdraw", "ada", "reader", "berlin").out
    given = [each.data["role"] for each in enlist.events("role.granted")]
    assert given[-2:] == ["Field support", "reader"]
