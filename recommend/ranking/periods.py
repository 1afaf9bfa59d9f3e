"""Questions out of an event log: the log is cut into periods, and whoever was there in one is asked about it.

Models that know a period's beginning and nothing of what follows make the features of its lists. The last period is the
window of the gate. A quarter of the listeners judge there, always the same ones, and are never learnt from: neither the
new ranker nor one that an earlier training put into service has seen their answers.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import TypeVar

import numpy as np

from recommend.ranking.questions import Question
from recommend.request import OWN_PAGE, Event, Exposure, Listener

SHARES = (0.4, 0.6, 0.8)
"""Parts of all that was done after which a period begins; the last one is the window."""
JUDGES, CHECKS = 64, 96
"""Of 256: below the first a listener judges, from there to the second they say when to stop learning."""
MOST_LISTENERS = 1000
"""Listeners who are asked at most: a sample is enough."""
LISTS_EACH = 5
"""A listener's last so many shown lists of a period are learnt from: no one outvotes the others."""
ACTIONS, IMPRESSIONS = 200, 100
"""So much of a history is known at serving (`db.events.EventStore.history`)."""
HORIZON = timedelta(days=1)
"""So long after it was shown, what is done with an item counts for the list that showed it."""
Line = TypeVar("Line", Event, Exposure)


@dataclass(frozen=True)
class Log:
    """What is kept of the listeners, to be read several times."""

    events: Callable[[], Iterable[Event]]
    exposures: Callable[[], Iterable[Exposure]]
    listeners: Callable[[Collection[str]], Mapping[str, Listener]]
    """Profiles by user id; who is unknown is missing."""


@dataclass(frozen=True)
class Period:
    """From `start` until before `end`."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Asked:
    """One listener's questions of one period."""

    period: int
    user_id: str
    questions: tuple[Question, ...]


def periods(events: Iterable[Event]) -> tuple[list[Period], list[str]]:
    """The periods of a log, oldest first, and who did anything in them (a sample): none where nothing was done."""
    acts = [(event.at.timestamp(), event.user_id) for event in events if event.kind != "impression"]
    if not acts:
        return [], []
    times = np.array([at for at, _ in acts])
    starts = np.quantile(times, SHARES)
    ends = [*starts[1:], times.max() + 1.0]
    there = {user for at, user in acts if at >= starts[0]}
    chosen = sorted(there, key=lambda user: _hash(user)[1:])[:MOST_LISTENERS]
    return [Period(_moment(a), _moment(b)) for a, b in zip(starts, ends, strict=True)], sorted(chosen)


def asked(log: Log, spans: Sequence[Period], users: Collection[str]) -> Iterator[Asked]:
    """The questions of these users, period by period."""
    profiles = log.listeners(users)
    events = _by_user(log.events(), profiles)
    shown = _by_user((one for one in log.exposures() if one.intent in OWN_PAGE), profiles)
    for number, span in enumerate(spans):
        for user_id in sorted(events):
            questions = _questions(profiles[user_id], events[user_id], shown.get(user_id, []), span)
            if questions:
                yield Asked(number, user_id, tuple(questions))


def judges(user_id: str) -> bool:
    """Whether this listener is one of those who judge, and are never learnt from."""
    return _hash(user_id)[0] < JUDGES


def checks(user_id: str) -> bool:
    """Whether this listener's answers say when to stop learning."""
    return JUDGES <= _hash(user_id)[0] < CHECKS


def _questions(listener: Listener, own: list[Event], shown: list[Exposure], span: Period) -> list[Question]:
    """About each list that was shown in the period, else about the first thing that was done in it."""
    exposed = [one for one in shown if span.start <= one.at < span.end]
    if exposed:
        return [_of_shown(listener, own, one, span) for one in exposed[-LISTS_EACH:]]
    inside = own[_first(own, span.start) : _first(own, span.end)]
    acts = [event for event in inside if event.kind != "impression"]
    if not acts:
        return []
    now = acts[0].at
    return [Question(listener, _history(own, now), tuple(event for event in acts if event.at >= now), now)]


def _of_shown(listener: Listener, own: list[Event], exposure: Exposure, span: Period) -> Question:
    until = min(span.end, exposure.at + HORIZON)
    later = own[_first(own, exposure.at) : _first(own, until)]
    return Question(
        listener=listener,
        before=_history(own, exposure.at),
        after=tuple(_done_with(exposure, later)),
        now=exposure.at,
        intent=exposure.intent,
        shown=exposure.places,
    )


def _done_with(exposure: Exposure, later: Iterable[Event]) -> Iterator[Event]:
    """What was done with the items of a list until they were shown again: from then on it counts for the next list."""
    open_items = set(exposure.places)
    for event in later:
        if event.kind == "impression" and event.at > exposure.at:
            open_items.discard(event.item_id)
        elif event.item_id in open_items:
            yield event


def _history(own: list[Event], now: datetime) -> tuple[Event, ...]:
    """What a request of this moment would have known."""
    past = own[: _first(own, now)]
    acts = [event for event in past if event.kind != "impression"][-ACTIONS:]
    seen = [event for event in past if event.kind == "impression"][-IMPRESSIONS:]
    return tuple(sorted([*seen, *acts], key=attrgetter("at")))


def _first(own: list[Event], moment: datetime) -> int:
    return bisect_left(own, moment, key=attrgetter("at"))


def _by_user(lines: Iterable[Line], users: Collection[str]) -> dict[str, list[Line]]:
    """The lines of these users, each oldest first."""
    found: dict[str, list[Line]] = {}
    for line in lines:
        if line.user_id in users:
            found.setdefault(line.user_id, []).append(line)
    return {user: sorted(own, key=attrgetter("at")) for user, own in found.items()}


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _hash(user_id: str) -> bytes:
    return hashlib.sha256(user_id.encode()).digest()
