"""Taste tools: what is said becomes the right parameter, and can be told and taken back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from tools_stage import Stage, embed, make_engine

from catalog.catalogue import Catalogue
from catalog.resolve import Resolver
from db.changes import SESSION_HOURS
from recommend.filters import wanted
from recommend.pbox import Factor
from tools.context import Engine, ToolRetry


@pytest.fixture(scope="module")
def engine() -> Engine:
    return make_engine()


@pytest.fixture
def stage(tmp_path: Path, engine: Engine) -> Stage:
    return Stage.open(tmp_path, engine)


def test_a_genre_is_linked_to_its_category_and_stepped(stage: Stage) -> None:
    stage.do("update_interest_weight", category="mysteries", weight_increase=0.3)
    outcome = stage.do("update_interest_weight", category="悬疑", weight_increase=0.3)
    assert stage.set_keys(Factor.CATEGORY) == pytest.approx({"mystery": 0.6}, abs=0.01)
    assert outcome.refresh and stage.reply(outcome) == "Done: more Mystery & Thriller — fading slowly, over months."


def test_a_genre_may_be_wanted_less_and_only_for_now(stage: Stage) -> None:
    outcome = stage.do("update_interest_weight", category="历史", weight_increase=-0.6, duration="session", lang="zh")
    (entry,) = stage.box().of(Factor.CATEGORY)
    assert (entry.key, entry.value, entry.scope, entry.said) == ("history", -0.6, "session", "历史")
    assert stage.reply(outcome, "zh") == "好的：尽量少推荐历史人文（仅这次）。"


def test_a_genre_that_is_none_here_is_kept_as_a_theme_word(stage: Stage) -> None:
    stage.do("update_interest_weight", category="xyzzyqub", weight_increase=0.3)
    assert stage.set_keys(Factor.ENTITY) == {"tag:xyzzyqub": 0.3}


def test_a_format_is_wanted_and_blocked_by_any_of_its_names(stage: Stage) -> None:
    stage.do("update_interest_weight", category="podcasts", weight_increase=0.3)
    assert set(stage.set_keys(Factor.ENTITY)) == {"tag:podcast"}
    stage.do("update_interest_weight", category="podcasts", weight_increase=-0.6)
    outcome = stage.do("block_content", kind="category", name="播客", lang="zh")
    assert set(stage.set_keys(Factor.BLOCK)) == {"tag:podcast"}
    assert stage.reply(outcome, "zh") == "好的：不要播客（直到你撤销）。"
    stage.do("unblock_content", kind="category", name="podcast")
    assert not stage.set_keys(Factor.BLOCK)


def test_a_block_takes_no_more_than_the_word_means(stage: Stage) -> None:
    stage.do("block_content", kind="tag", name="royal family")
    stage.do("block_content", kind="tag", name="恐怖")
    assert set(stage.set_keys(Factor.BLOCK)) == {"tag:royal family", "tag:恐怖"}


def test_people_series_and_themes_get_keys_of_their_kind(stage: Stage) -> None:
    outcome = stage.do("update_entity_weight", kind="author", name="agatha christie", weight_increase=0.6)
    stage.do("update_entity_weight", kind="tag", name="dragons", weight_increase=0.3)
    stage.do("update_entity_weight", kind="narrator", name="单田芳", weight_increase=-0.3)
    assert stage.set_keys(Factor.ENTITY) == pytest.approx(
        {"author:Agatha Christie": 0.6, "tag:dragons": 0.3, "narrator:单田芳": -0.3}, abs=0.01
    )
    assert stage.reply(outcome) == "Done: more by Agatha Christie — fading slowly, over months."


def test_moods_and_scenes_are_set_and_fade_unless_they_shall_last(stage: Stage) -> None:
    outcome = stage.do("update_mood_preference", mood="治愈", weight=0.8, lang="zh")
    stage.do("update_scene_preference", scene="drive home", weight=0.8)
    kept = stage.do("update_mood_preference", mood="funny", weight=1.0, duration="lasting")
    assert stage.set_keys(Factor.MOOD) == pytest.approx({"healing": 0.8, "funny": 1.0}, abs=0.01)
    assert stage.set_keys(Factor.SCENE) == pytest.approx({"driving": 0.8}, abs=0.01)
    assert stage.reply(outcome, "zh") == "好的：要治愈的（过几天会淡去）。"
    assert stage.reply(kept) == "Done: very funny — fading slowly, over months."


@pytest.mark.parametrize(
    ("said", "mood"),
    [("不吓人", "scary"), ("没那么暗黑", "dark"), ("不特别吓人的", "scary"), ("not too heavy", "dark"),
     ("not 吓人", "scary"), ("not scary at all", "scary")],
)  # fmt: skip
@pytest.mark.parametrize("weight", [0.8, -0.8])
def test_a_mood_said_by_what_it_is_not_is_never_wanted(stage: Stage, said: str, mood: str, weight: float) -> None:
    stage.do("update_mood_preference", mood=said, weight=weight)
    assert stage.set_keys(Factor.MOOD) == pytest.approx({mood: -0.8}, abs=0.01)


@pytest.mark.parametrize(
    ("said", "mood"),
    [("不费脑", "relaxing"), ("不想动脑子", "relaxing"), ("无比治愈", "healing"), ("无脑搞笑", "funny"),
     ("unhurried", "calm"), ("nothing but laughs", "funny")],
)  # fmt: skip
def test_a_mood_whose_words_only_begin_like_a_not_is_wanted(stage: Stage, said: str, mood: str) -> None:
    stage.do("update_mood_preference", mood=said, weight=0.8)
    assert stage.set_keys(Factor.MOOD) == pytest.approx({mood: 0.8}, abs=0.01)


@pytest.mark.parametrize("said", ["nonsense", "notable", "无聊", "not sad but hopeful", "不可思议", "不够搞笑"])
def test_a_word_that_is_no_mood_behind_its_not_keeps_its_sign(stage: Stage, said: str) -> None:
    stage.do("update_mood_preference", mood=said, weight=0.8)
    assert all(value > 0 for value in stage.set_keys(Factor.MOOD).values())


def test_blocking_what_is_not_funny_leaves_what_is(stage: Stage) -> None:
    stage.do("block_content", kind="tag", name="不好笑")
    assert {entry.key for entry in stage.box().of(Factor.BLOCK)} == {"tag:不好笑"}


@pytest.mark.parametrize(("bound", "word"), [({"max_minutes": 60}, "short"), ({"min_minutes": 480}, "long")])
def test_a_word_leaves_an_equal_bound_as_strict_as_it_was(stage: Stage, bound: dict[str, int], word: str) -> None:
    stage.do("set_length", **bound)
    stage.do("set_length", length=word)
    assert [entry.hardness for entry in stage.box().of(Factor.LENGTH)] == ["hard"]


def test_two_moods_in_one_breath_are_two_moods_and_an_unknown_one_stays_whole(stage: Stage) -> None:
    stage.do("update_mood_preference", mood="quiet funny", weight=0.8)
    assert set(stage.set_keys(Factor.MOOD)) == {"calm", "funny"}
    stage.do("update_mood_preference", mood="xyzzy qubbish", weight=0.8)
    assert "xyzzy qubbish" in stage.set_keys(Factor.MOOD)


def test_no_horror_removes_the_category(stage: Stage) -> None:
    outcome = stage.do("block_content", kind="category", name="horror")
    assert stage.set_keys(Factor.BLOCK) == {"category:horror": 1.0}
    assert stage.reply(outcome) == "Done: no Horror & Supernatural — until you undo it."


@pytest.mark.parametrize("word", ["恐怖", "scary"])
def test_nothing_scary_leaves_no_scary_item_and_no_horror(stage: Stage, word: str) -> None:
    outcome = stage.do("block_content", kind="tag", name=word)
    catalogue = stage.engine.catalogue
    gone = np.zeros(len(catalogue), dtype=bool)
    for key in stage.set_keys(Factor.BLOCK):
        gone |= catalogue.holds(*key.split(":", 1))  # type: ignore[arg-type]
    assert (gone >= catalogue.with_mood("scary")).all() and (gone >= catalogue.in_category("horror")).all()
    assert gone.sum() < len(catalogue) / 10
    assert stage.reply(outcome) == f"Done: no {word} — until you undo it."


def test_a_block_is_taken_back_with_all_that_came_with_it(stage: Stage) -> None:
    stage.do("block_content", kind="tag", name="恐怖")
    stage.do("block_content", kind="author", name="Stephen King")
    stage.do("unblock_content", kind="tag", name="恐怖")
    assert set(stage.set_keys(Factor.BLOCK)) == {"author:Stephen King"}


def test_taking_back_a_block_that_is_not_there_says_so(stage: Stage) -> None:
    outcome = stage.do("unblock_content", kind="category", name="poetry")
    assert not outcome.changes and stage.reply(outcome) == "“poetry” is not blocked."


def test_one_item_may_be_blocked_by_its_place(stage: Stage) -> None:
    stage.shown = tuple(item.id for item in stage.engine.catalogue.items[:3])
    stage.do("block_content", kind="item", name="2")
    assert stage.set_keys(Factor.BLOCK) == {f"item:{stage.shown[1]}": 1.0}


def test_wanting_what_was_blocked_takes_the_block_back(stage: Stage) -> None:
    stage.do("block_content", kind="category", name="horror")
    outcome = stage.do("update_interest_weight", category="恐怖", weight_increase=0.3)
    assert not stage.set_keys(Factor.BLOCK) and stage.set_keys(Factor.CATEGORY) == {"horror": 0.3}
    assert "allowed again" in stage.reply(outcome)


def test_wanting_horror_after_nothing_scary_takes_back_all_that_stood_in_its_way(stage: Stage) -> None:
    stage.do("block_content", kind="tag", name="scary")
    stage.do("block_content", kind="tag", name="gore")
    stage.do("update_interest_weight", category="horror", weight_increase=0.3)
    assert set(stage.set_keys(Factor.BLOCK)) == {"tag:gore"}


HORROR = {"kind": "category", "name": "horror"}


def after_the_session(stage: Stage, factor: Factor) -> dict[str, float]:
    later = stage.stores.pbox.load("anna", stage.now + timedelta(hours=SESSION_HOURS + 1))
    return {entry.key: round(entry.value, 1) for entry in later.of(factor)}


@pytest.fixture
def tonight(stage: Stage) -> Stage:
    """Horror is blocked from now on, but wanted tonight."""
    stage.do("block_content", **HORROR)
    stage.do("update_interest_weight", category="horror", weight_increase=0.3, duration="session")
    return stage


def test_a_block_that_is_hidden_tonight_can_be_taken_back_for_good(tonight: Stage) -> None:
    outcome = tonight.do("unblock_content", **HORROR)
    assert tonight.reply(outcome) == "Done: Horror & Supernatural allowed again."
    assert tonight.set_keys(Factor.CATEGORY) == {"horror": 0.3}
    assert not after_the_session(tonight, Factor.BLOCK)


def test_undoing_that_brings_the_hidden_block_back_and_says_so(tonight: Stage) -> None:
    tonight.do("unblock_content", **HORROR)
    outcome = tonight.do("undo_last_change")
    assert tonight.reply(outcome) == "Taken back: Horror & Supernatural allowed again."
    assert not tonight.set_keys(Factor.BLOCK) and after_the_session(tonight, Factor.BLOCK) == {"category:horror": 1.0}


def test_a_lasting_wish_takes_back_a_block_that_is_hidden_tonight(tonight: Stage) -> None:
    outcome = tonight.do("update_interest_weight", category="horror", weight_increase=0.6)
    assert "allowed again" in tonight.reply(outcome)
    assert after_the_session(tonight, Factor.CATEGORY) == {"horror": 0.6}
    assert not after_the_session(tonight, Factor.BLOCK)


def test_a_wish_for_tonight_leaves_what_lies_beneath_it(tonight: Stage) -> None:
    tonight.do("update_interest_weight", category="horror", weight_increase=0.3, duration="session")
    assert after_the_session(tonight, Factor.BLOCK) == {"category:horror": 1.0}


def test_blocking_what_was_wanted_takes_the_wish_back_in_one_step(stage: Stage) -> None:
    stage.do("update_interest_weight", category="horror", weight_increase=0.3)
    stage.do("update_interest_weight", category="history", weight_increase=0.3)
    stage.do("block_content", **HORROR)
    assert set(stage.set_keys(Factor.CATEGORY)) == {"history"}
    stage.do("undo_last_change")
    assert set(stage.set_keys(Factor.CATEGORY)) == {"history", "horror"} and not stage.set_keys(Factor.BLOCK)


def test_blocking_takes_back_moods_and_people_but_no_dislike_and_nothing_else(stage: Stage) -> None:
    stage.do("update_mood_preference", mood="scary", weight=0.8)
    stage.do("update_interest_weight", category="horror/ghost", weight_increase=0.3)
    stage.do("update_entity_weight", kind="author", name="Stephen King", weight_increase=0.3)
    stage.do("update_entity_weight", kind="author", name="Agatha Christie", weight_increase=-0.3)
    stage.do("block_content", kind="tag", name="scary")
    stage.do("block_content", kind="author", name="Stephen King")
    stage.do("block_content", kind="author", name="Agatha Christie")
    assert not stage.set_keys(Factor.MOOD) and set(stage.set_keys(Factor.ENTITY)) == {"author:Agatha Christie"}


def test_a_block_for_tonight_leaves_a_lasting_wish_beneath_it(stage: Stage) -> None:
    stage.do("update_interest_weight", category="horror", weight_increase=0.3)
    stage.do("block_content", **HORROR, duration="session")
    assert not stage.set_keys(Factor.CATEGORY)
    assert after_the_session(stage, Factor.CATEGORY) == {"horror": 0.3} and not after_the_session(stage, Factor.BLOCK)


def test_a_dislike_is_taken_back_where_nothing_is_blocked(stage: Stage) -> None:
    stage.do("update_interest_weight", category="poetry", weight_increase=-0.6)
    stage.do("unblock_content", kind="category", name="poetry")
    assert not stage.box().entries


def test_finished_only_and_free_only_filter(stage: Stage) -> None:
    stage.do("set_completion_status", status="completed")
    outcome = stage.do("set_payment", access="free")
    assert stage.box().is_hard(Factor.STATUS) and stage.box().is_hard(Factor.ACCESS)
    assert stage.reply(outcome) == "Done: free only — until you undo it."
    stage.do("set_payment", access="paid")
    assert stage.box().value(Factor.ACCESS) == 1.0 and not stage.box().is_hard(Factor.ACCESS)
    stage.do("set_completion_status", status="any")
    stage.do("set_payment", access="any")
    assert not stage.box().entries


def test_a_length_word_and_bounds_give_way_to_each_other(stage: Stage) -> None:
    stage.do("set_length", length="long")
    assert stage.set_keys(Factor.LENGTH) == {"min": 480.0}
    outcome = stage.do("set_length", max_minutes=30)
    assert stage.set_keys(Factor.LENGTH) == {"max": 30.0}
    assert stage.reply(outcome) == "Done: up to 30 min — until you undo it."
    stage.do("set_length", min_minutes=10)
    assert stage.set_keys(Factor.LENGTH) == {"min": 10.0, "max": 30.0}
    stage.do("set_length", length="any")
    assert not stage.set_keys(Factor.LENGTH)


def test_short_and_long_never_loosen_a_stricter_bound(stage: Stage) -> None:
    stage.do("set_length", max_minutes=30)
    assert stage.reply(stage.do("set_length", length="short")) == "Done: up to 30 min — until you undo it."
    assert stage.set_keys(Factor.LENGTH) == {"max": 30.0}
    stage.do("set_length", length="medium")
    assert stage.set_keys(Factor.LENGTH) == {"min": 60.0, "max": 480.0}
    stage.do("set_length", length="short")
    assert stage.set_keys(Factor.LENGTH) == {"max": 60.0}
    stage.do("set_length", min_minutes=1200)
    stage.do("set_length", length="long")
    assert stage.set_keys(Factor.LENGTH) == {"min": 1200.0}


def test_a_wish_for_the_session_leaves_a_lasting_one_beneath_it(stage: Stage) -> None:
    stage.do("set_length", length="long")
    stage.do("block_content", kind="category", name="horror")
    stage.do("set_length", length="short", duration="session")
    stage.do("update_interest_weight", category="horror", weight_increase=0.3, duration="session")
    assert stage.set_keys(Factor.LENGTH) == {"max": 60.0} and not stage.set_keys(Factor.BLOCK)
    later = stage.stores.pbox.load("anna", stage.now + timedelta(hours=SESSION_HOURS + 1))
    assert {entry.key: entry.value for entry in later.of(Factor.LENGTH)} == {"min": 480.0}
    assert "category:horror" in {entry.key for entry in later.of(Factor.BLOCK)}


def test_a_bound_for_the_session_does_not_become_a_lasting_one(stage: Stage) -> None:
    stage.do("set_length", max_minutes=20, duration="session")
    stage.do("set_length", length="short")
    assert stage.set_keys(Factor.LENGTH) == {"max": 20.0}
    later = stage.stores.pbox.load("anna", stage.now + timedelta(hours=SESSION_HOURS + 1))
    assert later.value(Factor.LENGTH, "max") == 60.0


@pytest.mark.parametrize(("ever", "tonight", "left"), [
    ({"min_minutes": 480}, {"max_minutes": 30}, {"max": 30.0}),
    ({"max_minutes": 30}, {"min_minutes": 480}, {"min": 480.0}),
    ({"max_minutes": 30}, {"length": "short"}, {"max": 30.0}),
])  # fmt: skip
def test_a_lasting_bound_reckons_with_one_that_is_hidden_tonight(
    stage: Stage, ever: dict[str, int], tonight: dict[str, int], left: dict[str, float]
) -> None:
    stage.do("set_length", **ever)
    stage.do("set_length", length="any", duration="session")
    stage.do("set_length", **tonight, duration="session")
    stage.do("set_length", **tonight)
    assert stage.set_keys(Factor.LENGTH) == left
    assert after_the_session(stage, Factor.LENGTH) == left


def test_a_length_without_a_length_goes_back_to_the_model(stage: Stage) -> None:
    with pytest.raises(ToolRetry, match="min_minutes"):
        stage.do("set_length")
    with pytest.raises(ToolRetry, match="swap"):
        stage.do("set_length", min_minutes=60, max_minutes=30)


def test_freshness_exploration_popularity_are_absolute(stage: Stage) -> None:
    stage.do("set_freshness", recency=0.8, repeats="avoid")
    stage.do("set_exploration", novelty=0, diversity=0.8)
    outcome = stage.do("set_popularity", popularity=-0.8, quality=0.9)
    box = stage.box()
    assert (box.value(Factor.RECENCY), box.value(Factor.REPEATS), box.value(Factor.DIVERSITY)) == (0.8, -1.0, 0.8)
    assert box.entry(Factor.NOVELTY) is not None and box.value(Factor.QUALITY) == 0.9
    assert stage.reply(outcome) == "Done: preferably hidden gems, highly rated — until you undo it."
    stage.do("set_freshness", recency=0, repeats="allow")
    stage.do("set_popularity", popularity=0)
    assert {e.factor for e in stage.box().entries} == {Factor.NOVELTY, Factor.DIVERSITY, Factor.QUALITY}


@pytest.mark.parametrize("tool", ["set_freshness", "set_exploration", "set_popularity"])
def test_a_setting_without_a_value_goes_back_to_the_model(stage: Stage, tool: str) -> None:
    with pytest.raises(ToolRetry, match="nothing given"):
        stage.do(tool)


def test_the_audio_has_one_language_or_any(stage: Stage) -> None:
    stage.do("set_language", language="en")
    outcome = stage.do("set_language", language="zh")
    assert stage.set_keys(Factor.LANGUAGE) == {"zh": 1.0}
    assert stage.reply(outcome) == "Done: in Chinese only — until you undo it."
    stage.do("set_language", language="any")
    assert not stage.box().entries


def test_undo_takes_back_the_last_turn_and_tells_what(stage: Stage) -> None:
    stage.do("update_interest_weight", category="history", weight_increase=0.3)
    stage.do("set_payment", access="free")
    outcome = stage.do("undo_last_change")
    assert stage.reply(outcome) == "Taken back: free only."
    assert set(stage.set_keys(Factor.CATEGORY)) == {"history"} and not stage.box().of(Factor.ACCESS)
    stage.do("undo_last_change")
    assert stage.reply(stage.do("undo_last_change")) == "There is nothing to take back."


@pytest.mark.parametrize("signal", ["skip", "finished", "save", "play"])
def test_undo_after_feedback_takes_back_the_feedback_and_no_earlier_wish(stage: Stage, signal: str) -> None:
    stage.do("set_payment", access="free")
    stage.shown = tuple(item.id for item in stage.engine.catalogue.items[:3])
    stage.do("record_feedback", item="2", signal=signal)
    outcome = stage.do("undo_last_change")
    assert stage.reply(outcome) == f"Taken back: your feedback on “{stage.title(stage.shown[1])}”."
    assert outcome.refresh and not stage.stores.events.history("anna").events
    assert stage.box().of(Factor.ACCESS)


def test_undo_of_a_dislike_takes_back_what_was_learnt_and_shows_the_item_again(stage: Stage) -> None:
    stage.shown = tuple(item.id for item in stage.engine.catalogue.items[:3])
    stage.do("record_feedback", item="1", signal="dislike")
    outcome = stage.do("undo_last_change", lang="zh")
    assert not stage.box().entries and not stage.stores.events.history("anna").events
    assert f"你对《{stage.title(stage.shown[0])}》的反馈" in stage.reply(outcome, "zh")
    assert f"你对《{stage.title(stage.shown[0])}》的反馈" in outcome.done[0].text


def test_undo_of_a_wish_that_was_said_twice_leaves_nothing_of_it(stage: Stage) -> None:
    stage.do("block_content", kind="category", name="horror")
    stage.do("block_content", kind="category", name="恐怖")
    stage.do("undo_last_change")
    assert not stage.box().entries


def test_a_dimension_is_forgotten_without_the_others(stage: Stage) -> None:
    stage.do("update_mood_preference", mood="sad", weight=-0.8)
    stage.do("set_payment", access="free")
    outcome = stage.do("reset_preferences", dimension="mood")
    assert [entry.factor for entry in stage.box().entries] == [Factor.ACCESS]
    assert stage.reply(outcome) == "Forgotten: your moods and moments."
    stage.do("reset_preferences", dimension="all")
    assert not stage.box().entries
    assert "nothing to forget" in stage.reply(stage.do("reset_preferences", dimension="all"))


def test_what_is_remembered_is_told_in_plain_words(stage: Stage) -> None:
    assert stage.reply(stage.do("show_preferences")).startswith("I know nothing")
    stage.do("update_interest_weight", category="politics", weight_increase=-0.3)
    stage.do("set_completion_status", status="completed")
    assert (
        stage.reply(stage.do("show_preferences"))
        == "This is what I go by: less politics (News Analysis), finished only."
    )


def test_an_empty_name_goes_back_to_the_model(stage: Stage) -> None:
    with pytest.raises(ToolRetry, match="empty"):
        stage.do("update_mood_preference", mood="  ", weight=0.8)


@pytest.mark.parametrize(
    ("tool", "args"),
    [
        ("update_interest_weight", {"category": "history", "weight_increase": 3}),
        ("update_entity_weight", {"kind": "planet", "name": "Mars", "weight_increase": 0.3}),
        ("set_payment", {}),
        ("set_language", {"language": "fr"}),
        ("no_such_tool", {}),
    ],
)
def test_arguments_outside_the_contract_are_refused_and_change_nothing(
    stage: Stage, tool: str, args: dict[str, object]
) -> None:
    with pytest.raises(ToolRetry):
        stage.do(tool, **args)
    assert not stage.box().entries


def left_of(stage: Stage, category: str) -> float:
    """The share of a category that the user's blocks leave."""
    catalogue = stage.engine.catalogue
    held = catalogue.in_category(category)
    return float(wanted(stage.box(), catalogue)[held].mean())


