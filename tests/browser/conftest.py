"""A running page and a headless Chromium.

`talk` is the conversation behind the page: the fake one here. A suite against the real application overrides that one
fixture (its own conftest, `def talk()`) and keeps the rest.
"""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI

from chat.screens.web import web_app
from tests.browser.fake_conversation import FakeConversation

playwright_api = pytest.importorskip("playwright.sync_api", reason="install the test extra: pip install playwright")
playwright_api.expect.set_options(timeout=20_000)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in Path(item.path).parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="module")
def talk() -> Any:
    return FakeConversation()


@pytest.fixture(scope="module")
def site(talk: Any) -> Iterator[str]:
    yield from served(web_app(talk, secret="a secret for tests only"))


def served(app: FastAPI) -> Iterator[str]:
    """The address of `app`, served in a thread until the generator is closed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser of this module's own: Playwright keeps an event loop in this thread, which no other test may find."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium on this machine; install the package `chromium` to run the browser tests")
    with playwright_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Any, site: str) -> Iterator[Callable[..., Any]]:
    """Opens the page as a new visitor: `visit(width=390, height=844, locale="zh-CN", dark=True)`."""
    contexts = []

    def open_page(*, width: int = 1440, height: int = 900, locale: str = "en-US", dark: bool = False) -> Any:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, locale=locale, color_scheme="dark" if dark else "light"
        )
        contexts.append(context)
        context.set_default_timeout(30_000)
        page = context.new_page()
        page.faults = []
        page.on("console", lambda m: page.faults.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: page.faults.append(str(e)))
        page.on("dialog", lambda d: (page.faults.append(f"dialog {d.message}"), d.dismiss()))
        page.elsewhere = []
        page.on(
            "request",
            lambda r: page.elsewhere.append(r.url) if not r.url.startswith((site, "data:", "blob:")) else None,
        )
        page.goto(site)
        page.locator("#at-list .at-card").first.wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()
