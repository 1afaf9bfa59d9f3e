"""Rules of changing one's mind: the newest words count, and what was said is not lost by what was not meant."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from db.pbox import Change
from recommend.pbox import Factor
from tests.tools_stage import Stage, make_engine
from tools.forgetting import calls_to_forget
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
    sweet = "romance/modern/sweet"
    items = [i for i in stage.engine.catalogue.items if i.category == sweet][:4]
    stage.do("update_interest_weight", category="sweet romance", weight_increase=0.3)
    for item in items:
        stage.do("record_feedback", item=item.title, signal="dislike")
    assert len(items) == 4 and stage.set_keys(Factor.CATEGORY)[sweet] == pytest.approx(0.15, abs=0.01)
    assert all(value < 0 for value in stage.set_keys(Factor.ENTITY).values())


def test_the_same_feedback_twice_teaches_once(stage: Stage) -> None:
    title = next(i.title for i in stage.engine.catalogue.items if i.title.isascii())
    stage.do("record_feedback", item=title, signal="like")
    once = stage.set_keys(Factor.CATEGORY)
    stage.do("record_feedback", item=title, signal="like")
    assert stage.set_keys(Factor.CATEGORY) == pytest.approx(once, abs=0.01)


def test_who_likes_an_item_no_longer_wants_it_hidden(stage: Stage) -> None:
    title = next(i.title for i in stage.engine.catalogue.items if i.title.isascii())
    stage.do("block_content", kind="item", name=title)
    stage.do("record_feedback", item=title, signal="like")
    assert not stage.set_keys(Factor.BLOCK)


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


def test_something_short_is_no_comparison(stage: Stage) -> None:
    assert shorter(stage, of_minutes(stage, 10, 50), "something short") == {"max": (60.0, "soft")}


def test_shorter_than_long_ones_is_no_short_story(stage: Stage) -> None:
    bounds = shorter(stage, of_minutes(stage, 1200, 2000))
    assert bounds["max"][1] == "hard" and bounds["min"] == (bounds["max"][0] / 4, "soft")


@pytest.mark.parametrize(("bound", "word", "said", "least", "most"), [
    ({"max_minutes": 60}, "long", "再长一点", (60.0, "hard"), (240.0, "soft")),
    ({"min_minutes": 1200}, "short", "shorter ones please", (300.0, "soft"), (1200.0, "hard")),
])  # fmt: skip
def test_a_comparison_begins_at_the_bound_in_its_way(
    stage: Stage, bound: dict[str, int], word: str, said: str, least: tuple[float, str], most: tuple[float, str]
) -> None:
    stage.do("set_length", **bound)
    assert shorter(stage, of_minutes(stage, 10, 50), said, word) == {"min": least, "max": most}


def test_shorter_ones_of_something_else_are_compared_with_nothing(stage: Stage) -> None:
    context = stage.context(said="science, shorter ones", shown=of_minutes(stage, 1200, 2000))
    for name, args in (more("science"), ("set_length", {"length": "short"})):
        run_call(context, name, args)
    assert {entry.key: entry.value for entry in stage.box().of(Factor.LENGTH)} == {"max": 60.0}


def test_a_bit_longer_than_minutes_is_no_epic(stage: Stage) -> None:
    bounds = shorter(stage, of_minutes(stage, 10, 50), "a bit longer", "long")
    assert bounds["min"][0] < 50 and bounds["max"] == (bounds["min"][0] * 4, "soft")


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


def lasting_of(stage: Stage, factor: Factor, key: str) -> float:
    return stage.stores.pbox.load("anna", stage.now, session_id="").value(factor, key)


def talk_box(stage: Stage) -> dict[str, float]:
    entries = stage.stores.pbox.load("anna", stage.now, "talk-anna").entries
    return {f"{entry.factor}:{entry.key}:{entry.scope}": round(entry.value, 2) for entry in entries}


@pytest.mark.parametrize(
    ("steps", "left"),
    [(((-0.6, None), (0.3, "session"), (0.3, None)), 0.3), (((1.0, None), (-0.6, "session"), (-0.3, None)), 0.0),
     (((0.6, None), (-0.3, "session"), (0.3, None)), 0.9)],
)  # fmt: skip
def test_a_lasting_step_is_taken_from_what_lasts(
    stage: Stage, steps: tuple[tuple[float, str | None], ...], left: float
) -> None:
    for step, duration in steps:
        outcome = stage.do("update_interest_weight", category="history", weight_increase=step, duration=duration)
    assert lasting_of(stage, Factor.CATEGORY, "history") == pytest.approx(left, abs=0.01)
    if left > 0:
        assert "more History" in stage.reply(outcome)


def test_less_of_it_tonight_is_seen_and_goes_by_itself(stage: Stage) -> None:
    stage.do("update_interest_weight", category="history", weight_increase=0.3)
    stage.do("update_interest_weight", category="history", weight_increase=-0.3, duration="session")
    assert talk_box(stage) == {"category:history:session": -0.3}
    stage.do("reset_preferences", dimension="avoidance")
    assert talk_box(stage) == {"category:history:lasting": 0.3}


def test_a_mood_that_was_not_wanted_is_fine_again(stage: Stage) -> None:
    stage.do("update_mood_preference", mood="scary", weight=-0.8)
    stage.do("unblock_content", kind="tag", name="scary")
    assert not stage.box().entries


NO_FICTION, MORE_MYSTERY = no("fiction", "category"), more("mystery")


@pytest.mark.parametrize("calls", [(NO_FICTION, MORE_MYSTERY), (MORE_MYSTERY, no("other fiction", "category"))])
def test_a_category_is_left_out_of_the_wider_one_that_is_blocked(
    stage: Stage, calls: tuple[tuple[str, dict[str, object]], ...]
) -> None:
    said = together(stage, *calls)
    catalogue = stage.engine.catalogue
    gone = np.any([catalogue.holds(*key.split(":", 1)) for key in stage.set_keys(Factor.BLOCK)], axis=0)  # type: ignore[arg-type]
    mystery = catalogue.in_category("mystery")
    assert not (mystery & gone).any() and (gone >= catalogue.in_category("horror") & ~mystery).all()
    assert "no Fiction except Mystery & Thriller" in said.replace("no other fiction (", "no ") and "same" not in said


def test_that_holds_in_a_later_turn_too_and_by_lifting_the_part(stage: Stage) -> None:
    stage.do(NO_FICTION[0], **NO_FICTION[1])
    told = stage.reply(stage.do("unblock_content", kind="category", name="mystery"))
    assert told == "Done: no Fiction except Mystery & Thriller — until you undo it."
    stage.do("unblock_content", kind="category", name="romance")
    assert set(stage.set_keys(Factor.BLOCK)) == {"category:fiction -mystery -romance"}
    stage.do(MORE_MYSTERY[0], **MORE_MYSTERY[1])
    stage.do("unblock_content", kind="category", name="fiction")
    assert not stage.set_keys(Factor.BLOCK)


def test_a_block_that_leaves_nothing_of_a_person_is_kept_and_says_so(stage: Stage) -> None:
    catalogue = stage.engine.catalogue
    horror = catalogue.in_category("horror")
    author = next(
        i.author for i in catalogue.items
        if i.author and i.author.isascii() and not (catalogue.by_author(i.author) & ~horror).any()
    )  # fmt: skip
    love = ("update_entity_weight", {"kind": "author", "name": author, "weight_increase": 0.3})
    said = together(stage, love, no("horror", "category"))
    assert f"All that I have of “{author}” is “horror”" in said
    assert "category:horror" in stage.set_keys(Factor.BLOCK)


def test_a_later_block_takes_back_a_wish_for_just_that(stage: Stage) -> None:
    stage.do("update_mood_preference", mood="funny", weight=0.8)
    stage.do("update_interest_weight", category="ancient world", weight_increase=0.3)
    together(stage, no("silly"), no("history", "category"))
    assert not stage.set_keys(Factor.MOOD) and not stage.set_keys(Factor.CATEGORY)


@pytest.mark.parametrize(
    ("said", "lang", "category", "format"),
    [("science podcasts", "en", "science", "podcasts"), ("悬疑播客", "zh", "mystery", "播客"),
     ("crime podcasts", "en", "truecrime", "podcasts")],
)  # fmt: skip
def test_a_genre_of_a_format_is_a_wish_for_both(stage: Stage, said: str, lang: str, category: str, format: str) -> None:
    stage.do("update_interest_weight", lang, category=said, weight_increase=0.3)
    assert set(stage.set_keys(Factor.CATEGORY)) == {category}
    assert [entry.said for entry in stage.box().of(Factor.ENTITY)] == [format]


def test_fewer_podcasts_of_a_genre_are_no_fewer_podcasts(stage: Stage) -> None:
    stage.do("update_interest_weight", category="science podcasts", weight_increase=-0.3)
    assert not stage.set_keys(Factor.ENTITY)


@pytest.mark.parametrize("name", ["female narrators", "a man's voice", "女声", "男生演播", "女主播"])
def test_what_no_record_tells_of_a_voice_is_said_and_changes_nothing(stage: Stage, name: str) -> None:
    outcome = stage.do("update_entity_weight", kind="narrator", name=name, weight_increase=0.3)
    assert "whether a voice" in stage.reply(outcome) and not stage.box().entries
    assert "whether a voice" in stage.reply(stage.do("block_content", kind="tag", name=name))


def test_a_catalogue_that_marks_voices_is_asked_for_them(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.voices.FEW_MARKED", 1)
    stage.do("update_entity_weight", kind="tag", name="女声", weight_increase=0.3)
    assert set(stage.set_keys(Factor.ENTITY)) == {"tag:女声"}


@pytest.mark.parametrize("name", ["女性", "women", "Manning", "男人装"])
def test_a_theme_is_no_voice(stage: Stage, name: str) -> None:
    stage.do("update_entity_weight", kind="tag", name=name, weight_increase=0.3)
    assert stage.box().entries


def test_a_wish_that_is_to_be_forgotten_is_neither_blocked_nor_disliked(stage: Stage) -> None:
    together(stage, more("mystery"), more("history"), feels("funny"))
    together(stage, no("crime", "category"), said="forget crime")
    assert set(stage.set_keys(Factor.CATEGORY)) == {"history"} and not stage.set_keys(Factor.BLOCK)
    together(stage, ("update_mood_preference", {"mood": "搞笑", "weight": -0.8}), said="忘掉搞笑")
    assert not stage.set_keys(Factor.MOOD)
    assert "nothing to forget about horror" in together(stage, no("horror", "category"), said="forget horror")
    assert not stage.set_keys(Factor.BLOCK)
    together(stage, no("horror", "category"), said="drop horror")
    assert set(stage.set_keys(Factor.BLOCK)) == {"category:horror"}


@pytest.mark.parametrize(
    ("words", "tools"),
    [("forget history", ["update_interest_weight"]), ("Please forget the history part.", ["update_interest_weight"]),
     ("忘掉历史", ["update_interest_weight"]), ("never mind funny", ["update_mood_preference"]),
     ("把历史删掉吧", ["update_interest_weight"]), ("forget history and give me jazz", []), ("forget it", []),
     ("forget romance", ["unblock_content"]), ("drop everything", []), ("drop horror", []), ("forget languages", [])],
)  # fmt: skip
def test_a_message_that_only_wants_a_wish_forgotten_needs_no_model(stage: Stage, words: str, tools: list[str]) -> None:
    together(stage, more("history"), feels("funny"), no("romance", "category"))
    calls = calls_to_forget(words, stage.box().entries, stage.engine, "en")
    assert [call["name"] for call in calls] == tools
    for call in calls:
        together(stage, (call["name"], call["args"]), said=words)
    assert len(stage.box().entries) == 3 - len(tools)


def test_forgetting_what_nobody_wished_for_is_told_and_blocks_nothing(stage: Stage) -> None:
    (call,) = calls_to_forget("forget jazz", (), stage.engine, "en")
    assert "nothing to forget about jazz" in together(stage, (call["name"], call["args"]), said="forget jazz")
    assert not stage.box().entries


def test_narrowing_one_block_leaves_another_as_it_was(stage: Stage) -> None:
    for call in (no("romance", "category"), NO_FICTION, MORE_MYSTERY):
        together(stage, call)
    assert set(stage.set_keys(Factor.BLOCK)) == {"category:romance", "category:fiction -mystery"}
    together(stage, ("unblock_content", {"kind": "category", "name": "fiction"}))
    assert set(stage.set_keys(Factor.BLOCK)) == {"category:romance"}


@pytest.mark.parametrize("said", ["except Chinese history", "除了中国历史"])
def test_an_exception_said_after_a_block_is_no_further_block(stage: Stage, said: str) -> None:
    together(stage, no("history", "category"))
    together(stage, no("Chinese history", "category"), said=said)
    assert "category:history -history/chinese-history" in stage.set_keys(Factor.BLOCK)


def test_a_wish_for_what_a_blocked_word_means_takes_the_block_back(stage: Stage) -> None:
    together(stage, no("children"))
    together(stage, more("children's books"))
    assert not stage.set_keys(Factor.BLOCK)


def test_another_word_for_what_is_blocked_lifts_it_and_says_that_both_are_one(stage: Stage) -> None:
    together(stage, no("silly"))
    assert "To me “silly” and “funny” are the same" in together(stage, feels("funny"))
    assert not stage.set_keys(Factor.BLOCK)


def test_a_genre_instead_takes_the_place_of_a_genre_and_a_format_of_a_format(stage: Stage) -> None:
    together(stage, more("crime podcasts"))
    together(stage, more("audiobooks"), said="audiobooks instead")
    assert set(stage.set_keys(Factor.CATEGORY)) == {"truecrime"}
    assert set(stage.set_keys(Factor.ENTITY)) == {"tag:audiobook"}
    together(stage, more("history"), said="换成历史")
    assert set(stage.set_keys(Factor.CATEGORY)) == {"history"} and stage.set_keys(Factor.ENTITY)


def test_longer_than_a_bound_that_is_lifted_for_now_is_longer_than_what_is_shown(stage: Stage) -> None:
    stage.do("set_length", max_minutes=60)
    stage.do("set_length", length="any", duration="session")
    run_call(stage.context(said="longer", shown=of_minutes(stage, 1200, 2000)), "set_length", {"length": "long"})
    bounds = {entry.key: entry.value for entry in stage.box().of(Factor.LENGTH)}
    assert bounds["min"] >= 1200


def test_a_named_mood_is_forgotten_without_the_others(stage: Stage) -> None:
    together(stage, feels("sad"), feels("romantic"))
    together(stage, ("reset_preferences", {"dimension": "mood"}), said="forget the romantic part")
    assert set(stage.set_keys(Factor.MOOD)) == {"sad"}
    together(stage, ("reset_preferences", {"dimension": "mood"}), said="forget my moods")
    assert not stage.set_keys(Factor.MOOD)


def test_a_mood_instead_takes_the_place_of_the_one_before(stage: Stage) -> None:
    together(stage, feels("sad"))
    together(stage, feels("uplifting"), feels("funny"), said="happy funny ones instead")
    assert set(stage.set_keys(Factor.MOOD)) == {"uplifting", "funny"}


@pytest.mark.parametrize(
    ("call", "said", "told"),
    [(("set_freshness", {"recency": -0.8}), "books from before 1990", "years"),
     (("set_popularity", {"quality": 0.9}), "4.8分以上的", "评分"),
     (("set_popularity", {"quality": 0.9}), "at least 4 stars", "rating")],
)  # fmt: skip
def test_a_number_that_cannot_be_kept_to_is_told(
    stage: Stage, call: tuple[str, dict[str, object]], said: str, told: str
) -> None:
    lang = "zh" if told == "评分" else "en"
    assert told in together(stage, call, said=said, lang=lang)
    assert "cannot keep" not in together(stage, call, said="something good and old")


def test_a_limit_for_tonight_is_for_tonight(stage: Stage) -> None:
    together(stage, ("set_payment", {"access": "free"}), no("horror", "category"))
    together(stage, ("set_payment", {"access": "any"}), said="I don't mind paying tonight")
    together(stage, ("unblock_content", {"kind": "category", "name": "horror"}), said="horror is fine tonight")
    assert not talk_box(stage)
    assert lasting_of(stage, Factor.ACCESS, "") == -1.0 and lasting_of(stage, Factor.BLOCK, "category:horror") == 1.0


def test_what_is_known_tells_of_titles_too_and_counts_wishes(stage: Stage) -> None:
    titles = [i.title for i in stage.engine.catalogue.items if i.title.isascii()][:2]
    together(stage, no("scary"), more("history"))
    stage.do("record_feedback", item=titles[0], signal="like")
    stage.do("record_feedback", item=titles[1], signal="finished")
    outcome = stage.do("show_preferences")
    told = stage.reply(outcome)
    assert f"You liked “{titles[0]}”." in told and f"You have heard “{titles[1]}”." in told
    box = stage.box()
    wishes = [entry for entry in box.entries if box.of_one_wish(entry)[0] == entry]
    assert len(wishes) < len(box.entries) and outcome.done[0].text == f"{len(wishes)} preferences"


@pytest.mark.parametrize("name", ["stories", "书", "三岁", "something"])
def test_a_wish_for_anything_is_one_for_a_list_and_no_theme(stage: Stage, name: str) -> None:
    outcome = stage.do("update_interest_weight", category=name, weight_increase=0.3)
    assert not stage.box().entries and [wish.intent for wish in outcome.lists] == ["home"]


def test_stories_for_a_small_child_are_those_for_children(stage: Stage) -> None:
    together(stage, more("故事"), said="给我五岁的女儿找点故事", lang="zh")
    assert set(stage.set_keys(Factor.CATEGORY)) == {"kids/stories"}


def test_who_wants_nothing_else_is_told_that_a_liking_only_leans(stage: Stage) -> None:
    assert "not keep everything else out" in together(stage, more("podcasts"), said="only podcasts please")
    assert "not keep everything else out" not in together(stage, more("podcasts"), said="more podcasts please")


@pytest.mark.parametrize(
    "words",
    ["don't forget: no horror", "别忘了不要 horror", "before I forget horror is out", "never mind music, no horror"],
)
def test_a_block_beside_a_word_of_forgetting_is_a_block(stage: Stage, words: str) -> None:
    together(stage, no("horror", "category"), said=words)
    assert set(stage.set_keys(Factor.BLOCK)) == {"category:horror"}


def test_what_is_to_go_for_good_is_blocked_though_it_was_wished_for(stage: Stage) -> None:
    together(stage, more("romance"))
    together(stage, no("romance", "category"), said="remove romance from my life for good")
    assert set(stage.set_keys(Factor.BLOCK)) == {"category:romance"}


@pytest.mark.parametrize(
    ("word", "keys"),
    [("science fiction", {"category:scifi-fantasy/scifi"}), ("crime fiction", {"category:mystery"}),
     ("history podcasts", {"category:history"})],
)  # fmt: skip
def test_blocking_a_genre_takes_nothing_that_only_sounds_like_it(stage: Stage, word: str, keys: set[str]) -> None:
    stage.do("block_content", kind="category", name=word)
    assert set(stage.set_keys(Factor.BLOCK)) == keys


def test_lifting_a_part_of_a_block_of_several_leaves_the_others(stage: Stage) -> None:
    together(stage, no("crime", "category"))
    together(stage, ("unblock_content", {"kind": "category", "name": "true crime"}))
    assert set(stage.set_keys(Factor.BLOCK)) == {"category:mystery"}


def test_a_block_of_what_was_an_exception_ends_the_exception(stage: Stage) -> None:
    together(stage, NO_FICTION, MORE_MYSTERY)
    together(stage, no("mystery", "category"))
    assert set(stage.set_keys(Factor.BLOCK)) == {"category:fiction"} and not stage.set_keys(Factor.CATEGORY)


def test_a_block_that_leaves_out_all_of_itself_or_too_much_to_tell_goes(stage: Stage) -> None:
    together(stage, no("true crime", "category"))
    for part in stage.engine.catalogue.words.taxonomy.children("truecrime"):
        together(stage, ("unblock_content", {"kind": "category", "name": part.en}))
    assert not stage.set_keys(Factor.BLOCK)
    together(stage, NO_FICTION)
    for leaf in stage.engine.catalogue.words.taxonomy.leaves():
        if leaf.path.startswith(("romance", "mystery", "scifi", "horror")):
            together(stage, more(leaf.en))
    assert all(len(key) <= 400 for key in stage.set_keys(Factor.BLOCK))


def test_nothing_is_said_to_be_left_of_what_is_not_here(stage: Stage) -> None:
    said = together(
        stage, ("update_entity_weight", {"kind": "tag", "name": "zyzzyva", "weight_increase": 0.3}), no("horror")
    )
    assert "All that I have" not in said


def test_instead_of_what_is_blocked_takes_the_place_of_nothing_else(stage: Stage) -> None:
    together(stage, more("science fiction"))
    together(stage, no("fantasy", "category"), more("jazz"), said="no fantasy, and something on jazz instead")
    assert "scifi-fantasy/scifi" in stage.set_keys(Factor.CATEGORY)


def test_from_today_on_is_no_wish_for_today(stage: Stage) -> None:
    together(stage, ("set_freshness", {"recency": -0.8}), said="from today on classics only")
    together(stage, ("set_freshness", {"repeats": "avoid"}), said="you showed me that today")
    assert {entry.scope for entry in stage.box().entries} == {"lasting"} and len(stage.box().entries) == 2
