"""Reranking: the seam for a model that reads the short list again. It may reorder and nothing else."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

from recommend.reading import Reading
from recommend.request import Candidate

log = logging.getLogger(__name__)


class Reranker(Protocol):
    """Gives the places of `chosen` in a new order, as indexes from 0."""

    def __call__(self, reading: Reading, chosen: Sequence[Candidate]) -> Sequence[int]: ...


class RerankFailed(Exception):
    """What a reranker raises when it cannot answer; the order is kept."""


def as_ranked(reading: Reading, chosen: Sequence[Candidate]) -> Sequence[int]:
    """The default: the order as it is."""
    return range(len(chosen))


def rerank(reading: Reading, chosen: list[Candidate], reranker: Reranker) -> list[Candidate]:
    """`chosen` in the reranker's order; as it was where that is no permutation or the reranker fails."""
    try:
        order = list(reranker(reading, chosen))
    except RerankFailed as error:
        log.warning("rerank failed, order kept: %s", error)
        return chosen
    if sorted(order) != list(range(len(chosen))):
        log.warning("rerank gave %s, which is no permutation of %d places; order kept", order, len(chosen))
        return chosen
    return [chosen[place] for place in order]
