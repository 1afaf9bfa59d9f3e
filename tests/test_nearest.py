"""Looking up the nearest: an index finds what comparing every vector finds, and never what is not allowed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog import nearest as module
from catalog.inverted import Inverted, probe_for, train
from catalog.nearest import Exact, Nearest, brute, nearest

SIZE, DIM, GROUPS = 3000, 24, 30


def vectors(seed: int = 0, size: int = SIZE) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(GROUPS, DIM))
    made = centres[rng.integers(GROUPS, size=size)] + 0.6 * rng.normal(size=(size, DIM))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


VECTORS = vectors()


def inverted(one_byte: bool = False) -> Inverted:
    index = train(VECTORS, lists=40, one_byte=one_byte)
    return Inverted(VECTORS, index, probe_for(VECTORS, index), few=0)


EXACT = Exact(VECTORS)
INDEXES: dict[str, Nearest] = {"exact": EXACT, "float lists": inverted(), "one-byte lists": inverted(one_byte=True)}
everywhere = pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES)


def recall(index: Nearest, mask: np.ndarray | None, k: int = 100) -> float:
    shares = []
    for query in VECTORS[::100]:
        true, _ = EXACT.near(query, k, EXACT.among(mask))
        shares.append(np.isin(true, index.near(query, k, index.among(mask))[0]).mean())
    return float(np.mean(shares))


@everywhere
@pytest.mark.parametrize("share", [1.0, 0.5, 0.1, 0.02])
def test_an_index_finds_98_of_100_of_the_true_nearest_whatever_a_filter_leaves(index: Nearest, share: float) -> None:
    mask = np.random.default_rng(1).random(SIZE) < share
    assert recall(index, mask) >= 0.98


@everywhere
def test_recall_holds_where_the_filter_forbids_just_what_lies_near(index: Nearest) -> None:
    query = VECTORS[7]
    mask = VECTORS @ query < 0.3
    true, _ = EXACT.near(query, 50, EXACT.among(mask))
    found, _ = index.near(query, 50, index.among(mask))
    assert np.isin(true, found).mean() >= 0.9


@everywhere
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_what_is_found_is_allowed_distinct_in_order_and_as_much_as_there_is(
    index: Nearest, data: st.DataObject
) -> None:
    few = data.draw(st.booleans())
    allowed = data.draw(st.lists(st.integers(0, SIZE - 1), max_size=40)) if few else list(range(0, SIZE, 3))
    mask = np.zeros(SIZE, dtype=bool)
    mask[allowed] = True
    k = data.draw(st.integers(0, 60))
    query = VECTORS[data.draw(st.integers(0, SIZE - 1))]
    rows, cosines = index.near(query, k, index.among(mask))
    assert mask[rows].all() and len(set(rows.tolist())) == len(rows)
    assert len(rows) == min(k, int(mask.sum()))
    assert (np.diff(cosines) <= 0).all()
    assert np.allclose(cosines, VECTORS[rows] @ query, atol=1e-5)


def test_equal_cosines_go_to_the_earlier_row() -> None:
    same = np.tile(np.array([[1.0, 0.0]], dtype=np.float32), (9, 1))
    index = Exact(same)
    assert index.near(same[0], 4, index.among(None))[0].tolist() == [0, 1, 2, 3]


def test_the_same_seed_gives_the_same_index() -> None:
    first, again = (train(VECTORS, lists=40, seed=5) for _ in range(2))
    one, other = (Inverted(VECTORS, index, 4, few=0) for index in (first, again))
    for query in VECTORS[:20]:
        assert one.near(query, 20, one.among(None))[0].tolist() == other.near(query, 20, other.among(None))[0].tolist()


def test_an_index_is_kept_and_made_anew_for_other_vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EXACT_MOST", 1000)
    first = nearest(VECTORS, tmp_path)
    stamp = (tmp_path / "nearest.faiss").stat().st_mtime_ns
    again = nearest(VECTORS, tmp_path)
    assert (tmp_path / "nearest.faiss").stat().st_mtime_ns == stamp
    query = VECTORS[3]
    assert first.near(query, 30, first.among(None))[0].tolist() == again.near(query, 30, again.among(None))[0].tolist()
    other = vectors(seed=9)
    fresh = nearest(other, tmp_path)
    assert (tmp_path / "nearest.faiss").stat().st_mtime_ns != stamp
    assert fresh.near(other[0], 1, fresh.among(None))[0].tolist() == [0]


@pytest.mark.parametrize("share", [0.0, 0.5, None], ids=["empty", "cut off", "missing"])
@pytest.mark.parametrize("name", ["nearest.json", "nearest.faiss"])
def test_a_damaged_index_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, share: float | None
) -> None:
    monkeypatch.setattr(module, "EXACT_MOST", 1000)
    first = nearest(VECTORS, tmp_path)
    file = tmp_path / name
    whole = file.read_bytes()
    if share is None:
        file.unlink()
    else:
        file.write_bytes(whole[: int(len(whole) * share)])
    again = nearest(VECTORS, tmp_path)
    query = VECTORS[3]
    assert first.near(query, 30, first.among(None))[0].tolist() == again.near(query, 30, again.among(None))[0].tolist()
    assert file.stat().st_size == len(whole)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["nearest.faiss", "nearest.json"]


def test_a_small_catalogue_is_compared_whole() -> None:
    assert nearest(VECTORS).exact


def test_brute_force_agrees_with_sorting_all_cosines() -> None:
    mask = np.arange(SIZE) % 2 == 0
    found = brute(VECTORS, VECTORS[:5], 10, mask)
    for query, rows in zip(VECTORS[:5], found, strict=True):
        cosines = np.where(mask, VECTORS @ query, -2.0)
        assert set(rows.tolist()) == set(np.argsort(-cosines)[:10].tolist())
