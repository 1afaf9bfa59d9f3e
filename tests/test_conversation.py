"""A conversation as its users see it: real tools, recommender, database and catalogue, and a scripted model."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage
from scripted_model import ScriptedModel, calls
from tools_stage import Stage, make_engine

from chat.agent import Agent
from chat.conversation import LONGEST, Conversation
from chat.llm.lessons import LessonBook, lesson_records
from chat.parts import Parts
from chat.view import Screen, Step
from recommend.pbox import Factor
from tools.registry import all_tools


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    opened = Stage.open(tmp_path, make_engine())
    yield opened
    opened.database.close()


def conversation(stage: Stage, model: ScriptedModel) -> Conversation:
    parts = Parts(
        stores=stage.stores,
        engine=stage.engine,
        texts=stage.engine.texts,
        secret="for tests only",
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
    assert "your settings keep it from you" in answer


def test_a_wish_that_no_item_meets_is_told(stage: Stage) -> None:
    free = ("set_payment", {"access": "free"})
    items = [item for item in stage.engine.catalogue.items if item.author and item.author.isascii()]
    free_authors = {item.author for item in items if item.access == "free"}
    paid = next(item for item in items if item.author not in free_authors)
    love = ("update_entity_weight", {"kind": "author", "name": paid.author, "weight_increase": 0.6})
    talk = conversation(stage, ScriptedModel.of(calls(free), calls(love)))
    heard(talk, "free only")
    assert "I found nothing for" in reply(heard(talk, f"I love {paid.author}"))


def test_calls_run_in_the_order_in_which_they_were_said(stage: Stage) -> None:
    script = ScriptedModel.of(calls(NO_HORROR), calls(("undo_last_change", {}), MORE_HISTORY))
    talk = conversation(stage, script)
    heard(talk, "no horror")
    panel = last_screen(heard(talk, "no, undo that, and more history")).panel
    assert [param.factor for param in panel] == [Factor.CATEGORY]


def test_two_people_never_see_each_others_state(stage: Stage) -> None:
    talk = conversation(stage, ScriptedModel.of(calls(NO_HORROR), calls(MORE_HISTORY)))
    heard(talk, "no horror", "anna")
    heard(talk, "more history", "ben")
    assert [p.factor for p in talk.screen("anna", "talk-anna").panel] == [Factor.BLOCK]
    assert [p.factor for p in talk.screen("ben", "talk-ben").panel] == [Factor.CATEGORY]
    assert [m.text for m in talk.screen("ben", "talk-ben").messages if m.role == "user"] == ["more history"]


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
