"""Rules of models that read together: decoders of one set, one token table, each model found again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from chat.llm.context import Context
from chat.llm.ensemble import Ensemble, decoder_files
from chat.llm.llama import LlamaDecoder
from chat.llm.prefix import ENCODER
from chat.llm.understanding import WEIGHTS, Understanding
from lab.understanding import fit
from lab.understanding.distil import Rows
from lab.understanding.export import export
from lab.understanding.fit import Recipe, resumed, save
from lab.understanding.meanings import Meanings, translations
from lab.understanding.model import Readers, build, disagreement
from lab.understanding.origins import E5, MINILM
from lab.understanding.restore import restored


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(WEIGHTS / "tokenizer.json"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, tokenizer: Tokenizer) -> Path:
    """A run of one model that knows nothing yet."""
    folder = tmp_path_factory.mktemp("run")
    torch.manual_seed(5)
    state = build(tokenizer.get_vocab_size(), [1]).state_dict()
    save(folder / "model.pt", {"model": state, "last": state, "layers": [1], "step": 7, "seed": 5, "told": {}})
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture(scope="module")
def grown(run: Path, tokenizer: Tokenizer) -> Iterator[Readers]:
    """That run with two further models, the last of another origin, as after a few steps: everything has moved."""
    fresh = build(tokenizer.get_vocab_size(), [1], [E5]).state_dict()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(fit, "first_state", lambda *_: fit.encoder_of(fresh, 0))
        readers, step = resumed(run, tokenizer, Recipe(origins=(MINILM, MINILM, E5), layers=2))
    assert step == 7
    with torch.no_grad():
        for parameter in readers.parameters():
            parameter += 1e-3 * torch.randn_like(parameter)
    yield readers.eval()


@pytest.fixture(scope="module")
def weights(grown: Readers, run: Path) -> Path:
    """Weights of the three."""
    folder, state = run / "three", grown.state_dict()
    folder.mkdir()
    shutil.copy(run / "tokenizer.json", folder / "tokenizer.json")
    shape = {"layers": [1, 2, 2], "origins": list(grown.origins)}
    save(folder / "model.pt", {"model": state, "last": state, **shape, "step": 9, "seed": 5, "told": {}})
    export(folder, folder / "weights")
    return folder / "weights"


def test_an_ensemble_scores_the_mean_of_its_decoders() -> None:
    path = decoder_files(WEIGHTS)[0]
    prefixes = np.random.default_rng(3).normal(0, 0.3, (2, 5, 384)).astype(np.float32)
    single, alone = LlamaDecoder(path, 1), []
    for prefix in prefixes:
        single.start(prefix)
        alone.append([single.step(token) for token in (1, 9)])
    single.close()
    together = Ensemble.load([path, path], 1)
    together.start(prefixes)
    for step, token in enumerate((1, 9)):
        assert np.allclose(together.step(token), (alone[0][step] + alone[1][step]) / 2, atol=1e-5)
    together.back_to(1)
    assert np.allclose(together.step(9), (alone[0][1] + alone[1][1]) / 2, atol=1e-3)
    together.close()


def test_prefixes_for_another_number_of_decoders_are_refused() -> None:
    one = Ensemble.load(decoder_files(WEIGHTS)[:1], 1)
    with pytest.raises(ValueError):
        one.start(np.zeros((2, 4, 384), dtype=np.float32))
    one.close()


def test_a_further_model_begins_with_the_encoder_of_the_first_and_a_decoder_of_its_own(
    run: Path, tokenizer: Tokenizer
) -> None:
    first, second = resumed(run, tokenizer, Recipe(layers=2))[0]
    theirs, ours = first.encoder.state_dict(), second.encoder.state_dict()
    assert all(torch.equal(theirs[name], value) for name, value in ours.items())
    assert (first.decoder.shape.layers, second.decoder.shape.layers) == (1, 2)
    assert not torch.equal(first.decoder.e.weight, second.decoder.e.weight)


def test_models_of_one_origin_share_one_table_and_others_have_their_own(grown: Readers) -> None:
    first, second, third = grown
    assert first.table is second.table and first.table is not third.table and len(grown.tables) == 2
    assert [model.encoder.config.num_hidden_layers for model in grown] == [6, 6, 8]


def test_weights_of_several_models_ship_as_one_and_all_are_found_again(weights: Path, grown: Readers) -> None:
    assert [path.name for path in decoder_files(weights)] == ["decoder.gguf", "decoder.1.gguf", "decoder.2.gguf"]
    found, cosine = restored(weights)
    assert cosine > 0.98
    state = found.state_dict()
    for name, value in grown.state_dict().items():
        if value.is_floating_point() and value.dim() > 1:
            near = torch.nn.functional.cosine_similarity(state[name].flatten(), value.flatten(), dim=0)
            assert near > 0.99, name


def test_an_ensemble_reads(weights: Path) -> None:
    model = Understanding.load(weights)
    parse = model.parse("something funny", Context())
    assert all(call.name for call in parse.calls) and 0 <= parse.confidence <= 1
    model.close()


def test_decoders_that_the_encoder_has_no_prefix_for_are_refused(weights: Path, tmp_path: Path) -> None:
    shutil.copytree(weights, tmp_path / "weights")
    (tmp_path / "weights" / "decoder.2.gguf").unlink()
    with pytest.raises(ValueError, match="holds 2 decoders"):
        Understanding.load(tmp_path / "weights")


@pytest.mark.parametrize("content", [b"", b"no archive", None], ids=["empty", "another file", "cut short"])
def test_a_damaged_encoder_is_refused_by_name(weights: Path, tmp_path: Path, content: bytes | None) -> None:
    shutil.copytree(weights, tmp_path / "weights")
    file = tmp_path / "weights" / ENCODER
    file.write_bytes(file.read_bytes()[:-1000] if content is None else content)
    with pytest.raises(ValueError, match=f"{ENCODER} is damaged"):
        Understanding.load(tmp_path / "weights")


def test_two_readings_that_agree_cost_nothing_and_others_something() -> None:
    torch.manual_seed(1)
    half, real = torch.randn(3, 4, 6), torch.ones(6, 4)
    assert disagreement(torch.cat((half, half)), real).abs() < 1e-6
    other = half.clone()
    other[0, 3] += torch.arange(6)
    assert disagreement(torch.cat((half, other)), real) > 0.01
    real[[0, 3], 3] = 0
    assert disagreement(torch.cat((half, other)), real).abs() < 1e-6


def test_learning_meanings_moves_the_encoder_towards_the_english(grown: Readers, tokenizer: Tokenizer) -> None:
    words = ["灯塔", "海岛", "寡妇", "侦探"] * 64
    rows = Rows([code.ids for code in tokenizer.encode_batch(words)], "cpu", 0)
    wanted = torch.eye(4)[[index % 4 for index in range(256)]]
    meanings, encoders = Meanings(rows, wanted, 384), [model.encoder for model in grown]
    adam = torch.optim.Adam(meanings.map.parameters(), lr=0.02)
    losses = []
    for _ in range(12):
        loss = meanings.loss(encoders)
        losses.append(loss.item())
        adam.zero_grad()
        loss.backward()
        adam.step()
    assert losses[-1] < 0.6 * losses[0]
    assert all(encoder.embeddings.LayerNorm.weight.grad.abs().sum() > 0 for encoder in encoders)


def test_translations_are_words_sentences_and_names(tmp_path: Path) -> None:
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "en-zh.tsv").write_text("Good morning.\t早上好。\n", encoding="utf-8")
    pairs = translations(tmp_path)
    assert {("lighthouse", "灯塔"), ("Good morning.", "早上好。")} <= set(pairs)
    assert all(en and zh for en, zh in pairs)
