"""The cross-encoder reads pairs as it was trained to, brings up what fits the text, and can do nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper
from tokenizers import Tokenizer, models, pre_tokenizers

from catalog.gloss import Gloss
from catalog.search import NAMED
from recommend.crossencoder import CARD, GRAPH, TOKENIZER, WEIGHTS, Card, CrossEncoder, Reader
from recommend.pipeline import Pipeline
from recommend.reading import Reading, read
from recommend.request import Candidate
from recommend.rerank import DEPTH, widened
from tests.recommend_stage import catalogue, request, search
from tests.recommend_stage import models as learnt

VOCABULARY = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "ghost": 4, "train": 5, "sea": 6}
LONGEST, ASKED = 12, 4


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> CrossEncoder:
    """Scores a pair by the sum of the item's token ids, its end mark among them, and a tenth of the request's."""
    folder = tmp_path_factory.mktemp("weights")
    _write_graph(folder / GRAPH)
    tokenizer = Tokenizer(models.WordLevel(VOCABULARY, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / TOKENIZER))
    card = {"longest": LONGEST, "request_tokens": ASKED, "weight": 0.05, "figures": "and more"}
    (folder / CARD).write_text(json.dumps(card), encoding="utf-8")
    return CrossEncoder.load(folder)


def _write_graph(path: Path) -> None:
    columns = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "t"])
        for name in ("input_ids", "attention_mask", "token_type_ids")
    ]
    score = helper.make_tensor_value_info("score", TensorProto.FLOAT, ["n"])
    ten = helper.make_tensor("ten", TensorProto.FLOAT, [], [10.0])
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [1])
    nodes = [
        helper.make_node("Mul", ["input_ids", "attention_mask"], ["seen"]),
        helper.make_node("Mul", ["seen", "token_type_ids"], ["item"]),
        helper.make_node("Sub", ["seen", "item"], ["request"]),
        helper.make_node("Cast", ["item"], ["item_f"], to=TensorProto.FLOAT),
        helper.make_node("Cast", ["request"], ["request_f"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["request_f", "ten"], ["small"]),
        helper.make_node("Add", ["item_f", "small"], ["both"]),
        helper.make_node("ReduceSum", ["both", "axes"], ["score"], keepdims=0),
    ]
    graph = helper.make_graph(nodes, "sum", columns, [score], [ten, axes])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def test_a_pair_is_marked_request_mark_item_mark(encoder: CrossEncoder) -> None:
    found = encoder.scores("ghost train", ["sea", "sea train ghost"])
    start, end = 2, 3
    asked = (start + 4 + 5 + end) / 10
    assert found.tolist() == pytest.approx([asked + 6 + end, asked + 6 + 5 + 4 + end])


def test_a_longer_neighbour_changes_no_score(encoder: CrossEncoder) -> None:
    alone = encoder.scores("ghost", ["sea"])
    assert encoder.scores("ghost", ["sea", "sea " * 30])[0] == alone[0]


@given(st.integers(1, 30), st.integers(0, 40))
def test_a_pair_is_cut_to_the_length_that_was_trained(encoder: CrossEncoder, asked: int, told: int) -> None:
    kept = min(asked, ASKED)
    room = min(told, LONGEST - 3 - kept)
    score = encoder.scores(" ".join(["ghost"] * asked), [" ".join(["sea"] * told)])[0]
    assert score == pytest.approx((2 + 4 * kept + 3) / 10 + 6 * room + 3, rel=1e-5)


def test_nothing_to_read_gives_nothing(encoder: CrossEncoder) -> None:
    assert encoder.scores("ghost", []).shape == (0,)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=GRAPH):
        CrossEncoder.load(tmp_path)


@dataclass
class Fond:
    """Likes texts with a word; counts how many it is given."""

    word: str
    card: Card = Card(longest=64, request_tokens=24, weight=1.0)
    given: int = 0

    def scores(self, request: str, texts: list[str]) -> np.ndarray:
        self.given = len(texts)
        return np.array([float(self.word in text) for text in texts], dtype=np.float32)


def reader(fond: Fond, **more: int) -> Reader:
    return Reader(fond, catalogue(), **more)  # type: ignore[arg-type]


def asked(text: str, size: int = 6) -> Reading:
    return read(request(intent="search", query=text, size=size), catalogue(), learnt())


def candidates(reading: Reading, count: int, named: int = 0) -> list[Candidate]:
    rows = np.flatnonzero(reading.allowed)[:count].tolist()
    items = reading.catalogue.items
    return [
        Candidate(
            item_id=items[row].id,
            row=row,
            sources={"query": NAMED if place < named else 0.5},
            fine=10.0 * (0.95 if place < named else 0.5) - 0.01 * place,
        )
        for place, row in enumerate(rows)
    ]


def test_what_fits_the_text_comes_up(encoder: CrossEncoder) -> None:
    reading = asked("ghosts")
    chosen = candidates(reading, 12)
    author = catalogue().items[chosen[9].row].author or ""
    fond = Gloss.of(catalogue().words).in_english(author, shortest=2) or catalogue().items[chosen[9].row].title
    assert reader(Fond(fond))(reading, chosen)[0] in {
        place for place, c in enumerate(chosen) if fond in reader(Fond(fond))._text(c.row)
    }


@given(st.integers(0, 40), st.integers(0, 5), st.integers(0, 30), st.sampled_from(["ghosts", "鬼故事", "？？"]))
def test_the_order_is_a_permutation_and_keeps_named_and_deep_places(
    count: int, named: int, depth: int, text: str
) -> None:
    reading = asked(text)
    chosen = candidates(reading, count, named)
    order = list(reader(Fond("a"), depth=depth)(reading, chosen))
    assert sorted(order) == list(range(len(chosen)))
    stays = [*range(min(named, len(chosen))), *range(min(depth, len(chosen)), len(chosen))]
    assert [order[place] for place in stays] == stays


@pytest.mark.parametrize("text", ["鬼故事", "一个 ghost story", "  "])
def test_what_it_cannot_read_is_left_to_the_search(text: str) -> None:
    fond = Fond("a")
    assert list(reader(fond)(asked(text), candidates(asked(text), 9))) == list(range(9)) and fond.given == 0


@pytest.mark.parametrize("intent", ["home", "similar", "trending"])
def test_without_a_text_nothing_is_read(intent: str) -> None:
    fond = Fond("a")
    reading = read(request(intent=intent, anchor=catalogue().items[0].id), catalogue(), learnt())
    chosen = candidates(reading, 9)
    assert list(reader(fond)(reading, chosen)) == list(range(9)) and fond.given == 0


def test_equal_words_of_the_encoder_keep_the_order() -> None:
    reading = asked("ghosts")
    chosen = candidates(reading, 15, named=2)
    assert list(reader(Fond("no text has this"))(reading, chosen)) == list(range(15))


def test_a_search_is_read_deeper_than_it_is_shown_and_cut_afterwards() -> None:
    fond = Fond("a")
    pipeline = Pipeline(catalogue(), search(), learnt(), reranker=reader(fond))
    slate = pipeline.recommend(request(intent="search", query="ghost story", size=4))
    assert len(slate.cards) == 4 and 4 < fond.given <= DEPTH


def test_only_a_search_gets_more_room() -> None:
    assert widened(asked("ghosts", size=6)).request.size == DEPTH
    assert widened(asked("ghosts", size=50)).request.size == 50
    home = read(request(size=6), catalogue(), learnt())
    assert widened(home) is home


@pytest.mark.skipif(not (WEIGHTS / CARD).is_file(), reason="no weights are shipped")
def test_the_shipped_model_tells_what_fits_from_what_does_not() -> None:
    encoder = CrossEncoder.load()
    texts = [
        "Ghost Stories of an Antiquary. M. R. James. Ghost stories. scary. scholars, cathedral libraries",
        "The Intelligent Investor. Benjamin Graham. Investing. informative. value investing, margin of safety",
        "Born to Run. Christopher McDougall. Fitness. adventurous. ultramarathon, running shoes",
    ]
    for place, wish in enumerate(["a spooky tale of haunted libraries", "how to invest in shares", "running far"]):
        assert int(np.argmax(encoder.scores(wish, texts))) == place
