"""The talk as a chat template wants it, and the answer as LangChain wants it, in Hermes tool-call syntax.

Text from people and catalogues is data: marks that would steer the model (`<|im_end|>`, `<tool_call>`) are broken up.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from langchain_core.messages import BaseMessage, convert_to_openai_messages
from langchain_core.messages.tool import ToolCallChunk, tool_call_chunk

from chat.llm.grammar import CLOSE, OPEN

Turn = dict[str, Any]

MARKS = frozenset({OPEN, CLOSE, "<tools>", "</tools>", "<tool_response>", "</tool_response>", "<think>", "</think>"})
SHORTEST = 64
"""Characters below which no turn is cut to make room."""

_INSTRUCTION = (
    "\n\n# Tools\n\nYou may call one or more functions.\n<tools>\n{tools}\n</tools>\n\nFor each call write a JSON "
    'object with its name and arguments:\n<tool_call>\n{{"name": <name>, "arguments": <arguments>}}\n</tool_call>'
)


class Defuser:
    """Breaks up control marks in text that is data."""

    def __init__(self, marks: Iterable[str]) -> None:
        longest_first = sorted({*marks, *MARKS}, key=lambda mark: (-len(mark), mark))
        self._marks = re.compile("|".join(re.escape(mark) for mark in longest_first))

    def __call__(self, text: str) -> str:
        """`text` with a space after the first character of each mark, so that it is read as plain letters."""
        return self._marks.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)


def turns_of(messages: Sequence[BaseMessage], defuse: Defuser) -> list[Turn]:
    """The messages as dicts: text contents, arguments of past calls as objects (templates would escape a string)."""
    turns: list[Turn] = []
    for message, raw in zip(messages, convert_to_openai_messages(list(messages)), strict=True):
        turn: Turn = {**raw, "content": str(message.text)}
        if turn["role"] != "system":
            turn["content"] = defuse(turn["content"])
        if "tool_calls" in turn:
            turn["tool_calls"] = [_call(call, defuse) for call in turn["tool_calls"]]
        turns.append(turn)
    return turns


def tools_in_words(turns: Sequence[Turn], tools: Sequence[dict[str, Any]]) -> list[Turn]:
    """The same talk for a template that knows no Hermes tools: all is said in the text of the turns."""
    listed = "\n".join(json.dumps(tool, ensure_ascii=False) for tool in tools)
    told = [_told(turn) for turn in turns]
    if not told or told[0]["role"] != "system":
        told.insert(0, {"role": "system", "content": ""})
    told[0] = {"role": "system", "content": (told[0]["content"] + _INSTRUCTION.format(tools=listed)).strip()}
    return told


def shorter(turns: Sequence[Turn]) -> list[Turn] | None:
    """The talk with less in it: the oldest exchange dropped, else the longest text halved. None: nothing to drop."""
    head = 1 if turns and turns[0]["role"] == "system" else 0
    asked = [at for at in range(head, len(turns)) if turns[at]["role"] == "user"]
    if len(asked) > 1:
        return [*turns[:head], *turns[asked[1] :]]
    longest = max(range(head, len(turns)), key=lambda at: len(turns[at]["content"]), default=None)
    if longest is None or len(turns[longest]["content"]) <= SHORTEST:
        return None
    content = turns[longest]["content"]
    return [*turns[:longest], {**turns[longest], "content": content[: len(content) // 2]}, *turns[longest + 1 :]]


class Answer:
    """Takes the model's answer piece by piece; gives text as it comes and tool calls as they close."""

    def __init__(self, *, tools: bool, stops: Sequence[str] = ()) -> None:
        self.calls = 0
        self.stopped = False
        self._stops = [stop for stop in stops if stop]
        self._pending = ""
        self._kind: str | None = None if tools else "text"

    @property
    def cut(self) -> bool:
        """Whether an unfinished call is left over; it was dropped."""
        return self._kind != "text" and bool(self._pending.strip())

    def push(self, piece: str) -> tuple[str, list[ToolCallChunk]]:
        """New text and new tool-call chunks that `piece` completes."""
        self._pending += piece
        if self._kind is None:
            if OPEN.startswith(self._pending):
                return "", []
            self._kind = "calls" if self._pending.startswith(OPEN) else "text"
        return ("", self._closed_calls()) if self._kind == "calls" else (self._safe_text(), [])

    def rest(self) -> str:
        """Text that was held back, at the end of the answer."""
        if self._kind == "calls" or self.stopped:
            return ""
        text, self._pending, self._kind = self._pending, "", "text"
        return text

    def _closed_calls(self) -> list[ToolCallChunk]:
        """Calls up to a closing mark; one inside a string closes nothing."""
        found, at = [], self._pending.find(CLOSE)
        while at >= 0:
            chunk = _chunk(self._pending[:at].replace(OPEN, "", 1), self.calls)
            if chunk:
                found.append(chunk)
                self.calls += 1
                self._pending, at = self._pending[at + len(CLOSE) :], -1
            at = self._pending.find(CLOSE, at + 1)
        return found

    def _safe_text(self) -> str:
        """Text before a stop; what might be the beginning of a stop waits."""
        at = min((self._pending.find(stop) for stop in self._stops if stop in self._pending), default=-1)
        if at >= 0:
            text, self._pending, self.stopped = self._pending[:at], "", True
            return text
        sizes = (size for stop in self._stops for size in range(1, len(stop)) if self._pending.endswith(stop[:size]))
        held = max(sizes, default=0)
        cut = len(self._pending) - held
        text, self._pending = self._pending[:cut], self._pending[cut:]
        return text


def _chunk(body: str, index: int) -> ToolCallChunk | None:
    """The call that `body` is, None where it is only the beginning of one."""
    try:
        call = json.loads(body)
    except json.JSONDecodeError:
        return None
    arguments = json.dumps(call["arguments"], ensure_ascii=False)
    return tool_call_chunk(name=call["name"], args=arguments, id=f"call_{uuid.uuid4().hex}", index=index)


def _call(call: dict[str, Any], defuse: Defuser) -> dict[str, Any]:
    function = call["function"]
    return {**call, "function": {**function, "arguments": json.loads(defuse(function["arguments"] or "{}"))}}


def _told(turn: Turn) -> Turn:
    if turn["role"] == "tool":
        return {"role": "user", "content": f"<tool_response>\n{turn['content']}\n</tool_response>"}
    bodies = [
        f"{OPEN}\n{json.dumps(call['function'], ensure_ascii=False)}\n{CLOSE}" for call in turn.get("tool_calls", ())
    ]
    return {"role": turn["role"], "content": "\n".join(part for part in (turn["content"], *bodies) if part)}
