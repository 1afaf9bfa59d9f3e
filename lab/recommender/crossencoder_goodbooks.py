"""Lessons for the cross-encoder from goodbooks: titles, authors, shelves and ratings, never descriptions."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy import sparse
from tqdm import tqdm

from catalog.catalogue import Catalogue
from catalog.index import item_text
from catalog.load import read_named
from lab.recommender.crossencoder_lessons import Lessons


def goodbooks(folder: Path, catalogue: Catalogue, lessons: Lessons, *, count: int, seed: int = 0) -> None:
    """Lessons from shelves and ratings; descriptions are left out, as they are not ours to train on."""
    items, _ = read_named("goodbooks", folder, catalogue.words)
    base = len(lessons.texts)
    lessons.texts += [item_text(i.model_copy(update={"description": ""}), catalogue.words) for i in items]
    row = {item.id: at for at, item in enumerate(items)}
    dice = np.random.default_rng(seed)
    shelves = _shelves(folder / "goodbooks10k" / "genres.csv", row)
    standing: dict[str, set[int]] = defaultdict(set)
    for book, names in shelves.items():
        for name in names:
            standing[name].add(book)
    books = [book for book, names in shelves.items() if len(names) >= 3]
    for book in tqdm(dice.choice(np.array(books), count), desc="shelves"):
        names = [n for n in shelves[int(book)] if 4 <= len(standing[n]) <= 600]
        chosen = list(dice.permutation(np.array(names)))[: int(dice.integers(1, 4))] if names else []
        if chosen:
            sets = [standing[str(name)] for name in chosen]
            yes, some = set.intersection(*sets), set.union(*sets)
            half = dice.permutation(np.array(sorted(some - yes), dtype=np.int64))[:12]
            rest = [int(r) for r in dice.integers(len(items), size=12) if int(r) not in some]
            asked = " ".join(str(name).replace("-", " ") for name in chosen)
            right = dice.permutation(np.array(sorted(yes)))
            lessons.add("shelves", asked, base + right, [base + int(r) for r in (*half, *rest)])
    for book, right, wrong in _rated_together(folder / "goodbooks10k" / "ratings.csv", row, dice, count // 2):
        begin = str(dice.choice(np.array(["something like", "books like", "similar to", "in the vein of"])))
        lessons.add("like", f"{begin} {items[book].title}", base + right, base + wrong)


def _shelves(path: Path, row: dict[str, int]) -> dict[int, list[str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        found = {row.get(f"goodbooks-{line['book_id']}"): line["genres"].split(",") for line in csv.DictReader(lines)}
    return {book: names for book, names in found.items() if book is not None}


def _rated_together(
    path: Path, row: dict[str, int], dice: np.random.Generator, count: int
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Books with the eight that most share their readers (cosine over those who gave four stars or more)."""
    with path.open(encoding="utf-8", newline="") as lines:
        rated = [(int(r["user_id"]), row.get(f"goodbooks-{r['book_id']}"), r["rating"]) for r in csv.DictReader(lines)]
    pairs = np.array([(user, book) for user, book, stars in rated if book is not None and float(stars) >= 4])
    matrix = sparse.csr_matrix(
        (np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(pairs[:, 0].max() + 1, len(row))
    )
    readers = np.asarray(matrix.sum(0)).ravel()
    unit = (matrix @ sparse.diags(1.0 / np.sqrt(readers + 10.0))).tocsc()
    known = np.flatnonzero(readers >= 25)
    for book in tqdm(dice.choice(known, min(count, len(known)), replace=False), desc="likeness"):
        near = np.asarray((unit.T @ unit[:, [book]]).todense()).ravel()
        near[book] = -1.0
        order = np.argsort(-near)
        far = dice.permutation(order[300:2000])[:24]
        yield int(book), order[:8], far
