"""Do sentences that people write lead to the right books?  Run: python -m lab.recommender.narrative [--part dev]

The test: free-text requests in English and Chinese with the goodbooks that a bookseller would accept, written by hand
(`narrative_requests`). The measure: recall@20 of

vector      the embedding of the request against those of the items, and nothing else;
search      names, words and meaning together (`catalog.search`);
told        what recall makes of the whole text where nothing is read from it (`recommend.sources.telling`);
pipeline    what the chat shows a new listener who says it: calls read from the words, tools, PBox, six stages.

The models are learnt from the ratings of goodbooks; the listener who asks has no history. "new" is for a figure at the
end: choose nothing by it. The first run imports the books into --data-dir and learns the models (about five minutes);
later runs start at once. Users, turns and lists live in a database that is thrown away.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import logging
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from app import build
from catalog.catalogue import Catalogue
from catalog.load import read_named, upsert
from catalog.opening import items_file, words_of
from catalog.sources import PUBLIC_DATA
from chat.agent import Agent
from chat.conversation import Conversation
from chat.parts import Parts
from lab.metrics import Estimate, over_users, recall
from lab.recommender.narrative_requests import PARTS, PREFIX, Narrative, narratives
from lab.recommender.narrative_ways import Ways
from recommend.models import Models, fit_models
from recommend.pipeline import Pipeline
from recommend.request import Event, Request, Slate
from settings import load_settings

PLACES = 20
WAYS = ("vector", "search", "told", "pipeline")
RATED_AT = datetime(2017, 9, 1, tzinfo=UTC)
"""The ratings have no dates: all get this one, so that nothing is trending."""
log = logging.getLogger(__name__)


class Watched:
    """The product's pipeline, and the last request that came to it."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self.asked: Request | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pipeline, name)

    def recommend(self, request: Request) -> Slate:
        """The list of the pipeline itself."""
        self.asked = request
        return self._pipeline.recommend(request)


@dataclass(frozen=True)
class Heard:
    """What the chat made of a sentence."""

    request: Request
    """The request behind the list that is on the screen afterwards."""
    calls: tuple[dict[str, Any], ...]
    new: bool
    """Whether the sentence brought a new list."""


class Bench:
    """The product over goodbooks, asked in several ways."""

    def __init__(self, parts: Parts, agent: Agent, models: Models) -> None:
        engine = parts.engine
        self.catalogue = engine.catalogue
        self.ways = Ways(engine.catalogue, engine.search, models)
        self.pipeline = Pipeline(engine.catalogue, engine.search, models)
        self._watched: Any = Watched(self.pipeline)
        self._parts = replace(parts, engine=replace(engine, pipeline=self._watched))
        self._talk = Conversation(self._parts, agent)

    def hear(self, narrative: Narrative) -> Heard:
        """What a listener gets who opens the page for the first time and says this."""
        user = f"reader-{narrative.id}"
        conversation = self._talk.open(user)
        self._talk.screen(user, conversation)
        first, self._watched.asked = self._watched.asked, None
        asyncio.run(self._say(user, conversation, narrative.request))
        turns = self._parts.stores.journal.turns(user, conversation, 1)
        asked = self._watched.asked
        return Heard(asked or first, tuple(turns[-1].calls) if turns else (), asked is not None)

    async def _say(self, user: str, conversation: str, text: str) -> None:
        async for step in self._talk.say(user, conversation, text):
            if step.kind == "error":
                log.warning("not answered: %r", text)

    def shown(self, request: Request, size: int = PLACES) -> list[str]:
        """The list of the pipeline, made as long as `size`."""
        return list(self.pipeline.recommend(request.model_copy(update={"size": size})).item_ids)


@dataclass(frozen=True)
class Outcome:
    """One request, answered in every way."""

    narrative: Narrative
    lists: Mapping[str, list[str]]
    seconds: Mapping[str, float]
    heard: Heard

    def recall(self, way: str) -> float:
        return recall(self.lists[way], self.narrative.wanted, PLACES)


def measure(bench: Bench, requests: Sequence[Narrative]) -> list[Outcome]:
    """Ask everything in every way; shows progress."""
    return [_answer(bench, narrative) for narrative in tqdm(requests, desc="asking", unit=" requests")]


def _answer(bench: Bench, narrative: Narrative) -> Outcome:
    text, ways, clock = narrative.request, bench.ways, time.perf_counter
    start, lists, seconds = clock(), {"vector": ways.near(text)}, {}
    seconds["vector"], start = clock() - start, clock()
    lists["search"] = ways.found(text)
    seconds["search"], start = clock() - start, clock()
    heard = bench.hear(narrative)
    reading_s, start = clock() - start, clock()
    lists["pipeline"] = bench.shown(heard.request)
    seconds["pipeline"], start = reading_s + clock() - start, clock()
    lists["told"] = ways.told(heard.request, text)
    seconds["told"] = clock() - start
    return Outcome(narrative, lists, seconds, heard)


