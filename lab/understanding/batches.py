"""Endless batches of augmented examples, made in this process or by workers beside it."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from tokenizers import Tokenizer
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from chat.llm.dsl import BOS, FIRST_TOOL, POINTER0
from chat.llm.schema import TOOLS
from lab.understanding.augment import Pools, augment, joinable, joined
from lab.understanding.corpus import Example, Record, example

POOL = 12_288
"""Utterances that are made ready at a time, and sorted so that those of a batch are about as long."""
SHELVES = 4
"""Groups of a pool by the length of the target; within each the input's length counts."""
WORD_DROPOUT = 0.04
JOINED = 0.2
"""Share of joinable utterances that are said together with another one."""
JOINED_AGAIN = 0.3
"""Share of those that are said together with a third."""


class Batch(NamedTuple):
    """One step's tensors. n examples; t tokens of the input, s of the target.

    `ids`, `mask` (n, t); `given`, `wanted`, `real` (n, s); `tools` (n, tools) and `words` (n, t) as in `hinted`.
    """

    ids: torch.Tensor
    mask: torch.Tensor
    given: torch.Tensor
    wanted: torch.Tensor
    real: torch.Tensor
    tools: torch.Tensor
    words: torch.Tensor

    @classmethod
    def of(cls, examples: list[Example]) -> Batch:
        """Pads and shifts examples."""
        targets = [made.target for made in examples]
        ids, mask = padded([made.source for made in examples], 16)
        wanted, real = padded(targets, 8)
        given = torch.cat((torch.full((len(targets), 1), BOS), wanted[:, :-1]), 1)
        return cls(ids, mask, given, wanted, real, *hinted(targets, ids.shape[1]))

    def to(self, device: str) -> Batch:
        """The same batch on a device."""
        return Batch(*(tensor.to(device, non_blocking=True) for tensor in self))


def padded(rows: list[list[int]], step: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Token id rows as one tensor and the mask of what is real.

    The width is a multiple of `step`: matrix kernels are prepared anew for every shape, so few shapes train faster.
    """
    width = math.ceil(max(map(len, rows)) / step) * step
    ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
    return ids, torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])


def hinted(targets: list[list[int]], width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """From target tokens: the tools that are called (n, tools), and each input token's tool or 0 (n, width)."""
    tools, words = torch.zeros(len(targets), len(TOOLS)), torch.zeros(len(targets), width, dtype=torch.long)
    for n, row in enumerate(targets):
        tool, start = 0, None
        for token in row:
            if FIRST_TOOL <= token < FIRST_TOOL + len(TOOLS):
                tool = token - FIRST_TOOL + 1
                tools[n, tool - 1] = 1
            elif token >= POINTER0 and start is None:
                start = token - POINTER0
            elif token >= POINTER0:
                words[n, start : token - POINTER0 + 1] = tool
                start = None
    return tools, words


class Stream(IterableDataset):
    """Batches of examples of similar length, every record once an epoch; each worker has a stream of its own."""

    def __init__(
        self, records: list[Record], pools: Pools, tokenizer: Path, size: int, seed: int, *, augmented: bool = True
    ) -> None:
        super().__init__()
        self._records, self._pools, self._tokenizer = records, pools, tokenizer
        self._size, self._seed, self._augmented = size, seed, augmented

    def __iter__(self) -> Iterator[Batch]:
        info = get_worker_info()
        rng = random.Random(self._seed * 1000 + (info.id if info else 0))
        tokenizer = Tokenizer.from_file(str(self._tokenizer))
        variants = _Variants(self._records, self._pools, rng) if self._augmented else None
        while True:
            order = rng.sample(self._records, len(self._records))
            for at in range(0, len(order), POOL):
                part = order[at : at + POOL]
                yield from self._batches([_made(record, variants, tokenizer) for record in part], tokenizer, rng)

    def _batches(self, found: list[Example | None], tokenizer: Tokenizer, rng: random.Random) -> Iterator[Batch]:
        ready = [made for made in found if made]
        if self._augmented:
            ready = [blurred(made, tokenizer.token_to_id("[MASK]"), rng) for made in ready]
        full = len(ready) // self._size * self._size  # what does not fill a batch is left out by chance, not by length
        groups = list(alike(rng.sample(ready, full), self._size))
        yield from map(Batch.of, rng.sample(groups, len(groups)))


def alike(ready: list[Example], size: int) -> Iterator[list[Example]]:
    """Groups of `size` examples whose targets and inputs are about as long, so that little is padded."""
    shelf = max(1, math.ceil(len(ready) / size / SHELVES)) * size
    ready = sorted(ready, key=lambda made: len(made.target))
    for start in range(0, len(ready), shelf):
        row = sorted(ready[start : start + shelf], key=lambda made: len(made.source))
        yield from (row[at : at + size] for at in range(0, len(row), size))


def loader(stream: Stream, workers: int, device: str = "cpu") -> Iterator[Batch]:
    """The stream, read ahead by `workers` processes; 0 makes the batches here."""
    ahead = {"prefetch_factor": 8} if workers else {}
    return iter(DataLoader(stream, batch_size=None, num_workers=workers, pin_memory=device == "cuda", **ahead))


class _Variants:
    """Draws a variant of a record, sometimes said in one breath with others."""

    def __init__(self, records: list[Record], pools: Pools, rng: random.Random) -> None:
        self._pools, self._rng = pools, rng
        self._partners = {lang: [r for r in records if r.lang == lang and joinable(r)] for lang in ("en", "zh")}

    def of(self, record: Record) -> Record:
        if joinable(record) and self._rng.random() < JOINED:
            for _ in range(2 if self._rng.random() < JOINED_AGAIN else 1):
                record = joined(record, self._rng.choice(self._partners[record.lang]), self._rng)
        return augment(record, self._pools, self._rng)


def _made(record: Record, variants: _Variants | None, tokenizer: Tokenizer) -> Example | None:
    if variants is None:
        return example(record, tokenizer)
    return example(variants.of(record), tokenizer) or example(record, tokenizer)


def blurred(made: Example, unknown: int, rng: random.Random) -> Example:
    """The example with a few of its input tokens hidden, so that no single word decides (word dropout)."""
    middle = [unknown if rng.random() < WORD_DROPOUT else piece for piece in made.source[1:-1]]
    return Example([made.source[0], *middle, made.source[-1]], made.target)
