"""Where people may be led to once their device has joined: named hosts alone (A59, S37)."""

from __future__ import annotations

import pytest

from enlist.core.branding import LONGEST_URL, landing_problem

HOSTS = frozenset({"intranet.example.test", "xn--bcher-kva.example.test"})
HERE = "intranet.example.test"


@pytest.mark.parametrize(
    "url",
    [
        f"https://{HERE}",
        f"https://{HERE}/",
        f"https://{HERE}/welcome?to=you&n=1#start",
        f"HTTPS://INTRANET.example.test/{'a' * 20}",
        f"https://{HERE}:443/welcome",
        "https://xn--bcher-kva.example.test/",
        f"https://{HERE}/%2F%2Fevil.test/%0D%0A",
        f"https://{HERE}//evil.test",
    ],
)
def test_a_page_of_a_named_host_is_taken(url: str) -> None:
    assert landing_problem(url, HOSTS) is None


@pytest.mark.parametrize(
    "url",
    [
        # another scheme, or none
        f"http://{HERE}/",
        f"ftp://{HERE}/",
        f"ws://{HERE}/",
        "javascript:alert(1)",
        f"javascript://{HERE}/%0aalert(1)",
        f"JaVaScRiPt:https://{HERE}/",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:msgbox(1)",
        f"blob:https://{HERE}/1",
        f"view-source:https://{HERE}/",
        f"file://{HERE}/etc/passwd",
        "mailto:ada@example.test",
        # no host, or one that only some programs see
        "",
        "/welcome",
        f"//{HERE}/",
        "//evil.test/",
        "///evil.test/",
        "////evil.test/",
        "https:evil.test",
        f"https:{HERE}",
        f"https:/{HERE}/",
        f"https:///{HERE}/",
        "https://",
        "https://?x",
        HERE,
        # backslashes
        f"https:\\\\{HERE}/",
        "https:/\\evil.test/",
        f"https://evil.test\\@{HERE}/",
        f"https://{HERE}\\evil.test/",
        f"https://{HERE}/\\evil.test",
        "\\\\evil.test",
        # a login
        f"https://{HERE}@evil.test/",
        f"https://{HERE}:443@evil.test/",
        f"https://evil.test@{HERE}/",
        f"https://user:secret@{HERE}/",
        f"https://@{HERE}/",
        f"https://{HERE};@evil.test/",
        f"https://{HERE}%40evil.test/",
        # another port
        f"https://{HERE}:8443/",
        f"https://{HERE}:80/",
        f"https://{HERE}:99999/",
        f"https://{HERE}:port/",
        # other names, and names that look alike
        "https://evil.test/",
        f"https://evil.test/{HERE}",
        f"https://evil.test?https://{HERE}",
        f"https://{HERE}.evil.test/",
        f"https://sub.{HERE}/",
        f"https://evil{HERE}/",
        f"https://{HERE}./",
        "https://example.test/",
        "https://bücher.example.test/",
        "https://intrаnet.example.test/",  # noqa: RUF001 - a Cyrillic letter is the point
        "https://intranet。example。test/",
        "https://ｉntranet.example.test/",  # noqa: RUF001 - a wide letter is the point
        "https://intranet%2eexample.test/",
        "https://xn--intrnet-5nf.example.test/",
        "https://[::1]/",
        f"https://[{HERE}]/",
        "https://[::1",
        "https://127.0.0.1/",
        "https://2130706433/",
        # what would end a line or an attribute, or is taken out by browsers
        f"https://{HERE}/\r\nSet-Cookie: a=b",
        f"https://{HERE}/\n",
        f"https://{HERE}\r\n.evil.test/",
        f"ht\ntps://{HERE}/",
        f"https://{HERE}\t.evil.test/",
        f"https://{HERE}/\x00",
        f"https://{HERE}/\u2028",
        f" https://{HERE}/",
        f"https://{HERE}/a b",
        f'https://{HERE}/"onclick="x',
        f"https://{HERE}/<script>",
        f"https://{HERE}/{'a' * LONGEST_URL}",
    ],
)
def test_everything_else_is_refused_and_said_why(url: str) -> None:
    assert landing_problem(url, HOSTS)


def test_nothing_is_allowed_where_the_operator_named_no_host() -> None:
    assert landing_problem(f"https://{HERE}/", frozenset())
