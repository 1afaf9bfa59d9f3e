"""A walk on the graph of listeners, items and what items share by their records: authors, series, theme words.

From the liked items a walker goes to a listener who liked one and on to another of that listener's items (the
three-step walk of RP3beta: Paudel et al., TiiS 2017, with popularity damped by the power beta), or, with the chance
`entity_share`, over an author, a series or a theme word to another item that has it. Where that
reaches fewer than ENOUGH items, a second round starts from the best of them at a lower weight: personalised PageRank
with restart, cut off after two rounds. Items that nobody has heard are reached over the second kind of edge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse

from catalog.catalogue import Catalogue
from catalog.items import Item
from catalog.spelling import form, people_in
from recommend.arrays import best, empty_matrix, load_arrays, packed, reached, save_arrays, unpacked
from recommend.interactions import Interactions

BETA = 0.4
ENTITY_SHARE = 0.2
SECOND_ROUND = 0.15
MOST_BETWEEN, MOST_ENDS = 1000, 200_000
"""So many listeners (and as many entities) carry the walk on, to so many items: what bounds the time of a request."""
ENOUGH = 1000
"""The first round alone will do when it reaches so many items: on goodbooks a second one gained nothing."""
MOST_STARTS = 200
"""So many items start the second round."""
KIND_WEIGHT = {"series": 2.0, "author": 1.5, "tag": 1.0}
MOST_MEMBERS = 5000
"""A theme word that more items have says too little to walk over."""


@dataclass(frozen=True, eq=False)
class Graph:
    """The edges as chances: every row of a matrix adds up to 1, or to 0 where it has no edge."""

    hearers: sparse.csr_matrix
    """Items x listeners."""
    heard: sparse.csr_matrix
    """Listeners x items."""
    entities: sparse.csr_matrix
    """Items x entities."""
    members: sparse.csr_matrix
    """Entities x items."""
    damping: np.ndarray
    """Per item: its number of likers (at least 1) to the power of -beta."""
    entity_share: float
    second_round: float

    @classmethod
    def empty(cls, items: int) -> Graph:
        """A graph without edges."""
        return _graph(empty_matrix(0, items), empty_matrix(items, 0), BETA, ENTITY_SHARE, SECOND_ROUND)

    def scores(self, liked: Mapping[int, float]) -> np.ndarray | None:
        """Per catalogue row: the chance of ending there from `liked` (row -> weight); None where no edge leads on."""
        rows = np.fromiter((row for row, weight in liked.items() if weight > 0.0), dtype=np.int64)
        mass = np.fromiter((weight for weight in liked.values() if weight > 0.0), dtype=np.float32)
        first = self._round(rows, mass / max(float(mass.sum()), 1e-9))
        found = int(np.count_nonzero(first))
        if found >= ENOUGH:
            return first
        if not found:
            return None
        reach = np.flatnonzero(first)
        starts = reach[best(first[reach], MOST_STARTS)]
        second = self._round(starts, first[starts] / first[starts].sum())
        return first + np.float32(self.second_round) * second

    def _round(self, rows: np.ndarray, mass: np.ndarray) -> np.ndarray:
        """Item to item, over listeners and over entities. Items with only one kind of edge use that one alone."""
        has_hearers, has_entities = _has_edges(self.hearers, rows), _has_edges(self.entities, rows)
        share = np.where(has_hearers, self.entity_share * has_entities, 1.0).astype(np.float32)
        company, arrived = _over(self.hearers, self.heard, rows, mass * (1.0 - share))
        damped = arrived * self.damping[company]
        damped *= arrived.sum() / max(float(damped.sum()), 1e-12)
        kindred, shared = _over(self.entities, self.members, rows, mass * share)
        ends, values = np.concatenate([company, kindred]), np.concatenate([damped, shared])
        return np.bincount(ends, weights=values, minlength=len(self.damping)).astype(np.float32)

    def save(self, path: Path) -> None:
        """Write PATH.npz and PATH.json."""
        settings = {"model": "graph", "entity_share": self.entity_share, "second_round": self.second_round}
        arrays = {"damping": self.damping}
        for name in ("hearers", "heard", "entities", "members"):
            arrays |= packed(name, getattr(self, name))
        save_arrays(path, settings, arrays)

    @classmethod
    def load(cls, path: Path) -> Graph:
        """The graph that was saved at `path`."""
        settings, arrays = load_arrays(path)
        return cls(
            hearers=unpacked("hearers", arrays),
            heard=unpacked("heard", arrays),
            entities=unpacked("entities", arrays),
            members=unpacked("members", arrays),
            damping=arrays["damping"],
            entity_share=settings["entity_share"],
            second_round=settings["second_round"],
        )


def fit_graph(
    interactions: Interactions,
    entities: sparse.csr_matrix,
    *,
    beta: float = BETA,
    entity_share: float = ENTITY_SHARE,
    second_round: float = SECOND_ROUND,
) -> Graph:
    """The graph of who liked what, and of `entities` (items x entities: how strongly an item has each)."""
    return _graph(interactions.matrix, entities, beta, entity_share, second_round)


def entities_of(catalogue: Catalogue) -> sparse.csr_matrix:
    """Items x authors, series and theme words (float32): rarer ones weigh more; those of a single item are left out."""
    numbers: dict[tuple[str, str], int] = {}
    rows, columns, weights = [], [], []
    for row, item in enumerate(catalogue.items):
        for kind, name in dict.fromkeys(_of_item(catalogue, item)):
            rows.append(row)
            columns.append(numbers.setdefault((kind, name), len(numbers)))
            weights.append(KIND_WEIGHT[kind])
    shape = (len(catalogue), len(numbers))
    return rare(sparse.csr_matrix((np.array(weights, dtype=np.float32), (rows, columns)), shape=shape))


def rare(entities: sparse.csr_matrix) -> sparse.csr_matrix:
    """Items x entities, each weighed by its rarity, log(items / items that have it); what leads nowhere is left out."""
    held = np.bincount(entities.indices)
    kept = np.flatnonzero((held > 1) & (held <= MOST_MEMBERS))
    weight = np.log((len(entities.indptr) - 1) / held[kept]).astype(np.float32)
    found = sparse.csr_matrix(entities[:, kept] @ sparse.diags(np.maximum(weight, 0.01), dtype=np.float32))
    found.sort_indices()
    return found


def _of_item(catalogue: Catalogue, item: Item) -> list[tuple[str, str]]:
    """Kind and name of everything that may link an item to another; a person's names in two scripts are one."""
    found = [("tag", form(tag)) for tag in item.tags]
    if item.series:
        found.append(("series", form(item.series)))
    for person in people_in(item.author) if item.author else ():
        found.append(("author", form(catalogue.people.names(person)[:2][-1])))
    return found


