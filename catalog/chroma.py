"""Opening a Chroma folder or server, for the length of one piece of work."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import chromadb
from chromadb.api import ClientAPI
from chromadb.api.models.Collection import Collection
from chromadb.api.shared_system_client import SharedSystemClient
from chromadb.config import Settings

LOCK = ".lock"


class StoreError(RuntimeError):
    """The vector store cannot be reached; the text says which one and what to do. For the user."""


def url_of(place: Path | str) -> str | None:
    """The address where `place` is a server, None for a folder."""
    return place if isinstance(place, str) and "://" in place else None


@contextmanager
def opened(place: Path | str, *, afresh: bool = False) -> Iterator[ClientAPI]:
    """A client for a folder (locked against other processes meanwhile) or a server.

    afresh: throw away what the folder holds. Raises StoreError when no server answers.
    """
    if url := url_of(place):
        yield _server(url)
        return
    folder = Path(place)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Two processes that write one folder leave it unreadable.
        if afresh:
            SharedSystemClient.clear_system_cache()  # It keeps what it could not open.
            _empty(folder)
        client = chromadb.PersistentClient(str(folder), settings=Settings(anonymized_telemetry=False))
        try:
            yield client
        finally:
            client.close()  # pyright: ignore[reportAttributeAccessIssue]  # missing from Chroma's interface


def collection(client: ClientAPI, name: str) -> Collection:
    """The collection of that name, made where it is missing; vectors are compared by cosine."""
    return client.get_or_create_collection(name, embedding_function=None, configuration={"hnsw": {"space": "cosine"}})


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()


def _server(url: str) -> ClientAPI:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    try:
        return chromadb.HttpClient(
            parts.hostname or "localhost", port=parts.port or (443 if secure else 8000), ssl=secure,
            settings=Settings(anonymized_telemetry=False),
        )  # fmt: skip
    except ValueError as error:
        raise StoreError(
            f"no Chroma server answers at {url} ({error}). Start it (`chroma run`), correct the URL, or leave the "
            "setting out to keep the vectors in the data folder."
        ) from error
