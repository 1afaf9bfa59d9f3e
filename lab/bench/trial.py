"""What a recommender learns from and is asked: one split of one data set, the same for all that are compared.

`users`: a fifth of the users is kept out (`user_split`, seed 0). A held-out user's first 80 % of likings, in order of
time, are the history, the rest is what should be found. Likings are ratings of 4 and 5 stars; where the data have no
stars every meeting counts.
`next`: every user's last item is what should be found, all before it the history; models learn from everything but
each user's last two items (the protocol of the SASRec papers).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lab.recommender.data import Ratings, fingerprint, leave_one_out, positives, read, user_split

HELD_OUT, SEED = 0.2, 0
TUNING, TUNING_SEED = 0.1, 1
"""Share of the users to learn from on whom settings are chosen."""
KNOWN = 0.8
LEAST_ITEMS = 5
"""Users with fewer likings are not asked: four to know them by and one to find."""
WAYS = ("users", "next")


@dataclass(frozen=True)
class Trial:
    """What is learnt from and what is asked. Rows are places in `items`."""

    name: str
    items: tuple[str, ...]
    titles: tuple[str, ...]
    learn: Ratings
    """The users to learn from. Their last two items stay out where `way` is "next"."""
    way: str
    histories: tuple[np.ndarray, ...]
    """Per user who is asked: liked rows (int32), oldest first."""
    targets: tuple[frozenset[int], ...]
    """Per user who is asked: the rows to be found; none of them in the history."""

    @property
    def sequences(self) -> tuple[np.ndarray, ...]:
        """Per user to learn from: liked rows, oldest first."""
        return leave_one_out(self.learn).train if self.way == "next" else self.learn.sequences

    @property
    def counts(self) -> np.ndarray:
        """Per row: how many of the users to learn from liked it."""
        return np.bincount(np.concatenate(self.sequences), minlength=len(self.items))

    @property
    def learnt_from(self) -> str:
        """The fingerprint that a sequence model carries which was trained on these users and no others."""
        return fingerprint(self.learn)

    def tuning(self) -> Trial:
        """The same question put to some of the users to learn from, the rest of them to learn from."""
        if self.way == "next":
            earlier = tuple(sequence[:-1] for sequence in self.learn.sequences)
            stars = None if self.learn.stars is None else tuple(stars[:-1] for stars in self.learn.stars)
            return _next(replace(self.learn, sequences=earlier, stars=stars))
        return _users(self.learn, TUNING, TUNING_SEED)

    def first(self, users: int | None) -> Trial:
        """Only the first so many users are asked; all for None."""
        return replace(self, histories=self.histories[:users], targets=self.targets[:users])


def trial(data: str, folder: Path, way: str) -> Trial:
    """The split `way` of the data set `data` (see lab.recommender.data.read). ValueError for another way."""
    if way not in WAYS:
        raise ValueError(f"no split {way!r}; known: {', '.join(WAYS)}")
    ratings = read(data, folder)
    return _next(ratings) if way == "next" else _users(positives(ratings), HELD_OUT, SEED)


def _users(liked: Ratings, share: float, seed: int) -> Trial:
    learn, held = user_split(liked, share, seed)
    asked = [rows for rows in liked.of(held).sequences if len(rows) >= LEAST_ITEMS]
    cuts = [min(len(rows) - 1, round(KNOWN * len(rows))) for rows in asked]
    pairs = list(zip(asked, cuts, strict=True))
    return Trial(
        name=liked.name,
        items=liked.items,
        titles=liked.titles,
        learn=liked.of(learn),
        way="users",
        histories=tuple(rows[:cut] for rows, cut in pairs),
        targets=tuple(frozenset(rows[cut:].tolist()) for rows, cut in pairs),
    )


def _next(ratings: Ratings) -> Trial:
    asked = [rows for rows in ratings.sequences if len(rows) >= 3]
    return Trial(
        name=ratings.name,
        items=ratings.items,
        titles=ratings.titles,
        learn=ratings,
        way="next",
        histories=tuple(rows[:-1] for rows in asked),
        targets=tuple(frozenset((int(rows[-1]),)) for rows in asked),
    )
