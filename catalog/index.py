"""The durable store of item vectors: Chroma, in process or on a server.

Chroma is the record, not the search: filtered search in it is slow and loses results, so `sync` hands out the whole
matrix and `catalog.search` looks through it exactly. Every vector carries the hash of the text it was made from. A sync
embeds only the items whose text is new or changed, in small durable steps: when it is killed, the next one goes on.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from chromadb.api.models.Collection import Collection
from chromadb.errors import ChromaError

from catalog.chroma import StoreError, collection, opened, url_of
from catalog.embed import Embedder
from catalog.gloss import Gloss
from catalog.items import Item
from catalog.taxonomy import Taxonomy
from catalog.vocabulary import Vocabulary, Words

log = logging.getLogger(__name__)

PAGE = 5000
"""Entries a call; Chroma refuses more than 5,461."""
STEP = 128
"""Items that are embedded and stored together: what a crash can cost."""
DESCRIPTION_WORDS = 200
TEXT_VERSION = 1
"""Raise it when `item_text` changes its form, so that every item is embedded again."""

Progress = Callable[[float, str], None]


_NO_WORDS = Words(taxonomy=Taxonomy(), moods=Vocabulary(), scenes=Vocabulary())


class VectorStore:
    """Item vectors that outlive the process; every embedding model has a collection of its own."""

    def __init__(self, place: Path | str, name: str = "items", *, words: Words | None = None) -> None:
        """place: a folder, or the URL of a Chroma server. words: the names of categories and moods in the texts."""
        self._place = place
        self._name = name
        self._words = words or _NO_WORDS

    def sync(self, items: Sequence[Item], embedder: Embedder, progress: Progress | None = None) -> np.ndarray:
        """The vectors of `items` in their order: float32 [len(items), embedder.dim], each of length 1.

        Embeds what is new or changed and forgets what is no longer among `items`. progress gets a share from 0 to 1
        and a line of text. A second process that opens the same folder waits for the first; on a server nobody waits,
        and applications with different catalogues forget each other's items. A damaged folder is made anew. Raises
        StoreError when a server does not answer, or when another application deleted there what was just stored.
        """
        tell = progress or _silent
        name = f"{self._name}-{hashlib.sha256(f'{embedder.name}|{embedder.form}'.encode()).hexdigest()[:8]}"
        wanted = {item.id: text for item, text in zip(items, self._texts(items, embedder), strict=True)}
        try:
            with opened(self._place) as client:
                return _synced(collection(client, name), wanted, embedder, tell)
        except ChromaError as error:
            if url := url_of(self._place):
                raise StoreError(f"the Chroma server at {url} refused: {error}. Look at the server's log.") from error
            log.warning("the vector store %s is damaged, making it anew from the items: %s", self._place, error)
        with opened(self._place, afresh=True) as client:
            return _synced(collection(client, name), wanted, embedder, tell)

    def _texts(self, items: Sequence[Item], embedder: Embedder) -> list[str]:
        gloss = None if embedder.reads_chinese else Gloss.of(self._words)
        return [item_text(item, self._words, gloss) for item in items]


def item_text(item: Item, words: Words, gloss: Gloss | None = None) -> str:
    """What of an item is embedded: names, category and mood labels, tags, the start of the description.

    In the item's own languages, with Chinese and English labels; all in English, as far as `gloss` knows, when one is
    given.
    """
    languages = ("en",) if gloss else ("en", "zh")
    labels = ", ".join(words.taxonomy.label(path, lang) for lang in languages for path in item.categories)
    moods = ", ".join(words.moods.label(slug, "en") for slug in item.moods)
    told = [item.title, item.title_alt or "", item.author or ""]
    themes = [", ".join(item.tags), _start(item.description)]
    if gloss is not None:
        told = [gloss.in_english(part, shortest=2) for part in told]
        themes = [gloss.in_english(part, shortest=2) for part in themes]
    return ". ".join(part for part in (*told, labels, moods, *themes) if part)


def _start(description: str) -> str:
    """The first words; a Chinese character takes about as much of the model's room as an English word."""
    if len(description) <= DESCRIPTION_WORDS:
        return description
    words = description.split()
    if len(words) < len(description) / 12:
        return description[:DESCRIPTION_WORDS]
    return " ".join(words[:DESCRIPTION_WORDS])


def _synced(collection: Collection, wanted: dict[str, str], embedder: Embedder, tell: Progress) -> np.ndarray:
    stored = _stored_hashes(collection)
    hashes = {id_: _hash(text) for id_, text in wanted.items()}
    gone = [id_ for id_ in stored if id_ not in wanted]
    for at in range(0, len(gone), PAGE):
        collection.delete(ids=gone[at : at + PAGE])
    stale = [id_ for id_, digest in hashes.items() if stored.get(id_) != digest]
    log.info("vectors: items=%d to_embed=%d deleted=%d", len(wanted), len(stale), len(gone))
    workers = min(8, os.cpu_count() or 1)
    for at in range(0, len(stale), STEP):
        ids = stale[at : at + STEP]
        vectors = embedder.encode([wanted[id_] for id_ in ids], workers=workers)
        collection.upsert(ids=ids, embeddings=vectors, metadatas=[{"hash": hashes[id_]} for id_ in ids])
        tell((at + len(ids)) / len(stale), f"{at + len(ids)} of {len(stale)} items read in")
    return _matrix(collection, list(wanted), embedder.dim)


def _stored_hashes(collection: Collection) -> dict[str, str]:
    found: dict[str, str] = {}
    for offset in range(0, collection.count(), PAGE):
        page = collection.get(limit=PAGE, offset=offset, include=["metadatas"])
        found.update((id_, str(meta["hash"])) for id_, meta in zip(page["ids"], page["metadatas"] or [], strict=True))
    return found


def _matrix(collection: Collection, ids: list[str], dim: int) -> np.ndarray:
    """The vectors of `ids`, asked for by name: on a server others may store and delete meanwhile."""
    row = {id_: at for at, id_ in enumerate(ids)}
    matrix = np.zeros((len(ids), dim), dtype=np.float32)
    for at in range(0, len(ids), PAGE):
        part = ids[at : at + PAGE]
        page = collection.get(ids=part, include=["embeddings"])
        if lost := set(part).difference(page["ids"]):
            raise StoreError(
                f"the vectors of {len(lost)} items ({min(lost)!r} is one) were deleted while they were read: another "
                "application with other items uses the same Chroma server. Start this one again, or give each "
                "catalogue a server of its own."
            )
        matrix[[row[id_] for id_ in page["ids"]]] = np.asarray(page["embeddings"], dtype=np.float32)
    return matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-9)


def _hash(text: str) -> str:
    return hashlib.sha256(f"{TEXT_VERSION}|{text}".encode()).hexdigest()[:24]


def _silent(share: float, line: str) -> None:
    """Nobody watches."""
