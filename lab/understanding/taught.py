"""What teaching is worth: `python -m lab.understanding.taught`.

Reads each sentence of teaching.jsonl, whose expression no training record holds, before and after its expression was
taught, through the shipped model and the lessons as the chat uses them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from catalog.embed import Embedder
from chat.llm.lessons import LessonBook, lesson_records
from chat.llm.understanding import Understanding
from lab.understanding.corpus import Record, parse_record, split
from lab.understanding.progress import log_to
from lab.understanding.scoring import best, exact, same_tools

LESSONS = Path(__file__).parent / "teaching.jsonl"


def rows() -> list[tuple[str, str, Record]]:
    """Expression, meaning and the sentence that holds it. Raises ValueError where training holds the expression."""
    found = [json.loads(line) for line in LESSONS.read_text(encoding="utf-8").splitlines()]
    known = "\n".join(record.utterance.lower() for record in split()[0])
    if leaked := [row["said"] for row in found if row["said"].lower() in known]:
        raise ValueError(f"training records hold {leaked}")
    return [(row["said"], row["means"], parse_record(row["record"])) for row in found]


def score(model: Understanding, texts: list[tuple[str, Record]]) -> tuple[float, float]:
    """Shares of texts whose reading has the right tools, and is right in all."""
    tools = right = 0
    for text, record in texts:
        calls = [(call.name, call.args) for call in model.parse(text, record.context).calls]
        tools += same_tools(best(record.readings, calls), calls)
        right += any(exact(reading, calls) for reading in record.readings)
    return tools / len(texts), right / len(texts)


def main() -> None:
    """Prints both scores."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    log, model, taught = log_to("taught"), Understanding.load(), rows()
    with tempfile.TemporaryDirectory() as folder:
        book = LessonBook(lesson_records(Path(folder)), Embedder.load(None, Path(folder)).embed)
        for said, means, _ in taught:
            book.teach(said, means=means)
        plain = [(book.about(record.utterance).plain, record) for _, _, record in taught]
    for name, texts in (("before", [(record.utterance, record) for _, _, record in taught]), ("after", plain)):
        tools, right = score(model, texts)
        log.info("%-6s  n %d  intent %.3f  exact %.3f", name, len(texts), tools, right)


if __name__ == "__main__":
    main()
