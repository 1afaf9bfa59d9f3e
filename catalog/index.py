"""The durable store of item vectors: Chroma, in process or on a server.

Chroma is the record, not the search: filtered search in it is slow and loses results, so `sync` hands the whole matrix
to `catalog.search`, which looks through it exactly. Every vector carries the hash of the text it was made from. A sync
embeds only the items whose text is new or changed, in small durable steps: when it is killed, the next one goes on.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import chromadb
import numpy as np
from chromadb.api import ClientAPI
from chromadb.api.models.Collection import Collection
from chromadb.config import Settings
from chromadb.errors import ChromaError, NotFoundError

from catalog.embed import Embedder
from catalog.gloss import item_text
from catalog.items import Item
from catalog.vocabulary import Words

log = logging.getLogger(__name__)

PAGE = 5000
"""Entries a call; Chroma refuses more than 5,461."""
STEP = 256
"""Items that are embedded and stored together: what a crash can cost."""
WAIT_S = 600.0
Progress = Callable[[float, str], None]


class IndexError_(RuntimeError):
    """The vector store cannot be used; the text says which one and what to do. For the user."""


class VectorStore:
    """Item vectors that outlive the process, one collection for each embedding model."""

    def __init__(self, place: Path | str, name: str = "items", *, words: Words | None = None) -> None:
        """place: a folder, or the URL of a Chroma server. words: names for categories and moods in the texts."""
        self._place = place
        self._name = name
        self._words = words

    def sync(self, items: Sequence[Item], embedder: Embedder, progress: Progress | None = None) -> np.ndarray:
        """The vectors of `items` in their order: float32 [len(items), embedder.dim], each of length 1.

        Embeds what is new or changed, deletes what is no longer among `items`. progress gets a share from 0 to 1 and
        a line of text. Another process that syncs the same folder is waited for. Raises StoreError.
        """
        with self._opened() as client:
            try:
                return self._sync(client, items, embedder, progress or _silent)
            except NotFoundError:
                raise
            except ChromaError as error:
                log.warning("vector store %s is damaged (%s): rebuilding it", self._place, error)
                _drop(client, self._collection_name(embedder))
                return self._sync(client, items, embedder, progress or _silent)
