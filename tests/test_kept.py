"""What is kept: made once while there is room, the longest unused gone first, never changed."""

from __future__ import annotations

import numpy as np
import pytest

from catalog.kept import Kept
from catalog.postings import FEW, Postings, union
from tests.recommend_stage import catalogue


def made(kept: Kept, key: str, size: int = 10) -> bool:
    """Whether the array of a key had to be made."""
    calls: list[str] = []

    def make() -> np.ndarray:
        calls.append(key)
        return np.zeros(size, dtype=np.int8)

    assert len(kept.get(("what", key), make)) == size
    return bool(calls)


def test_an_array_is_made_once_while_there_is_room() -> None:
    kept = Kept(30)
    assert [made(kept, key) for key in "abcabc"] == [True, True, True, False, False, False]


def test_the_longest_unused_makes_way() -> None:
    kept = Kept(30)
    assert [made(kept, key) for key in "abcadab"] == [True, True, True, False, True, False, True]


def test_an_array_larger_than_the_room_is_given_all_the_same() -> None:
    kept = Kept(5)
    assert made(kept, "a", 50) and not made(kept, "a", 50)


def test_what_is_kept_cannot_be_changed() -> None:
    array = Kept(100).get(("what", "a"), lambda: np.zeros(3))
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1.0


def test_what_is_pinned_stays_whatever_else_is_kept_and_takes_no_room_from_it() -> None:
    kept = Kept(30)
    pinned = kept.pinned(("what", "table"), lambda: np.zeros(50))
    assert [made(kept, key) for key in "abcabcd"] == [True, True, True, False, False, False, True]
    assert kept.pinned(("what", "table"), lambda: pytest.fail("made twice")) is pinned
    with pytest.raises(ValueError, match="read-only"):
        pinned[0] = 1.0


@pytest.mark.parametrize("size", [0, 5, FEW + 500])
def test_a_union_is_ascending_and_has_each_row_once(size: int) -> None:
    rows = np.random.default_rng(0).integers(0, 700, size=size).astype(np.int32)
    assert union([rows, rows[:3]]).tolist() == sorted(set(rows.tolist()))


def test_postings_find_a_name_in_any_spelling_and_the_names_that_hold_a_word() -> None:
    postings = Postings()
    for row, name in enumerate(("The Dragon Eggs", "dragon egg", "dragonfly", "whales")):
        postings.add(name, row)
    postings.seal()
    assert postings.exactly("dragon eggs").tolist() == [0, 1]
    assert postings.holding("dragon").tolist() == [0, 1]
    assert postings.exactly("unicorn").tolist() == []


def test_columns_say_what_the_items_say() -> None:
    found = catalogue()
    spoken = found.speaking(["zh", "xx"])
    slug = found.items[0].moods[0]
    places = found.mood_place(slug)
    for row, item in enumerate(found.items):
        assert spoken[row] == (item.language == "zh")
        assert places[row] == (item.moods.index(slug) if slug in item.moods else -1)
    assert (found.mood_place("no such mood") == -1).all()
