"""The learnt models of recall as one value: fitted together, saved together, swapped together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np

from catalog.catalogue import Catalogue
from recommend.als import Als, fit_als
from recommend.arrays import load_arrays, save_arrays
from recommend.ease import MOST_ITEMS, Ease, fit_ease
from recommend.graph import Graph, entities_of, fit_graph
from recommend.interactions import Interactions, Touches
from recommend.neighbours import Neighbours, fit_neighbours
from recommend.request import Event
from recommend.trends import trending

MANIFEST = "models.json"


class SequenceModel(Protocol):
    """A model of what comes next."""

    def scores(self, rows_oldest_first: np.ndarray) -> np.ndarray | None:
        """Per catalogue row, unbounded; None where it knows nothing of these rows."""
        ...


@dataclass(frozen=True, eq=False)
class Models:
    """What was learnt from events. Each model scores the catalogue's rows, or gives None where it knows nothing."""

    trending: np.ndarray
    """Per row, 0..1: how much more it is heard these days than usual."""
    collaborative: Ease | Als
    neighbours: Neighbours
    graph: Graph
    sequence: SequenceModel | None = None

    @cached_property
    def hot(self) -> float:
        """The value of `trending` from which an item is among the tenth that rises most."""
        return max(float(np.quantile(self.trending, 0.9)), 1e-9) if len(self.trending) else 1.0

    @classmethod
    def empty(cls, catalogue: Catalogue) -> Models:
        """Models of a product that nobody has used yet."""
        items = len(catalogue)
        none = np.zeros(items, dtype=np.float32)
        return cls(none, Ease.empty(items), Neighbours.empty(items), Graph.empty(items))

    def likely(self, liked: Mapping[int, float]) -> np.ndarray | None:
        """Per row, 0..1: how well it goes with `liked` (row -> weight); None where nothing is known."""
        scores = self.collaborative.scores(liked)
        top = 0.0 if scores is None else float(scores.max(initial=0.0))
        return None if scores is None or top <= 0.0 else np.maximum(scores, 0.0) / top

    def liked_both(self, one: int, other: int) -> int:
        """How many listeners liked both rows, as far as it was counted (never more than there are)."""
        counted = self.collaborative if isinstance(self.collaborative, Ease) else self.neighbours
        return counted.liked_both(one, other)

    def save(self, folder: Path, catalogue: Catalogue) -> None:
        """Write all but the sequence model; the manifest comes last, so that half a folder is never loaded."""
        (folder / MANIFEST).unlink(missing_ok=True)
        save_arrays(folder / "trending", {"model": "trending"}, {"trending": self.trending})
        self.collaborative.save(folder / "collaborative")
        self.neighbours.save(folder / "neighbours")
        self.graph.save(folder / "graph")
        kind = "ease" if isinstance(self.collaborative, Ease) else "als"
        manifest = {"catalogue": fingerprint(catalogue), "collaborative": kind, "items": len(catalogue)}
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> Models:
        """The models of a folder. FileNotFoundError where it is not whole, ValueError where the items are others."""
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if manifest["catalogue"] != fingerprint(catalogue):
            raise ValueError(f"the models in {folder} were learnt on other items; learn them again")
        _, arrays = load_arrays(folder / "trending")
        kind = Ease if manifest["collaborative"] == "ease" else Als
        return cls(
            trending=arrays["trending"],
            collaborative=kind.load(folder / "collaborative"),
            neighbours=Neighbours.load(folder / "neighbours"),
            graph=Graph.load(folder / "graph"),
        )


def fingerprint(catalogue: Catalogue) -> str:
    """A hash of the item ids in their order: row numbers mean the same only where it is equal."""
    return hashlib.sha256("\n".join(item.id for item in catalogue.items).encode()).hexdigest()


def fit_models(catalogue: Catalogue, events: Iterable[Event]) -> Models:
    """Learn from `events`; items that the catalogue no longer has are passed over."""
    touches = Touches.of(catalogue, events)
    liked = Interactions.from_touches(touches)
    return Models(
        trending=trending(touches),
        collaborative=fit_collaborative(liked),
        neighbours=fit_neighbours(liked),
        graph=fit_graph(liked, entities_of(catalogue)),
    )


def fit_collaborative(liked: Interactions) -> Ease | Als:
    """EASE while its matrix is small enough, ALS beyond MOST_ITEMS liked items."""
    return fit_ease(liked) if len(liked.heard) <= MOST_ITEMS else fit_als(liked)
