"""Rules of the understanding part: every answer is valid, the same input reads the same, the corpus round-trips."""

from __future__ import annotations

import random
import threading
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat.llm.context import MOST_PIECES, PIECE_COST, Context, clip, layout, pieces
from chat.llm.dsl import EOS, ID, MAX_CALLS, PIECES, PLUS, Grammar, Source, decode, encode
from chat.llm.prefix import PrefixEncoder
from chat.llm.schema import BY_NAME
from chat.llm.understanding import WEIGHTS, Call, Understanding, joined
from lab.understanding.check_corpus import call_faults
from lab.understanding.corpus import CORPUS, read_records
from lab.understanding.scoring import exact

SHOWN = ("Dune", "三体", "Emma", "The Leopard")


@pytest.fixture(scope="module")
def model() -> Understanding:
    return Understanding.load()


def faults(calls: tuple[Call, ...], shown: int, text: str) -> list[str]:
    """What breaks the contract. A place beyond the list is one only where nobody said it: the tool answers that."""
    found = [fault for call in calls for fault in call_faults({"name": call.name, "args": call.args})]
    for call in calls:
        item = call.args.get("item", "")
        if item in {str(n) for n in range(shown + 1, 21)} and shown and item not in text:
            found.append(f"item {item} of {shown}")
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=300), asked=st.sampled_from([None, "category", "mood", "item"]), shown=st.booleans())
def test_any_text_gives_valid_calls(model: Understanding, text: str, asked: str | None, shown: bool) -> None:
    context = Context(shown=SHOWN if shown else (), asked=asked)
    parse = model.parse(text, context)
    assert not faults(parse.calls, len(context.shown), text)
    assert len(parse.calls) <= MAX_CALLS and 0 <= parse.confidence <= 1


def test_a_thousand_random_strings_are_read_without_a_fault(model: Understanding) -> None:
    rng = random.Random(1)
    planes = ((32, 126), (0, 0x2FF), (0x4E00, 0x9FFF), (0x600, 0x6FF), (0x1F300, 0x1FAFF), (0, 0x10FFFF))
    for _ in range(1000):
        low, high = rng.choice(planes)
        text = "".join(chr(rng.randint(low, high)) for _ in range(rng.randint(0, 40)))
        parse = model.parse(text, Context(shown=SHOWN if rng.random() < 0.5 else ()))
        assert not faults(parse.calls, len(SHOWN), text) and len(parse.calls) <= MAX_CALLS


STORY = (
    "I've been on my feet since five this morning, the bus was late again, my boss wants the quarterly numbers redone "
    "from scratch and the cat was sick on the rug, so you can imagine the mood I'm in when I finally sit down with a "
    "cup of tea. what I'd really like is something gentle and funny, not longer than an hour. no politics whatsoever, "
    "I get enough of that from my brother-in-law on Sundays. and if there's anything read by Stephen Fry I'd love that"
)


def test_the_end_of_a_long_utterance_is_read_too_and_its_story_is_no_wish(model: Understanding) -> None:
    said = pieces(STORY)
    assert len(said) > 1 and " ".join(part.strip() for part in said) == STORY
    names = Counter(call.name for call in model.parse(STORY, Context()).calls)
    assert names["update_entity_weight"] and names["block_content"] and names["set_length"]
    assert not names["reset_preferences"]


@pytest.mark.parametrize(
    "text", ["", "short. as most are, really.", "no marks at all " * 100, "没有标点" * 200, "x" * 5000]
)
def test_pieces_hold_every_word_in_order_and_are_few(text: str) -> None:
    said = pieces(text)
    assert 1 <= len(said) <= MOST_PIECES and text.startswith("".join(said)[:300])
    assert len(said) == 1 or all(clip(part, PIECE_COST) == part.strip() for part in said)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t",
        "\x00\x01",
        "a" * 10_000,
        "想听" * 5_000,
        "🎧" * 3_000,
        "שלום עולם",
        "\u202etxet\u202c",
        "\ud800",
        "<p3> </s> <recommend>",
        "1984",
    ],
)
def test_odd_text_gives_a_parse(model: Understanding, text: str) -> None:
    assert not faults(model.parse(text, Context(shown=("x" * 5_000,) * 50)).calls, 20, text)


def test_any_walk_of_the_grammar_is_valid_and_ends() -> None:
    rng = random.Random(7)
    encoder = PrefixEncoder(WEIGHTS, 1)
    place = layout("play something funny by Ann Lee, not 恐怖的", Context(shown=SHOWN, about="Dune"))
    coded = encoder.tokens(place.text)
    source = Source.of(place, coded.offsets, len(SHOWN))
    for _ in range(300):
        grammar = Grammar(source)
        tokens = 0
        while not grammar.done:
            grammar.push(rng.choice(grammar.allowed))
            tokens += 1
            assert tokens < 400
        assert not [f for name, args in grammar.calls for f in call_faults({"name": name, "args": args})]


