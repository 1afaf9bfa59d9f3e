"""Teaches the running product words: `python -m lab.understanding.teach add "小甜饼" --means "甜的言情"`.

It works from the next turn, also in an application that is running, and outlives a restart. `list`, `withdraw ID`;
`add` with the same words, or with --id, corrects. `--calls '[{"name": …, "args": …}]'` teaches a whole sentence.
`export FILE` writes the sentences as training records.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from catalog.chroma import StoreError
from catalog.embed import Embedder
from catalog.opening import query_embedding, words_of
from chat.llm.lessons import Lesson, LessonBook, LessonError, exported, lesson_records
from chat.llm.understanding import Call
from lab.understanding.check_corpus import call_faults
from settings import load_settings


def told(lesson: Lesson) -> str:
    """A lesson in one line."""
    meaning = lesson.means or json.dumps([call.model_dump() for call in lesson.calls], ensure_ascii=False)
    return f"{lesson.lesson_id}  {lesson.said} → {meaning}{'  (withdrawn)' if lesson.withdrawn else ''}"


def export(book: LessonBook, path: Path) -> str:
    """Writes the taught sentences; an expression is read as its meaning and needs no training."""
    lines = exported(book.lessons())
    path.write_text(lines, encoding="utf-8")
    written = lines.count("\n")
    return f"{written} sentences written, {len(book.lessons()) - written} expressions left out"


def run(book: LessonBook, args: argparse.Namespace) -> str:
    """Does what the command line says; returns what to print."""
    if args.act == "add":
        calls = TypeAdapter(list[Call]).validate_json(args.calls) if args.calls else []
        if faults := [fault for call in calls for fault in call_faults(call.model_dump())]:
            raise LessonError("; ".join(faults), "no_tool")
        return told(book.teach(args.said, means=args.means, calls=calls, lesson_id=args.id))
    if args.act == "withdraw":
        return f"withdrawn: {told(book.withdraw(args.id))}"
    if args.act == "export":
        return export(book, args.file)
    return "\n".join(map(told, book.all())) or "nothing is taught yet"


def main(argv: list[str] | None = None) -> int:
    """Runs one command; 0, or 1 with one sentence about what was wrong."""
    parser = argparse.ArgumentParser(prog="python -m lab.understanding.teach", description=__doc__)
    parser.add_argument("--data-dir", type=Path, help="data folder of the application")
    acts = parser.add_subparsers(dest="act", required=True)
    add = acts.add_parser("add", help="teach, or correct what was taught")
    add.add_argument("said")
    add.add_argument("--means", default="", help="in plain words, for an expression")
    add.add_argument("--calls", default="", help="JSON, for a whole sentence")
    add.add_argument("--id", default="", help="the lesson to correct")
    acts.add_parser("list")
    acts.add_parser("withdraw").add_argument("id")
    acts.add_parser("export").add_argument("file", type=Path)
    args = parser.parse_args(argv)
    settings = load_settings({"data_dir": args.data_dir})
    embedder = Embedder.load(settings.embedder, settings.data_dir)
    records = lesson_records(settings.data_dir, settings.chroma_url)
    book = LessonBook(records, query_embedding(embedder, words_of(settings.data_dir)))
    try:
        print(run(book, args))
    except (LessonError, StoreError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except ValidationError as error:
        sys.stderr.write(f"--calls: {error.errors()[0]['msg']}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
