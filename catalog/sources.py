"""Two public data sets that import by name: LibriVox's audiobooks, and the books of goodbooks-10k (for benchmarks).

What they call a genre becomes a leaf of the category tree by the tables in `mappings/`; moods that a data set does not
have are those usual for the category. A length that a data set does not have is a guess, and such an item is tagged so.
"""

from __future__ import annotations

import re
import statistics
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from catalog.items import AGE_ORDER
from catalog.mapping import Fault
from catalog.tables import Row, rows

PUBLIC_DATA = Path("../shared/data")
"""Where public data sets lie unless another folder is named: beside the repository, so that checkouts share them."""
FOLDER = Path(__file__).parent / "mappings"
GUESSED_LENGTH = "length estimated"
GOODBOOKS_MINUTES = 480
_NOBODY = {"various", "unknown", "anonymous", ""}
_MOST_READERS = 4
_SERIES = re.compile(r"^(?P<title>.+?)\s*\((?P<series>[^()#]+?),?\s+#[\d.\-–]+[^()]*\)$")
Draft = tuple[int, dict[str, Any] | Fault]


def librivox(folder: Path) -> Iterator[Draft]:
    """The recordings of librivox_books.csv as fields of items. OSError when the file is not there."""
    table = _table("librivox")
    found = list(rows(_file(folder, "librivox_books.csv")))
    usual = _usual_minutes(found)
    for line, record in found:
        yield line, record if isinstance(record, Fault) else _recording(record, table, usual)


def goodbooks(folder: Path) -> Iterator[Draft]:
    """The books of books.csv with genres, shelves and descriptions as fields of items. OSError as above."""
    table = _table("goodbooks")
    weights = [record for _, record in rows(_file(folder, "genre_weights_35.csv"))]
    shelves = dict(_column(folder / "genres.csv", "genres"))
    described = dict(_column(folder / "descriptions_joined.csv", "description"))
    for at, (line, record) in enumerate(rows(_file(folder, "books.csv"))):
        if isinstance(record, Fault):
            yield line, record
            continue
        genres = weights[at] if at < len(weights) else {}
        themes = _themes(shelves.get(record["book_id"], ""), table)
        book = _book(record, {} if isinstance(genres, Fault) else genres, themes, table)
        yield line, {**book, "description": described.get(record["book_id"], "")}


SOURCES: dict[str, tuple[str, Callable[[Path], Iterator[Draft]]]] = {
    "librivox": ("librivox", librivox),
    "goodbooks": ("goodbooks10k", goodbooks),
}
"""Name on the command line -> (folder inside the data folder, reader)."""


def usual_moods(category: str) -> list[str]:
    """The moods usual for a category, by the longest path of moods.toml above it."""
    table: dict[str, list[str]] = _table("moods")["moods"]
    above = [path for path in table if category == path or category.startswith(path + "/")]
    return table[max(above, key=len)] if above else []


_tables: dict[str, dict[str, Any]] = {}


def _table(name: str) -> dict[str, Any]:
    if name not in _tables:
        _tables[name] = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    return _tables[name]


