"""Makes what the cross-encoder learns from: `python -m lab.recommender.crossencoder_pairs --help`.

Requests and the items that go with them, over the demonstration catalogue and over goodbooks (titles, authors, shelves
and ratings; never their descriptions):

requests   written by hand (requests.jsonl), with the first hits of the product's search as what was not meant;
sentence   a sentence of a description, for the item without its description;
tags       some theme words of an item, for the items that have them, without their tags;
phrase     moods and category labels, for the items that have both;
like       "like TITLE", for its kin; in goodbooks for what the same people rated;
author     a name, for the items by it;
shelves    in goodbooks: some shelves of a book, for the books that stand on all of them.

FOLDER/pairs.npz: texts (n, 72) and asked (m, 24) as WordPiece ids, 0 where they end; yes (m, 16) and no (m, 48) as
rows of texts, -1 where they end; hits (m, 50) and scores (m, 50) of the product's search for hand-written requests;
kind and part (m,). Item texts come in four forms, one after the other: whole, without description, without tags,
without title and names.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, Field
from scipy import sparse
from tokenizers import Tokenizer
from tqdm import tqdm

from catalog.catalogue import Catalogue
from catalog.gloss import Gloss
from catalog.index import item_text
from catalog.items import Item
from catalog.load import read_named
from catalog.opening import open_catalogue
from catalog.search import Search
from recommend.kinship import kin

REQUESTS = Path(__file__).parent / "requests.jsonl"
KINDS = ("requests", "sentence", "tags", "phrase", "like", "author", "shelves")
PARTS = ("train", "valid", "test")
TEXT_TOKENS, REQUEST_TOKENS, YES, NO, HITS = 72, 24, 16, 48, 50
FORMS = ("whole", "undescribed", "untagged", "nameless")
VALID_SHARE = 6
"""One in so many of the hand-written training requests chooses the epoch."""
_SENTENCE = re.compile(r"(?<=[.!?。！？])\s*")


class Wish(BaseModel, frozen=True, extra="forbid"):
    """A hand-written request and the items of the demonstration catalogue that answer it."""

    id: str
    lang: Literal["en", "zh"]
    request: str
    relevant: tuple[str, ...] = Field(min_length=1, max_length=15)
    part: Literal["train", "test"]


def wishes(path: Path = REQUESTS) -> list[Wish]:
    """All of them. ValidationError for a line that is none."""
    return [Wish.model_validate_json(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


@dataclass
class Lessons:
    """What is gathered so far, as text and rows."""

    texts: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    yes: list[Sequence[int]] = field(default_factory=list)
    no: list[Sequence[int]] = field(default_factory=list)
    kind: list[int] = field(default_factory=list)
    part: list[int] = field(default_factory=list)
    hits: dict[int, tuple[list[int], list[float]]] = field(default_factory=dict)

    def add(self, kind: str, asked: str, yes: Iterable[int], no: Iterable[int], part: str = "train") -> None:
        """One request with what goes with it; nothing where no text or no answer is left."""
        right = list(dict.fromkeys(map(int, yes)))[:YES]
        if asked and right:
            self.asked.append(asked)
            self.yes.append(right)
            self.no.append([n for n in dict.fromkeys(map(int, no)) if n not in set(right)][:NO])
            self.kind.append(KINDS.index(kind))
            self.part.append(PARTS.index(part))


class Demonstration:
    """Lessons from the demonstration catalogue."""

    def __init__(self, catalogue: Catalogue, lessons: Lessons, seed: int = 0) -> None:
        self.catalogue, self.search, self.lessons = catalogue, Search(catalogue), lessons
        self.gloss = Gloss.of(catalogue.words)
        self.dice = np.random.default_rng(seed)
        lessons.texts += [text for form in FORMS for text in self._texts(form)]

    def gather(self, written: Sequence[Wish]) -> None:
        """Everything."""
        for wish in tqdm(written, desc="requests"):
            self._written(wish)
        for row, item in enumerate(tqdm(self.catalogue.items, desc="items")):
            self._sentences(row, item)
            self._tags(row, item)
            self._phrases(item)
            self._like(row, item)
            self._author(item)

    def _texts(self, form: str) -> list[str]:
        changes = {
            "whole": {},
            "undescribed": {"description": ""},
            "untagged": {"tags": ()},
            "nameless": {"title": "-", "title_alt": None, "author": None},
        }[form]
        items = [item.model_copy(update=changes) for item in self.catalogue.items]
        return [item_text(item, self.catalogue.words, self.gloss) for item in items]

    def _row(self, row: int, form: str) -> int:
        return FORMS.index(form) * len(self.catalogue) + row

    def _written(self, wish: Wish) -> None:
        yes = [self.catalogue.row[item] for item in wish.relevant]
        part = "test" if wish.part == "test" else ("valid" if _hash(wish.id) % VALID_SHARE == 0 else "train")
        hits = self.search.query(wish.request, HITS)
        self.lessons.add("requests", self._english(wish.request), yes, [h.row for h in hits], part)
        self.lessons.hits[len(self.lessons.asked) - 1] = ([h.row for h in hits], [h.score for h in hits])

    def _sentences(self, row: int, item: Item) -> None:
        for sentence in _SENTENCE.split(item.description):
            if len(sentence) >= 12 and self._luck(0.7):
                yes = [self._row(row, "undescribed")]
                no = [self._row(h.row, "undescribed") for h in self.search.query(sentence, 24) if h.row != row]
                self.lessons.add("sentence", self._english(sentence), yes, no)

    def _tags(self, row: int, item: Item) -> None:
        if len(item.tags) >= 2:
            chosen = list(self.dice.permutation(np.array(item.tags)))[: int(self.dice.integers(1, 4))]
            asked = " ".join(map(str, chosen))
            yes = [r for r in np.flatnonzero(np.all([self.catalogue.with_tag(t) for t in chosen], axis=0))] or [row]
            form = "untagged" if self._luck(0.7) else "nameless"
            no = [self._row(h.row, form) for h in self.search.query(asked, 24) if h.row not in yes]
            self.lessons.add("tags", self._english(asked), [self._row(r, form) for r in yes], no)

    def _phrases(self, item: Item) -> None:
        if not item.moods or not self._luck(0.6):
            return
        mood, path = str(self.dice.choice(np.array(item.moods))), str(self.dice.choice(np.array(item.categories)))
        lang = "zh" if item.language == "zh" else "en"
        said = [self.catalogue.words.moods.label(mood, lang), self.catalogue.words.taxonomy.label(path, lang)]
        has, near = self.catalogue.with_mood(mood), self.catalogue.in_category(path)
        yes = self.dice.permutation(np.flatnonzero(has & near))
        half = self.dice.permutation(np.flatnonzero(has ^ near))
        self.lessons.add("phrase", self._english(" ".join(said)), yes, half[:24])

    def _like(self, row: int, item: Item) -> None:
        if not self._luck(0.6):
            return
        near = [h.row for h in self.search.similar(row, 60)]
        kinship = kin(self.catalogue, item, np.array(near))
        value = self.catalogue.vectors[near] @ self.catalogue.vectors[row] + kinship
        order = [near[at] for at in np.argsort(-value)]
        begin = str(self.dice.choice(np.array(["something like", "similar to", "in the vein of", "more like"])))
        yes = [r for r in order[:6] if r != row]
        self.lessons.add("like", f"{begin} {self._english(item.title)}", yes, order[20:])

    def _author(self, item: Item) -> None:
        if item.author and self._luck(0.25):
            yes = np.flatnonzero(self.catalogue.by_author(item.author))
            no = [h.row for h in self.search.query(item.author, 24) if h.row not in yes]
            self.lessons.add("author", self._english(item.author), yes, no)

    def _english(self, text: str) -> str:
        return self.gloss.in_english(text)

    def _luck(self, share: float) -> bool:
        return bool(self.dice.random() < share)


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


def write(lessons: Lessons, tokenizer: Tokenizer, out: Path) -> None:
    """FOLDER/pairs.npz and, with counts and hashes, pairs.json."""
    out.mkdir(parents=True, exist_ok=True)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    hits = np.full((len(lessons.asked), HITS), -1, dtype=np.int32)
    scores = np.zeros((len(lessons.asked), HITS), dtype=np.float32)
    for at, (rows, found) in lessons.hits.items():
        hits[at, : len(rows)], scores[at, : len(found)] = rows, found
    arrays = {
        "texts": _ids(tokenizer, lessons.texts, TEXT_TOKENS),
        "asked": _ids(tokenizer, lessons.asked, REQUEST_TOKENS),
        "yes": _padded(lessons.yes, YES),
        "no": _padded(lessons.no, NO),
        "hits": hits,
        "scores": scores,
        "kind": np.array(lessons.kind, dtype=np.uint8),
        "part": np.array(lessons.part, dtype=np.uint8),
    }
    np.savez_compressed(out / "pairs.npz", allow_pickle=False, **arrays)
    counted = {kind: int((arrays["kind"] == at).sum()) for at, kind in enumerate(KINDS)}
    parts = {part: int((arrays["part"] == at).sum()) for at, part in enumerate(PARTS)}
    digest = hashlib.sha256(b"".join(arrays[name].tobytes() for name in sorted(arrays))).hexdigest()
    told = {"kinds": counted, "parts": parts, "sha256": digest, "requests_sha256": _digest(REQUESTS)}
    (out / "pairs.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def _ids(tokenizer: Tokenizer, texts: Sequence[str], most: int) -> np.ndarray:
    table = np.zeros((len(texts), most), dtype=np.uint16)
    for row, piece in enumerate(tokenizer.encode_batch(list(texts), add_special_tokens=False)):
        ids = piece.ids[:most]
        table[row, : len(ids)] = ids
    return table


def _padded(lists: Sequence[Sequence[int]], most: int) -> np.ndarray:
    table = np.full((len(lists), most), -1, dtype=np.int32)
    for row, values in enumerate(lists):
        table[row, : len(values)] = list(values)[:most]
    return table


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    """Makes the file, as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True, help="a data folder without imported items")
    parser.add_argument("--folder", type=Path, help="where goodbooks10k/ lies; without it the demonstration alone")
    parser.add_argument("--shelves", type=int, default=12000, help="requests made from shelves")
    parser.add_argument("--base", type=Path, required=True, help="folder of the MiniLM model")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    lessons = Lessons()
    demonstration = Demonstration(open_catalogue(options.data_dir), lessons)
    demonstration.gather(wishes())
    if options.folder:
        goodbooks(options.folder, demonstration.catalogue, lessons, count=options.shelves)
    write(lessons, Tokenizer.from_file(str(options.base / "tokenizer.json")), options.out)


if __name__ == "__main__":
    main()
