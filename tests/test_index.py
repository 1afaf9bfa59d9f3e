"""The vector store and the embedder: nothing is embedded twice, nothing is lost, whatever happens in between."""

from __future__ import annotations

import hashlib
import socket
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from catalog.chroma import StoreError
from catalog.demo import demo_items, demo_words
from catalog.embed import PROBES, Embedder, EmbedError, ModelCard
from catalog.gloss import Gloss
from catalog.index import STEP, VectorStore, item_text
from catalog.items import Item

DIM = 4


class CountingEmbedder(Embedder):
    """The simplest legal embedder: a vector from the hash of a text; counts its work and can fail at some text."""

    def __init__(self, name: str = "toy", stop_after: int | None = None) -> None:
        card = ModelCard(source=name, form="fp32", dim=DIM, max_tokens=8, inputs=(), cosine=1.0, reads_chinese=False)
        super().__init__(name, card, self._vector)
        self.embedded: list[str] = []
        self._stop_after = stop_after

    def _vector(self, text: str) -> np.ndarray:
        if self._stop_after is not None and len(self.embedded) >= self._stop_after:
            raise KeyboardInterrupt
        self.embedded.append(text)
        digits = np.frombuffer(hashlib.sha256(text.encode()).digest()[:DIM], dtype=np.uint8)
        return ((digits + 1.0) / np.linalg.norm(digits + 1.0)).astype(np.float32)


def book(number: int, **fields: object) -> Item:
    known: dict[str, object] = {
        "id": f"b{number}", "title": f"Book {number}", "format": "audiobook", "category": "mystery/detective/cozy",
        "language": "en", "minutes": 60, "added": date(2024, 1, 1),
    }  # fmt: skip
    return Item.model_validate({**known, **fields})


def test_only_new_and_changed_texts_are_embedded(tmp_path):
    store, items = VectorStore(tmp_path), [book(n) for n in range(5)]
    first = CountingEmbedder()
    vectors = store.sync(items, first)
    assert len(first.embedded) == 5
    again = CountingEmbedder()
    assert np.allclose(VectorStore(tmp_path).sync(items, again), vectors, atol=1e-6)
    assert again.embedded == []
    items[2] = book(2, description="Now with a murder.")
    items.append(book(9))
    changed = CountingEmbedder()
    store.sync(items, changed)
    assert len(changed.embedded) == 2


def test_a_change_that_is_not_in_the_text_embeds_nothing(tmp_path):
    VectorStore(tmp_path).sync([book(1)], CountingEmbedder())
    again = CountingEmbedder()
    VectorStore(tmp_path).sync([book(1, plays=900, price=3, access="paid", available=False)], again)
    assert again.embedded == []


def test_vectors_come_in_the_order_of_the_items_and_have_length_one(tmp_path):
    items = [book(n) for n in range(40)]
    forward = VectorStore(tmp_path).sync(items, CountingEmbedder())
    backward = VectorStore(tmp_path).sync(items[::-1], CountingEmbedder())
    assert np.allclose(forward, backward[::-1])
    assert np.allclose(np.linalg.norm(forward, axis=1), 1, atol=1e-5)
    assert forward.dtype == np.float32


def test_items_that_are_gone_are_forgotten(tmp_path):
    VectorStore(tmp_path).sync([book(1), book(2)], CountingEmbedder())
    assert VectorStore(tmp_path).sync([book(2)], CountingEmbedder()).shape == (1, DIM)
    back = CountingEmbedder()
    VectorStore(tmp_path).sync([book(1), book(2)], back)
    assert len(back.embedded) == 1


def test_an_interrupted_sync_goes_on_where_it_stopped(tmp_path):
    items = [book(n) for n in range(3 * STEP)]
    with pytest.raises(KeyboardInterrupt):
        VectorStore(tmp_path).sync(items, CountingEmbedder(stop_after=2 * STEP + 5))
    rest = CountingEmbedder()
    assert len(VectorStore(tmp_path).sync(items, rest)) == len(items)
    assert len(rest.embedded) == STEP


KILLED = """
import os, sys
from pathlib import Path
from tests.test_index import STEP, CountingEmbedder, VectorStore, book
def dies(share, line):
    if share > 0.5:
        os.kill(os.getpid(), 9)
VectorStore(Path(sys.argv[1])).sync([book(n) for n in range(3 * STEP)], CountingEmbedder(), dies)
"""


def test_a_killed_sync_goes_on_where_it_stopped(tmp_path):
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=root, check=False)
    assert done.returncode == -9
    rest = CountingEmbedder()
    vectors = VectorStore(tmp_path).sync([book(n) for n in range(3 * STEP)], rest)
    assert len(rest.embedded) == STEP
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


SECOND = """
import sys
from pathlib import Path
from tests.test_index import CountingEmbedder, VectorStore, book
vectors = VectorStore(Path(sys.argv[1])).sync([book(n) for n in range(300)], CountingEmbedder())
assert vectors.shape[0] == 300
"""


def test_two_processes_that_sync_one_folder_do_not_spoil_it(tmp_path):
    root = Path(__file__).resolve().parent.parent
    command = [sys.executable, "-c", SECOND, str(tmp_path)]
    both = [subprocess.Popen(command, cwd=root) for _ in range(2)]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    after = CountingEmbedder()
    VectorStore(tmp_path).sync([book(n) for n in range(300)], after)
    assert after.embedded == []


