"""Finding and feedback tools: wishes for lists, true answers about items, and what an item teaches."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tools_stage import NOON, Stage, make_engine

from catalog.catalogue import Catalogue
from catalog.items import Item
from catalog.resolve import Resolver
from catalog.spelling import is_chinese
from chat.cards import CardWriter
from recommend.pbox import Factor
from recommend.request import Card, Listener, Request, Slate
from tools.context import Done, Engine, Fact, ListRequest, Outcome, ToolRetry
from tools.items import places_said
from tools.options import options_for
from tools.registry import run_call
from tools.replies import Left, is_here, list_line
from tools.titles import title_in


@pytest.fixture(scope="module")
def engine() -> Engine:
    return make_engine()


@pytest.fixture
def stage(tmp_path: Path, engine: Engine) -> Stage:
    return Stage.open(tmp_path, engine)


@pytest.fixture
def listed(stage: Stage) -> Stage:
    """A list of five books of which the third is called Dracula is on the screen."""
    catalogue = stage.engine.catalogue
    books = [i for i in catalogue.items if i.language == "en" and i.format == "audiobook" and i.author]
    dracula = next(i for i in books if i.title == "Dracula")
    others = [i for i in books if i is not dracula][:4]
    stage.shown = tuple(i.id for i in (*others[:2], dracula, *others[2:]))
    return stage


def masked(stage: Stage, category: str) -> list[tuple[Item, bool]]:
    """Every item, and whether the category holds it."""
    return list(zip(stage.engine.catalogue.items, stage.engine.catalogue.in_category(category), strict=True))


def slate_for(stage: Stage, wish: ListRequest) -> Slate:
    request = Request(
        listener=Listener(user_id="anna"), now=NOON, intent=wish.intent, query=wish.query, anchor=wish.anchor,
        category=wish.category,
    )  # fmt: skip
    return stage.engine.pipeline.recommend(request)


def test_recommend_is_a_first_list_or_more_of_it(stage: Stage) -> None:
    assert stage.do("recommend", count=5).lists == [ListRequest(intent="home", size=5)]
    stage.shown = (stage.engine.catalogue.items[0].id,)
    assert stage.do("recommend").lists == [ListRequest(intent="more")]
    assert stage.do("recommend", count=500).lists[0].size == 20


def test_a_search_keeps_the_words_and_a_taste_tool_is_not_needed(stage: Stage) -> None:
    outcome = stage.do("search_catalog", query=" octopuses ")
    assert outcome.lists == [ListRequest(intent="search", query="octopuses")] and not outcome.changes


def test_a_title_that_is_here_but_not_on_the_list_is_said_to_be_kept_out(stage: Stage) -> None:
    wish = stage.do("search_catalog", query="Dracula").lists[0]
    line = list_line(wish, slate_for(stage, ListRequest(intent="home")), stage.engine, "en")
    assert "your settings hide it" in line


def test_a_search_says_honestly_whether_it_is_here(stage: Stage) -> None:
    told = "somebody who wakes up on an island and remembers nothing"
    cases = {"Dracula": "This is what I found", "Qwyx Zzorp": "Nothing here is called “Qwyx Zzorp”", told: "These come"}
    for query, begins in cases.items():
        wish = stage.do("search_catalog", query=query).lists[0]
        slate = slate_for(stage, wish) if query == "Dracula" else slate_for(stage, ListRequest(intent="home"))
        assert list_line(wish, slate, stage.engine, "en").startswith(begins)


@pytest.mark.parametrize("query", ["golf", "球赛"])
def test_a_search_does_not_claim_a_word_that_only_stands_for_a_wider_category(stage: Stage, query: str) -> None:
    wish = stage.do("search_catalog", query=query).lists[0]
    assert list_line(wish, slate_for(stage, wish), stage.engine, "en").startswith(f"Nothing here is called “{query}”")


def test_similar_is_anchored_on_the_item_meant(listed: Stage) -> None:
    assert listed.do("find_similar", item="2").lists == [ListRequest(intent="similar", anchor=listed.shown[1])]
    assert listed.do("find_similar", item="dracla").lists[0].anchor == listed.shown[2]
    assert listed.do("find_similar", item="last").lists[0].anchor == listed.shown[4]
    threebody = listed.do("find_similar", item="三体", lang="zh").lists[0].anchor
    assert threebody and listed.title(threebody).startswith("三体")


def test_similar_to_a_title_that_is_not_here_searches_its_words_and_says_so(stage: Stage) -> None:
    outcome = stage.do("find_similar", item="Night of the Dracula Hunters")
    assert outcome.lists == [ListRequest(intent="search", query="Night of the Dracula Hunters")]
    line = list_line(outcome.lists[0], slate_for(stage, ListRequest(intent="home")), stage.engine, "en")
    assert not outcome.missed and line.startswith("Nothing here is called “Night of the Dracula Hunters”")


def test_trending_may_be_limited_to_a_category(stage: Stage) -> None:
    assert stage.do("get_trending").lists == [ListRequest(intent="trending")]
    assert stage.do("get_trending", category="喜剧").lists[0].category == "comedy"
    podcasts = stage.do("get_trending", category="podcasts").lists[0].category
    assert podcasts and {i.format for i, held in masked(stage, podcasts) if held} == {"podcast"}
    outcome = stage.do("get_trending", category="xyzzyqub")
    assert outcome.lists == [ListRequest(intent="trending")] and "xyzzyqub" in stage.reply(outcome)


def test_discovering_is_for_once_and_changes_no_parameter(stage: Stage) -> None:
    assert stage.do("discover_interests").lists == [ListRequest(intent="discover")]
    assert not stage.box().entries


def test_details_come_from_the_record_alone(listed: Stage) -> None:
    outcome = listed.do("item_details", item="3")
    item = listed.engine.catalogue.item(listed.shown[2])
    reply = listed.reply(outcome)
    assert outcome.about == item.id and item.title in reply and str(item.author) in reply and item.description in reply
    assert item.title in listed.reply(listed.do("item_details", item="第三个", lang="zh"), "zh")


def test_every_item_can_be_told_about_in_both_languages(stage: Stage) -> None:
    for item in stage.engine.catalogue.items[::25]:
        stage.shown = (item.id,)
        for lang in ("en", "zh"):
            assert item.title in stage.reply(stage.do("item_details", item="this", lang=lang), lang)


@pytest.mark.parametrize(("minutes", "told"), [(149, "2 h 29 min"), (346, "5 h 46 min"), (45, "45 min")])
def test_a_length_is_told_alike_on_the_card_in_the_details_and_as_a_bound(
    stage: Stage, minutes: int, told: str
) -> None:
    old = stage.engine.catalogue
    item = next(item for item in old.items if not item.episodic).model_copy(update={"minutes": minutes})
    catalogue = Catalogue.build([item], old.words, old.vectors[:1], old.embed)
    stage.engine = replace(stage.engine, catalogue=catalogue, resolver=Resolver(catalogue))
    stage.shown = (item.id,)
    assert CardWriter(catalogue, stage.engine.texts).card(item.id, 1, "", "en").facts.startswith(f"{told} · ")
    assert f"{told}," in stage.reply(stage.do("item_details", item="1"))
    assert f"up to {told} " in stage.reply(stage.do("set_length", max_minutes=minutes))


def test_this_is_what_the_talk_is_about(listed: Stage) -> None:
    with pytest.raises(ToolRetry):
        listed.do("item_details", item="this")
    listed.about = listed.shown[3]
    assert listed.do("item_details", item="this").about == listed.shown[3]


def test_a_title_that_is_not_on_the_screen_is_never_taken_for_one_that_is(listed: Stage) -> None:
    catalogue = listed.engine.catalogue
    others = [item for item in catalogue.items if item.language == "en" and item.id not in listed.shown][::12]
    told = {item.title: listed.do("item_details", item=item.title).about for item in others}
    assert not {title for title, about in told.items() if about in listed.shown}


def test_an_item_on_the_screen_may_be_named_by_who_wrote_it(listed: Stage) -> None:
    author = listed.engine.catalogue.item(listed.shown[2]).author
    assert author == "Bram Stoker"
    for said in ("Bram Stoker", "stoker"):
        assert listed.do("item_details", item=said).about == listed.shown[2]
    listed.shown = listed.shown[:2]
    with pytest.raises(ToolRetry):
        listed.do("item_details", item="stoker")


def test_of_what_is_beyond_the_age_mark_nothing_is_told(listed: Stage) -> None:
    catalogue = listed.engine.catalogue
    adult = next(i for i in catalogue.items if i.age == "18+" and i.language == "en" and i.id not in listed.shown)
    assert listed.do("item_details", item=adult.title).about == adult.id
    listed.stores.users.update("anna", age="all")
    with pytest.raises(ToolRetry):
        listed.do("item_details", item=adult.title)


@pytest.mark.parametrize(("shown", "said", "meant"), [
    ("Gaudy Night", "Night", "Night"), ("Gaudy Night", "gaudy", "Gaudy Night"),
    ("白夜行", "夜行", "夜行"), ("少年读史记", "史记", "史记"),
    ("The Infinite Monkey Cage", "the monkey", "The Infinite Monkey Cage"),
])  # fmt: skip
def test_an_exact_title_elsewhere_comes_before_a_part_of_one_on_the_screen(
    stage: Stage, shown: str, said: str, meant: str
) -> None:
    stage.shown = (next(i.id for i in stage.engine.catalogue.items if i.title == shown),)
    about = stage.do("record_feedback", item=said, signal="save").about
    assert about and stage.title(about) == meant


def test_a_place_beyond_the_list_is_no_title(listed: Stage) -> None:
    with pytest.raises(ToolRetry, match='"1" to "5"'):
        run_call(listed.context(), "item_details", {"item": "19"})


def test_more_like_a_person_is_a_search_and_no_miss(listed: Stage) -> None:
    outcome = listed.do("find_similar", item="Agatha Christie")
    assert outcome.lists == [ListRequest(intent="search", query="Agatha Christie")]
    assert not outcome.missed and not outcome.options and outcome.done[-1].ok


def test_an_offered_title_is_hidden_for_as_long_as_was_said(listed: Stage) -> None:
    context = listed.context()
    with pytest.raises(ToolRetry):
        run_call(context, "block_content", {"kind": "item", "name": "zxqv wvut", "duration": "session"})
    assert all(call["args"]["duration"] == "session" for option in context.outcome.options for call in option.calls)


def test_items_are_compared_side_by_side(listed: Stage) -> None:
    reply = listed.reply(listed.do("compare_items", items=["1", "Dracula"]))
    assert listed.title(listed.shown[0]) in reply and "Dracula" in reply
    with pytest.raises(ToolRetry, match="two different"):
        listed.do("compare_items", items=["1", "1"])


def test_reasons_are_those_on_the_cards(listed: Stage) -> None:
    context = listed.context(reasons={listed.shown[0]: "Because you like ghosts."})
    run_call(context, "explain_recommendation", {"item": "1"})
    assert "Because you like ghosts." in listed.reply(context.outcome)
    whole = listed.context(reasons={i: f"reason {n}" for n, i in enumerate(listed.shown)})
    run_call(whole, "explain_recommendation", {})
    assert all(f"reason {n}" in listed.reply(whole.outcome) for n in range(5))
    assert "no reason" in listed.reply(listed.do("explain_recommendation", item="2"))


@pytest.mark.parametrize("reference", ["9", "this", "zxqv wvut"])
@pytest.mark.parametrize("tool", ["item_details", "find_similar", "record_feedback"])
def test_a_reference_that_leads_nowhere_is_told_to_the_model_and_to_the_user(
    listed: Stage, tool: str, reference: str
) -> None:
    context = listed.context()
    extra = {"signal": "like"} if tool == "record_feedback" else {}
    if tool != "find_similar" or reference != "zxqv wvut":
        with pytest.raises(ToolRetry, match=r"no item|there is no"):
            run_call(context, tool, {"item": reference, **extra})
        assert not context.outcome.done[-1].ok
        if reference.startswith("zx"):
            assert context.outcome.missed[0].said == reference and reference in listed.reply(context.outcome)
        else:
            beyond = "There are only 5 on the list. " if reference == "9" else ""
            assert listed.reply(context.outcome) == f"{beyond}Which one do you mean?"


def test_a_place_that_does_not_exist_offers_what_is_on_the_screen(listed: Stage) -> None:
    context = listed.context()
    with pytest.raises(ToolRetry, match='"1" to "5"'):
        run_call(context, "item_details", {"item": "7"})
    assert [option.text for option in context.outcome.options] == [listed.title(i) for i in listed.shown]


def test_tapping_an_offered_title_does_what_was_meant(listed: Stage) -> None:
    context = listed.context()
    with pytest.raises(ToolRetry):
        run_call(context, "record_feedback", {"item": "9", "signal": "rating", "rating": 2})
    (call,) = context.outcome.options[2].calls
    assert call["name"] == "record_feedback"
    assert call["args"] == {"item": "Dracula", "signal": "rating", "rating": 2}


@pytest.mark.parametrize(("signal", "step"), [("like", 0.15), ("dislike", -0.15)])
def test_liking_and_disliking_teach_a_little(listed: Stage, signal: str, step: float) -> None:
    outcome = listed.do("record_feedback", item="3", signal=signal)
    item = listed.engine.catalogue.item(listed.shown[2])
    assert listed.set_keys(Factor.CATEGORY) == {item.category: step}
    assert listed.set_keys(Factor.ENTITY) == {f"author:{item.author}": step}
    assert {entry.source for entry in listed.box().entries} == {"feedback"}
    assert [e.kind for e in listed.stores.events.history("anna").events] == [signal]
    assert outcome.refresh == (signal == "dislike")
    assert "Dracula" in listed.reply(outcome) and "So from now on" in listed.reply(outcome)


@pytest.mark.parametrize(("names", "credited"), [
    ("Malcolm X with Alex Haley", "Malcolm X"), ("Cao Xueqin, translated by David Hawkes", "Cao Xueqin"),
    ("汤显祖 原著，白先勇 制作", "汤显祖"), ("729声工场、喜马拉雅（原著 刘慈欣）", "刘慈欣"),
    ("Jacob and Wilhelm Grimm", "Jacob and Wilhelm Grimm"), ("NPR, WHYY", "NPR"),
])  # fmt: skip
def test_a_work_by_several_people_is_credited_to_who_wrote_it(stage: Stage, names: str, credited: str) -> None:
    item = next(i for i in stage.engine.catalogue.items if names in (i.author, i.author or i.narrator))
    stage.shown = (item.id,)
    stage.do("record_feedback", item="1", signal="like")
    assert [key.partition(":")[2] for key in stage.set_keys(Factor.ENTITY)] == [credited]


def test_liking_an_item_keeps_what_was_said_as_said_and_is_undone_alone(listed: Stage) -> None:
    item = listed.engine.catalogue.item(listed.shown[2])
    listed.do("update_entity_weight", kind="author", name=str(item.author), weight_increase=0.3)
    (said,) = listed.box().entries
    listed.do("record_feedback", item="3", signal="like")
    held = listed.box().entry(Factor.ENTITY, said.key)
    assert held and held.value == pytest.approx(0.45, abs=0.01)
    assert (held.source, held.said, held.turn_id, held.set_at) == ("chat", said.said, said.turn_id, said.set_at)
    listed.do("undo_last_change")
    (left,) = listed.box().entries
    assert (left.value, left.source) == (pytest.approx(0.3, abs=0.01), "chat")


@pytest.mark.parametrize("signal", ["skip", "play", "save", "finished"])
def test_other_signals_are_events_and_no_taste(listed: Stage, signal: str) -> None:
    outcome = listed.do("record_feedback", item="Dracula", signal=signal)
    (event,) = listed.stores.events.history("anna").events
    assert (event.kind, event.item_id) == (signal, listed.shown[2]) and not listed.box().entries
    assert "Dracula" in listed.reply(outcome)


def test_stars_are_kept_and_count_as_liking_or_not(listed: Stage) -> None:
    listed.do("record_feedback", item="1", signal="rating", rating=3)
    assert not listed.box().entries
    listed.do("record_feedback", item="1", signal="rating", rating=5)
    assert [e.value for e in listed.stores.events.history("anna").events] == [3.0, 5.0]
    assert all(entry.value > 0 for entry in listed.box().entries) and listed.box().entries
    with pytest.raises(ToolRetry, match="stars"):
        listed.do("record_feedback", item="1", signal="rating")


def test_without_consent_nothing_is_kept_but_a_disliked_item_goes(listed: Stage) -> None:
    listed.stores.users.update("anna", consent=False)
    listed.do("record_feedback", item="1", signal="like")
    assert not listed.box().entries
    outcome = listed.do("record_feedback", item="1", signal="dislike")
    assert not listed.stores.events.history("anna").events
    assert listed.set_keys(Factor.BLOCK) == {f"item:{listed.shown[0]}": 1.0} and outcome.refresh


@pytest.mark.parametrize("topic", ["category", "mood", "length", "scene", "item", "other"])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_question_comes_with_answers_that_work(listed: Stage, topic: str, lang: str) -> None:
    outcome = listed.do("ask_clarification", about=topic, lang=lang)
    assert outcome.asked == topic and 3 <= len(outcome.options) <= 6 and listed.reply(outcome, lang)
    for option in outcome.options:
        context = listed.context(lang=lang, source="chip")
        for call in option.calls:
            run_call(context, str(call["name"]), call["args"])
        assert context.outcome.changes or context.outcome.lists or context.outcome.facts or topic == "length"
        assert not context.outcome.missed and json.dumps(option.calls)


def test_a_question_about_an_item_without_a_list_offers_ways_on(stage: Stage) -> None:
    engine = stage.engine
    assert options_for("item", (), engine.catalogue, engine.texts, "en") == options_for(
        "other", (), engine.catalogue, engine.texts, "en"
    )


def test_chips_are_marked_as_the_source(stage: Stage) -> None:
    run_call(stage.context(source="chip"), "set_payment", {"access": "free"})
    assert stage.box().entries[0].source == "chip"


@pytest.mark.parametrize("intent", ["home", "more", "similar", "trending", "discover"])
def test_every_list_has_its_sentence(stage: Stage, intent: str) -> None:
    item = stage.engine.catalogue.items[0]
    wish = ListRequest(intent=intent, anchor=item.id if intent == "similar" else None)  # type: ignore[arg-type]
    slate = slate_for(stage, wish)
    for lang in ("en", "zh"):
        assert list_line(wish, slate, stage.engine, lang)  # type: ignore[arg-type]
    empty = slate.model_copy(update={"cards": ()})
    assert "Nothing here fits" in list_line(replace_intent(wish), empty, stage.engine, "en")


def replace_intent(wish: ListRequest) -> ListRequest:
    return wish.model_copy(update={"anchor": None})


def test_a_turn_is_an_unchangeable_value(stage: Stage) -> None:
    context = stage.context()
    with pytest.raises(AttributeError):
        context.user_id = "ben"  # type: ignore[misc]
    assert replace(context, user_id="ben").user_id == "ben"


def heard(stage: Stage, words: str, tool: str, lang: str = "en", **args: object) -> Outcome:
    """What a call does in a turn of these words, refused or not."""
    context = stage.context(lang=lang, said=words)
    with suppress(ToolRetry):
        run_call(context, tool, args)
    return context.outcome


def named(stage: Stage, title: str) -> Item:
    return next(item for item in stage.engine.catalogue.items if item.title == title)


@pytest.mark.parametrize(("words", "tool", "args"), [
    ("第九个讲什么", "item_details", {"item": "3"}), ("第九个讲什么", "item_details", {"item": "9"}),
    ("喜欢第七个", "record_feedback", {"item": "5", "signal": "like"}),
    ("tell me about number 8", "item_details", {"item": "2"}),
    ("why is #8 here", "explain_recommendation", {"item": "2"}),
    ("compare 1 and 9", "compare_items", {"items": ["1", "3"]}), ("比较1和9", "compare_items", {"items": ["1", "5"]}),
    ("compare the first and the tenth", "compare_items", {"items": ["1", "last"]}),
    ("more like the ninth", "find_similar", {"item": "1"}),
    ("love the 8th one", "record_feedback", {"item": "5", "signal": "like"}),
    ("no. 12, what is it", "item_details", {"item": "2"}), ("第十二部讲什么", "item_details", {"item": "第十二部"}),
    ("hide number nine", "block_content", {"kind": "item", "name": "5"}), ("第十个", "recommend", {"count": 10}),
])  # fmt: skip
def test_a_place_beyond_the_list_that_the_words_name_is_never_another_item(
    listed: Stage, words: str, tool: str, args: dict[str, object]
) -> None:
    outcome = heard(listed, words, tool, **args)
    assert listed.reply(outcome) == "There are only 5 on the list. Which one do you mean?"
    assert [option.text for option in outcome.options] == [listed.title(i) for i in listed.shown]
    assert outcome.about in (None, listed.shown[0]) and not outcome.lists and not outcome.changes
    assert not listed.stores.events.history("anna").events


def test_how_many_there_are_is_told_in_either_language(listed: Stage) -> None:
    chinese = heard(listed, "第九个", "item_details", "zh", item="9")
    assert listed.reply(chinese, "zh").startswith("列表里只有 5 个。")
    listed.shown = listed.shown[:1]
    assert listed.reply(heard(listed, "the 9th", "item_details", item="1")).startswith("There is only one on the list.")


@pytest.mark.parametrize(("words", "item", "place"), [
    ("more like 2 but of the 19th century", "2", 2), ("the last one, and no. 9 was dull", "last", 5),
    ("1 is great, unlike the ninth", "1", 1), ("like the second, under 20 minutes and 9 episodes", "2", 2),
    ("the third one's ninth episode", "3", 3), ("倒数第九个也行，第二个更好", "2", 2), ("类似第二个的第九集", "2", 2),
])  # fmt: skip
def test_a_place_on_the_list_that_was_named_is_that_place_whatever_other_number_is_said(
    listed: Stage, words: str, item: str, place: int
) -> None:
    assert heard(listed, words, "find_similar", item=item).about == listed.shown[place - 1]


def test_places_are_read_up_to_the_twentieth() -> None:
    chinese = "一 二 三 四 五 六 七 八 九 十 十一 十二 十三 十四 十五 十六 十七 十八 十九 二十".split()
    for number, word in enumerate(chinese, 1):
        for said in (f"第{word}个讲什么", f"第{number}本", f"the {number}th", f"number {number}", f"#{number}"):
            assert places_said(said) == (number,)
    assert places_said("the ninth, the twelfth and the twentieth") == (9, 12, 20)
    assert not places_said("the 19th century, 1984, 第七天, 第九区讲什么, ten minutes, the moth and the earth")
    assert not places_said("give me about ten, the fifth time, my sixth formers, 第六部, eight or ten please")


@pytest.mark.parametrize(("words", "lang"), [
    ("something by the author of the first", "en"), ("anything else by the same writer", "en"), ("more by him", "en"),
    ("这个作者别的书", "zh"), ("同一个作者的还有吗", "zh"), ("他还写过什么", "zh"),
])  # fmt: skip
def test_more_by_the_same_author_is_a_search_for_the_author_without_that_item(
    stage: Stage, words: str, lang: str
) -> None:
    item = named(stage, "三体")
    stage.shown, stage.about = (item.id,), item.id
    outcome = heard(stage, words, "find_similar", lang, item="1")
    assert outcome.lists == [ListRequest(intent="search", query="刘慈欣", seen=frozenset({item.id}))]
    assert "刘慈欣" in outcome.done[-1].text and not outcome.facts


def test_of_a_drama_whoever_wrote_the_original_is_its_author(stage: Stage) -> None:
    drama = next(item for item in stage.engine.catalogue.items if "（原著 刘慈欣）" in (item.author or ""))
    stage.shown = (drama.id,)
    assert heard(stage, "这个作者别的书", "find_similar", "zh", item="this").lists[0].query == "刘慈欣"
    stage.shown = (named(stage, "撒野").id,)
    outcome = heard(stage, "这个作者别的书", "find_similar", "zh", item="this")
    assert outcome.lists[0].intent == "similar" and stage.reply(outcome, "zh") == "巫哲的其他作品这里没有。"


def test_the_list_of_the_same_author_holds_others_of_theirs_and_not_that_item(stage: Stage) -> None:
    item = named(stage, "三体")
    stage.shown = (item.id,)
    wish = heard(stage, "more by this author", "find_similar", item="1").lists[0]
    listener, seen = Listener(user_id="anna"), wish.seen
    asked = Request(listener=listener, now=NOON, intent="search", query=wish.query, seen=seen)
    titles = stage.engine.pipeline.recommend(asked).item_ids
    assert item.id not in titles and named(stage, "球状闪电").id in titles


@pytest.mark.parametrize(("words", "lang", "title", "query"), [
    ("anything else in that series", "en", "红楼梦", "四大名著"), ("这个系列还有别的吗", "zh", "红楼梦", "四大名著"),
    ("more with this narrator", "en", "天朝的崩溃：鸦片战争再研究", "宋怀瑾"),
    ("这个主播的其他节目", "zh", "天朝的崩溃：鸦片战争再研究", "宋怀瑾"),
])  # fmt: skip
def test_more_of_a_series_or_with_a_narrator_is_a_search_for_it(
    stage: Stage, words: str, lang: str, title: str, query: str
) -> None:
    item = named(stage, title)
    stage.shown = (item.id,)
    assert heard(stage, words, "find_similar", lang, item="1").lists == [
        ListRequest(intent="search", query=query, seen=frozenset({item.id}))
    ]


def test_the_same_author_is_that_of_the_item_under_discussion_where_no_place_was_named(listed: Stage) -> None:
    listed.about = listed.shown[2]
    assert heard(listed, "同一个作者的还有吗", "find_similar", "zh", item="1").about == listed.shown[2]
    assert heard(listed, "第二个的作者还有什么书", "find_similar", "zh", item="2").about == listed.shown[1]


def test_where_nothing_else_is_theirs_the_reply_says_so_and_the_list_is_like_the_item(stage: Stage) -> None:
    book, catalogue = named(stage, "Dracula"), stage.engine.catalogue
    alone = book.model_copy(update={"series": "The Count", "author": "Ann Other", "narrator": "Reed Aloud"})
    changed = Catalogue.build([alone, catalogue.items[0]], catalogue.words, catalogue.vectors[:2], catalogue.embed)
    stage.engine, stage.shown = replace(stage.engine, catalogue=changed), (alone.id,)
    told = {
        "more by the same author": "I have nothing else by Ann Other.",
        "more in this series": "I have nothing else of the series “The Count”.",
        "more with this narrator": "I have nothing else with Reed Aloud.",
    }
    for words, reply in told.items():
        outcome = heard(stage, words, "find_similar", item="1")
        assert outcome.lists == [ListRequest(intent="similar", anchor=alone.id)] and stage.reply(outcome) == reply
    assert stage.reply(heard(stage, "这个作者别的书", "find_similar", "zh", item="1"), "zh") == (
        "Ann Other的其他作品这里没有。"
    )


def test_of_an_item_without_a_series_the_reply_says_that_it_belongs_to_none(listed: Stage) -> None:
    outcome = heard(listed, "more in this series", "find_similar", item="3")
    assert outcome.lists == [ListRequest(intent="similar", anchor=listed.shown[2])]
    assert listed.reply(outcome) == "“Dracula” belongs to no series I know of."


@pytest.mark.parametrize("words", [
    "more like the third", "like it but not by the same author", "something like this series",
    "a series of tales like 3",
    "类似的，但不要同一个作者的", "换个别的作者的", "类似这个系列的", "其他的书", "",
])  # fmt: skip
def test_what_is_only_to_be_alike_is_no_search_for_the_author(listed: Stage, words: str) -> None:
    outcome = heard(listed, words, "find_similar", item="3")
    assert outcome.lists == [ListRequest(intent="similar", anchor=listed.shown[2])] and not outcome.facts


def test_a_title_in_the_other_script_is_told_with_the_one_in_the_language_of_the_talk(stage: Stage) -> None:
    chinese, english = named(stage, "弗兰肯斯坦"), named(stage, "Dracula")
    assert title_in(chinese, "en") == "弗兰肯斯坦 (Frankenstein)" and title_in(chinese, "zh") == "弗兰肯斯坦"
    assert title_in(english, "zh") == "Dracula（德古拉）" and title_in(english, "en") == "Dracula"
    assert title_in(named(stage, "撒野"), "en") == "撒野"
    stage.shown = (chinese.id, english.id)
    told = stage.reply(heard(stage, "compare them", "compare_items", items=["1", "2"]))
    assert "“弗兰肯斯坦 (Frankenstein)”" in told and "“Dracula”" in told
    assert "“弗兰肯斯坦 (Frankenstein)”" in stage.reply(heard(stage, "what is it", "item_details", item="1"))
    assert "(Frankenstein)" in heard(stage, "more like it", "find_similar", item="1").done[-1].text


def test_a_series_that_is_called_one_is_not_called_so_twice(stage: Stage) -> None:
    item = next(i for i in stage.engine.catalogue.items if i.series == "沙丘系列")
    stage.shown = (item.id,)
    liked = stage.do("update_entity_weight", lang="zh", kind="series", name="沙丘系列", weight_increase=0.3)
    for reply in (stage.reply(stage.do("item_details", lang="zh", item="1"), "zh"), stage.reply(liked, "zh")):
        assert "沙丘系列" in reply and reply.count("系列") == 1


def searched(stage: Stage, query: str, *, shown: Sequence[str] | None = None, left: Left | None = None) -> str:
    """The sentence about a search: over the list that it brings, or over these items."""
    lang = "zh" if is_chinese(query) else "en"
    wish = ListRequest(intent="search", query=query)
    slate = slate_for(stage, wish)
    if shown is not None:
        candidate, reason = slate.cards[0].candidate, slate.cards[0].reason
        row = stage.engine.catalogue.row
        made = [candidate.model_copy(update={"item_id": item_id, "row": row[item_id]}) for item_id in shown]
        cards = tuple(Card(position=n, candidate=one, reason=reason) for n, one in enumerate(made, 1))
        slate = slate.model_copy(update={"cards": cards})
    return list_line(wish, slate, stage.engine, lang, left)


def told(stage: Stage, name: str, query: str, **values: object) -> str:
    lang = "zh" if is_chinese(query) else "en"
    return stage.engine.texts.say(f"replies.list.{name}", lang, query=query, **values)


def ids_where(stage: Stage, mask: np.ndarray) -> list[str]:
    return [item.id for item, held in zip(stage.engine.catalogue.items, mask, strict=True) if held]


def test_titles_that_hold_a_query_as_a_whole_word_are_told_as_found(stage: Stage) -> None:
    catalogue = stage.engine.catalogue
    titled = ids_where(stage, catalogue.holds("title", "三国"))
    assert searched(stage, "三国", shown=titled) == told(stage, "found", "三国")
    assert {searched(stage, "三国", shown=[item_id]) for item_id in titled} == {told(stage, "found", "三国")}
    assert searched(stage, "midnight", shown=ids_where(stage, catalogue.holds("title", "midnight"))) == told(
        stage, "found", "midnight"
    )


def test_titles_that_hold_a_query_are_told_to_be_hidden_only_where_the_settings_leave_none(stage: Stage) -> None:
    catalogue, query = stage.engine.catalogue, "midnight"
    titled = catalogue.holds("title", query)
    others = ids_where(stage, catalogue.in_category("history") & ~titled)[:4]
    assert titled.any() and not catalogue.with_tag(query).any() and is_here(query, stage.engine, "en")
    assert searched(stage, query, shown=others, left=lambda: ~titled) == told(stage, "hidden", query)
    assert searched(stage, query, shown=others, left=lambda: catalogue.available) == told(stage, "told", query)
    assert not is_here("midnigh", stage.engine, "en")


def test_of_a_theme_as_many_are_counted_as_hold_it(stage: Stage) -> None:
    war = stage.engine.catalogue.in_category("history/world-history/war")
    of_it, others = ids_where(stage, war)[:2], ids_where(stage, stage.engine.catalogue.in_category("comedy") & ~war)[:3]
    assert searched(stage, "war", shown=[*of_it, *others]) == told(stage, "found_some", "war", n=2)
    assert searched(stage, "war", shown=of_it) == told(stage, "found", "war")


def test_a_name_that_is_one_of_several_words_is_not_counted(stage: Stage) -> None:
    by_guo = ids_where(stage, stage.engine.catalogue.by_narrator("郭德纲"))[:2]
    others = ids_where(stage, stage.engine.catalogue.in_category("drama/pingshu"))[:2]
    assert searched(stage, "郭德纲", shown=[*by_guo, *others]) == told(stage, "found_some", "郭德纲", n=len(by_guo))
    for query in ("于谦和郭德纲合作", "Stephen King and Agatha Christie", "short detective stories"):
        assert searched(stage, query) == told(stage, "told", query)


def test_a_name_with_words_of_asking_around_it_is_counted_as_ever(stage: Stage) -> None:
    by_her = ids_where(stage, stage.engine.catalogue.by_author("Agatha Christie"))[:2]
    shown = [*by_her, *ids_where(stage, stage.engine.catalogue.in_category("comedy"))[:2]]
    for query in ("Agatha Christie", "books by Agatha Christie", "Christie"):
        assert searched(stage, query, shown=shown) == told(stage, "found_some", query, n=2)


def search_with(stage: Stage, words: str, query: str) -> ListRequest:
    """The list that a search of a turn with these words notes."""
    context = stage.context(said=words)
    run_call(context, "search_catalog", {"query": query})
    return context.outcome.lists[0]


@pytest.mark.parametrize(
    ("words", "query", "format"),
    [("podcasts about jazz", "jazz", "podcast"), ("courses about philosophy", "philosophy", "course"),
     ("有没有讲恐龙的播客", "恐龙", "podcast"),
     ("有没有郭德纲的相声", "郭德纲", "crosstalk"), ("something about jazz, no podcasts", "jazz", None),
     ("podcasts or audiobooks about jazz", "jazz", None), ("something about golf courses", "golf courses", None)],
)  # fmt: skip
def test_a_search_leans_to_the_one_format_that_its_words_name(
    stage: Stage, words: str, query: str, format: str | None
) -> None:
    assert search_with(stage, words, query).format == format


@pytest.mark.parametrize(
    ("query", "topic", "format"),
    [("dinosaur podcasts", "dinosaur", "podcast"), ("恐龙播客", "恐龙", "podcast"), ("恐龙的课程", "恐龙", "course"),
     ("The British History Podcast", "The British History Podcast", None), ("good podcasts", "good podcasts", None)],
)  # fmt: skip
def test_a_format_behind_a_topic_is_not_looked_for_as_a_word(
    stage: Stage, query: str, topic: str, format: str | None
) -> None:
    wish = search_with(stage, query, query)
    assert (wish.query, wish.format) == (topic, format)


def test_a_title_that_is_here_in_another_format_only_is_still_found(stage: Stage) -> None:
    assert search_with(stage, "is there a podcast of Dracula", "Dracula").format is None


@pytest.mark.parametrize("intent", ["search", "trending"])
def test_a_list_of_a_format_holds_nothing_else(stage: Stage, intent: str) -> None:
    request = Request(
        listener=Listener(user_id="anna"), now=NOON, intent=intent, query="philosophy", format="course"  # type: ignore[arg-type]
    )  # fmt: skip
    found = stage.engine.pipeline.recommend(request).item_ids
    assert found and {stage.engine.catalogue.item(one).format for one in found} == {"course"}


def test_a_format_of_next_to_nothing_keeps_a_list_open(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recommend.filters.FEW_OF_FORMAT", 10_000)
    request = Request(listener=Listener(user_id="anna"), now=NOON, intent="search", query="Dracula", format="course")
    found = stage.engine.pipeline.recommend(request).item_ids
    assert {stage.engine.catalogue.item(one).format for one in found} - {"course"}


@pytest.mark.parametrize(
    ("category", "path", "format"),
    [("history podcasts", "history", "podcast"), ("courses", "courses", "course"), ("podcasts", "podcasts", "podcast"),
     ("history", "history", None)],
)  # fmt: skip
def test_what_is_popular_keeps_to_a_format(stage: Stage, category: str, path: str, format: str | None) -> None:
    wish = stage.do("get_trending", category=category).lists[0]
    assert (wish.category, wish.format) == (path, format)


def test_of_a_title_as_many_are_counted_as_are_called_so(stage: Stage) -> None:
    catalogue = stage.engine.catalogue
    sherlock, dracula = named(stage, "Sherlock Holmes").id, named(stage, "Dracula").id
    others = ids_where(stage, catalogue.in_category("comedy"))[:3]
    assert searched(stage, "Dracula", shown=[dracula, *others]) == told(stage, "found_some", "Dracula", n=1)
    adventures = named(stage, "The Adventures of Sherlock Holmes").id
    line = searched(stage, "Sherlock Holmes", shown=[sherlock, adventures])
    assert line == told(stage, "found_some", "Sherlock Holmes", n=1) and line.startswith("One of these is for")
    both = [item.id for item in catalogue.items if item.title == "三体"]
    assert len(both) > 1 and searched(stage, "三体", shown=both) == told(stage, "found", "三体")


def test_what_a_reset_took_back_by_name_is_told_and_what_a_reset_of_all_took_back_is_not_told_twice(
    stage: Stage,
) -> None:
    stage.do("update_interest_weight", category="romance", weight_increase=0.6)
    gone = stage.do("update_interest_weight", category="romance", weight_increase=-0.6).changes
    by_name = Outcome(changes=list(gone), done=[Done(tool="reset_preferences", text="", changes=tuple(gone))])
    assert "Romance" in stage.reply(by_name)
    by_name.facts.append(Fact(kind="reset", values={"what": "your tastes"}))
    assert "Romance" not in stage.reply(by_name)
