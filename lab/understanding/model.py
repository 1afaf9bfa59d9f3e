"""The understanding model: encoder, soft prefix, llama decoder with tied embeddings; several read together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn
from transformers import AutoConfig, AutoModel

from chat.llm.dsl import PIECES, POINTER0
from chat.llm.schema import TOOLS
from lab.understanding.batches import Batch
from lab.understanding.origins import MINILM, ORIGINS
from lab.understanding.vocabulary import teacher_dir

ROPE_BASE = 10000.0
EPSILON = 1e-5
IGNORED = -100
FUSED = "sdpa"
"""Attention by torch's fused kernel, as transformers calls it."""
Pull = Callable[[torch.Tensor, Batch], torch.Tensor]
"""What a prefix without its pointers, made of a batch, costs beside the task."""


class Shape(NamedTuple):
    """Sizes of the decoder: width, layers, heads, feed-forward width."""

    width: int = 384
    layers: int = 4
    heads: int = 6
    inner: int = 1024


class Thin(nn.Module):
    """Dropout whose mask is drawn in bytes on a processor, where torch's own takes a tenth of a training step."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.dropped = round(share * 256)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`x` with a share of its values nought and the others that much greater; `x` itself outside training."""
        if not (self.training and self.dropped):
            return x
        if x.is_cuda:
            return F.dropout(x, self.dropped / 256)
        drawn = torch.randint(-(2**63), 2**63 - 1, (x.numel() // 8 + 1,), device=x.device).view(torch.uint8)
        kept = (drawn[: x.numel()] >= self.dropped).view(x.shape)
        return x * kept * (256 / (256 - self.dropped))


class Block(nn.Module):
    """One layer of the llama architecture (interleaved rotary pairs, SwiGLU)."""

    def __init__(self, shape: Shape, dropout: float) -> None:
        super().__init__()
        d, self.heads, self.thin = shape.width, shape.heads, Thin(dropout)
        self.n1, self.n2 = nn.RMSNorm(d, eps=EPSILON), nn.RMSNorm(d, eps=EPSILON)
        self.q, self.k, self.v, self.o = (nn.Linear(d, d, bias=False) for _ in range(4))
        self.g, self.u = (nn.Linear(d, shape.inner, bias=False) for _ in range(2))
        self.dn = nn.Linear(shape.inner, d, bias=False)

    def forward(self, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        b, t, d = x.shape

        def turn(y: torch.Tensor) -> torch.Tensor:
            even, odd = y[..., 0::2], y[..., 1::2]
            return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)

        z = self.n1(x)
        q, k, v = (f(z).view(b, t, self.heads, d // self.heads).transpose(1, 2) for f in (self.q, self.k, self.v))
        y = attention(turn(q), turn(k), v, mask)
        x = x + self.thin(self.o(y.transpose(1, 2).reshape(b, t, d)))
        z = self.n2(x)
        return x + self.thin(self.dn(F.silu(self.g(z)) * self.u(z)))


def attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Attention by torch's fused kernel on a GPU; written out on a processor, where it trains several times faster."""
    if q.is_cuda:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    scores = (q @ k.transpose(-1, -2)).float() / q.shape[-1] ** 0.5
    return scores.masked_fill(~mask, -math.inf).softmax(-1).to(v.dtype) @ v


class Decoder(nn.Module):
    """Reads embeddings, returns normalised states; logits are their products with the embedding table."""

    def __init__(self, shape: Shape, dropout: float) -> None:
        super().__init__()
        self.shape = shape
        self.e = nn.Embedding(len(PIECES), shape.width)
        self.b = nn.ModuleList(Block(shape, dropout) for _ in range(shape.layers))
        self.n = nn.RMSNorm(shape.width, eps=EPSILON)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, 0, 0.03)
        nn.init.normal_(self.e.weight, 0, 0.06)
        for block in self.b:
            nn.init.normal_(block.dn.weight, 0, 0.02 / (2 * shape.layers) ** 0.5)
        self._start_as_pointer_network()

    @torch.no_grad()
    def _start_as_pointer_network(self) -> None:
        """Lets three heads of the last two layers begin as copiers, so that only *where* to look must be learnt.

        Pointers live in the last two heads' worth of dimensions, one each (the few beyond share them), where nothing
        else writes at first. A copying head's value and output matrices are the identity there, so that its attention
        over the prefix arrives at the tied output as pointer logits (a pointer network, Vinyals et al. 2015).
        """
        size = self.shape.width // self.shape.heads
        home = self.shape.width - 2 * size
        pointers = self.e.weight[POINTER0:]
        self.e.weight[:POINTER0, home:] = 0
        shared = F.normalize(torch.randn(max(0, len(pointers) - 2 * size), 2 * size), dim=1)
        pointers.zero_()
        pointers[:, home:] = torch.cat((torch.eye(2 * size), shared))[: len(pointers)]
        copies = ((home - size, home), (home, home), (home + size, home + size))
        for block in list(self.b)[-2:]:
            for head, place in copies:
                rows, dims = slice(head, head + size), slice(place, place + size)
                block.v.weight[rows] = 0
                block.v.weight[rows, dims] = torch.eye(size)
                block.o.weight[:, rows] = 0
                block.o.weight[dims, rows] = 0.5 * torch.eye(size)

    def forward(self, x: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """`x` (n, t, width); `valid` (n, t) marks the positions that exist."""
        t, half = x.shape[1], self.shape.width // self.shape.heads // 2
        place = (valid.long().cumsum(1) - 1).clamp(min=0)
        angle = place[..., None] * (ROPE_BASE ** (-torch.arange(half, device=x.device) / half))
        cos, sin = angle.cos()[:, None], angle.sin()[:, None]
        causal = torch.tril(torch.ones(t, t, dtype=torch.bool, device=x.device))
        mask = (causal & valid[:, None, :]) | torch.eye(t, dtype=torch.bool, device=x.device)
        for block in self.b:
            x = block(x, cos, sin, mask[:, None])
        return self.n(x)


class Hints(nn.Module):
    """Two heads on the encoder alone: which tools are called, and which word is a name for which (`chat.llm.cues`).

    They also teach the encoder directly: the decoder's own error reaches it through four layers that know nothing at
    first.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.tools = nn.Linear(2 * hidden, len(TOOLS))
        self.words = nn.Linear(hidden, 1 + len(TOOLS))

    def forward(self, states: torch.Tensor, batch: Batch) -> torch.Tensor:
        """The weighted loss of both tasks."""
        called = F.binary_cross_entropy_with_logits(self.tools(pooled(states, batch.mask)).float(), batch.tools)
        named = F.cross_entropy(
            self.words(states).float().flatten(0, 1), batch.words.masked_fill(batch.mask == 0, IGNORED).flatten()
        )
        return 3.0 * called + 0.5 * named

    def cues(self, states: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Probabilities of the tools (n, tools) and of each token's part (n, t, 1 + tools)."""
        return self.tools(pooled(states, mask)).sigmoid(), self.words(states).softmax(-1)


def pooled(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean and maximum of the states that are real, side by side (n, 2 * hidden).

    The mean says what the whole is about; the maximum still sees the third wish of a long sentence.
    """
    mean = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
    return torch.cat((mean, states.masked_fill(mask[..., None] == 0, -1e4).amax(1)), 1)


class Understander(nn.Module):
    """Encoder and decoder; `prefix` gives what the decoder reads in place of the text."""

    def __init__(self, encoder: nn.Module, shape: Shape, dropout: float = 0.1) -> None:
        super().__init__()
        self.encoder, self.thin = encoder, Thin(dropout)
        self.decoder = Decoder(shape, dropout)
        self.bridge = nn.Linear(encoder.config.hidden_size, shape.width)
        nn.init.normal_(self.bridge.weight, 0, 0.02)
        nn.init.zeros_(self.bridge.bias)
        with torch.no_grad():
            self.bridge.weight[shape.width - 2 * shape.width // shape.heads :] = 0
        self.hints = Hints(encoder.config.hidden_size)

    @property
    def table(self) -> nn.Parameter:
        """The encoder's token embeddings."""
        return self.encoder.embeddings.word_embeddings.weight

    def states(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """What the encoder makes of each token (n, t, hidden)."""
        if self.encoder.config._attn_implementation == FUSED:  # transformers would wait for the GPU to look at the mask
            mask = mask[:, None, None, :].bool().expand(-1, 1, ids.shape[1], -1)
        return self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state

    def prefix(self, states: torch.Tensor) -> torch.Tensor:
        """Soft prefix (n, t, width): each encoder state, projected, plus the embedding of its pointer."""
        pointers = self.decoder.e.weight[POINTER0 : POINTER0 + states.shape[1]]
        return self.bridge(self.thin(states)) + pointers

    def scores(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of every target token given those before it (n, s, pieces), and the encoder's states."""
        seen = self.states(batch.ids, batch.mask)
        x = torch.cat((self.prefix(seen), self.decoder.e(batch.given)), 1)
        states = self.decoder(x, torch.cat((batch.mask, batch.real), 1).bool())[:, batch.ids.shape[1] :]
        return (states @ self.decoder.e.weight.T).float(), seen

    def loss(self, batch: Batch, agreement: float = 0.0, pull: Pull | None = None) -> torch.Tensor:
        """Mean cross entropy of the target tokens, and a share of the hints'.

        With an `agreement` every example is read twice, each time with other things dropped, and the two readings are
        also drawn towards each other, with that weight (R-Drop, Liang et al. 2021). `pull` adds to the loss where the
        prefix is to go (`lab.understanding.follow`).
        """
        if agreement:
            batch = Batch(*(torch.cat((part, part)) for part in batch))
        logits, seen = self.scores(batch)
        wanted = batch.wanted.masked_fill(batch.real == 0, IGNORED)
        loss = F.cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=IGNORED, label_smoothing=0.02)
        if agreement:
            loss = loss + agreement * disagreement(logits, batch.real)
        if pull:
            loss = loss + pull(self.bridge(seen), batch)
        return loss + self.hints(seen, batch)


def disagreement(logits: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """Symmetric Kullback-Leibler divergence of the two halves of `logits` (2n, s, pieces), mean of the real tokens."""
    first, second = logits.log_softmax(-1).chunk(2)
    both = ((first.exp() - second.exp()) * (first - second)).sum(-1) / 2
    kept = real.chunk(2)[0]
    return (both * kept).sum() / kept.sum()


class Readers(nn.Module):
    """Models that read together, each with an encoder and a decoder of its own.

    Those of one origin share one table of token embeddings. They are trained side by side, each on its own loss, and
    differ by their first weights and by what is dropped.
    """

    def __init__(self, models: Sequence[Understander], origins: Sequence[str]) -> None:
        super().__init__()
        self.models, self.origins = nn.ModuleList(models), tuple(origins)
        first: dict[str, nn.Module] = {}
        for model, origin in zip(models, origins, strict=True):
            embeddings = model.encoder.embeddings
            embeddings.word_embeddings = first.setdefault(origin, embeddings.word_embeddings)

    def __iter__(self) -> Iterator[Understander]:
        return iter(self.models)

    def __len__(self) -> int:
        return len(self.models)

    def on(self, device: str) -> Readers:
        """These models on a device; on a GPU the encoders attend by torch's fused kernel, as the decoders do."""
        if device == "cuda":
            for model in self:
                model.encoder.set_attn_implementation(FUSED)
        return self.to(device)

    def compile_layers(self) -> None:
        """Compiles the two kinds of layers, each once for all shapes.

        On a GPU a step is bound by launching kernels, of which a compiled layer has a fifth; compiling whole models
        takes minutes, their layers seconds.
        """
        for model in self:
            for layer in (*model.encoder.encoder.layer, *model.decoder.b):
                layer.compile(dynamic=True)

    @property
    def tables(self) -> list[nn.Parameter]:
        """The tables of token embeddings, one for each origin."""
        return list({id(table): table for table in (model.table for model in self)}.values())

    def loss(self, batch: Batch, agreement: float = 0.0, pulls: Sequence[Pull | None] = ()) -> torch.Tensor:
        """The sum of the models' losses; `pulls`, where they are given, one for each model."""
        each = zip(self, pulls or [None] * len(self), strict=True)
        return torch.stack([model.loss(batch, agreement, pull) for model, pull in each]).sum()

    def scores(self, batch: Batch) -> torch.Tensor:
        """The mean of the models' logits (n, s, pieces): what they write by together."""
        return torch.stack([model.scores(batch)[0] for model in self]).mean(0)


def build(
    pieces: int,
    layers: Sequence[int],
    origins: Sequence[str] | None = None,
    *,
    dropout: float = 0.0,
    encoder_dropout: float = 0.0,
    states: Mapping[str, Mapping[str, torch.Tensor]] | None = None,
) -> Readers:
    """Untrained models for a vocabulary of `pieces`, one for each number of decoder layers.

    `origins` names where each encoder begins (MiniLM by default); `states` gives an encoder's state by origin.
    """
    origins = tuple(origins or [MINILM] * len(layers))
    models = []
    for count, origin in zip(layers, origins, strict=True):
        encoder = empty_encoder(pieces, ORIGINS[origin].depth, encoder_dropout)
        if states and origin in states:
            encoder.load_state_dict({k: v for k, v in states[origin].items() if not k.startswith("pooler")})
        models.append(Understander(encoder, Shape(layers=count), dropout))
    return Readers(models, origins)


def empty_encoder(pieces: int, depth: int, dropout: float) -> nn.Module:
    """An encoder of MiniLM's width with `depth` layers, not trained."""
    config = AutoConfig.from_pretrained(teacher_dir())
    config.vocab_size = pieces
    config.num_hidden_layers = depth
    config.hidden_dropout_prob, config.attention_probs_dropout_prob = dropout, 0.0
    return AutoModel.from_config(config, add_pooling_layer=False, attn_implementation="eager")
