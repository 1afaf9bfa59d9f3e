"""Generated catalogues of any size, and listeners for them: clustered as real ones are, the same for the same seed.

Clusters of items lie below the leaves of the demonstration catalogue's category tree. An item's vector is its cluster's
centre with noise, most of it along few directions, as in sentence vectors. A cluster has its theme words, moods,
authors and series. Plays fall off by Zipf's law. Strings and tuples are shared, and items are made without validation:
a million of them would else take more memory than their vectors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import numpy as np

from catalog.demo import demo_words
from catalog.items import AGE_ORDER, Item
from catalog.vocabulary import Words
from recommend.request import Event, EventKind

NOW = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
DIM = 384
CLUSTER = 200
"""Items in a cluster, about."""
DIRECTIONS = 48
PART = 50_000
SYLLABLES = tuple(a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "el", "or"))
FORMATS = ("audiobook", "podcast", "radio_drama", "course")
FIELDS = set(Item.model_fields)


@dataclass(frozen=True)
class Cluster:
    """What the items of one cluster share."""

    path: str
    themes: tuple[str, ...]
    moods: tuple[str, ...]
    authors: tuple[str, ...]
    series: tuple[str, ...]


@dataclass(frozen=True)
class World:
    """A generated catalogue."""

    items: list[Item]
    vectors: np.ndarray
    """float32 [items, DIM], a memory map."""
    words: Words
    clusters: tuple[Cluster, ...]
    centres: np.ndarray
    member: np.ndarray
    """Per item: its cluster."""

    def embed(self, text: str) -> np.ndarray:
        """A text's vector: near the clusters whose theme words it has; a stand-in for a sentence encoder."""
        said = set(text.lower().split())
        near = [at for at, cluster in enumerate(self.clusters) if said & set(cluster.themes)][:8]
        noise = np.random.default_rng(int.from_bytes(sha256(text.encode()).digest()[:8], "big")).normal(size=DIM)
        vector = self.centres[near].sum(axis=0) + 0.5 * noise / np.linalg.norm(noise)
        return (vector / np.linalg.norm(vector)).astype(np.float32)


def world(size: int, folder: Path, seed: int = 0) -> World:
    """A catalogue of `size` items; its vectors are written to `folder`."""
    rng, words = np.random.default_rng(seed), demo_words()
    count = max(20, size // CLUSTER)
    clusters, centres = _clusters(rng, words, count)
    member = rng.choice(count, size=size, p=_zipf(count, 0.6, rng))
    vectors = _vectors(rng, centres, member, folder / f"vectors-{size}.npy")
    return World(list(_items(rng, words, clusters, member)), vectors, words, clusters, centres, member)


def _zipf(count: int, power: float, rng: np.random.Generator) -> np.ndarray:
    share = np.arange(1, count + 1, dtype=np.float64) ** -power
    return rng.permutation(share / share.sum())


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _clusters(rng: np.random.Generator, words: Words, count: int) -> tuple[tuple[Cluster, ...], np.ndarray]:
    leaves = [category.path for category in words.taxonomy.leaves()]
    nodes = {category.path: _unit(rng.normal(size=DIM)) for category in words.taxonomy.categories}
    moods = [term.slug for term in words.moods.terms]
    favoured = {path: rng.choice(moods, size=4, replace=False).tolist() for path in leaves}
    vocabulary = np.array(["".join(rng.choice(SYLLABLES, size=3)) for _ in range(max(500, 4 * count))])
    # All sentence vectors have something in common.
    shared = 0.7 * _unit(rng.normal(size=DIM))
    clusters, centres = [], np.empty((count, DIM), dtype=np.float32)
    for at, leaf in enumerate(rng.choice(len(leaves), size=count, p=_zipf(len(leaves), 0.8, rng))):
        path = leaves[leaf]
        above = ["/".join(path.split("/")[: depth + 1]) for depth in range(path.count("/") + 1)]
        own = 0.9 * _unit(rng.normal(size=DIM))
        centres[at] = _unit(shared + own + sum(nodes[node] for node in above))
        clusters.append(
            Cluster(
                path=path,
                themes=tuple(rng.choice(vocabulary, size=12).tolist()),
                moods=tuple(rng.permutation(favoured[path])[:2].tolist()),
                authors=tuple(_name(rng) for _ in range(24)),
                series=tuple(f"{_word(rng)} {_word(rng)}" for _ in range(6)),
            )
        )
    return tuple(clusters), centres


def _word(rng: np.random.Generator) -> str:
    return "".join(rng.choice(SYLLABLES, size=3)).capitalize()


def _name(rng: np.random.Generator) -> str:
    return f"{_word(rng)} {_word(rng)}"


def _vectors(rng: np.random.Generator, centres: np.ndarray, member: np.ndarray, path: Path) -> np.ndarray:
    vectors = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(len(member), DIM))
    directions = _unit(rng.normal(size=(DIRECTIONS, DIM))).astype(np.float32)
    for start in range(0, len(member), PART):
        own = centres[member[start : start + PART]]
        along = rng.normal(size=(len(own), DIRECTIONS)).astype(np.float32) @ directions / np.sqrt(DIRECTIONS)
        around = rng.normal(size=own.shape).astype(np.float32) / np.sqrt(DIM)
        vectors[start : start + PART] = _unit(own + 0.7 * along + 0.35 * around)
    vectors.flush()
    return np.load(path, mmap_mode="r")


