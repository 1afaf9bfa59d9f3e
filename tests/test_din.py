"""The deep interest network: Dice by its formula, what it learns, and that serving gives torch's logits."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import roc_auc_score

from lab.recommender.din import Examples, score, train
from lab.recommender.din_export import difference, export
from lab.recommender.din_model import Attention, Config, Dice, Din, load
from lab.recommender.gauc import auc, gauc
from recommend.din import DinRanker
from recommend.rankers import WEIGHTS

ITEMS, GENRES, WIDTH, SEEN = 60, 6, 12, 4
TINY = Config(width=8, attention=16, top=(16,), batch=64, epochs=8, patience=8, rate=1e-2, dropout=0.0, own=False)


def genre(rows: np.ndarray) -> np.ndarray:
    return rows % GENRES


def vectors() -> np.ndarray:
    noise = 0.1 * np.random.default_rng(7).normal(size=(ITEMS, WIDTH))
    return (np.eye(WIDTH)[genre(np.arange(ITEMS))] + noise).astype(np.float32)


def planted(n: int, seed: int, first_user: int = 0) -> Examples:
    """Liked where the history holds the candidate's genre: a matter of the pair, of neither side alone."""
    dice = np.random.default_rng(seed)
    candidates, histories = dice.integers(ITEMS, size=n), dice.integers(ITEMS, size=(n, SEEN))
    lengths = dice.integers(1, SEEN + 1, size=n)
    histories[np.arange(SEEN) >= lengths[:, None]] = -1
    held = (genre(histories) == genre(candidates)[:, None]) & (histories >= 0)
    dense = dice.normal(5.0, 3.0, size=(n, 2)).astype(np.float32)
    users = first_user + np.repeat(np.arange(n), 20)[:n]
    return Examples(candidates, histories.astype(np.int32), dense, held.any(1).astype(np.float32), users)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("din")
    train(planted(3000, 0), planted(400, 1, 1000), vectors(), folder, TINY, quiet=True)
    return folder


@pytest.fixture(scope="module")
def served(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served")
    export(run, folder, [f"i{row}" for row in range(ITEMS)], ["one", "two"])
    return folder


@settings(max_examples=50, deadline=None)
@given(arrays(np.float64, (6, 3), elements=st.floats(-50, 50)), st.lists(st.booleans(), min_size=6, max_size=6))
def test_dice_in_training_is_its_formula_over_what_is_not_padding(s: np.ndarray, mask: list[bool]) -> None:
    mask[0] = True
    dice = Dice(3).double().train()
    alpha = np.array([0.0, 0.3, -0.5])
    with torch.no_grad():
        dice.alpha.copy_(torch.from_numpy(alpha))
    got = dice(torch.from_numpy(s).view(2, 3, 3), torch.tensor(mask).view(2, 3)).detach().numpy().reshape(6, 3)
    kept = s[np.array(mask)]
    with np.errstate(over="ignore"):
        p = 1.0 / (1.0 + np.exp(-(s - kept.mean(0)) / np.sqrt(kept.var(0) + dice.eps)))
    assert np.allclose(got[mask], (p * s + (1 - p) * alpha * s)[mask], atol=1e-6)


def test_dice_at_serving_uses_what_it_saw_in_training_whatever_the_batch() -> None:
    dice = Dice(2, momentum=0.2)
    dice.train()
    for _ in range(100):
        dice(torch.tensor([[1.0, 10.0], [3.0, 14.0]]))
    dice.eval()
    assert torch.allclose(dice.mean, torch.tensor([2.0, 12.0]), atol=1e-3)
    assert torch.allclose(dice.var, torch.tensor([1.0, 4.0]), atol=1e-3)
    with torch.no_grad():
        alone, many = dice(torch.tensor([[5.0, 12.0]])), dice(torch.tensor([[5.0, 12.0], [-90.0, 3.0]]))
    assert torch.equal(alone[0], many[0])
    assert float(alone[0, 1]) == pytest.approx(6.0, rel=1e-3)


def test_attention_is_the_network_over_the_four_parts_and_its_weights_are_not_normalised() -> None:
    torch.manual_seed(0)
    attention = Attention(4, 5).eval()
    q, k = torch.randn(3, 4), torch.randn(3, 2, 4)
    with torch.no_grad():
        asked = q[:, None].expand_as(k)
        weights = attention.last(attention.dice(attention.first(torch.cat([asked, k, asked - k, asked * k], 2))))
        wanted = (weights * k).sum(1)
        assert torch.allclose(attention(q, k, None), wanted, atol=1e-6)
        assert torch.allclose(attention(q, torch.cat([k, k], 1), None), 2 * wanted, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 5), st.integers(1, 4))
