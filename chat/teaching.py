"""Teaching from the page: what is taught, told in words; teaching, correcting, withdrawing; the export.

Lessons hold for everybody who uses the installation, so only an installation that trusts its visitors has this.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging

from chat.agent import Agent
from chat.llm.lessons import Lesson, LessonBook, exported
from chat.llm.understanding import Call
from chat.parts import Parts
from chat.rehearsal import Rehearsal, Understood
from chat.view import LessonView, Taught
from recommend.request import UiLanguage

log = logging.getLogger(__name__)

REMEMBERED = 256
"""Taught sentences whose calls are not tried out anew at each look."""


class Teaching:
    """The lessons of an installation as a page shows and changes them. Safe to use from several threads."""

    def __init__(self, parts: Parts, agent: Agent) -> None:
        self._book: LessonBook = parts.lessons
        self._rehearsal = Rehearsal(parts, agent)
        self._told = functools.lru_cache(REMEMBERED)(self._tell)

    def lessons(self, lang: UiLanguage) -> tuple[LessonView, ...]:
        """Everything taught, by its words, what is withdrawn last."""
        ordered = sorted(self._book.all(), key=lambda lesson: (lesson.withdrawn, lesson.said.lower()))
        return tuple(self._view(lesson, lang) for lesson in ordered)

    async def teach(self, said: str, means: str, lesson_id: str, lang: UiLanguage) -> Taught:
        """Teaches that `said` means `means`, or corrects a lesson, and tries it out. Raises LessonError."""
        before = await asyncio.to_thread(self._standing, said, lesson_id)
        lesson = await asyncio.to_thread(self._taught, said, means, lesson_id, lang)
        return await self._tried(lesson, lang, before)

    async def again(self, lesson_id: str, lang: UiLanguage) -> Taught:
        """Puts a withdrawn lesson in force again and tries it out. Raises LessonError."""
        return await self._tried(await asyncio.to_thread(self._book.again, lesson_id), lang, None)

    def withdraw(self, lesson_id: str, lang: UiLanguage) -> LessonView:
        """Puts a lesson out of force. Raises LessonError."""
        return self._view(self._book.withdraw(lesson_id), lang)

    def export(self) -> str:
        """The taught sentences in force, as JSON lines of the training corpus."""
        return exported(self._book.lessons())

    async def _tried(self, lesson: Lesson, lang: UiLanguage, before: Lesson | None) -> Taught:
        try:
            heard: Understood | None = await self._rehearsal.words(lesson.said, lang)
        except Exception:  # It is taught, whatever became of the trial: a model's server may be down.
            log.exception("lesson=%s could not be tried out", lesson.lesson_id)
            heard = None
        return Taught(
            lesson=await asyncio.to_thread(self._view, lesson, lang),
            understood=heard.told if heard else None,
            sure=heard.sure if heard else False,
            before=before.means if before and before.means != lesson.means else "",
        )

    def _taught(self, said: str, means: str, lesson_id: str, lang: UiLanguage) -> Lesson:
        """A taught sentence whose words alone are corrected keeps its calls: its meaning is what they do, in words."""
        old = self._book.find(lesson_id) if lesson_id else None
        if old and old.calls and self._view(old, lang).means == means.strip():
            return self._book.teach(said, calls=old.calls, lesson_id=lesson_id)
        return self._book.teach(said, means=means, lesson_id=lesson_id)

    def _standing(self, said: str, lesson_id: str) -> Lesson | None:
        """The lesson in force that teaching these words would replace."""
        known = self._book.find(lesson_id) if lesson_id else self._book.same(said)
        return known if known and not known.withdrawn else None

    def _view(self, lesson: Lesson, lang: UiLanguage) -> LessonView:
        calls = json.dumps([call.model_dump() for call in lesson.calls], ensure_ascii=False)
        return LessonView(
            lesson_id=lesson.lesson_id,
            said=lesson.said,
            means=lesson.means or self._told(lesson.said, calls, lang),
            sentence=bool(lesson.calls),
            withdrawn=lesson.withdrawn,
        )

    def _tell(self, said: str, calls: str, lang: UiLanguage) -> str:
        return self._rehearsal.calls(said, [Call.model_validate(call) for call in json.loads(calls)], lang)
