"""A trace of one request: each stage timed, counted, logged in one line."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sized
from time import perf_counter
from typing import ParamSpec, TypeVar

from recommend.request import StageTrace

log = logging.getLogger(__name__)

P = ParamSpec("P")
Found = TypeVar("Found", bound=Sized)


class Trace:
    """Runs stages and keeps what they took; errors pass as they are."""

    def __init__(self) -> None:
        self._lines: list[StageTrace] = []

    @property
    def lines(self) -> tuple[StageTrace, ...]:
        """The stages so far, in order."""
        return tuple(self._lines)

    def step(self, stage: str, run: Callable[P, Found], *args: P.args, **kwargs: P.kwargs) -> Found:
        """Run one stage and note its time (ms) and the size of its result."""
        start = perf_counter()
        found = run(*args, **kwargs)
        line = StageTrace(stage=stage, ms=(perf_counter() - start) * 1000.0, out=len(found))
        self._lines.append(line)
        log.debug("%s: %d in %.1f ms", line.stage, line.out, line.ms)
        return found
