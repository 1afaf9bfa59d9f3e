"""Rules of the encoder's vote: it moves the choice among tools and among names, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from chat.llm.cues import Cues
from chat.llm.dsl import EOS, FIRST_TOOL, ID, POINTER0, Grammar, Source
from chat.llm.schema import TOOLS

TEXT = "more old history please"
OFFSETS = [(0, 4), (5, 8), (9, 16), (17, 23)]
INTEREST = next(n for n, tool in enumerate(TOOLS) if tool.name == "update_interest_weight")


@pytest.fixture
def grammar() -> Grammar:
    return Grammar(Source(TEXT, OFFSETS, [0, 0, 0, 0], 0))


def cues(tools: dict[int, float], name: tuple[int, ...] = ()) -> Cues:
    words = np.full((len(OFFSETS), 1 + len(TOOLS)), 0.001, dtype=np.float32)
    words[:, 0] = 0.98
    for place in name:
        words[place, 0], words[place, 1 + INTEREST] = 0.02, 0.98
    called = np.full(len(TOOLS), 0.01, dtype=np.float32)
    for tool, sure in tools.items():
        called[tool] = sure
    return Cues(called, words)


def favourite(grammar: Grammar, bonus: np.ndarray) -> int:
    return grammar.allowed[int(np.argmax(bonus))]


def test_the_likeliest_tool_is_favoured_and_the_end_once_all_are_called(grammar: Grammar) -> None:
    seen = cues({INTEREST: 0.9}, (1, 2))
    assert favourite(grammar, seen.bonus(grammar)) == FIRST_TOOL + INTEREST
    for token in (FIRST_TOOL + INTEREST, POINTER0 + 1, POINTER0 + 2, ID["n+0.3"]):
        grammar.push(token)
    end = seen.bonus(grammar)[grammar.allowed.index(EOS)]
    assert end == seen.bonus(grammar).max()


def test_a_name_begins_and_ends_with_the_words_of_its_tool(grammar: Grammar) -> None:
    seen = cues({INTEREST: 0.9}, (1, 2))
    grammar.push(FIRST_TOOL + INTEREST)
    assert favourite(grammar, seen.bonus(grammar)) == POINTER0 + 1
    grammar.push(POINTER0 + 1)
    assert favourite(grammar, seen.bonus(grammar)) == POINTER0 + 2


def test_what_is_no_tool_and_no_name_is_left_alone(grammar: Grammar) -> None:
    seen = cues({INTEREST: 0.9}, (2,))
    for token in (FIRST_TOOL + INTEREST, POINTER0 + 2, POINTER0 + 2):
        grammar.push(token)
    assert not seen.bonus(grammar).any()


def test_every_vote_is_finite_even_where_a_head_is_certain(grammar: Grammar) -> None:
    seen = Cues(np.zeros(len(TOOLS), dtype=np.float32), np.zeros((len(OFFSETS), 1 + len(TOOLS)), dtype=np.float32))
    assert np.isfinite(seen.bonus(grammar)).all()
    grammar.push(FIRST_TOOL + INTEREST)
    assert np.isfinite(seen.bonus(grammar)).all()