def _file(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; name the folder that holds it with --data-folder")
    return path


def _recording(record: dict[str, Any], table: dict[str, Any], usual: dict[str, int]) -> dict[str, Any]:
    genre, language = record["genres"].strip(), record["language"].strip()
    code = table["languages"].get(language, language)
    category = _librivox_category(genre, record["title"], code, table)
    readers = [name.strip() for name in record["reader_names"].split(",") if name.strip()]
    author = record["author"].strip()
    minutes = _minutes(record["totaltime"])
    tags = [] if table["genres"].get(genre, "@").startswith("@") or genre in table["vague"] else [genre]
    return {
        "id": f"librivox-{record['id'].removeprefix('id_')}",
        "title": record["title"].strip(),
        "format": "radio_drama" if genre == "Dramatic Readings" else "audiobook",
        "category": category,
        "author": None if author.casefold() in _NOBODY else author,
        "narrator": ", ".join(readers) if 0 < len(readers) <= _MOST_READERS else "LibriVox volunteers",
        "language": code,
        "minutes": minutes or usual.get(genre, usual[""]),
        "plays": int(float(record["downloads"] or 0)),
        "added": record["publicdate"][:10],
        "moods": usual_moods(category),
        "tags": tags if minutes else [*tags, GUESSED_LENGTH],
        "age": table["ages"].get(genre, "all"),
        "url": record["url_librivox"] or record["url_iarchive"] or None,
    }


def _librivox_category(genre: str, title: str, language: str, table: dict[str, Any]) -> str:
    leaf: str = table["genres"].get(genre, "@nonfiction")
    if leaf in ("@literature", "@poetry"):
        return table[leaf[1:]].get(language, table[leaf[1:]]["other"])
    if leaf != "@nonfiction":
        return leaf
    words = {word.removesuffix("s") for word in re.findall(r"[a-z]+", title.casefold())}
    telling = (path for word, path in table["nonfiction"].items() if word.removesuffix("s") in words)
    return next(telling, table["nonfiction"]["other"])


def _minutes(clock: str) -> int:
    """Minutes of "h:mm:ss" or "mm:ss", at least 1; 0 when there is no time in it."""
    parts = [int(part) for part in clock.split(":") if part.strip().isdigit()]
    seconds = sum(part * 60**place for place, part in enumerate(reversed(parts)))
    return max(1, round(seconds / 60)) if seconds else 0


def _usual_minutes(found: list[Row]) -> dict[str, int]:
    """The median length by genre, over all genres under ""."""
    lengths: dict[str, list[int]] = defaultdict(list)
    for _, record in found:
        if not isinstance(record, Fault) and (minutes := _minutes(record["totaltime"])):
            lengths[record["genres"].strip()].append(minutes)
            lengths[""].append(minutes)
    return {genre: round(statistics.median(values)) for genre, values in lengths.items()}


def _book(record: dict[str, Any], weights: dict[str, str], themes: list[str], table: dict[str, Any]) -> dict[str, Any]:
    strength = {g: float(w or 0) * table["factors"].get(g, 1.0) for g, w in weights.items() if g in table["genres"]}
    best = sorted((g for g in strength if strength[g] > 0), key=lambda g: -strength[g])
    narrower = [table["narrower"][theme] for theme in themes if theme in table["narrower"]][:2]
    leaves = list(dict.fromkeys([*narrower, *(table["genres"][g] for g in best[:3])])) or [table["other"]["category"]]
    tags = dict.fromkeys([*themes, *(genre.replace("-", " ") for genre in best), GUESSED_LENGTH])
    parts = _SERIES.match(record["title"])
    code = record["language_code"]
    year = record["original_publication_year"]
    return {
        "id": f"goodbooks-{record['book_id']}",
        "title": parts["title"] if parts else record["title"],
        "category": leaves[0],
        "more_categories": leaves[1:],
        "author": record["authors"],
        "series": parts["series"] if parts else None,
        "language": table["languages"].get(code, code) or "en",
        "year": int(float(year)) if year else None,
        "minutes": GOODBOOKS_MINUTES,
        "rating": record["average_rating"],
        "ratings_count": record["ratings_count"],
        "plays": record["work_ratings_count"],
        "added": "2017-09-01",
        "moods": usual_moods(leaves[0]),
        "tags": list(tags),
        "age": max((table["ages"].get(theme, "all") for theme in themes), key=AGE_ORDER.index, default="all"),
        "url": f"https://www.goodreads.com/book/show/{record['goodreads_book_id']}",
    }


def _themes(shelves: str, table: dict[str, Any]) -> list[str]:
    """Theme words for the shelves (joined by commas) on which readers put a book, the more particular first."""
    own = set(shelves.split(","))
    return [theme for theme, names in table["themes"].items() if not own.isdisjoint(names)]


def _column(path: Path, name: str) -> Iterator[tuple[str, str]]:
    """What a table says of each book in one column, nothing where there is no such table."""
    if not path.is_file():
        return
    for _, record in rows(path):
        if not isinstance(record, Fault):
            yield record["book_id"], record[name].strip()
