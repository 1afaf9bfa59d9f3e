"""The test of narrative requests: the requests themselves, and the ways in which they are answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from scripted_model import ScriptedModel, calls
from tools_stage import Stage, make_engine

from chat.agent import Agent
from chat.llm.lessons import LessonBook, lesson_records
from chat.parts import Parts
from lab.recommender.narrative import WAYS, Bench, measure, ratings, table, told
from lab.recommender.narrative_requests import PARTS, Narrative, narratives
from recommend.interactions import Interactions, Touches
from recommend.models import Models, fit_models
from recommend.neighbours import fit_neighbours
from recommend.request import Event
from tools.registry import all_tools

ALL = narratives()
BOOKS = 10_000
NO_HORROR = ("block_content", {"kind": "category", "name": "horror"})


def test_there_are_enough_requests_and_a_part_is_kept() -> None:
    assert Counter(n.part for n in ALL) == {
        "dev": 120,
        "kept": 100,
        "final": 200,
        "train": 480,
        "last": 240,
        "fresh": 240,
        "new": 360,
    }
    assert len({n.id for n in ALL}) == len({n.request for n in ALL}) == len(ALL)


def test_every_relevant_book_is_a_book_and_named_once() -> None:
    for narrative in ALL:
        assert len(narrative.wanted) == len(narrative.relevant), narrative.id
        assert all(1 <= book <= BOOKS for book in narrative.relevant), narrative.id


def test_a_quarter_is_chinese_and_a_good_share_of_each_part_limits_or_compares() -> None:
    for part in PARTS:
        some = narratives(part)
        assert sum(n.lang == "zh" for n in some) >= len(some) // 4
        assert all(sum(kind in n.kinds for n in some) >= 0.1 * len(some) for kind in ("limit", "likeness"))
    for narrative in ALL:
        assert any("\u4e00" <= char <= "\u9fff" for char in narrative.request) == (narrative.lang == "zh"), narrative.id


def test_requests_have_the_length_of_a_message() -> None:
    assert all(1 <= len(n.request.split()) <= 45 and len(n.request) <= 300 for n in ALL)


def test_a_request_with_too_few_books_is_refused() -> None:
    good = ALL[0].model_dump()
    with pytest.raises(ValidationError):
        Narrative.model_validate({**good, "relevant": good["relevant"][:4]})


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    opened = Stage.open(tmp_path, make_engine())
    yield opened
    opened.database.close()


def bench(stage: Stage, model: ScriptedModel, models: Models | None = None) -> Bench:
    engine = stage.engine
    lessons = LessonBook(lesson_records(stage.folder), engine.catalogue.embed)
    parts = Parts(stores=stage.stores, engine=engine, texts=engine.texts, secret="for tests only", lessons=lessons)
    return Bench(parts, Agent(model, all_tools()), models or Models.empty(engine.catalogue))


def said(text: str, relevant: tuple[int, ...] = (1, 2, 3, 4, 5)) -> Narrative:
    return Narrative(id="n1", lang="en", request=text, relevant=relevant, part="dev")


def test_the_list_is_as_long_as_it_is_measured_and_blocks_hold_where_they_were_read(stage: Stage) -> None:
    asked = bench(stage, ScriptedModel.of(calls(NO_HORROR)))
    [outcome] = measure(asked, [said("a ghost story but no horror")])
    assert outcome.heard.new
    assert outcome.heard.calls[0]["name"] == "block_content"
    horror = asked.catalogue.in_category("horror")
    assert len(outcome.lists["pipeline"]) == 20
    assert not any(horror[asked.catalogue.row[item]] for item in outcome.lists["pipeline"])
    assert any(horror[asked.catalogue.row[item]] for item in outcome.lists["search"])


def test_a_sentence_without_a_list_leaves_the_first_one_to_be_measured(stage: Stage) -> None:
    asked = bench(stage, ScriptedModel.of(calls()))
    heard = asked.hear(said("well well"))
    assert not heard.new
    assert heard.request.intent == "home"


def test_company_of_the_best_hit_comes_up(stage: Stage) -> None:
    catalogue = stage.engine.catalogue
    for_all = [item for item in catalogue.items if item.available and item.age == "all"]
    title = for_all[40].title
    rating = {"kind": "rating", "value": 5.0, "at": stage.now}
    pair = (for_all[40].id, for_all[90].id)
    events = [Event(user_id=f"u{n}", item_id=item, **rating) for n in range(30) for item in pair]
    liked = Interactions.from_touches(Touches.of(catalogue, events))
    known = Models.empty(catalogue)
    knowing = type(known)(known.trending, known.collaborative, fit_neighbours(liked), known.graph)
    places = []
    for models in (known, knowing):
        asked = bench(stage, ScriptedModel.of(calls(("search_catalog", {"query": title}))), models)
        ranked = asked.ways.told(asked.hear(said(title)).request, title)
        places.append(ranked.index(pair[1]) if pair[1] in ranked else len(ranked))
    assert places[1] < places[0]


def test_the_report_names_every_way_and_counts_right(stage: Stage) -> None:
    asked = bench(stage, ScriptedModel.of(calls(NO_HORROR)))
    [outcome] = measure(asked, [said("a ghost story but no horror")])
    lines = table([outcome])
    assert all(way in lines[1] for way in WAYS)
    assert lines[0] == "lists that the chat made: 1 home; 0 left the screen as it was"
    assert told(outcome)["recall"]["pipeline"] == 0.0


def test_ratings_become_events_that_models_learn_from(tmp_path: Path, stage: Stage) -> None:
    (tmp_path / "goodbooks10k").mkdir()
    (tmp_path / "goodbooks10k" / "ratings.csv").write_text("user_id,book_id,rating\n1,258,5\n1,9,2\n", encoding="utf-8")
    events = list(ratings(tmp_path))
    assert [(e.item_id, e.value) for e in events] == [("goodbooks-258", 5.0), ("goodbooks-9", 2.0)]
    assert not np.any(fit_models(stage.engine.catalogue, events).trending)
