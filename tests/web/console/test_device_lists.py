"""Allow and deny lists in the console: 30 a form, asked before anything ends, taken off again."""

from __future__ import annotations

from enlist.core.device_lists import DeviceList
from enlist.store.redemptions import DeviceReport
from enlist.verbs.device_lists import Entry, ListListed, PutOnList
from tests.installation import Enlist, done
from tests.web.console.conftest import Console

LIST = "/console/main/device-lists"


def numbers(count: int) -> str:
    return "\r\n".join(f"SN-{each:04}" for each in range(count))


def test_thirty_are_taken_and_thirty_one_are_refused_at_the_field(
    console: Console, enlist: Enlist
) -> None:
    """A44, A45."""
    enlist.organization("berlin")
    desk = console.sign_in("operator")
    typed = {"attribute": "serial", "ownership": "corporate_shared", "target": "berlin"}
    page = desk.send(f"{LIST}/allow", {**typed, "numbers": numbers(31)})
    assert page.status == 422
    assert "There are 31; must be 1 to 30; import a CSV file for more." in page.main
    assert 'id="numbers-error"' in page.source
    assert "SN-0030" in page.source  # nothing typed is lost
    assert enlist.rows("listed_device") == []
    page = desk.follow(desk.send(f"{LIST}/allow", {**typed, "numbers": numbers(30)}))
    assert "Put on the list: 30." in page.main
    assert "Corporate – shared in berlin" in page.main
    (found,) = [row for row in enlist.rows("listed_device") if row["value"] == "SN-0029"]
    assert found["ownership"] == "corporate_shared"


def test_what_is_wrong_with_an_entry_names_it(console: Console, enlist: Enlist) -> None:
    wrong = {"attribute": "imei", "numbers": "490154203237518\n490154203237519\n12"}
    page = console.sign_in().send(f"{LIST}/deny", wrong)
    assert "490154203237519 is no IMEI: its last digit does not fit the others." in page.main
    assert "12 must be an IMEI of 14 to 16 digits." in page.main
    assert enlist.rows("listed_device") == []


def test_what_denying_ends_is_shown_and_asked_first(console: Console, enlist: Enlist) -> None:
    """A46."""
    ticket = enlist.register("ada", name="Ada's laptop")
    done(enlist.redeem(ticket.token, report=DeviceReport(platform="linux", serial="PF-1234")))
    desk = console.sign_in("operator")
    typed = {"attribute": "serial", "numbers": "pf-1234\nPF-5678", "organization": "main"}
    asked = desk.send(f"{LIST}/deny", typed)
    assert "Ada's laptop of ada is un-enrolled at once: 1 certificate is revoked" in asked.main
    assert enlist.rows("listed_device") == []
    assert enlist.device(ticket.device_id).state == "enrolled"
    sent = {name: asked.value(name) for name in (*typed, "preview")}

    again = enlist.register("grace", name="Grace's laptop")
    report = DeviceReport(platform="linux", serial="PF-5678")
    done(enlist.redeem(again.token, report=report, key=1))
    changed = desk.send(f"{LIST}/deny", sent)
    assert changed.status == 409
    assert "Grace's laptop" in changed.main
    assert enlist.device(ticket.device_id).state == "enrolled"  # nothing was done

    page = desk.follow(desk.send(f"{LIST}/deny", {**sent, "preview": changed.value("preview")}))
    assert "Put on the list: 2. Un-enrolled: 2." in page.main
    assert enlist.device(ticket.device_id).state == "unenrolled"
    # Who is on the list already is said; nothing ends twice.
    assert "2 are on the list already" in desk.send(f"{LIST}/deny", typed).main


def test_the_owner_is_not_named_to_whoever_may_not_know_him(
    console: Console, enlist: Enlist
) -> None:
    enlist.organization("berlin")
    enlist.user("ada")
    ticket = enlist.register("ada", name="Ada's laptop", organization="berlin")
    done(enlist.redeem(ticket.token, report=DeviceReport(platform="linux", serial="PF-1234")))
    desk = console.sign_in("operator", "berlin")
    typed = {"attribute": "serial", "numbers": "PF-1234"}
    asked = desk.send("/console/berlin/device-lists/deny", typed)
    assert "Ada's laptop is un-enrolled at once" in asked.main
    assert "of ada" not in asked.main


def test_an_entry_is_searched_and_taken_off(console: Console, enlist: Enlist) -> None:
    for kind, serial in ((DeviceList.ALLOW, "SN-ALLOWED"), (DeviceList.DENY, "SN-DENIED")):
        enlist.do(PutOnList("main", kind, (Entry("serial", serial),)))
    desk = console.sign_in("operator")
    page = desk.open(f"{LIST}?q=denied&list=deny")
    assert "SN-DENIED" in page.main
    assert "SN-ALLOWED" not in page.main
    entry = enlist.see(ListListed(search="SN-DENIED")).items[0].id
    here = f"{LIST}/{entry}/remove"
    assert "Nothing that it held comes back" in desk.open(here).main
    assert "on the list no more" in desk.follow(desk.send(here)).main
    assert desk.open(here).status == 404


def test_readers_look_and_helpdesk_lists_none(console: Console, enlist: Enlist) -> None:
    enlist.do(PutOnList("main", DeviceList.DENY, (Entry("serial", "SN-DENIED"),)))
    for role in ("reader", "helpdesk"):
        desk = console.sign_in(role)
        page = desk.open(LIST)
        assert "SN-DENIED" in page.main
        assert not page.leads_to(f"{LIST}/deny")
        for address in (f"{LIST}/deny", f"{LIST}/allow"):
            assert desk.open(address).status == 403
            typed = {"attribute": "serial", "numbers": "SN-0001"}
            assert desk.send(address, typed).status == 403, address
    assert len(enlist.rows("listed_device")) == 1
