"""Enrolling by API: from registering a device to its certificate, and every way to be refused."""

from __future__ import annotations

from cryptography import x509

from tests.installation import PASSWORD
from tests.requests import device_key
from tests.web.api.conftest import Api, answered, csr_text, refused, wrong_fields

DEVICE = {
    "name": "ada-laptop",
    "platform": "linux",
    "hostname": "ada-laptop",
    "os": "Debian",
    "os_version": "12",
    "model": "X1",
    "serial": "C02XK1",
}


def test_the_whole_first_enrollment(api: Api) -> None:
    administrator = api.key("administrator")
    answered(administrator.post("/users", {"username": "ada", "email": "ada@example.com"}), 201)
    revealing = api.key("operator", "enrollments:reveal")
    registered = answered(
        revealing.post(
            "/devices",
            {
                "organization": "main",
                "user": "ada",
                "name": "Ada's laptop",
                "platform": "linux",
                "ownership": "corporate_dedicated",
                "identifiers": {"asset_number": "4711"},
                "message": {"type": "none"},
            },
        ),
        201,
    )
    device, enrollment = registered["device"], registered["enrollment"]
    assert (device["state"], enrollment["state"]) == ("registered", "active")
    token = enrollment["token"]
    assert enrollment["link"] == f"http://localhost:8000/enroll/{enrollment['id']}#t={token}"

    body = {"token": token, "device": DEVICE, "csr": csr_text()}
    redeemed = answered(api.stranger.post("/redeem", body), 201)

    certificate = x509.load_pem_x509_certificate(redeemed["certificate"].encode())
    assert certificate.public_key() == device_key(0).public_key()
    issuing, root = x509.load_pem_x509_certificates(redeemed["chain"].encode())
    certificate.verify_directly_issued_by(issuing)
    issuing.verify_directly_issued_by(root)
    assert redeemed["device"] == {
        "id": device["id"],
        "name": "Ada's laptop",
        "platform": "linux",
        "state": "enrolled",
        "user": "ada",
    }
    assert redeemed["device_url"] == "https://localhost:8443"

    shown = answered(revealing.get(f"/devices/{device['id']}"))
    assert (shown["state"], shown["model"], shown["os_version"]) == ("enrolled", "X1", "12")
    assert shown["identifiers"]["serial"] == "C02XK1"
    assert shown["identifiers"]["asset_number"] == "4711"
    assert shown["enrollments"][0]["state"] == "used"
    assert shown["credentials"][0]["certificate"] == redeemed["certificate"]
    timeline = answered(revealing.get(f"/events?device={device['id']}&sort=at"))["items"]
    kinds = {event["kind"] for event in timeline}
    assert kinds == {"device.registered", "enrollment.revealed", "enrollment.redeemed"}
    assert token not in revealing.get(f"/events?device={device['id']}").text


def test_a_forged_host_reaches_no_link_and_no_message(api: Api) -> None:
    """S38: whoever may register devices does not choose where their users are led."""
    client = api.key("administrator", "enrollments:reveal")
    api.enlist.user("ada")
    forged = {"host": "evil.example", "x-forwarded-host": "evil.example"}
    forged["forwarded"] = "host=evil.example;proto=http"
    device = {"user": "ada", "name": "laptop", "platform": "linux"}
    shown = client.post("/devices", {**device, "message": {"type": "none"}}, headers=forged)
    assert answered(shown, 201)["enrollment"]["link"].startswith("http://localhost:8000/enroll/")
    mailed = client.post("/devices", {**device, "message": {"type": "email"}}, headers=forged)
    assert answered(mailed, 201)["enrollment"]["state"] == "active"
    (message,) = api.enlist.rows("message")
    assert message["message_id"].endswith("@localhost>")
    for table in ("message", "enrollment", "device", "event"):
        assert "evil" not in str(api.enlist.rows(table)), table
    assert "evil" not in shown.text + mailed.text + str(shown.headers) + str(mailed.headers)


def test_a_repeated_request_gets_the_same_answer(api: Api) -> None:
    ticket = api.enlist.register()
    body = {"token": ticket.token.reveal(), "device": DEVICE, "csr": csr_text()}
    first = api.stranger.post("/redeem", body)
    by_key = api.stranger.post("/redeem", {**body, "csr": csr_text()})  # signed anew
    assert (first.status_code, by_key.status_code) == (201, 201)
    assert by_key.json() == first.json()
    assert refused(api.stranger.post("/redeem", {**body, "csr": csr_text(1)})) == (
        410,
        "token_used",
    )


def test_an_idempotency_key_recognises_the_request(api: Api) -> None:
    api.enlist.set(allow_bare_enrollment=True)
    ticket = api.enlist.register()
    body = {"token": ticket.token.reveal(), "device": DEVICE}
    key = {"idempotency-key": "once"}
    first = answered(api.stranger.post("/redeem", body, headers=key), 201)
    assert first["certificate"] == ""
    assert answered(api.stranger.post("/redeem", body, headers=key), 201) == first
    other = {**body, "device": {**DEVICE, "serial": "another"}}
    assert refused(api.stranger.post("/redeem", other, headers=key)) == (
        422,
        "idempotency_key_reused",
    )
    assert refused(api.stranger.post("/redeem", body)) == (410, "token_used")


