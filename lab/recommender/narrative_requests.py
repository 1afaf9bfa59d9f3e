"""Requests in free words and the books of goodbooks-10k that a bookseller would accept for them, written by hand.

All but "new" is for looking at and tuning: "dev", "train", and "kept", "final", "last" and "fresh", each of which once
was for a figure at the end. "new" gave a figure once, by three writers of whom nothing else is here: choose nothing by
it. Writers think of the same wishes: half of the requests have a sister in another part with more than half of its
books in common (lab/LOG.md), so nothing may be learnt from requests that is more than a few weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

_FOLDER = Path(__file__).parent
REQUESTS = tuple(
    _FOLDER / f"{name}.jsonl"
    for name in (
        "narrative",
        "narrative_final",
        "narrative_train",
        "narrative_last",
        "narrative_fresh",
        "narrative_new",
    )
)
PARTS = ("dev", "kept", "final", "train", "last", "fresh", "new")
PREFIX = "goodbooks-"
"""An item's id is this and the book's number."""


class Narrative(BaseModel, frozen=True, extra="forbid"):
    """One request and what is right for it."""

    id: str
    lang: Literal["en", "zh"]
    request: str
    relevant: tuple[int, ...] = Field(min_length=5, max_length=25)
    """Book numbers of goodbooks-10k."""
    part: Literal["dev", "kept", "final", "train", "last", "fresh", "new"]
    kinds: tuple[Literal["limit", "likeness"], ...] = ()
    """limit: excludes or bounds something; likeness: leans on a named book or author."""

    @property
    def wanted(self) -> frozenset[str]:
        """The ids of the relevant items."""
        return frozenset(f"{PREFIX}{book}" for book in self.relevant)


def narratives(part: str | None = None, files: Sequence[Path] = REQUESTS) -> list[Narrative]:
    """The requests of a part, or all. ValidationError for a line that is none."""
    lines = [line for path in files for line in path.read_text(encoding="utf-8").splitlines()]
    found = [Narrative.model_validate_json(line) for line in lines if line.strip()]
    return [n for n in found if part is None or n.part == part]
