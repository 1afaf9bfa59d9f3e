"""Rules of likeness with what is common taken out: bounded, a plain cosine where nothing varies, and it tells apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.whitening import Whitening
from recommend.surroundings import unit

WIDTH = 24


def drawn(rows: int, seed: int) -> np.ndarray:
    """Vectors of length 1 that share one direction and vary most in the next few."""
    noise = np.random.default_rng(seed).normal(size=(rows, WIDTH)) / np.arange(1, WIDTH + 1)
    noise[:, 0] += 3.0
    return (noise / np.linalg.norm(noise, axis=1, keepdims=True)).astype(np.float32)


def likeness_of(white: Whitening, vectors: np.ndarray, target: np.ndarray) -> np.ndarray:
    return unit(white.turned(vectors)) @ unit(white.turned(target[None, :]))[0]


@given(st.integers(0, 60), st.integers(0, 999))
def test_a_likeness_is_a_number_from_minus_one_to_one(rows: int, seed: int) -> None:
    vectors = drawn(rows, seed)
    likeness = likeness_of(Whitening.of(vectors), vectors, drawn(1, seed + 1)[0])
    assert likeness.shape == (rows,) and np.isfinite(likeness).all()
    assert (np.abs(likeness) <= 1.0 + 1e-5).all()


@pytest.mark.parametrize("rows", [1, 5])
def test_where_nothing_varies_it_is_the_cosine(rows: int) -> None:
    one, target = drawn(1, 3), drawn(1, 4)[0]
    likeness = likeness_of(Whitening.of(np.repeat(one, rows, axis=0)), one, target)
    assert likeness[0] == pytest.approx(float(one[0] @ target), abs=1e-5)


def test_a_vector_is_most_like_itself() -> None:
    vectors = drawn(300, 0)
    white = Whitening.of(vectors)
    assert all(int(np.argmax(likeness_of(white, vectors, vectors[row]))) == row for row in range(0, 300, 20))


def test_what_sets_a_vector_apart_is_heard_beneath_what_moves_all() -> None:
    vectors = drawn(400, 1)
    white, noise = Whitening.of(vectors), np.zeros((400, WIDTH))
    noise[:, :3] = np.random.default_rng(9).normal(scale=0.2, size=(400, 3))
    places: list[tuple[int, int]] = []
    for row in range(0, 400, 10):
        target = (vectors[row] + noise[row]).astype(np.float32)
        scored = (vectors @ target / np.linalg.norm(target), likeness_of(white, vectors, target))
        places.append(tuple(int((scores > scores[row]).sum()) for scores in scored))  # type: ignore[arg-type]
    plain, heard = np.mean(places, axis=0)
    assert heard < plain


def test_looking_up_by_direction_finds_most_of_the_most_alike() -> None:
    vectors = drawn(2000, 2)
    white, target = Whitening.of(vectors), drawn(1, 5)[0]
    truly = set(np.argsort(-likeness_of(white, vectors, target))[:20].tolist())
    direction = white.towards(target)
    assert float(np.linalg.norm(direction)) == pytest.approx(1.0, abs=1e-5)
    looked_up = set(np.argsort(-(vectors @ direction))[:200].tolist())
    assert len(truly & looked_up) >= 16
