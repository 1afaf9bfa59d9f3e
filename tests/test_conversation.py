"""A conversation as its users see it: real tools, recommender, database and catalogue, and a scripted model."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from scripted_model import ScriptedModel, calls
from sqlalchemy import func, select
from tools_stage import Stage, make_engine

from chat.agent import Agent
from chat.chips import ChipSigner, Offer
from chat.conversation import LONGEST, Conversation
from chat.llm.lessons import LessonBook, lesson_records
from chat.parts import Parts
from chat.staging import marks
from chat.view import Screen, Step
from db.tables import RequestRow
from recommend.pbox import Entry, Factor
from recommend.wished import meets
from tools.registry import all_tools


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    opened = Stage.open(tmp_path, make_engine())
    yield opened
    opened.database.close()


SECRET = "for tests only"


def conversation(stage: Stage, model: ScriptedModel) -> Conversation:
    parts = Parts(
        stores=stage.stores,
        engine=stage.engine,
        texts=stage.engine.texts,
        secret=SECRET,
        lessons=LessonBook(lesson_records(stage.folder), stage.engine.catalogue.embed),
    )
    return Conversation(parts, Agent(model, all_tools()))


def heard(talk: Conversation, text: str, user_id: str = "anna") -> list[Step]:
    async def listen() -> list[Step]:
        return [step async for step in talk.say(user_id, f"talk-{user_id}", text)]

    return asyncio.run(listen())


def tapped(talk: Conversation, chip_id: str, user_id: str = "anna") -> list[Step]:
    async def listen() -> list[Step]:
        return [step async for step in talk.tap(user_id, f"talk-{user_id}", chip_id)]

    return asyncio.run(listen())


def last_screen(steps: list[Step]) -> Screen:
    assert steps[-1].screen is not None, steps[-1]
    return steps[-1].screen


def reply(steps: list[Step]) -> str:
    return next(step.text for step in steps if step.kind == "reply")


MORE_HISTORY = ("update_interest_weight", {"category": "history", "weight_increase": 0.3})
NO_HORROR = ("block_content", {"kind": "category", "name": "horror"})
FREE = ("set_payment", {"access": "free"})
MORE = ("recommend", {})
DETECTIVES = ("search_catalog", {"query": "detective"})


def chip(*named: tuple[str, dict[str, Any]], text: str = "tapped") -> str:
    """The id of a suggestion that anna was offered."""
    offer = Offer(text, tuple({"name": name, "args": args} for name, args in named), "function")
    return ChipSigner(SECRET).sign("anna", offer).chip_id


def ids(steps: list[Step]) -> list[str]:
    return [card.item_id for card in last_screen(steps).cards]


def is_chinese(text: str) -> bool:
    return any("\u4e00" <= char <= "\u9fff" for char in text)


def test_a_taste_sentence_shows_what_was_understood_and_changes_the_list(stage: Stage) -> None:
    talk = conversation(stage, ScriptedModel.of(calls(MORE_HISTORY)))
    before = talk.screen("anna", "talk-anna")
    steps = heard(talk, "more history")
    assert [step.kind for step in steps] == ["thinking", "tool", "reply", "screen"]
    after = last_screen(steps)
    assert any("history" in param.label.lower() for param in after.panel)
    assert [c.item_id for c in after.cards] != [c.item_id for c in before.cards]
    assert any(stage.engine.catalogue.item(c.item_id).category.startswith("history") for c in after.cards)


def test_the_answer_and_the_reasons_come_in_the_language_that_was_spoken(stage: Stage) -> None:
    mood = ("update_mood_preference", {"mood": "治愈", "weight": 0.8})
    talk = conversation(stage, ScriptedModel.of(calls(mood)))
    steps = heard(talk, "想听点治愈的")
    assert any("\u4e00" <= char <= "\u9fff" for char in reply(steps))
    reasons = [card.reason for card in last_screen(steps).cards]
    assert all(any("\u4e00" <= char <= "\u9fff" for char in reason) for reason in reasons)


def test_a_blocked_category_never_comes_back_until_it_is_undone(stage: Stage) -> None:
    talk = conversation(stage, ScriptedModel.of(calls(NO_HORROR)))
    horror = stage.engine.catalogue.in_category("horror")
    cards = last_screen(heard(talk, "no horror")).cards
    assert cards and not any(horror[stage.engine.catalogue.row[card.item_id]] for card in cards)
    assert talk.undo("anna", "talk-anna").panel == ()


def test_a_title_that_the_settings_hide_is_not_said_to_be_missing(stage: Stage) -> None:
    item = next(item for item in stage.engine.catalogue.items if item.title.isascii())
    block = ("block_content", {"kind": "item", "name": item.title})
    script = ScriptedModel.of(calls(block), calls(("search_catalog", {"query": item.title})))
    talk = conversation(stage, script)
    heard(talk, "never again")
    answer = reply(heard(talk, f"do you have {item.title}?"))
    assert "your settings hide it" in answer


def test_a_wish_that_no_item_meets_is_told(stage: Stage) -> None:
    free = ("set_payment", {"access": "free"})
    items = [item for item in stage.engine.catalogue.items if item.author and item.author.isascii()]
    free_authors = {item.author for item in items if item.access == "free"}
    paid = next(item for item in items if item.author not in free_authors)
    love = ("update_entity_weight", {"kind": "author", "name": paid.author, "weight_increase": 0.6})
    talk = conversation(stage, ScriptedModel.of(calls(free), calls(love)))
    heard(talk, "free only")
    assert "Nothing here is both" in reply(heard(talk, f"I love {paid.author}"))


def test_an_older_liking_does_not_silence_a_new_one(stage: Stage) -> None:
    catalogue = stage.engine.catalogue
    romance = ("update_interest_weight", {"category": "romance", "weight_increase": 0.6})
    author = next(
        i.author for i in catalogue.items if i.author and i.category.startswith("history") and i.language == "zh"
    )
    love = ("update_entity_weight", {"kind": "author", "name": author, "weight_increase": 0.3})
    talk = conversation(stage, ScriptedModel.of(calls(romance), calls(love)))
    heard(talk, "I love romance")
    steps = heard(talk, f"and {author}")
    assert any(catalogue.by_author(author)[catalogue.row[item_id]] for item_id in ids(steps))
    assert "None of these" not in reply(steps) and "No single" not in reply(steps)


def test_calls_run_in_the_order_in_which_they_were_said(stage: Stage) -> None:
    script = ScriptedModel.of(calls(NO_HORROR), calls(("undo_last_change", {}), MORE_HISTORY))
    talk = conversation(stage, script)
    heard(talk, "no horror")
    panel = last_screen(heard(talk, "no, undo that, and more history")).panel
    assert [param.factor for param in panel] == [Factor.CATEGORY]


def test_undo_after_a_wish_of_the_same_sentence_means_what_was_there_before(stage: Stage) -> None:
    script = ScriptedModel.of(calls(NO_HORROR), calls(MORE_HISTORY, ("undo_last_change", {})))
    talk = conversation(stage, script)
    heard(talk, "no horror")
    panel = last_screen(heard(talk, "more history, and undo that")).panel
    assert [param.factor for param in panel] == [Factor.CATEGORY]


def test_two_people_never_see_each_others_state(stage: Stage) -> None:
    talk = conversation(stage, ScriptedModel.of(calls(NO_HORROR), calls(MORE_HISTORY)))
    heard(talk, "no horror", "anna")
    heard(talk, "more history", "ben")
    assert [p.factor for p in talk.screen("anna", "talk-anna").panel] == [Factor.BLOCK]
    assert [p.factor for p in talk.screen("ben", "talk-ben").panel] == [Factor.CATEGORY]
    assert [m.text for m in talk.screen("ben", "talk-ben").messages if m.role == "user"] == ["more history"]


def test_two_visitors_of_one_simulated_listener_never_read_each_others_words(stage: Stage) -> None:
    talk = conversation(stage, ScriptedModel.of(calls(NO_HORROR)))
    first = talk.open("persona-1", "ann")

    async def say() -> None:
        async for _ in talk.say("persona-1", first, "my name is Joe, no horror"):
            pass

    asyncio.run(say())
    assert talk.open("persona-1", "ann") == first
    other = talk.open("persona-1", "ben")
    assert other != first and not [m for m in talk.screen("persona-1", other).messages if "Joe" in m.text]


def test_a_reload_shows_the_same_talk_list_and_steps(stage: Stage) -> None:
    talk = conversation(stage, ScriptedModel.of(calls(MORE_HISTORY)))
    left = last_screen(heard(talk, "more history"))
    found = conversation(stage, ScriptedModel.of()).screen("anna", "talk-anna")
    assert (found.messages, found.cards, found.title) == (left.messages, left.cards, left.title)
    assert found.messages[-1].notes


def test_a_model_that_fails_gives_an_apology_and_the_next_turn_works(stage: Stage) -> None:
    talk = conversation(stage, ScriptedModel.of(RuntimeError("out of memory"), calls(MORE_HISTORY)))
    assert heard(talk, "hello")[-1].kind == "error"
    assert heard(talk, "more history")[-1].kind == "screen"


def test_a_call_with_a_wrong_argument_leaves_the_user_with_an_answer(stage: Stage) -> None:
    talk = conversation(stage, ScriptedModel.of(calls(("set_length", {"length": "gigantic"}))))
    assert heard(talk, "something gigantic")[-1].kind == "screen"


def test_what_was_not_understood_becomes_a_search_and_a_question_with_answers_to_tap(stage: Stage) -> None:
    search = calls(("search_catalog", {"query": "dracula thing"}), mode="ask")
    talk = conversation(stage, ScriptedModel.of(search))
    screen = last_screen(heard(talk, "dracula thing"))
    assert len(screen.chips) >= 3
    assert tapped(talk, screen.chips[0].chip_id)[-1].kind == "screen"
    assert talk.screen("anna", "talk-anna").panel


def test_a_wish_that_was_taken_for_small_talk_can_be_looked_for_with_one_tap(stage: Stage) -> None:
    talk = conversation(stage, ScriptedModel.of(AIMessage(""), AIMessage(""), AIMessage("")))
    before = last_screen(heard(talk, "thank you so very much")).chips
    assert not any("Look for" in chip.text for chip in before)
    screen = last_screen(heard(talk, "the murder of roger ackroyd and Hercule Poirot"))
    assert "Look for “the murder of roger ackroyd" in screen.chips[0].text
    found = last_screen(tapped(talk, screen.chips[0].chip_id))
    assert any("Roger Ackroyd" in card.title for card in found.cards)
    assert stage.stores.journal.request("anna", "talk-anna")["told"] == "the murder of roger ackroyd and Hercule Poirot"
    unlike = last_screen(heard(talk, "zqx vrbl wmpf krzl"))
    assert not any("Look for" in chip.text for chip in unlike.chips)


def test_a_stopped_turn_is_written_down_and_the_next_one_works(stage: Stage) -> None:
    script = ScriptedModel.of(calls(MORE_HISTORY), calls(NO_HORROR), delay_s=0.3)
    talk = conversation(stage, script)

    async def stop_early() -> None:
        steps = talk.say("anna", "talk-anna", "more history")
        assert (await anext(steps)).kind == "thinking"
        waiting = asyncio.ensure_future(anext(steps))
        while not script.asked:
            await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(stop_early())
    assert stage.stores.journal.turns("anna", "talk-anna")[-1].reply == stage.engine.texts.say("talk.stopped", "en")
    assert stage.stores.pbox.load("anna", stage.now).entries == ()
    assert heard(talk, "no horror")[-1].kind == "screen"


def test_a_chip_works_only_for_whom_it_was_offered_to(stage: Stage) -> None:
    talk = conversation(stage, ScriptedModel.of())
    chip = talk.screen("anna", "talk-anna").chips[0]
    assert tapped(talk, chip.chip_id, "ben")[-1].kind == "error"
    assert tapped(talk, "bm90IGEgY2hpcA==")[-1].kind == "error"
    assert tapped(talk, "不是")[-1].kind == "error"
    assert tapped(talk, chip.chip_id, "anna")[-1].kind == "screen"


def test_every_chip_that_is_offered_can_be_tapped(stage: Stage) -> None:
    talk = conversation(stage, ScriptedModel.of())
    for chip in talk.screen("anna", "talk-anna").chips:
        assert tapped(talk, chip.chip_id)[-1].kind == "screen", chip.text


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_nothing_said_does_nothing(stage: Stage, text: str) -> None:
    assert heard(conversation(stage, ScriptedModel.of()), text) == []


def test_a_very_long_message_is_cut(stage: Stage) -> None:
    script = ScriptedModel.of(calls(MORE_HISTORY))
    heard(conversation(stage, script), "history " * 2000)
    assert str(script.heard[0][-1].content).count("history ") <= LONGEST / len("history ")


def test_a_button_for_an_unknown_item_changes_nothing(stage: Stage) -> None:
    talk = conversation(stage, ScriptedModel.of())
    before = talk.screen("anna", "talk-anna")
    assert talk.act("anna", "talk-anna", "../../etc/passwd", "like").cards == before.cards


def test_a_button_of_a_list_that_has_just_gone_still_counts(stage: Stage) -> None:
    talk = conversation(stage, ScriptedModel.of())
    first, second = talk.screen("anna", "talk-anna").cards[:2]
    talk.act("anna", "talk-anna", first.item_id, "dislike")
    talk.act("anna", "talk-anna", second.item_id, "dislike")
    left = {card.item_id for card in talk.refresh("anna", "talk-anna").cards}
    assert left and not left & {first.item_id, second.item_id}


def test_a_button_for_an_item_that_was_never_shown_changes_nothing(stage: Stage) -> None:
    talk = conversation(stage, ScriptedModel.of())
    shown = {card.item_id for card in talk.screen("anna", "talk-anna").cards}
    other = next(item.id for item in stage.engine.catalogue.items if item.id not in shown)
    talk.act("anna", "talk-anna", other, "like")
    assert not talk.screen("anna", "talk-anna").panel
    assert other not in {event.item_id for event in stage.stores.events.history("anna").events}


def test_a_liked_card_teaches_a_little_and_stays_marked(stage: Stage) -> None:
    talk = conversation(stage, ScriptedModel.of())
    first = talk.screen("anna", "talk-anna").cards[0]
    screen = talk.act("anna", "talk-anna", first.item_id, "like")
    assert screen.cards[0].liked and screen.panel


def test_a_slider_moves_a_parameter_within_its_range(stage: Stage) -> None:
    talk = conversation(stage, ScriptedModel.of())
    screen = talk.set_param("anna", "talk-anna", "novelty", "", 7.0)
    assert [(p.factor, p.value) for p in screen.panel] == [("novelty", 1.0)]
    assert talk.remove_param("anna", "talk-anna", "novelty", "").panel == ()
    with pytest.raises(ValueError, match="nonsense"):
        talk.set_param("anna", "talk-anna", "nonsense", "", 1.0)


def test_a_slider_leaves_how_long_a_wish_holds_as_it_was(stage: Stage) -> None:
    tonight = ("update_mood_preference", {"mood": "calm", "weight": 0.8, "duration": "session"})
    fading = ("update_mood_preference", {"mood": "funny", "weight": 0.8})
    talk = conversation(stage, ScriptedModel.of(calls(tonight, fading)))
    heard(talk, "something calm tonight, and funny")

    def terms() -> list[tuple[str, str, str, float | None]]:
        entries = stage.stores.pbox.load("anna", datetime.now(UTC), "talk-anna").entries
        return sorted((entry.key, entry.scope, entry.said, entry.half_life_days) for entry in entries)

    before = terms()
    for key in ("calm", "funny"):
        talk.set_param("anna", "talk-anna", "mood", key, 0.3)
    assert terms() == before


def test_removing_what_was_for_this_session_shows_the_lasting_wish_beneath_it(stage: Stage) -> None:
    tonight = ("update_mood_preference", {"mood": "calm", "weight": -0.8, "duration": "session"})
    lasting = ("update_mood_preference", {"mood": "calm", "weight": 0.8, "duration": "lasting"})
    talk = conversation(stage, ScriptedModel.of(calls(lasting), calls(tonight)))
    heard(talk, "calm things from now on")
    heard(talk, "nothing calm tonight")
    (row,) = talk.remove_param("anna", "talk-anna", "mood", "calm").panel
    assert row.value == pytest.approx(0.8, abs=0.01)
    left = stage.stores.pbox.load("anna", datetime.now(UTC) + timedelta(hours=13))
    assert left.value(Factor.MOOD, "calm") == pytest.approx(0.8, abs=0.01)


def test_what_came_from_one_block_is_one_row_of_the_panel_and_goes_with_it(stage: Stage) -> None:
    scary = ("block_content", {"kind": "tag", "name": "scary"})
    talk = conversation(stage, ScriptedModel.of(calls(scary)))
    (row,) = last_screen(heard(talk, "nothing scary")).panel
    assert len(stage.stores.pbox.load("anna", datetime.now(UTC)).entries) > 1
    assert talk.remove_param("anna", "talk-anna", row.factor, row.key).panel == ()
    assert not stage.stores.pbox.load("anna", datetime.now(UTC)).entries


def test_a_correction_takes_back_what_the_last_turn_did_and_nothing_older(stage: Stage) -> None:
    meant = calls(("undo_last_change", {}), ("search_catalog", {"query": "dragons"}))
    lost = calls(("search_catalog", {"query": "wagons"}))
    talk = conversation(stage, ScriptedModel.of(calls(MORE_HISTORY), lost, meant, calls(NO_HORROR), meant))
    heard(talk, "more history")
    heard(talk, "wagons")
    steps = heard(talk, "no, I meant dragons")
    assert [param.factor for param in last_screen(steps).panel] == [Factor.CATEGORY]
    assert "back" not in reply(steps)
    heard(talk, "no horror")
    assert [param.factor for param in last_screen(heard(talk, "no no, dragons")).panel] == [Factor.CATEGORY]


def test_who_speaks_of_undoing_means_the_last_change_whenever_it_was(stage: Stage) -> None:
    undo = calls(("undo_last_change", {}), DETECTIVES)
    talk = conversation(stage, ScriptedModel.of(calls(MORE_HISTORY), calls(MORE), undo))
    heard(talk, "more history")
    heard(talk, "what else is there")
    assert last_screen(heard(talk, "undo the history thing and find me detectives")).panel == ()


def test_removing_a_block_for_this_session_gives_back_the_liking_that_it_hid(stage: Stage) -> None:
    tonight = ("block_content", {"kind": "category", "name": "history", "duration": "session"})
    talk = conversation(stage, ScriptedModel.of(calls(MORE_HISTORY), calls(tonight)))
    heard(talk, "more history")
    heard(talk, "no history tonight")
    (row,) = talk.remove_param("anna", "talk-anna", "block", "category:history").panel
    assert (row.factor, row.key) == ("category", "history")


def test_a_card_button_that_is_pressed_already_changes_nothing(stage: Stage) -> None:
    talk = conversation(stage, ScriptedModel.of())
    first = talk.screen("anna", "talk-anna").cards[0]
    for action in ("like", "save"):
        once = talk.act("anna", "talk-anna", first.item_id, action)
        assert talk.act("anna", "talk-anna", first.item_id, action).panel == once.panel
    kinds = [event.kind for event in stage.stores.events.history("anna").events if event.kind != "impression"]
    assert kinds == ["like", "save"]


def test_of_like_and_dislike_a_card_shows_the_later_one(stage: Stage) -> None:
    talk = conversation(stage, ScriptedModel.of())
    first = talk.screen("anna", "talk-anna").cards[0]
    for action in ("save", "dislike", "like", "dislike"):
        talk.act("anna", "talk-anna", first.item_id, action)
    assert marks(stage.stores.events.history("anna"))[first.item_id] == {"save", "dislike"}


def test_a_tapped_dislike_hides_the_item_without_consent_too_and_undo_brings_it_back(stage: Stage) -> None:
    talk = conversation(stage, ScriptedModel.of())
    stage.stores.users.ensure("anna")
    stage.stores.users.update("anna", consent=False)
    first = talk.screen("anna", "talk-anna").cards[0]
    after = talk.act("anna", "talk-anna", first.item_id, "dislike")
    assert first.item_id not in {card.item_id for card in after.cards}
    assert stage.stores.events.history("anna").events == ()
    assert first.item_id in {card.item_id for card in talk.undo("anna", "talk-anna").cards}


def test_the_note_of_an_undo_offers_no_undo_of_its_own(stage: Stage) -> None:
    undo = calls(("undo_last_change", {}))
    talk = conversation(stage, ScriptedModel.of(calls(MORE_HISTORY), undo))
    assert last_screen(heard(talk, "more history")).messages[-1].notes[0].change_ids
    note = last_screen(heard(talk, "take that back again please")).messages[-1].notes[0]
    assert note.ok and not note.change_ids


def test_undo_takes_a_tapped_dislike_back_with_what_it_taught(stage: Stage) -> None:
    talk = conversation(stage, ScriptedModel.of())
    first = talk.screen("anna", "talk-anna").cards[0]
    talk.act("anna", "talk-anna", first.item_id, "dislike")
    screen = talk.undo("anna", "talk-anna")
    assert screen.panel == () and screen.can_redo and not screen.can_undo
    assert not marks(stage.stores.events.history("anna"))[first.item_id]


def test_an_undo_brings_one_list_and_one_of_nothing_brings_none(stage: Stage) -> None:
    talk = conversation(stage, ScriptedModel.of(calls(NO_HORROR, MORE_HISTORY)))
    notes = last_screen(heard(talk, "no horror, more history")).messages[-1].notes
    ids = [change for note in notes for change in note.change_ids]

    def lists() -> int:
        with stage.database.read() as session:
            return session.scalar(select(func.count()).select_from(RequestRow)) or 0

    before = lists()
    assert len(ids) > 1 and talk.undo("anna", "talk-anna", ids).panel == ()
    assert lists() == before + 1
    talk.undo("anna", "talk-anna", ids)
    assert lists() == before + 1
    screen = talk.redo("anna", "talk-anna")
    assert len(screen.panel) == len(ids) and not screen.can_redo
    talk.redo("anna", "talk-anna")
    assert lists() == before + 2


def test_the_first_card_sets_taste_age_and_language(stage: Stage) -> None:
    talk = conversation(stage, ScriptedModel.of())
    screen = talk.onboard("anna", "talk-anna", "7+", "zh", ["kids", "no/such/path"])
    assert screen.listener.onboarded and screen.listener.age == "7+"
    items = [stage.engine.catalogue.item(card.item_id) for card in screen.cards]
    assert items and all(item.language == "zh" and item.age in ("all", "7+") for item in items)


def test_forgetting_leaves_nothing(stage: Stage) -> None:
    talk = conversation(stage, ScriptedModel.of(calls(MORE_HISTORY)))
    heard(talk, "more history")
    talk.forget("anna")
    assert talk.screen("anna", talk.open("anna")).panel == ()
    assert talk.screen("anna", "talk-anna").messages == ()


def test_a_phrasing_model_may_not_add_facts(stage: Stage) -> None:
    closing = AIMessage("Done! 37 thrilling books await, such as “Dune”.")
    talk = conversation(stage, ScriptedModel.of(closing))
    assert reply(heard(talk, "hi")) != closing.content


def test_a_new_list_ends_what_was_being_discussed_unless_the_turn_speaks_of_an_item(stage: Stage) -> None:
    model = ScriptedModel.of(
        calls(("item_details", {"item": "1"})),
        AIMessage("You are welcome."),
        calls(("record_feedback", {"item": "2", "signal": "like"}), ("recommend", {})),
        calls(MORE_HISTORY),
    )
    talk = conversation(stage, model)
    shown = [card.item_id for card in talk.screen("anna", "talk-anna").cards]

    def about(text: str) -> str | None:
        heard(talk, text)
        return stage.stores.journal.turns("anna", "talk-anna", 1)[-1].about

    assert about("tell me about the first") == shown[0]
    assert about("thanks") == shown[0]  # the list stays, and so does the item under discussion
    assert about("love the second, next") == shown[1]
    assert about("more history") is None


def test_after_a_comparison_this_is_none_of_the_items(stage: Stage) -> None:
    model = ScriptedModel.of(calls(("item_details", {"item": "3"})), calls(("compare_items", {"items": ["1", "2"]})))
    talk = conversation(stage, model)
    talk.screen("anna", "talk-anna")
    heard(talk, "tell me about the third")
    heard(talk, "compare the first two")
    assert stage.stores.journal.turns("anna", "talk-anna", 1)[-1].about is None


def test_what_narrows_a_search_asks_it_again_and_another_wish_does_not(stage: Stage) -> None:
    short = ("set_length", {"max_minutes": 900})
    talk = conversation(stage, ScriptedModel.of(calls(DETECTIVES), calls(short), calls(MORE_HISTORY)))
    heard(talk, "something about a detective")

    def asked() -> tuple[str, str | None]:
        request = stage.stores.journal.request("anna", "talk-anna")
        return request["intent"], request["query"]

    items = [stage.engine.catalogue.item(item_id) for item_id in ids(heard(talk, "not longer than fifteen hours"))]
    assert asked() == ("search", "detective") and items and all(item.sitting_minutes <= 900 for item in items)
    gone = items[0].id
    left = talk.act("anna", "talk-anna", gone, "dislike")
    assert asked() == ("search", "detective") and left.cards and gone not in {card.item_id for card in left.cards}
    assert talk.set_language("anna", "talk-anna", "zh").cards and asked() == ("search", "detective")
    heard(talk, "more history")
    assert asked() == ("home", None)


def test_a_second_surprise_is_another_one(stage: Stage) -> None:
    surprise = ("discover_interests", {})
    talk = conversation(stage, ScriptedModel.of(calls(surprise), calls(surprise), calls(surprise)))
    lists = [set(ids(heard(talk, "surprise me"))) for _ in range(3)]
    assert all(lists) and not lists[0] & lists[1] and not lists[2] & (lists[0] | lists[1])


def cards(screen: Screen) -> list[str]:
    return [card.item_id for card in screen.cards]


def test_the_same_wishes_bring_the_same_list_again(stage: Stage) -> None:
    surprise, ten = ("discover_interests", {}), ("recommend", {"count": 10})
    talk = conversation(stage, ScriptedModel.of(calls(MORE_HISTORY), calls(surprise), calls(ten)))
    for words in ("more history", "surprise me", "show me ten"):
        shown = ids(heard(talk, words))
        assert sorted(cards(talk.again("anna", "talk-anna"))) == sorted(shown)
    left = cards(talk.act("anna", "talk-anna", shown[0], "dislike"))
    assert len(left) == len(shown) == 10 and len(set(left) & set(shown)) >= 6


def test_undo_brings_back_the_list_that_was_there_before(stage: Stage) -> None:
    undo = ("undo_last_change", {})
    talk = conversation(stage, ScriptedModel.of(calls(MORE_HISTORY), calls(undo)))
    before = cards(talk.screen("anna", "talk-anna"))
    assert set(ids(heard(talk, "more history"))) != set(before)
    assert sorted(ids(heard(talk, "undo that"))) == sorted(before)


def test_what_is_undone_takes_the_words_of_its_turn_along(stage: Stage) -> None:
    mystery = ("update_interest_weight", {"category": "mystery", "weight_increase": 0.3})
    undo = ("undo_last_change", {})
    talk = conversation(stage, ScriptedModel.of(calls(DETECTIVES), calls(mystery), calls(undo), calls(mystery)))
    told = "a detective in an old lonely house where it snows all winter"

    def asked() -> tuple[str, str | None, str | None]:
        request = stage.stores.journal.request("anna", "talk-anna")
        return request["intent"], request["query"], request["told"]

    heard(talk, "something about a detective")
    before = asked()
    heard(talk, told)
    assert asked()[2]
    heard(talk, "undo that")
    assert asked() == before
    heard(talk, told)
    assert asked()[2]
    talk.undo("anna", "talk-anna")
    assert asked() == before


def test_who_is_blocked_is_not_told_as_found(stage: Stage) -> None:
    item = next(i for i in stage.engine.catalogue.items if i.language == "en" and i.author)
    wanted = ("search_catalog", {"query": item.author})
    blocked = ("block_content", {"kind": "author", "name": item.author})
    talk = conversation(stage, ScriptedModel.of(calls(wanted), calls(blocked), calls(wanted)))
    found = f"for “{item.author}”"
    assert found in reply(heard(talk, f"anything by {item.author}?"))
    heard(talk, f"never {item.author}")
    said = reply(heard(talk, f"anything by {item.author}?"))
    hidden = {stage.engine.texts.say(name, "en", query=item.author) for name in ("replies.list.hidden", "talk.hidden")}
    assert "found" not in said and any(text in said for text in hidden)


def test_a_search_for_what_is_blocked_now_gives_way_to_the_own_page(stage: Stage) -> None:
    wanted, blocked = ("search_catalog", {"query": "war"}), ("block_content", {"kind": "tag", "name": "war"})
    other = ("block_content", {"kind": "tag", "name": "pirates"})
    talk = conversation(stage, ScriptedModel.of(calls(wanted), calls(other), calls(blocked)))
    intents = []
    for line in ("something on war", "no pirates", "no war"):
        heard(talk, line)
        intents.append(stage.stores.journal.request("anna", "talk-anna")["intent"])
    assert intents == ["search", "search", "home"]


def test_nothing_is_told_to_be_hidden_where_no_setting_hides_it(stage: Stage) -> None:
    longer = ("set_length", {"min_minutes": 60})
    talk = conversation(stage, ScriptedModel.of(calls(("search_catalog", {"query": "space"})), calls(longer)))
    hidden = stage.engine.texts.say("replies.list.hidden", "en", query="space")
    assert hidden not in reply(heard(talk, "something about space"))
    assert hidden not in reply(heard(talk, "over an hour"))


def test_undone_feedback_lets_the_item_back_into_the_search(stage: Stage) -> None:
    dislike, undo = ("record_feedback", {"item": "1", "signal": "dislike"}), ("undo_last_change", {})
    talk = conversation(stage, ScriptedModel.of(calls(DETECTIVES), calls(dislike), calls(undo)))
    found = ids(heard(talk, "something about a detective"))
    assert found[0] not in ids(heard(talk, "not the first"))
    assert found[0] in ids(heard(talk, "undo that"))
    assert found[0] not in cards(talk.act("anna", "talk-anna", found[0], "dislike"))
    assert found[0] in cards(talk.undo("anna", "talk-anna"))


def test_taps_leave_the_list_in_the_language_of_the_talk(stage: Stage) -> None:
    history = ("update_interest_weight", {"category": "历史", "weight_increase": 0.3})
    talk = conversation(stage, ScriptedModel.of(calls(history)))
    item_id = ids(heard(talk, "来点历史"))[0]
    for screen in (talk.act("anna", "talk-anna", item_id, "dislike"), talk.refresh("anna", "talk-anna")):
        assert screen.lang == "en" and all(is_chinese(card.reason) for card in screen.cards)


def test_a_change_that_was_undone_offers_no_undo_any_more(stage: Stage) -> None:
    talk = conversation(stage, ScriptedModel.of(calls(MORE_HISTORY)))
    note = last_screen(heard(talk, "more history")).messages[-1].notes[0]
    assert note.change_ids
    assert not talk.undo("anna", "talk-anna", note.change_ids).messages[-1].notes[0].change_ids


def test_more_of_a_search_is_more_of_that_search_until_nothing_more_fits(stage: Stage) -> None:
    talk = conversation(stage, ScriptedModel.of(calls(DETECTIVES), *[calls(MORE)] * 20))
    shown = ids(heard(talk, "something about a detective"))
    for place in range(20):
        steps = heard(talk, "more") if place % 2 else tapped(talk, chip(MORE, text="Show me more"))
        asked = stage.stores.journal.request("anna", "talk-anna")
        assert (asked["intent"], asked["query"]) == ("search", "detective")
        if reply(steps) == stage.engine.texts.say("talk.no_more", "en"):
            break
        assert reply(steps).startswith("Here are more.") and not set(shown) & set(ids(steps))
        shown += ids(steps)
    assert 2 <= place < 19 and ids(steps) == shown[-len(ids(steps)) :], "the last page stays, to be spoken of"


@pytest.mark.parametrize(
    ("call", "name"),
    [(("find_similar", {"item": "1"}), "anchor"), (("get_trending", {"category": "comedy"}), "category")],
)
def test_more_of_any_list_is_of_the_same_and_repeats_nothing(
    stage: Stage, call: tuple[str, dict[str, Any]], name: str
) -> None:
    talk = conversation(stage, ScriptedModel.of(calls(call), calls(MORE), calls(MORE)))
    talk.screen("anna", "talk-anna")
    lists = [ids(heard(talk, "first"))]
    first = stage.stores.journal.request("anna", "talk-anna")
    for words in ("more", "another six"):
        lists.append(ids(heard(talk, words)))
        asked = stage.stores.journal.request("anna", "talk-anna")
        assert (asked["intent"], asked[name]) == (first["intent"], first[name])
    everything = [item for shown in lists for item in shown]
    assert everything and len(set(everything)) == len(everything) and first[name] not in everything


def test_more_of_ones_own_page_repeats_no_list_before(stage: Stage) -> None:
    talk = conversation(stage, ScriptedModel.of(*[calls(MORE)] * 3))
    shown = [card.item_id for card in talk.screen("anna", "talk-anna").cards]
    for words in ("more", "recommend me something", "next"):
        found = ids(heard(talk, words))
        assert found and not set(found) & set(shown)
        shown += found


@pytest.mark.parametrize("words", ["recommend something", "whatever", "随便推荐"])
def test_words_that_leave_the_choice_to_us_do_not_go_on_with_a_search(stage: Stage, words: str) -> None:
    talk = conversation(stage, ScriptedModel.of(calls(DETECTIVES), calls(MORE)))
    heard(talk, "something about a detective")
    said = reply(heard(talk, words))
    assert said == stage.engine.texts.say("replies.list.home", "zh" if is_chinese(words) else "en")
    assert stage.stores.journal.request("anna", "talk-anna")["query"] is None


def test_the_last_of_what_fits_is_counted_as_the_rest(stage: Stage) -> None:
    tight = ("set_length", {"max_minutes": 8})
    talk = conversation(stage, ScriptedModel.of(calls(tight), *[calls(MORE)] * 9))
    steps = heard(talk, "under eight minutes")
    while len(ids(steps)) == 6:
        steps = heard(talk, "more")
    expected = "Only" if ids(steps) else "That was all that fits"
    assert expected in reply(steps) and "everything you asked for" not in reply(steps)


def broken(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on no parameter can be written."""

    def locked(*_: object, **__: object) -> None:
        raise OSError("database is locked")

    monkeypatch.setattr(stage.stores.pbox, "change", locked)


