"""An item of the catalogue: one book, podcast, drama, course or soundscape, as a frozen value checked at the border."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from catalog.languages import LANGUAGE_CODE
from catalog.spelling import contains, form

Format = Literal["audiobook", "podcast", "radio_drama", "course", "kids_show", "crosstalk", "ambient"]
Age = Literal["all", "7+", "13+", "18+"]
CategoryPath = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+(/[a-z0-9-]+){0,2}$")]
"""One to three slugs joined by "/", such as "mystery/detective/golden-age"."""

AGE_ORDER: tuple[Age, ...] = ("all", "7+", "13+", "18+")
"""Age marks from the mildest; a listener may hear the marks up to their own."""

_WHOLE_FORMATS = frozenset({"audiobook", "radio_drama"})


class Item(BaseModel, frozen=True, extra="forbid"):
    """One thing to listen to. Times are minutes, prices are in the catalogue's currency."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=120)]
    title: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    title_alt: str | None = None
    """The title in the other language, or None."""
    format: Format
    category: CategoryPath
    more_categories: tuple[CategoryPath, ...] = ()
    author: str | None = None
    narrator: str | None = None
    """Who is heard: reader, performer or host."""
    series: str | None = None
    language: Annotated[str, Field(pattern=LANGUAGE_CODE)]
    """Language of the audio, ISO 639."""
    year: int | None = None
    """Year of first publication; negative before our era."""
    minutes: Annotated[int, Field(ge=1, le=1_000_000)]
    """Length of all episodes together."""
    episodes: Annotated[int, Field(ge=1)] = 1
    status: Literal["completed", "ongoing"] = "completed"
    access: Literal["free", "paid"] = "free"
    price: Annotated[float, Field(ge=0)] = 0.0
    rating: Annotated[float, Field(ge=0, le=5)] = 0.0
    """Mean of the stars, 1 to 5; 0 while nobody has rated it."""
    ratings_count: Annotated[int, Field(ge=0)] = 0
    plays: Annotated[int, Field(ge=0)] = 0
    added: date
    """The day on which it came into the catalogue."""
    moods: tuple[str, ...] = ()
    """Slugs of the mood vocabulary, the one that marks the item most first."""
    scenes: tuple[str, ...] = ()
    """Slugs of the scene vocabulary."""
    tags: tuple[str, ...] = ()
    """Free theme words, in either language."""
    age: Age = "all"
    description: str = ""
    available: bool = True
    url: str | None = None
    """Where it can be played, or None."""

    @property
    def categories(self) -> tuple[str, ...]:
        """The main category path, then the further ones."""
        return (self.category, *self.more_categories)

    @property
    def titles(self) -> tuple[str, ...]:
        """The title, then the one in the other language where there is one."""
        return (self.title, self.title_alt) if self.title_alt else (self.title,)

    @property
    def names(self) -> tuple[str, ...]:
        """The titles, then the series where it is one of a series."""
        return (*self.titles, self.series) if self.series else self.titles

    @property
    def sitting_minutes(self) -> float:
        """Minutes of one sitting: the whole of a book or a drama, one episode of everything else."""
        return self.minutes / self.episodes if self.episodic else float(self.minutes)

    @property
    def episodic(self) -> bool:
        """Whether one episode is a sitting: true of everything but a book or a drama."""
        return self.format not in _WHOLE_FORMATS


def under(path: str, ancestor: str) -> bool:
    """Whether a category path is the ancestor itself or lies below it."""
    return path == ancestor or path.startswith(ancestor + "/")


def named(item: Item, word: str) -> bool:
    """Whether a title of an item, or its series, holds a word, whatever the spelling of either."""
    wanted = form(word)
    return any(contains(form(name), wanted) for name in item.names)
