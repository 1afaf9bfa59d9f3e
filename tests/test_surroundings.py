"""Rules of where items lie: by their own text where nothing else is known, else drawn to what they are liked with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from recommend.neighbours import Neighbours
from recommend.reading import read
from recommend.sources.telling import told
from recommend.surroundings import surrounded, unit
from tests.recommend_stage import catalogue, models, request, search

TOLD = "a detective in an old house where it snows and nobody can leave"


def joined(pairs: list[tuple[int, int]]) -> Neighbours:
    """Neighbours that are these pairs alone, each liked as much as the other."""
    size = len(catalogue())
    froms, tos = zip(*pairs, strict=True)
    likeness = sparse.csr_matrix((np.full(len(pairs), 0.5, dtype=np.float32), (froms, tos)), shape=(size, size))
    return Neighbours(likeness, likeness.astype(np.int32))


@given(st.lists(st.integers(0, len(catalogue()) - 1), max_size=20))
def test_every_place_has_length_one(rows: list[int]) -> None:
    places = surrounded(np.array(rows, dtype=np.int64), catalogue(), models().neighbours)
    assert places.shape == (len(rows), catalogue().vectors.shape[1]) and places.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(places, axis=1), 1.0, atol=1e-4)


def test_without_listeners_an_item_lies_where_its_text_does() -> None:
    rows, nobody = np.arange(40), Neighbours.empty(len(catalogue()))
    own = unit(catalogue().whitening.turned(catalogue().vectors[rows]))
    np.testing.assert_allclose(surrounded(rows, catalogue(), nobody), own, atol=1e-6)


def test_an_item_is_drawn_to_what_it_is_liked_with_and_no_other_moves() -> None:
    rows, nobody = np.array([0, 700, 5]), Neighbours.empty(len(catalogue()))
    alone, together = (surrounded(rows, catalogue(), n) for n in (nobody, joined([(0, 700)])))
    assert together[0] @ together[1] > alone[0] @ alone[1] + 0.1
    np.testing.assert_allclose(together[1:], alone[1:], atol=1e-6)


def test_what_is_liked_with_the_best_is_found_though_its_own_text_says_nothing_of_it() -> None:
    wanted = read(request(told=TOLD), catalogue(), models())
    alone = told(replace(wanted, models=replace(models(), neighbours=Neighbours.empty(len(catalogue())))), search())
    assert alone is not None
    best = alone.best(10, wanted.among)
    silent = int(np.flatnonzero(alone.of(np.arange(len(catalogue()))) == 0.0)[0])
    pairs = [pair for row in best.tolist() for pair in ((silent, row), (row, silent))]
    beside = told(replace(wanted, models=replace(models(), neighbours=joined(pairs))), search())
    assert beside is not None and beside.of(np.array([silent]))[0] > 0.4