def test_more_items_than_chroma_takes_at_once(tmp_path):
    items = [book(n) for n in range(5600)]
    VectorStore(tmp_path).sync(items, CountingEmbedder())
    again = CountingEmbedder()
    vectors = VectorStore(tmp_path).sync(items, again)
    assert again.embedded == []
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert VectorStore(tmp_path).sync(items[:10], again).shape == (10, DIM)


def test_a_damaged_folder_is_made_anew(tmp_path):
    items = [book(n) for n in range(300)]
    vectors = VectorStore(tmp_path).sync(items, CountingEmbedder())
    file = tmp_path / "chroma.sqlite3"
    file.write_bytes(file.read_bytes()[: 4096 * 5] + b"x" * 4096 * 30)
    again = CountingEmbedder()
    assert np.allclose(VectorStore(tmp_path).sync(items, again), vectors, atol=1e-6)
    assert len(again.embedded) == 300


def test_another_model_has_vectors_of_its_own(tmp_path):
    VectorStore(tmp_path).sync([book(1)], CountingEmbedder("one"))
    other = CountingEmbedder("two")
    VectorStore(tmp_path).sync([book(1)], other)
    assert len(other.embedded) == 1
    first = CountingEmbedder("one")
    VectorStore(tmp_path).sync([book(1)], first)
    assert first.embedded == []


def test_an_empty_catalogue_has_no_vectors(tmp_path):
    assert VectorStore(tmp_path).sync([], CountingEmbedder()).shape == (0, DIM)


def test_progress_rises_to_one(tmp_path):
    shares: list[float] = []
    VectorStore(tmp_path).sync([book(n) for n in range(300)], CountingEmbedder(), lambda share, _: shares.append(share))
    assert shares == sorted(shares)
    assert shares[-1] == 1


@pytest.fixture
def chroma_server(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Path(sys.executable).with_name("chroma")
    command = [str(program), "run", "--path", str(tmp_path / "server"), "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_for(port: int) -> None:
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"no Chroma server on port {port}")


def test_vectors_can_live_on_a_chroma_server(chroma_server):
    items = [book(n) for n in range(300)]
    vectors = VectorStore(chroma_server).sync(items, CountingEmbedder())
    again = CountingEmbedder()
    assert np.allclose(VectorStore(chroma_server).sync(items, again), vectors, atol=1e-6)
    assert again.embedded == []


def test_what_others_store_on_a_server_meanwhile_is_passed_over(chroma_server):
    items = [book(n) for n in range(4)]
    alone = VectorStore(chroma_server, "alone").sync(items, CountingEmbedder())

    def beside(share: float, line: str) -> None:
        VectorStore(chroma_server).sync([book(9), *items, book(10)], CountingEmbedder())

    assert np.allclose(VectorStore(chroma_server).sync(items, CountingEmbedder(), beside), alone, atol=1e-6)


def test_an_item_that_others_delete_on_a_server_meanwhile_never_gets_an_empty_vector(chroma_server):
    def beside(share: float, line: str) -> None:
        VectorStore(chroma_server).sync([book(0), book(9)], CountingEmbedder())

    with pytest.raises(StoreError, match=r"2 items \('b1' is one\).*server of its own"):
        VectorStore(chroma_server).sync([book(n) for n in range(3)], CountingEmbedder(), beside)


def test_a_server_that_does_not_answer_is_named():
    with pytest.raises(StoreError, match=r"http://127\.0\.0\.1:9.*chroma run"):
        VectorStore("http://127.0.0.1:9").sync([book(1)], CountingEmbedder())


def test_an_item_is_embedded_with_its_labels_in_english():
    words = demo_words()
    item = next(item for item in demo_items() if item.title == "明朝那些事儿")
    assert item_text(item, words).startswith("明朝那些事儿. 当年明月. Ancient China, Emperors & Rulers, 古代史")
    english = item_text(item, words, Gloss.of(words))
    assert "Ancient China" in english
    assert "明" not in english


def test_a_long_description_is_cut():
    long = item_text(book(1, description="word " * 900), demo_words())
    assert long.count("word") == 200
    assert item_text(book(1, description="字" * 900), demo_words()).count("字") == 200


@pytest.fixture(scope="module")
def model_cache(request) -> Path:
    return request.config.cache.mkdir("embedder")


def test_the_converted_model_agrees_with_itself_and_knows_near_from_far(model_cache):
    embedder = Embedder.load(None, model_cache)
    vectors = embedder.encode(PROBES)
    assert np.allclose(vectors, embedder.encode(PROBES, workers=3))
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    assert not embedder.reads_chinese
    near, far = embedder.embed("a bedtime story for kids"), embedder.embed("stock market crash")
    story = embedder.embed("goodnight tales for children")
    assert near @ story > 0.5 > far @ story
    assert embedder.encode([]).shape == (0, embedder.dim)


def test_the_converted_model_is_faithful_to_the_original(model_cache):
    Embedder.load(None, model_cache)
    cards = [ModelCard.model_validate_json(path.read_text()) for path in model_cache.glob("models/*/model.json")]
    assert all(card.cosine >= 0.98 for card in cards)


def test_a_model_that_is_not_there_is_named(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(EmbedError, match="empty"):
        Embedder.load(str(tmp_path / "empty"), tmp_path)
