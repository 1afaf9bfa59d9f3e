"""Identity and covers, without a browser: what the web application gives and refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from chat.screens.cards import playable
from chat.screens.covers import cover, initial
from chat.screens.identity import COOKIE, sign, verify
from chat.screens.web import web_app
from tests.browser.fake_conversation import HTML_TITLE, FakeConversation

SECRET = "a secret for tests only"
VISITOR = "v-" + "0" * 32


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    talk: Any = FakeConversation()
    with TestClient(web_app(talk, secret=SECRET, public_url="https://attune.example")) as client:
        yield client


def test_a_signed_visitor_is_known_and_a_forged_one_is_not() -> None:
    assert verify(sign(VISITOR, SECRET), SECRET) == VISITOR
    for forged in (VISITOR, f"{VISITOR}.", sign(VISITOR, "other"), sign("p-tom", SECRET), "é.é", ""):
        assert verify(forged, SECRET) is None


def test_opening_the_page_sets_a_private_cookie_and_keeps_a_valid_one(client: TestClient) -> None:
    client.cookies.clear()
    first = client.get("/").headers["set-cookie"]
    assert first.startswith(f"{COOKIE}=v-")
    assert {"HttpOnly", "SameSite=Lax", "Path=/", "Secure"} <= set(first.split("; "))
    client.cookies.clear()
    kept = client.get("/", headers={"cookie": f"{COOKIE}={sign(VISITOR, SECRET)}"})
    assert "set-cookie" not in kept.headers
    forged = client.get("/", headers={"cookie": f"{COOKIE}={VISITOR}.{'0' * 64}"})
    assert forged.headers["set-cookie"].startswith(f"{COOKIE}=v-") and VISITOR not in forged.headers["set-cookie"]


def test_other_origins_get_no_permission(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"ok": True}
    evil = client.get("/config", headers={"origin": "https://evil.example", "host": "attune.example"})
    assert "access-control-allow-origin" not in evil.headers


def test_only_web_addresses_can_be_played() -> None:
    assert playable("https://example.org/a") == "https://example.org/a"
    for url in (
        None,
        "",
        "javascript:alert(1)",
        "data:text/html,x",
        "//example.org",
        "https://",
        "http://[",
        "/etc/passwd",
    ):
        assert playable(url) is None


def test_a_cover_is_the_same_for_ever_and_escapes_its_letter() -> None:
    drawn = cover("comedy/standup/solo", "x-1", HTML_TITLE)
    assert drawn == cover("comedy/standup/solo", "x-1", HTML_TITLE) != cover("comedy/standup/solo", "x-2", HTML_TITLE)
    assert "<img" not in drawn
    assert [initial(title) for title in ("<b>", "万历", "  é", "…")] == ["B", "万", "É", "♪"]
