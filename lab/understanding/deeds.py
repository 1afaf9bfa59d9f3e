"""What readings lead to: `python -m lab.understanding.deeds [--file F] [--every N]`.

Two readings that differ in letters may do the same: 早高峰 and 挤早高峰 are both the commute, and "history of salt" may
find what "Salt" finds. Each reading, the labelled ones and the model's, is run through the tools on the demonstration
catalogue, for a listener who has said nothing before and for one with some of every setting (PROLOGUE), and what came
of it is compared: parameters, feedback, lists, facts, questions. It stands beside the strict figures of `evaluate`,
which the aims are held against: it says how much of what is read otherwise a listener would notice.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from app import build
from chat.llm.understanding import WEIGHTS, Understanding
from lab.understanding.corpus import Call, Record, records_of, split
from lab.understanding.evaluate import Result, run
from lab.understanding.progress import log_to
from settings import load_settings
from tools.context import Engine, ListRequest, Outcome, Stores, ToolRetry, TurnContext
from tools.registry import run_call

LIST = 6
ALIKE = 0.5
"""Share of two lists that is the same, from which they do the same."""
PROLOGUE: tuple[Call, ...] = (
    ("update_interest_weight", {"category": "western philosophy", "weight_increase": 0.3}),
    ("update_mood_preference", {"mood": "satirical", "weight": 0.8}),
    ("update_scene_preference", {"scene": "cooking", "weight": 0.8}),
    ("block_content", {"kind": "category", "name": "westerns"}),
    ("set_completion_status", {"status": "completed"}),
    ("set_length", {"min_minutes": 7, "max_minutes": 7000}),
    ("set_payment", {"access": "free"}),
    ("set_freshness", {"recency": 0.5, "repeats": "avoid"}),
    ("set_exploration", {"novelty": 0.5, "diversity": 0.5}),
    ("set_popularity", {"popularity": 0.5, "quality": 0.5}),
    ("set_language", {"language": "en"}),
)
"""Something for each reset and each "any" to take away."""
LIFTING = frozenset({"unblock_content"})
"""What does nothing where nothing is blocked, so that only the call itself tells what it would do."""
TOLERANCE = 0.05
"""Weights nearer than this are one step, as `lab.understanding.scoring` has it."""


class Deeds(NamedTuple):
    """What one reading did."""

    params: dict[tuple[str, str], float]
    feedback: frozenset[tuple[str, str]]
    told: frozenset[str]
    """Questions, facts about items, refusals."""
    lists: tuple[tuple[str, frozenset[str]], ...]
    """Of each list that was asked for what it is of, and of a search what it finds."""


class Theatre:
    """The product without a model: every reading is done by a listener of its own."""

    def __init__(self, stores: Stores, engine: Engine) -> None:
        self._stores, self._engine, self._count = stores, engine, itertools.count()
        self._ids: dict[str, str] = {}
        for item in engine.catalogue.items:
            for title in filter(None, (item.title_alt, item.title)):
                self._ids[title] = item.id

    def sets(self, record: Record) -> bool:
        """Whether all titles that the record shows are of this catalogue."""
        seen = record.context
        return all(title in self._ids for title in (*seen.shown, *filter(None, [seen.about])))

    def play(self, record: Record, calls: Sequence[Call]) -> tuple[Deeds, Deeds]:
        """Runs a reading of a record for which `sets` holds: for a new listener, and for one with settings."""
        return self._played(record, calls, ()), self._played(record, calls, PROLOGUE)

    def _played(self, record: Record, calls: Sequence[Call], prologue: Sequence[Call]) -> Deeds:
        stores, user_id = self._stores, f"reader-{next(self._count)}"
        stores.users.ensure(user_id)
        seen = record.context
        ctx = TurnContext(
            user_id, f"talk-{user_id}", f"turn-{user_id}", "zh" if record.lang == "zh" else "en", datetime.now(UTC),
            stores, self._engine, shown=tuple(self._ids[title] for title in seen.shown),
            about=self._ids[seen.about] if seen.about else None, said=record.utterance,
        )  # fmt: skip
        before = replace(ctx, turn_id=f"before-{user_id}", said="", outcome=Outcome())
        for name, args in prologue:
            run_call(before, name, args)
        strict = [f"{name} {sorted(args.items())}" for name, args in calls if name in LIFTING]
        for name, args in calls:
            try:
                run_call(ctx, name, args)
            except ToolRetry:
                strict.append(name)
        return self._deeds(ctx, strict)

    def _deeds(self, ctx: TurnContext, strict: list[str]) -> Deeds:
        entries = self._stores.pbox.load(ctx.user_id, ctx.now, ctx.conversation_id).entries
        events = self._stores.events.history(ctx.user_id).events
        return Deeds(
            params={(entry.factor.value, entry.key.casefold()): entry.value for entry in entries},
            feedback=frozenset((event.kind, event.item_id) for event in events),
            told=frozenset((*strict, *_told(ctx.outcome))),
            lists=tuple(self._shown(wanted) for wanted in ctx.outcome.lists),
        )

    def _shown(self, wanted: ListRequest) -> tuple[str, frozenset[str]]:
        of = f"{wanted.intent} {wanted.anchor} {wanted.category} {wanted.size}"
        hits = self._engine.search.query(wanted.query, LIST) if wanted.query else []
        return of, frozenset(self._engine.catalogue.items[hit.row].id for hit in hits)


def _told(outcome: Outcome) -> Iterator[str]:
    if outcome.asked:
        yield f"asked {outcome.asked}"
    for fact in outcome.facts:
        titles = fact.values.get("title") or [row["title"] for row in fact.values.get("rows", ())]
        yield f"{fact.kind} {titles}"


def same(first: Deeds, second: Deeds) -> bool:
    """Whether two readings did the same, as far as a listener could tell."""
    if (first.feedback, first.told) != (second.feedback, second.told) or first.params.keys() != second.params.keys():
        return False
    if any(abs(value - second.params[place]) >= TOLERANCE for place, value in first.params.items()):
        return False
    pairs = zip(first.lists, second.lists, strict=False)
    return len(first.lists) == len(second.lists) and all(_alike(one, other) for one, other in pairs)


def _alike(one: tuple[str, frozenset[str]], other: tuple[str, frozenset[str]]) -> bool:
    found, also = one[1], other[1]
    return one[0] == other[0] and len(found & also) >= ALIKE * max(len(found), len(also))


def does_right(theatre: Theatre, result: Result) -> bool:
    """Whether a reading is right, or does what a right one does."""
    if result.exact:
        return True
    done = theatre.play(result.record, result.calls)
    right = (theatre.play(result.record, reading) for reading in result.record.readings)
    return any(all(map(same, meant, done)) for meant in right)


def lines_of(theatre: Theatre, results: Sequence[Result]) -> Iterator[str]:
    """The shares of each language: read all right, and doing the same."""
    staged = [result for result in results if theatre.sets(result.record)]
    sizes, right, same_deeds = Counter(), Counter(), Counter()
    for result in staged:
        sizes[result.record.lang] += 1
        right[result.record.lang] += result.exact
        same_deeds[result.record.lang] += does_right(theatre, result)
    for lang, size in sorted(sizes.items()):
        yield f"{lang}  n {size}  exact {right[lang] / size:.3f}  doing the same {same_deeds[lang] / size:.3f}"
    yield f"{len(results) - len(staged)} of {len(results)} show titles of another catalogue and are left out"


def main() -> None:
    """Prints the shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path, action="append", help="labelled utterances (repeatable)")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--every", type=int, default=1, help="read only every n-th record")
    args = parser.parse_args()
    records = records_of(args.file, lambda: split()[1])
    results = run(Understanding.load(args.weights), records[:: args.every])
    with tempfile.TemporaryDirectory() as folder:
        parts = build(load_settings({"data_dir": Path(folder), "simulated_listeners": 0})).parts
        for line in lines_of(Theatre(parts.stores, parts.engine), results):
            log_to("deeds").info("%s", line)


if __name__ == "__main__":
    main()
