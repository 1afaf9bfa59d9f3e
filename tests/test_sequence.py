"""The sequence model: what it learns, how it is measured, and that serving gives torch's scores."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.recommender.data import Ratings
from lab.recommender.sasrec import _loss, train
from lab.recommender.sasrec_export import difference, export
from lab.recommender.sasrec_model import LOSSES, Config, SasRec, load
from lab.recommender.sasrec_ranking import Exam, exams
from recommend.sequence import SequenceModel

ITEMS = 30
TINY = Config(hidden=16, longest=12, batch=32, epochs=40, patience=40, rate=1e-2, dropout=0.0)


def walks(users: int = 96, seed: int = 0) -> Ratings:
    """Everybody walks round the items in steps of 1 or of 7: the last two items tell the next."""
    dice = np.random.default_rng(seed)
    starts, lengths = dice.integers(ITEMS, size=users), dice.integers(5, 20, size=users)
    steps = dice.choice([1, 7], size=users)
    walked = zip(starts, lengths, steps, strict=True)
    sequences = tuple(((start + step * np.arange(n)) % ITEMS).astype(np.int32) for start, n, step in walked)
    names = tuple(f"i{row}" for row in range(ITEMS))
    return Ratings("walks", names, names, tuple(f"u{user}" for user in range(users)), sequences, None)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("run")
    train(walks(), TINY, run)
    return run


@pytest.fixture(scope="module")
def served(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("served")
    export(trained, out)
    return out


def fresh(**changes: object) -> SasRec:
    torch.manual_seed(3)
    return SasRec(ITEMS, Config(**{"hidden": 16, "longest": 12, **changes})).eval()  # type: ignore[arg-type]


def test_it_learns_an_order_that_only_the_last_two_items_tell(trained: Path) -> None:
    model, ids = load(trained)
    right = 0
    for start in range(ITEMS):
        for step in (1, 7):
            history = (start + step * np.arange(6)) % ITEMS
            with torch.no_grad():
                state = model(torch.from_numpy(history[None, :5] + 1), torch.tensor([5]))[0, -1]
            right += int((model.items.weight[1:] @ state).argmax()) == history[5]
    assert ids[0] == "i0" and right >= 54


def test_a_run_tells_its_config_its_data_and_its_figures(trained: Path) -> None:
    told = json.loads((trained / "run.json").read_text(encoding="utf-8"))
    assert told["config"]["hidden"] == 16 and len(told["data_sha256"]) == 64 and told["finished"]
    assert told["metrics"]["test"]["ndcg@10"] > 0.8
    assert not (trained / "checkpoint.pt").exists()


def test_a_run_broken_off_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    config = Config(**{**TINY.__dict__, "epochs": 3, "dropout": 0.2})
    train(walks(), config, tmp_path / "whole")
    for _ in range(3):
        train(walks(), config, tmp_path / "parts", minutes=0.0)
    assert not (tmp_path / "parts" / "checkpoint.pt").exists()
    whole, parts = load(tmp_path / "whole")[0], load(tmp_path / "parts")[0]
    for name, weights in whole.state_dict().items():
        assert torch.equal(weights, parts.state_dict()[name]), name


def test_a_checkpoint_of_other_data_is_refused(tmp_path: Path) -> None:
    train(walks(), TINY, tmp_path, minutes=0.0)
    with pytest.raises(ValueError, match="other data"):
        train(walks(seed=1), TINY, tmp_path)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, ITEMS), min_size=2, max_size=12), st.integers(1, 11), st.integers(1, ITEMS))
def test_a_state_never_sees_what_comes_after_it(ids: list[int], cut: int, other: int) -> None:
    cut = min(cut, len(ids) - 1)
    changed = [*ids[:cut], *([other] * (len(ids) - cut))]
    model, lengths = fresh(), torch.tensor([len(ids)])
    with torch.no_grad():
        before, after = (model(torch.tensor([row]), lengths)[0, :cut] for row in (ids, changed))
    assert torch.allclose(before, after, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, ITEMS), min_size=1, max_size=12), st.integers(1, 6))
def test_padding_behind_changes_nothing(ids: list[int], padding: int) -> None:
    model, lengths = fresh(), torch.tensor([len(ids)])
    with torch.no_grad():
        plain = model(torch.tensor([ids]), lengths)[0]
        padded = model(torch.tensor([[*ids, *([0] * padding)]]), lengths)[0, : len(ids)]
    assert torch.allclose(plain, padded, atol=1e-6)


@pytest.mark.parametrize("length", [1, 5, 12])
def test_places_are_counted_from_the_end_of_a_history(length: int) -> None:
    model = fresh(blocks=0)
    with torch.no_grad():
        got = model(torch.full((1, 12), 4), torch.tensor([length]))[0, length - 1]
        wanted = model.last(model.items.weight[4] * 4.0 + model.places.weight[11])
    assert torch.allclose(got, wanted, atol=1e-6)


def test_the_figures_are_those_of_a_ranking_made_by_hand() -> None:
    model, ratings = fresh(), walks(20)
    ranks = []
    for sequence in ratings.sequences:
        with torch.no_grad():
            history = torch.from_numpy(sequence[None, :-1].astype(np.int64))[:, -12:] + 1
            scores = model(history, torch.tensor([history.shape[1]]))[0, -1] @ model.items.weight[1:].T
        unseen = [row for row in range(ITEMS) if row not in set(sequence[:-1].tolist()) - {int(sequence[-1])}]
        ranks.append(sum(float(scores[row]) > float(scores[sequence[-1]]) for row in unseen))
    figures = exams(ratings, 12, "cpu")["test"].figures(model)
    assert figures["hr@10"] == pytest.approx(np.mean([rank < 10 for rank in ranks]))
    assert figures["ndcg@10"] == pytest.approx(np.mean([(rank < 10) / np.log2(rank + 2) for rank in ranks]))


def test_a_model_that_scores_everything_alike_hits_nothing() -> None:
    model = fresh()
    with torch.no_grad():
        model.items.weight.zero_()
    exam = exams(walks(20), 12, "cpu")["test"]
    assert exam.figures(model)["hr@10"] == 0.0
    assert Exam([np.array([0])], np.array([1]), [np.array([0, 1])], 12, "cpu").sampled(model)["hr@10 of 100"] == 0.0


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_falls_when_the_right_item_scores_higher(loss: str) -> None:
    model = fresh(loss=loss, negatives=16, hidden=32)
    targets = torch.arange(1, 9)
    with torch.no_grad():
        model.items.weight.copy_(torch.eye(ITEMS + 1, 32))
        losses = []
        for pull in (0.0, 1.0, 3.0):
            torch.manual_seed(0)
            losses.append(float(_loss(model, pull * model.items.weight[targets], targets)))
    assert losses[0] > losses[1] > losses[2]


def test_sampled_softmax_with_many_negatives_comes_near_the_full_one() -> None:
    full, sampled = fresh(), fresh(loss="sampled", negatives=200_000)
    states = torch.randn(4, 16, generator=torch.Generator().manual_seed(1)) * 20
    targets = torch.tensor([1, 9, 17, 30])
    with torch.no_grad():
        near, wanted = (float(_loss(model, states, targets)) for model in (sampled, full))
    assert near == pytest.approx(wanted, rel=0.01)


def test_serving_gives_the_scores_of_training(trained: Path, served: Path) -> None:
    model, ids = load(trained)
    assert difference(model, served, ids) < 1e-4
    assert b"/lab/" not in (served / "sequence.onnx").read_bytes()


def test_items_are_found_by_id_whatever_their_row_and_strangers_score_lowest(served: Path) -> None:
    ids = [f"i{row}" for row in range(ITEMS)]
    plain = SequenceModel.load(served, {item: row for row, item in enumerate(ids)})
    mixed = ["stranger", *reversed(ids[:20]), "other"]
    moved = SequenceModel.load(served, {item: row for row, item in enumerate(mixed)})
    here = moved.scores(np.array([0, 20, 19, 18]))
    there = plain.scores(np.array([0, 1, 2]))
    assert here is not None and there is not None and here.dtype == np.float32 and here.shape == (22,)
    assert np.allclose(here[1:21], there[:20][::-1], atol=1e-5)
    assert here[0] == here[21] == here.min()


def test_a_history_of_strangers_gets_no_scores(served: Path) -> None:
    model = SequenceModel.load(served, {"i0": 0, "stranger": 1})
    assert model.scores(np.array([1, 1])) is None
    assert model.scores(np.array([], dtype=np.int64)) is None


def test_a_missing_graph_is_told_by_its_path(served: Path, tmp_path: Path) -> None:
    for name in ("sequence.npz", "sequence.json"):
        (tmp_path / name).write_bytes((served / name).read_bytes())
    with pytest.raises(FileNotFoundError, match="sequence.onnx is missing"):
        SequenceModel.load(tmp_path, {"i0": 0})
