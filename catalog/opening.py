"""Open a data folder's catalogue: its items, its words, its vectors, ready to search.

DATA/catalogue/items.jsonl      imported items; without it the demonstration catalogue is used
DATA/catalogue/taxonomy.txt     also moods.txt and scenes.txt: words of one's own in place of the demonstration's
DATA/vectors/                   Chroma
DATA/models/                    the embedding model as converted for this machine
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from catalog.catalogue import Catalogue
from catalog.demo import demo_items, demo_words
from catalog.embed import Embedder
from catalog.gloss import Gloss
from catalog.index import Progress, VectorStore
from catalog.items import Item
from catalog.nearest import nearest
from catalog.taxonomy import load_taxonomy
from catalog.vocabulary import Words, load_vocabulary

_MODEL_SHARE = 0.1


class CatalogueError(ValueError):
    """The catalogue of a data folder cannot be read; the text says what to do. For the user."""


def open_catalogue(
    data_dir: Path, *, model: str | None = None, chroma_url: str | None = None, progress: Progress | None = None
) -> Catalogue:
    """The catalogue of a data folder; the demonstration catalogue where nothing has been imported.

    The first call converts the embedding model (half a minute) and embeds every item (about 50 a second); a later call
    embeds what has changed. An interrupted call is taken up by the next one. progress gets a share from 0 to 1 and what
    is being done. Raises CatalogueError, EmbedError or StoreError, each with a text for the user.
    """
    tell = progress or _silent
    tell(0.0, "reading the catalogue")
    words = words_of(data_dir)
    items = imported_items(data_dir) or demo_items()
    tell(0.02, "preparing the embedding model")
    embedder = Embedder.load(model, data_dir)
    tell(_MODEL_SHARE, "preparing the search index")
    store = VectorStore(chroma_url or data_dir / "vectors", words=words)
    vectors = store.sync(items, embedder, lambda share, line: tell(_MODEL_SHARE + (1 - _MODEL_SHARE) * share, line))
    tell(1.0, "the catalogue is ready")
    index = nearest(vectors, data_dir / "nearest")
    return Catalogue.build(items, words, vectors, query_embedding(embedder, words), index)


def query_embedding(embedder: Embedder, words: Words) -> Callable[[str], np.ndarray]:
    """Text -> vector for what people say: known Chinese words go in as English where the model reads English only.

    A text of which the model can read nothing gets the zero vector, which is like nothing in the catalogue.
    """
    if embedder.reads_chinese:
        return embedder.embed
    gloss = Gloss.of(words)
    nothing = np.zeros(embedder.dim, dtype=np.float32)

    def embed(text: str) -> np.ndarray:
        english = gloss.in_english(text)
        return embedder.embed(english) if english else nothing

    return embed


def items_file(data_dir: Path) -> Path:
    """Where a data folder keeps its imported items."""
    return data_dir / "catalogue" / "items.jsonl"


def imported_items(data_dir: Path) -> list[Item]:
    """The imported items, in the order of the file; [] where nothing was imported. Raises CatalogueError."""
    path = items_file(data_dir)
    if not path.is_file():
        return []
    items: list[Item] = []
    with path.open("rb") as file:
        for line, raw in enumerate(file, 1):
            try:
                items.append(Item.model_validate_json(raw))
            except ValidationError as error:
                raise CatalogueError(
                    f"{path}, line {line}: {error}. Import the source again, or delete the file to get the "
                    "demonstration catalogue."
                ) from error
    return items


def words_of(data_dir: Path) -> Words:
    """The category tree, moods and scenes: the data folder's own where it has them, else the demonstration's."""
    folder = data_dir / "catalogue"
    words = demo_words()
    own: dict[str, object] = {}
    loaders = {"taxonomy": load_taxonomy, "moods": load_vocabulary, "scenes": load_vocabulary}
    for kind, load in loaders.items():
        if (path := folder / f"{kind}.txt").is_file():
            try:
                own[kind] = load(path)
            except ValueError as error:  # bytes that are no UTF-8 too
                raise CatalogueError(f"{path} cannot be read: {error}. Mend it, or take the file away.") from error
    return words.model_copy(update=own)


def _silent(share: float, line: str) -> None:
    """Nobody watches."""
