"""Public ratings: what the readers and the splits promise."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.recommender.data import Ratings, fingerprint, goodbooks, leave_one_out, ml1m, positives, read, user_split

PUBLIC = Path(__file__).parents[2] / "shared" / "data"


@st.composite
def any_ratings(draw: st.DrawFn) -> Ratings:
    lengths = draw(st.lists(st.integers(0, 8), min_size=1, max_size=12))
    row = st.integers(0, 9)
    sequences = tuple(np.array(draw(st.lists(row, min_size=n, max_size=n)), dtype=np.int32) for n in lengths)
    star = st.integers(1, 5)
    stars = tuple(np.array(draw(st.lists(star, min_size=n, max_size=n)), dtype=np.float32) for n in lengths)
    names = tuple(str(number) for number in range(10))
    return Ratings("drawn", names, names, tuple(f"u{n}" for n in range(len(lengths))), sequences, stars)


@given(any_ratings())
def test_leaving_one_out_loses_nothing_and_keeps_the_order(ratings: Ratings) -> None:
    split = leave_one_out(ratings)
    for user, sequence in enumerate(ratings.sequences):
        last = [int(split.valid[user]), int(split.test[user])]
        assert [*split.train[user], *(row for row in last if row >= 0)] == sequence.tolist()
        assert (last == [-1, -1]) == (len(sequence) < 3)


@given(any_ratings(), st.floats(0.0, 0.99), st.integers(0, 5))
def test_held_out_users_are_in_one_part_only_and_the_split_is_repeatable(r: Ratings, share: float, seed: int) -> None:
    kept, held = user_split(r, share, seed)
    assert sorted([*kept, *held]) == list(range(len(r.users)))
    assert len(held) == round(share * len(r.users))
    assert np.array_equal(user_split(r, share, seed)[1], held)


@given(any_ratings(), st.integers(1, 5))
def test_positives_are_exactly_the_ratings_of_so_many_stars(ratings: Ratings, least: int) -> None:
    liked = positives(ratings, least)
    assert liked.stars is not None and ratings.stars is not None
    for before, stars, after, left in zip(ratings.sequences, ratings.stars, liked.sequences, liked.stars, strict=True):
        pairs = zip(before, stars, strict=True)
        assert [(row, star) for row, star in pairs if star >= least] == list(zip(after, left, strict=True))


@given(any_ratings())
def test_the_fingerprint_sees_a_changed_row_and_a_changed_star(ratings: Ratings) -> None:
    assert fingerprint(ratings) == fingerprint(ratings.of(range(len(ratings.users))))
    assert ratings.stars is not None
    for part in (ratings.sequences, ratings.stars):
        if len(part[0]):
            before, told = part[0][0], fingerprint(ratings)
            part[0][0] = before + 1
            assert fingerprint(ratings) != told
            part[0][0] = before


def test_goodbooks_keep_the_order_of_the_file_and_count_a_repeated_book_once(tmp_path: Path) -> None:
    (tmp_path / "books.csv").write_text('book_id,title\n1,"Dune, part 1"\n2,Emma\n3,It\n', encoding="utf-8")
    lines = ["user_id,book_id,rating", "10,2,3", "9,3,5", "10,1,4", "9,1,2", "10,2,5"]
    (tmp_path / "ratings.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    ratings = goodbooks(tmp_path)
    assert ratings.titles == ("Dune, part 1", "Emma", "It") and ratings.users == ("9", "10")
    assert [sequence.tolist() for sequence in ratings.sequences] == [[2, 0], [1, 0]]
    assert ratings.stars is not None and [stars.tolist() for stars in ratings.stars] == [[5, 2], [5, 4]]


def test_movielens_rows_follow_the_ids_of_the_films_met(tmp_path: Path) -> None:
    (tmp_path / "movies.dat").write_bytes(
        "7::Été (1998)::Drama\n3::B\u00e9b\u00e9::Drama\n5::Unmet::Drama\n".encode("latin-1")
    )
    people = [{"user_id": 1, "movie_ids": [7, 3]}, {"user_id": 2, "movie_ids": [3]}]
    (tmp_path / "sequences.jsonl").write_text("\n".join(map(json.dumps, people)) + "\n", encoding="utf-8")
    ratings = ml1m(tmp_path)
    assert ratings.items == ("3", "7") and ratings.titles == ("Bébé", "Été (1998)")
    assert [sequence.tolist() for sequence in ratings.sequences] == [[1, 0], [0]]
    assert positives(ratings) is ratings


@pytest.mark.parametrize("name", ["goodbooks", "ml1m"])
def test_absent_data_are_told_by_their_path(name: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"is not here: {tmp_path}"):
        read(name, tmp_path)


@pytest.mark.skipif(not (PUBLIC / "ml1m").is_dir(), reason="the public data are not on this machine")
def test_the_public_data_have_the_published_numbers_of_users_and_items() -> None:
    films, books = ml1m(PUBLIC / "ml1m"), goodbooks(PUBLIC / "goodbooks10k")
    assert (len(films.users), len(films.items), sum(map(len, films.sequences))) == (6040, 3416, 999_601)
    assert (len(books.users), len(books.items), sum(map(len, books.sequences))) == (2138, 10_000, 238_496)
