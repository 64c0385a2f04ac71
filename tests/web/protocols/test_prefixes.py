"""OpenZiti's addresses: the client API without and with its prefix and under the old one (D39)."""

from __future__ import annotations

from enlist.web.protocols import openziti
from enlist.web.protocols.openziti.paths import PREFIX
from tests.web.protocols.conftest import Ziti


def test_every_address_of_a_device_is_served_in_every_form(ziti: Ziti) -> None:
    device = ziti.enrolled(ziti.register())
    headers = {"content-type": "application/json"}
    paths = [(method, path) for path, method, _ in openziti.OFFERED]
    assert len(paths) > 10
    for method, path in paths:
        plain = path.replace("{authenticator}", "0")
        answers = [
            device.ask(method, f"{prefix}{plain}", content=b"{}", headers=headers)
            for prefix in ("", PREFIX, "/edge/v1")
        ]
        (status,) = {answer.status_code for answer in answers}
        assert status not in (404, 405), path


def test_the_management_api_has_one_address(ziti: Ziti) -> None:
    """Without its prefix an address is the client API's."""
    for path in ("/identities", "/edge/v1/identities", f"{PREFIX}/identities"):
        assert ziti.get(path).status_code == 404
    assert ziti.get("/edge/management/v1/identities").status_code == 401