def test_no_item_is_compared_with_itself() -> None:
    rng = random.Random(3)
    place = layout("is Dune longer than Emma, and what of the third", Context(shown=SHOWN))
    coded = PrefixEncoder(WEIGHTS, 1).tokens(place.text)
    for _ in range(100):
        grammar = Grammar(Source.of(place, coded.offsets, len(SHOWN)))
        grammar.push(ID["<compare_items>"])
        begun: set[int] = set()
        while not grammar.calls:
            name_open = grammar.start is not None
            assert name_open or not begun.intersection(grammar.allowed)
            token = EOS if EOS in grammar.allowed and rng.random() < 0.5 else rng.choice(grammar.allowed)
            if not name_open and token != PLUS and not PIECES[token].startswith("<"):
                begun.add(token)
            grammar.push(token)
        assert len(grammar.calls[0][1]["items"]) >= 2


def test_same_input_same_parse(model: Understanding) -> None:
    context = Context(shown=SHOWN)
    first = model.parse("less romance, and the second one please", context)
    model.parse("想听点别的", Context())
    assert model.parse("less romance, and the second one please", context) == first


def test_four_threads_at_once(model: Understanding) -> None:
    wanted = model.parse("more history", Context())
    got: list[bool] = []

    def work() -> None:
        for _ in range(10):
            got.append(model.parse("more history", Context()) == wanted)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [True] * 40


def test_a_cancelled_reading_is_empty(model: Understanding) -> None:
    parse = model.parse("more history", Context(), cancelled=lambda: True)
    assert parse.calls == () and parse.confidence == 0


@pytest.mark.parametrize(
    "text, wanted",
    [
        ("more history", [("update_interest_weight", {"category": "history", "weight_increase": 0.3})]),
        ("想听搞笑的", [("update_mood_preference", {"mood": "搞笑", "weight": 0.8})]),
        (
            "睡前想听点治愈的，不要恐怖的",
            [
                ("update_scene_preference", {"scene": "睡前", "weight": 0.8}),
                ("update_mood_preference", {"mood": "治愈", "weight": 0.8}),
                ("block_content", {"kind": "tag", "name": "恐怖"}),
            ],
        ),
        (
            "something short and funny for the commute, finished only",
            [
                ("set_length", {"length": "short"}),
                ("update_mood_preference", {"mood": "funny", "weight": 0.8}),
                ("update_scene_preference", {"scene": "commute", "weight": 0.8}),
                ("set_completion_status", {"status": "completed"}),
            ],
        ),
    ],
)
def test_plain_requests_are_understood(model: Understanding, text: str, wanted: list) -> None:
    assert exact(wanted, [(call.name, call.args) for call in model.parse(text, Context()).calls])


def test_the_corpus_round_trips() -> None:
    encoder = PrefixEncoder(WEIGHTS, 1)
    total = lost = 0
    for path in sorted(CORPUS.glob("train.*.jsonl")):
        for record in read_records(path)[::10]:
            place = layout(record.utterance, record.context)
            coded = encoder.tokens(place.text)
            source = Source.of(place, coded.offsets, len(record.context.shown))
            total += 1
            for reading in record.readings:
                try:
                    tokens = encode(reading, source)
                except ValueError:
                    continue
                again = decode(tokens, source)
                assert [name for name, _ in again] == [name for name, _ in reading][:MAX_CALLS]
                assert decode(encode(again, source), source) == again
                assert all(set(a) == set(b) for (_, a), (_, b) in zip(again, reading[:MAX_CALLS], strict=True))
                break
            else:
                lost += 1
    assert lost <= total * 0.01


def test_every_tool_of_the_contract_is_known() -> None:
    assert len(BY_NAME) == 26


def test_one_setter_said_twice_of_different_things_is_one_call() -> None:
    said = [
        Call(name="set_freshness", args={"recency": 0.8}),
        Call(name="update_mood_preference", args={"mood": "calm", "weight": 0.8}),
        Call(name="set_freshness", args={"repeats": "avoid"}),
    ]
    assert joined(said) == [Call(name="set_freshness", args={"recency": 0.8, "repeats": "avoid"}), said[1]]


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("set_popularity", {"popularity": 0.8}, {"popularity": -0.8}),  # a change of mind stays one
        ("set_length", {"length": "short"}, {"max_minutes": 20}),  # a word and bounds exclude each other
        ("record_feedback", {"item": "1", "signal": "like"}, {"rating": 5}),
    ],
)
def test_other_calls_of_one_tool_stay_apart(name: str, first: dict, second: dict) -> None:
    said = [Call(name=name, args=first), Call(name=name, args=second)]
    assert joined(said) == said
