"""A `Screen` becomes values for the page's components."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from chat.screens.cards import list_html
from chat.screens.chatlog import chat_messages
from chat.screens.chips import chips_html, notice_html
from chat.screens.header import header_html
from chat.screens.onboarding import onboarding_html, wants_onboarding
from chat.screens.panel import panel_html
from chat.screens.words import Say
from chat.view import Screen
from recommend.request import Listener

Updates = dict[Any, Any]
"""Component -> its new value; a component that is left out stays as it is."""


@dataclass(frozen=True)
class Parts:
    """The components of one page."""

    seat: gr.State
    header: gr.HTML
    onboarding: gr.HTML
    chat: gr.Chatbot
    chips: gr.HTML
    notice: gr.HTML
    list: gr.HTML
    panel: gr.HTML
    teach: gr.HTML
    box: gr.Textbox
    send: gr.Button
    stop: gr.Button

    def all(self) -> list[Any]:
        """Every component, the outputs of every event."""
        return list(vars(self).values())

    def of_a_turn(self) -> list[Any]:
        """What a running turn draws itself."""
        return [self.chat, self.chips, self.notice, self.send, self.stop]


@dataclass(frozen=True)
class Frame:
    """What stands around the screen: whose page it is, who else can be chosen, the onboarding tastes."""

    acting: str
    personas: Sequence[Listener]
    tastes: Sequence[tuple[str, str]]


def paint(parts: Parts, screen: Screen, frame: Frame, say: Say, notice: str = "", *, alert: bool = False) -> Updates:
    """The whole page at rest; `alert` marks the notice as bad news."""
    return {
        parts.header: header_html(screen, frame.personas, frame.acting, say),
        parts.onboarding: gr.update(value=onboarding_html(screen, frame.tastes, say), visible=wants_onboarding(screen)),
        parts.chat: gr.update(
            value=chat_messages(screen.messages), placeholder=welcome(say), label=say("conversation")
        ),
        parts.chips: chips_html(screen, say),
        parts.notice: notice_html(notice or screen.notice, alert=alert),
        parts.list: list_html(screen, say),
        parts.panel: panel_html(screen, say),
        parts.box: gr.update(placeholder=say("box"), label=say("box_label")),
        parts.send: gr.update(value=say("send"), visible=True),
        parts.stop: gr.update(value=say("stop"), visible=False),
    }


def busy(parts: Parts, screen: Screen, say: Say) -> Updates:
    """The controls while a turn runs: Stop in the place of Send, chips asleep."""
    return {
        parts.chips: chips_html(screen, say, busy=True),
        parts.notice: "",
        parts.send: gr.update(visible=False),
        parts.stop: gr.update(visible=True),
    }


def welcome(say: Say) -> str:
    """What an empty conversation shows: our own words only."""
    return f"### {say('welcome')}\n\n{say('welcome_hint')}"
