"""Rules of changing one's mind: the newest words count, and what was said is not lost by what was not meant."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from db.pbox import Change
from recommend.pbox import Factor
from tests.tools_stage import Stage, make_engine
from tools.registry import run_call
from tools.words import describe_entry


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage.open(tmp_path, make_engine())


def together(stage: Stage, *named: tuple[str, dict[str, object]], said: str = "", lang: str = "en") -> str:
    """The reply to several calls of one turn."""
    context = stage.context(lang=lang, said=said)
    for name, args in named:
        run_call(context, name, args)
    return stage.reply(context.outcome, lang)


def more(category: str, step: float = 0.3) -> tuple[str, dict[str, object]]:
    return "update_interest_weight", {"category": category, "weight_increase": step}


def feels(mood: str) -> tuple[str, dict[str, object]]:
    return "update_mood_preference", {"mood": mood, "weight": 0.8}


def no(word: str, kind: str = "tag") -> tuple[str, dict[str, object]]:
    return "block_content", {"kind": kind, "name": word}


@pytest.mark.parametrize(
    ("steps", "left"),
    [((-0.3, 0.15), 0.15), ((-0.6, 0.3), 0.3), ((0.6, -0.3), None), ((0.3, -0.6), -0.3), ((0.6, -0.15), 0.45),
     ((0.3, 0.3), 0.6), ((-0.3, -0.3), -0.6)],
)  # fmt: skip
def test_what_is_wanted_now_outweighs_what_was_said_before(
    stage: Stage, steps: tuple[float, float], left: float | None
) -> None:
    for step in steps:
        stage.do("update_interest_weight", category="romance", weight_increase=step)
    assert stage.set_keys(Factor.CATEGORY).get("romance") == (None if left is None else pytest.approx(left, abs=0.01))


def test_feedback_never_takes_away_what_was_said(stage: Stage) -> None:
    item = next(i for i in stage.engine.catalogue.items if i.category.startswith("romance") and i.author)
    label = stage.engine.catalogue.words.taxonomy.label(item.category, "en")
    stage.do("update_interest_weight", category=label, weight_increase=0.3)
    for _ in range(4):
        stage.do("record_feedback", item=item.title, signal="dislike")
    assert stage.set_keys(Factor.CATEGORY)[item.category] == pytest.approx(0.15, abs=0.01)
    assert stage.set_keys(Factor.ENTITY)[f"author:{item.author}"] < -0.4


def test_a_wish_and_a_block_that_are_one_thing_here_leave_the_wish(stage: Stage) -> None:
    said = together(stage, feels("funny"), no("silly"))
    assert set(stage.set_keys(Factor.MOOD)) == {"funny"} and not stage.set_keys(Factor.BLOCK)
    assert "To me “silly” and “funny” are the same" in said and "no silly" not in said


def test_that_holds_when_the_block_is_said_first(stage: Stage) -> None:
    said = together(stage, no("silly"), feels("funny"))
    assert set(stage.set_keys(Factor.MOOD)) == {"funny"} and not stage.set_keys(Factor.BLOCK)
    assert "To me “silly” and “funny” are the same" in said and "no silly" not in said


def test_who_takes_the_very_word_back_has_thought_better_of_it(stage: Stage) -> None:
    together(stage, more("horror"), no("horror", "category"))
    assert stage.set_keys(Factor.BLOCK) == {"category:horror": 1.0} and not stage.set_keys(Factor.CATEGORY)


def test_a_block_beside_a_wish_takes_what_the_wish_does_not_need(stage: Stage) -> None:
    together(stage, more("mystery"), no("crime", "category"))
    assert stage.set_keys(Factor.BLOCK) == {"category:truecrime": 1.0}


def test_blocking_a_word_takes_every_category_that_it_is_the_head_of(stage: Stage) -> None:
    stage.do("block_content", kind="category", name="crime")
    assert set(stage.set_keys(Factor.BLOCK)) == {"category:mystery", "category:truecrime"}


def test_a_word_that_only_stands_before_the_head_takes_no_other_category(stage: Stage) -> None:
    stage.do("block_content", kind="category", name="science")
    assert set(stage.set_keys(Factor.BLOCK)) == {"category:science"}


@pytest.mark.parametrize(
    ("word", "inside", "outside"), [("fiction", "mystery", "history"), ("非虚构", "history", "mystery")]
)
def test_a_group_of_categories_is_wished_for_and_blocked_as_one(
    stage: Stage, word: str, inside: str, outside: str
) -> None:
    catalogue = stage.engine.catalogue
    stage.do("update_interest_weight", category=word, weight_increase=0.3)
    (key,) = stage.set_keys(Factor.CATEGORY)
    assert (catalogue.in_category(key) >= catalogue.in_category(inside)).all()
    assert not (catalogue.in_category(key) & catalogue.in_category(outside)).all()
    stage.do("block_content", kind="category", name=word)
    assert not stage.set_keys(Factor.CATEGORY) and stage.set_keys(Factor.BLOCK) == {f"category:{key}": 1.0}


@pytest.mark.parametrize("said", ["fan fiction", "网络小说", "graphic novels"])
def test_a_kind_of_fiction_that_is_no_category_is_not_all_of_it(stage: Stage, said: str) -> None:
    match = stage.engine.resolver.resolve("category", said)
    assert match is None or match.key != "fiction"


def test_what_nothing_is_marked_with_is_blocked_by_its_title(stage: Stage) -> None:
    catalogue = stage.engine.catalogue
    assert not catalogue.with_tag("三国").any()
    told = stage.reply(stage.do("block_content", lang="zh", kind="tag", name="三国"), "zh")
    gone = np.any([catalogue.holds(*key.split(":", 1)) for key in stage.set_keys(Factor.BLOCK)], axis=0)  # type: ignore[arg-type]
    assert {catalogue.items[row].title for row in np.flatnonzero(gone)} >= {"易中天品三国"}
    assert "没有标为" not in told


def test_forgetting_what_is_not_wanted_forgets_dislikes_too(stage: Stage) -> None:
    together(stage, more("romance", -0.3), no("horror", "category"), more("history"))
    stage.do("reset_preferences", dimension="avoidance")
    assert set(stage.set_keys(Factor.CATEGORY)) == {"history"} and not stage.set_keys(Factor.BLOCK)


def test_forgetting_moods_forgets_those_that_are_blocked(stage: Stage) -> None:
    together(stage, no("scary"), no("golf"))
    stage.do("update_mood_preference", mood="funny", weight=0.8)
    stage.do("reset_preferences", dimension="mood")
    assert not stage.set_keys(Factor.MOOD) and set(stage.set_keys(Factor.BLOCK)) == {"tag:golf"}
    stage.do("undo_last_change")
    assert set(stage.set_keys(Factor.MOOD)) == {"funny"} and len(stage.set_keys(Factor.BLOCK)) > 1


def shorter(
    stage: Stage, shown: tuple[str, ...], said: str = "shorter", word: str = "short"
) -> dict[str, tuple[float, str]]:
    """The bounds after `said` before a list."""
    run_call(stage.context(said=said, shown=shown), "set_length", {"length": word})
    return {entry.key: (entry.value, entry.hardness) for entry in stage.box().of(Factor.LENGTH)}


def of_minutes(stage: Stage, least: float, most: float, count: int = 5) -> tuple[str, ...]:
    found = [i for i in stage.engine.catalogue.items if least <= i.sitting_minutes <= most]
    return tuple(item.id for item in found[:count])


def test_shorter_than_what_is_all_short_is_shorter_than_the_middle_of_it(stage: Stage) -> None:
    shown = of_minutes(stage, 10, 50)
    minutes = sorted(stage.engine.catalogue.item(i).sitting_minutes for i in shown)
    assert shorter(stage, shown) == {"max": (float(int(minutes[len(minutes) // 2])), "hard")}


def test_shorter_than_a_list_of_all_lengths_is_short_and_said_again_without_exception(stage: Stage) -> None:
    shown = (*of_minutes(stage, 10, 50, 3), *of_minutes(stage, 600, 900, 2))
    assert shorter(stage, shown) == {"max": (60.0, "soft")}
    assert shorter(stage, shown, "再短一点") == {"max": (60.0, "hard")}


def test_something_short_is_no_comparison(stage: Stage) -> None:
    assert shorter(stage, of_minutes(stage, 10, 50), "something short") == {"max": (60.0, "soft")}


def test_longer_than_what_is_all_long_is_longer_than_the_middle_of_it(stage: Stage) -> None:
    bounds = shorter(stage, of_minutes(stage, 600, 2000), "longer please", "long")
    assert bounds["min"][0] > 480 and bounds["min"][1] == "hard"


def test_a_word_leans_to_its_bounds_and_minutes_are_kept_to(stage: Stage) -> None:
    assert "preferably up to 1 h" in stage.reply(stage.do("set_length", length="short"))
    assert "preferably" not in stage.reply(stage.do("set_length", max_minutes=45))


def test_what_is_heard_leaves_the_list(stage: Stage) -> None:
    stage.shown = of_minutes(stage, 10, 50)
    outcome = stage.do("record_feedback", item="1", signal="finished")
    assert outcome.refresh and outcome.unwanted == [stage.shown[0]]


def test_undone_feedback_is_told_once(stage: Stage) -> None:
    title = next(i.title for i in stage.engine.catalogue.items if i.title.isascii())
    stage.do("record_feedback", item=title, signal="like")
    assert stage.reply(stage.do("undo_last_change")).count("Taken back") == 1


def test_people_and_formats_are_named_in_the_language_of_the_talk(stage: Stage) -> None:
    change = Change(factor=Factor.ENTITY, key="author:刘慈欣", op="set", value=0.6)
    podcasts = Change(factor=Factor.ENTITY, key="tag:podcast", op="set", value=0.3)
    stage.stores.pbox.change("anna", "t", [change, podcasts], source="chat", now=stage.now)
    texts, catalogue = stage.engine.texts, stage.engine.catalogue
    told = {lang: [describe_entry(e, texts, catalogue, lang) for e in stage.box().entries] for lang in ("en", "zh")}
    assert told["en"][0] == "more by Liu Cixin" and "播客" in told["zh"][1]
