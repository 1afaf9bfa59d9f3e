"""The talk as Gradio chat messages: plain words, with one title line a tool step. Output only, never read back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from html import escape
from typing import Any

from chat.view import Message, Step, ToolNote


@dataclass(frozen=True)
class Running:
    """A turn under way: the talk so far, what the visitor just said, and what has come back."""

    before: tuple[Message, ...]
    said: str
    notes: tuple[ToolNote, ...] = ()
    reply: str = ""
    waiting: str = ""
    """Words shown until the first note or the reply comes."""

    def after(self, step: Step) -> Running:
        """The turn with one more step."""
        if step.kind == "tool" and step.note:
            return replace(self, notes=(*self.notes, step.note))
        if step.kind in {"reply", "error"}:
            return replace(self, reply=step.text)
        if step.kind == "thinking" and step.text:
            return replace(self, waiting=step.text)
        return self

    def messages(self) -> list[dict[str, Any]]:
        """All of it for the chat component."""
        said = (Message(role="user", text=self.said),) if self.said else ()
        shown = chat_messages((*self.before, *said))
        shown += [_note(note) for note in self.notes]
        if self.reply:
            return [*shown, _line("assistant", self.reply)]
        return shown if self.notes else [*shown, _title(self.waiting, "pending")]


def chat_messages(messages: tuple[Message, ...]) -> list[dict[str, Any]]:
    """Finished messages for the chat component."""
    shown: list[dict[str, Any]] = []
    for message in messages:
        shown += [_note(note) for note in message.notes]
        if message.text:
            shown.append(_line(message.role, message.text))
    return shown


def _line(role: str, words: str) -> dict[str, Any]:
    return {"role": role, "content": _literal(words)}


def _note(note: ToolNote) -> dict[str, Any]:
    return _title(f"{'✓' if note.ok else '–'} {note.text}", "done", note.tool)


def _title(words: str, status: str, detail: str = "") -> dict[str, Any]:
    return {
        "role": "assistant",
        "content": _literal(detail),
        "metadata": {"title": _literal(words), "status": status},
    }


def _literal(words: str) -> str:
    """Words that the chat component shows as written: it takes its content for HTML, even without Markdown."""
    return escape(words, quote=False)