def test_a_new_request_for_the_same_key_pair_is_the_same_request(api: Api) -> None:
    ticket = api.enlist.register()
    body = {"token": ticket.token.reveal(), "device": DEVICE, "csr": csr_text()}
    key = {"idempotency-key": "once"}
    first = answered(api.stranger.post("/redeem", body, headers=key), 201)
    again = {**body, "csr": csr_text()}
    assert again["csr"] != body["csr"], "the signature of ECDSA differs each time"
    assert answered(api.stranger.post("/redeem", again, headers=key), 201) == first


def test_two_factors(api: Api) -> None:
    api.enlist.set(token_type="two_factor")
    ticket = api.enlist.register("ada")
    body = {"token": ticket.token.reveal(), "device": DEVICE, "csr": csr_text()}
    assert refused(api.stranger.post("/redeem", body)) == (404, "token_invalid")
    wrong = {**body, "username": "ada", "password": "wrong horse battery"}
    assert refused(api.stranger.post("/redeem", wrong)) == (403, "credentials_invalid")
    right = {**body, "username": "ada", "password": PASSWORD}
    assert answered(api.stranger.post("/redeem", right), 201)["device"]["user"] == "ada"


def test_by_group_id_and_sign_in(api: Api) -> None:
    api.enlist.user("ada")
    body = {"group_id": "main", "username": "ada", "password": PASSWORD, "device": DEVICE}
    redeemed = answered(api.stranger.post("/redeem", {**body, "csr": csr_text()}), 201)
    assert redeemed["device"]["name"] == "ada-laptop"
    assert refused(api.stranger.post("/redeem", {**body, "group_id": "nowhere"})) == (
        403,
        "credentials_invalid",
    )


def test_holders_hear_what_is_wrong(api: Api) -> None:
    enlist = api.enlist

    def redeem(token: str, **more: object) -> tuple[int, str]:
        body = {"token": token, "device": DEVICE, "csr": csr_text(), **more}
        return refused(api.stranger.post("/redeem", body))

    replaced = enlist.register()
    newest = enlist.reissue(replaced.enrollment_id)
    assert redeem(replaced.token.reveal()) == (410, "token_replaced")
    token = newest.token.reveal()
    assert redeem(token, csr="nonsense") == (422, "csr_invalid")
    assert redeem(token, csr=None) == (422, "completion_required")
    windows = {**DEVICE, "platform": "windows"}
    assert redeem(token, device=windows) == (409, "platform_mismatch")
    assert redeem(token, device={**DEVICE, "platform": "amiga"}) == (403, "platform_not_supported")
    enlist.clock.advance(hours=25)
    assert redeem(token) == (410, "token_expired")
    enlist.revoke(newest.enrollment_id)
    gone = api.stranger.post("/redeem", {"token": token, "device": DEVICE, "csr": csr_text()})
    assert refused(gone) == (410, "token_revoked")
    assert gone.json()["at"] == "2026-03-03T13:00:00.000000Z"


def test_strangers_are_told_alike(api: Api) -> None:
    ticket = api.enlist.register()
    answers = [
        api.stranger.post("/redeem", {"token": token, "csr": csr})
        for token in ("8Kq2mWx7Rb", "x", "0" * 5000, "BCDF-GHJK-L", " ", "\N{SNOWMAN}")
        for csr in (csr_text(), "nonsense", None)
    ]
    answers.append(api.stranger.post("/redeem", {"token": ticket.enrollment_id}))
    bodies = []
    for answer in answers:
        assert refused(answer) == (404, "token_invalid")
        problem = answer.json()
        assert problem.pop("support_code")
        bodies.append(problem)
    assert all(body == bodies[0] for body in bodies)


def test_exactly_one_of_token_and_group_id(api: Api) -> None:
    for path in ("/redeem", "/attempts"):
        assert wrong_fields(api.stranger.post(path, {})) == {"token", "group_id"}
        both = {"token": "8Kq2mWx7Rb", "group_id": "main"}
        assert wrong_fields(api.stranger.post(path, both)) == {"token", "group_id"}


def test_the_eleventh_wrong_guess_is_not_looked_at(api: Api) -> None:
    guesser = api.stranger
    for _ in range(9):
        assert refused(guesser.post("/redeem", {"token": "8Kq2mWx7Rb"})) == (404, "token_invalid")
    last = [guesser.post("/redeem", {"token": "8Kq2mWx7Rb"}) for _ in range(2)][-1]
    assert refused(last) == (429, "rate_limited")
    assert last.headers["retry-after"] == str(last.json()["retry_after"])


