"""Who asks, for one event of the page: the checked visitor, whose page is shown, and whose turn it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Protocol
from weakref import WeakValueDictionary

import gradio as gr

from chat.screens.identity import visitor
from recommend.request import Listener


@dataclass(frozen=True)
class Seat:
    """Server-side memory of one open page."""

    owner: str = ""
    """The visitor it belongs to; for anybody else it is void."""
    persona: str = ""
    """The simulated listener whose page is shown; "" for the visitor's own."""
    conversation: str = ""


@dataclass(frozen=True)
class Visit:
    """Who asks, checked, for one event."""

    seat: Seat
    personas: tuple[Listener, ...]

    @property
    def user_id(self) -> str:
        return self.seat.persona or self.seat.owner


class Lines(Protocol):
    """What answers taps, with the visitors who are being answered."""

    lines: WeakValueDictionary[str, asyncio.Lock]


Act = Callable[[Any, Seat, gr.Request, gr.EventData], Awaitable[dict[Any, Any]]]


def in_order(act: Act) -> Act:
    """Lets one visitor's taps be answered one after another, in the order of tapping.

    Otherwise two quick taps run side by side, and the page may be left with what it was before the second.
    """

    @wraps(act)
    async def waiting(self: Lines, seat: Seat, request: gr.Request, event: gr.EventData) -> dict[Any, Any]:
        async with self.lines.setdefault(visitor(request), asyncio.Lock()):
            return await act(self, seat, request, event)

    return waiting
