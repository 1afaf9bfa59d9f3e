"""Rules of titles: what is like one on the screen is that one, and one word in common is not enough."""

from __future__ import annotations

import random

import pytest

from catalog.demo import demo_items
from catalog.spelling import is_chinese, plain
from tools.titles import PART, likeness


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("the buxton", "The Adam Buxton Podcast"),
        ("masters of doom", "Masters of Doom: How Two Guys Created an Empire"),
        ("moon", "A Man on the Moon"),
        ("大明王朝", "大明王朝1566"),
        ("Dune", "dune"),
    ],
)
def test_a_part_of_a_title_in_whole_words_is_that_title(said: str, title: str) -> None:
    assert likeness(plain(said), plain(title)) >= PART


@pytest.mark.parametrize(
    ("said", "title"), [("dracla", "Dracula"), ("园桌派", "圆桌派"), ("charlote's web", "Charlotte's Web")]
)
def test_a_slip_of_the_keyboard_is_forgiven(said: str, title: str) -> None:
    assert 0 < likeness(plain(said), plain(title)) < PART


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("The Secret Garden", "The Daily"),
        ("The Moth", "The Sympathizer"),
        ("The Moth", "The Mother of All Questions"),
        ("the martian", "The Daughter of Time"),
        ("the", "The Daily"),
        ("三国", "三体"),
        ("Night of the Dracula Hunters", "Dracula"),
    ],
)
def test_a_word_in_common_is_no_likeness(said: str, title: str) -> None:
    assert likeness(plain(said), plain(title)) == 0


@pytest.mark.parametrize("chinese", [False, True])
def test_another_title_of_the_catalogue_is_hardly_ever_taken_for_one_of_six(chinese: bool) -> None:
    rng = random.Random(4)
    titles = [plain(item.title) for item in demo_items() if is_chinese(item.title) == chinese]
    draws = [rng.sample(titles, 7) for _ in range(1000)]
    assert sum(any(likeness(said, title) for title in six) for said, *six in draws) <= 10
