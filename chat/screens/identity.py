"""Who is asking: a random visitor id in a signed cookie, checked once a request and never taken from the page.

The middleware writes the checked id into the request's scope; a handler reads it from there with `visitor`. What a
client sends in headers, bodies or component values has no say in it. Without the middleware there is no identity, and
`visitor` refuses.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from http.cookies import CookieError, SimpleCookie

import gradio as gr
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "attune_visitor"
YEAR_S = 365 * 24 * 3600
STATE_KEY = "attune_visitor"
SHAPE = re.compile(r"v-[0-9a-f]{32}")
NO_COOKIE = (
    "Attune knows you by a cookie, and this browser sent none. Allow cookies for this page and reload it. "
    "Attune 用 Cookie 认出你；请允许本页使用 Cookie 后刷新。"
)


def sign(visitor_id: str, secret: str) -> str:
    """The cookie's value for a visitor id: the id and its HMAC-SHA256."""
    mark = hmac.new(secret.encode(), visitor_id.encode(), hashlib.sha256).hexdigest()
    return f"{visitor_id}.{mark}"


def verify(value: str, secret: str) -> str | None:
    """The visitor id of a cookie's value; None where it was not signed with `secret`."""
    visitor_id = value.partition(".")[0]
    if not SHAPE.fullmatch(visitor_id) or not hmac.compare_digest(sign(visitor_id, secret).encode(), value.encode()):
        return None
    return visitor_id


def visitor(request: gr.Request) -> str:
    """The checked visitor id of a request. Raises gr.Error, shown to the visitor, where the browser keeps no cookie."""
    inner = request.request
    found = inner.scope.get("state", {}).get(STATE_KEY) if inner is not None else None
    if not isinstance(found, str):
        raise gr.Error(NO_COOKIE, print_exception=False)
    return found


class VisitorCookie:
    """ASGI middleware: checks the cookie, and gives a browser that opens the page without one a new identity."""

    def __init__(self, app: ASGIApp, *, secret: str, secure: bool) -> None:
        self.app = app
        self.secret = secret
        self.secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        known = self._known(scope)
        fresh = None if known or not _opens_the_page(scope) else f"v-{secrets.token_hex(16)}"
        scope["state"] = {**scope.get("state", {}), STATE_KEY: known or fresh}
        await self.app(scope, receive, self._with_cookie(send, fresh) if fresh else send)

    def _known(self, scope: Scope) -> str | None:
        jar = SimpleCookie()
        try:
            jar.load(Headers(scope=scope).get("cookie", ""))
        except CookieError:
            return None
        return verify(jar[COOKIE].value, self.secret) if COOKIE in jar else None

    def _with_cookie(self, send: Send, visitor_id: str) -> Send:
        value = f"{COOKIE}={sign(visitor_id, self.secret)}; Path=/; Max-Age={YEAR_S}; HttpOnly; SameSite=Lax"

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).append("set-cookie", value + ("; Secure" if self.secure else ""))
            await send(message)

        return sending


def _opens_the_page(scope: Scope) -> bool:
    return scope["method"] == "GET" and scope["path"] in {"", "/"}
