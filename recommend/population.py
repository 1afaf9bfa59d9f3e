"""A simulated population: listeners with tastes, and the events that such tastes would leave.

Nobody here exists. The demonstration needs events for collaborative filtering, trends and personas
before its first real listener; every id starts with "sim-" or "persona-" so that the origin stays
visible. The same catalogue, count, seed and end give the same population.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Literal

import numpy as np

from catalog.catalogue import Catalogue
from catalog.items import AGE_ORDER
from recommend.request import Event, EventKind, Listener, UiLanguage

LISTENERS = 400
DAYS = 60
ITEMS_EACH = (8, 22)
"""Least and most items that one listener touches."""
RISING, RISING_DAYS = 30, 6
"""So many items are having their moment, for so many days before the end."""


@dataclass(frozen=True)
class Taste:
    """What a simulated listener likes: weights that add up to the appeal of an item."""

    categories: tuple[str, ...]
    moods: tuple[str, ...]
    scenes: tuple[str, ...] = ()
    languages: tuple[str, ...] = ("en", "zh")
    popularity: float = 0.8


@dataclass(frozen=True)
class Persona:
    """A simulated listener with a name, for demonstrations."""

    slug: str
    name: str
    ui_language: UiLanguage
    taste: Taste
    age: Literal["all", "7+", "13+", "18+"] = "18+"


PERSONAS: tuple[Persona, ...] = (
    Persona("maya", "Maya – bedtime listener / 睡前听众", "en",
            Taste(("romance/modern", "classics/world"), ("healing", "calm", "cozy"), ("bedtime", "rest"), ("en",))),
    Persona("daniel", "Daniel – sci-fi commuter / 科幻通勤族", "en",
            Taste(("scifi-fantasy",), ("epic", "mind-bending", "adventurous"), ("commute", "driving"), ("en",))),
    Persona("priya", "Priya – true-story learner / 求知听众", "en",
            Taste(("science", "history", "biography"), ("informative", "thoughtful"), ("walking",), ("en",))),
    Persona("lin", "林悦 – 悬疑迷 / Lin, mystery fan", "zh",
            Taste(("mystery",), ("mysterious", "tense", "mind-bending"), ("commute",), ("zh",))),
    Persona("chen", "陈伯 – 评书相声老听众 / Mr Chen, crosstalk regular", "zh",
            Taste(("comedy", "history/chinese-history"), ("funny", "nostalgic"), ("housework", "rest"), ("zh",))),
    Persona("xiaoyu", "小雨一家 – 亲子时光 / the Yu family, kids' stories", "zh",
            Taste(("kids",), ("whimsical", "uplifting"), ("family-time", "bedtime"), ("zh", "en")), "7+"),
)  # fmt: skip


def simulate(
    catalogue: Catalogue, *, listeners: int = LISTENERS, seed: int, until: datetime | None = None
) -> tuple[list[Listener], list[Event]]:
    """Personas, then `listeners` further listeners, and all their events, oldest first.

    Events lie in the DAYS before `until` (by default the day after the newest item came in).
    An empty catalogue gives listeners without events.
    """
    rng = np.random.default_rng(seed)
    end = until or _after_newest(catalogue)
    stage = _Stage(catalogue, rng, end)
    people: list[Listener] = []
    events: list[Event] = []
    for persona in PERSONAS:
        listener = Listener(user_id=f"persona-{persona.slug}", name=persona.name, ui_language=persona.ui_language,
                            age=persona.age, persona=True, onboarded=True)  # fmt: skip
        people.append(listener)
        events.extend(stage.live(listener, persona.taste))
    for number in range(1, listeners + 1):
        taste = stage.draw_taste()
        language: UiLanguage = "zh" if taste.languages[0] == "zh" else "en"
        listener = Listener(user_id=f"sim-{number:04d}", name=f"Simulated listener {number}", ui_language=language)
        people.append(listener)
        events.extend(stage.live(listener, taste))
    return people, sorted(events, key=lambda event: (event.at, event.user_id, event.item_id))


def _after_newest(catalogue: Catalogue) -> datetime:
    newest = max((item.added for item in catalogue.items), default=datetime(2026, 1, 1, tzinfo=UTC).date())
    return datetime.combine(newest, time(), UTC) + timedelta(days=1)


class _Stage:
    """The catalogue as the simulated listeners find it."""

    def __init__(self, catalogue: Catalogue, rng: np.random.Generator, end: datetime) -> None:
        self._catalogue, self._rng, self._end = catalogue, rng, end
        self._open = np.flatnonzero(catalogue.available)
        self._categories = sorted({"/".join(item.category.split("/")[:2]) for item in catalogue.items})
        self._moods = sorted({slug for item in catalogue.items for slug in item.moods})
        size = min(RISING, len(self._open))
        self._rising = set(rng.choice(self._open, size, replace=False).tolist()) if size else set()

    def draw_taste(self) -> Taste:
        """Two to four categories and one to three moods; most listeners hear one language."""
        languages = [("en",), ("zh",), ("en", "zh"), ("zh", "en")][self._rng.choice(4, p=[0.4, 0.4, 0.1, 0.1])]
        popularity = float(self._rng.uniform(0.2, 1.6))
        return Taste(self._some(self._categories, 2, 4), self._some(self._moods, 1, 3), (), languages, popularity)

    def _some(self, words: list[str], least: int, most: int) -> tuple[str, ...]:
        size = min(len(words), int(self._rng.integers(least, most + 1)))
        return tuple(words[place] for place in self._rng.choice(len(words), size, replace=False)) if size else ()

    def live(self, listener: Listener, taste: Taste) -> list[Event]:
        """The events of one listener."""
        if not len(self._open):
            return []
        appeal = self._appeal(taste)
        appeal[self._catalogue.ages[self._open] > AGE_ORDER.index(listener.age)] = -np.inf
        chance = appeal + self._rng.gumbel(size=len(appeal))
        size = min(int(np.isfinite(appeal).sum()), int(self._rng.integers(*ITEMS_EACH)))
        events: list[Event] = []
        for place in np.argsort(-chance)[:size]:
            events.extend(self._touch(listener, int(self._open[place]), float(appeal[place])))
        return events

    def _appeal(self, taste: Taste) -> np.ndarray:
        catalogue = self._catalogue
        appeal = 1.5 * taste.popularity * catalogue.popularity + 0.8 * catalogue.quality
        appeal[list(self._rising)] += 1.2
        for place, path in enumerate(taste.categories):
            appeal += (3.0 - 0.4 * place) * catalogue.in_category(path)
        for slug in taste.moods:
            appeal += 1.0 * catalogue.with_mood(slug)
        for slug in taste.scenes:
            appeal += 0.8 * catalogue.with_scene(slug)
        appeal -= 5.0 * ~np.isin(catalogue.languages, taste.languages)
        return appeal[self._open]

    def _touch(self, listener: Listener, row: int, appeal: float) -> list[Event]:
        item, rng = self._catalogue.items[row], self._rng
        days = rng.uniform(0, RISING_DAYS) if row in self._rising else DAYS * rng.beta(1.1, 1.4)
        at = self._end - timedelta(days=float(days), minutes=float(rng.uniform(1, 600)))
        pleased = rng.random() < 1.0 / (1.0 + np.exp(-(appeal - 2.0)))
        kinds: list[tuple[EventKind, float | None]] = [("click", None)]
        if pleased:
            kinds.append(("play", None))
            kinds.append(("dwell", float(round(60 * min(item.sitting_minutes, rng.uniform(5, 60))))))
            endings: list[tuple[EventKind, float, float | None]] = [
                ("like", 0.35, None),
                ("save", 0.2, None),
                ("finished", 0.3, None),
                ("rating", 0.1, float(rng.integers(4, 6))),
            ]
            kinds.extend((kind, value) for kind, share, value in endings if rng.random() < share)
        elif rng.random() < 0.5:
            kinds.append(("dislike", None) if rng.random() < 0.25 else ("skip", None))
        times = [at + timedelta(minutes=5 * step) for step in range(len(kinds))]
        return [
            Event(user_id=listener.user_id, item_id=item.id, kind=kind, at=time, value=value)
            for time, (kind, value) in zip(times, kinds, strict=True)
        ]
