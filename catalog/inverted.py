"""An inverted file over vectors: a look-up compares only the lists of rows around the nearest centroids.

Jégou, Douze, Schmid, "Product quantization for nearest neighbor search", 2011; faiss. How many lists a look-up has to
read is measured when the index is made. A filter makes it read more of them, until enough allowed rows have been seen:
so recall holds however narrow the filter, also where it forbids just what lies near. Where the vectors would take more
than FLOAT_ROOM bytes the lists hold one byte a number (SQ8). What is found is put in order by the exact vectors, so the
codes decide only who is looked at.
"""

# The types that faiss ships know neither keyword parameters nor what its Python wrappers add.
# pyright: reportCallIssue=false, reportOptionalMemberAccess=false

from __future__ import annotations

import hashlib
import json
import logging
import os
from pathlib import Path
from typing import cast

import faiss
import numpy as np

from catalog.nearest import SAMPLE, Among, brute, first, spread

log = logging.getLogger(__name__)

FLOAT_ROOM = 512 * 2**20
"""Bytes of float vectors up to which the lists hold floats."""
RECALL = 0.99
"""Share of the true nearest that the probe must find on the sampled queries."""
TRIALS, TRIAL_K = 96, 100
FEW_ALLOWED = 4096
EXTRA = 1.3
"""So many times more rows are taken from the lists than asked for, before the exact vectors settle the order."""
THINNING = 0.7
"""A filter that leaves a share s makes a look-up see s^THINNING of the rows that it sees without one: fewer rows, but
more lists. Measured by `lab.bench scale`: 0.8 would hold 0.98 on generated catalogues, 1 would read all lists at 5%."""
DETOUR = 6.0
"""So many times more rows are seen where the filter forbids what lies near: all the rest lies about equally far."""
LISTS_PER_ROOT, TRAINING_PER_LIST, ROUNDS = 2, 40, 10
VERSION = 1
_FILE, _FACTS = "nearest.faiss", "nearest.json"


class Inverted:
    """Compares the vectors of the lists nearest to the one looked for."""

    exact = False

    def __init__(
        self, vectors: np.ndarray, index: faiss.IndexIVF, probe: int, *, few: int = FEW_ALLOWED, threads: int = 1
    ) -> None:
        """few: up to so many allowed rows are compared one by one. threads: for one look-up."""
        self._vectors = vectors
        self.index = index
        self._few, self._threads = few, threads
        self.probe = probe
        """Lists read by a look-up without a filter."""
        self._lists = _lists(index)
        self._totals = np.bincount(self._lists, minlength=index.nlist)
        self._enough = probe * len(vectors) / index.nlist
        self.sample = np.asarray(vectors[spread(len(vectors), SAMPLE)])

    @property
    def one_byte(self) -> bool:
        """Whether the lists hold one byte a number."""
        return isinstance(self.index, faiss.IndexIVFScalarQuantizer)

    def among(self, mask: np.ndarray | None) -> Among:
        return Among(np.ones(len(self._vectors), dtype=bool) if mask is None else mask, self._lists, self._totals)

    def near(self, vector: np.ndarray, k: int, among: Among) -> tuple[np.ndarray, np.ndarray]:
        k = min(k, among.count)
        if k <= 0:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
        query = np.ascontiguousarray(vector, dtype=np.float32)[None, :]
        if among.count <= max(self._few, k):
            rows = np.flatnonzero(among.mask)
        else:
            rows = self._candidates(query, round(k * EXTRA), among)
        return first(rows, self._vectors[rows] @ query[0], k)

    def _candidates(self, query: np.ndarray, k: int, among: Among) -> np.ndarray:
        everything = among.count == len(self._vectors)
        chosen = None if everything else faiss.IDSelectorBitmap(among.bits)
        # OpenMP keeps this number for each calling thread.
        faiss.omp_set_num_threads(self._threads)
        probe = faiss.SearchParametersIVF(sel=chosen, nprobe=self._reach(query, k, among))
        _, rows = self.index.search(query, k, params=probe)
        return np.sort(rows[0][rows[0] >= 0])

    def _reach(self, query: np.ndarray, k: int, among: Among) -> int:
        """So many lists that enough allowed rows are seen, and several times what is asked for."""
        _, order = self.index.quantizer.search(query, self.index.nlist)
        allowed, share = among.per_list[order[0]], among.count / len(self._vectors)
        enough = self._enough * share**THINNING
        if allowed[: self.probe].sum() < share / 2 * self._totals[order[0][: self.probe]].sum():
            enough *= DETOUR
        seen = np.cumsum(allowed)
        enough = min(max(enough, 4.0 * k), seen[-1])
        return min(self.index.nlist, max(self.probe, int(np.searchsorted(seen, enough)) + 1))


