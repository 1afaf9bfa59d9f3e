"""What people taught: expressions with their meaning in plain words, and whole sentences with their calls.

A lesson works from the next turn, without training. An expression is read as its meaning ("小甜饼" as "甜的言情"), a
taught sentence gets the calls it was taught with, and the nearest lessons join the prompt of a larger model.
"""

from __future__ import annotations

import json
import math
import re
import threading
import unicodedata
import uuid
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
from langchain_core.example_selectors.base import BaseExampleSelector
from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from catalog.records import Record, RecordStore
from catalog.spelling import is_chinese
from catalog.wishes import asks_only
from chat.llm.context import clip
from chat.llm.schema import BY_NAME
from chat.llm.understanding import Call

NEAREST = 4
"""Lessons that join a prompt."""
LONGEST = 120
"""Characters of an expression, of a sentence, of a meaning."""
Words = Annotated[str, Field(min_length=1, max_length=LONGEST)]
_WHY = {"string_too_short": "empty", "string_too_long": "long"}


class LessonError(ValueError):
    """A lesson that cannot be taught; the text says why. For whoever teaches.

    `why` names the fault for a screen in another language: empty, long, no_word, itself (it means what it says),
    common (everybody's sentences hold that word), taken (another lesson has those words), unknown (no such lesson),
    no_tool.
    """

    def __init__(self, text: str, why: str) -> None:
        super().__init__(text)
        self.why = why


class Lesson(BaseModel, frozen=True, extra="forbid"):
    """One thing taught: `said` is an expression where `means` is set, a whole sentence where `calls` is."""

    lesson_id: str
    said: Words
    means: str = Field("", max_length=LONGEST)
    calls: tuple[Call, ...] = ()
    withdrawn: bool = False

    @model_validator(mode="after")
    def _one_of_both(self) -> Lesson:
        if bool(self.means) == bool(self.calls):
            raise PydanticCustomError("empty", "teach either what it means in plain words, or its calls")
        if unknown := sorted({call.name for call in self.calls} - BY_NAME.keys()):
            told = {"tool": unknown[0], "tools": ", ".join(BY_NAME)}
            raise PydanticCustomError("no_tool", "there is no tool '{tool}'; there are {tools}", told)
        if not folded(self.said):
            raise PydanticCustomError("no_word", "'{said}' holds no word to recognise", {"said": self.said})
        return self


class Taught(NamedTuple):
    """What lessons say about an utterance: it in plain words, its calls where it was taught whole, what is near."""

    plain: str
    calls: tuple[Call, ...] | None = None
    near: tuple[Lesson, ...] = ()


