"""What the understanding model reads: the utterance and what was just on the screen.

`layout` is the only place that puts this text together: training, evaluation and the chat all use it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

MAX_TITLES = 12
TITLE_COST = 14.0
UTTERANCE_COST = 100.0
PIECE_COST, MOST_PIECES = 50.0, 8
"""An utterance that is too long to be read at once is read in so many pieces at most, each as long as people talk."""
LONGEST_READ = 4000
"""Characters of an utterance that are looked at at all."""
_ENDS = (r"(?<=[.!?。！？…；;])", r"(?<=[,，、：:])", r"(?<= )")
"""Where a long utterance is divided: after sentences, else after clauses, else after words."""
_SPACE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffd]+")


class Context(BaseModel):
    """The state of the talk that a reading may depend on.

    `shown`: titles of the last list, first to last. `asked`: what the assistant just asked about
    (category, mood, length, scene, item, other). `about`: title of the item under discussion.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shown: tuple[str, ...] = ()
    asked: str | None = None
    about: str | None = None


class Layout(NamedTuple):
    """The model's input text and the half-open character ranges that names may be copied from."""

    text: str
    ranges: tuple[tuple[int, int], ...]


def clip(text: str, limit: float) -> str:
    """`text` on one line, cut where its cost (about one a token of the encoder) passes `limit`."""
    text = _one_line(text)
    return text[: _fitting(text, limit)].rstrip()


def pieces(utterance: str) -> list[str]:
    """The utterance, or where it is too long to be read at once its sentences in pieces that are not; at least one."""
    text = _one_line(utterance)
    if _fits(text, UTTERANCE_COST):
        return [text]
    return _divided(text, _ENDS)[:MOST_PIECES]


def _divided(text: str, ends: tuple[str, ...]) -> list[str]:
    if _fits(text, PIECE_COST) or not ends:
        return [text] if text.strip() else []
    found: list[str] = []
    for part in re.split(ends[0], text):
        if found and _fits(found[-1] + part, PIECE_COST):
            found[-1] += part
        else:
            found += _divided(part, ends[1:])
    return found


def _one_line(text: str) -> str:
    return _SPACE.sub(" ", text[:LONGEST_READ]).strip()


def _fits(text: str, limit: float) -> bool:
    return _fitting(text, limit) == len(text)


def _fitting(text: str, limit: float) -> int:
    """How many characters of `text` cost no more than `limit`."""
    cost = 0.0
    for at, char in enumerate(text):
        cost += 0.25 if char.isascii() and (char.isalnum() or char == " ") else 1.0
        if cost > limit:
            return at
    return len(text)


def layout(utterance: str, context: Context) -> Layout:
    """The input text with its copyable ranges: the utterance first, then each title."""
    text, ranges = "user : ", []

    def add(piece: str, limit: float) -> None:
        nonlocal text
        piece = clip(piece, limit)
        if piece:
            ranges.append((len(text), len(text) + len(piece)))
            text += piece

    add(utterance, UTTERANCE_COST)
    if context.asked:
        text += f" asked : {clip(context.asked, 8)}"
    if context.about:
        text += " about : "
        add(context.about, TITLE_COST)
    if context.shown:
        text += " shown :"
        for number, title in enumerate(context.shown[:MAX_TITLES], 1):
            text += f" {number} . "
            add(title, TITLE_COST)
            text += " |"
    return Layout(text, tuple(ranges))


def model_input(utterance: str, context: Context) -> str:
    """The text that the encoder reads, bounded in length."""
    return layout(utterance, context).text
