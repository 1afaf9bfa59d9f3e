"""Writes a reading with the decoder, then looks at what it was least sure of: the best of several is taken.

A greedy reader cannot take back its first tool token, although the words after it may show that it was wrong. So the
reading is written once more from each of its BRANCHES least sure steps, beginning with the second choice there, and the
whole readings are compared (a beam search that only branches where there is doubt).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from chat.llm.cues import Cues
from chat.llm.dsl import BOS, Grammar, Source
from chat.llm.ensemble import Ensemble

MAX_TOKENS = 96
BRANCHES = 2
"""How many steps are tried the other way (lab/LOG.md)."""
DOUBT = math.log(20.0)
"""A step is in doubt where its second choice is at most so many (log) times less likely than the first."""


class Cancelled(Exception):
    """The turn was cancelled while it was read."""


@dataclass
class Written:
    """A reading, token by token; `grammar` holds its calls."""

    grammar: Grammar
    tokens: list[int] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    """Log-probability of each token among those allowed there, with the cues' votes."""
    rivals: list[tuple[float, int]] = field(default_factory=list)
    """Log-probability and token of the second choice at each step; (-inf, -1) where there was none."""

    @property
    def doubts(self) -> list[int]:
        """Steps whose second choice is near the first, from the last step to the first."""
        gaps = {at: score - rival for at, (score, (rival, _)) in enumerate(zip(self.scores, self.rivals, strict=True))}
        near = sorted((at for at, gap in gaps.items() if gap <= DOUBT), key=gaps.__getitem__)
        return sorted(near[:BRANCHES], reverse=True)

    @property
    def worth(self) -> float:
        """Log-probability of the whole, with the cues' votes: what readings are compared by."""
        return sum(self.scores)


def best_reading(decoder: Ensemble, source: Source, cues: Cues, cancelled: Callable[[], bool]) -> Written:
    """The best of the greedy reading and its branches. The decoder has read the prefix. Raises Cancelled."""
    writer = _Writer(decoder, source, cues, cancelled)
    first = best = writer.write([], [])
    for at in first.doubts:  # from the end: what lies before a branch is still in the decoder's memory
        rival, token = first.rivals[at]
        other = writer.write([*first.tokens[:at], token], [*first.scores[:at], rival])
        if other.grammar.done and other.worth > best.worth:
            best = other
    return best


class _Writer:
    def __init__(self, decoder: Ensemble, source: Source, cues: Cues, cancelled: Callable[[], bool]) -> None:
        self._decoder, self._source, self._cues, self._cancelled = decoder, source, cues, cancelled

    def write(self, tokens: list[int], scores: list[float]) -> Written:
        """Goes on greedily after `tokens`, all but the last of which the decoder has read already."""
        written = Written(Grammar(self._source), tokens, scores, [(-math.inf, -1)] * len(tokens))
        for token in tokens:
            written.grammar.push(token)
        self._decoder.back_to(len(tokens))
        while not written.grammar.done and len(written.tokens) < MAX_TOKENS:
            if self._cancelled():
                raise Cancelled
            self._step(written)
        return written

    def _step(self, written: Written) -> None:
        logits = self._decoder.step(written.tokens[-1] if written.tokens else BOS)
        allowed = np.asarray(written.grammar.allowed)
        votes = logits[allowed] + self._cues.bonus(written.grammar)
        votes -= _log_sum(votes)
        order = np.argsort(-votes)[:2]
        written.tokens.append(int(allowed[order[0]]))
        written.scores.append(float(votes[order[0]]))
        second = (float(votes[order[1]]), int(allowed[order[1]])) if len(order) > 1 else (-math.inf, -1)
        written.rivals.append(second)
        written.grammar.push(written.tokens[-1])


def _log_sum(values: np.ndarray) -> float:
    top = float(values.max())
    return top + math.log(float(np.exp(values - top).sum()))
