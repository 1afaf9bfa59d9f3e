"""The page's layout and wiring: which component stands where, and which act each event calls."""

from __future__ import annotations

from typing import Any

import gradio as gr

from chat.conversation import Conversation
from chat.screens.acts import Acts
from chat.screens.live import live
from chat.screens.paint import Parts
from chat.screens.visits import Seat
from prompts.texts import Texts

FIRST_VISIT = """(seat, hint) => {
  const met = localStorage.getItem('attune-met');
  localStorage.setItem('attune-met', '1');
  return [seat, met ? '' : (navigator.language || '')];
}"""
NOTE_STOP = "() => { window.attune.stoppedAt = Date.now(); }"
WAS_STOPPED = "(seat, hint) => [seat, Date.now() - (window.attune.stoppedAt || 0) < 5000 ? 'stopped' : '']"
"""Gradio counts a cancelled event among the failed ones; only the browser knows that Stop was pressed."""
TURN: dict[str, Any] = {"concurrency_id": "turn", "concurrency_limit": 4}
LIGHT: dict[str, Any] = {"concurrency_id": "light", "concurrency_limit": 8}
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
EVERY: dict[str, Any] = {"trigger_mode": "multiple"}
"""Takes each tap. Gradio drops, without a word, those that come while the one before is being answered."""


def build_page(conversation: Conversation) -> gr.Blocks:
    """The page over `conversation`. Mount it with `chat.screens.web.web_app`, which knows the visitors."""
    texts = Texts.load()
    with gr.Blocks(title="Attune", analytics_enabled=False, fill_width=True) as blocks:
        parts, hint = _layout(texts)
        _wire(blocks, Acts(conversation, texts, parts), parts, hint)
    blocks.queue(max_size=64, default_concurrency_limit=8)
    return blocks


def _layout(texts: Texts) -> tuple[Parts, gr.Textbox]:
    seat, hint = gr.State(Seat()), gr.Textbox(visible=False)
    header = live("at-header")
    with gr.Row(elem_id="at-main"):
        with gr.Column(elem_id="at-talk"):
            chat = gr.Chatbot(
                elem_id="at-chat", show_label=False, buttons=[], render_markdown=False, latex_delimiters=[],
                height=None, feedback_options=None, allow_file_downloads=False, container=False,
            )  # fmt: skip
            chips = live("at-chips")
            notice = gr.HTML(value="", elem_id="at-notices", apply_default_css=False)
            with gr.Row(elem_id="at-say"):
                box = gr.Textbox(
                    elem_id="at-box", lines=1, max_lines=5, container=False, autofocus=True, scale=1,
                    placeholder=texts.say("screen.box", "en"), label=texts.say("screen.box_label", "en"),
                )  # fmt: skip
                send = gr.Button(
                    texts.say("screen.send", "en"), elem_id="at-send", variant="primary", scale=0, min_width=64
                )
                stop = gr.Button(
                    texts.say("screen.stop", "en"),
                    elem_id="at-stop",
                    variant="secondary",
                    scale=0,
                    min_width=64,
                    visible=False,
                )
        with gr.Column(elem_id="at-side"):
            onboarding = live("at-onboarding")
            cards = live("at-list")
        with gr.Column(elem_id="at-knobs"):
            panel = live("at-panelbox")
            teach = live("at-teachbox")
    parts = Parts(seat, header, onboarding, chat, chips, notice, cards, panel, teach, box, send, stop)
    return parts, hint


def _wire(blocks: gr.Blocks, acts: Acts, parts: Parts, hint: gr.Textbox) -> None:
    outputs = parts.all()
    blocks.load(acts.arrive, [parts.seat, hint], outputs, js=FIRST_VISIT, **LIGHT, **QUIET)
    said = gr.on(
        [parts.box.submit, parts.send.click], acts.say, [parts.box, parts.seat], outputs,
        trigger_mode="once", **TURN, **QUIET,
    )  # fmt: skip
    tapped = parts.chips.act(acts.chip, [parts.seat], outputs, trigger_mode="once", **TURN, **QUIET)
    stop = parts.stop.click(None, cancels=[said, tapped], js=NOTE_STOP, **QUIET)
    stop.then(acts.stopped, [parts.seat], outputs, **LIGHT, **QUIET)
    light = (
        parts.list.act(acts.card, [parts.seat], outputs, **EVERY, **LIGHT, **QUIET),
        parts.panel.act(acts.panel, [parts.seat], outputs, **EVERY, **LIGHT, **QUIET),
        parts.teach.act(acts.teach, [parts.seat], outputs, **EVERY, **LIGHT, **QUIET),
        parts.header.act(acts.header, [parts.seat], outputs, **LIGHT, **QUIET),
        parts.onboarding.act(acts.onboard, [parts.seat], outputs, **LIGHT, **QUIET),
    )
    for event in (said, tapped, *light):
        event.failure(acts.failed, [parts.seat, hint], outputs, js=WAS_STOPPED, **LIGHT, **QUIET)
