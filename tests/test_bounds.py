"""Rules of lengths: the words beside a number say which way it bounds, and nothing is settled where they may not."""

from __future__ import annotations

from typing import Any

import pytest

from chat.llm.bounds import settled
from lab.understanding.corpus import split

LEAST, MOST = {"min_minutes": 180}, {"max_minutes": 180}


@pytest.mark.parametrize("wrong", [LEAST, MOST, {**LEAST, **MOST}])
@pytest.mark.parametrize(
    ("said", "right"),
    [
        ("less than 3 hours please", MOST),
        ("something shorter than three hours", MOST),
        ("not longer than three hours", MOST),
        ("nothing over three hours", MOST),
        ("no more than 3h", MOST),
        ("longer than three hours", LEAST),
        ("at least three hours", LEAST),
        ("not under three hours", LEAST),
        ("不超过三小时", MOST),
        ("三小时以内的", MOST),
        ("比三个小时短的", MOST),
        ("至少三小时", LEAST),
        ("超过三小时的", LEAST),
    ],
)
def test_the_words_settle_which_way_a_length_is_bounded(
    said: str, right: dict[str, Any], wrong: dict[str, Any]
) -> None:
    assert settled({**wrong, "duration": "session"}, said) == {**right, "duration": "session"}


@pytest.mark.parametrize(
    ("said", "args"),
    [
        ("a three hour one", MOST),
        ("I hate anything over three hours", MOST),
        ("凡是超过三小时的统统滤掉", MOST),
        ("over two hours but under three", {"min_minutes": 120, "max_minutes": 180}),
        ("something short", {"length": "short"}),
    ],
)
def test_what_may_be_meant_either_way_stays_as_it_was_read(said: str, args: dict[str, Any]) -> None:
    assert settled(args, said) == args


@pytest.mark.parametrize(
    ("said", "read", "minutes"),
    [
        ("120 minutes or less", {"max_minutes": 13}, 120),
        ("不超过120分钟", {"max_minutes": 13}, 120),
        ("up to 150 minutes", {"max_minutes": 17}, 150),
        ("1 hour 30 minutes max", {"max_minutes": 30}, 90),
        ("2小时30分钟以内", {"max_minutes": 30}, 150),
        ("1 hour and 20 minutes at most", {"min_minutes": 20, "max_minutes": 60}, 80),
        ("1.5 hours max", {"max_minutes": 900}, 90),
        ("0.5 hours", {"max_minutes": 300}, 30),
        ("an hour and a half", {"max_minutes": 60}, 90),
        ("两个半小时", {"max_minutes": 30}, 150),
        ("三个故事，一小时二十分", {"max_minutes": 20}, 80),
    ],
)
def test_the_one_duration_said_is_what_counts(said: str, read: dict[str, Any], minutes: int) -> None:
    assert settled({**read, "duration": "session"}, said) == {"max_minutes": minutes, "duration": "session"}


@pytest.mark.parametrize(
    ("said", "args"),
    [
        ("whoa, 48 hours long?? under ten", {"max_minutes": 600}),
        ("forty hours?? anything half that", {"max_minutes": 1200}),
        ("两个小时太久，减半", {"max_minutes": 60}),
        ("two hours, no, three hours", {"max_minutes": 180}),
        ("20 to 30 minutes", {"min_minutes": 20, "max_minutes": 30}),
        ("at least five 30 minute episodes", {"max_minutes": 30}),
        ("十几分钟", {"max_minutes": 20}),
        ("a couple of hours", {"max_minutes": 120}),
    ],
)
def test_another_number_than_the_duration_said_may_be_meant(said: str, args: dict[str, Any]) -> None:
    assert settled(args, said) == args


@pytest.mark.parametrize(
    ("said", "args"),
    [
        ("or at least something under 30 minutes", {"max_minutes": 30}),
        ("至少推荐五个30分钟以内的", {"max_minutes": 30}),
        ("up to five podcasts over an hour", {"min_minutes": 60}),
        ("最多推荐三个超过一小时的", {"min_minutes": 60}),
        ("more than two episodes under 20 minutes", {"max_minutes": 20}),
        ("nuthin over 20 mins", {"max_minutes": 20}),
        ("is there anything over an hour?", {"min_minutes": 60}),
        ("are there any shows longer than 2 hours", {"min_minutes": 120}),
        ("which ones are over an hour", {"min_minutes": 60}),
    ],
)
def test_only_words_beside_the_duration_bound_it(said: str, args: dict[str, Any]) -> None:
    (minutes,) = args.values()
    assert settled(args, said) == args
    assert settled({"min_minutes": minutes, "max_minutes": minutes}, said) == args


@pytest.mark.parametrize(
    ("said", "minutes"),
    [
        ("what can I finish over the next two hours", 120),
        ("something to keep me company over the next hour", 60),
        ("my drive is a bit over 40 minutes", 40),
        ("over a 40 minute drive", 40),
        ("over an hour's drive", 60),
        ("the bus ride is over 40 minutes", 40),
        ("上班路上超过一小时", 60),
        ("要是超过三小时就算了", 180),
        ("one was over two hours, now 30 minutes", 30),
    ],
)
@pytest.mark.parametrize("key", ["min_minutes", "max_minutes"])
def test_a_bound_of_something_else_bounds_no_audio(said: str, minutes: int, key: str) -> None:
    assert settled({key: minutes}, said) == {key: minutes}


def test_hardly_a_label_of_the_corpus_is_changed() -> None:
    lengths = [(args, r.utterance) for r in split()[0] for name, args in r.readings[0] if name == "set_length"]
    changed = sum(settled(args, said) != args for args, said in lengths)
    assert len(lengths) > 4000 and changed <= 4
