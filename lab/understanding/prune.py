"""Leaves out pieces that our texts hardly use: `python -m lab.understanding.prune --run RUN [--least 6]`.

A third of MiniLM's pieces never occur in talk about audio ("chrysler", Bengali, "[unused7]"); each costs a row in
every table of token embeddings. What is left out is spelt with smaller pieces. `model.pt` and `tokenizer.json` of the
run are written anew; training can go on from them.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from catalog.sources import PUBLIC_DATA
from chat.llm.context import layout
from chat.llm.lexicon import lines
from lab.understanding.corpus import split
from lab.understanding.distil import vocabulary_files
from lab.understanding.e5 import SPECIAL
from lab.understanding.fit import save
from lab.understanding.progress import log_to
from lab.understanding.restore import TABLE
from lab.understanding.vocabulary import is_cjk


def texts(public: Path) -> Iterator[str]:
    """What people say to us, the names we know, the catalogue, running text of both languages, titles of books."""
    yield from (layout(record.utterance, record.context).text for record in split()[0])
    yield from (name for _, _, name in lines())
    for path in (*(p for p in vocabulary_files(public) if not p.name.startswith("train.")), public / "text/en.txt"):
        yield from path.read_text(encoding="utf-8").splitlines()
    with (public / "goodbooks10k/books.csv").open(encoding="utf-8", newline="") as file:
        yield from (" ".join(row) for row in csv.reader(file))


def counted(tokenizer: Tokenizer, said: Iterable[str]) -> Counter[int]:
    """How often each piece occurs."""
    found: Counter[int] = Counter()
    for text in said:
        found.update(tokenizer.encode(text, add_special_tokens=False).ids)
    return found


def kept_pieces(tokenizer: Tokenizer, counts: Mapping[int, int], least: int) -> list[str]:
    """Pieces in the order of their numbers: the special ones, the characters that spell, and what is used enough.

    Latin and Chinese characters always stay, others where they occur at all.
    """

    def kept(piece: str, number: int) -> bool:
        char, often = piece.removeprefix("##"), counts.get(number, 0)
        spells = len(char) == 1 and (char.isascii() or is_cjk(char) or often > 0)
        return piece in SPECIAL or spells or often >= least

    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda entry: entry[1])
    return [piece for piece, number in vocabulary if kept(piece, number)]


def pruned_tokenizer(tokenizer: Tokenizer, pieces: list[str]) -> Tokenizer:
    """The same tokenizer with these pieces only, numbered anew."""
    spec = json.loads(tokenizer.to_str())
    numbers = {piece: number for number, piece in enumerate(pieces)}
    spec["model"]["vocab"] = numbers
    spec["added_tokens"] = [{**token, "id": numbers[token["content"]]} for token in spec["added_tokens"]]
    for name, special in spec["post_processor"]["special_tokens"].items():
        special["ids"] = [numbers[name]]
    return Tokenizer.from_str(json.dumps(spec, ensure_ascii=False))


def pruned_state(state: Mapping[str, torch.Tensor], rows: torch.Tensor) -> dict[str, torch.Tensor]:
    """A state whose tables of token embeddings hold these rows only."""
    return {name: value[rows].clone() if name.endswith(TABLE) else value for name, value in state.items()}


def prune(run: Path, public: Path, least: int) -> tuple[int, int]:
    """Rewrites the run; returns how many pieces there were and are."""
    tokenizer = Tokenizer.from_file(str(run / "tokenizer.json"))
    tokenizer.no_truncation()
    pieces = kept_pieces(tokenizer, counted(tokenizer, texts(public)), least)
    rows = torch.tensor([tokenizer.token_to_id(piece) for piece in pieces])
    saved: dict[str, Any] = torch.load(run / "model.pt", weights_only=True)
    smaller = pruned_tokenizer(Tokenizer.from_file(str(run / "tokenizer.json")), pieces)
    save(run / "model.pt", {**saved, **{part: pruned_state(saved[part], rows) for part in ("model", "last")}})
    smaller.save(str(run / "tokenizer.json"))
    return tokenizer.get_vocab_size(), len(pieces)


def main() -> None:
    """Prunes as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--folder", type=Path, default=PUBLIC_DATA, help="folder of public data")
    parser.add_argument("--least", type=int, default=6, help="how often a piece must occur in our texts")
    args = parser.parse_args()
    before, after = prune(args.run, args.folder, args.least)
    log_to("prune").info("%d of %d pieces kept", after, before)


if __name__ == "__main__":
    main()