def test_an_attempt_from_code_to_certificate(api: Api) -> None:
    ticket = api.enlist.register()
    token = ticket.token.reveal()
    begun = answered(
        api.stranger.post("/attempts", {"token": token, "device": {"platform": "linux"}}), 201
    )
    assert begun["next"] == "certificate"
    assert begun["expires_at"] == "2026-03-02T12:10:00.000000Z"
    path = f"/attempts/{begun['id']}/complete"
    body = {"code": begun["code"], "device": DEVICE, "csr": csr_text()}
    redeemed = answered(api.stranger.post(path, body), 201)
    assert redeemed["device"]["id"] == ticket.device_id
    assert answered(api.stranger.post(path, body), 201) == redeemed
    assert refused(api.stranger.post("/redeem", {"token": token, "csr": csr_text(1)})) == (
        410,
        "token_used",
    )


def test_an_attempt_on_another_platform(api: Api) -> None:
    token = api.enlist.register(platform="windows").token.reveal()
    body = {"token": token, "device": {"platform": "macos"}}
    assert answered(api.stranger.post("/attempts", body), 201)["next"] == "other_device"


def test_an_attempt_needs_its_own_code(api: Api) -> None:
    tokens = [api.enlist.register(name=name).token.reveal() for name in ("one", "two")]
    one, two = (answered(api.stranger.post("/attempts", {"token": token}), 201) for token in tokens)
    for path in ("complete", "cancel"):
        for code in (two["code"], tokens[0], "BCDF-GHJK-L"):
            answer = api.stranger.post(
                f"/attempts/{one['id']}/{path}", {"code": code, "csr": csr_text()}
            )
            assert refused(answer) == (404, "token_invalid")
        assert wrong_fields(api.stranger.post(f"/attempts/{one['id']}/{path}", {})) == {"code"}


def test_a_cancelled_or_late_attempt_leaves_the_token(api: Api) -> None:
    token = api.enlist.register().token.reveal()
    begun = [answered(api.stranger.post("/attempts", {"token": token}), 201) for _ in range(2)]
    cancelled, late = begun
    cancel = api.stranger.post(f"/attempts/{cancelled['id']}/cancel", {"code": cancelled["code"]})
    assert cancel.status_code == 204
    assert cancel.content == b""
    api.enlist.clock.advance(minutes=11)
    for attempt in begun:
        body = {"code": attempt["code"], "device": DEVICE, "csr": csr_text()}
        answer = api.stranger.post(f"/attempts/{attempt['id']}/complete", body)
        assert refused(answer) == (410, "attempt_over")
    again = api.stranger.post(f"/attempts/{late['id']}/cancel", {"code": late["code"]})
    assert refused(again) == (410, "attempt_over")
    answered(api.stranger.post("/redeem", {"token": token, "csr": csr_text()}), 201)


def test_a_clients_clock_counts_for_nothing(api: Api) -> None:
    """X08: neither does a late one get more time, nor does one ahead lose any."""
    live, over = api.enlist.register("ada"), api.enlist.register("ada", name="old")
    for ticket, date, expected in (
        (live, "Fri, 31 Dec 2099 23:59:59 GMT", 201),
        (over, "Mon, 02 Mar 2026 12:00:00 GMT", 410),
    ):
        if ticket is over:
            api.enlist.clock.now = over.expires_at
        body = {"token": ticket.token.reveal(), "csr": csr_text()}
        headers = {"date": date, "if-modified-since": date, "if-unmodified-since": date}
        assert api.stranger.post("/redeem", body, headers=headers).status_code == expected


def test_keys_and_cookies_count_for_nothing_where_a_token_does(api: Api) -> None:
    token = api.enlist.register().token.reveal()
    administrator = api.key("administrator")
    answered(administrator.post("/attempts", {"token": token}), 201)
    started = api.enlist.events("attempt.started")
    assert [event.actor_kind for event in started] == ["stranger"]
    answered(administrator.post("/redeem", {"token": token, "csr": csr_text()}), 201)
    redeemed = api.enlist.events("enrollment.redeemed")
    assert [event.actor_kind for event in redeemed] == ["stranger"]


def test_reading_consumes_nothing(api: Api) -> None:
    ticket = api.enlist.register()
    token = ticket.token.reveal()
    for path in ("/redeem", "/attempts", f"/redeem?token={token}"):
        for method in ("GET", "HEAD"):
            assert api.stranger.ask(method, path).status_code == 405
    assert api.enlist.enrollment(ticket.enrollment_id).uses == 0
    answered(api.stranger.post("/redeem", {"token": token, "csr": csr_text()}), 201)


def test_what_a_newer_agent_says_is_ignored(api: Api) -> None:
    token = api.enlist.register().token.reveal()
    body = {
        "token": token,
        "csr": csr_text(),
        "device": {**DEVICE, "colour": "blue", "sensors": [1, {"deep": True}]},
        "later": {"than": "this"},
    }
    answered(api.stranger.post("/redeem", body), 201)
