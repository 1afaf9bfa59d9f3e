"""Finding and feedback tools: wishes for lists, true answers about items, and what an item teaches."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tools_stage import NOON, Stage, make_engine

from catalog.catalogue import Catalogue
from catalog.items import Item
from catalog.resolve import Resolver
from chat.cards import CardWriter
from recommend.pbox import Factor
from recommend.request import Listener, Request, Slate
from tools.context import Engine, ListRequest, ToolRetry
from tools.options import options_for
from tools.registry import run_call
from tools.replies import list_line


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
            assert listed.reply(context.outcome) == "Which one do you mean?"


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