def opened(vectors: np.ndarray, place: Path | None, threads: int, seed: int) -> Inverted:
    """The index kept at `place` if it was made from these vectors, else a new one (see `catalog.nearest.nearest`)."""
    faiss.omp_set_num_threads(os.cpu_count() or 1)
    index, probe = _kept(vectors, place) or _made(vectors, place, seed)
    return Inverted(vectors, index, probe, threads=threads)


def train(
    vectors: np.ndarray, *, lists: int | None = None, one_byte: bool | None = None, seed: int = 0
) -> faiss.IndexIVF:
    """An inverted file over `vectors`, its centroids learnt from a sample; the same for the same seed."""
    size, width = vectors.shape
    lists = lists or int(LISTS_PER_ROOT * np.sqrt(size))
    one_byte = size * width * 4 > FLOAT_ROOM if one_byte is None else one_byte
    centroids = faiss.IndexFlatIP(width)
    if one_byte:
        code = faiss.ScalarQuantizer.QT_8bit
        index = faiss.IndexIVFScalarQuantizer(centroids, width, lists, code, faiss.METRIC_INNER_PRODUCT)
    else:
        index = faiss.IndexIVFFlat(centroids, width, lists, faiss.METRIC_INNER_PRODUCT)
    index.cp.seed, index.cp.niter, index.cp.spherical = seed + 1, ROUNDS, True
    index.train(np.asarray(vectors[spread(size, TRAINING_PER_LIST * lists)]))
    for start in range(0, size, 50_000):
        index.add(np.asarray(vectors[start : start + 50_000]))
    return index


def probe_for(vectors: np.ndarray, index: faiss.IndexIVF, recall: float = RECALL) -> int:
    """The fewest lists (a power of two) that find `recall` of the true nearest, for items and for mixtures of items."""
    if not len(vectors):
        return 1
    rows = spread(len(vectors), TRIALS)
    mixed = vectors[rows] + vectors[rows[::-1]] * 0.8
    queries = np.concatenate([vectors[rows], mixed / np.linalg.norm(mixed, axis=1, keepdims=True)]).astype(np.float32)
    true = brute(vectors, queries, TRIAL_K)
    probe = 1
    while probe < index.nlist:
        found = index.search(queries, round(TRIAL_K * EXTRA), params=faiss.SearchParametersIVF(nprobe=probe))[1]
        if np.mean([np.isin(t, f).mean() for t, f in zip(true, found, strict=True)]) >= recall:
            break
        probe *= 2
    return min(probe, index.nlist)


def _lists(index: faiss.IndexIVF) -> np.ndarray:
    """The list that each row is in."""
    lists = np.zeros(index.ntotal, dtype=np.int32)
    for number in range(index.nlist):
        size = index.invlists.list_size(number)
        if size:
            lists[faiss.rev_swig_ptr(index.invlists.get_ids(number), size)] = number
    return lists


def _kept(vectors: np.ndarray, place: Path | None) -> tuple[faiss.IndexIVF, int] | None:
    """The index at `place` and its probe; None where it is missing, damaged, or made from other vectors."""
    if place is None or not (place / _FACTS).exists():
        return None
    try:
        facts = json.loads((place / _FACTS).read_text(encoding="utf-8"))
        if facts["made_from"] != _made_from(vectors):
            log.info("the vectors have changed since the index in %s was made", place)
            return None
        return cast(faiss.IndexIVF, faiss.read_index(str(place / _FILE))), int(facts["probe"])
    except (OSError, ValueError, KeyError, RuntimeError) as error:  # faiss says RuntimeError for a short file and none
        log.warning("the index in %s cannot be read, making it anew: %s", place, error)
        return None


def _made(vectors: np.ndarray, place: Path | None, seed: int) -> tuple[faiss.IndexIVF, int]:
    index = train(vectors, seed=seed)
    probe = probe_for(vectors, index)
    log.info("index over %d vectors: lists=%d probe=%d", len(vectors), index.nlist, probe)
    if place is not None:
        place.mkdir(parents=True, exist_ok=True)
        (place / _FACTS).unlink(missing_ok=True)
        faiss.write_index(index, str(place / _FILE))
        facts = {"made_from": _made_from(vectors), "probe": probe, "lists": index.nlist, "seed": seed}
        part = (place / _FACTS).with_suffix(".part")
        part.write_text(json.dumps(facts), encoding="utf-8")
        part.replace(place / _FACTS)
    return index, probe


def _made_from(vectors: np.ndarray) -> str:
    """A name for these very vectors."""
    digest = hashlib.blake2b(f"{VERSION}|{vectors.shape}".encode(), digest_size=16)
    for start in range(0, len(vectors), 50_000):
        digest.update(np.ascontiguousarray(vectors[start : start + 50_000]).data)
    return digest.hexdigest()
