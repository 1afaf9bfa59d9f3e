"""What the encoder makes of an utterance by itself: which tools are meant, and which word is a name for which tool.

The decoder writes one token after another and is best at how calls hang together; these two heads look at the whole
utterance at once and are best at what is asked for and where a name begins and ends. Their log-probabilities are added
to the decoder's scores (a product of experts, Hinton 2002): `Cues.bonus`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from chat.llm.dsl import EOS, FIRST_TOOL, POINTER0, Grammar
from chat.llm.schema import TOOLS

LEAST = 0.01
"""No head is ever surer than this: it may be outvoted."""
AGAIN = 0.5
"""A second call of a tool is no likelier than this."""
TOOL_WEIGHT, NAME_WEIGHT = 1.5, 1.0
"""Chosen on every third held-out record (lab/LOG.md)."""


class Cues(NamedTuple):
    """Probabilities: each tool is called, float32 (tools,); each input token is part of a name for no tool (column 0)
    or for a tool (column 1 + its number), float32 (tokens, 1 + tools)."""

    tools: np.ndarray
    words: np.ndarray

    def bonus(self, grammar: Grammar) -> np.ndarray:
        """What to add to the decoder's scores of `grammar.allowed`, in its order; 0 at best."""
        allowed = np.asarray(grammar.allowed)
        if grammar.start is not None:
            return NAME_WEIGHT * self._ends(allowed - POINTER0, grammar)
        pointers = allowed >= POINTER0
        if pointers.any():
            found = self._starts(allowed[pointers] - POINTER0, grammar)
            return NAME_WEIGHT * _neutral(found, pointers)
        steps = ((allowed >= FIRST_TOOL) & (allowed < FIRST_TOOL + len(TOOLS))) | (allowed == EOS)
        if not steps.any():
            return np.zeros(len(allowed), dtype=np.float32)
        return TOOL_WEIGHT * _neutral(self._steps(allowed[steps], grammar), steps)

    def agreement(self, called: Collection[int]) -> float:
        """Log-probability that just these tools are meant, each for itself; not below -8."""
        meant = np.zeros(len(TOOLS), dtype=bool)
        meant[list(called)] = True
        return max(-8.0, float(_log(np.where(meant, self.tools, 1.0 - self.tools)).sum()))

    def _steps(self, tokens: np.ndarray, grammar: Grammar) -> np.ndarray:
        """The next tool, or the end: as likely as the likeliest tool that was not called yet is not meant.

        That a tool is meant says nothing about a second call of it, so a tool that was called gets AGAIN at most.
        """
        meant = self.tools.copy()
        done = list(grammar.called)
        meant[done] = 0.0
        ended = 1.0 - float(meant.max(initial=0.0))
        meant[done] = np.minimum(self.tools[done], AGAIN)
        return _log(np.array([ended if token == EOS else meant[token - FIRST_TOOL] for token in tokens]))

    def _starts(self, places: np.ndarray, grammar: Grammar) -> np.ndarray:
        """A name begins where the tool's words begin."""
        column = self.words[:, 1 + grammar.tool]
        before = np.concatenate(([0.0], column[:-1]))
        return _log(column[places]) + _log(1.0 - before[places])

    def _ends(self, places: np.ndarray, grammar: Grammar) -> np.ndarray:
        """A name ends where the tool's words end; what lies between must be of them too."""
        column = self.words[:, 1 + grammar.tool]
        after = np.concatenate((column[1:], [0.0]))
        inside = np.cumsum(_log(column[grammar.start :]))
        return inside[places - grammar.start] + _log(1.0 - after[places])


def _neutral(found: np.ndarray, where: np.ndarray) -> np.ndarray:
    """`found` at `where`; elsewhere the best of it, so that only the choice among them is moved."""
    spread = np.full(len(where), found.max(), dtype=np.float32)
    spread[where] = found
    return spread


def _log(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.clip(probabilities, LEAST, 1.0))
