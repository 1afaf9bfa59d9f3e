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


def test_hardly_a_label_of_the_corpus_is_changed() -> None:
    lengths = [(args, r.utterance) for r in split()[0] for name, args in r.readings[0] if name == "set_length"]
    changed = sum(settled(args, said) != args for args, said in lengths)
    assert len(lengths) > 4000 and changed <= len(lengths) * 0.002