def _graph(
    liked: sparse.csr_matrix, entities: sparse.csr_matrix, beta: float, entity_share: float, second_round: float
) -> Graph:
    likers = np.bincount(liked.indices, minlength=len(entities.indptr) - 1)
    return Graph(
        hearers=_chances(sparse.csr_matrix(liked.T)),
        heard=_chances(liked),
        entities=_chances(entities),
        members=_chances(sparse.csr_matrix(entities.T)),
        damping=(np.maximum(likers, 1) ** -beta).astype(np.float32),
        entity_share=entity_share,
        second_round=second_round,
    )


def _chances(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """The matrix with every row made to add up to 1."""
    totals = np.asarray(matrix.sum(axis=1)).ravel()
    data = matrix.data / np.repeat(np.maximum(totals, 1e-12), np.diff(matrix.indptr))
    return sparse.csr_matrix((data.astype(np.float32), matrix.indices, matrix.indptr), shape=matrix.shape)


def _over(
    out: sparse.csr_matrix, back: sparse.csr_matrix, rows: np.ndarray, mass: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where `mass` on items arrives two steps on: items (with repeats) and what arrives at each.

    The walk goes over the likeliest things in between: at most MOST_BETWEEN, that lead to about MOST_ENDS items.
    """
    between, values = reached(out, rows, mass)
    carried = np.bincount(between, weights=values, minlength=len(back.indptr) - 1)
    stops = np.flatnonzero(carried)
    stops = stops[best(carried[stops], MOST_BETWEEN)]
    stops = stops[np.argsort(-carried[stops], kind="stable")]
    lengths = back.indptr[stops + 1] - back.indptr[stops]
    stops = stops[np.cumsum(lengths) - lengths < MOST_ENDS]
    return reached(back, stops, carried[stops])


def _has_edges(matrix: sparse.csr_matrix, rows: np.ndarray) -> np.ndarray:
    return matrix.indptr[rows + 1] > matrix.indptr[rows]
