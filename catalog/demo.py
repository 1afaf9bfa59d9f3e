"""The demonstration catalogue that ships with the project: its items and its words (the folder demo/)."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from catalog.items import Item
from catalog.taxonomy import load_taxonomy
from catalog.vocabulary import Vocabulary, Words, load_vocabulary

FOLDER = Path(__file__).parent / "demo"


def demo_items() -> list[Item]:
    """The items of the demonstration catalogue, in a fixed order. ValueError names the file and line of a bad one."""
    items: list[Item] = []
    for path in sorted((FOLDER / "items").glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if not line.strip():
                continue
            try:
                items.append(Item.model_validate_json(line))
            except ValidationError as error:
                raise ValueError(f"{path.name}:{number}: {error}") from error
    return items


def demo_words() -> Words:
    """The category tree, the moods, the scenes and people's other names of the demonstration catalogue."""
    people = FOLDER / "people.txt"
    return Words(
        taxonomy=load_taxonomy(FOLDER / "taxonomy.txt"),
        moods=load_vocabulary(FOLDER / "moods.txt"),
        scenes=load_vocabulary(FOLDER / "scenes.txt"),
        people=load_vocabulary(people) if people.exists() else Vocabulary(),
    )
