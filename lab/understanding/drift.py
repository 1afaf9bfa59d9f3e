"""How far people's words have moved away from the weights: `python -m lab.understanding.drift [--data-dir VAR]`.

What was taught (`chat.llm.lessons`) is refreshed all the time and costs nothing; weights are trained rarely. This says
when it is time: for every lesson in force, the calls that were taught are compared with those that the model reads by
itself, without the lesson (Jaccard similarity; the hybrid schedule of arXiv 2510.20260, where the table of examples is
refreshed twice a week and the model tuned once a month, and drift is the Jaccard similarity of last month's answers).
Exit code 0: nothing to do, 3: time to train.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

from catalog.embed import Embedder
from catalog.opening import query_embedding, words_of
from chat.llm.context import Context
from chat.llm.lessons import Lesson, LessonBook, lesson_records
from chat.llm.understanding import WEIGHTS, Call, Understanding
from lab.understanding.progress import log_to
from lab.understanding.scoring import differences
from settings import load_settings

LEAST_AGREEMENT = 0.5
"""Mean Jaccard similarity below which the weights no longer know how people speak."""
FEWEST = 20
"""So many lessons before their mean says anything."""
MOST_DAYS = 30
"""Weights of a month are trained anew where anything was taught that they do not read."""
TRAIN = 3


class Drift(NamedTuple):
    """The similarity of each lesson's calls to what the model reads without it, and the age of the weights in days."""

    similarities: tuple[float, ...]
    days: int

    @property
    def mean(self) -> float:
        """Mean similarity; 1 where nothing was taught."""
        return sum(self.similarities) / len(self.similarities) if self.similarities else 1.0

    def due(self) -> str:
        """Why the weights should be trained, "" where they need not be."""
        taught = len(self.similarities)
        if taught >= FEWEST and self.mean < LEAST_AGREEMENT:
            return f"the model reads {self.mean:.2f} of what {taught} lessons mean; {LEAST_AGREEMENT} is the least"
        unread = sum(one < 1.0 for one in self.similarities)
        if unread and self.days >= MOST_DAYS:
            return f"the weights are {self.days} days old and read {unread} of {taught} lessons otherwise than taught"
        return ""


def jaccard(one: Sequence[Call], other: Sequence[Call]) -> float:
    """Calls in common over calls in either; two empty readings agree."""
    first, second = ([(call.name, call.args) for call in calls] for calls in (one, other))
    common = len(one) - len(differences(first, second)[0])
    union = len(one) + len(other) - common
    return common / union if union else 1.0


def similarity(lesson: Lesson, model: Understanding) -> float:
    """What the model makes of the taught words by itself, against what was taught."""
    alone = model.parse(lesson.said, Context()).calls
    return jaccard(lesson.calls, alone)


def measure(lessons: Sequence[Lesson], model: Understanding, made: date, today: date) -> Drift:
    """The drift of taught sentences against a model whose weights were made on a day.

    Expressions do not count: they are put into other words before a model reads them, and no training learns them.
    """
    return Drift(tuple(similarity(lesson, model) for lesson in lessons if lesson.calls), (today - made).days)


def made_on(weights: Path) -> date:
    """The day that the card of the weights names."""
    return date.fromisoformat(json.loads((weights / "model.json").read_text(encoding="utf-8"))["made"])


def main(argv: list[str] | None = None) -> int:
    """Prints the drift and what to do about it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, help="data folder of the application")
    settings = load_settings({"data_dir": parser.parse_args(argv).data_dir})
    embedder = Embedder.load(settings.embedder, settings.data_dir)
    records = lesson_records(settings.data_dir, settings.chroma_url)
    book = LessonBook(records, query_embedding(embedder, words_of(settings.data_dir)))
    lessons = book.lessons()
    drift, log = measure(lessons, Understanding.load(), made_on(WEIGHTS), datetime.now(UTC).date()), log_to("drift")
    log.info("%d lessons, similarity %.2f, weights %d days old", len(lessons), drift.mean, drift.days)
    if reason := drift.due():
        log.info("train: %s. First `lab.understanding.teach export`, then train and accept.", reason)
        return TRAIN
    log.info("nothing to train: lessons work from the turn after they are taught")
    return 0


if __name__ == "__main__":
    sys.exit(main())
