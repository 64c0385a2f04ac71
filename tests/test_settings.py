"""Settings from the environment, where everything is text."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from enlist.settings import ListenerName, Settings
from enlist.verbs.driver import Addresses
from enlist.wiring.installation import addresses


def test_without_any_setting_only_this_machine_is_served() -> None:
    """Ruling 33: and without a mail server nothing goes out."""
    settings = Settings()
    assert (settings.http, settings.device) == ("127.0.0.1:8000", "127.0.0.1:8443")
    assert (settings.workers, settings.database, settings.smtp.host) == (1, "", "")
    assert addresses(settings) == Addresses(
        "http://localhost:8000", "https://localhost:8443", "http://localhost:8000/pki"
    )


def test_the_list_of_the_revoked_stands_below_the_public_address() -> None:
    """Ruling 36: unless it is said to stand elsewhere, for those who read it without TLS."""
    public = "https://enroll.example.com"
    assert addresses(Settings(public_url=public)).pki_url == f"{public}/pki"
    plain = "http://enroll.example.com/pki"
    assert addresses(Settings(public_url=public, pki_url=plain)).pki_url == plain


def test_mail_is_set_by_variables_and_its_password_by_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Ruling 33: what a file says goes before the variable, and a missing file stops the start."""
    secret = tmp_path / "password"
    secret.write_text("from the file\n")
    variables = {
        "SMTP_HOST": "mail.example.com",
        "SMTP_SECURITY": "tls",
        "SMTP_USER": "enlist",
        "SMTP_PASSWORD": "from the variable",
        "MAIL_FROM": "Enlist <enlist@example.com>",
    }
    for name, value in variables.items():
        monkeypatch.setenv(f"ENLIST_{name}", value)
    settings = Settings()
    assert (settings.smtp.host, settings.smtp.user) == ("mail.example.com", "enlist")
    assert (settings.smtp.security, settings.smtp.effective_port) == ("tls", 465)
    assert settings.mail_from == "Enlist <enlist@example.com>"
    assert settings.smtp.password.get_secret_value() == "from the variable"
    monkeypatch.setenv("ENLIST_SMTP_PASSWORD_FILE", str(secret))
    assert Settings().smtp.password.get_secret_value() == "from the file"
    secret.unlink()
    with pytest.raises(ValidationError, match="ENLIST_SMTP_PASSWORD_FILE: cannot read"):
        Settings()


def test_a_database_address_with_a_password_may_stand_in_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql://enlist:hidden@db/enlist\n")
    monkeypatch.setenv("ENLIST_DATABASE_FILE", str(secret))
    assert Settings().database == "postgresql://enlist:hidden@db/enlist"


@pytest.mark.parametrize(
    ("text", "networks"),
    [
        ("", []),
        ("127.0.0.1", ["127.0.0.1"]),
        ("10.0.0.0/8, 2001:db8::/32", ["10.0.0.0/8", "2001:db8::/32"]),
    ],
)
def test_trusted_proxies_are_parted_by_commas(
    monkeypatch: pytest.MonkeyPatch, text: str, networks: list[str]
) -> None:
    monkeypatch.setenv("ENLIST_TRUSTED_PROXY", text)
    assert Settings().trusted_proxy == networks


def test_the_header_of_the_proxy_is_one_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """In any case of letters; a mistyped one would let clients say who they are."""
    assert Settings().proxy_header == "x-forwarded-for"
    monkeypatch.setenv("ENLIST_PROXY_HEADER", "Forwarded")
    assert Settings().proxy_header == "forwarded"
    monkeypatch.setenv("ENLIST_PROXY_HEADER", "X-Real-IP")
    with pytest.raises(ValidationError, match="x-forwarded-for"):
        Settings()


def test_a_proxy_that_is_no_network_stops_the_start() -> None:
    """Else every request would fail over it."""
    with pytest.raises(ValidationError, match="proxy is no network, such as"):
        Settings(trusted_proxy=["proxy"])


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("192.0.2.1", "no host name"),
        ("*.example.test", "no host name"),
        ("https://x.example.test", "no host name"),
        ("x.example.test=only.pem", "NAME=CERTIFICATE:KEY"),
        ("x.example.test, X.example.test", "twice"),
    ],
)
def test_what_is_no_name_of_a_listener_stops_the_start(
    given: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENLIST_DEVICE_NAME", given)
    with pytest.raises(ValidationError, match=says):
        Settings()


def test_a_listener_has_names_with_and_without_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENLIST_DEVICE_NAME", "Own.test, x.test=/a b.pem:/c.key")
    with_files = ListenerName("x.test", Path("/a b.pem"), Path("/c.key"))
    assert Settings().listener_names == (ListenerName("own.test"), with_files)


KEY = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"
HOOK = "https://gateway.example.com/revoked"


def test_the_webhooks_key_may_stand_in_a_file(tmp_path: Path) -> None:
    assert Settings().revocation_webhook_key == b""
    secret = tmp_path / "webhook.secret"
    secret.write_text(f"{KEY}\n")
    found = Settings(revocation_webhook=HOOK, revocation_webhook_secret_file=secret)
    assert found.revocation_webhook_key == b"ABCDEFGHIJKLMNOPQRSTUVWX"
    assert KEY not in repr(found)


@pytest.mark.parametrize(
    ("url", "secret", "says"),
    [
        (HOOK, "", "belong together"),
        ("", KEY, "belong together"),
        (HOOK, KEY.removeprefix("whsec_"), "random bytes"),
        (HOOK, "whsec_QUJD", "random bytes"),
        (HOOK, f"whsec_{'QUJD' * 22}", "random bytes"),
        (HOOK, "whsec_not base64", "random bytes"),
        ("http://gateway.example.com/", KEY, "must be an address"),
        ("gateway.example.com", KEY, "must be an address"),
        ("file:///etc/passwd", KEY, "must be an address"),
        ("https://gateway.example.com:0/revoked", KEY, "must be an address"),
        ("https://gateway.example.com:port/revoked", KEY, "Port could not be cast"),
        ("https://gateway.example.com:99999/revoked", KEY, "Port out of range"),
    ],
)
def test_a_webhook_that_could_not_be_used_or_trusted_stops_the_start(
    url: str, secret: str, says: str
) -> None:
    with pytest.raises(ValidationError, match=says):
        Settings(revocation_webhook=url, revocation_webhook_secret=SecretStr(secret))


def test_a_webhook_of_this_machine_needs_no_tls() -> None:
    for host in ("localhost:9000", "127.0.0.1", "[::1]:9000"):
        url = f"http://{host}/revoked"
        found = Settings(revocation_webhook=url, revocation_webhook_secret=SecretStr(KEY))
        assert found.revocation_webhook == url