def _items(rng: np.random.Generator, words: Words, clusters: tuple[Cluster, ...], member: np.ndarray) -> Iterator[Item]:
    size = len(member)
    plays = (1e7 / rng.permutation(np.arange(1, size + 1)) ** 0.9).astype(np.int64).tolist()
    scenes = [(), *((term.slug,) for term in words.scenes.terms)]
    narrators = [_name(rng) for _ in range(max(20, size // 100))]
    days = [date(2020, 1, 1) + timedelta(days=n) for n in range(2000)]
    moods = [term.slug for term in words.moods.terms]
    draws = rng.random((size, 12))
    for row, (at, luck) in enumerate(zip(member.tolist(), draws.tolist(), strict=True)):
        yield _item(row, clusters[at], luck, plays[row], (scenes, narrators, days, moods))


def _item(row: int, cluster: Cluster, luck: list[float], plays: int, shared: tuple) -> Item:
    scenes, narrators, days, moods = shared
    themes = cluster.themes
    one, two, three = (themes[int(luck[n] * len(themes))] for n in (0, 1, 2))
    mood = _pick(cluster.moods if luck[3] < 0.7 else moods, luck[4])
    return Item.model_construct(
        FIELDS,
        id=f"g{row:07d}",
        title=f"{one} {two} {row % 9973}",
        title_alt=None,
        format=_pick(FORMATS, luck[5] ** 2),
        category=cluster.path,
        more_categories=(),
        author=_pick(cluster.authors, luck[6] ** 2),
        narrator=_pick(narrators, luck[7]),
        series=_pick(cluster.series, luck[8] * 4) if luck[8] < 0.25 else None,
        language="zh" if luck[9] < 0.2 else "en",
        year=1950 + row % 75,
        minutes=10 + int(luck[10] * 900),
        episodes=1 + row % 20,
        status="ongoing" if luck[11] < 0.2 else "completed",
        access="paid" if luck[11] > 0.5 else "free",
        price=float(row % 15) if luck[11] > 0.5 else 0.0,
        rating=round(3.0 + 2.0 * luck[10], 1),
        ratings_count=plays // 50,
        plays=plays,
        added=days[row % len(days)],
        moods=(mood, _pick(moods, luck[0])) if luck[1] < 0.5 else (mood,),
        scenes=_pick(scenes, luck[2]),
        tags=(one, two, three),
        age=_pick(AGE_ORDER, luck[3] ** 3),
        description=" ".join((two, "of", three, "and", one, "in the", themes[row % 12], "with", themes[row % 7])),
        available=luck[4] < 0.98,
        url=None,
    )


def _pick(of: tuple | list, luck: float):
    return of[min(int(luck * len(of)), len(of) - 1)]


def listening(made: World, listeners: int, seed: int = 0) -> list[Event]:
    """Events of simulated listeners: each hears some clusters, the better known items of them more often."""
    rng = np.random.default_rng(seed + 1)
    order = np.argsort(made.member, kind="stable")
    ends = np.cumsum(np.bincount(made.member, minlength=len(made.clusters)))
    events: list[Event] = []
    for number in range(listeners):
        for cluster in rng.integers(len(made.clusters), size=4):
            rows = order[ends[cluster - 1] if cluster else 0 : ends[cluster]]
            rows = sorted(rows.tolist(), key=lambda row: -made.items[row].plays)
            places = (rng.beta(1.0, 4.0, size=10) * len(rows)).astype(int)
            events += [_event(rng, f"u{number}", made.items[rows[place]].id) for place in places if rows]
    return sorted(events, key=lambda event: event.at)


def _event(rng: np.random.Generator, user: str, item: str) -> Event:
    kinds: tuple[EventKind, ...] = ("play", "like", "finished", "click", "skip", "impression")
    kind = kinds[int(rng.choice(len(kinds), p=(0.35, 0.2, 0.15, 0.1, 0.05, 0.15)))]
    return Event(user_id=user, item_id=item, kind=kind, at=NOW - timedelta(hours=float(rng.exponential(700.0))))
