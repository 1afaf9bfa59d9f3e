"""Reranking by a large language model: it is shown the request and a numbered list and answers with an order.

The answer is a chain such as "[2] > [3] > [1]" (Sun et al., "Is ChatGPT good at search?", EMNLP 2023: RankGPT). Numbers
that are not in the list or stand there twice are passed over, and what was not named keeps its order behind the rest;
an answer without a chain, an error or a late answer is RerankFailed, and the list stays as it was. What the model
writes can reorder the list and do nothing else.

The model is slow, so this is for a list that may take seconds. It waits for one answer at a time: while a late one is
still being made, later requests keep their order at once.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from queue import Empty, SimpleQueue

from catalog.catalogue import Catalogue
from catalog.items import Item
from catalog.search import NAMED
from prompts.texts import Texts
from recommend.reading import Reading
from recommend.request import Candidate, UiLanguage
from recommend.rerank import DEPTH, RerankFailed

TIMEOUT_S = 6.0
DESCRIBED = 220
"""Characters of a description that the model is shown."""
REQUEST = 400
"""Characters of a request."""
_NUMBER = re.compile(r"\[(\d{1,3})\]")
_ANSWERS = 256
"""Answers that are remembered, so that the same request over the same list gives the same order."""
Ask = Callable[[str], str]
"""A prompt to the model's answer. May raise anything that means that there is none."""


class Listwise:
    """Orders what answers a text as a large model says: a `recommend.rerank.Reranker`."""

    def __init__(
        self, ask: Ask, catalogue: Catalogue, texts: Texts, *, depth: int = DEPTH, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._catalogue = catalogue
        self._texts = texts
        self._depth = depth
        self._timeout_s = timeout_s
        self._ask = ask
        self._free = threading.BoundedSemaphore(1)
        self._answer = lru_cache(maxsize=_ANSWERS)(self._asked)

    def __call__(self, reading: Reading, chosen: Sequence[Candidate]) -> Sequence[int]:
        """RerankFailed where no order comes in time. An item whose name the text is stays where it is."""
        request = reading.request
        query = request.query if request.intent == "search" else None
        first = range(min(self._depth, len(chosen)))
        movable = [place for place in first if chosen[place].sources.get("query", 0.0) < NAMED]
        if not query or len(movable) < 2:
            return range(len(chosen))
        items = [self._catalogue.items[chosen[place].row] for place in movable]
        answer = self._answer(self._prompt(query, items, request.ui_language))
        ordered = iter([movable[at] for at in order_of(answer, len(movable))])
        free = set(movable)
        return [next(ordered) if place in free else place for place in range(len(chosen))]

    def _prompt(self, query: str, items: Sequence[Item], lang: UiLanguage) -> str:
        told = [self._told(item, lang) for item in items]
        return self._texts.say("rerank.order", lang, request=_line(query)[:REQUEST], items=told)

    def _told(self, item: Item, lang: UiLanguage) -> str:
        label = self._catalogue.words.taxonomy.label(item.category, lang)
        parts = (item.title, item.author or "", label, ", ".join(item.tags), item.description[:DESCRIBED])
        return ". ".join(_line(part) for part in parts if part)

    def _asked(self, prompt: str) -> str:
        if not self._free.acquire(blocking=False):
            raise RerankFailed("the model is still busy with an earlier list")
        said: SimpleQueue[str | Exception] = SimpleQueue()

        def work() -> None:
            try:
                said.put(self._ask(prompt))
            except Exception as error:  # noqa: BLE001  (any client's own errors; told on as one of ours)
                said.put(error)
            finally:
                self._free.release()

        threading.Thread(target=work, name="listwise", daemon=True).start()
        try:
            answer = said.get(timeout=self._timeout_s)
        except Empty:
            raise RerankFailed(f"no answer from the model within {self._timeout_s:g} s") from None
        if isinstance(answer, Exception):
            raise RerankFailed(f"the model could not be asked: {answer}") from answer
        return answer


def order_of(answer: str, count: int) -> list[int]:
    """The order, as places from 0, that an answer such as "[2] > [1]" gives to `count` items: always a permutation.

    RerankFailed where it names fewer than two of them.
    """
    named = [int(number) - 1 for number in _NUMBER.findall(answer)]
    kept = list(dict.fromkeys(place for place in named if 0 <= place < count))
    if len(kept) < min(2, count):
        raise RerankFailed(f"no order in the model's answer {answer[:80]!r}")
    return kept + [place for place in range(count) if place not in set(kept)]


def _line(text: str) -> str:
    """On one line and without marks that look like ours."""
    return re.sub(r"[\[\]<>]+", " ", " ".join(text.split()))