class LessonBook(BaseExampleSelector):
    """All lessons of an installation. Safe to share between threads; sees what other processes taught."""

    def __init__(self, records: RecordStore, embed: Callable[[str], np.ndarray]) -> None:
        """embed: text -> vector, float32 [dim]."""
        self._records, self._embed = records, embed
        self._teaching = threading.Lock()
        self._read: tuple[float, tuple[Lesson, ...]] = (-1.0, ())

    def teach(self, said: str, *, means: str = "", calls: Sequence[Call] = (), lesson_id: str = "") -> Lesson:
        """Takes it in, or corrects the one with that id or those words, even a withdrawn one. Raises LessonError."""
        said, means = _one_line(said), _one_line(means)
        with self._teaching:
            known = self.find(lesson_id) if lesson_id else self.same(said)
            try:
                lesson = Lesson(
                    lesson_id=known.lesson_id if known else uuid.uuid4().hex[:8],
                    said=said,
                    means=means,
                    calls=tuple(calls),
                )
            except ValidationError as error:
                fault = error.errors()[0]
                raise LessonError(fault["msg"], _WHY.get(fault["type"], fault["type"])) from error
            self._check(lesson)
            self._write(lesson)
        return lesson

    def withdraw(self, lesson_id: str) -> Lesson:
        """Puts a lesson out of force; it stays in the book. Raises LessonError for an unknown one."""
        with self._teaching:
            lesson = self.find(lesson_id)
            self._write(lesson.model_copy(update={"withdrawn": True}))
        return lesson

    def again(self, lesson_id: str) -> Lesson:
        """Puts a withdrawn lesson in force again. Raises LessonError where it is unknown, or its words are taken."""
        with self._teaching:
            lesson = self.find(lesson_id).model_copy(update={"withdrawn": False})
            self._check(lesson)
            self._write(lesson)
        return lesson

    def find(self, lesson_id: str) -> Lesson:
        """The lesson with that id, in force or not. Raises LessonError for an unknown one."""
        lesson = next((old for old in self.all() if old.lesson_id == lesson_id), None)
        if lesson is None:
            raise LessonError(f"there is no lesson {lesson_id!r}; see the list of lessons for their ids", "unknown")
        return lesson

    def same(self, said: str) -> Lesson | None:
        """The lesson with those words, one in force before a withdrawn one."""
        by_force = sorted(self.all(), key=lambda old: old.withdrawn)
        return next((old for old in by_force if folded(old.said) == folded(said)), None)

    def all(self) -> tuple[Lesson, ...]:
        """Every lesson, withdrawn ones too."""
        stamp = self._records.stamp()
        if stamp != self._read[0]:
            self._read = (stamp, tuple(Lesson.model_validate_json(record.body) for record in self._records.all()))
        return self._read[1]

    def lessons(self) -> tuple[Lesson, ...]:
        """The lessons in force."""
        return tuple(lesson for lesson in self.all() if not lesson.withdrawn)

    def about(self, utterance: str, *, near: bool = False) -> Taught:
        """What the lessons say about an utterance; `near` also looks the nearest ones up, for a prompt."""
        lessons = self.lessons()
        if not lessons:
            return Taught(utterance)
        words = folded(utterance)
        whole = next((lesson for lesson in lessons if lesson.calls and folded(lesson.said) == words), None)
        return Taught(
            plain=in_plain_words(utterance, lessons),
            calls=whole.calls if whole else None,
            near=self._near(utterance) if near else (),
        )

    def add_example(self, example: dict[str, Any]) -> str:
        """A lesson from its fields (LangChain's name for `teach`); returns its id. Raises LessonError."""
        return self.teach(**example).lesson_id

    def select_examples(self, input_variables: dict[str, str]) -> list[dict]:
        """The lessons nearest to the text in `input_variables`, as fields, nearest first."""
        text = " ".join(input_variables.values())
        return [lesson.model_dump(mode="json", exclude={"withdrawn"}) for lesson in self._near(text)]

    def _near(self, utterance: str) -> tuple[Lesson, ...]:
        lessons = self.lessons()
        spoken = [lesson for lesson in lessons if lesson.means and _pattern(lesson.said).search(utterance)]
        records = self._records.nearest(self._embed(utterance), 2 * NEAREST) if lessons else []
        found = [Lesson.model_validate_json(record.body) for record in records]
        wanted = {lesson.lesson_id: lesson for lesson in [*spoken, *found] if not lesson.withdrawn}
        return tuple(wanted.values())[:NEAREST]

    def _check(self, lesson: Lesson) -> None:
        """Refuses what would do nothing, and two lessons in force with the same words."""
        if folded(lesson.means) == folded(lesson.said):
            raise LessonError(f"{lesson.said!r} would mean itself; say it in other words", "itself")
        if lesson.means and _common(lesson.said):
            text = f"{lesson.said!r} stands in everybody's sentences and would change them; teach a longer expression"
            raise LessonError(text, "common")
        other = self.same(lesson.said)
        if other and not other.withdrawn and other.lesson_id != lesson.lesson_id:
            raise LessonError(f"{lesson.said!r} is taught already, as {other.lesson_id}; correct that one", "taken")

    def _write(self, lesson: Lesson) -> None:
        self._records.put(Record(lesson.lesson_id, lesson.said, lesson.model_dump_json()), self._embed(lesson.said))


def lesson_records(data_dir: Path, chroma_url: str | None = None) -> RecordStore:
    """Where an installation keeps its lessons: a folder of their own, as they cannot be made anew, or the server."""
    return RecordStore(chroma_url or data_dir / "lessons", "lessons")


def in_plain_words(utterance: str, lessons: Sequence[Lesson]) -> str:
    """`utterance` with each taught expression replaced by its meaning; longer expressions first, each place once."""
    expressions = sorted((lesson for lesson in lessons if lesson.means), key=lambda lesson: -len(lesson.said))
    if not expressions:
        return utterance
    anyone = re.compile("|".join(f"({_pattern(lesson.said).pattern})" for lesson in expressions), re.IGNORECASE)
    return anyone.sub(lambda found: expressions[(found.lastindex or 1) - 1].means, utterance)


def record(lesson: Lesson) -> dict[str, Any]:
    """A taught sentence as a record of the training corpus."""
    lang = "zh" if is_chinese(lesson.said) else "en"
    calls = [call.model_dump() for call in lesson.calls]
    return {
        "id": f"taught-{lesson.lesson_id}", "lang": lang, "shown": [], "asked": None, "about": None,
        "utterance": lesson.said, "calls": calls,
    }  # fmt: skip


def exported(lessons: Iterable[Lesson]) -> str:
    """The taught sentences as JSON lines of the corpus; an expression is read as its meaning and needs no training."""
    return "".join(json.dumps(record(lesson), ensure_ascii=False) + "\n" for lesson in lessons if lesson.calls)


def folded(text: str) -> str:
    """`text` as taught sentences are compared: one case, no marks, one space."""
    return " ".join(re.sub(r"[^\w\s]", " ", unicodedata.normalize("NFKC", text).lower()).split())


def _common(said: str) -> bool:
    """Whether other people's sentences hold it all the time: a word of asking, or a single Chinese character."""
    return asks_only(said) or (len(folded(said)) == 1 and is_chinese(said))


def _one_line(text: str) -> str:
    """Words as they are kept: no control characters, no half of a surrogate pair, one space."""
    return clip(text.encode("utf-8", "replace").decode("utf-8"), math.inf)


def _pattern(said: str) -> re.Pattern[str]:
    """Latin words match as whole words; Chinese is written without spaces and matches anywhere."""
    start = r"(?<![A-Za-z0-9])" if said[:1].isascii() else ""
    end = r"(?![A-Za-z0-9])" if said[-1:].isascii() else ""
    return re.compile(f"{start}{re.escape(said)}{end}", re.IGNORECASE)