def test_a_tool_that_breaks_is_told_whether_said_or_tapped(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = conversation(stage, ScriptedModel.of(calls(FREE), calls(FREE, ("get_trending", {}))))
    broken(stage, monkeypatch)
    whole, part = (stage.engine.texts.say(f"talk.{name}", "en") for name in ("fault", "fault_part"))
    assert reply(heard(talk, "free only")) == reply(tapped(talk, chip(FREE))) == whole
    both = (heard(talk, "free only, what's hot"), tapped(talk, chip(FREE, ("get_trending", {}))))
    for steps in both:
        assert reply(steps).endswith(part) and len(reply(steps)) > len(part) and ids(steps)


@pytest.mark.parametrize(
    "call",
    [
        ("compare_items", {"items": ["1", "1"]}),
        ("set_length", {"min_minutes": 60, "max_minutes": 10}),
        ("set_length", {"length": "gigantic"}),
    ],
)
def test_a_refusal_that_explains_nothing_is_told_whether_said_or_tapped(
    stage: Stage, call: tuple[str, dict[str, Any]]
) -> None:
    talk = conversation(stage, ScriptedModel.of(calls(call)))
    talk.screen("anna", "talk-anna")
    refused = stage.engine.texts.say("talk.refused", "en")
    assert reply(heard(talk, "that one")) == reply(tapped(talk, chip(call))) == refused


def test_a_refusal_that_asks_back_is_no_failure_as_well(stage: Stage) -> None:
    talk = conversation(stage, ScriptedModel.of(calls(("item_details", {"item": "9"}))))
    talk.screen("anna", "talk-anna")
    assert reply(heard(talk, "the ninth")).endswith(stage.engine.texts.say("replies.ask.item", "en"))


class Mending(ScriptedModel):
    """Goes on with its script after tool results."""

    def _next(self, messages: Any) -> Any:
        return super()._next([*messages, AIMessage("")]) if self.lines else super()._next(messages)


def test_what_the_model_mends_in_its_next_answer_is_no_failure(stage: Stage) -> None:
    wrong, right = ("set_length", {}), ("set_length", {"length": "short"})
    talk = conversation(stage, Mending.of(calls(wrong), calls(right)))
    said = reply(heard(talk, "something short"))
    assert "could not" not in said.lower() and stage.stores.pbox.load("anna", stage.now).entries


def test_a_title_that_the_model_mends_is_not_told_as_missing(stage: Stage) -> None:
    wrong = ("record_feedback", {"item": "Zxqv Wvut", "signal": "like"})
    right = ("record_feedback", {"item": "1", "signal": "like"})
    talk = conversation(stage, Mending.of(calls(wrong), calls(right)))
    talk.screen("anna", "talk-anna")
    steps = heard(talk, "love zxqv wvut")
    assert "Zxqv" not in reply(steps) and not any("Zxqv" in chip.text for chip in last_screen(steps).chips)


def test_a_strength_that_a_model_writes_as_a_string_is_taken_once(stage: Stage) -> None:
    loud = ("update_interest_weight", {"category": "history", "weight_increase": "0.3"})
    talk = conversation(stage, ScriptedModel.of(calls(loud)))
    steps = heard(talk, "history about two families who quarrel over a throne")
    assert steps[-1].kind == "screen"
    assert [entry.value for entry in stage.stores.pbox.load("anna", stage.now).entries] == pytest.approx([0.3])


def test_a_wish_that_was_refused_does_not_make_its_words_a_telling(stage: Stage) -> None:
    refused = ("update_mood_preference", {"mood": "funny", "weight": "very"})
    talk = conversation(stage, ScriptedModel.of(calls(refused, ("set_length", {"length": "short"}))))
    heard(talk, "short and a hoot about two families who quarrel over a throne")
    asked = stage.stores.journal.request("anna", "talk-anna")
    assert asked["intent"] == "home" and asked["told"] is None


def test_a_tap_is_answered_in_the_language_of_the_list_on_the_screen(stage: Stage) -> None:
    history = ("update_interest_weight", {"category": "历史", "weight_increase": 0.3})
    talk = conversation(stage, ScriptedModel.of(calls(history)))
    heard(talk, "来点历史")
    steps = tapped(talk, chip(("discover_interests", {}), text="给我个惊喜"))
    assert is_chinese(reply(steps)) and last_screen(steps).lang == "en"
    assert all(is_chinese(card.reason) for card in last_screen(steps).cards)
    assert all(is_chinese(offered.text) for offered in last_screen(steps).chips)


def test_reasons_are_told_in_the_language_of_the_talk_whatever_the_list_speaks(stage: Stage) -> None:
    why = ("explain_recommendation", {})
    talk = conversation(stage, ScriptedModel.of(calls(MORE_HISTORY), calls(why), calls(why)))
    cards = last_screen(heard(talk, "more history")).cards
    chinese = reply(heard(talk, "为什么推荐这些？")).splitlines()
    english = reply(heard(talk, "why these?"))
    assert len(chinese) == len(cards)
    for card, line in zip(cards, chinese, strict=True):
        assert card.reason in english and card.reason not in line
        assert is_chinese(line.partition("》：")[2]) and "历史" in line


def asked_of(stage: Stage) -> tuple[str, str | None]:
    """The intent and the query of the list on anna's screen."""
    request = stage.stores.journal.request("anna", "talk-anna")
    return request["intent"], request["query"]


@pytest.mark.parametrize("popularity", [0.8, -0.8])
def test_how_well_known_it_should_be_narrows_what_was_searched_for(stage: Stage, popularity: float) -> None:
    known = ("set_popularity", {"popularity": popularity})
    talk = conversation(stage, ScriptedModel.of(calls(DETECTIVES), calls(known)))
    heard(talk, "something about a detective")
    heard(talk, "popular ones" if popularity > 0.0 else "hidden gems")
    assert asked_of(stage) == ("search", "detective")


def test_what_narrows_a_search_that_came_to_nothing_does_not_ask_it_again(stage: Stage) -> None:
    lost, not_it = "what about the other thing you showed", ("record_feedback", {"item": "1", "signal": "dislike"})
    script = ScriptedModel.of(calls(("search_catalog", {"query": lost})), calls(not_it), calls(FREE))
    talk = conversation(stage, script)
    assert stage.engine.texts.say("replies.list.nearest", "en", query=lost) in reply(heard(talk, lost))
    heard(talk, "not the first")
    assert asked_of(stage) == ("search", lost)
    heard(talk, "free only")
    assert asked_of(stage) == ("home", None)


def test_what_frees_a_title_that_the_settings_hid_asks_for_it_again(stage: Stage) -> None:
    title = "Dracula"
    block = ("block_content", {"kind": "item", "name": title})
    free = ("unblock_content", {"kind": "item", "name": title})
    talk = conversation(stage, ScriptedModel.of(calls(block), calls(("search_catalog", {"query": title})), calls(free)))
    heard(talk, "never Dracula")
    heard(talk, "got Dracula?")
    steps = heard(talk, "Dracula is fine again")
    assert asked_of(stage) == ("search", title) and title in {card.title for card in last_screen(steps).cards}


def loved(kind: str, name: str, much: float = 0.6) -> tuple[str, dict[str, Any]]:
    return "update_entity_weight", {"kind": kind, "name": name, "weight_increase": much}


@pytest.mark.parametrize(
    ("call", "said", "told"),
    [
        (loved("author", "Qwyx Zzorp"), "more by Qwyx Zzorp", "I have nothing that is “by Qwyx Zzorp”."),
        (loved("narrator", "周小伦"), "多来点周小伦演播的", "这里没有符合“周小伦演播”的内容。"),
    ],
)
def test_a_wish_that_nothing_here_meets_is_told_without_any_other_wish(
    stage: Stage, call: tuple[str, dict[str, Any]], said: str, told: str
) -> None:
    answer = reply(heard(conversation(stage, ScriptedModel.of(calls(call))), said))
    assert told in answer and "everything else" not in answer and "其他要求" not in answer


def test_a_wish_that_is_met_elsewhere_and_one_that_is_met_nowhere_are_told_apart(stage: Stage) -> None:
    items = [item for item in stage.engine.catalogue.items if item.author and item.author.isascii()]
    free_authors = {item.author for item in items if item.access == "free"}
    paid = next(item.author for item in items if item.author not in free_authors)
    talk = conversation(stage, ScriptedModel.of(calls(FREE), calls(loved("author", paid), loved("author", "Qwyx Zzo"))))
    heard(talk, "free only")
    answer = reply(heard(talk, f"I love {paid} and Qwyx Zzo"))
    assert "nothing that is “by Qwyx Zzo”." in answer
    assert f"Nothing here is both “by {paid}” and everything else" in answer


def test_the_name_of_an_unmet_wish_is_told_without_its_strength(stage: Stage) -> None:
    label = stage.engine.catalogue.words.taxonomy.label("drama/pingshu/heroes", "en")  # nothing of it is in English
    much = ("update_interest_weight", {"category": label, "weight_increase": 0.9})
    talk = conversation(stage, ScriptedModel.of(calls(("set_language", {"language": "en"})), calls(much)))
    heard(talk, "in English only")
    assert f"Nothing here is both “{label}” and" in reply(heard(talk, f"far more {label}"))


def test_a_wish_for_a_word_that_nothing_is_marked_with_is_met_by_titles_that_hold_it(stage: Stage) -> None:
    catalogue = stage.engine.catalogue
    assert not catalogue.holds("theme", "midnight").any() and catalogue.holds("title", "midnight").any()
    wish = Entry(factor=Factor.ENTITY, key="tag:midnight", value=0.6, set_at=stage.now)
    assert (meets(wish, catalogue) == catalogue.holds("title", "midnight")).all()
    marked = wish.model_copy(update={"key": "tag:war"})
    assert (meets(marked, catalogue) == catalogue.holds("theme", "war")).all()
    answer = reply(heard(conversation(stage, ScriptedModel.of(calls(loved("tag", "midnight")))), "midnight"))
    assert "nothing that is" not in answer and "Nothing here is both" not in answer


LESS_SCARY = ("update_mood_preference", {"mood": "scary", "weight": -0.4})
FUNNY = ("update_mood_preference", {"mood": "funny", "weight": 0.8})


def ages(stage: Stage, steps: list[Step]) -> set[str]:
    return {stage.engine.catalogue.item(item_id).age for item_id in ids(steps)}


def test_every_list_of_a_talk_is_fit_for_small_children_until_the_words_say_otherwise(stage: Stage) -> None:
    model = ScriptedModel.of(*(calls(call) for call in (LESS_SCARY, MORE, FUNNY, DETECTIVES, MORE_HISTORY)))
    talk, small = conversation(stage, model), {"all", "7+"}
    first = heard(talk, "for my kids, not too scary")
    assert ages(stage, first) <= small and "suits small children" in reply(first)
    for words in ("more", "something funny", "detectives"):
        later = heard(talk, words)
        assert ages(stage, later) <= small and "small children" not in reply(later)
    assert stage.stores.journal.request("anna", "talk-anna")["children"] is True
    assert "No longer only what suits" in reply(heard(talk, "more history, for me"))
    assert stage.stores.journal.request("anna", "talk-anna")["children"] is False


def test_taking_back_the_words_about_the_children_takes_back_that_they_listen(stage: Stage) -> None:
    model = ScriptedModel.of(calls(MORE_HISTORY), calls(LESS_SCARY))
    talk = conversation(stage, model)
    heard(talk, "more history")
    heard(talk, "for my kids, not too scary")
    talk.undo("anna", "talk-anna")
    assert not stage.stores.journal.request("anna", "talk-anna")["children"]


def test_who_listens_is_heard_where_nothing_else_was_said_and_not_from_a_question_about_an_item(stage: Stage) -> None:
    model = ScriptedModel.of(
        calls(MORE_HISTORY), calls(("item_details", {"item": "1"})), calls(("ask_clarification", {"about": "item"}))
    )
    talk = conversation(stage, model)
    heard(talk, "more history")
    heard(talk, "is the first one for kids?")
    assert not stage.stores.journal.request("anna", "talk-anna")["children"]
    answer = heard(talk, "it's for my daughter, she's 5")
    assert ages(stage, answer) <= {"all", "7+"} and "Which" not in reply(answer)
    assert not last_screen(answer).messages[-1].notes, "no question was asked in the end"


def test_a_wish_that_is_met_nowhere_is_told_once_and_a_theme_as_one(stage: Stage) -> None:
    model = ScriptedModel.of(calls(loved("tag", "qwyxzzo")), calls(FUNNY))
    talk = conversation(stage, model)
    assert "I have nothing about “qwyxzzo”." in reply(heard(talk, "more qwyxzzo"))
    assert "qwyxzzo" not in reply(heard(talk, "something funny"))


def test_a_search_for_a_kind_of_thing_is_no_telling(stage: Stage) -> None:
    talk = conversation(stage, ScriptedModel.of(calls(("search_catalog", {"query": "radio dramas"}))))
    heard(talk, "do you have radio dramas?")
    assert stage.stores.journal.request("anna", "talk-anna")["told"] is None


def test_that_small_children_listen_is_told_over_their_list_and_among_what_is_known(stage: Stage) -> None:
    known = calls(("show_preferences", {}))
    talk = conversation(stage, ScriptedModel.of(calls(MORE), known, calls(MORE), known))
    assert last_screen(heard(talk, "something for my kids")).title == "For small children"
    told = reply(heard(talk, "what do you know about me?"))
    assert "For now only what suits small children." in told and "I know nothing" not in told
    assert last_screen(heard(talk, "something for me")).title != "For small children"
    assert "small children" not in reply(heard(talk, "what do you know about me?"))
