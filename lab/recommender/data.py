"""Public ratings as time-ordered sequences: goodbooks-10k and MovieLens-1M, and the splits of the benchmarks.

The folders come from outside the repository; their own README says what is in them and what they may be used for.
Imports only numpy, so that training runs on a machine that has nothing else of the product.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

FOLDERS = {"goodbooks": "goodbooks10k", "ml1m": "ml1m"}
"""Data set -> its folder among the public data."""
READERS = tuple(FOLDERS)
"""What `read` knows."""


@dataclass(frozen=True)
class Ratings:
    """Who met which item, in order of time."""

    name: str
    items: tuple[str, ...]
    """Original item ids; the index is the item's row."""
    titles: tuple[str, ...]
    """One per row."""
    users: tuple[str, ...]
    sequences: tuple[np.ndarray, ...]
    """Per user the rows (int32) met, oldest first."""
    stars: tuple[np.ndarray, ...] | None
    """Per user the ratings (float32, 1 to 5) of the same order, None where the data tell none."""

    def of(self, users: Iterable[int]) -> Ratings:
        """The same items, only the users at these indexes, in the order given."""
        chosen = [int(user) for user in users]
        stars = None if self.stars is None else tuple(self.stars[user] for user in chosen)
        names = tuple(self.users[user] for user in chosen)
        return replace(self, users=names, sequences=tuple(self.sequences[user] for user in chosen), stars=stars)


@dataclass(frozen=True)
class LeaveOneOut:
    """Per user: everything but the last two items, the second-last, the last."""

    train: tuple[np.ndarray, ...]
    valid: np.ndarray
    """Row (int32) per user, -1 for users too short to be measured."""
    test: np.ndarray
    """Likewise; at test time the input is `train` followed by `valid`."""


def read(name: str, folder: Path) -> Ratings:
    """The data set called `name`, one of `READERS`."""
    if name not in READERS:
        raise ValueError(f"no data set {name!r}; known: {', '.join(READERS)}")
    return goodbooks(folder) if name == "goodbooks" else ml1m(folder)


def goodbooks(folder: Path) -> Ratings:
    """goodbooks-10k: all 10,000 books as rows in order of book_id, ratings in the file's order (roughly time).

    A book that a user rated more than once counts once, at its first place and with its last rating.
    """
    with _file(folder, "books.csv", "goodbooks-10k").open(encoding="utf-8", newline="") as lines:
        books = {line["book_id"]: line["title"] for line in csv.DictReader(lines)}
    row = {book: number for number, book in enumerate(books)}
    rated: dict[str, dict[int, float]] = {}
    with _file(folder, "ratings.csv", "goodbooks-10k").open(encoding="utf-8", newline="") as lines:
        for line in csv.DictReader(lines):
            rated.setdefault(line["user_id"], {})[row[line["book_id"]]] = float(line["rating"])
    users = sorted(rated, key=int)
    return Ratings(
        name="goodbooks",
        items=tuple(books),
        titles=tuple(books.values()),
        users=tuple(users),
        sequences=tuple(np.fromiter(rated[user], dtype=np.int32) for user in users),
        stars=tuple(np.fromiter(rated[user].values(), dtype=np.float32) for user in users),
    )


def ml1m(folder: Path) -> Ratings:
    """MovieLens-1M as in the SASRec papers: every rating counts; 6,040 users, 3,416 items.

    The file comes without the items met fewer than 5 times. It also lacks the second-last item of ten users; they
    are kept as they are, and so one item is met only 4 times.
    """
    movies = _file(folder, "movies.dat", "MovieLens-1M").read_text(encoding="latin-1").splitlines()
    title = {movie: name for movie, name, _ in (line.split("::") for line in movies)}
    with _file(folder, "sequences.jsonl", "MovieLens-1M").open(encoding="utf-8") as lines:
        people = [json.loads(line) for line in lines]
    kept = sorted({movie for person in people for movie in person["movie_ids"]})
    row = {movie: number for number, movie in enumerate(kept)}
    return Ratings(
        name="ml1m",
        items=tuple(str(movie) for movie in kept),
        titles=tuple(title[str(movie)] for movie in kept),
        users=tuple(str(person["user_id"]) for person in people),
        sequences=tuple(np.array([row[movie] for movie in person["movie_ids"]], dtype=np.int32) for person in people),
        stars=None,
    )


def leave_one_out(ratings: Ratings) -> LeaveOneOut:
    """The SASRec split: last item = test, second-last = valid; users with fewer than 3 items only train."""
    long = [len(sequence) >= 3 for sequence in ratings.sequences]
    pairs = list(zip(ratings.sequences, long, strict=True))
    return LeaveOneOut(
        train=tuple(sequence[:-2] if enough else sequence for sequence, enough in pairs),
        valid=np.array([sequence[-2] if enough else -1 for sequence, enough in pairs], dtype=np.int32),
        test=np.array([sequence[-1] if enough else -1 for sequence, enough in pairs], dtype=np.int32),
    )


def user_split(ratings: Ratings, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Indexes of the users to learn from and of the held-out `share`: disjoint, ascending, all users in one."""
    if not 0.0 <= share < 1.0:
        raise ValueError(f"share {share} is not in [0, 1)")
    order = np.random.default_rng(seed).permutation(len(ratings.users))
    held = round(share * len(order))
    return np.sort(order[held:]), np.sort(order[:held])


def positives(ratings: Ratings, least: float = 4) -> Ratings:
    """Only what was rated `least` or better; data without ratings, where each meeting counts, come back unchanged.

    Users stay, if need be with nothing.
    """
    if ratings.stars is None:
        return ratings
    liked = [stars >= least for stars in ratings.stars]
    return replace(
        ratings,
        sequences=tuple(sequence[keep] for sequence, keep in zip(ratings.sequences, liked, strict=True)),
        stars=tuple(stars[keep] for stars, keep in zip(ratings.stars, liked, strict=True)),
    )


def fingerprint(ratings: Ratings) -> str:
    """SHA-256 (hex) of the items, the users and every sequence with its stars: what a model was trained on."""
    digest = hashlib.sha256(json.dumps([ratings.name, ratings.items, ratings.users]).encode())
    for part in (ratings.sequences, ratings.stars or ()):
        for values in part:
            digest.update(np.ascontiguousarray(values).tobytes() + b"|")
    return digest.hexdigest()


def _file(folder: Path, name: str, title: str) -> Path:
    path = folder / name
    if not path.is_file():
        raise FileNotFoundError(
            f"{title} is not here: {path} is missing; the README of the data says what belongs there"
        )
    return path
