"""Check the demonstration catalogue or other files: `python -m catalog.check [FILE.jsonl …]` exits 1 on a bad item.

The model says what an item may be; this says what a good item of the demonstration looks like beside that.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from catalog.demo import FOLDER, demo_words
from catalog.items import Item
from catalog.vocabulary import Words

_DESCRIPTION = {"en": (40, 600), "zh": (20, 600)}
"""Least and most characters of a description."""
_ANY_DESCRIPTION = (20, 600)
"""The same for the other languages: the mildest bounds, for some of them say as much with a character as Chinese."""


def faults(item: Item, words: Words) -> Iterator[str]:
    """What is wrong with an item, in words; nothing for a good one."""
    leaves = {category.path for category in words.taxonomy.leaves()}
    for path in item.categories:
        if path not in leaves:
            yield f"category {path!r} is no leaf of the tree"
    for name, slugs, known, least in (("mood", item.moods, words.moods, 1), ("scene", item.scenes, words.scenes, 0)):
        yield from (f"{name} {slug!r} is not in the vocabulary" for slug in slugs if slug not in known)
        if not least <= len(slugs) <= 4:
            yield f"{len(slugs)} {name}s; give {least} to 4"
    if (item.price > 0) != (item.access == "paid"):
        yield f"price {item.price} with {item.access} access; a price goes with paid access"
    if item.plays < item.ratings_count:
        yield f"{item.ratings_count} ratings of {item.plays} plays"
    if not 3 <= len(item.tags) <= 8:
        yield f"{len(item.tags)} tags; give 3 to 8"
    low, high = _DESCRIPTION.get(item.language, _ANY_DESCRIPTION)
    if not low <= len(item.description) <= high:
        yield f"description of {len(item.description)} characters; give {low} to {high}"


def check(paths: Sequence[Path], words: Words) -> tuple[int, list[str]]:
    """Number of items read, and a line with its place for each bad one; a repeated id or work counts as bad."""
    bad: list[str] = []
    seen: Counter[object] = Counter()
    count = 0
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if not line.strip():
                continue
            count += 1
            found = _faults_of(line, words, seen)
            if found:
                bad.append(f"{path.name}:{number}: {'; '.join(found)}")
    return count, bad


def _faults_of(line: str, words: Words, seen: Counter[object]) -> list[str]:
    try:
        item = Item.model_validate_json(line)
    except ValidationError as error:
        return [f"{fault['loc']}: {fault['msg']}" for fault in error.errors()]
    found = list(faults(item, words))
    for key in (item.id, (item.title, item.author, item.format)):
        seen[key] += 1
        if seen[key] > 1:
            found.append(f"{key!r} stands there twice")
    return found


def main(arguments: Sequence[str]) -> int:
    """Report on the files named, or on the demonstration catalogue; 1 when any item is bad."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="JSON lines; default: the demonstration catalogue")
    paths = parser.parse_args(arguments).files or sorted((FOLDER / "items").glob("*.jsonl"))
    count, bad = check(paths, demo_words())
    sys.stdout.write("".join(f"{line}\n" for line in bad) + f"{count} items, {len(bad)} bad\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
