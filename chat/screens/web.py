"""The web application: the page at "/", the export, a health check, and the settings that keep Gradio private."""

from __future__ import annotations

import gradio as gr
from fastapi import FastAPI, Response
from fastapi.middleware.cors import CORSMiddleware

from chat.conversation import Conversation
from chat.screens.identity import VisitorCookie
from chat.screens.page import build_page
from chat.screens.teach import EXPORT
from chat.screens.theme import ON_OPEN, head, stylesheet, theme


def web_app(conversation: Conversation, *, secret: str, public_url: str | None = None) -> FastAPI:
    """The application to serve.

    `secret` signs the visitors' cookies: keep it, or every visitor is a stranger after a restart. `public_url` is the
    address that browsers use; the only other origin that may call the page, and with https the cookie is marked Secure.
    """
    if not secret:
        raise ValueError(
            "secret is empty; it signs the visitors' cookies. Pass a random text of 32 characters or more."
        )
    app = FastAPI(title="Attune", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(CORSMiddleware, allow_origins=[public_url.rstrip("/")] if public_url else [])
    app.add_middleware(VisitorCookie, secret=secret, secure=bool(public_url and public_url.startswith("https:")))

    @app.get("/healthz")
    def healthz() -> dict[str, bool]:
        return {"ok": True}

    if (teaching := conversation.teaching) is not None:

        @app.get(f"/{EXPORT}")
        def taught() -> Response:
            headers = {"Content-Disposition": f'attachment; filename="{EXPORT}"', "Cache-Control": "no-store"}
            return Response(teaching.export(), media_type="application/jsonl", headers=headers)

    return gr.mount_gradio_app(
        app,
        build_page(conversation),
        path="/",
        run_history=False,
        footer_links=[],
        show_error=False,
        max_file_size="1mb",
        ssr_mode=False,
        allowed_paths=[],
        mcp_server=False,
        enable_monitoring=False,
        theme=theme(),
        css=stylesheet(),
        head=head(),
        js=ON_OPEN,
    )
