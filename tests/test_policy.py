"""Rules of the policy: sure readings act, half-sure ones say so, unsure ones search and ask, nothing is a dead end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from chat.llm.context import Context
from chat.llm.understanding import Call, Parse
from chat.policy import Thresholds, courtesy, decide, shortcut

WRITE = Call(name="update_interest_weight", args={"category": "history", "weight_increase": 0.3})
LOOK = Call(name="find_similar", args={"item": "2"})
LIST = Context(shown=("Dune", "Emma", "三体"))


def read(*calls: Call, confidence: float) -> Parse:
    return Parse(calls=calls, confidence=confidence)


@pytest.mark.parametrize(
    ("confidence", "mode", "names"),
    [(0.9, "act", ["update_interest_weight"]), (0.5, "act", ["update_interest_weight"]),
     (0.4, "confirm", ["update_interest_weight"]), (0.3, "confirm", ["update_interest_weight"]),
     (0.29, "ask", ["search_catalog"]), (0.0, "ask", ["search_catalog"])],
)  # fmt: skip
def test_confidence_decides_between_acting_confirming_and_asking(
    confidence: float, mode: str, names: list[str]
) -> None:
    decision = decide(read(WRITE, confidence=confidence), "more history", Context())
    assert (decision.mode, [call.name for call in decision.calls]) == (mode, names)


def test_a_reading_that_only_looks_is_tried_where_a_change_would_not_be() -> None:
    assert decide(read(LOOK, confidence=0.15), "like the second", LIST).calls == (LOOK,)
    assert decide(read(LOOK, WRITE, confidence=0.08), "like the second", LIST).mode == "ask"
    assert decide(read(LOOK, confidence=0.05), "like the second", LIST).mode == "ask"


def test_a_confident_empty_reading_is_chat_and_an_unsure_one_is_a_search() -> None:
    assert decide(read(confidence=0.8), "what a day", Context()).mode == "chat"
    unsure = decide(read(confidence=0.3), "  what\na day ", Context())
    assert unsure.mode == "ask" and unsure.calls[0].args == {"query": "what a day"}


@pytest.mark.parametrize("text", ["Thanks!", "thank you", "谢谢。", "你好", "hi", "  Hello  there!!", "OK, thanks!"])
def test_greetings_and_thanks_call_nothing(text: str) -> None:
    decision = decide(read(WRITE, confidence=0.99), text, LIST)
    assert decision.mode == "chat" and not decision.calls


@pytest.mark.parametrize(
    ("text", "name"),
    [("undo everything", "reset_preferences"), ("全部撤销", "reset_preferences"),
     ("undo", "undo_last_change"), ("Undo that!", "undo_last_change"), ("撤销", "undo_last_change"),
     ("再来", "recommend"), ("more", "recommend"), ("Next.", "recommend"), ("换一批", "recommend")],
)  # fmt: skip
def test_exact_words_need_no_model(text: str, name: str) -> None:
    decision = decide(read(confidence=0.0), text, LIST)
    assert decision.mode == "act" and [call.name for call in decision.calls] == [name]


@pytest.mark.parametrize("text", ["2", "第2个", "#2", "no. 2", "２"])
def test_a_bare_number_opens_that_item(text: str) -> None:
    decision = shortcut(text, LIST)
    assert decision is not None and decision.calls == (Call(name="item_details", args={"item": "2"}),)


@pytest.mark.parametrize(
    "text", ["4", "0", "2 hours", "1984", "more history", "undo the block on horror", "再来点历史", ""]
)
def test_anything_longer_or_out_of_the_list_is_left_to_the_model(text: str) -> None:
    assert shortcut(text, LIST) is None


def test_an_answer_to_a_question_is_left_to_the_model() -> None:
    asked = LIST.model_copy(update={"asked": "length"})
    assert shortcut("2", asked) is None and shortcut("more", asked) is None
    assert shortcut("undo", asked) is not None


@pytest.mark.parametrize("text", ["", "  \n", "🎧🎧", "…？！", "\u202e\u200b"])
def test_a_text_without_words_is_asked_about_and_not_searched(text: str) -> None:
    decision = decide(read(confidence=0.0), text, Context())
    assert decision.mode == "ask" and not decision.calls


@given(text=st.text(max_size=400), confidence=st.floats(0, 1))
def test_every_text_gets_a_decision_with_bounded_queries(text: str, confidence: float) -> None:
    decision = decide(read(confidence=confidence), text, LIST)
    for call in decision.calls:
        query = call.args.get("query", "x")
        assert query.strip() and len(query) <= 240


def test_a_very_long_or_broken_text_is_cut_for_the_search() -> None:
    query = decide(read(confidence=0.0), "想听\ud800" * 5000, Context()).calls[0].args["query"]
    assert 0 < len(query) <= 240 and query.encode()


def test_thresholds_must_be_in_order() -> None:
    with pytest.raises(ValidationError, match="Reorder"):
        Thresholds(act=0.2, confirm=0.4)


def test_a_long_reading_may_be_less_sure_as_a_whole() -> None:
    four = Parse(calls=(WRITE,) * 4, confidence=0.02)
    assert decide(four, "a, b, c and d", Context()).mode == "confirm"
    assert decide(four.model_copy(update={"confidence": 0.005}), "a, b, c and d", Context()).mode == "ask"


@pytest.mark.parametrize(
    ("utterance", "language", "query"),
    [
        ("in German please", "zh", "German"),
        ("来点德语的", "zh", "德语"),
        ("日语的，别的不要", "en", "日语"),
        ("not German, English please", "en", None),
        ("粤语的也行", "zh", None),
        ("only in Mandarin", "zh", None),
        ("in my language", "en", None),
        ("来点德文的", "en", "德文"),
        ("日语太难了，English的就行", "en", None),
        ("汉语的就好，不用德语", "zh", None),
        ("希腊文化的", "zh", None),
        ("ENGLİSH or İTALİAN", "en", None),
    ],
)
def test_a_language_that_nothing_is_in_is_searched_for_and_never_taken_for_another(
    utterance: str, language: str, query: str | None
) -> None:
    short = Call(name="set_length", args={"length": "short"})
    parse = Parse(calls=(short, Call(name="set_language", args={"language": language})), confidence=0.9)
    changed = decide(parse, utterance, Context()).calls
    other = Call(name="search_catalog", args={"query": query})
    assert changed == ((short, other) if query else parse.calls)


@pytest.mark.parametrize(
    ("utterance", "query"),
    [
        ("not in English, in German", "German"),
        ("no English or Chinese, German please", "German"),
        ("German instead of English", "German"),
        ("why not German", "German"),
        ("no, in German", "German"),
        ("要德语不要英语", "德语"),
        ("英文听不懂，来点德语", "德语"),
        ("要不要来点德语的", "德语"),
        ("来点德语的，别太难", "德语"),
        ("是不是有德语的", "德语"),
        ("I don't speak German", None),
        ("anything but German", None),
        ("German is far too hard", None),
        ("my German is for talking", None),
        ("不要日语的，要英文的", None),
        ("英文的，不要日语", None),
        ("别再给我推荐日语的", None),
        ("法语原版听不懂", None),
        ("日语除外", None),
    ],
)
def test_a_language_that_is_refused_is_not_the_one_that_is_asked_for(utterance: str, query: str | None) -> None:
    parse = Parse(calls=(Call(name="set_language", args={"language": "en"}),), confidence=0.9)
    search = Call(name="search_catalog", args={"query": query})
    assert decide(parse, utterance, Context()).calls == ((search,) if query else parse.calls)


@pytest.mark.parametrize("utterance", ["any language is fine, even Spanish", "语言无所谓，法语日语都行"])
def test_any_language_stays_any_whatever_others_are_named(utterance: str) -> None:
    parse = Parse(calls=(Call(name="set_language", args={"language": "any"}),), confidence=0.9)
    assert decide(parse, utterance, Context()).calls == parse.calls


@pytest.mark.parametrize(
    ("said", "kind"),
    [("Hello!", "greeting"), ("你好", "greeting"), ("thanks a bunch, that was lovely", "thanks"), ("多谢啦", "thanks"),
     ("how's the weather", "chat"), ("今天好累", "chat"), ("", "chat")],
)  # fmt: skip
def test_only_thanks_are_answered_like_thanks(said: str, kind: str) -> None:
    assert courtesy(said) == kind