@pytest.mark.parametrize(("word", "category"), [
    ("aliens", "scifi-fantasy/scifi"), ("vampires", "horror"), ("golf", "news/society/sports"), ("女频", "romance"),
])  # fmt: skip
def test_blocking_a_theme_word_leaves_the_category_that_it_is_a_part_of(stage: Stage, word: str, category: str) -> None:
    stage.do("block_content", kind="tag", name=word)
    assert left_of(stage, category) > 0.5
    assert not wanted(stage.box(), stage.engine.catalogue)[stage.engine.catalogue.with_tag(word)].any()


@pytest.mark.parametrize("kind", ["tag", "category"])
@pytest.mark.parametrize("word", ["horror", "恐怖", "horror stories", "Horror & Supernatural", "恐怖灵异"])
def test_blocking_a_word_that_the_label_says_leaves_nothing_of_the_category(stage: Stage, kind: str, word: str) -> None:
    stage.do("block_content", kind=kind, name=word)
    assert left_of(stage, "horror") == 0


def test_a_reply_says_what_a_block_leaves_and_when_nothing_is_marked_so(stage: Stage) -> None:
    aliens = stage.reply(stage.do("block_content", kind="tag", name="aliens"))
    assert aliens.startswith("Done: no aliens") and "The rest of Science Fiction stays" in aliens
    golf = stage.do("block_content", kind="tag", name="golf", lang="zh")
    assert "没有标为“golf”" in stage.reply(golf, "zh") and "体育的其他内容还会出现" in stage.reply(golf, "zh")
    horror = stage.reply(stage.do("block_content", kind="tag", name="horror"))
    assert horror == "Done: no horror — until you undo it."


def test_a_guess_by_meaning_is_liked_as_a_category_but_blocked_as_the_word(stage: Stage) -> None:
    old = stage.engine.catalogue

    def near(text: str) -> np.ndarray:
        return embed("murder mystery" if text == "serial killer" else text)

    catalogue = Catalogue.build(old.items, old.words, old.vectors, near)
    stage.engine = replace(stage.engine, resolver=Resolver(catalogue))
    stage.do("block_content", kind="category", name="serial killers")
    assert set(stage.set_keys(Factor.BLOCK)) == {"tag:serial killers"}
    stage.do("update_interest_weight", category="serial killers", weight_increase=-0.3)
    assert set(stage.set_keys(Factor.CATEGORY)) == {"mystery"}
    stage.do("unblock_content", kind="category", name="serial killers")
    stage.do("unblock_content", kind="category", name="serial killers")
    assert not stage.box().entries
