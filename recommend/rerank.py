"""Reranking: the seam for a model that reads the short list again. It may reorder and nothing else.

Where a text is asked for, the reranker is given more places than are shown (`widened`), so that it can bring up what
the ranking put a little too low; the list is cut to size afterwards.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from recommend.reading import Reading
from recommend.request import Candidate

log = logging.getLogger(__name__)
DEPTH = 20
"""Places that a reranker reads where a text is asked for."""


class Reranker(Protocol):
    """Gives the places of `chosen` in a new order, as indexes from 0."""

    def __call__(self, reading: Reading, chosen: Sequence[Candidate]) -> Sequence[int]: ...


class RerankFailed(Exception):
    """What a reranker raises when it cannot answer; the order is kept."""


def as_ranked(reading: Reading, chosen: Sequence[Candidate]) -> Sequence[int]:
    """The default: the order as it is."""
    return range(len(chosen))


def widened(reading: Reading) -> Reading:
    """The reading with room for DEPTH places where a text is asked for; `rerank` cuts the list to size again."""
    request = reading.request
    if request.intent != "search" or request.size >= DEPTH:
        return reading
    return replace(reading, request=request.model_copy(update={"size": DEPTH}))


def rerank(reading: Reading, chosen: list[Candidate], reranker: Reranker) -> list[Candidate]:
    """The first `request.size` of `chosen` in the reranker's order; as it was where that is none or it fails."""
    return _reordered(reading, chosen, reranker)[: reading.request.size]


def _reordered(reading: Reading, chosen: list[Candidate], reranker: Reranker) -> list[Candidate]:
    try:
        order = list(reranker(reading, chosen))
    except RerankFailed as error:
        log.warning("rerank failed, order kept: %s", error)
        return chosen
    if sorted(order) != list(range(len(chosen))):
        log.warning("rerank gave %s, which is no permutation of %d places; order kept", order, len(chosen))
        return chosen
    return [chosen[place] for place in order]
