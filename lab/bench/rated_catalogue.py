"""A catalogue for each data set of ratings, so that the whole pipeline can be asked about it.

goodbooks comes through the product's own importer and encoder. MovieLens has titles and genres and nothing else: its
items get the genres as categories and a hashed text vector. Row numbers are those of the ratings.
"""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np

from catalog.catalogue import Catalogue
from catalog.demo import demo_words
from catalog.items import Item
from catalog.load import read_named, upsert
from catalog.opening import items_file, open_catalogue, words_of
from lab.bench.trial import Trial

PREFIX = "goodbooks-"
"""An imported item's id is this and the book's number."""
WIDTH = 128
"""Of a hashed text vector."""
ADDED = date(2003, 2, 28)
"""MovieLens-1M's day; no film is newer than another by it."""


def rated_catalogue(trial: Trial, folder: Path, data_dir: Path) -> Catalogue:
    """The catalogue whose rows are the trial's.

    `folder` holds the data set; `data_dir` keeps what the importer makes of goodbooks between runs.
    """
    return _books(trial, folder, data_dir) if trial.name == "goodbooks" else _films(trial, folder)


def _books(trial: Trial, folder: Path, data_dir: Path) -> Catalogue:
    if not items_file(data_dir).is_file():
        items, _ = read_named("goodbooks", folder.parent, words_of(data_dir))
        upsert(data_dir, items, replace=True)
    opened = open_catalogue(data_dir)
    ids = [f"{PREFIX}{book}" for book in trial.items]
    if lacking := [id_ for id_ in ids if id_ not in opened.row]:
        raise ValueError(f"{data_dir} lacks {len(lacking)} rated books, {lacking[0]} first; delete it to import anew")
    rows = [opened.row[id_] for id_ in ids]
    if rows == list(range(len(opened))):
        return opened
    items = [opened.items[row] for row in rows]
    return Catalogue.build(items, opened.words, opened.vectors[rows], opened.embed)


def _films(trial: Trial, folder: Path) -> Catalogue:
    lines = (folder / "movies.dat").read_text(encoding="latin-1").splitlines()
    genres = {number: told.split("|") for number, _, told in (line.split("::") for line in lines)}
    plays = trial.counts.tolist()
    items = [
        _film(number, title, genres[number], heard)
        for number, title, heard in zip(trial.items, trial.titles, plays, strict=True)
    ]
    vectors = np.stack([hashed(f"{item.title} {' '.join(item.tags)} {' '.join(item.tags)}") for item in items])
    return Catalogue.build(items, demo_words(), vectors, hashed)


def _film(number: str, title: str, genres: list[str], heard: int) -> Item:
    slugs = [re.sub(r"[^a-z0-9]+", "-", genre.lower()).strip("-") for genre in genres]
    year = re.search(r"\((\d{4})\)$", title)
    return Item(
        id=number,
        title=title,
        format="audiobook",
        category=slugs[0],
        more_categories=tuple(slugs[1:]),
        language="en",
        year=int(year.group(1)) if year else None,
        minutes=100,
        plays=heard,
        added=ADDED,
        tags=tuple(genre.lower() for genre in genres),
    )


def hashed(text: str) -> np.ndarray:
    """A stand-in for a sentence encoder: the sum of one fixed random vector a word, of length 1 (float32)."""
    words = re.findall(r"[a-z0-9]+", text.lower())
    total = np.sum([_of_word(word) for word in words], axis=0) if words else np.zeros(WIDTH)
    size = float(np.linalg.norm(total))
    return (total / size if size > 0.0 else total).astype(np.float32)


@cache
def _of_word(word: str) -> np.ndarray:
    return np.random.default_rng(int.from_bytes(sha256(word.encode()).digest()[:8], "big")).normal(size=WIDTH)
