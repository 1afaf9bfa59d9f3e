"""Arrays that are worked out once and kept while there is room: the longest unused make way, pinned ones never do."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

import numpy as np

Key = tuple[str, str]


class Kept:
    """A memory of read-only arrays with a limit in bytes. Thread-safe; two threads may make one array twice."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._held = 0
        self._arrays: dict[Key, np.ndarray] = {}
        self._pinned: dict[Key, np.ndarray] = {}
        self._lock = Lock()

    def get(self, key: Key, make: Callable[[], np.ndarray]) -> np.ndarray:
        """The array of a key, made where it is not kept (any more)."""
        with self._lock:
            found = self._arrays.pop(key, None)
            if found is not None:
                self._arrays[key] = found
                return found
        found = make()
        found.setflags(write=False)
        with self._lock:
            if key not in self._arrays:
                self._arrays[key] = found
                self._held += found.nbytes
            while self._held > self._room and len(self._arrays) > 1:
                oldest = next(iter(self._arrays))
                self._held -= self._arrays.pop(oldest).nbytes
        return found

    def pinned(self, key: Key, make: Callable[[], np.ndarray]) -> np.ndarray:
        """The array of a key that never makes way and takes none of the room: for the few that every request needs."""
        found = self._pinned.get(key)
        if found is None:
            found = make()
            found.setflags(write=False)
            with self._lock:
                found = self._pinned.setdefault(key, found)
        return found
