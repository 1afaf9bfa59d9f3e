"""Simulated logs for the rankers: listeners cut in time, and exposures with position bias."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

import numpy as np

from recommend.interactions import LEAST_LIKED, strength
from recommend.ranking.grades import GOOD
from recommend.ranking.lambdamart import examination
from recommend.ranking.lists import PLACE, Lists
from recommend.ranking.questions import Question
from recommend.request import Event, Listener

EXPOSED = 20
"""Places of a simulated exposure."""


def exposed(whole: Lists, seed: int, steep: float = 1.0, noise: float = 0.05) -> Lists:
    """The lists as a log with position bias would have them, made from the true grades (Joachims et al., WSDM 2017).

    The additive order, jumbled a little, is shown on EXPOSED places; place k is looked at with chance
    (1 + k)^-steep; what is looked at is clicked if it is good, else with the chance `noise`. Grades become clicks.
    """
    rng = np.random.default_rng(seed)
    order = np.lexsort((-(whole.baseline + rng.gumbel(scale=0.5, size=len(whole.rows))), whole.group))
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order)) - np.repeat(whole.starts[:-1], whole.sizes)
    looked = rng.random(len(rank)) < examination(rank, steep)
    pleased = (whole.grades >= GOOD) | (rng.random(len(rank)) < noise)
    table = whole.table.copy()
    table[:, PLACE] = rank
    clicked = replace(whole, table=table, places=rank, grades=(looked & pleased).astype(np.int8))
    return clicked.where(rank < EXPOSED)


def before_and_after(
    people: Iterable[Listener], events: Iterable[Event], cut: datetime
) -> tuple[list[Event], list[Question]]:
    """All events before the cut, and a question for each listener who liked something before it and is back later."""
    by_user: dict[str, list[Event]] = {}
    for event in sorted(events, key=lambda event: event.at):
        by_user.setdefault(event.user_id, []).append(event)
    known, questions = [], []
    for listener in people:
        own = by_user.get(listener.user_id, [])
        before = tuple(event for event in own if event.at < cut)
        after = tuple(event for event in own if event.at >= cut)
        known += before
        if after and any(strength(event) > LEAST_LIKED for event in before):
            questions.append(Question(listener, before, after, cut))
    return known, questions