def table(outcomes: Sequence[Outcome]) -> list[str]:
    """The lines of the report: recall by group with 95 % intervals over requests, gains over plain vectors, times."""
    groups = {"all": outcomes}
    groups |= {lang: [o for o in outcomes if o.narrative.lang == lang] for lang in ("en", "zh")}
    groups |= {kind: [o for o in outcomes if kind in o.narrative.kinds] for kind in ("limit", "likeness")}
    groups["plain"] = [o for o in outcomes if not o.narrative.kinds]
    lines = [_line(f"recall@{PLACES}", len(outcomes), WAYS)]
    for name, group in groups.items():
        if group:
            lines.append(_line(name, len(group), [_cell(over_users([o.recall(w) for o in group])) for w in WAYS]))
    gains = [_cell(over_users([o.recall(w) - o.recall("vector") for o in outcomes])) for w in WAYS]
    times = [f"{1000 * float(np.median([o.seconds[w] for o in outcomes])):.0f}" for w in WAYS]
    lines += [_line("gain", len(outcomes), gains), _line("ms", len(outcomes), times)]
    stood = sum(not o.heard.new for o in outcomes)
    intents = Counter(o.heard.request.intent for o in outcomes if o.heard.new)
    return [*lists_told(intents, stood), *lines]


def lists_told(intents: Mapping[str, int], stood: int) -> list[str]:
    """What kind of lists the chat made."""
    made = ", ".join(f"{count} {intent}" for intent, count in sorted(intents.items()))
    return [f"lists that the chat made: {made}; {stood} left the screen as it was"]


def _line(name: str, count: int, cells: Sequence[str]) -> str:
    return f"{name:10}{count:4}" + "".join(f"{cell:>24}" for cell in cells)


def _cell(value: Estimate) -> str:
    return f"{value.mean:.3f} [{value.low:.3f}, {value.high:.3f}]"


def told(outcome: Outcome) -> dict[str, Any]:
    """One request for looking at: what was read, and what each way found."""
    narrative, heard = outcome.narrative, outcome.heard
    return {
        "id": narrative.id,
        "request": narrative.request,
        "kinds": narrative.kinds,
        "calls": [{"name": call["name"], "args": call["args"]} for call in heard.calls],
        "intent": heard.request.intent if heard.new else None,
        "query": heard.request.query,
        "pbox": [f"{e.factor.value}:{e.key}={e.value:.2f}" for e in heard.request.pbox.entries],
        "recall": {way: round(outcome.recall(way), 3) for way in WAYS},
        "lists": {way: outcome.lists[way][:PLACES] for way in WAYS},
    }


def ratings(folder: Path) -> Iterator[Event]:
    """The ratings of goodbooks-10k as events."""
    with (folder / "goodbooks10k" / "ratings.csv").open(encoding="utf-8", newline="") as lines:
        for line in csv.DictReader(lines):
            yield Event(
                user_id=f"rater-{line['user_id']}",
                item_id=f"{PREFIX}{line['book_id']}",
                kind="rating",
                at=RATED_AT,
                value=float(line["rating"]),
            )


def learnt(catalogue: Catalogue, folder: Path, cache: Path) -> Models:
    """The product's models on those ratings; learnt once, then read from `cache`."""
    try:
        return Models.load(cache, catalogue)
    except (FileNotFoundError, ValueError):
        models = fit_models(catalogue, tqdm(ratings(folder), desc="learning", unit=" ratings"))
        models.save(cache, catalogue)
        return models


def product(data_dir: Path, folder: Path, scratch: Path) -> Bench:
    """The product with the goodbooks catalogue in its data folder, imported where it is not there yet."""
    if not items_file(data_dir).is_file():
        items, faults = read_named("goodbooks", folder, words_of(data_dir))
        upsert(data_dir, items, replace=True)
        print(f"{len(items)} books imported, {len(faults)} rows left out")
    database = f"sqlite:///{scratch / 'narrative.db'}"
    settings = load_settings({"data_dir": data_dir, "database_url": database, "simulated_listeners": 0})
    with tqdm(total=100, unit="%", bar_format="{l_bar}{bar}| {elapsed} {postfix}", desc="opening") as bar:

        def show(share: float, line: str) -> None:
            bar.set_postfix_str(line, refresh=False)
            bar.update(max(0, round(share * 100) - bar.n))

        attune = build(settings, show)
    return Bench(attune.parts, attune.agent, learnt(attune.parts.engine.catalogue, folder, data_dir / "rated"))


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, default="dev")
    parser.add_argument("--folder", type=Path, default=PUBLIC_DATA, help="where goodbooks10k/ lies")
    parser.add_argument("--data-dir", type=Path, default=Path("var/bench-goodbooks"), help="kept between runs")
    parser.add_argument("--out", type=Path, help="write each request with its calls and lists there, as JSON lines")
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.WARNING)
    with tempfile.TemporaryDirectory() as scratch:
        outcomes = measure(product(options.data_dir, options.folder, Path(scratch)), narratives(options.part))
    print("\n".join(table(outcomes)))
    if options.out:
        lines = (json.dumps(told(outcome), ensure_ascii=False) for outcome in outcomes)
        options.out.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