def test_padding_changes_no_logit(length: int, padding: int) -> None:
    torch.manual_seed(0)
    model = Din(ITEMS, WIDTH, 2, TINY)
    history = np.full((1, length + padding), -1)
    history[0, :length] = np.arange(length)
    one = Examples(np.array([3]), history, np.ones((1, 2)), np.ones(1), np.zeros(1))
    short = Examples(np.array([3]), history[:, :length], np.ones((1, 2)), np.ones(1), np.zeros(1))
    assert np.allclose(score(model, one, vectors()), score(model, short, vectors()), atol=1e-6)


def test_it_learns_what_only_the_pair_of_candidate_and_history_tells(run: Path) -> None:
    figures = json.loads((run / "run.json").read_text(encoding="utf-8"))
    assert figures["metrics"]["gauc"] > 0.9 and len(figures["data_sha256"]) == 64
    fresh = planted(500, 5)
    flat = Examples(fresh.candidates, np.full_like(fresh.histories, -1), fresh.dense, fresh.labels, fresh.users)
    assert auc(fresh.labels, score(load(run), fresh, vectors())) > 0.9
    assert auc(fresh.labels, score(load(run), flat, vectors())) < 0.65


def test_dense_features_of_any_scale_are_used(tmp_path: Path) -> None:
    plain = planted(1500, 2)
    told = np.stack([1e4 + 1e3 * (plain.candidates % 2), np.full(len(plain.labels), 3.0)], 1).astype(np.float32)
    labels = (plain.candidates % 2).astype(np.float32)
    lessons = Examples(plain.candidates, plain.histories, told, labels, plain.users)
    model = train(lessons, lessons, np.zeros((ITEMS, WIDTH), np.float32), tmp_path, TINY, quiet=True)
    assert auc(labels, score(model, lessons, np.zeros((ITEMS, WIDTH), np.float32))) > 0.99


def test_clicks_that_only_the_position_got_do_not_teach_the_items(tmp_path: Path) -> None:
    """The item of row 0 is always shown first, and what is shown first is clicked, whatever it is."""
    dice = np.random.default_rng(3)
    n = 2000
    places = dice.integers(2, size=n)
    candidates = np.where((places == 0) & (dice.random(n) < 0.5), 0, dice.integers(1, ITEMS, size=n))
    labels = (dice.random(n) < np.where(places == 0, 0.8, 0.2)).astype(np.float32)
    none, dense = np.full((n, 1), -1), np.zeros((n, 1), np.float32)
    gaps = []
    for name, number in (("with", 2), ("without", 0)):
        config = Config(**{**TINY.__dict__, "own": True, "places": number, "epochs": 6})
        lessons = Examples(candidates, none, dense, labels, np.arange(n) // 20, places)
        model = train(lessons, lessons, vectors(), tmp_path / name, config, quiet=True)
        shown = Examples(np.arange(ITEMS), none[:ITEMS], dense[:ITEMS], labels[:ITEMS], np.zeros(ITEMS))
        logits = score(model, shown, vectors())
        gaps.append(float(logits[0] - logits[1:].mean()))
    assert abs(gaps[0]) < 0.5 * gaps[1]


def test_a_run_broken_off_goes_on_to_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lessons, held = planted(300, 0), planted(200, 1)
    config = Config(**{**TINY.__dict__, "epochs": 3, "dropout": 0.2})
    whole = train(lessons, held, vectors(), tmp_path / "whole", config, quiet=True)

    def broken(*args: object) -> None:
        write(*args)
        raise KeyboardInterrupt

    write = train.__globals__["write_checkpoint"]
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setitem(train.__globals__, "write_checkpoint", broken)
        train(lessons, held, vectors(), tmp_path / "parts", config, quiet=True)
    parts = train(lessons, held, vectors(), tmp_path / "parts", config, quiet=True)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), parts.parameters(), strict=True))


def shown_by_what_is_not_liked(n: int, seed: int, first_user: int = 0) -> tuple[Examples, np.ndarray]:
    """Lists of ten, jumbled by a feature that nobody cares for, clicked less the farther down; and the truth."""
    true, dice = planted(n, seed, first_user), np.random.default_rng(seed + 100)
    lists = (true.dense[:, 0] + dice.normal(0.0, 3.0, size=n)).reshape(-1, 10)
    places = np.argsort(np.argsort(-lists, axis=1), axis=1).ravel()
    looked = dice.random(n) < (1.0 + places) ** -1.0
    return replace(true, labels=(true.labels * looked).astype(np.float32), places=places), true.labels


