"""Rules of teaching from the page: it works at once and for everybody, says how it is understood, and can be off."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi.testclient import TestClient
from scripted_model import ScriptedModel, calls
from tools_stage import Stage, make_engine

from chat.agent import Agent
from chat.conversation import Conversation
from chat.llm.lessons import LessonBook, lesson_records
from chat.llm.understanding import Call
from chat.parts import Parts
from chat.screens import paint
from chat.screens.acts import Acts
from chat.screens.identity import STATE_KEY
from chat.screens.visits import Seat
from chat.screens.web import web_app
from settings import SettingsError, load_settings
from tools.registry import all_tools

MORE_ROMANCE = ("update_interest_weight", {"category": "romance", "weight_increase": 0.3})
LOST = calls(("search_catalog", {"query": "?"}), mode="ask")
HTML = "<img src=x onerror=alert(1)>"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    opened = Stage.open(tmp_path, make_engine())
    yield opened
    opened.database.close()


class Page:
    """The card of one browser, by what it sends and what it is shown."""

    def __init__(self, stage: Stage, model: ScriptedModel, *, teaching: bool = True, visitor: str = "v-1") -> None:
        texts = stage.engine.texts
        self.book = LessonBook(lesson_records(stage.folder), stage.engine.catalogue.embed)
        parts = Parts(stores=stage.stores, engine=stage.engine, texts=texts, secret="for tests", lessons=self.book)
        self.talk = Conversation(parts, Agent(model, all_tools()), teaching=teaching)
        names: Any = {field.name: field.name for field in fields(paint.Parts)}
        self._acts, self._visitor = Acts(self.talk, texts, paint.Parts(**names)), visitor

    def send(self, **tap: object) -> str:
        """The card after a tap; "" where none is drawn."""
        request: Any = SimpleNamespace(request=SimpleNamespace(scope={"state": {STATE_KEY: self._visitor}}))
        event: Any = SimpleNamespace(_data=tap)
        return asyncio.run(self._acts.teach(Seat(), request, event)).get("teach", "")  # type: ignore[call-overload]

    def teach(self, said: str, means: str, **more: str) -> str:
        return self.send(act="teach", fields={"said": [said], "means": [means]}, **more)

    def chinese(self) -> Page:
        self.talk.open(self._visitor)
        self.talk.set_language(self._visitor, "", "zh")
        return self


def test_what_is_taught_is_listed_with_how_it_is_now_understood(stage: Stage) -> None:
    page = Page(stage, ScriptedModel.of(calls(MORE_ROMANCE)))
    card = page.teach("comfort food", "sweet romance")
    assert "“comfort food” is now understood as: more Romance." in card
    assert "<q>comfort food</q> → <span>sweet romance</span>" in card
    assert page.book.about("comfort food tonight").plain == "sweet romance tonight"


def test_a_meaning_that_says_nothing_to_the_model_is_kept_with_a_hint(stage: Stage) -> None:
    page = Page(stage, ScriptedModel.of(LOST))
    assert "nothing is understood from “wibble”" in page.teach("comfort food", "wibble")
    assert len(page.book.lessons()) == 1


def test_a_half_sure_reading_is_told_with_its_doubt(stage: Stage) -> None:
    page = Page(stage, ScriptedModel.of(calls(MORE_ROMANCE, mode="confirm")))
    assert "That is not sure" in page.teach("comfort food", "sweetish")


def test_it_is_taught_even_where_the_model_cannot_be_asked(stage: Stage) -> None:
    page = Page(stage, ScriptedModel.of(RuntimeError("no server")))
    assert "could not be tried" in page.teach("comfort food", "sweet romance")
    assert len(page.book.lessons()) == 1


def test_trying_a_meaning_out_leaves_no_trace(stage: Stage) -> None:
    page = Page(stage, ScriptedModel.of(calls(MORE_ROMANCE)))
    page.teach("comfort food", "sweet romance")
    with closing(sqlite3.connect(stage.folder / "attune.db")) as rows:
        assert {user for (user,) in rows.execute("select user_id from users")} == {"anna", "ben", "v-1"}
    assert page.talk.screen("v-1", page.talk.open("v-1")).panel == ()


@pytest.mark.parametrize(
    ("said", "means", "english", "chinese"),
    [
        ("", "sweet", "Fill in both boxes", "两栏都填上"),
        ("sweet", "  ", "Fill in both boxes", "两栏都填上"),
        ("x" * 121, "sweet", "up to 120 characters", "最多 120 个字"),
        ("sweet", "x" * 121, "up to 120 characters", "最多 120 个字"),
        ("?!", "sweet", "There is no word", "没有可识别的字词"),
        ("Sweet!", "sweet", "It would mean itself", "意思和说法一样"),
        ("的", "甜", "too common", "太常用"),
        ("want some", "sweet", "Teach a longer expression", "教一个更长的说法"),
    ],
)
def test_a_fault_is_told_in_the_language_of_the_page_and_the_boxes_keep_what_was_typed(
    stage: Stage, said: str, means: str, english: str, chinese: str
) -> None:
    page = Page(stage, ScriptedModel.of())
    card = page.teach(said, means)
    assert english in card and f'value="{said}"' in card
    assert chinese in page.chinese().teach(said, means)
    assert page.book.all() == ()


def test_correcting_fills_the_boxes_and_replaces_the_lesson(stage: Stage) -> None:
    page = Page(stage, ScriptedModel.of(calls(MORE_ROMANCE), calls(MORE_ROMANCE)))
    page.teach("comfort food", "cookery")
    lesson = page.book.all()[0].lesson_id
    card = page.send(act="correct", lesson=lesson)
    assert 'value="comfort food"' in card and 'value="cookery"' in card and 'data-act="cancel"' in card
    assert "Until now it meant “cookery”" in page.teach("comfort foods", "sweet romance", lesson=lesson)
    assert [(old.said, old.means) for old in page.book.all()] == [("comfort foods", "sweet romance")]


def test_the_words_of_another_lesson_are_refused(stage: Stage) -> None:
    page = Page(stage, ScriptedModel.of(calls(MORE_ROMANCE), calls(MORE_ROMANCE)))
    page.teach("comfort food", "sweet romance")
    page.teach("brain food", "science")
    lesson = page.book.same("brain food")
    assert lesson and "taught already" in page.teach("Comfort food!", "science", lesson=lesson.lesson_id)
    assert {old.said for old in page.book.lessons()} == {"comfort food", "brain food"}


def test_a_withdrawn_lesson_has_no_effect_until_it_is_taught_again(stage: Stage) -> None:
    page = Page(stage, ScriptedModel.of(calls(MORE_ROMANCE), calls(MORE_ROMANCE)))
    page.teach("comfort food", "sweet romance")
    lesson = page.book.all()[0].lesson_id
    card = page.send(act="withdraw", lesson=lesson)
    assert "is withdrawn" in card and 'data-act="again"' in card and 'data-act="withdraw"' not in card
    assert page.book.about("comfort food").plain == "comfort food"
    assert "now understood as: more Romance" in page.send(act="again", lesson=lesson)
    assert page.book.about("comfort food").plain == "sweet romance"


def test_a_second_browser_sees_and_can_correct_what_the_first_taught(stage: Stage) -> None:
    first = Page(stage, ScriptedModel.of(calls(MORE_ROMANCE)))
    second = Page(stage, ScriptedModel.of(calls(MORE_ROMANCE)), visitor="v-2")
    first.teach("comfort food", "cookery")
    assert "comfort food" in second.send(act="cancel")
    assert "Until now it meant “cookery”" in second.teach("comfort food", "sweet romance")
    assert [old.means for old in first.book.lessons()] == ["sweet romance"]


def test_a_sentence_taught_with_calls_is_told_in_words_and_exported(stage: Stage) -> None:
    page = Page(stage, ScriptedModel.of(calls(MORE_ROMANCE)))
    page.book.teach("the usual please", calls=[Call(name="set_payment", args={"access": "free"})])
    assert "<q>the usual please</q> → <span>free only</span>" in page.send(act="cancel")
    page.teach("comfort food", "sweet romance")
    with TestClient(web_app(page.talk, secret="for tests")) as client:
        answer = client.get("/taught.jsonl")
    assert "attachment" in answer.headers["content-disposition"]
    records = [json.loads(line) for line in answer.text.splitlines()]
    assert [(one["utterance"], one["lang"]) for one in records] == [("the usual please", "en")]


def test_a_sentence_taught_with_calls_keeps_them_when_only_its_words_are_corrected(stage: Stage) -> None:
    page = Page(stage, ScriptedModel.of(calls(MORE_ROMANCE)))
    free = Call(name="set_payment", args={"access": "free"})
    lesson = page.book.teach("the usal please", calls=[free]).lesson_id
    page.teach("the usual please", "free only", lesson=lesson)
    assert [(one.said, one.calls) for one in page.book.all()] == [("the usual please", (free,))]
    page.teach("the usual please", "more romance", lesson=lesson)
    assert [(one.means, one.calls) for one in page.book.all()] == [("more romance", ())]


def test_taught_words_are_shown_as_letters(stage: Stage) -> None:
    page = Page(stage, ScriptedModel.of(LOST, LOST))
    cards = page.teach(HTML, HTML + " ${alert(2)}") + page.send(act="correct", lesson=page.book.all()[0].lesson_id)
    assert "<img" not in cards and "&lt;img src=x onerror=alert(1)&gt;" in cards


@pytest.mark.parametrize("said", ["ſ", "İstanbul", "a\x00b\u202e", "(a|b)+", "\\1"])
def test_whatever_is_taught_no_sentence_breaks_on_it(stage: Stage, said: str) -> None:
    page = Page(stage, ScriptedModel.of(LOST))
    page.teach(said, "calm")
    for utterance in ("s", "i̇stanbul", "a b", said, said.upper(), ""):
        page.book.about(utterance)
    assert page.book.about(page.book.lessons()[0].said).plain == "calm"


@pytest.mark.parametrize(
    "tap",
    [
        {},
        {"act": "drop"},
        {"act": "teach", "fields": {"said": ["\ud800x"], "means": ["y"]}},
        {"act": "teach", "fields": {"said": ["x" * 5000], "means": ["y"]}},
        {"act": "teach", "fields": {"said": ["a", "b"], "means": ["y"]}},
        {"act": "teach", "fields": "said"},
    ],
)
def test_what_no_page_of_ours_sends_does_nothing(stage: Stage, tap: dict[str, Any]) -> None:
    page = Page(stage, ScriptedModel.of())
    assert page.send(**tap) == "" and page.book.all() == ()


@pytest.mark.parametrize("act", ["teach", "correct", "withdraw", "again"])
def test_a_lesson_that_is_not_there_is_told(stage: Stage, act: str) -> None:
    page = Page(stage, ScriptedModel.of())
    told = page.send(act=act, lesson="zz", fields={"said": ["a"], "means": ["b"]})
    assert "no longer in the list" in told and page.book.all() == ()


def test_where_teaching_is_off_there_is_no_card_no_export_and_no_teaching(stage: Stage) -> None:
    page = Page(stage, ScriptedModel.of(), teaching=False)
    known = page.book.teach("comfort food", means="cookery")
    for act in ("teach", "withdraw", "correct", "cancel"):
        assert page.send(act=act, lesson=known.lesson_id, fields={"said": ["a"], "means": ["b"]}) == ""
    assert page.book.all() == (known,)
    with TestClient(web_app(page.talk, secret="for tests")) as client:
        assert "comfort food" not in client.get("/taught.jsonl").text


@pytest.mark.parametrize(
    ("given", "may"),
    [({}, True), ({"public_url": "https://a.example"}, False), ({"teaching": "off"}, False),
     ({"public_url": "https://a.example", "teaching": "on"}, True)],
)  # fmt: skip
def test_strangers_may_not_teach_unless_the_settings_say_so(given: dict[str, Any], may: bool) -> None:
    assert load_settings(given).may_teach is may
    with pytest.raises(SettingsError, match="'on' or 'off'"):
        load_settings({"teaching": "perhaps"})
