"""Small records with a text, a vector and a body each, kept in Chroma: what people taught, for instance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from chromadb.api.models.Collection import Collection
from chromadb.errors import ChromaError

from catalog.chroma import StoreError, collection, opened, url_of

FILE = "chroma.sqlite3"


class Record(NamedTuple):
    """One record; the body is text of the caller's own form."""

    record_id: str
    text: str
    body: str


class RecordStore:
    """A collection of records in a folder or on a server. What one process writes, others find at their next look."""

    def __init__(self, place: Path | str, name: str) -> None:
        self._place, self._name = place, name

    def put(self, record: Record, vector: np.ndarray) -> None:
        """Writes a record, in place of the one with its id. vector: float32 [dim]. Raises StoreError."""
        with self._collection() as records:
            records.upsert(
                ids=[record.record_id],
                embeddings=[vector.tolist()],
                documents=[record.text],
                metadatas=[{"body": record.body}],
            )

    def all(self) -> list[Record]:
        """Every record, by id. Raises StoreError."""
        if not url_of(self._place) and not (Path(self._place) / FILE).exists():
            return []
        with self._collection() as records:
            found = records.get(include=["documents", "metadatas"])
        return sorted(_records(found["ids"], found["documents"], found["metadatas"]))

    def nearest(self, vector: np.ndarray, count: int) -> list[Record]:
        """The records whose vectors are most like `vector` (cosine), nearest first. Raises StoreError."""
        if not url_of(self._place) and not (Path(self._place) / FILE).exists():
            return []
        with self._collection() as records:
            size = min(count, records.count())
            if not size:
                return []
            found = records.query(
                query_embeddings=[vector.tolist()], n_results=size, include=["documents", "metadatas"]
            )
        documents, bodies = found["documents"], found["metadatas"]
        return _records(found["ids"][0], documents and documents[0], bodies and bodies[0])

    def stamp(self) -> float:
        """Grows whenever a folder's records may have changed; on a server, where nobody can tell, always new (NaN)."""
        if url_of(self._place):
            return float("nan")
        files = [Path(self._place) / name for name in (FILE, f"{FILE}-wal")]
        return max((file.stat().st_mtime_ns for file in files if file.exists()), default=0.0)

    @contextmanager
    def _collection(self) -> Iterator[Collection]:
        try:
            with opened(self._place) as client:
                yield collection(client, self._name)
        except ChromaError as error:
            raise StoreError(f"the records in {self._place} cannot be used: {error}") from error


def _records(ids: Sequence[str], documents: Any, metadatas: Any) -> list[Record]:
    rows = zip(ids, documents or (), metadatas or (), strict=True)
    return [Record(record_id, text, str((meta or {}).get("body", ""))) for record_id, text, meta in rows]