def test_a_bias_by_place_takes_up_the_clicks_that_only_the_place_got(tmp_path: Path) -> None:
    """Among what is liked, logits with the bias lean less towards the feature that gave it its place."""
    lessons, _ = shown_by_what_is_not_liked(4000, 0)
    held, liked = shown_by_what_is_not_liked(1000, 1, 1000)
    leaning = {}
    for places in (0, 10):
        model = train(lessons, held, vectors(), tmp_path / f"{places}", replace(TINY, places=places), quiet=True)
        logits = score(model, held, vectors())
        leaning[places] = np.corrcoef(logits[liked > 0], held.dense[liked > 0, 0])[0, 1]
        bias = model.bias(torch.arange(10)).tolist()
    assert leaning[10] < leaning[0] - 0.1
    assert bias[0] > bias[1] > np.mean(bias[5:])


def test_a_model_with_places_is_served_by_the_same_inputs_and_gives_every_candidate_the_same_place(
    tmp_path: Path,
) -> None:
    lessons, _ = shown_by_what_is_not_liked(400, 0)
    config = replace(TINY, places=10, epochs=1)
    model = train(lessons, lessons, vectors(), tmp_path / "run", config, quiet=True)
    ids = [f"i{row}" for row in range(ITEMS)]
    assert export(tmp_path / "run", tmp_path / "served", ids, ["one", "two"]) < 1e-4
    ranker = DinRanker.load(tmp_path / "served", {item: row for row, item in enumerate(ids)}, vectors())
    assert {fed.name for fed in ranker.session.get_inputs()} == {"candidates", "history", "dense"}
    elsewhere = replace(lessons, places=lessons.places[::-1].copy())
    assert np.array_equal(score(model, lessons, vectors()), score(model, elsewhere, vectors()))


def test_weights_from_before_there_were_places_load_as_they_were(run: Path) -> None:
    model = load(run)
    assert model.config.places == 0 and not model.bias(torch.arange(-1, 3)).any()
    card = json.loads((WEIGHTS / "din" / "din.json").read_text(encoding="utf-8"))
    assert card["config"]["places"] == 0
    with np.load(WEIGHTS / "din" / "din.npz") as arrays:
        blank = np.zeros((3, len(arrays["projection"])), dtype=np.float32)
    shipped = DinRanker.load(WEIGHTS / "din", {"a": 0, "b": 1, "c": 2}, blank)
    dense = np.zeros((3, len(shipped.features)), dtype=np.float32)
    assert np.isfinite(shipped.logits(np.arange(3), np.array([0]), dense)).all()


def test_examples_of_different_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="different numbers"):
        Examples(np.zeros(3), np.zeros((2, 4)), np.zeros((3, 1)), np.zeros(3), np.zeros(3))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.integers(-3, 3)), min_size=1, max_size=40))
def test_gauc_is_the_weighted_mean_of_each_users_auc(rows: list[tuple[int, bool, int]]) -> None:
    users, labels, scores = (np.array(column) for column in zip(*rows, strict=True))
    areas, sizes = [], []
    for user in set(users.tolist()):
        mine = users == user
        if 0 < labels[mine].sum() < mine.sum():
            areas.append(roc_auc_score(labels[mine], scores[mine]))
            sizes.append(mine.sum())
    got = gauc(users, labels, scores)
    assert np.isnan(got) if not areas else got == pytest.approx(np.average(areas, weights=sizes))


def test_serving_gives_the_logits_of_training(run: Path, served: Path) -> None:
    assert difference(load(run), served, [f"i{row}" for row in range(ITEMS)]) < 1e-4


def test_only_the_latest_items_of_a_long_history_count_at_serving(served: Path) -> None:
    ranker = DinRanker.load(served, {f"i{row}": row for row in range(ITEMS)}, vectors())
    candidates, dense, history = np.arange(6), np.zeros((6, 2)), np.arange(20)
    assert np.array_equal(ranker.logits(candidates, history, dense), ranker.logits(candidates, history[-SEEN:], dense))
    assert not np.allclose(ranker.logits(candidates, history, dense), ranker.logits(candidates, history[:SEEN], dense))


def test_an_item_new_to_the_model_is_ranked_by_its_content(served: Path) -> None:
    known = DinRanker.load(served, {f"i{row}": row for row in range(ITEMS)}, vectors())
    fresh = DinRanker.load(served, {f"new{row}": row for row in range(ITEMS)}, vectors())
    assert known.features == ("one", "two")
    candidates, history, dense = np.arange(12), np.array([0, 6]), np.zeros((12, 2))
    assert np.allclose(known.logits(candidates, history, dense), fresh.logits(candidates, history, dense), atol=1e-5)
    assert fresh.logits(np.array([], dtype=np.int64), history, np.zeros((0, 2))).shape == (0,)


def test_vectors_of_another_width_are_refused(served: Path) -> None:
    with pytest.raises(ValueError, match="wants vectors of width 12"):
        DinRanker.load(served, {"i0": 0}, np.zeros((1, 5), np.float32))
